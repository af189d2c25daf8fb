// One namespace's worker, started by a supervisor: plugins here, the engine in another process. It stands by until it is
// told to claim.

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "host/api/plugin_documents.hpp"
#include "host/core/durable_file.hpp"
#include "host/core/error.hpp"
#include "host/core/failpoint.hpp"
#include "host/core/wakeup.hpp"
#include "host/process/child_commands.hpp"
#include "host/process/control_inbox.hpp"
#include "host/process/crash_watch.hpp"
#include "host/process/discovery.hpp"
#include "host/process/exit_guard.hpp"
#include "host/process/open_files.hpp"
#include "host/process/phase.hpp"
#include "host/process/plugin_output.hpp"
#include "host/process/shutdown_sequence.hpp"
#include "host/process/state_folder.hpp"
#include "host/process/worker_bootstrap.hpp"
#include "host/process/worker_facts.hpp"
#include "host/runtime/link/engine_client.hpp"
#include "host/supervisor/manifest_store.hpp"

namespace tasker::host {

namespace {
using Message = ControlMessage::Kind;
constexpr std::int64_t kAttachWithinMs = 20'000;
constexpr std::int64_t kCountEveryMs = 100;
constexpr std::int64_t kFactsEveryMs = 1000;
constexpr std::int64_t kIdleAfterMs = 150;
constexpr std::int64_t kAskAgainMs = 500;

std::vector<ManifestPlugin> loaded_plugins(const LoadedPlugins& plugins) {
    std::vector<ManifestPlugin> all;
    for (const PluginReport& report : plugins.reports) {
        if (report.state == "loaded")
            all.push_back({report.copy.filename().string(), report.hash, report.id, report.version});
    }
    return all;
}

void require_all(const LoadedPlugins& plugins) {
    for (const PluginReport& report : plugins.reports) {
        if (report.state == "rejected" || report.state == "quarantined")
            throw BootstrapError("plugin " + report.path.filename().string() + " is " + report.state + ": " +
                                 report.reason);
    }
}

// What the generation is made of; nothing: what lies in the folders now.
std::optional<Chosen> chosen(const Command& command) {
    const auto path = command.line.get("manifest");
    if (!path) return std::nullopt;
    const auto manifest = manifest_from(read_whole(*path).value_or(""));
    if (!manifest) throw BootstrapError("the manifest " + *path + " cannot be read");
    Chosen all;
    for (const ManifestPlugin& plugin : manifest->plugins)
        all.plugins.push_back({plugin.file, plugin.sha256, plugin.path});
    if (!manifest->chosen) return all;
    std::vector<TaskTemplate> templates;
    for (const ManifestTemplate& one : manifest->templates) {
        templates.push_back(template_from_json(one.definition));
        templates.back().source_path = one.path;
    }
    all.templates.emplace(std::move(templates));
    return all;
}

class WorkerProcess {
  public:
    WorkerProcess(const Command& command, const Config& config, const Logger& log, SignalSource& signals,
                  ControlInbox& inbox)
        : command_(command),
          config_(config),
          log_(log),
          signals_(signals),
          inbox_(inbox),
          session_(Uuid::parse(command.line.get("session").value_or("")).value_or(fresh_session())) {}

    ExitCode run() {
        start();
        while (!draining_) {
            const auto signal =
                signals_.next(worker_->running() ? clock_.steady_ms() + kCountEveryMs : alive_due_ms_);
            if (signal == ServerSignal::Terminate || signal == ServerSignal::Interrupt || inbox_.orphaned())
                draining_ = true;
            while (const auto message = inbox_.next()) hear(*message);
            tell_life();
            count();
            tell_facts();
            ask_for_successor();
        }
        return drain();
    }

