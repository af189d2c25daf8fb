#pragma once
// The C functions behind a handler class, and its descriptor.

#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>

#include "tasker/abi.h"
#include "tasker/detail/deliver.hpp"
#include "tasker/detail/handler_traits.hpp"

namespace tasker::detail {

inline void explain(const tasker_sink* sink, std::string_view text) noexcept {
    if (sink != nullptr && sink->write != nullptr) sink->write(sink->ctx, text.data(), text.size());
}

// Runs make() and turns what it throws into a status and a text.
template <class Make>
std::int32_t make_contained(const tasker_sink* error, Make&& make) noexcept {
    try {
        make();
        return TASKER_OK;
    } catch (const std::bad_alloc&) {
        explain(error, "out of memory");
        return TASKER_E_NOMEM;
    } catch (const std::exception& failure) {
        explain(error, failure.what());
        return TASKER_E_CONFIG;
    } catch (...) {
        explain(error, "unknown exception");
        return TASKER_E_PANIC;
    }
}

// A handler with the host it was made by.
template <class H>
struct Instance {
    std::unique_ptr<H> handler;
    const tasker_host_v0* host;
};

template <class H>
std::int32_t create(const tasker_handler_v0*, const tasker_create_v0* args, void** out) noexcept {
    return make_contained(args->error, [&] {
        auto instance = std::make_unique<Instance<H>>();
        instance->host = args->host;
        if constexpr (std::is_constructible_v<H, const HandlerSetup&>) {
            const auto text = view(args->config_json);
            const HandlerSetup setup{text.empty() ? json::object() : parse(text, "plugin configuration"),
                                     args->slot, Logger(args->host), args->state};
            instance->handler = std::make_unique<H>(setup);
        } else {
            instance->handler = std::make_unique<H>();
        }
        *out = instance.release();
    });
}

template <class H>
StepHandlerResult unknown_method(std::string_view method) {
    std::string known = "call";
    for (std::size_t i = 0; i < method_count<H>(); ++i) known.append(", ").append(method_name<H>(i));
    return StepHandlerResult::failure("handler '" + std::string(name_of<H>()) + "' has no method '" +
                                          std::string(method) + "'; it has: " + known,
                                      ErrorType::PermanentError, false, {{"method", std::string(method)}},
                                      "METHOD_NOT_FOUND");
}

// A method that the handler does not declare is a failure: never another method's work.
template <class H>
StepHandlerResult dispatch(H& handler, StepContext& context) {
    const auto method = context.method();
    if (method.empty() || method == "call") return handler.call(context);
    for (std::size_t i = 0; i < method_count<H>(); ++i) {
        if (method_name<H>(i) != method) continue;
        if constexpr (HasMethodTable<H>) {
            return (handler.*(H::methods[i].function))(context);
        } else if constexpr (HasMethods<H>) {
            return handler.call_method(method, context);
        }
    }
    return unknown_method<H>(method);
}

template <class H>
std::int32_t call(void* self, const tasker_step_v0* step, tasker_call* running) noexcept {
    auto& instance = *static_cast<Instance<H>*>(self);
    return run_contained(*step->api, running, [&] {
        StepContext context(*step, running, instance.host);
        return dispatch(*instance.handler, context);
    });
}

template <class H>
void destroy(void* self) noexcept {
    delete static_cast<Instance<H>*>(self);
}

template <class H>
struct Descriptor {
    static constexpr tasker_handler_v0 value{
        .struct_size = sizeof(tasker_handler_v0),
        .kind = static_cast<std::uint32_t>(Kind<H>::value),
        .threads = static_cast<std::uint32_t>(Threads<H>::value),
        .max_instances = MaxInstances<H>::value,
        .capabilities = Capabilities<H>::value,
        .callable = StaticText<NameText<H>>::c_str(),
        .version = StaticText<VersionText<H>>::c_str(),
        .summary = StaticText<SummaryText<H>>::c_str(),
        .methods = method_count<H>() == 0 ? nullptr : MethodTexts<H>::list.data(),
        .method_count = method_count<H>(),
        .config_schema_json = StaticText<ConfigSchemaText<H>>::c_str(),
        .input_schema_json = StaticText<InputSchemaText<H>>::c_str(),
        .result_schema_json = StaticText<ResultSchemaText<H>>::c_str(),
        .user = nullptr,
        .create = &create<H>,
        .call = &call<H>,
        .destroy = &destroy<H>,
    };
};

// One State per process, made in init() and destroyed in shutdown().
template <class State>
std::int32_t init_state(const tasker_plugin_v0*, const tasker_host_v0* host, void** state,
                        const tasker_sink* error) noexcept {
    return make_contained(error, [&] {
        if constexpr (std::is_constructible_v<State, const PluginSetup&>) {
            *state = new State(PluginSetup{Logger(host)});
        } else {
            *state = new State();
        }
    });
}

template <class State>
void shutdown_state(const tasker_plugin_v0*, void* state) noexcept {
    delete static_cast<State*>(state);
}

}  // namespace tasker::detail
