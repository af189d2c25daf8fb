// The flight recorder and its reader, which must believe nothing that it reads.

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <random>
#include <thread>

#include "host/core/error.hpp"
#include "host/core/flight_file.hpp"
#include "host/core/flight_recorder.hpp"
#include "host/model/flight_report.hpp"
#include "tests/support/temp_dir.hpp"

namespace tasker::host {

namespace {
Uuid uuid(std::uint8_t last) {
    Uuid made;
    made.bytes[15] = last;
    return made;
}

struct Flight {
    explicit Flight(std::uint32_t slots = 4) {
        FlightRecorderOptions options;
        options.file = file;
        options.slots = slots;
        recorder = std::make_shared<FlightRecorder>(options);
    }
    std::string bytes() const { return read_flight(open_flight(file)); }
    std::optional<FlightReport> report() const { return flight_report(bytes(), boot_of_this_machine()); }
    void begin(FlightSeat& seat, std::uint8_t step, std::string_view callable = "orders.charge") const {
        seat.begin({"orders", callable, "charge", task, steps[step], 1000, 900});
    }

    testing::TempDir folder;
    std::filesystem::path file = folder / "flight/018f0000-0000-7000-8000-000000000001";
    std::shared_ptr<FlightRecorder> recorder;
    Uuid task = uuid(9);
    std::array<Uuid, 3> steps{uuid(0), uuid(1), uuid(2)};
};
}  // namespace

TEST_CASE("flight: a running step is there from the begin to the end of its call") {
    Flight f;
    FlightSeat seat(f.recorder);
    REQUIRE(f.report());
    CHECK(f.report()->running.empty());
    CHECK(f.report()->pid == ::getpid());
    f.begin(seat, 1);
    const FlightReport during = f.report().value();
    REQUIRE(during.running.size() == 1);
    const FlightEntry& entry = during.running.front();
    CHECK(entry.plugin == "orders");
    CHECK(entry.callable == "orders.charge");
    CHECK(entry.step == "charge");
    CHECK(entry.task_uuid == uuid(9));
    CHECK(entry.step_uuid == uuid(1));
    CHECK(entry.started_ms == 1000);
    CHECK(entry.claimed_ms == 900);
    CHECK_FALSE(entry.publishing);
    CHECK_FALSE(during.crash);
    seat.phase(FlightPhase::Events);
    CHECK(f.report()->running.front().publishing);
    seat.end();
    CHECK(f.report()->running.empty());
}

TEST_CASE("flight: the crash record names the step of the thread that made it; only the first counts") {
    Flight f;
    FlightSeat mine(f.recorder);
    f.begin(mine, 1);
    std::jthread([&] {
        FlightSeat other(f.recorder);
        f.begin(other, 2);
        f.recorder->record_end({11, 0x10});
        // The process dies with both in the air: this one is read before the thread takes it back.
        const FlightReport report = f.report().value();
        REQUIRE(report.culprit() != nullptr);
        CHECK(report.culprit()->step_uuid == uuid(2));
        CHECK(report.running.size() == 2);
        CHECK(report.crash->signal == 11);
        CHECK(report.crash->address == 0x10);
        CHECK_FALSE(report.crash->stack_overflow);
    }).join();
    f.recorder->record_end({6, 0});
    CHECK(f.report()->crash->signal == 11);
}

TEST_CASE(
    "flight: a thread that runs no step brings the blame on the only one that runs, and on nobody of "
    "several") {
    Flight f;
    FlightSeat seat(f.recorder);
    f.begin(seat, 1);
    SUBCASE("one") {
        std::jthread([&] { f.recorder->record_end({11, 0x10}); }).join();
        const FlightReport report = f.report().value();
        REQUIRE(report.culprit() != nullptr);
        CHECK(report.culprit()->step_uuid == uuid(1));
    }
    SUBCASE("several") {
        std::jthread([&] {
            FlightSeat other(f.recorder);
            f.begin(other, 2);
            std::jthread([&] { f.recorder->record_end({11, 0x10}); }).join();
            const FlightReport report = f.report().value();
            CHECK(report.running.size() == 2);
            CHECK(report.culprit() == nullptr);
        }).join();
    }
}

TEST_CASE("flight: a thread without a handler, and a signal from outside, blame nobody") {
    Flight f;
    FlightSeat seat(f.recorder);
    SUBCASE("a thread between two calls") {
        f.begin(seat, 1);
        seat.end();
        f.recorder->record_end({11, 0x10});
    }
    SUBCASE("a signal that somebody sent") {
        f.begin(seat, 1);
        f.recorder->record_end({11, 0, false});
    }
    const FlightReport report = f.report().value();
    REQUIRE(report.crash);
    CHECK(report.culprit() == nullptr);
}

TEST_CASE("flight: an address just below the stack is an overflow") {
    Flight f;
    FlightSeat seat(f.recorder);
    f.begin(seat, 1);
    std::jthread([&] {
        FlightSeat other(f.recorder);
        f.begin(other, 2);
        pthread_attr_t attributes;
        void* low = nullptr;
        std::size_t size = 0;
        REQUIRE(::pthread_getattr_np(::pthread_self(), &attributes) == 0);
        ::pthread_attr_getstack(&attributes, &low, &size);
        ::pthread_attr_destroy(&attributes);
        f.recorder->record_end({11, reinterpret_cast<std::uintptr_t>(low) - 8});
        CHECK(f.report()->crash->stack_overflow);
    }).join();
}

TEST_CASE("flight: what a forked child does is not told of its parent") {
    Flight f;
    FlightSeat seat(f.recorder);
    f.begin(seat, 1);
    const pid_t child = ::fork();
    if (child == 0) {
        f.recorder->record_end({11, 0x10});
        ::_exit(0);
    }
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    CHECK_FALSE(f.report()->crash);
}

TEST_CASE(
    "flight: the file is private, made once, locked while its process lives and gone after a clean end") {
    Flight f;
    struct stat found {};
    REQUIRE(::stat(f.file.c_str(), &found) == 0);
    CHECK((found.st_mode & 07777) == 0600);
    REQUIRE(::stat(f.file.parent_path().c_str(), &found) == 0);
    CHECK((found.st_mode & 07777) == 0700);
    CHECK_FALSE(flight_is_over(open_flight(f.file)));
    FlightRecorderOptions again;
    again.file = f.file;
    CHECK_THROWS_AS(FlightRecorder{again}, Error);
    CHECK(f.report());
    const std::filesystem::path link = f.folder / "link";
    std::filesystem::create_symlink(f.file, link);
    CHECK_FALSE(open_flight(link));
    CHECK_FALSE(open_flight(f.folder.path()));
    f.recorder.reset();
    CHECK_FALSE(open_flight(f.file));
    CHECK(std::filesystem::is_empty(f.file.parent_path()));
}

TEST_CASE("flight: threads beyond the last seat go unrecorded, and a seat that is free again is taken") {
    Flight f(1);
    {
        FlightSeat one(f.recorder), two(f.recorder);
        f.begin(one, 1);
        f.begin(two, 2);
        CHECK(f.report()->running.size() == 1);
    }
    FlightSeat next(f.recorder);
    f.begin(next, 2);
    REQUIRE(f.report()->running.size() == 1);
    CHECK(f.report()->running.front().step_uuid == uuid(2));
    FlightSeat nowhere(nullptr);
    f.begin(nowhere, 1);
    nowhere.end();
}

TEST_CASE("flight: texts are cut, and cleaned of what is no plain letter") {
    Flight f;
    FlightSeat seat(f.recorder);
    f.begin(seat, 1, "a\n\x1b[31m\xff" + std::string(1000, 'x'));
    const std::string read = f.report()->running.front().callable;
    CHECK(read.size() == 104);
    CHECK(read.substr(0, 8) == "a??[31m?");
}

TEST_CASE("flight: what is no recorder's file, or another boot's, is not believed") {
    Flight f;
    FlightSeat seat(f.recorder);
    f.begin(seat, 1);
    const std::string sound = f.bytes();
    const Uuid boot = boot_of_this_machine();
    REQUIRE(flight_report(sound, boot));
    CHECK_FALSE(flight_report(sound, uuid(1)));
    CHECK_FALSE(flight_report(sound, Uuid{}));
    CHECK_FALSE(flight_report("", boot));
    for (const std::size_t size :
         {std::size_t{1}, sizeof(FlightHeader) - 1, sizeof(FlightHeader), sound.size() - 1})
        CHECK_FALSE(flight_report(std::string_view(sound).substr(0, size), boot));
    CHECK_FALSE(flight_report(sound + "x", boot));
    const auto with_header = [&](auto change) {
        std::string bytes = sound;
        FlightHeader header;
        std::memcpy(&header, bytes.data(), sizeof header);
        change(header);
        std::memcpy(bytes.data(), &header, sizeof header);
        return flight_report(bytes, boot);
    };
    CHECK_FALSE(with_header([](FlightHeader& header) { header.magic ^= 1; }));
    CHECK_FALSE(with_header([](FlightHeader& header) { ++header.version; }));
    CHECK_FALSE(with_header([](FlightHeader& header) { header.slots = 0xffff'ffff; }));
    CHECK_FALSE(with_header([](FlightHeader& header) { ++header.slots; }));
    const auto half = with_header([](FlightHeader& header) { header.crash_state = 1; });
    REQUIRE(half);
    CHECK_FALSE(half->crash);
    const auto odd =
        with_header([](FlightHeader& header) { header.crash_state = 2, header.crash_signal = 99; });
    REQUIRE(odd);
    CHECK_FALSE(odd->crash);
    const auto nobody = with_header([](FlightHeader& header) {
        header.crash_state = 2, header.crash_signal = 11, header.crash_slot = 3;
    });
    REQUIRE(nobody);
    CHECK(nobody->culprit() == nullptr);
}

TEST_CASE("flight: whatever a plugin scribbled, the reader returns") {
    Flight f;
    FlightSeat seat(f.recorder);
    f.begin(seat, 1);
    const std::string sound = f.bytes();
    const Uuid boot = boot_of_this_machine();
    std::mt19937 random(20261127);
    for (int round = 0; round < 5000; ++round) {
        std::string bytes = sound;
        for (int i = 0; i < 8; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
        const auto report = flight_report(bytes, boot);
        if (!report) continue;
        CHECK(report->running.size() <= 4);
        for (const FlightEntry& entry : report->running) {
            CHECK(entry.callable.size() <= 104);
            CHECK(entry.plugin.size() <= 64);
        }
        static_cast<void>(end_text(*report, "ended", 0));
    }
}

TEST_CASE("flight: the text of an end names the culprit, or what ran") {
    FlightReport report;
    CHECK(end_text(report, "ended with exit code 3", 2000) == "ended with exit code 3");
    FlightEntry entry;
    entry.callable = "orders.charge";
    entry.plugin = "orders";
    entry.step = "charge";
    entry.started_ms = 1000;
    const std::string step = "(step 'charge' 00000000-0000-0000-0000-000000000000, ";
    report.running.assign(5, entry);
    const std::string unblamed = end_text(report, "ended with signal 9 (Killed)", 1500);
    CHECK(unblamed.find(
              "ended with signal 9 (Killed) while it ran callable 'orders.charge' of plugin 'orders' " +
              step + "500 ms in)") == 0);
    CHECK(unblamed.find("and 2 more") != std::string::npos);
    report.crash.emplace();
    report.crash->culprit = 0;
    report.crash->at_ms = 1812;
    CHECK(end_text(report, "ended with exit code 5", 9000) ==
          "called exit(): exited without shutdown handshake during callable 'orders.charge' of plugin "
          "'orders' " +
              step + "812 ms in)");
    report.crash->signal = 11;
    report.crash->stack_overflow = true;
    CHECK(
        end_text(report, "ended with signal 11 (Segmentation fault)", 9000) ==
        "ended with signal 11 (Segmentation fault), a stack overflow, in callable 'orders.charge' of plugin "
        "'orders' " +
            step + "812 ms in)");
}

}  // namespace tasker::host
