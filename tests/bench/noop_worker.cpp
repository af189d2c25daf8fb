#include "tests/bench/noop_worker.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "host/core/error.hpp"
#include "host/engine/link_server.hpp"
#include "host/loader/plugin_set.hpp"
#include "host/runtime/link/engine_client.hpp"

namespace tasker::host::bench {

// The embedded runtime, with its results counted. Costs a step one small allocation more.
class CountedRuntime final : public TaskerRuntime {
  public:
    explicit CountedRuntime(std::unique_ptr<TaskerRuntime> inner) : inner_(std::move(inner)) {}

    void set_capacity(Capacity capacity) override {
        const std::scoped_lock lock(capacity_mutex_);
        capacity_ = std::move(capacity);
        if (!paused_) inner_->set_capacity(capacity_);
    }
    void on_activity(std::function<void()> wake) override { inner_->on_activity(std::move(wake)); }
    std::vector<StepEvent> poll_step_events(std::size_t limit) override {
        return inner_->poll_step_events(limit);
    }
    std::vector<Revocation> take_revocations() override { return inner_->take_revocations(); }
    void complete_step_event(const Uuid& event_id, StepExecutionResult result,
                             std::function<void(CompletionVerdict)> done) override {
        inner_->complete_step_event(event_id, std::move(result),
                                    [this, told = std::move(done)](CompletionVerdict verdict) {
                                        if (told) told(verdict);
                                        if (++done_ < wanted_) return;
                                        const std::scoped_lock lock(done_mutex_);
                                        done_changed_.notify_all();
                                    });
    }
    bool heartbeat(const Uuid& event_id) override { return inner_->heartbeat(event_id); }
    void release_step_event(const Uuid& event_id, std::string reason) override {
        inner_->release_step_event(event_id, std::move(reason));
    }
    bool save_checkpoint(const Uuid& event_id, const Checkpoint& checkpoint) override {
        return inner_->save_checkpoint(event_id, checkpoint);
    }
    void yield_step_event(const Uuid& event_id, Checkpoint checkpoint,
                          std::function<void(CompletionVerdict)> done) override {
        inner_->yield_step_event(event_id, std::move(checkpoint), std::move(done));
    }
    StarvationReport check_starvation_warnings() override { return inner_->check_starvation_warnings(); }
    std::size_t cleanup_timeouts() override { return inner_->cleanup_timeouts(); }
    RuntimeStatus status() const override { return inner_->status(); }
    void transition_to_graceful_shutdown() override { inner_->transition_to_graceful_shutdown(); }
    std::size_t stop() override { return inner_->stop(); }

    void set_paused(bool paused) {
        const std::scoped_lock lock(capacity_mutex_);
        paused_ = paused;
        inner_->set_capacity(paused ? Capacity{} : capacity_);
    }
    void wait_for(std::int64_t steps) {
        std::unique_lock lock(done_mutex_);
        wanted_ = steps;
        done_changed_.wait(lock, [&] { return done_ >= steps; });
    }
    // Nothing is told when the last claim ends, so this looks again and again; no figure is taken meanwhile.
    void wait_until_empty() {
        std::unique_lock lock(done_mutex_);
        while (status().claimed > 0) done_changed_.wait_for(lock, std::chrono::milliseconds{5});
    }
    std::int64_t done() const { return done_; }
    unsigned slots() {
        const std::scoped_lock lock(capacity_mutex_);
        return capacity_.slots;
    }

  private:
    const std::unique_ptr<TaskerRuntime> inner_;
    std::mutex capacity_mutex_;
    Capacity capacity_;
    bool paused_ = true;
    std::mutex done_mutex_;
    std::condition_variable done_changed_;
    std::atomic<std::int64_t> done_{0}, wanted_{0};
};

namespace {
class CountedEngine final : public Engine {
  public:
    CountedEngine(std::unique_ptr<Engine> inner, CountedRuntime*& runtime)
        : inner_(std::move(inner)), runtime_(runtime) {}

    // From now on attach() goes over a socket there.
    void serve(const std::filesystem::path& socket, const Clock& clock, Random& random) {
        clock_ = &clock;
        socket_ = socket;
        session_ = UuidGenerator(clock, random).next();
        LinkOptions options;
        options.socket = socket;
        server_ = std::make_unique<LinkServer>(*inner_, options, clock, Logger());
    }

