#include "host/engine/embedded_engine.hpp"

#include <algorithm>
#include <utility>

#include "host/engine/embedded_runtime.hpp"
#include "host/engine/store_check.hpp"
#include "host/engine/store_lock.hpp"
#include "host/engine/submission_rules.hpp"
#include "host/engine/task_views.hpp"
#include "host/model/identity.hpp"

namespace tasker::host {

namespace {
std::string_view name(Durability durability) { return durability == Durability::Full ? "full" : "process"; }

EngineOptions with_real_store(EngineOptions options) {
    options.store = real_store(options.store);
    return options;
}

std::shared_ptr<StoreWriter> open_writer(const EngineOptions& options, const Clock& clock, Random& random,
                                         const Logger& log, const std::shared_ptr<PinnedTemplates>& pinned) {
    try {
        return std::make_shared<StoreWriter>(open_store(options, clock, random), options, clock, random, log,
                                             pinned);
    } catch (const SqlError& error) {
        const std::string where = "store '" + options.store.string() + "': ";
        if (error.is_damage())
            throw StoreRefused(where + error.what(), "run 'store check', or restore a backup");
        throw BootstrapError(where + error.what(), "check the free space and the permissions of its folder");
    }
}
}  // namespace

namespace {
// All reads of one view see the same state of the store.
class Snapshot {
  public:
    explicit Snapshot(SqlConnection& connection) : connection_(connection) { connection_.exec("BEGIN"); }
    ~Snapshot() {
        try {
            connection_.exec("ROLLBACK");
        } catch (const SqlError&) {
            // SQLite ended it by itself when a read failed.
        }
    }
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;

