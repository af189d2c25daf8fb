#pragma once
// What became of the search for a step's handler.

#include <cstdint>
#include <memory>
#include <string>

#include "host/registry/handler.hpp"

namespace tasker::host {

struct Resolution {
    enum class Verdict : std::uint8_t {
        Found,
        NoHandler,       // nobody who was asked has it
        NoSuchResolver,  // the hint names none
    };
    Verdict verdict = Verdict::NoHandler;
    std::shared_ptr<Handler> handler;  // null unless Found
    std::string resolver;              // which one found it, or which one was hinted
    bool resolver_failed = false;      // one that was asked threw
    bool by_step_name = false;         // found under the step's name instead of its callable
    // Why not, with the names that there are; empty when Found.
    std::string fault;

    explicit operator bool() const { return verdict == Verdict::Found; }
};

// The method that a step asks for; "call" when it names none.
std::string_view effective_method(std::string_view method);
// Whether the handler has it.
bool offers_method(const HandlerInfo& info, std::string_view method);
// "call, refund": what it has.
std::string methods_of(const HandlerInfo& info);

}  // namespace tasker::host
