#include "host/engine/open_task.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>

using namespace tasker::host;

TEST_CASE("TaskCache: results that replace each other cost their room once") {
    TaskCache cache(std::size_t{1} << 20U);
    for (int id = 1; id <= 10; ++id) {
        OpenTask task;
        task.id = id;
        task.steps.resize(1);
        cache.put(std::move(task));
    }
    const auto text = std::make_shared<const std::string>(1024, 'x');
    for (int i = 0; i < 5000; ++i) {
        cache.set_result(cache.find(1 + i % 10)->steps[0], text);
        cache.trim();
    }
    CHECK(cache.size() == 10);
}

TEST_CASE("TaskCache: what does not fit makes the oldest go") {
    TaskCache cache(64 * 1024);
    for (int id = 1; id <= 100; ++id) {
        OpenTask task;
        task.id = id;
        task.steps.resize(1);
        cache.set_result(cache.put(std::move(task)).steps[0], std::make_shared<const std::string>(4096, 'x'));
        cache.trim();
    }
    CHECK(cache.size() < 20);
    CHECK(cache.find(1) == nullptr);
    CHECK(cache.find(100) != nullptr);
}
