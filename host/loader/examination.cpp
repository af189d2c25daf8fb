#include "host/loader/examination.hpp"

#include "host/loader/printable.hpp"

namespace tasker::host {

namespace {
void describe(PluginReport& report, const PluginNotes& notes) {
    report.abi = notes.abi.str();
    report.warnings.insert(report.warnings.end(), notes.warnings.begin(), notes.warnings.end());
    if (!notes.manifest) return;
    report.id = clean_utf8(notes.manifest->id, 256);
    report.version = clean_utf8(notes.manifest->version, 256);
    report.sdk = clean_utf8(notes.manifest->sdk, 256);
    report.handlers = notes.manifest->handlers;
    for (auto& handler : report.handlers) handler.source = report.path.string();
    report.publishers = notes.manifest->publishers.value_or(std::vector<std::string>{});
    report.subscribers = notes.manifest->subscribers.value_or(std::vector<std::string>{});
    report.resolvers = notes.manifest->resolvers.value_or(std::vector<ResolverNote>{});
}
}  // namespace

PluginNotes examine_plugin(const TrustedFile& file, PluginReport& report, PluginBytes& bytes) {
    report.warnings = file.warnings;
    report.bytes = file.bytes;
    bytes = read_plugin(file);
    report.hash = bytes.sha256;
    PluginNotes notes = precheck_plugin(bytes.content);
    describe(report, notes);
    return notes;
}

std::string with_hint(const Error& error) {
    return error.hint().empty() ? std::string(error.what()) : std::string(error.what()) + "; " + error.hint();
}

void forget_offers(PluginReport& report) {
    report.handlers.clear();
    report.publishers.clear();
    report.subscribers.clear();
    report.resolvers.clear();
}

void reject_report(PluginReport& report, const std::string& reason) {
    report.state = "rejected";
    report.reason = reason;
    forget_offers(report);
}

PluginReport inspect_plugin(const std::filesystem::path& file, const PluginOptions& options) {
    PluginReport report;
    report.path = file;
    try {
        PluginBytes bytes;
        const TrustedFile trusted = open_trusted(file, options.relax_permissions);
        static_cast<void>(examine_plugin(trusted, report, bytes));
        report.state = "valid";
    } catch (const Error& error) {
        reject_report(report, with_hint(error));
    } catch (const std::exception& error) {
        reject_report(report, error.what());
    }
    return report;
}

}  // namespace tasker::host
