#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "host/core/json_text.hpp"
#include "host/loader/failure_text.hpp"
#include "host/loader/outcome_text.hpp"

using namespace tasker::host;

namespace {
using Texts = std::vector<std::string_view>;

std::string fault_of(const OutcomeText& made) {
    CHECK(made.json.empty() == made.fault.has_value());
    return made.fault.value_or("(none)");
}

#define SAYS(made, part)                                           \
    do {                                                           \
        const std::string text = fault_of(made);                   \
        CHECK_MESSAGE(text.find(part) != std::string::npos, text); \
    } while (false)

OutcomeText batch(std::string_view cursor, std::string_view result = {}) {
    return batches_text("load", Texts{cursor}, result);
}
}  // namespace

TEST_CASE("D01: the decision is the first member of the result, and a name counts once") {
    CHECK(
        decision_text(Texts{"a", "b", "a"}, R"( {"routing_context":{"x":1}} )").json ==
        R"({"decision_point_outcome":{"type":"create_steps","step_names":["a","b"]},"routing_context":{"x":1}})");
    CHECK(decision_text(Texts{"q\"uote"}, {}).json ==
          R"({"decision_point_outcome":{"type":"create_steps","step_names":["q\"uote"]}})");
}

TEST_CASE("D02: a decision without steps takes no branch") {
    CHECK(decision_text({}, " { } ").json == R"({"decision_point_outcome":{"type":"no_branches"}})");
    CHECK(decision_text({}, R"({"reason":"small"})").json ==
          R"({"decision_point_outcome":{"type":"no_branches"},"reason":"small"})");
}

TEST_CASE("D04: a decision that breaks a rule says which") {
    SAYS(decision_text(Texts{"a", ""}, {}), "the name of step 2 is empty");
    SAYS(decision_text(Texts{std::string_view("a\0b", 3)}, {}), "not plain text");
    SAYS(decision_text(Texts{"a\xff"}, {}), "not plain text");
    const std::string long_name(256, 'x');
    SAYS(decision_text(Texts{long_name}, {}), "longer than 255 bytes");
    SAYS(decision_text(Texts(101, "a"), {}), "at most 100 steps, not 101");
    SAYS(decision_text(Texts{"a"}, "[1]"), "must be an object");
    SAYS(decision_text(Texts{"a"}, "{"), "not JSON");
    SAYS(decision_text(Texts{"a"}, R"({"decision\u005fpoint_outcome":1})"), "which the host writes");
    const std::string large = R"({"x":")" + std::string((std::size_t{1} << 20U) - 20, 'x') + R"("})";
    SAYS(decision_text(Texts{"a"}, large), "larger than 1048576 bytes");
}

TEST_CASE("B04: batches have worker, count, cursors in order and the total") {
    const Texts cursors{R"({"start_cursor":0,"end_cursor":334})",
                        R"({"batch_id":"x","start_cursor":"a","end_cursor":{"k":1},"batch_size":7})"};
    CHECK(
        batches_text("load", cursors, R"({"note":1})").json ==
        R"({"batch_processing_outcome":{"type":"create_batches","worker_template_name":"load","worker_count":2,)"
        R"("cursor_configs":[{"batch_id":"001","start_cursor":0,"end_cursor":334,"batch_size":334},)"
        R"({"batch_id":"x","start_cursor":"a","end_cursor":{"k":1},"batch_size":7}],"total_items":341},"note":1})");
    CHECK(batch(R"({"start_cursor":0,"end_cursor":3})", R"({"total_items":1000})")
              .json.find(R"("total_items":1000},)") != std::string::npos);
}

TEST_CASE("B05: no cursors are no batches, and the worker's name is not needed") {
    CHECK(batches_text({}, {}, R"({"reason":"empty file"})").json ==
          R"({"batch_processing_outcome":{"type":"no_batches"},"reason":"empty file"})");
}

