// What each session granted, as the writer thread keeps it.

#include <algorithm>

#include "host/engine/orchestrator.hpp"

namespace tasker::host {

void Orchestrator::set_capacity(const std::shared_ptr<Session>& session, const Capacity& capacity) {
    auto found = std::ranges::find(books_, session, [](const auto& book) { return book->session; });
    if (found == books_.end()) {
        auto book = std::make_shared<Book>();
        book->session = session;
        book_of_.insert_or_assign(session.get(), book.get());
        books_.push_back(std::move(book));
        found = std::prev(books_.end());
    }
    Book& book = **found;
    book.slots = capacity.slots;
    book.lanes.clear();
    for (const LaneOffer& offer : capacity.lanes) {
        const LaneKey key{offer.namespace_name, offer.callable, offer.method};
        book.lanes[lanes_.ensure(connection_, key)].limit += offer.limit;
    }
    offer_missing(book);
    recount_claims();
    refresh_unserved();
}

// missing_handler = "fail": steps that nobody offers are delivered too, for the subscriber to refuse.
void Orchestrator::offer_missing(Book& book) {
    if (!options_.fail_missing_handler) return;
    const auto& served = book.session->options().namespaces;
    for (const auto& [id, lane] : lanes_.all()) {
        if (std::ranges::find(served, lane.key.namespace_name) == served.end()) continue;
        if (!book.lanes.contains(id)) book.lanes[id].limit = book.slots;
    }
}

void Orchestrator::remove_session(const Session* session) {
    std::erase_if(books_, [&](const auto& book) { return book->session.get() == session; });
    book_of_.erase(session);
    refresh_unserved();
}

void Orchestrator::refresh_unserved() {
    const std::int64_t now = std::max<std::int64_t>(clock_.steady_ms(), 1);
    for (auto& [id, lane] : lanes_.all()) {
        const bool served =
            std::ranges::any_of(books_, [&id = id](const auto& book) { return book->lanes.contains(id); });
        if (served) {
            lane.unserved_since_ms = 0;
        } else if (lane.unserved_since_ms == 0) {
            lane.unserved_since_ms = now;
        }
    }
}

bool Orchestrator::has_work_for_sessions() const {
    return std::ranges::any_of(books_, [&](const auto& book) {
        if (book->session->draining() || book->claimed >= book->slots) return false;
        return std::ranges::any_of(book->lanes, [&](const auto& entry) {
            return entry.second.claimed < entry.second.limit && lanes_.at(entry.first).open();
        });
    });
}

}  // namespace tasker::host
