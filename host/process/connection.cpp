#include "host/process/connection.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <optional>
#include <system_error>

#include "host/api/socket_address.hpp"
#include "host/core/clock.hpp"
#include "host/core/flight_file.hpp"
#include "host/core/json_view.hpp"
#include "host/core/owned_fd.hpp"
#include "host/core/random.hpp"
#include "host/engine/engine.hpp"
#include "host/engine/store_lock.hpp"
#include "host/process/state_folder.hpp"
#include "host/templates/template_loader.hpp"

namespace tasker::host {

namespace {
constexpr int kWaitMs = 5000;
using SteadyTime = std::chrono::steady_clock::time_point;

SteadyTime patience() { return std::chrono::steady_clock::now() + std::chrono::milliseconds{kWaitMs}; }

class HostConnection final : public HostAccess {
  public:
    explicit HostConnection(std::filesystem::path socket) : client_(std::move(socket)) {}
    ApiClient& client() override { return client_; }
    bool host_running() const override { return true; }

  private:
    UnixSocketClient client_;
};

// The engine without a worker: it takes submissions and answers questions.
class StoreConnection final : public HostAccess {
  public:
    StoreConnection(StoreLock lock, const Config& config, bool create) : lock_(std::move(lock)) {
        EngineOptions options = engine_options(config);
        options.create = create;
        engine_ = Engine::open(std::move(options), clock_, random_, Logger{});
        TemplateOptions rules;
        rules.environment = config.environment;
        rules.strict = config.strict_templates;
        engine_->set_catalog(
            std::make_shared<TemplateCatalog>(load_templates(config.template_path, rules).catalog));
        client_ = std::make_unique<LocalClient>(ApiContext{*engine_, {}, {}, {}, {}});
    }
    ApiClient& client() override { return *client_; }
    bool host_running() const override { return false; }

