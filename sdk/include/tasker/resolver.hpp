#pragma once
// Resolvers: which handler of this plugin runs a callable that is no handler's name, so that templates may name
// report.daily and report.weekly and one handler serves both. Named beside the handlers:
// TASKER_PLUGIN("org.example.reports", "1.0.0", Report, ReportResolver).
//
//   class ReportResolver : public tasker::HandlerResolver {
//     public:
//       static constexpr std::string_view resolver_name = "reports";
//       static constexpr std::string_view prefix = "report.";       // or pattern = R"(report\.([a-z]+))"
//       static constexpr int priority = 40;                         // absent: 50
//       std::optional<std::string> resolve(const tasker::AskedCallable& asked) override {
//           if (asked.rest == "secret") return std::nullopt;        // not mine
//           return std::string(Report::handler_name);
//       }
//   };
//
// or in one line:
//
//   using Reports = tasker::prefix_resolver<"reports", "report.", [](const tasker::AskedCallable&)
//       -> std::optional<std::string> { return "reports.any"; }>;
//   using Queries = tasker::pattern_resolver<"queries", "sql\\.([a-z]+)", [](const tasker::AskedCallable& asked)
//       -> std::optional<std::string> { return asked.groups[0] == "read" ? "sql.read" : "sql.write"; }>;
//
// The handler sees the callable as context.handler_name(). A pattern is a regular expression over the whole callable; its
// grammar is in abi_resolvers.h. One instance a worker, constructed from nothing or from a `const ResolverSetup&`; asked on
// several threads at once, and must be quick: steps wait for it. The same callable must have the same answer. What it
// throws, and a handler that this plugin does not have, fail the step by name when nobody else has the callable.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasker/abi_resolvers.h"
#include "tasker/detail/text.hpp"
#include "tasker/domain_event.hpp"

namespace tasker {

// The views are valid during resolve(). A test makes one as it likes.
struct AskedCallable {
    std::string_view callable;  // the whole of it
    std::string_view rest{};    // what follows the prefix; empty for a resolver by pattern
    std::vector<std::string_view>
        groups{};  // what the pattern's groups caught; empty for a resolver by prefix
};

// The plugin's configuration, a logger and its state.
using ResolverSetup = EventSetup;

class HandlerResolver {
  public:
    HandlerResolver() = default;
    HandlerResolver(const HandlerResolver&) = delete;
    HandlerResolver& operator=(const HandlerResolver&) = delete;
    virtual ~HandlerResolver() = default;

    // The handler_name of one of this plugin's handlers; nullopt: not mine.
    virtual std::optional<std::string> resolve(const AskedCallable& asked) = 0;
};

template <fixed_string Name, fixed_string Prefix, auto Function, int Priority = TASKER_RESOLVER_PRIORITY>
class prefix_resolver : public HandlerResolver {
  public:
    static constexpr std::string_view resolver_name = Name.view();
    static constexpr std::string_view prefix = Prefix.view();
    static constexpr int priority = Priority;
    std::optional<std::string> resolve(const AskedCallable& asked) override { return Function(asked); }
};

template <fixed_string Name, fixed_string Pattern, auto Function, int Priority = TASKER_RESOLVER_PRIORITY>
class pattern_resolver : public HandlerResolver {
  public:
    static constexpr std::string_view resolver_name = Name.view();
    static constexpr std::string_view pattern = Pattern.view();
    static constexpr int priority = Priority;
    std::optional<std::string> resolve(const AskedCallable& asked) override { return Function(asked); }
};

}  // namespace tasker
