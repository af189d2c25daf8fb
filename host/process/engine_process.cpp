// The engine on its own, started by a supervisor: the store, the orchestration, the API. It loads no plugin and reads no
// template's file: a scan has found the templates, and workers bring theirs over the link.

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <tuple>
#include <utility>

#include "host/api/api_server.hpp"
#include "host/api/metrics.hpp"
#include "host/core/durable_file.hpp"
#include "host/core/flight_file.hpp"
#include "host/core/guarded.hpp"
#include "host/core/random.hpp"
#include "host/core/wakeup.hpp"
#include "host/engine/link_server.hpp"
#include "host/process/child_commands.hpp"
#include "host/process/connection.hpp"
#include "host/process/control_inbox.hpp"
#include "host/process/open_files.hpp"
#include "host/process/phase.hpp"
#include "host/process/state_folder.hpp"
#include "host/process/web_access.hpp"
#include "host/process/worker_facts.hpp"
#include "host/supervisor/folder_contents.hpp"
#include "host/worker/store_location.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kReattachMs = 5000;
// Beside the drain time: how long an engine whose supervisor is gone waits for its workers.
constexpr std::int64_t kOrphanedMs = 10'000;

// Which templates new submissions may use: of each namespace what its worker brought last.
class Catalogs {
  public:
    explicit Catalogs(Engine& engine) : engine_(engine) {}

    void replace(const std::vector<std::string>& namespaces, std::vector<TaskTemplate> templates) {
        const std::scoped_lock lock(mutex_);
        std::vector<TaskTemplate> all;
        for (const auto& one : engine_.catalog()->all()) {
            if (std::ranges::find(namespaces, one->namespace_name) == namespaces.end()) all.push_back(*one);
        }
        for (TaskTemplate& one : templates) {
            if (std::ranges::find(namespaces, one.namespace_name) != namespaces.end())
                all.push_back(std::move(one));
        }
        engine_.set_catalog(std::make_shared<const TemplateCatalog>(std::move(all)));
    }

  private:
    std::mutex mutex_;
    Engine& engine_;
};

class EngineProcess {
  public:
    EngineProcess(const Command& command, const Config& config, const WebAccess& access, const Logger& log,
                  SignalSource& signals, ControlInbox& inbox)
        : command_(command), config_(config), access_(access), log_(log), signals_(signals), inbox_(inbox) {}

    void run() {
        start();
        open_api();
        inbox_.send({ControlMessage::Kind::Ready});
        while (!stopping_) {
            inbox_.tell_life(clock_.steady_ms());
            const std::int64_t look_ms = orphaned_until_ == kNever ? 1000 : 50;
            signals_.next(clock_.steady_ms() + look_ms);
            hear();
            if (engine_lost()) throw StoreRefused("the store is lost: " + engine_->trouble());
        }
        stop();
    }

  private:
    void start() {
        const auto store = store_path(config_);
        auto lock = StoreLock::acquire(store, "host");
        // The supervisor has the folder to itself, so this is the engine of one that died: it ends with its workers.
        const std::int64_t until = clock_.steady_ms() + config_.drain_timeout_ms + kOrphanedMs;
        while (std::holds_alternative<StoreHolder>(lock) && clock_.steady_ms() < until && !stopping_) {
            log_.warn(
                "The store is in use by " + described(std::get<StoreHolder>(lock)) + ", waiting for its end",
                {{"component", "engine"}, {"operation", "start"}});
            signals_.next(clock_.steady_ms() + 500);
            hear();
            lock = StoreLock::acquire(store, "host");
        }
        if (const auto* holder = std::get_if<StoreHolder>(&lock))
            throw BootstrapError("the store " + store.string() + " is in use by " + described(*holder));
        lock_.emplace(std::move(std::get<StoreLock>(lock)));
        EngineOptions options = engine_options(config_);
        options.reattach_window_ms = kReattachMs;
        options.deadline_backstop_ms = std::max(options.deadline_backstop_ms, config_.cancel_grace_ms + 5000);
        engine_ = Engine::open(std::move(options), clock_, random_, log_);
        engine_->set_catalog(std::make_shared<const TemplateCatalog>(found_templates()));
        catalogs_ = std::make_unique<Catalogs>(*engine_);
        LinkOptions link;
        link.socket = state_folder(config_) / kEngineSocket;
        link.reattach_window_ms = kReattachMs;
        link.flight_folder = flight_folder(state_folder(config_));
        if (const auto token = command_.environment.find(kEngineToken); token != command_.environment.end())
            link.token = token->second;
        link.on_catalog = [this](const std::vector<std::string>& namespaces, std::vector<TaskTemplate> all) {
            catalogs_->replace(namespaces, std::move(all));
        };
        link.on_facts = [this](const Uuid& session, const std::vector<std::string>& texts) {
            if (auto told = worker_facts_from(texts))
                facts_.with([&](Facts& facts) {
                    facts.served.insert(told->status.supported_namespaces.begin(),
                                        told->status.supported_namespaces.end());
                    facts.by_session.insert_or_assign(session, std::move(*told));
                });
        };
        link_ = std::make_unique<LinkServer>(*engine_, std::move(link), clock_, log_);
    }

    // Until workers bring theirs: submissions are taken from the first moment, also of namespaces that have no worker now.
    std::vector<TaskTemplate> found_templates() const {
        std::vector<TaskTemplate> templates;
        const auto contents =
            contents_from(read_whole(command_.line.get("templates").value_or("")).value_or(""));
        if (!contents) return templates;
        for (const FolderContents::Template& one : contents->templates) {
            try {
                templates.push_back(template_from_json(one.what.definition));
            } catch (const Error&) {
                continue;  // its worker will say what is wrong
            }
        }
        return templates;
    }

