#include "host/templates/template_loader.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "host/core/error.hpp"
#include "host/templates/canonical_json.hpp"
#include "host/templates/discovery.hpp"
#include "host/templates/environment.hpp"
#include "host/templates/file_text.hpp"
#include "host/templates/template_check.hpp"

namespace tasker::host {

namespace {

struct Parsed {
    TaskTemplate value;
    Position name_at;
};

TextPlace place_of(const YamlTree& tree, NodeId handler, std::string_view key) {
    const YamlMember* member = tree.find(handler, key);
    if (member == nullptr) return {};
    const Position at = tree[member->value].at;
    return {at.line, at.column};
}

std::vector<StepPlaces> places_of(const YamlTree& tree) {
    std::vector<StepPlaces> places;
    const YamlMember* steps = tree.find(tree.root, "steps");
    if (steps == nullptr) return places;
    for (const NodeId step : tree[steps->value].items) {
        const YamlMember* handler = tree.find(step, "handler");
        StepPlaces found;
        if (handler != nullptr) {
            found.callable = place_of(tree, handler->value, "callable");
            found.method = place_of(tree, handler->value, "method");
            found.resolver = place_of(tree, handler->value, "resolver");
        }
        places.push_back(found);
    }
    return places;
}

// An override may name another batch worker than the file did. What the file alone gives rise to was said already.
void check_overridden_wiring(const YamlTree& tree, Findings& findings) {
    Findings second(findings.file());
    check_wiring(tree, second);
    for (Diagnostic& entry : second.take()) {
        if (entry.severity != Severity::Error) continue;
        findings.error(std::move(entry.code), {entry.line, entry.column}, std::move(entry.path),
                       std::move(entry.message));
    }
}

std::optional<Parsed> parse(std::string_view bytes, const TemplateOptions& options, Findings& findings) {
    const auto text = checked_text(bytes, options.max_file_bytes, findings);
    if (!text) return std::nullopt;
    auto tree = parse_yaml(*text, options, findings);
    if (!tree) return std::nullopt;
    check_schema(*tree, options, findings);
    check_graph(*tree, findings);
    check_wiring(*tree, findings);
    check_environments(*tree, findings);
    if (findings.has_errors()) return std::nullopt;
    const YamlMember* name = tree->find(tree->root, "name");
    const Position name_at = name == nullptr ? Position{} : (*tree)[name->value].at;
    if (options.tasker != TaskerFindings::None) check_tasker(*tree, options.tasker, findings);
    std::vector<StepPlaces> places = places_of(*tree);
    apply_environment(*tree, options.environment);
    check_overridden_wiring(*tree, findings);
    if (findings.has_errors()) return std::nullopt;
    try {
        Parsed parsed{template_from_json(canonical_json(*tree)), name_at};
        parsed.value.step_places = std::move(places);
        return parsed;
    } catch (const Error& error) {
        findings.error("NOT_USABLE", {}, {}, error.what());
        return std::nullopt;
    }
}

// Collects files and settles which of those with one id is loaded.
class Loading {
  public:
    explicit Loading(const TemplateOptions& options) : options_(options) {}

    void file(const std::filesystem::path& path) {
        Findings findings(path.string());
        const auto bytes = read_file(path, options_.max_file_bytes, findings);
        text(bytes, findings);
    }
    void text(const std::optional<std::string_view>& bytes, Findings& findings) {
        ++out_.files;
        auto parsed = bytes ? parse(*bytes, options_, findings) : std::nullopt;
        if (parsed) {
            parsed->value.source_path = findings.file();
            std::string id = parsed->value.id();
            by_id_[std::move(id)].push_back(std::move(*parsed));
        } else {
            ++out_.failed;
        }
        say(findings.take());
    }
    void say(std::vector<Diagnostic> diagnostics) {
        std::move(diagnostics.begin(), diagnostics.end(), std::back_inserter(out_.diagnostics));
    }
    LoadedTemplates finish();

  private:
    bool settle(const std::string& id, const std::vector<Parsed>& rivals);

    const TemplateOptions& options_;
    LoadedTemplates out_;
    std::map<std::string, std::vector<Parsed>> by_id_;
};

// True when the first may be loaded.
bool Loading::settle(const std::string& id, const std::vector<Parsed>& rivals) {
    const TaskTemplate& first = rivals.front().value;
    const bool same = std::all_of(rivals.begin(), rivals.end(), [&](const Parsed& rival) {
        return rival.value.definition_json == first.definition_json;
    });
    for (std::size_t i = 1; i < rivals.size(); ++i) {
        Findings findings(rivals[i].value.source_path);
        if (same) {
            findings.warning("IDENTICAL_TEMPLATE", rivals[i].name_at, {},
                             id + " is also in " + first.source_path + " with the same content; remove one");
        } else {
            std::string others;
            for (const Parsed& rival : rivals) {
                if (&rival == &rivals[i]) continue;
                others += (others.empty() ? "" : " and ") + rival.value.source_path;
            }
            findings.error("DUPLICATE_TEMPLATE", rivals[i].name_at, {},
                           id + " is also in " + others + " and they differ, so " +
                               (rivals.size() == 2 ? "neither" : "none") +
                               " is loaded; keep one or change the versions");
        }
        say(findings.take());
    }
    if (!same) out_.failed += rivals.size();
    return same;
}

LoadedTemplates Loading::finish() {
    std::vector<TaskTemplate> valid;
    for (auto& [id, rivals] : by_id_) {
        if (settle(id, rivals)) valid.push_back(std::move(rivals.front().value));
    }
    out_.catalog = TemplateCatalog(std::move(valid));
    std::stable_sort(out_.diagnostics.begin(), out_.diagnostics.end(),
                     [](const Diagnostic& a, const Diagnostic& b) {
                         return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
                     });
    return std::move(out_);
}

}  // namespace

bool LoadedTemplates::has_errors() const {
    return std::any_of(diagnostics.begin(), diagnostics.end(),
                       [](const Diagnostic& entry) { return entry.severity == Severity::Error; });
}

LoadedTemplates load_templates(const std::vector<std::filesystem::path>& roots,
                               const TemplateOptions& options) {
    Discovery found = discover(roots);
    Loading loading(options);
    loading.say(std::move(found.diagnostics));
    for (const auto& file : found.files) loading.file(file);
    return loading.finish();
}

LoadedTemplates parse_template(std::string_view yaml, const std::string& file,
                               const TemplateOptions& options) {
    Loading loading(options);
    Findings findings(file);
    loading.text(yaml, findings);
    return loading.finish();
}

}  // namespace tasker::host
