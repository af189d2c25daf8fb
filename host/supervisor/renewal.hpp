#pragma once
// What lies in the plugin and template folders, made into generations: each look is a scan in a process of its own, and a
// namespace gets a new generation when that would be another one than it has, or when somebody asks for one. One thread:
// wait on wait_for() until due_ms(), then call turn().

#include <poll.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "host/core/clock.hpp"
#include "host/core/random.hpp"
#include "host/core/wakeup.hpp"
#include "host/logging/logger.hpp"
#include "host/supervisor/folder_scan.hpp"
#include "host/supervisor/supervisor.hpp"

namespace tasker::host {

struct RenewalOptions {
    FolderScanOptions scan;
    std::vector<std::string> namespaces;  // that are served anyway
    bool serves_all = false;              // those of the templates too, also ones that appear later
};

class Renewal {
  public:
    Renewal(Supervisor& supervisor, RenewalOptions options, const Clock& clock, Random& random, Logger log);

    // The first look. When it is over, the supervisor is started; one that fails is repeated, or what the last look before
    // had found is used.
    void begin();
    // Instead of begin(), of a supervisor that took over: what changed meanwhile counts as a change.
    void take_over();
    // The folders changed: namespaces for which that means something are renewed.
    void look();
    // Every namespace is renewed, whatever the folders hold.
    void renew_all(const std::string& why);
    // So is this one. False when it is not served.
    bool renew(const std::string& namespace_name, const std::string& why, Supervisor::Outcome told = {});

    void wait_for(std::vector<pollfd>& on) const { scan_.wait_for(on); }
    std::int64_t due_ms() const { return std::min(scan_.due_ms(), retry_ms_); }
    // True when something was found that may still be being written: look again when the folders have been at rest.
    bool turn();

    bool busy() const { return scan_.running(); }
    // Of the last look.
    const std::vector<RefusedFile>& refused() const { return refused_; }
    // What else is wrong with what lies there: templates that cannot be read, above all.
    const std::vector<std::string>& findings() const { return findings_; }
    const std::vector<std::string>& link_findings() const { return link_findings_; }

  private:
    struct Wish {
        std::string namespace_name, why;
        Supervisor::Outcome told;
    };

    void scan();
    bool wanted() const { return next_changed_ || !next_wishes_.empty(); }
    void found(const FolderContents& contents);
    void failed(const std::string& why);
    void grant(Wish wish, const FolderContents& contents);
    void renew_changed(const FolderContents& contents);
    void tell(const FolderContents& contents);
    std::string because() const;

    Supervisor& supervisor_;
    const RenewalOptions options_;
    const Clock& clock_;
    const Logger log_;
    FolderScan scan_;
    std::int64_t retry_ms_ = kNever;  // of the first look, when it failed
    bool started_ = false;
    bool changed_ = false, next_changed_ = false;  // the running scan, and the next one, looks for changes
    std::deque<Wish> wishes_, next_wishes_;        // that the running scan answers; that the next one does
    std::vector<RefusedFile> refused_;
    std::vector<std::string> findings_, link_findings_;
    std::map<std::string, std::string> refusals_;  // of a namespace: why its last change was refused
};

}  // namespace tasker::host
