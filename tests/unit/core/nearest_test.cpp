#include "host/core/nearest.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace tasker::host;

TEST_CASE("Nearest: a slip finds its word, a different word finds none") {
    const std::vector<std::string> words{"validate_order", "reserve_inventory", "ship_order", "notify"};
    CHECK(nearest("validate_ordre", words) == "validate_order");
    CHECK(nearest("Ship_Order", words) == "ship_order");
    CHECK(nearest("notfiy", words) == "notify");
    CHECK_FALSE(nearest("completely_else", words));
    CHECK_FALSE(nearest("x", words));
    CHECK_FALSE(nearest("anything", {}));
    CHECK(did_you_mean("notifi", words) == ", did you mean 'notify'?");
    CHECK(did_you_mean("zzzzzz", words).empty());
}

TEST_CASE("Nearest: a hostile word of a megabyte is answered too") {
    CHECK_FALSE(nearest(std::string(1 << 20, 'q'), std::vector<std::string>{"notify"}));
}
