#include "host/api/metrics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace tasker::host;

namespace {
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
}  // namespace

TEST_CASE("metrics: counters by callable, whatever a callable is called") {
    WorkerStatus status;
    status.running = true;
    status.slots = 80;
    const std::string text = metrics_text(status, {{"orders.ship", 7, 2, 1, 3}, {"a\"b\\c\nd", 1, 0, 0, 0}});
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
    const std::string text = metrics_text({}, handlers);
    CHECK(std::count(text.begin(), text.end(), '\n') < 1000);
    CHECK(has(text, "tasker_steps_total{callable=\"other\",outcome=\"succeeded\"} 99800\n"));
}
