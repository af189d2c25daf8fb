#include "host/supervisor/renewal.hpp"

#include <malloc.h>

#include <algorithm>
#include <utility>

#include "host/core/error.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kRetryMs = 5000;
constexpr std::size_t kFewFiles = 3;
constexpr const char* kFoldersChanged = "the folders changed";
const LogFields kFields{{"component", "supervisor"}, {"operation", "scan"}};
}  // namespace

Renewal::Renewal(Supervisor& supervisor, RenewalOptions options, const Clock& clock, Random& random,
                 Logger log)
    : supervisor_(supervisor),
      options_(std::move(options)),
      clock_(clock),
      log_(std::move(log)),
      scan_(options_.scan, clock, random) {}

void Renewal::begin() { scan(); }

void Renewal::take_over() {
    started_ = true;
    look();
}

void Renewal::look() {
    next_changed_ = true;
    scan();
}

void Renewal::renew_all(const std::string& why) {
    for (const SlotReport& one : supervisor_.report()) next_wishes_.push_back({one.namespace_name, why, {}});
    scan();
}

bool Renewal::renew(const std::string& namespace_name, const std::string& why, Supervisor::Outcome told) {
    if (!supervisor_.serves(namespace_name)) return false;
    next_wishes_.push_back({namespace_name, why, std::move(told)});
    scan();
    return true;
}

// What is asked for while a scan runs is answered by the next one: this one may have passed the file already.
void Renewal::scan() {
    if (scan_.running()) return;
    changed_ = std::exchange(next_changed_, false);
    wishes_ = std::exchange(next_wishes_, {});
    try {
        scan_.begin();
    } catch (const Error& error) {
        failed(error.what());
    }
}

bool Renewal::turn() {
    if (clock_.steady_ms() >= retry_ms_) {
        retry_ms_ = kNever;
        scan();
    }
    auto done = scan_.turn();
    if (!done) return false;
    bool settling = false;
    if (const auto* contents = std::get_if<FolderContents>(&*done)) {
        settling = contents->settling > 0;
        found(*contents);
    } else {
        failed(std::get<FolderScan::Failure>(*done).why);
    }
    done.reset();
    // A large document would stay in memory for ever.
    ::malloc_trim(0);
    if (wanted()) scan();
    return settling;
}

void Renewal::found(const FolderContents& contents) {
    tell(contents);
    const bool first = !std::exchange(started_, true);
    const auto serve = [&](const std::string& name) { supervisor_.serve(name, contents.manifest(name)); };
    if (first) std::ranges::for_each(options_.namespaces, serve);
    if (options_.serves_all) std::ranges::for_each(contents.namespaces(), serve);
    if (first) supervisor_.start();
    for (Wish& wish : std::exchange(wishes_, {})) grant(std::move(wish), contents);
    if (std::exchange(changed_, false)) renew_changed(contents);
}

void Renewal::grant(Wish wish, const FolderContents& contents) {
    GenerationManifest next = contents.manifest(wish.namespace_name);
    if (const auto newest = supervisor_.newest(wish.namespace_name)) {
        if (const auto why = refusal(*newest, next)) {
            // What is missing may be in a file that is still being written: it is looked at again.
            if (contents.settling > 0 && wish.why == kFoldersChanged) return;
            const std::string whole = *why + because();
            // The same fault is found at each look.
            const bool known =
                std::exchange(refusals_[wish.namespace_name], whole) == whole && wish.why == kFoldersChanged;
            if (!known) supervisor_.refuse(wish.namespace_name, whole);
            if (wish.told) wish.told(false, whole);
            return;
        }
    }
    refusals_.erase(wish.namespace_name);
    supervisor_.restart(wish.namespace_name, wish.why, std::move(wish.told), std::move(next));
}

void Renewal::renew_changed(const FolderContents& contents) {
    for (const SlotReport& one : supervisor_.report()) {
        const auto newest = supervisor_.newest(one.namespace_name);
        const GenerationManifest found = contents.manifest(one.namespace_name);
        if (newest && (same_for_workers(*newest, found) || supervisor_.stands_instead(*newest, found))) {
            refusals_.erase(one.namespace_name);
            continue;
        }
        grant({one.namespace_name, kFoldersChanged, {}}, contents);
    }
}

// The files that are not used are the likely reason why something is not offered any more.
std::string Renewal::because() const {
    std::string text;
    for (std::size_t i = 0; i < refused_.size() && i < kFewFiles; ++i) {
        const RefusedFile& file = refused_[i];
        text += (i == 0 ? "; not used: " : ", ") + file.path + " (" + file.state + ": " + file.reason + ")";
    }
    return text;
}

// Each thing once, not at each look.
void Renewal::tell(const FolderContents& contents) {
    const auto fields = [](const char* key, const std::string& value) {
        LogFields all = kFields;
        all.emplace_back(key, value);
        return all;
    };
    for (const RefusedFile& file : contents.refused) {
        if (std::ranges::find(refused_, file) != refused_.end()) continue;
        const LogLevel level = file.state == "settling" ? LogLevel::Info : LogLevel::Error;
        log_.log(level, "Plugin file " + file.path + " is " + file.state + ": " + file.reason,
                 fields("path", file.path));
    }
    for (const std::string& finding : contents.findings) {
        if (std::ranges::find(findings_, finding) == findings_.end()) log_.warn(finding, kFields);
    }
    for (const std::string& id : contents.kept_templates)
        log_.error("Template keeps its old definition: its file cannot be used now", fields("template", id));
    refused_ = contents.refused;
    findings_ = contents.findings;
    link_findings_ = contents.link_findings;  // each worker logs its own
}

void Renewal::failed(const std::string& why) {
    log_.error("The plugin and template folders could not be looked at: " + why, kFields);
    for (Wish& wish : std::exchange(wishes_, {})) {
        supervisor_.refuse(wish.namespace_name, why);
        if (wish.told) wish.told(false, "the folders could not be looked at: " + why);
    }
    changed_ = false;
    if (started_) return;
    if (const auto before = scan_.kept()) return found(*before);
    retry_ms_ = clock_.steady_ms() + kRetryMs;
}

}  // namespace tasker::host
