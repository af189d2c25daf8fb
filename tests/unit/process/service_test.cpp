// What a service manager is told: over which address, and when.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "host/core/wakeup.hpp"
#include "host/process/service_notify.hpp"
#include "host/process/service_report.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/notify_socket.hpp"
#include "tests/support/temp_dir.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
using Environment = std::map<std::string, std::string>;
constexpr std::int64_t kPid = 4711;

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// A manager that takes everything down, or nothing.
struct Told {
    std::vector<std::string> messages;
    bool deaf = false;
    ManualClock clock;

    ServiceReport report(std::int64_t watchdog_ms) {
        NotifyTarget target;
        target.watchdog_ms = watchdog_ms;
        target.tell = [this](std::string_view text) {
            if (!deaf) messages.emplace_back(text);
            return !deaf;
        };
        return {std::move(target), clock};
    }
    int alive() const {
        int found = 0;
        for (const std::string& one : messages) found += one == "WATCHDOG=1\n" ? 1 : 0;
        return found;
    }
};
}  // namespace

TEST_CASE("service: nobody is told where there is no manager") {
    for (const Environment& environment :
         {Environment{}, {{"NOTIFY_SOCKET", ""}}, {{"WATCHDOG_USEC", "1000000"}}}) {
        const NotifyTarget target = notify_target(environment, kPid);
        CHECK_FALSE(target.tell);
        CHECK(target.watchdog_ms == 0);
        CHECK(target.fault.empty());
    }
    const ManualClock clock;
    ServiceReport report({}, clock);
    report.ready("x");
    report.reloading();
    report.stopping("x");
    report.turn();
    CHECK(report.due_ms() == kNever);
}

TEST_CASE("service: a datagram arrives at a path and at an abstract name") {
    const TempDir dir;
    for (const std::string& name : {(dir / "notify").string(), std::string{"@"}}) {
        CAPTURE(name);
        NotifySocket manager(name);
        const NotifyTarget target = notify_target({{"NOTIFY_SOCKET", manager.address()}}, kPid);
        REQUIRE(target.tell);
        CHECK(target.fault.empty());
        CHECK(target.tell("READY=1\n"));
        CHECK(target.tell("STATUS=two\n"));
        CHECK(manager.messages() == std::vector<std::string>{"READY=1\n", "STATUS=two\n"});
    }
}

TEST_CASE("service: a manager that does not listen, or does not keep up, holds nobody up") {
    const TempDir dir;
    const NotifyTarget nobody = notify_target({{"NOTIFY_SOCKET", (dir / "absent").string()}}, kPid);
    CHECK_FALSE(nobody.tell("READY=1\n"));
    NotifySocket manager((dir / "full").string());
    const NotifyTarget target = notify_target({{"NOTIFY_SOCKET", manager.address()}}, kPid);
    CHECK(manager.clog() > 0);
    CHECK_FALSE(target.tell("READY=1\n"));
    manager.messages();
    CHECK(target.tell("READY=1\n"));
}