  private:
    SqlConnection& connection_;
};
}  // namespace

std::unique_ptr<Engine> Engine::open(EngineOptions options, const Clock& clock, Random& random, Logger log) {
    return std::make_unique<EmbeddedEngine>(std::move(options), clock, random, std::move(log));
}

EmbeddedEngine::EmbeddedEngine(EngineOptions options, const Clock& clock, Random& random, Logger log,
                               Driver driver)
    : options_(with_real_store(std::move(options))),
      clock_(clock),
      log_(log.with({{"component", "engine"}})),
      pinned_(std::make_shared<PinnedTemplates>()),
      readers_(std::make_shared<ReadPool>(options_.store)),
      writer_(open_writer(options_, clock, random, log_, pinned_)),
      operators_(std::make_unique<EmbeddedOperators>(options_, clock_, pinned_, readers_, writer_)),
      catalog_(std::make_shared<const TemplateCatalog>()) {
    if (driver == Driver::Thread) writer_->start();
}

EmbeddedEngine::~EmbeddedEngine() {
    try {
        stop();
    } catch (const StoreUnavailable&) {
        // It is in the log; whoever wants to know calls stop().
    }
}

void EmbeddedEngine::abandon() {
    stopped_ = true;
    readers_->close();
    writer_->abandon();
}

void EmbeddedEngine::stop() {
    if (stopped_.exchange(true)) return;
    readers_->close();  // before the writer: the last connection folds the log into the file
    writer_->stop();
    if (const std::size_t lost = writer_->unrecorded(); lost > 0) {
        throw StoreUnavailable(
            std::to_string(lost) +
                " results could not be recorded; their steps run again after the next start",
            "see the log for why the store could not be written");
    }
}

void EmbeddedEngine::set_catalog(std::shared_ptr<const TemplateCatalog> catalog) {
    catalog_.with([&](auto& current) { current = std::move(catalog); });
}

std::shared_ptr<const TemplateCatalog> EmbeddedEngine::catalog() const {
    return catalog_.with([](const auto& current) { return current; });
}

std::unique_ptr<TaskerRuntime> EmbeddedEngine::attach(SessionOptions options) {
    return open_session(std::move(options));
}

std::unique_ptr<EngineSession> EmbeddedEngine::open_session(SessionOptions options) {
    return std::make_unique<EmbeddedRuntime>(writer_, writer_->open_session(std::move(options)), readers_);
}

template <class Read>
auto EmbeddedEngine::read(Read&& use) {
    try {
        auto connection = readers_->borrow();
        const Snapshot snapshot(*connection);
        TaskViews reader(*connection, *pinned_, writer_->ids(), clock_);
        return use(reader);
    } catch (const SqlError& error) {
        throw StoreUnavailable(std::string("cannot read the store: ") + error.what());
    }
}

SubmitOutcome EmbeddedEngine::create(const TaskRequest& request) {
    return std::move(create_batch(std::span(&request, 1)).front());
}

std::optional<Refused> EmbeddedEngine::check(const TaskRequest& request) {
    const auto prepared = prepare_submission(request, *catalog());
    if (const auto* refused = std::get_if<Refused>(&prepared)) return *refused;
    const auto& identity = std::get<SubmitOp>(prepared).identity;
    if (!identity) return std::nullopt;
    const auto known = read([&](TaskViews& reader) { return reader.find_identity(*identity); });
    return known ? std::optional(duplicate_submission()) : std::nullopt;
}

std::vector<SubmitOutcome> EmbeddedEngine::create_batch(std::span<const TaskRequest> requests) {
    std::vector<SubmitOutcome> outcomes(requests.size());
    const auto known = catalog();
    std::vector<SubmitOp> ops;
    ops.reserve(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
        auto prepared = prepare_submission(requests[i], *known);
        if (auto* refused = std::get_if<Refused>(&prepared)) {
            outcomes[i] = std::move(*refused);
            continue;
        }
        ops.push_back(std::get<SubmitOp>(std::move(prepared)));
        ops.back().answer = &outcomes[i];
    }
    if (ops.empty()) return outcomes;
    Ticket ticket(ops.size());
    for (SubmitOp& op : ops) op.ticket = &ticket;
    const Refused stopped{Refusal::Unavailable, "the engine has stopped", {}};
    std::vector<SubmitOutcome*> waiting;
    for (const SubmitOp& op : ops) waiting.push_back(op.answer);
    if (writer_->push(std::move(ops))) {
        writer_->await(ticket);
    } else {
        for (SubmitOutcome* answer : waiting) *answer = stopped;
    }
    return outcomes;
}

std::optional<TaskView> EmbeddedEngine::get(const Uuid& task_uuid) {
    return read([&](TaskViews& reader) { return reader.get(task_uuid); });
}

std::vector<StepAuditRecord> EmbeddedEngine::step_audit(const Uuid& task_uuid, const Uuid& step_uuid) {
    return read([&](TaskViews& reader) { return reader.audit(task_uuid, step_uuid); });
}

TaskPage EmbeddedEngine::list(const TaskFilter& filter) {
    return read([&](TaskViews& reader) { return reader.list(filter); });
}

std::optional<Uuid> EmbeddedEngine::find_by_idempotency_key(std::string_view namespace_name,
                                                            std::string_view name, std::string_view version,
                                                            std::string_view key) {
    TaskTemplate named;  // the identity of a key depends on the name only
    named.namespace_name = namespace_name;
    named.name = name;
    named.version = version;
    TaskRequest request;
    request.namespace_name = namespace_name;
    request.name = name;
    request.version = version;
    request.idempotency_key = std::string(key);
    const auto identity = identity_hash(named, request);
    if (!identity) return std::nullopt;
    return read([&](TaskViews& reader) { return reader.find_identity(*identity); });
}

std::optional<Refused> EmbeddedEngine::act_on_step(const Uuid& task_uuid, const Uuid& step_uuid,
                                                   const StepAction& action) {
    return operators_->act_on_step(task_uuid, step_uuid, action);
}

std::optional<Refused> EmbeddedEngine::cancel(const Uuid& task_uuid) {
    const auto row = writer_->ids().parse(RowKind::Task, task_uuid);
    if (!row) return Refused{Refusal::NotFound, "no such task", {}};
    std::optional<Refused> answer;
    Ticket ticket(1);
    CancelOp op;
    op.task_id = row->id;
    op.created_ms = row->created_ms;
    op.answer = &answer;
    op.ticket = &ticket;
    if (!writer_->push(op)) return Refused{Refusal::Unavailable, "the engine has stopped", {}};
    writer_->await(ticket);
    return answer;
}

std::vector<std::shared_ptr<const TaskTemplate>> EmbeddedEngine::pinned_definitions() {
    auto connection = readers_->borrow();
    std::vector<std::int64_t> ids;
    Statement select = connection->prepare("SELECT template_id FROM template ORDER BY template_id");
    for (auto rows = select.query(); rows.next();) ids.push_back(rows.integer(0));
    std::vector<std::shared_ptr<const TaskTemplate>> definitions;
    for (const std::int64_t id : ids) {
        try {
            definitions.push_back(pinned_->definition(*connection, id));
        } catch (const std::exception& error) {
            log_.error("A template of the store cannot be read",
                       {{"component", "engine"}, {"template_id", id}, {"error_message", error.what()}});
        }
    }
    return definitions;
}

StoreInfo EmbeddedEngine::info() {
    StoreInfo info;
    info.path = options_.store.string();
    info.durability = name(options_.durability);
    info.sqlite_version = sqlite_version();
    std::error_code missing;
    info.bytes = std::filesystem::file_size(options_.store, missing);
    if (missing) info.bytes = 0;
    info.wal_bytes = std::filesystem::file_size(wal_path(options_.store), missing);
    if (missing) info.wal_bytes = 0;
    read([&](TaskViews& reader) { reader.count(info); });
    return info;
}

std::vector<QueueDepth> EmbeddedEngine::queues() {
    std::vector<QueueDepth> out;
    read([&](TaskViews& reader) { out = reader.queues(); });
    return out;
}

ReaderCount EmbeddedEngine::readers() const { return {readers_->size(), readers_->idle()}; }

std::vector<std::string> EmbeddedEngine::check() {
    auto connection = readers_->borrow();
    return check_store(*connection, *pinned_);
}

void EmbeddedEngine::backup(const std::filesystem::path& target) {
    auto connection = readers_->borrow();
    backup_store(*connection, target);
}

}  // namespace tasker::host
