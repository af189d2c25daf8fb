// The store cannot be written: results are kept and tried again, nothing new is taken in, and it is said once.

#include <algorithm>
#include <iterator>
#include <utility>

#include "host/engine/store_writer.hpp"

namespace tasker::host {

namespace {
constexpr std::int64_t kRetryMs = 1000;
constexpr std::int64_t kWatchEveryMs = 5000;

template <class Op>
void prepend(std::vector<Op>& to, std::vector<Op>& first) {
    first.insert(first.end(), std::make_move_iterator(to.begin()), std::make_move_iterator(to.end()));
    to = std::move(first);
    first.clear();
}
}  // namespace

void StoreWriter::enter_trouble(Operations batch, const std::string& why, bool for_good) {
    const bool news = !in_trouble_ || (for_good && !for_good_);
    in_trouble_ = true;
    for_good_ = for_good_ || for_good;
    lost_.store(for_good_, std::memory_order_relaxed);
    retry_at_ms_ = clock_.steady_ms() + kRetryMs;
    trouble_text_.with([&](std::string& text) { text = why; });
    if (news) {
        log_.error("the store cannot be written; results are kept in memory, nothing is claimed or accepted",
                   {{"store", options_.store.string()},
                    {"error_message", why},
                    {"resumes", for_good_ ? "no: stop the host and run 'store check'"
                                          : "by itself once it can be written"}});
    }
    prepend(backlog_.completions, batch.completions);
    prepend(backlog_.checkpoints, batch.checkpoints);
    prepend(backlog_.releases, batch.releases);
    refuse_unavailable(batch);
    refuse_unavailable(backlog_);
    answer_stopping();
}

void StoreWriter::refuse_unavailable(Operations& operations) {
    const std::string why =
        in_trouble_ ? "the store cannot be written: " + trouble() : "the engine has stopped";
    const Refused refused{Refusal::Unavailable, why,
                          in_trouble_ ? "try again once there is space on the disk" : ""};
    refuse(operations, refused);
    refuse_checkpoints(operations.checkpoints, why);
    end_prune(refused);
}

bool StoreWriter::turn_in_trouble() {
    refuse_unavailable(backlog_);
    for (SessionOp& op : backlog_.sessions) {
        if (op.kind != SessionOp::Kind::Drain && op.kind != SessionOp::Kind::Stop) continue;
        op.session->start_draining();
        if (op.ended) std::exchange(op.ended, {})();
    }
    if (for_good_ || clock_.steady_ms() < retry_at_ms_) return false;
    try {
        orchestrator_.begin();
        orchestrator_.statements().probe.run(clock_.unix_ms());
        orchestrator_.commit();
    } catch (const SqlError& error) {
        orchestrator_.rollback();
        enter_trouble({}, error.what(), error.is_damage());
        return false;
    }
    leave_trouble();
    return true;
}

void StoreWriter::leave_trouble() {
    in_trouble_ = false;
    trouble_text_.with([](std::string& text) { text.clear(); });
    log_.info("the store can be written again",
              {{"store", options_.store.string()}, {"results", backlog_.completions.size()}});
}

void StoreWriter::watch_file() {
    const std::int64_t now = clock_.steady_ms();
    if (for_good_ || now < next_watch_ms_) return;
    next_watch_ms_ = now + kWatchEveryMs;
    if (const std::string fault = watch_.fault(); !fault.empty()) enter_trouble({}, fault, true);
}

std::string StoreWriter::trouble() const {
    return trouble_text_.with([](const std::string& text) { return text; });
}

}  // namespace tasker::host