    void set_catalog(std::shared_ptr<const TemplateCatalog> catalog) override {
        inner_->set_catalog(std::move(catalog));
    }
    std::shared_ptr<const TemplateCatalog> catalog() const override { return inner_->catalog(); }
    TaskClient& tasks() override { return inner_->tasks(); }
    DlqClient& dlq() override { return inner_->dlq(); }
    AnalyticsClient& analytics() override { return inner_->analytics(); }
    EventQueue& events() override { return inner_->events(); }
    PruneReport prune(const PruneOptions& options) override { return inner_->prune(options); }
    std::unique_ptr<TaskerRuntime> attach(SessionOptions options) override {
        auto counted =
            std::make_unique<CountedRuntime>(server_ ? connect(options) : inner_->attach(std::move(options)));
        runtime_ = counted.get();
        return counted;
    }
    StoreInfo info() override { return inner_->info(); }
    std::vector<std::string> check() override { return inner_->check(); }
    void backup(const std::filesystem::path& target) override { inner_->backup(target); }
    void stop() override {
        if (server_) server_->stop();
        inner_->stop();
    }
    std::string trouble() const override { return inner_->trouble(); }

  private:
    std::unique_ptr<TaskerRuntime> connect(const SessionOptions& options) {
        EngineClientOptions wanted;
        wanted.socket = socket_;
        wanted.worker_id = options.worker_id;
        wanted.namespaces = options.namespaces;
        wanted.session_uuid = session_;
        auto client = std::make_unique<EngineClient>(std::move(wanted), *clock_, Logger());
        if (!client->wait_attached(10'000)) throw Error("not attached: " + client->status().error);
        return client;
    }

    const std::unique_ptr<Engine> inner_;
    CountedRuntime*& runtime_;
    const Clock* clock_ = nullptr;
    std::filesystem::path socket_;
    Uuid session_;
    std::unique_ptr<LinkServer> server_;
};
}  // namespace

HandlerRegistry noop_handlers(const std::filesystem::path& plugin_cache) {
    static const LoadedPlugins loaded = [&] {
        PluginOptions options;
        options.roots = {TASKER_BENCH_NOOP_PLUGINS};
        options.cache_dir = plugin_cache;
        options.relax_permissions = true;  // of a build folder
        options.worker_id = "bench";
        options.namespace_name = "bench";
        return load_plugins(options, Logger());
    }();
    HandlerRegistry registry;
    for (const auto& handler : loaded.registry.all()) registry.register_handler(handler);
    if (!registry.is_registered(kNoopCallable)) {
        throw Error("the benchmark's plugin was not loaded from " TASKER_BENCH_NOOP_PLUGINS ": " +
                    (loaded.reports.empty() ? std::string("no file") : loaded.reports.front().reason));
    }
    return registry;
}

NoopWorker::NoopWorker(const std::filesystem::path& folder, Durability durability, TemplateCatalog templates,
                       unsigned threads, Engines engines) {
    BootstrapConfig config;
    config.worker_id = "bench";
    config.namespace_name = "bench";
    config.store = folder / "tasker.db";
    config.templates = std::move(templates);
    config.durability = durability;
    config.subscriber.threads = threads;
    config.open_engine = [this, folder, engines](const EngineOptions& options, const Clock& clock,
                                                 Random& random,
                                                 const Logger& log) -> std::unique_ptr<Engine> {
        auto counted = std::make_unique<CountedEngine>(Engine::open(options, clock, random, log), runtime_);
        if (engines == Engines::OverSocket) counted->serve(folder / "engine.sock", clock, random);
        return counted;
    };
    auto started = bootstrap_worker(std::move(config), noop_handlers(folder / "plugins"));
    if (!started.result.success) throw Error(started.result.message);
    worker_ = std::move(started.worker);
}

NoopWorker::~NoopWorker() = default;

void NoopWorker::resume() { runtime_->set_paused(false); }
void NoopWorker::pause() {
    runtime_->set_paused(true);
    runtime_->wait_until_empty();
}
void NoopWorker::wait_for(std::int64_t steps) { runtime_->wait_for(steps); }
std::int64_t NoopWorker::done() const { return runtime_->done(); }
unsigned NoopWorker::slots() const { return runtime_->slots(); }

}  // namespace tasker::host::bench
