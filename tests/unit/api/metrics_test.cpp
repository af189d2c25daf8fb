#include "host/api/metrics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace tasker::host;

namespace {
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
}  // namespace

TEST_CASE("metrics: counters by callable, whatever a callable is called") {
    WorkerStatus status;
    status.running = true;
    status.slots = 80;
    const std::string text =
        metrics_text({status, {{"orders.ship", 7, 2, 1, 3}, {"a\"b\\c\nd", 1, 0, 0, 0}}});
    CHECK(has(text, "tasker_worker_up 1\n"));
    CHECK(has(text, "tasker_worker_slots 80\n"));
    CHECK(has(text, "# TYPE tasker_steps_total counter\n"));
    CHECK(has(text, "tasker_steps_total{callable=\"orders.ship\",outcome=\"succeeded\"} 7\n"));
    CHECK(has(text, "tasker_steps_total{callable=\"orders.ship\",outcome=\"failed\"} 2\n"));
    CHECK(has(text, "tasker_steps_waiting{callable=\"orders.ship\"} 3\n"));
    CHECK(has(text, "{callable=\"a\\\"b\\\\c\\nd\",outcome=\"succeeded\"} 1\n"));
}

TEST_CASE("metrics: a hundred thousand callables are a bounded number of series, and no count is lost") {
    std::vector<HandlerCounts> handlers;
    for (int i = 0; i < 100'000; ++i) handlers.push_back({"c" + std::to_string(i), 1, 0, 0, 0});
    const std::string text = metrics_text({{}, handlers});
    CHECK(std::count(text.begin(), text.end(), '\n') < 1000);
    CHECK(has(text, "tasker_steps_total{callable=\"other\",outcome=\"succeeded\"} 99800\n"));
}

TEST_CASE("metrics: the names that a Tasker worker has") {
    WorkerStatus status;
    status.running = true;
    status.worker_id = "w-1";
    status.uptime_ms = 61'999;
    status.database_pool_size = 2;
    const std::string text = metrics_text({status, {}, "1.2.3", {{"orders", 7, 1500}, {"a\"b", 1, 0}}});
    CHECK(has(text, "# TYPE tasker_worker_info gauge\n"));
    CHECK(has(text, "tasker_worker_info{version=\"1.2.3\",worker_id=\"w-1\",worker_type=\"cpp\"} 1\n"));
    CHECK(has(text, "tasker_worker_uptime_seconds 61\n"));
    CHECK(has(text, "tasker_worker_db_pool_size 2\n"));
    CHECK(has(text, "tasker_worker_queue_depth{namespace=\"orders\"} 7\n"));
    CHECK(has(text, "tasker_worker_queue_depth{namespace=\"a\\\"b\"} 1\n"));
    CHECK(has(text, "tasker_worker_queue_oldest_message_age_seconds{namespace=\"orders\"} 1.5\n"));
}

TEST_CASE("metrics: the health of the two channels, 0, 1 or 2") {
    const auto health = [](const MetricFacts& facts, const std::string& channel, const std::string& value) {
        return has(metrics_text(facts), "tasker_worker_channel_health{channel_name=\"" + channel + value);
    };
    const std::string dispatch = "step_dispatch\",component=\"subscriber\"} ";
    const std::string results = "step_results\",component=\"engine\"} ";
    MetricFacts facts;
    facts.status.running = true;
    CHECK(health(facts, dispatch, "0\n"));
    CHECK(health(facts, results, "0\n"));
    facts.status.abandoned_threads = 1;
    CHECK(health(facts, dispatch, "1\n"));
    facts.status.running = false;
    CHECK(health(facts, dispatch, "2\n"));
    facts.store_in_trouble = true;
    CHECK(health(facts, results, "2\n"));
}

TEST_CASE("metrics: as many namespaces as there may be series, and no step is lost") {
    MetricFacts facts;
    for (int i = 0; i < 5000; ++i) facts.queues.push_back({"n" + std::to_string(i), 2, i});
    const std::string text = metrics_text(facts);
    CHECK(std::count(text.begin(), text.end(), '\n') < 1000);
    CHECK(has(text, "tasker_worker_queue_depth{namespace=\"other\"} 9600\n"));
    CHECK(has(text, "tasker_worker_queue_oldest_message_age_seconds{namespace=\"other\"} 4.999\n"));
}

TEST_CASE("metrics: a family without a series is left out, and none is there twice") {
    const std::string text = metrics_text({});
    CHECK_FALSE(has(text, "tasker_worker_queue_depth"));
    CHECK_FALSE(has(text, "tasker_steps_total"));
    CHECK(text.ends_with("\n"));
    std::vector<std::string> names;
    for (std::size_t at = 0; (at = text.find("# TYPE ", at)) != std::string::npos; ++at)
        names.push_back(text.substr(at + 7, text.find(' ', at + 7) - at - 7));
    std::sort(names.begin(), names.end());
    CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
    CHECK(names.size() >= 10);
}