  private:
    StoreLock lock_;  // first: given up last
    SystemClock clock_;
    SystemRandom random_;
    std::unique_ptr<Engine> engine_;
    std::unique_ptr<LocalClient> client_;
};

bool answers(const std::filesystem::path& socket) {
    try {
        return UnixSocketClient(socket, 2000).request("GET", "/health/live", {}).status == 200;
    } catch (const HostUnreachable&) {
        return false;
    }
}

// Of the process that listens there; 0 when nobody does, or the kernel does not say.
int server_pid(const std::filesystem::path& socket) {
    const sockaddr_un address = socket_address(socket);
    const OwnedFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return 0;
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

bool same_file(const std::filesystem::path& one, const std::filesystem::path& other) {
    std::error_code ignored;
    return one == other || std::filesystem::equivalent(one, other, ignored);
}

// The store's holder and the socket's server may be two hosts: what this one answers is then about another store.
void require_same_store(const std::filesystem::path& socket, const std::filesystem::path& store,
                        const StoreHolder& holder) {
    if (holder.pid != 0 && server_pid(socket) == holder.pid) return;
    std::optional<std::string> served;
    try {
        const ApiResponse answer = UnixSocketClient(socket).request("GET", "/v1/store/info", {});
        if (answer.status == 200) served = json_string_member(answer.body, "path");
    } catch (const HostUnreachable&) {
        return;  // it is leaving: the request itself will find that out
    }
    if (!served || same_file(*served, store)) return;
    throw CommandFailure(
        ExitCode::Unreachable, "OTHER_STORE",
        "the host at " + socket.string() + " serves the store " + *served + ", not " + store.string() +
            ", which " + described(holder) + " holds",
        "set TASKER_STATE_DIR (or --state-dir) to the folder of the host that serves the store, or "
        "DATABASE_URL to the store that this one serves");
}

ExitCode exit_of(int status) {
    switch (status) {
        case 400:
        case 405:
        case 413:
        case 414:
        case 415:
        case 431:
            return ExitCode::Usage;
        case 404:
            return ExitCode::NotFound;
        case 409:
            return ExitCode::Refused;
        case 503:
            return ExitCode::Unreachable;
        default:
            return ExitCode::Unhandled;
    }
}

std::unique_ptr<HostAccess> connect_once(const Config& config, StoreUse use) {
    const std::filesystem::path store = store_path(config);
    const std::filesystem::path socket = api_socket(config);
    const SteadyTime deadline = patience();
    for (;;) {
        auto taken = StoreLock::acquire(store, "cli", kWaitMs);
        if (auto* lock = std::get_if<StoreLock>(&taken)) {
            return std::make_unique<StoreConnection>(std::move(*lock), config, use == StoreUse::Create);
        }
        const StoreHolder holder = std::get<StoreHolder>(taken);
        const std::string who = described(holder);
        if (holder.role != "host") {
            throw HostUnreachable("the store " + store.string() + " is held by another command (" + who + ")",
                                  false);
        }
        if (answers(socket)) {
            require_same_store(socket, store, holder);
            return std::make_unique<HostConnection>(socket);
        }
        // A host that is starting has no socket yet, one that stops has none any more.
        if (std::chrono::steady_clock::now() >= deadline) {
            throw HostUnreachable("the " + who + " holds the store " + store.string() +
                                      " but does not answer at " + socket.string(),
                                  false);
        }
        ::poll(nullptr, 0, 50);
    }
}

// A host may stop, or another one start, between two requests, or between finding it and asking it: whatever was
// certainly not carried out is asked again of whoever holds the store then.
class RenewingConnection final : public HostAccess, private ApiClient {
  public:
    RenewingConnection(const Config& config, StoreUse use)
        : config_(config), use_(use), current_(connect_once(config_, use_)) {}
    ApiClient& client() override { return *this; }
    bool host_running() const override { return current_ && current_->host_running(); }

  private:
    ApiResponse request(const std::string& method, const std::string& target,
                        const std::string& body) override {
        const SteadyTime deadline = patience();
        for (;;) {
            try {
                if (!current_) current_ = connect_once(config_, use_);
                return current_->client().request(method, target, body);
            } catch (const HostUnreachable& lost) {
                const bool harmless = !lost.maybe_done() || method == "GET";
                if (!current_ || !harmless || std::chrono::steady_clock::now() >= deadline) throw;
            }
            current_.reset();
        }
    }

    const Config config_;
    const StoreUse use_;
    std::unique_ptr<HostAccess> current_;
};
}  // namespace

EngineOptions engine_options(const Config& config) {
    EngineOptions options;
    options.store = store_path(config);
    options.durability = config.durability == "process" ? Durability::Process : Durability::Full;
    options.default_step_timeout_ms = config.default_step_timeout_ms;
    options.max_runtime_ms = config.max_runtime_ms;
    options.missing_handler_timeout_ms = config.missing_handler_timeout_ms;
    options.fail_missing_handler = config.missing_handler == "fail";
    options.upkeep = upkeep_options(config);
    options.flight_folder = flight_folder(state_folder(config));
    return options;
}

bool store_exists(const Config& config) {
    const std::filesystem::path store = store_path(config);
    std::error_code fault;
    const bool there = std::filesystem::exists(store, fault);
    if (fault && fault != std::errc::no_such_file_or_directory) {
        throw BootstrapError("the store " + store.string() + " cannot be looked at: " + fault.message(),
                             "run the command as the user that runs the host, or check TASKER_STATE_DIR");
    }
    return there;
}

std::unique_ptr<HostAccess> connect(const Config& config, StoreUse use) {
    if (is_postgres(config)) {
        throw BootstrapError("there is no PostgreSQL runtime in this version",
                             "unset DATABASE_URL for the embedded engine");
    }
    const std::filesystem::path store = store_path(config);
    if (use == StoreUse::Existing && !store_exists(config)) {
        throw CommandFailure(ExitCode::NotFound, "NOT_FOUND", "there is no store at " + store.string(),
                             "nothing was submitted yet, or TASKER_STATE_DIR points elsewhere");
    }
    make_private_folder(store.parent_path());
    return std::make_unique<RenewingConnection>(config, use);
}

std::string expect_document(const ApiResponse& response) {
    if (response.status == 200) return response.body;
    const auto error = json_member(response.body, "error");
    const auto text = [&](std::string_view key) {
        return error ? json_string_member(*error, key).value_or("") : std::string{};
    };
    std::string message = text("message");
    if (message.empty()) message = "the host answered with status " + std::to_string(response.status);
    const std::string code = text("code").empty() ? "FAILED" : text("code");
    // The host did what was asked and it went wrong; other 500s are faults of the host itself.
    const bool failed = response.status == 500 && code == "FAILED";
    throw CommandFailure(failed ? ExitCode::Failed : exit_of(response.status), code, message, text("hint"));
}

std::string expect_allowed(const ApiResponse& response) {
    if (response.status != 400) return expect_document(response);
    const auto error = json_member(response.body, "error").value_or("{}");
    throw CommandFailure(ExitCode::Refused, json_string_member(error, "code").value_or("REFUSED"),
                         json_string_member(error, "message").value_or("its state does not allow it"),
                         json_string_member(error, "hint").value_or(""));
}

}  // namespace tasker::host