  private:
    void start() {
        failpoint("worker.start");
        Discovered found = discover_chosen(config_, log_, chosen(command_));
        const std::vector<std::string> served = served_namespaces(config_, found.templates.catalog);
        report_discovery(found, served, log_);
        if (command_.line.has("whole")) require_all(found.plugins);
        const std::vector<ManifestPlugin> plugins = loaded_plugins(found.plugins);
        plugins_document_ = plugins_document(found.plugins.reports);
        BootstrapConfig bootstrap = bootstrap_config(config_, found.templates.catalog);
        catalog_ = std::make_shared<const TemplateCatalog>(found.templates.catalog);
        bootstrap.log = log_;
        bootstrap.clock = &clock_;
        bootstrap.event_extensions = found.plugins.events;
        bootstrap.subscriber.flight = start_flight(config_, session_, log_);
        bootstrap.open_runtime = [this](const TemplateCatalog&, const Clock& clock, Random&,
                                        const Logger& log) { return connect(clock, log); };
        Bootstrapped started = bootstrap_worker(std::move(bootstrap), std::move(found.plugins.registry));
        if (!started.result.success) throw BootstrapError(started.result.message);
        worker_ = std::move(started.worker);
        if (!client_->wait_attached(kAttachWithinMs))
            throw BootstrapError("the engine does not take this worker in: " + client_->status().error);
        tell_facts();
        inbox_.send({.kind = Message::Ready, .text = to_json(plugins)});
        failpoint("worker.ready");
    }

    std::unique_ptr<TaskerRuntime> connect(const Clock& clock, const Logger& log) {
        EngineClientOptions options;
        options.socket = state_folder(config_) / kEngineSocket;
        options.worker_id = config_.worker_id;
        options.namespaces = config_.namespaces;
        options.session_uuid = session_;
        options.generation = std::stoll(command_.line.get("generation").value_or("0"));
        if (const auto token = command_.environment.find(kEngineToken); token != command_.environment.end())
            options.token = token->second;
        auto client = std::make_unique<EngineClient>(std::move(options), clock, log);
        client_ = client.get();
        return client;
    }

    void hear(Message message) {
        StepExecutionSubscriber& subscriber = worker_->event_system().subscriber();
        switch (message) {
            case Message::Activate:
                failpoint("worker.activate");
                // Its templates hold from here on; one that only stands by changes nothing.
                offer_templates();
                begin_claiming();
                inbox_.send({Message::Activated});
                failpoint("worker.activated");
                idle_at_ms_ = clock_.steady_ms() + kIdleAfterMs;
                return;
            case Message::Pause:
                failpoint("worker.pause");
                may_claim_ = false;
                inbox_.send({.kind = Message::Paused, .running = subscriber.pause()});
                return;
            case Message::Resume:
                failpoint("worker.resume");
                offer_templates();
                begin_claiming();
                inbox_.send({Message::Resumed});
                return;
            case Message::Hold:
                held_ = true;
                if (may_claim_) subscriber.pause();
                return;
            case Message::Release:
                held_ = false;
                if (may_claim_) begin_claiming();
                return;
            case Message::Drain:
                failpoint("worker.drain");
                draining_ = true;
                return;
            default:
                return;
        }
    }

    // Unless an operator's pause holds it back: then it may, and does once that is over.
    void begin_claiming() {
        may_claim_ = true;
        if (held_) return;
        if (std::exchange(claimed_before_, true)) {
            worker_->event_system().subscriber().resume();
        } else {
            worker_->event_system().start();
        }
    }

    void count() {
        const ExecutorStats stats = worker_->event_system().subscriber().stats();
        const auto errors = static_cast<std::uint64_t>(stats.failed);
        const auto accepted = static_cast<std::uint64_t>(stats.succeeded) + errors;
        // What is ready is handed out within milliseconds.
        if (clock_.steady_ms() >= idle_at_ms_) {
            idle_at_ms_ = kNever;
            if (accepted == 0 && client_->status().claimed == 0) inbox_.send({Message::Idle});
        }
        if (accepted == told_) return;
        told_ = accepted;
        inbox_.send({.kind = Message::Counts, .accepted = accepted, .errors = errors});
    }

