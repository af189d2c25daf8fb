#pragma once
// Steps that decide which branches are taken: the handler of a template step of type `decision`.
//
//   class RouteOrder : public tasker::DecisionHandler {
//     public:
//       static constexpr std::string_view handler_name = "orders.route";
//       tasker::StepHandlerResult call(tasker::StepContext& context) override {
//           const auto amount = context.require_input<double>("amount");
//           if (amount == 0) return skip_branches("nothing to approve");
//           return route_to_steps({amount < 1000 ? "auto_approve" : "manager_approval"}, {{"amount", amount}});
//       }
//   };
//
// or in one line:
//
//   using Route = tasker::decision_function<"orders.route", [](const tasker::json& amount) {
//       return tasker::Decision::route({amount < 1000 ? "auto_approve" : "manager_approval"});
//   }, tasker::inputs<"amount">>;
//
// Steps that no decision names are not made. The result is an object with decision_point_outcome, which the host writes,
// checks against the template and acts upon; what stands beside it is for later steps.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tasker/function_handler.hpp"
#include "tasker/step_handler.hpp"

namespace tasker {

enum class DecisionType : std::uint8_t { CreateSteps, NoBranches };

// A decision as a value: what a decision_function returns.
class Decision {
  public:
    // The steps to make: names of template steps below this one. routing_context: why, for people and later steps; kept
    // when it is not empty.
    static Decision route(std::vector<std::string> steps, json routing_context = json::object(),
                          json metadata = json::object()) {
        return {
            DecisionType::CreateSteps, std::move(steps), {}, std::move(routing_context), std::move(metadata)};
    }
    // No branch; the reason stands in the result.
    static Decision skip(std::string reason, json routing_context = json::object(),
                         json metadata = json::object()) {
        return {
            DecisionType::NoBranches, {}, std::move(reason), std::move(routing_context), std::move(metadata)};
    }
    // What an earlier decision came to, from its result; nothing when that is none.
    static std::optional<Decision> of(const json& result) {
        if (!result.is_object()) return std::nullopt;
        const json outcome = result.value(detail::kDecisionKey, json());
        if (!outcome.is_object()) return std::nullopt;
        const json type = outcome.value("type", json());
        const json context = result.value("routing_context", json::object());
        if (type == "create_steps") {
            const detail::Where where{"decision", "step_names"};
            return route(
                detail::convert<std::vector<std::string>>(outcome.value("step_names", json()), where),
                context);
        }
        if (type != "no_branches") return std::nullopt;
        const json reason = result.value("reason", json(""));
        return skip(reason.is_string() ? reason.get<std::string>() : std::string{}, context);
    }

    DecisionType type() const noexcept { return type_; }
    const std::vector<std::string>& step_names() const noexcept { return steps_; }
    const std::string& reason() const noexcept { return reason_; }
    const json& routing_context() const noexcept { return context_; }

    // Throws ValidationError (INVALID_DECISION_OUTCOME): no steps, an empty name.
    StepHandlerResult to_step_result() const {
        json result = json::object();
        if (!context_.empty()) result["routing_context"] = context_;
        if (type_ == DecisionType::CreateSteps)
            return StepHandlerResult::decision(steps_, std::move(result), metadata_);
        result["reason"] = reason_;
        return StepHandlerResult::no_branches(std::move(result), metadata_);
    }

  private:
    Decision(DecisionType type, std::vector<std::string> steps, std::string reason, json context,
             json metadata)
        : type_(type),
          steps_(std::move(steps)),
          reason_(std::move(reason)),
          context_(std::move(context)),
          metadata_(std::move(metadata)) {}

    DecisionType type_;
    std::vector<std::string> steps_;
    std::string reason_;
    json context_, metadata_;
};

class DecisionHandler : public StepHandler {
  public:
    static constexpr HandlerKind handler_kind = HandlerKind::Decision;

  protected:
    static StepHandlerResult decision_success(std::vector<std::string> steps,
                                              json routing_context = json::object(),
                                              json metadata = json::object()) {
        return Decision::route(std::move(steps), std::move(routing_context), std::move(metadata))
            .to_step_result();
    }
    static StepHandlerResult route_to_steps(std::vector<std::string> steps,
                                            json routing_context = json::object(),
                                            json metadata = json::object()) {
        return decision_success(std::move(steps), std::move(routing_context), std::move(metadata));
    }
    static StepHandlerResult decision_success_with_outcome(const Decision& decision) {
        return decision.to_step_result();
    }
    static StepHandlerResult skip_branches(std::string reason, json routing_context = json::object(),
                                           json metadata = json::object()) {
        return Decision::skip(std::move(reason), std::move(routing_context), std::move(metadata))
            .to_step_result();
    }
    // No branch, with a result of the author's own: an object.
    static StepHandlerResult decision_no_branches(json result = json::object(),
                                                  json metadata = json::object()) {
        return StepHandlerResult::no_branches(std::move(result), std::move(metadata));
    }
    static StepHandlerResult decision_failure(std::string message, std::string type = "decision_error",
                                              bool retryable = false, json metadata = json::object(),
                                              std::string error_code = {}) {
        return StepHandlerResult::failure(std::move(message), std::move(type), retryable, std::move(metadata),
                                          std::move(error_code));
    }
};

// The function returns a Decision or a StepHandlerResult; what it takes is as of function_handler.
template <fixed_string Name, auto Function, class... Injected>
class decision_function : public detail::NamedFunction<Name> {
  public:
    static constexpr HandlerKind handler_kind = HandlerKind::Decision;

    StepHandlerResult call(StepContext& context) override {
        return detail::with_injected<Injected...>(context, [&](const auto&... values) {
            return detail::function_result<Function>(context, values...);
        });
    }
};

}  // namespace tasker
