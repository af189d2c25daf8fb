#pragma once
// What operators ask of a supervisor, and its answers, as lines of JSON:
//   {"do":"status"} -> {"engine":{…},"namespaces":[…],"refused_plugins":[…],"findings":[…]}; with "namespace" that one alone
//   {"do":"restart","namespace":"payments","wait":true} -> {"namespace","generation" …} or {"error":{code,message,hint}}
// and rollback (with "to"), drain, pause, resume. One thread.

#include <cstdint>
#include <functional>
#include <string>

#include "host/supervisor/renewal.hpp"
#include "host/supervisor/supervisor.hpp"

namespace tasker::host {

class SupervisorDesk {
  public:
    using Answer = std::function<void(std::uint64_t call, const std::string& line)>;
    SupervisorDesk(Supervisor& supervisor, Renewal& renewal, Answer answer)
        : supervisor_(supervisor), renewal_(renewal), answer_(std::move(answer)) {}

    void ask(std::uint64_t call, const std::string& line);

  private:
    std::string act(std::uint64_t call, const std::string& line);
    std::string status(const std::string& only = {}) const;
    std::string what_goes_on(const std::string& ns) const;

    Supervisor& supervisor_;
    Renewal& renewal_;
    const Answer answer_;
};

}  // namespace tasker::host