TEST_CASE("service: an address or a watchdog that cannot be used is said, and left out") {
    const std::string longest(106, 'x');
    CHECK(notify_target({{"NOTIFY_SOCKET", "/" + longest}}, kPid).tell);
    CHECK(notify_target({{"NOTIFY_SOCKET", "@" + longest + "y"}}, kPid).fault.empty());
    for (const std::string& bad : {std::string{"relative"}, std::string{"/"}, std::string{"vsock:2:1234"},
                                   "/" + longest + "y", "@" + longest + "yz"}) {
        CAPTURE(bad);
        const NotifyTarget target = notify_target({{"NOTIFY_SOCKET", bad}, {"WATCHDOG_USEC", "5"}}, kPid);
        CHECK_FALSE(target.tell);
        CHECK(target.watchdog_ms == 0);
        CHECK(contains(target.fault, "NOTIFY_SOCKET: '" + bad + "'"));
    }
    for (const char* bad : {"0", "-1", "soon", "1s", "99999999999999999999"}) {
        CAPTURE(bad);
        const NotifyTarget target =
            notify_target({{"NOTIFY_SOCKET", "/run/n"}, {"WATCHDOG_USEC", bad}}, kPid);
        CHECK(target.tell);
        CHECK(target.watchdog_ms == 0);
        CHECK(contains(target.fault, "WATCHDOG_USEC: '" + std::string{bad} + "'"));
    }
    const auto watched = [](const char* limit, const char* whom) {
        return notify_target({{"NOTIFY_SOCKET", "/run/n"}, {"WATCHDOG_USEC", limit}, {"WATCHDOG_PID", whom}},
                             kPid);
    };
    CHECK(watched("30000000", "").watchdog_ms == 30'000);
    CHECK(watched("30000000", "4711").watchdog_ms == 30'000);
    CHECK(watched("1", "4711").watchdog_ms == 1);
    CHECK(watched("30000000", "4712").watchdog_ms == 0);  // a child inherits what is not meant for it
    CHECK(watched("30000000", "4712").fault.empty());
}

TEST_CASE("service: its life, with a line for people") {
    Told told;
    ServiceReport report = told.report(0);
    report.ready("Processing\ntasks");
    report.reloading();
    report.reloaded("Processing tasks");
    report.stopping("Draining");
    report.failed("no luck\r\nREADY=1");
    REQUIRE(told.messages.size() == 5);
    CHECK(told.messages[0] == "READY=1\nSTATUS=Processing tasks\n");
    CHECK(told.messages[1].rfind("RELOADING=1\nMONOTONIC_USEC=", 0) == 0);
    CHECK(told.messages[2] == "READY=1\nSTATUS=Processing tasks\n");
    CHECK(told.messages[3] == "STOPPING=1\nSTATUS=Draining\n");
    CHECK(told.messages[4] == "STATUS=no luck  READY=1\n");  // a text cannot say more than a text
    CHECK(report.due_ms() == kNever);
}

TEST_CASE("service: the watchdog is fed on turns of the main loop, from ready on, and by nothing else") {
    Told told;
    ServiceReport report = told.report(30'000);
    CHECK(report.due_ms() == kNever);
    told.clock.advance(60'000);
    report.turn();
    CHECK(told.alive() == 0);  // it still starts
    report.ready("x");
    const std::int64_t start = told.clock.steady_ms();
    CHECK(report.due_ms() == start + 15'000);
    // Turns that come anyway are enough: no wake-up of its own.
    for (int i = 0; i < 12; ++i) {
        told.clock.advance(5000);
        CHECK(told.clock.steady_ms() <= report.due_ms());
        report.turn();
    }
    CHECK(told.alive() == 6);
    // A loop that does not turn says nothing, however late it is.
    told.clock.advance(3'600'000);
    CHECK(told.alive() == 6);
    report.turn();
    report.turn();
    CHECK(told.alive() == 7);
    CHECK(report.due_ms() == told.clock.steady_ms() + 15'000);
}

TEST_CASE("service: what could not be said is said later, the newest state alone") {
    Told told;
    told.deaf = true;
    ServiceReport report = told.report(1000);
    report.ready("first");
    report.reloading();
    report.reloaded("second");
    CHECK(report.due_ms() == told.clock.steady_ms() + 500);
    report.turn();
    CHECK(told.messages.empty());
    told.clock.advance(400);
    report.turn();  // the watchdog fails, too: tried again, and not at once
    CHECK(report.due_ms() > told.clock.steady_ms());
    told.deaf = false;
    told.clock.advance(1000);
    report.turn();
    REQUIRE(told.messages.size() == 2);
    CHECK(told.messages[0] == "READY=1\nSTATUS=second\n");
    CHECK(told.alive() == 1);
    CHECK(report.due_ms() > told.clock.steady_ms());
}

TEST_CASE("service: the shortest watchdog does not make the loop spin") {
    Told told;
    ServiceReport report = told.report(1);
    report.ready("x");
    CHECK(report.due_ms() > told.clock.steady_ms());
    told.deaf = true;
    told.clock.advance(1);
    report.turn();
    CHECK(report.due_ms() > told.clock.steady_ms());
}
