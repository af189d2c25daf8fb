#include "host/process/submission.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "host/api/json_writer.hpp"
#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "host/core/nearest.hpp"

namespace tasker::host {

namespace {
constexpr std::size_t kMaxContext = std::size_t{1} << 20U;

[[noreturn]] void usage(const std::string& message, const std::string& hint = {}) {
    throw CommandFailure(ExitCode::Usage, "USAGE", message, hint);
}

// Reads until the end, or until it is clear that it is too much.
std::string read_stream(int fd, const std::string& name) {
    std::string out;
    std::vector<char> chunk(65536);
    for (;;) {
        const ssize_t got = ::read(fd, chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) usage(name + " cannot be read: " + std::strerror(errno));
        if (got == 0) return out;
        out.append(chunk.data(), static_cast<std::size_t>(got));
        if (out.size() > kMaxContext) usage(name + " is larger than 1 MiB, the limit");
    }
}

// To the API absent and null are the same, so both get the default.
std::string without_nulls(std::string_view object) {
    std::string out = "{";
    JsonWalk walk(object);
    while (walk.next()) {
        if (walk.value() == "null") continue;
        out += std::string{out.size() > 1 ? "," : ""} + "\"" + std::string{walk.raw_key()} + "\":";
        out += walk.value();
    }
    return out + "}";
}

std::string tags_of(const Command& command) {
    std::string out = "[";
    for (const std::string& tag : command.line.all("tag"))
        out += (out.size() > 1 ? "," : "") + json_string(tag);
    return out + "]";
}

int priority_of(const Command& command) {
    const auto text = command.line.get("priority");
    int value = 0;
    if (!text) return value;
    const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (fault != std::errc{} || end != text->data() + text->size())
        usage("--priority: '" + *text + "' is not a whole number");
    return value;
}
}  // namespace

std::string submitting_user(const Command& command) {
    for (const char* name : {"USER", "LOGNAME"}) {
        const auto found = command.environment.find(name);
        if (found != command.environment.end() && !found->second.empty()) return found->second.substr(0, 128);
    }
    // An account of this machine, else its number.
    std::array<char, 4096> texts{};
    passwd entry{};
    passwd* found = nullptr;
    if (getpwuid_r(::getuid(), &entry, texts.data(), texts.size(), &found) == 0 && found != nullptr)
        return found->pw_name;
    return "uid " + std::to_string(::getuid());
}

std::vector<TemplateName> known_templates(ApiClient& client) {
    const std::string document = expect_document(client.request("GET", "/v1/templates"));
    std::vector<TemplateName> out;
    JsonWalk walk(json_member(document, "templates").value_or("[]"));
    while (walk.next()) {
        const auto text = [&](std::string_view key) {
            return json_string_member(walk.value(), key).value_or("");
        };
        out.push_back({text("namespace"), text("name"), text("version")});
    }
    return out;
}

TemplateName choose_template(const std::vector<TemplateName>& known, const TemplateName& said) {
    std::vector<TemplateName> found;
    std::vector<std::string> names;
    for (const TemplateName& one : known) {
        names.push_back(one.name);
        if (one.name != said.name) continue;
        if (!said.namespace_name.empty() && said.namespace_name != one.namespace_name) continue;
        if (!said.version.empty() && said.version != one.version) continue;
        found.push_back(one);
    }
    if (found.size() == 1) return found.front();
    std::string ids;
    for (const TemplateName& one : found) ids += (ids.empty() ? "" : ", ") + one.id();
    if (!found.empty()) {
        usage("several templates are called '" + said.name + "': " + ids,
              "say which one with --namespace and --version");
    }
    std::string others;
    for (const TemplateName& one : known) {
        if (one.name == said.name) others += (others.empty() ? "" : ", ") + one.id();
    }
    throw CommandFailure(
        ExitCode::NotFound, "NOT_FOUND",
        others.empty()
            ? "there is no template '" + said.name + "'" + did_you_mean(said.name, names)
            : "there is no template '" + said.name + "' of that namespace and version; there is " + others,
        "tasker-host template list shows what is found, template validate why one is not");
}

std::string read_json_option(const Command& command, const std::string& option, const std::string& absent,
                             bool object) {
    std::string text = command.line.get(option).value_or(absent);
    std::string name = "--" + option;
    if (text == "@-") {
        name = "standard input";
        text = read_stream(STDIN_FILENO, name);
    } else if (text.starts_with('@')) {
        const std::string file = text.substr(1);
        const int fd = ::open((command.working_directory / file).c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) usage(name + ": " + file + " cannot be opened: " + std::strerror(errno));
        name = file;
        text = read_stream(fd, name);
        ::close(fd);
    }
    const std::string example = "like '{\"number\": 6}'";
    if (const auto fault = json_fault(text, {.max_depth = 100, .max_bytes = kMaxContext}))
        usage(name + " is not usable JSON: " + *fault,
              object ? "a JSON object is wanted, " + example : "a JSON value");
    if (object && !json_is_object(text)) usage(name + " must be a JSON object", example);
    return text;
}

std::string read_context(const Command& command) { return read_json_option(command, "context", "{}", true); }

std::string request_document(const Command& command, const TemplateName& chosen, std::string_view context) {
    const auto word = [&](const char* key, const std::string& absent) {
        return command.line.get(key).value_or(absent);
    };
    std::string out;
    JsonObject object(out);
    object.text("name", chosen.name)
        .text("namespace", chosen.namespace_name)
        .text("version", chosen.version)
        .raw("context", context)
        .text("initiator", word("initiator", submitting_user(command)))
        .text("source_system", word("source-system", "cli"))
        .text("reason", word("reason", "CLI task creation"))
        .raw("tags", tags_of(command))
        .number("priority", priority_of(command));
    if (const auto key = command.line.get("idempotency-key")) object.text("idempotency_key", *key);
    if (const auto uuid = command.line.get("correlation-id")) object.text("correlation_id", *uuid);
    object.end();
    return out;
}

std::string completed_line(const Command& command, std::string_view said_line,
                           const std::vector<TemplateName>& known) {
    const std::size_t open = said_line.find_first_not_of(" \t\r");
    const std::size_t limit = kMaxContext + 65536;
    if (open == std::string_view::npos || said_line[open] != '{' ||
        json_fault(said_line, {.max_depth = 100, .max_bytes = limit})) {
        return std::string{said_line};
    }
    const std::string line = without_nulls(said_line.substr(open));
    const auto said = [&](std::string_view key) { return json_string_member(line, key).value_or(""); };
    TemplateName chosen{said("namespace"), said("name"), said("version")};
    if (chosen.name.empty())
        chosen.name = command.line.get("name").value_or(command.line.get("NAME").value_or(""));
    if (chosen.namespace_name.empty()) chosen.namespace_name = command.line.get("namespace").value_or("");
    if (chosen.version.empty()) chosen.version = command.line.get("version").value_or("");
    if (!chosen.name.empty() && (chosen.namespace_name.empty() || chosen.version.empty()))
        chosen = choose_template(known, chosen);
    std::string missing;
    const auto add = [&](const std::string& key, const std::string& value) {
        if (!json_member(line, key) && !value.empty()) missing += json_string(key) + ":" + value + ",";
    };
    const auto text = [&](const char* key, const char* option, const std::string& value) {
        add(key, json_string(command.line.get(option).value_or(value)));
    };
    if (!chosen.name.empty()) add("name", json_string(chosen.name));
    if (!chosen.namespace_name.empty()) add("namespace", json_string(chosen.namespace_name));
    if (!chosen.version.empty()) add("version", json_string(chosen.version));
    add("context", "{}");
    text("initiator", "initiator", submitting_user(command));
    text("source_system", "source-system", "cli");
    text("reason", "reason", "CLI task creation");
    if (line == "{}" && !missing.empty()) missing.pop_back();
    return "{" + missing + line.substr(1);
}

}  // namespace tasker::host