    void open_api() {
        const ApiContext context{
            *engine_,
            [this] { return status(); },
            [this] { return told().plugins; },
            {},
            [this] { return told().handlers; },
            [this] { return metrics_text(facts()); },
            {version_number(), config_.environment, config_.worker_id, !access_.token.empty()},
            &clock_};
        ApiServerOptions options;
        options.socket = api_socket(config_);
        socket_ = std::make_unique<ApiServer>(options, context, log_);
        if (!access_.address) return;
        ApiServerOptions web;
        web.web = access_.address;
        web.token = access_.token;
        web_ = std::make_unique<ApiServer>(std::move(web), context, log_);
        log_.info("REST API: http://" + web_->place() +
                      (access_.token.empty() ? " (this machine only, without a token)" : " (with the token)"),
                  {{"component", "api"}, {"operation", "listen"}, {"address", web_->place()}});
    }

    // Of the workers that are connected together, as they told last, with what those before them have counted.
    WorkerFacts told() const {
        std::vector<WorkerFacts> all;
        const std::vector<LinkedWorker> workers = link_->workers();
        WorkerFacts ended;
        facts_.with([&](Facts& facts) {
            std::erase_if(facts.by_session, [&](const auto& entry) {
                const bool gone =
                    std::ranges::find(workers, entry.first, &LinkedWorker::session_uuid) == workers.end();
                if (gone) count_on(facts.ended, entry.second);
                return gone;
            });
            for (const LinkedWorker& worker : workers) {
                const auto known = facts.by_session.find(worker.session_uuid);
                if (known == facts.by_session.end()) continue;
                if (worker.connected)
                    all.push_back(known->second);
                else
                    count_on(ended, known->second);  // its counts do not go back while it is away
            }
            count_on(ended, facts.ended);
        });
        WorkerFacts sum = merged(all);
        count_on(sum, ended);
        return sum;
    }

    WorkerStatus status() const { return completed(told().status); }

    WorkerStatus completed(WorkerStatus status) const {
        status.environment = config_.environment;
        status.worker_id = config_.worker_id;
        status.web_api_enabled = web_ != nullptr;
        status.uptime_ms = clock_.steady_ms() - started_ms_;
        if (!status.running && !status.error) status.error = "no worker is connected";
        if (const std::string trouble = engine_->trouble(); !trouble.empty()) status.error = trouble;
        const ReaderCount readers = engine_->readers();
        status.database_pool_size = readers.all;
        status.database_pool_idle = readers.idle;
        const auto catalog = engine_->catalog();
        status.templates = static_cast<int>(catalog->all().size());
        std::set<std::string> unserved;
        for (const auto& one : catalog->all()) unserved.insert(one->namespace_name);
        for (const std::string& one : status.supported_namespaces) unserved.erase(one);
        facts_.with([&](const Facts& facts) {
            std::ranges::set_intersection(unserved, facts.served,
                                          std::back_inserter(status.unserved_namespaces));
        });
        return status;
    }

    MetricFacts facts() const {
        WorkerFacts all = told();
        MetricFacts facts{completed(std::move(all.status)), std::move(all.counts), version_number()};
        facts.store_in_trouble = !engine_->trouble().empty();
        try {
            facts.queues = engine_->queues();
        } catch (const Error&) {
            facts.store_in_trouble = true;
        }
        return facts;
    }

    bool alone() const {
        return !link_ ||
               std::ranges::none_of(link_->workers(), [](const LinkedWorker& one) { return one.connected; });
    }

    bool engine_lost() const { return engine_->lost(); }

    // Signals only wake: the supervisor alone says when the engine ends, or its own end does.
    void hear() {
        while (const auto message = inbox_.next())
            stopping_ = stopping_ || *message == ControlMessage::Kind::Drain;
        if (inbox_.orphaned() && orphaned_until_ == kNever)
            orphaned_until_ = clock_.steady_ms() + config_.drain_timeout_ms + kOrphanedMs;
        // Without a supervisor the workers end, too; their last results are taken in before.
        stopping_ =
            stopping_ || (orphaned_until_ != kNever && (alone() || clock_.steady_ms() >= orphaned_until_));
    }

    void stop() {
        web_.reset();
        socket_.reset();
        link_->stop();
        engine_->stop();
    }

    const Command& command_;
    const Config& config_;
    const WebAccess& access_;
    const Logger& log_;
    SignalSource& signals_;
    ControlInbox& inbox_;
    SystemClock clock_;
    SystemRandom random_;
    struct Facts {
        std::map<Uuid, WorkerFacts> by_session;
        WorkerFacts ended;             // the counts of those that are gone
        std::set<std::string> served;  // by any of them
    };
    mutable Guarded<Facts> facts_;
    const std::int64_t started_ms_ = clock_.steady_ms();
    bool stopping_ = false;
    std::int64_t orphaned_until_ = kNever;
    // In the order of the start.
    std::optional<StoreLock> lock_;
    std::unique_ptr<Engine> engine_;
    std::unique_ptr<Catalogs> catalogs_;
    std::unique_ptr<LinkServer> link_;
    std::unique_ptr<ApiServer> socket_, web_;
};
}  // namespace

ExitCode engine_process(Command& command) {
    ensure_open_files();
    const SystemClock clock;
    ProcessSignals signals(clock);
    ControlInbox inbox(command.environment, signals);
    const Config config = configure(command).config;
    const Logger log = make_logger(command, config);
    try {
        const WebAccess access = web_access(config);
        EngineProcess(command, config, access, log, signals, inbox).run();
    } catch (const Error& error) {
        inbox.fail(error);
        throw;
    }
    log.flush();
    return ExitCode::Done;
}

}  // namespace tasker::host
