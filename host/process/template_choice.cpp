#include "host/process/template_choice.hpp"

#include <system_error>
#include <vector>

#include "host/core/nearest.hpp"
#include "host/templates/template_loader.hpp"

namespace tasker::host {

namespace {
bool is_file_name(const std::string& word) {
    return word.ends_with(".yaml") || word.ends_with(".yml") || word.find('/') != std::string::npos;
}
}  // namespace

std::shared_ptr<const TaskTemplate> only_match(const Command& command, const TemplateCatalog& catalog,
                                               const std::string& name) {
    std::vector<std::shared_ptr<const TaskTemplate>> found;
    std::string ids;
    for (const auto& one : catalog.named(name)) {
        if (const auto wanted = command.line.get("namespace"); wanted && *wanted != one->namespace_name)
            continue;
        if (const auto wanted = command.line.get("version"); wanted && *wanted != one->version) continue;
        found.push_back(one);
        ids += (ids.empty() ? "" : ", ") + one->id();
    }
    if (found.size() == 1) return found.front();
    if (found.size() > 1) {
        throw CommandFailure(ExitCode::Usage, "USAGE", "several templates are called '" + name + "': " + ids,
                             "say which one with --namespace and --version");
    }
    std::vector<std::string> names;
    for (const auto& one : catalog.all()) names.push_back(one->name);
    throw CommandFailure(ExitCode::NotFound, "NOT_FOUND",
                         "there is no template '" + name + "'" + did_you_mean(name, names));
}

std::shared_ptr<const TaskTemplate> chosen_template(Command& command, const std::string& word) {
    const Config config = configure(command).config;
    TemplateOptions rules;
    rules.environment = config.environment;
    rules.strict = config.strict_templates;
    if (!is_file_name(word))
        return only_match(command, load_templates(config.template_path, rules).catalog, word);
    std::error_code ignored;
    const auto file = command.working_directory / word;
    if (!std::filesystem::exists(file, ignored))
        throw CommandFailure(ExitCode::NotFound, "NOT_FOUND", "there is no template file " + word);
    const LoadedTemplates loaded = load_templates({file}, rules);
    std::string faults;
    for (const Diagnostic& one : loaded.diagnostics) {
        if (one.severity == Severity::Error) faults += (faults.empty() ? "" : "\n") + one.str();
    }
    if (!faults.empty()) throw CommandFailure(ExitCode::Bootstrap, "TEMPLATE_INVALID", faults);
    if (loaded.catalog.all().size() != 1)
        throw CommandFailure(ExitCode::Usage, "USAGE", "name one template file, not a folder: " + word);
    return loaded.catalog.all().front();
}

}  // namespace tasker::host
