#pragma once
// An engine without a store: what a test puts in comes out. Thread-safe enough for one server.

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <vector>

#include "host/core/error.hpp"
#include "host/engine/engine.hpp"
#include "tests/unit/api/fake_operators.hpp"

namespace tasker::host::testing {

class FakeEngine final : public Engine, public TaskClient {
  public:
    void set_catalog(std::shared_ptr<const TemplateCatalog> catalog) override {
        catalog_ = std::move(catalog);
    }
    std::shared_ptr<const TemplateCatalog> catalog() const override { return catalog_; }
    TaskClient& tasks() override { return *this; }
    DlqClient& dlq() override { return dead_letters; }
    AnalyticsClient& analytics() override { return figures; }
    EventQueue& events() override { return event_queue; }
    PruneReport prune(const PruneOptions& options) override {
        pruned = options;
        PruneReport report;
        report.dry_run = options.dry_run;
        report.complete_tasks = 5;
        return report;
    }
    std::unique_ptr<TaskerRuntime> attach(SessionOptions) override {
        throw std::logic_error("not used here");
    }
    StoreInfo info() override {
        StoreInfo out;
        out.path = "/s/tasker.db";
        out.schema_version = 3;
        return out;
    }
    std::vector<std::string> check() override { return faults; }
    void backup(const std::filesystem::path& target) override {
        if (target == "/taken") throw Error("/taken exists already", "choose another name");
        backed_up = target;
    }
    void stop() override {}
    std::string trouble() const override { return trouble_text; }

    SubmitOutcome create(const TaskRequest& request) override {
        if (on_create) on_create();
        const std::scoped_lock lock(mutex_);
        if (request.name == "absent") return Refused{Refusal::NotFound, "no template absent", ""};
        if (request.name == "unavailable") throw StoreUnavailable("the disk is full", "free some space");
        if (request.name == "broken") throw std::runtime_error("unexpected");
        if (!seen_.insert(request.context_json).second)
            return Refused{Refusal::Duplicate, "already submitted", "change it"};
        TaskView view;
        view.task_uuid.bytes[15] = static_cast<std::uint8_t>(++count_);
        view.name = request.name;
        view.namespace_name = request.namespace_name;
        view.version = request.version;
        view.context_json = request.context_json;
        view.initiator = request.initiator;
        view.source_system = request.source_system;
        view.reason = request.reason;
        view.priority = request.priority;
        view.created_ms = view.updated_ms = 1'790'000'000'000;
        tasks_.push_back(view);
        requests.push_back(request);
        return view.task_uuid;
    }
    std::optional<Refused> check(const TaskRequest& request) override {
        if (request.name == "absent") return Refused{Refusal::NotFound, "no template absent", ""};
        const std::scoped_lock lock(mutex_);
        if (seen_.contains(request.context_json)) return Refused{Refusal::Duplicate, "already submitted", ""};
        return std::nullopt;
    }
    std::vector<SubmitOutcome> create_batch(std::span<const TaskRequest> batch) override {
        std::vector<SubmitOutcome> out;
        for (const TaskRequest& request : batch) out.push_back(create(request));
        return out;
    }
    std::optional<TaskView> get(const Uuid& uuid) override {
        const std::scoped_lock lock(mutex_);
        for (const TaskView& task : tasks_) {
            if (task.task_uuid == uuid) return task;
        }
        return std::nullopt;
    }
    std::vector<StepAuditRecord> step_audit(const Uuid&, const Uuid&) override { return audit; }
    TaskPage list(const TaskFilter& filter) override {
        const std::scoped_lock lock(mutex_);
        last_filter = filter;
        return {tasks_, static_cast<std::int64_t>(tasks_.size()), filter.page, filter.per_page};
    }
    std::optional<Uuid> find_by_idempotency_key(std::string_view, std::string_view, std::string_view,
                                                std::string_view key) override {
        const std::scoped_lock lock(mutex_);
        if (key == "known" && !tasks_.empty()) return tasks_.front().task_uuid;
        return std::nullopt;
    }
    std::optional<Refused> act_on_step(const Uuid& task_uuid, const Uuid& step_uuid,
                                       const StepAction& action) override {
        const std::scoped_lock lock(mutex_);
        actions.push_back({task_uuid, step_uuid, action});
        for (TaskView& task : tasks_) {
            if (task.task_uuid != task_uuid) continue;
            for (StepView& step : task.steps) {
                if (step.step_uuid != step_uuid) continue;
                if (action.kind == StepAction::Kind::ResetForRetry && step.state != StepState::Error)
                    return Refused{Refusal::Invalid, "it is not in error", ""};
                step.state = action.kind == StepAction::Kind::ResetForRetry     ? StepState::Pending
                             : action.kind == StepAction::Kind::ResolveManually ? StepState::ResolvedManually
                                                                                : StepState::Complete;
                return std::nullopt;
            }
        }
        return Refused{Refusal::NotFound, "no such step", ""};
    }
    std::optional<Refused> cancel(const Uuid& uuid) override {
        const std::scoped_lock lock(mutex_);
        for (TaskView& task : tasks_) {
            if (task.task_uuid != uuid) continue;
            if (is_terminal(task.state)) return Refused{Refusal::Invalid, "it is finished", ""};
            task.state = TaskState::Cancelled;
            return std::nullopt;
        }
        return Refused{Refusal::NotFound, "no such task", ""};
    }
    void add(TaskView task) {
        const std::scoped_lock lock(mutex_);
        tasks_.push_back(std::move(task));
    }

    struct Acted {
        Uuid task_uuid, step_uuid;
        StepAction action;
    };
    std::vector<Acted> actions;
    FakeDlq dead_letters;
    FakeAnalytics figures;
    FakeEvents event_queue;
    std::optional<PruneOptions> pruned;
    std::vector<std::string> faults;
    std::vector<StepAuditRecord> audit;
    std::vector<TaskRequest> requests;
    std::string trouble_text;
    std::filesystem::path backed_up;
    TaskFilter last_filter;
    std::function<void()> on_create;

  private:
    std::shared_ptr<const TemplateCatalog> catalog_ = std::make_shared<TemplateCatalog>();
    std::mutex mutex_;
    std::set<std::string> seen_;
    std::vector<TaskView> tasks_;
    int count_ = 0;
};

}  // namespace tasker::host::testing
