#include "host/model/loss.hpp"

#include <doctest/doctest.h>

namespace tasker::host {

namespace {
Uuid uuid(std::uint8_t last) {
    Uuid made;
    made.bytes[15] = last;
    return made;
}
FlightEntry entry(std::uint8_t step, std::int64_t claimed_ms = 100) {
    FlightEntry made;
    made.step_uuid = uuid(step);
    made.claimed_ms = claimed_ms;
    made.started_ms = 1000;
    made.plugin = "orders";
    made.callable = "orders.charge";
    made.step = "charge";
    return made;
}
FlightReport report(std::vector<FlightEntry> running, std::optional<std::size_t> culprit = std::nullopt) {
    FlightReport made;
    made.running = std::move(running);
    if (culprit) {
        made.crash.emplace();
        made.crash->signal = 11;
        made.crash->at_ms = 1812;
        made.crash->culprit = culprit;
    }
    return made;
}
LossPart part_of(const std::vector<FlightReport>& reports, std::uint8_t step, std::int64_t claimed_ms = 100) {
    return find_loss(reports, uuid(step), claimed_ms).part;
}
}  // namespace

TEST_CASE("loss: the step on the thread that crashed is blamed, whatever ran beside it is not") {
    const std::vector<FlightReport> reports{report({entry(1), entry(2), entry(3)}, 1)};
    CHECK(part_of(reports, 1) == LossPart::Bystander);
    CHECK(part_of(reports, 2) == LossPart::Blamed);
    CHECK(part_of(reports, 3) == LossPart::Bystander);
    CHECK(part_of(reports, 4) == LossPart::Bystander);  // claimed, not started
}

TEST_CASE("loss: a death that nobody is blamed for tells what ran from what did not") {
    FlightReport elsewhere = report({entry(2)});
    elsewhere.crash.emplace();  // on a thread that ran no handler
    const std::vector<FlightReport> reports{report({entry(1)}), elsewhere};
    CHECK(part_of(reports, 1) == LossPart::Running);
    CHECK(part_of(reports, 2) == LossPart::Running);
    CHECK(part_of(reports, 3) == LossPart::Bystander);
    CHECK(part_of({}, 1) == LossPart::Bystander);
}

TEST_CASE("loss: an old report says nothing about a later claim of the same step") {
    const std::vector<FlightReport> reports{report({entry(1, 100)}, 0)};
    CHECK(part_of(reports, 1, 100) == LossPart::Blamed);
    CHECK(part_of(reports, 1, 101) == LossPart::Bystander);
}

TEST_CASE("loss: the third crash is the last, and no crash is waited for") {
    for (int before = 0; before < 5; ++before) {
        CAPTURE(before);
        const LossVerdict verdict = judge_loss(LossPart::Blamed, {before, 9});
        CHECK(verdict.poison == (before >= 2));
        CHECK(verdict.delay_ms == 0);
    }
}

TEST_CASE("loss: from the second loss in a row a running step waits, the tenth is the last") {
    const std::vector<std::int64_t> delays{0, 1000, 2000, 4000, 8000, 16'000, 32'000, 60'000, 60'000};
    for (int before = 0; before < 9; ++before) {
        CAPTURE(before);
        const LossVerdict verdict = judge_loss(LossPart::Running, {2, before});
        CHECK_FALSE(verdict.poison);
        CHECK(verdict.delay_ms == delays[static_cast<std::size_t>(before)]);
    }
    CHECK(judge_loss(LossPart::Running, {0, 9}).poison);
    CHECK(judge_loss(LossPart::Running, {0, 1000}).poison);
}

TEST_CASE("loss: a bystander is never held to anything") {
    const LossVerdict verdict = judge_loss(LossPart::Bystander, {2, 1000});
    CHECK_FALSE(verdict.poison);
    CHECK(verdict.delay_ms == 0);
}

TEST_CASE("loss: what is written about it names signal, callable and plugin") {
    const std::vector<FlightReport> blamed{report({entry(7)}, 0)}, killed{report({entry(7)})};
    const LossFinding crash = find_loss(blamed, uuid(7), 100), loss = find_loss(killed, uuid(7), 100);
    CHECK(loss_note(crash, "gone") ==
          "crashed its worker: signal 11 (Segmentation fault) in callable 'orders.charge' of plugin 'orders' "
          "(step 'charge' 00000000-0000-0000-0000-000000000007, 812 ms in)");
    CHECK(loss_note(loss, "gone") == "gone while it ran");
    CHECK(loss_note({}, "gone") == "gone");
    CHECK(
        poison_text(crash) ==
        "the step crashed its worker 3 times, the last time with signal 11 (Segmentation fault) in callable "
        "'orders.charge' of plugin 'orders'");
    CHECK(poison_text(loss).find("10 times in a row") != std::string::npos);
}

}  // namespace tasker::host
