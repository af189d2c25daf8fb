#include "host/loader/shared_object.hpp"

// Boost.DLL 1.74 forgets <vector>.
#include <vector>

#define BOOST_DLL_USE_STD_FS
#include <dlfcn.h>
#include <boost/dll/shared_library.hpp>

#include <mutex>
#include <string_view>

#include "host/core/error.hpp"
#include "host/core/guarded.hpp"
#include "host/loader/printable.hpp"

namespace tasker::host {

namespace {
using boost::dll::shared_library;
using Loaded = std::vector<std::unique_ptr<shared_library>>;

// Never destroyed, so nothing is ever unloaded; reachable, so that leak checkers see an owner.
Guarded<Loaded>& loaded_for_ever() {
    static auto* const loaded = new Guarded<Loaded>;
    return *loaded;
}

std::string loader_text() {
    const char* text = ::dlerror();
    return text == nullptr ? "unknown reason" : printable(text, 1000);
}
}  // namespace

std::string load_error_hint(const std::string& text) {
    const auto has = [&](std::string_view part) { return text.find(part) != std::string::npos; };
    if (has("static TLS block")) return "build the plugin with -ftls-model=global-dynamic";
    if (has("undefined symbol"))
        return "link the library that defines it; -Wl,-z,defs finds this when the plugin is built";
    if (has("failed to map segment")) {
        return "memory is short, or the state directory is on a file system mounted noexec";
    }
    if (has("GLIBCXX_") || has("GLIBC_") || has("CXXABI_")) {
        return "the plugin was built against newer system libraries: build it on this release, or with "
               "-static-libstdc++ -static-libgcc";
    }
    if (has("cannot open shared object file")) {
        return "install the library, or name its folder in /etc/ld.so.conf.d; searched: LD_LIBRARY_PATH, the "
               "plugin's absolute RUNPATH, the system folders";
    }
    return {};
}

SharedObject::SharedObject(const std::filesystem::path& file) : library_(nullptr) {
    using boost::dll::load_mode::type;
    // With lazy binding an undefined symbol would end the process at its first call instead of here.
    const auto mode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local |
                      static_cast<type>(RTLD_NODELETE);
    auto library = std::make_unique<shared_library>();
    boost::dll::fs::error_code failed;
    static_cast<void>(::dlerror());
    library->load(file, failed, mode);
    if (failed) {
        const std::string text = loader_text();
        throw PluginError("cannot be loaded: " + text, load_error_hint(text));
    }
    library_ = loaded_for_ever().with([&](Loaded& loaded) {
        loaded.push_back(std::move(library));
        return loaded.back().get();
    });
}

void* SharedObject::function(const std::string& symbol) const {
    const auto& library = *static_cast<const shared_library*>(library_);
    void* address = ::dlsym(library.native(), symbol.c_str());
    if (address == nullptr) throw PluginError("no symbol '" + symbol + "'");
    return address;
}

}  // namespace tasker::host
