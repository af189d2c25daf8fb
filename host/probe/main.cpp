// tasker-plugin-probe FILE: loads one plugin file and reports on descriptor 3 (host/scan/probe_report.hpp). Started by a
// scan, with a nonce waiting on that descriptor; dies with the plugin if that is what the plugin does.

#include <tasker/abi.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "host/core/error.hpp"
#include "host/loader/descriptor.hpp"
#include "host/loader/event_extensions.hpp"
#include "host/loader/examination.hpp"
#include "host/loader/host_table.hpp"
#include "host/loader/plugin_notes.hpp"
#include "host/loader/resolver_extensions.hpp"
#include "host/loader/shared_object.hpp"
#include "host/probe/limits.hpp"
#include "host/scan/probe_report.hpp"

// A death must be seen as what it is, not as the exit code of a sanitizer that wrote about it.
#if defined(__SANITIZE_ADDRESS__)
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
    return "handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigill=0:handle_sigfpe=0:detect_leaks=0";
}
#elif defined(__SANITIZE_THREAD__)
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() {
    return "handle_segv=0:handle_sigbus=0:handle_abort=0:handle_sigill=0:handle_sigfpe=0";
}
#endif

namespace tasker::host {

namespace {
constexpr int kUsage = 2;

// False when nobody takes it: then nothing that the probe could say arrives.
bool write_report(std::string_view text) {
    while (!text.empty()) {
        const ssize_t put = ::write(kProbeReportFd, text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

// Empty when it did not come.
std::string read_nonce() {
    std::string nonce(kProbeNonceBytes, '\0');
    std::size_t done = 0;
    while (done < nonce.size()) {
        const ssize_t got = ::read(kProbeReportFd, nonce.data() + done, nonce.size() - done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return {};
        done += static_cast<std::size_t>(got);
    }
    return nonce;
}

void begin(std::string_view phase) { static_cast<void>(write_report(phase_line(phase))); }

PluginFacts describe(const tasker_plugin_v0* table, const PluginNotes& notes) {
    const PluginDescriptor descriptor = read_descriptor(table);
    require_equal(notes, descriptor);
    PluginFacts facts{
        descriptor.id, descriptor.version, descriptor.sdk, descriptor.abi.str(), {}, {}, {}, {}};
    for (const auto& handler : descriptor.handlers) facts.handlers.push_back(handler.info);
    EventExtensionNames events = list_event_extensions(descriptor);
    facts.publishers = std::move(events.publishers);
    facts.subscribers = std::move(events.subscribers);
    facts.resolvers = list_resolver_extensions(descriptor);
    if (notes.manifest)
        require_equal_extensions(*notes.manifest, facts.publishers, facts.subscribers, facts.resolvers);
    return facts;
}

// The line with the verdict; empty when the file cannot be read.
std::string examine(const std::filesystem::path& file) {
    const auto refused = [](std::string_view verdict, const Error& error) {
        return refused_line(verdict, with_hint(error));
    };
    std::ifstream in(file, std::ios::binary);
    if (!in) return {};
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    std::optional<PluginNotes> notes;
    try {
        notes = precheck_plugin(content);
    } catch (const PluginError& error) {
        return refused("incompatible", error);
    }
    begin("load");
    std::optional<SharedObject> object;
    try {
        object.emplace(file);
    } catch (const PluginError& error) {
        return refused("unloadable", error);
    }
    try {
        begin("entry");
        // It logs nowhere, has no configuration and no extensions.
        HostTable& host = HostTable::make({"probe", "probe", Logger{}});
        const auto entry = reinterpret_cast<tasker_plugin_entry_v0_fn>(object->function(TASKER_ENTRY_SYMBOL));
        const tasker_plugin_v0* table = entry(host.table());
        begin("describe");
        if (table == nullptr)
            throw PluginError("its entry refused this host", "rebuild the plugin with this host's SDK");
        return accepted_line(describe(table, *notes));
    } catch (const Error& error) {
        return refused("incompatible", error);
    } catch (const std::exception& error) {
        return refused_line("incompatible", error.what());
    }
}

int run(const std::filesystem::path& file) {
    const std::string nonce = read_nonce();
    if (nonce.empty() || !limit_process()) return kProbeCannotBegin;
    const std::string verdict = examine(file);
    if (verdict.empty()) return kProbeCannotBegin;
    return write_report(verdict) && write_report(completion_line(nonce)) ? 0 : 1;
}
}  // namespace

}  // namespace tasker::host

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs(
            "usage: tasker-plugin-probe FILE    (started by tasker-host, which waits on descriptor 3)\n",
            stderr);
        return tasker::host::kUsage;
    }
    const int code = tasker::host::run(argv[1]);
    // Static destructors of what was loaded are no part of the question.
    std::fflush(nullptr);
    _exit(code);
}
