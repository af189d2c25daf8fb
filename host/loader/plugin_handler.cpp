#include "host/loader/plugin_handler.hpp"

#include <exception>

#include "host/core/error.hpp"
#include "host/loader/error_text.hpp"
#include "host/loader/plugin_call.hpp"

namespace tasker::host {

namespace {
Failed broken(std::string message) {
    Failed failed;
    failed.message = std::move(message);
    failed.error_code = "HANDLER_EXCEPTION";
    return failed;
}

class PluginInstance final : public HandlerInstance {
  public:
    PluginInstance(std::shared_ptr<const Plugin> plugin, const HandlerDescriptor& descriptor,
                   std::shared_ptr<const HandlerSchemas> schemas, void* instance)
        : plugin_(std::move(plugin)),
          descriptor_(descriptor),
          schemas_(std::move(schemas)),
          instance_(instance) {}
    ~PluginInstance() override {
        if (descriptor_.table.destroy != nullptr) descriptor_.table.destroy(instance_);
    }
    PluginInstance(const PluginInstance&) = delete;
    PluginInstance& operator=(const PluginInstance&) = delete;

    // The ABI forbids exceptions, but a plugin not made with the SDK may let one through all the same. It is called
    // through a pointer that does not promise noexcept, or the compiler would drop the handlers below.
    StepOutcome call(const StepEvent& event, CallControl& control) override {
        try {
            if (auto refusal = schemas_->refusal(event)) return *std::move(refusal);
            PluginCall running(event, control, plugin_->descriptor().id, descriptor_.table,
                               descriptor_.info.callable);
            if (!running.started())
                return broken("more than " + std::to_string(kMaxRunningCalls) + " calls are running");
            int32_t (*const run)(void*, const tasker_step_v0*, tasker_call*) = descriptor_.table.call;
            return schemas_->checked(running.finish(run(instance_, running.step(), running.handle())));
        } catch (const std::exception& error) {
            return broken(error.what());
        } catch (...) {
            return broken("an exception that is not a std::exception crossed the plugin boundary");
        }
    }

  private:
    std::shared_ptr<const Plugin> plugin_;
    const HandlerDescriptor& descriptor_;  // of plugin_
    std::shared_ptr<const HandlerSchemas> schemas_;
    void* instance_;
};
}  // namespace

PluginHandler::PluginHandler(std::shared_ptr<const Plugin> plugin, std::size_t index,
                             const std::string& source, Logger log)
    : plugin_(std::move(plugin)),
      descriptor_(plugin_->descriptor().handlers[index]),
      info_(descriptor_.info),
      schemas_(std::make_shared<const HandlerSchemas>(info_)),
      log_(std::move(log)) {
    info_.source = source;
}

void PluginHandler::refuse(std::int32_t status, const std::string& text) {
    const std::string reason = status_name(status) + (text.empty() ? "" : ": " + text);
    if (!complained_.exchange(true)) {
        log_.error("Handler cannot be created", {{"plugin", info_.plugin_id},
                                                 {"callable", info_.callable},
                                                 {"path", info_.source},
                                                 {"error", reason}});
    }
    throw PluginError("handler " + info_.callable + " of " + info_.source + " cannot be created: " + reason,
                      status == TASKER_E_CONFIG
                          ? "correct the configuration section of plugin " + info_.plugin_id
                          : std::string{});
}

std::unique_ptr<HandlerInstance> PluginHandler::create(unsigned slot) {
    void* instance = nullptr;
    if (descriptor_.table.create != nullptr) {
        ErrorText error;
        const std::string& config = plugin_->config_json();
        const tasker_create_v0 args{sizeof(tasker_create_v0), slot,
                                    plugin_->host(),          {config.data(), config.size()},
                                    plugin_->state(),         error.sink()};
        const int32_t status = descriptor_.table.create(descriptor_.original, &args, &instance);
        if (status != TASKER_OK) refuse(status, error.text());
    }
    return std::make_unique<PluginInstance>(plugin_, descriptor_, schemas_, instance);
}

}  // namespace tasker::host
