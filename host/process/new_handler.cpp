#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "host/api/json_writer.hpp"
#include "host/core/json_text.hpp"
#include "host/process/commands.hpp"

namespace tasker::host {

namespace {
namespace fs = std::filesystem;

bool valid_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 &&
           std::islower(static_cast<unsigned char>(name.front())) != 0 &&
           std::all_of(name.begin(), name.end(), [](unsigned char c) {
               return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '_';
           });
}

// Targets that CMake makes itself, what the project has beside the handler (plugin.cpp), and names of the SDK.
bool reserved(std::string_view name) {
    constexpr std::array<std::string_view, 17> kTaken{"all",
                                                      "clean",
                                                      "depend",
                                                      "edit_cache",
                                                      "help",
                                                      "install",
                                                      "list_install_components",
                                                      "package",
                                                      "plugin",
                                                      "package_source",
                                                      "preinstall",
                                                      "rebuild_cache",
                                                      "step",
                                                      "step_handler",
                                                      "step_test",
                                                      "tasker",
                                                      "test"};
    return std::find(kTaken.begin(), kTaken.end(), name) != kTaken.end();
}

// greet_customer -> GreetCustomer
std::string class_name(std::string_view name) {
    std::string out;
    bool upper = true;
    for (const char c : name) {
        if (c == '_') {
            upper = true;
            continue;
        }
        out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
        upper = false;
    }
    return out;
}

std::string filled(std::string text, std::string_view name) {
    const std::pair<std::string_view, std::string> marks[] = {{"@NAME@", std::string{name}},
                                                              {"@CLASS@", class_name(name)}};
    for (const auto& [mark, value] : marks) {
        for (std::size_t at = text.find(mark); at != std::string::npos;
             at = text.find(mark, at + value.size())) {
            text.replace(at, mark.size(), value);
        }
    }
    return text;
}

// The installed template, else the one of the source tree that this build folder lies in.
fs::path find_template(const Command& command) {
    std::error_code ignored;
    const fs::path prefix = command.installed_prefix();
    const fs::path installed = prefix / "share/tasker-host/sdk-template";
    if (fs::is_directory(installed, ignored)) return installed;
    for (fs::path folder = prefix; folder.has_relative_path(); folder = folder.parent_path()) {
        if (fs::is_directory(folder / "sdk/template", ignored)) return folder / "sdk/template";
    }
    throw CommandFailure(ExitCode::NotFound, "NOT_FOUND",
                         "the handler template is not installed: " + installed.string() + " is missing",
                         "install tasker-host with cmake --install");
}

[[noreturn]] void cannot(const std::string& what, const fs::path& path, const std::string& why) {
    throw CommandFailure(ExitCode::Failed, "FAILED", what + " " + path.string() + ": " + why);
}

std::string read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) cannot("cannot read", path, "input error");
    return text.str();
}

std::vector<fs::path> copy_project(const fs::path& from, const fs::path& to, const std::string& name) {
    std::vector<fs::path> made;
    std::error_code fault;
    for (const auto& entry : fs::recursive_directory_iterator(from)) {
        const fs::path target = to / filled(fs::relative(entry.path(), from).string(), name);
        if (entry.is_directory()) continue;
        if (fs::create_directories(target.parent_path(), fault); fault)
            cannot("cannot make", target.parent_path(), fault.message());
        std::ofstream out(target, std::ios::binary);
        out << filled(read_file(entry.path()), name);
        if (!out.flush()) cannot("cannot write", target, "output error");
        fs::permissions(target, entry.status().permissions(), fault);
        made.push_back(target);
    }
    std::sort(made.begin(), made.end());
    return made;
}

// As one word of a shell.
std::string word(const std::string& text) {
    const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view{"/._-+=:,@%"}.find(static_cast<char>(c)) != std::string_view::npos;
    });
    if (plain) return text;
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string{"'\\''"} : std::string{c};
    return out + "'";
}

// Where CMake finds the SDK; empty when this program runs from its build folder, which has none.
std::string sdk_prefix(const Command& command) {
    std::error_code ignored;
    const fs::path prefix = command.installed_prefix();
    return fs::exists(prefix / "lib/cmake/TaskerSDK", ignored) ? prefix.string() : std::string{};
}

std::string next_steps(const fs::path& folder, const fs::path& here, std::string prefix) {
    const std::string where = word(folder.string()), build = word((folder / "build").string());
    std::string out = "\nNext:\n";
    if (prefix.empty()) {
        prefix = "$HOME/.local";
        out += "  cmake --install " + word(here.string()) + " --prefix " + prefix +
               "    # this tasker-host is not installed yet; any other place does too\n";
    } else {
        prefix = word(prefix);
    }
    return out + "  cmake -S " + where + " -B " + build + " -DCMAKE_PREFIX_PATH=" + prefix +
           "\n"
           "  cmake --build " +
           build +
           "\n"
           "  ctest --test-dir " +
           build +
           "\n"
           "then copy the .so into a plugin folder and the template into a template folder; tasker-host "
           "config show names them.\n";
}
}  // namespace

ExitCode new_handler(Command& command) {
    const std::string name = *command.line.get("NAME");
    if (!valid_name(name)) {
        throw CommandFailure(ExitCode::Usage, "USAGE", "'" + name + "' cannot be the name of a handler",
                             "a name begins with a-z and goes on with a-z, 0-9 and _ (at most 64)");
    }
    if (reserved(name)) {
        throw CommandFailure(
            ExitCode::Usage, "USAGE",
            "'" + name + "' cannot be the name of a handler: the project needs this name for itself",
            "say what it does, like " + name + "_order");
    }
    const fs::path from = find_template(command);
    const fs::path folder =
        (command.working_directory / command.line.get("dir").value_or(name)).lexically_normal();
    std::error_code ignored;
    if (fs::exists(folder, ignored) &&
        !(fs::is_directory(folder, ignored) && fs::is_empty(folder, ignored))) {
        throw CommandFailure(ExitCode::Refused, "EXISTS",
                             folder.string() + " exists already and is not empty",
                             "choose another place with --dir");
    }
    const auto made = copy_project(from, folder, name);
    if (command.line.json) {
        std::string files = "[";
        for (const auto& file : made) files += (files.size() > 1 ? "," : "") + json_string(file.string());
        std::string out;
        JsonObject object(out);
        object.text("name", name).text("folder", folder.string()).raw("files", files + "]");
        object.end();
        command.document(out);
        return ExitCode::Done;
    }
    for (const auto& file : made) command.out.line("made " + file.string());
    command.out.write(next_steps(folder, command.installed_prefix(), sdk_prefix(command)));
    return ExitCode::Done;
}

}  // namespace tasker::host
