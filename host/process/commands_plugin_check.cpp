#include <algorithm>
#include <system_error>

#include "host/api/json_writer.hpp"
#include "host/api/plugin_documents.hpp"
#include "host/core/json_text.hpp"
#include "host/loader/file_trust.hpp"
#include "host/loader/plugin_cache.hpp"
#include "host/loader/printable.hpp"
#include "host/process/commands.hpp"
#include "host/process/discovery.hpp"
#include "host/process/plugin_scanning.hpp"
#include "host/scan/declared_handlers.hpp"
#include "host/templates/handler_contract.hpp"
#include "host/templates/template_loader.hpp"

namespace tasker::host {

namespace {
namespace fs = std::filesystem;

std::string list_of(const std::vector<std::string>& objects) {
    std::string out = "[";
    for (const auto& one : objects) out += (out.size() > 1 ? "," : "") + one;
    return out + "]";
}

std::string texts_of(const std::vector<std::string>& texts) {
    std::vector<std::string> quoted;
    for (const auto& text : texts) quoted.push_back(json_string(text));
    return list_of(quoted);
}

std::string findings_of(const std::vector<Diagnostic>& findings) {
    std::vector<std::string> texts;
    for (const Diagnostic& one : findings) texts.push_back(one.str());
    return texts_of(texts);
}

// As it was typed in messages: what is not a path may be something that is not repeated.
fs::path existing_file(const Command& command, const std::string& wanted) {
    const fs::path file = command.working_directory / wanted;
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(file, ignored)))
        throw CommandFailure(ExitCode::NotFound, "NOT_FOUND", "there is no plugin file " + file.string());
    return file.lexically_normal();
}

// What templates make of one file.
struct Uses {
    std::vector<std::string> used_by;  // "namespace/name/version#step"
    std::vector<Diagnostic> findings;
};

Uses uses_of(const std::vector<ScannedFile>& files, const Config& config) {
    Uses uses;
    const HandlerRegistry registry = declared_registry(files);
    const LoadedTemplates templates = load_templates(config.template_path, template_rules(config));
    for (const HandlerUse& use : handler_uses(registry, templates.catalog)) {
        if (use.handler != nullptr)
            uses.used_by.insert(uses.used_by.end(), use.used_by.begin(), use.used_by.end());
    }
    uses.findings = check_handler_contracts(templates.catalog, registry);
    return uses;
}

std::string joined(const std::vector<std::string>& texts) {
    std::string out;
    for (const auto& text : texts) out += (out.empty() ? "" : ", ") + text;
    return out;
}

std::string handler_names(const PluginReport& report) {
    std::vector<std::string> names;
    for (const HandlerInfo& info : report.handlers) names.push_back(info.callable);
    return joined(names);
}

// The stages in their order, each with what came of it; the reason stands at the one that failed.
void explain(Report& say, const ScannedFile& file, const Uses& uses) {
    const PluginReport& report = file.report;
    const bool opened = !report.hash.empty();
    if (!opened) {
        say.verdict(false, "open: " + report.reason);
        return;
    }
    const bool relaxed = std::any_of(report.warnings.begin(), report.warnings.end(), [](const auto& warning) {
        return warning.starts_with("permission check relaxed");
    });
    say.verdict(true, "open: a regular file of " + std::to_string(report.bytes) + " bytes" +
                          (relaxed ? "" : " that nobody else can change"));
    if (file.verdict.empty() && !file.usable()) {
        say.verdict(false, (report.state == "settling" ? "at rest: " : "ELF and notes: ") + report.reason);
        return;
    }
    say.verdict(true, "ELF and notes: for this machine, plugin ABI " + report.abi);
    const std::string when = file.remembered ? " (an earlier probe of the same content)" : "";
    if (!file.usable()) {
        say.verdict(false, "probe" + when + ": " + report.reason);
        return;
    }
    say.verdict(true, "probe" + when + ": loads in a process of its own; " +
                          (report.handlers.empty() ? "no handler" : handler_names(report)));
    say.verdict(true, uses.used_by.empty() ? "templates: none uses it"
                                           : "templates: it serves " + joined(uses.used_by));
}
}  // namespace

ExitCode plugin_check(Command& command) {
    const Config config = configure(command).config;
    const fs::path path = existing_file(command, *command.line.get("FILE"));
    const ScanResult result = PluginScanner(command, config).scan({{path}, {}});
    const ScannedFile& file = result.files.front();
    const Uses uses = file.usable() ? uses_of(result.files, config) : Uses{};
    const ExitCode code = file.usable() ? ExitCode::Done : ExitCode::Bootstrap;
    if (command.line.json) {
        std::string out = scanned_document(file), more;
        JsonObject object(more);
        object.raw("used_by", texts_of(uses.used_by)).raw("findings", findings_of(uses.findings));
        object.end();
        out.back() = ',';
        command.document(out + more.substr(1));
        return code;
    }
    Report say = command.report();
    say.header(path.string());
    say.label("Plugin", file.report.id.empty() ? "" : file.report.id + " " + file.report.version);
    say.label("SHA-256", file.report.hash);
    explain(say, file, uses);
    for (const Diagnostic& one : uses.findings) say.warning(one.str());
    for (const std::string& warning : file.report.warnings) say.warning(warning);
    for (const std::string& warning : result.warnings) say.warning(warning);
    if (!file.output.empty()) say.label("Printed", file.output);
    command.out.write(say.str());
    return code;
}

ExitCode plugin_unquarantine(Command& command) {
    constexpr std::size_t kShortest = 8;
    const Config config = configure(command).config;
    std::string wanted = *command.line.get("HASH");
    std::error_code ignored;
    if (wanted.find('/') != std::string::npos || wanted.ends_with(".so") ||
        fs::exists(command.working_directory / wanted, ignored))
        wanted = read_plugin(open_trusted(existing_file(command, wanted), true)).sha256;
    const ScanOptions options = PluginScanner(command, config).options();
    VerdictCache cache(options.verdict_file, options.rules);
    std::vector<std::string> found;
    for (const auto& [sha256, kept] : cache.all()) {
        if (is_quarantined(kept.verdict.kind) && wanted.size() >= kShortest && sha256.starts_with(wanted))
            found.push_back(sha256);
    }
    if (found.size() != 1) {
        throw CommandFailure(ExitCode::NotFound, "NOT_FOUND",
                             found.empty()
                                 ? "nothing with the hash " + wanted + " is quarantined"
                                 : std::to_string(found.size()) + " quarantined files begin with " + wanted,
                             "tasker-host plugin list shows files and hashes; name a file, or at least " +
                                 std::to_string(kShortest) + " digits of its hash");
    }
    const KeptVerdict kept = cache.all().at(found.front());
    cache.forget(found.front());
    cache.save();
    if (command.line.json) {
        std::string out;
        JsonObject object(out);
        object.text("sha256", found.front())
            .text("file", kept.file)
            .text("verdict", name(kept.verdict.kind))
            .text("reason", kept.verdict.reason);
        object.end();
        command.document(out);
        return ExitCode::Done;
    }
    Report say = command.report();
    say.success("Out of the quarantine: the next scan probes it again");
    say.label("File", kept.file)
        .label("SHA-256", found.front())
        .label("It was there because it", kept.verdict.reason);
    command.out.write(say.str());
    return ExitCode::Done;
}

}  // namespace tasker::host