TEST_CASE("B04: a cursor that breaks a rule is named by its position") {
    const auto second = [](std::string_view cursor) {
        return batches_text("load", Texts{R"({"start_cursor":0,"end_cursor":1})", cursor}, {});
    };
    SAYS(second(""), "cursor 2 is empty");
    SAYS(second("3"), "cursor 2 is no object");
    SAYS(second(R"({"a":1}, {"b":2})"), "cursor 2 is not JSON");
    SAYS(second(R"({"end_cursor":1})"), "cursor 2 has no start_cursor");
    SAYS(second(R"({"start_cursor":1,"end_cursor":null})"), "cursor 2 has no end_cursor");
    SAYS(second(R"({"start_cursor":2,"end_cursor":1})"), "cursor 2 starts at 2 behind its end 1");
    SAYS(second(R"({"start_cursor":"a","end_cursor":"b"})"), "cursor 2 needs a batch_size");
    SAYS(second(R"({"start_cursor":0,"end_cursor":1,"batch_size":-1})"), "no integer from 0");
    SAYS(second(R"({"start_cursor":0,"end_cursor":1,"batch_size":4294967296})"), "no integer from 0");
    SAYS(second(R"({"start_cursor":-9223372036854775808,"end_cursor":9223372036854775807})"),
         "more than 4294967295 items");
    SAYS(second(R"({"start_cursor":0,"end_cursor":1,"batch_id":""})"), "batch_id");
    SAYS(second(R"({"start_cursor":0,"end_cursor":1,"batch_id":5})"), "batch_id 5");
    SAYS(second(R"({"start_cursor":0,"end_cursor":1,"batch_id":"a/b"})"), "1 to 64 of");
    SAYS(second(R"({"start_cursor":0,"end_cursor":1,"batch_id":"001"})"), "'001' of an earlier one");
    SAYS(batches_text("", Texts{R"({"start_cursor":0,"end_cursor":1})"}, {}), "template step is empty");
    SAYS(batch(R"({"start_cursor":0,"end_cursor":1})", R"({"batch_processing_outcome":{}})"),
         "which the host writes");
    const std::string large = R"({"start_cursor":")" + std::string(65536, 'x') + R"(","end_cursor":1})";
    SAYS(batch(large), "larger than 65536");
}

TEST_CASE("B03: the deepest cursor that is taken still makes a result that can be stored") {
    const auto nested = [](std::size_t levels) {
        return R"({"start_cursor":)" + std::string(levels, '[') + std::string(levels, ']') +
               R"(,"end_cursor":"z","batch_size":1})";
    };
    const auto made = batch(nested(96));
    REQUIRE_FALSE(made.fault);
    CHECK_FALSE(json_fault(made.json));
    SAYS(batch(nested(97)), "deeper than 97");
}

TEST_CASE("B13: a checkpoint needs a cursor and a count that is not negative") {
    CHECK_FALSE(given_checkpoint_fault({"0", 0, ""}));
    CHECK_FALSE(given_checkpoint_fault({R"("page-7")", 9, "[1]"}));
    CHECK(given_checkpoint_fault({"", 0, ""})->find("needs a cursor") != std::string::npos);
    CHECK(given_checkpoint_fault({" null ", 0, ""})->find("needs a cursor") != std::string::npos);
    CHECK(given_checkpoint_fault({"{", 0, ""})->find("cursor is not JSON") != std::string::npos);
    CHECK(given_checkpoint_fault({"1", 0, "{"})->find("accumulated results are not JSON") !=
          std::string::npos);
    CHECK(given_checkpoint_fault({"1", ~std::uint64_t{0}, ""})->find("negative") != std::string::npos);
}

TEST_CASE("B14: a checkpoint has a largest size, and one that is large is known") {
    const auto text = [](std::size_t size) { return '"' + std::string(size - 2, 'x') + '"'; };
    CHECK_FALSE(given_checkpoint_fault({text(65536), 0, text((std::size_t{1} << 20U) - 65536)}));
    CHECK(given_checkpoint_fault({text(65537), 0, ""}));
    CHECK(given_checkpoint_fault({"1", 0, text(std::size_t{1} << 20U)}));
    CHECK(is_large({"1", 0, text(262144)}));
    CHECK_FALSE(is_large({"1", 0, text(262143)}));
}

TEST_CASE("E01: an event's name is dotted lower case") {
    for (const auto* good : {"payment.authorized", "a.b", "a_1.b.c9"})
        CHECK_MESSAGE(may_be_event(good), good);
    for (const auto* bad : {"", "payment", ".a", "a.", "a..b", "A.b", "a b.c", "a-b.c", "a.\xc3\xa4"})
        CHECK_FALSE_MESSAGE(may_be_event(bad), bad);
    CHECK_FALSE(may_be_event(std::string(254, 'a') + ".b"));
}

TEST_CASE("R12: headers are an object of texts") {
    const auto headers = read_headers(R"({"Retry-After":"7","X\u002dA":"b\"c"})");
    REQUIRE(headers);
    CHECK(*headers == Headers{{"Retry-After", "7"}, {"X-A", "b\"c"}});
    CHECK(read_headers("")->empty());
    for (const auto* bad : {"[]", R"({"a":1})", R"({"":"x"})", R"({"a":{}})", "{"})
        CHECK_FALSE_MESSAGE(read_headers(bad), bad);
}