    // The end of the ladder for handlers that hang: their threads come back with a new process only.
    void ask_for_successor() {
        const int hung = worker_->event_system().subscriber().stats().abandoned;
        if (hung == 0) hung_since_ms_ = kNever;
        const std::int64_t now = clock_.steady_ms();
        if (hung == 0 || now < ask_again_ms_) return;
        hung_since_ms_ = std::min(hung_since_ms_, now);
        const unsigned half = std::max(1U, config_.threads / 2);
        const bool many = hung >= static_cast<int>(std::clamp(config_.max_abandoned, 1U, half));
        const bool long_ago = now - hung_since_ms_ >= config_.recycle_after_ms;
        if (!many && !long_ago) return;
        // Until it comes: while this generation is on probation nobody takes its place.
        ask_again_ms_ = now + kAskAgainMs;
        inbox_.send(
            {.kind = Message::Recycle,
             .text = std::to_string(hung) + (hung == 1 ? " handler hangs" : " handlers hang") +
                     (many ? "" : " for more than " + std::to_string(config_.recycle_after_ms) + " ms")});
    }

    // Silence would mean that this thread hangs.
    void tell_life() { alive_due_ms_ = inbox_.tell_life(clock_.steady_ms()); }

    void offer_templates() {
        std::vector<std::string> definitions;
        for (const auto& one : catalog_->all()) definitions.push_back(one->definition_json);
        client_->offer_templates(std::move(definitions));
    }

    void tell_facts() {
        if (clock_.steady_ms() < facts_due_ms_) return;
        facts_due_ms_ = clock_.steady_ms() + kFactsEveryMs;
        auto facts = texts_of({worker_status(*worker_), handler_counts(*worker_), plugins_document_,
                               handlers_document(worker_->registry(), *catalog_)});
        if (facts == told_facts_) return;
        told_facts_ = facts;
        client_->tell_facts(std::move(facts));
    }

    ExitCode drain() {
        DrainReport drained;
        // What was done since it told last counts, too.
        const auto tell_last = [this] {
            facts_due_ms_ = 0;
            tell_facts();
        };
        Phase stopping("tw-stop", signals_,
                       [&] { drained = run_shutdown_sequence(*worker_, tell_last, log_); });
        while (!stopping.done()) {
            signals_.next(alive_due_ms_);
            tell_life();
            while (const auto message = inbox_.next()) {
                if (*message == Message::AskToStop) worker_->event_system().subscriber().abort_drain();
            }
        }
        stopping.rethrow();
        log_.flush(300);
        // A handler that still runs would race with the end of the process.
        if (worker_status(*worker_).abandoned_threads > 0) _exit(static_cast<int>(ExitCode::HandedBack));
        return drained.handed_back > 0 ? ExitCode::HandedBack : ExitCode::Done;
    }

    const Command& command_;
    const Config& config_;
    const Logger& log_;
    SignalSource& signals_;
    ControlInbox& inbox_;
    const Uuid session_;
    SystemClock clock_;
    std::string plugins_document_;
    std::shared_ptr<const TemplateCatalog> catalog_;
    std::vector<std::string> told_facts_;
    std::int64_t facts_due_ms_ = 0, alive_due_ms_ = 0;
    EngineClient* client_ = nullptr;  // the worker's runtime
    std::unique_ptr<Worker> worker_;
    bool draining_ = false;
    bool may_claim_ = false, held_ = false, claimed_before_ = false;
    std::int64_t hung_since_ms_ = kNever, ask_again_ms_ = 0;
    std::uint64_t told_ = 0;
    std::int64_t idle_at_ms_ = kNever;
};
}  // namespace

ExitCode worker_process(Command& command) {
    ensure_open_files();
    const SystemClock clock;
    ProcessSignals signals(clock);
    ControlInbox inbox(command.environment, signals);
    const Config config = configure(command).config;
    // The lines of all workers stand in one log.
    const Logger log = make_logger(command, config)
                           .with({{"worker", config.worker_id}, {"pid", std::to_string(::getpid())}});
    const PluginOutput output(log, LogLevel::Info);
    const ExitGuard exit_guard([&] {
        log.error("A plugin called exit(), which ends every step of this worker",
                  {{"component", "server"}, {"operation", "fatal"}});
        log.flush(300);
    });
    try {
        return WorkerProcess(command, config, log, signals, inbox).run();
    } catch (const Error& error) {
        inbox.fail(error);
        throw;
    }
}

}  // namespace tasker::host
