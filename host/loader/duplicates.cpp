#include "host/loader/duplicates.hpp"

#include <map>

#include "host/loader/printable.hpp"

namespace tasker::host {

namespace {
using Offers = std::map<std::string, std::vector<PluginReport*>>;

std::set<std::string> mark(const Offers& offers, const std::string& what, const std::string& remedy) {
    std::set<std::string> duplicates;
    for (const auto& [name, reports] : offers) {
        if (reports.size() < 2) continue;
        duplicates.insert(name);
        std::string files;
        for (const auto* report : reports)
            files += (files.empty() ? "" : " and ") + printable(report->path.string(), 4096);
        for (auto* report : reports) {
            report->state = "duplicate";
            report->reason += (report->reason.empty() ? "" : "; ") +
                              (what + " '" + name + "' is offered by " + files + "; " + remedy);
        }
    }
    return duplicates;
}
}  // namespace

std::set<std::string> mark_duplicate_callables(const std::vector<PluginReport*>& reports) {
    Offers offers;
    for (auto* report : reports) {
        for (const auto& handler : report->handlers) offers[handler.callable].push_back(report);
    }
    return mark(offers, "callable", "none of them serves it: remove one file, or rename one callable");
}

std::set<std::string> mark_duplicate_resolvers(const std::vector<PluginReport*>& reports) {
    Offers offers;
    for (auto* report : reports) {
        for (const auto& resolver : report->resolvers) offers[resolver.name].push_back(report);
    }
    return mark(offers, "resolver", "none of them is asked: remove one file, or rename one resolver");
}

}  // namespace tasker::host
