#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "host/core/error.hpp"
#include "host/scan/verdict_cache.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/scan/sample_facts.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;
namespace fs = std::filesystem;

namespace {
const VerdictRules kRules{"judge 1", "loader 1"};
constexpr std::int64_t kNow = 1'790'000'000'000;

std::string hash(char digit) { return std::string(64, digit); }

KeptVerdict kept(VerdictKind kind, std::int64_t made_ms = kNow) {
    Verdict verdict{kind, kind == VerdictKind::Ok ? "" : "because \"x\"\n", {}, "it said\tso"};
    if (kind == VerdictKind::Ok) verdict.facts = sample_facts();
    return {std::move(verdict), "/plugins/a.so", made_ms, {}};
}

struct Place {
    TempDir dir;
    fs::path file = dir / "verdicts.json";
    VerdictCache open(const VerdictRules& rules = kRules) const { return {file, rules}; }
    std::string text() const {
        std::ifstream in(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
};
}  // namespace

TEST_CASE("verdicts outlive the process that made them") {
    const Place place;
    VerdictCache first = place.open();
    CHECK(first.warning().empty());
    CHECK(first.find(hash('a'), kNow) == nullptr);
    first.put(hash('a'), kept(VerdictKind::Ok));
    first.put(hash('b'), kept(VerdictKind::Crashed));
    first.put(hash('c'), kept(VerdictKind::Unknown));
    CHECK(first.changed());
    first.save();
    CHECK_FALSE(first.changed());

    const VerdictCache second = place.open();
    REQUIRE(second.all().size() == 2);
    const KeptVerdict* good = second.find(hash('a'), kNow + 1'000'000'000);
    REQUIRE(good != nullptr);
    CHECK(facts_json(*good->verdict.facts) == facts_json(sample_facts()));
    CHECK(good->verdict.output == "it said\tso");
    CHECK(second.find(hash('b'), kNow)->verdict.reason == "because \"x\"\n");
    CHECK(second.find(hash('b'), kNow)->file == "/plugins/a.so");
    const auto quarantine = quarantine_of(second);
    REQUIRE(quarantine.size() == 1);
    CHECK(quarantine.at(hash('b')).find("plugin unquarantine bbbbbbbbbbbb") != std::string::npos);
}

TEST_CASE("another host or another probe judges anew") {
    const Place place;
    VerdictCache cache = place.open();
    cache.put(hash('a'), kept(VerdictKind::Crashed));
    cache.save();
    const VerdictCache other = place.open({"judge 2", "loader 1"});
    CHECK(other.all().empty());
    CHECK(other.warning().empty());
}

TEST_CASE("what the system loader refused is tried again when libraries changed, or after ten minutes") {
    const Place place;
    VerdictCache cache = place.open();
    cache.put(hash('a'), kept(VerdictKind::Unloadable));
    cache.put(hash('b'), kept(VerdictKind::Incompatible));
    cache.save();
    CHECK(cache.find(hash('a'), kNow + 599'000) != nullptr);
    CHECK(cache.find(hash('a'), kNow + 601'000) == nullptr);
    CHECK(cache.find(hash('a'), kNow - 1) == nullptr);
    const VerdictCache changed = place.open({"judge 1", "loader 2"});
    CHECK(changed.find(hash('a'), kNow) == nullptr);
    CHECK(changed.find(hash('b'), kNow) != nullptr);
}

TEST_CASE("a damaged file is an empty one with a warning, and is replaced") {
    const Place place;
    VerdictCache cache = place.open();
    cache.put(hash('a'), kept(VerdictKind::Ok));
    cache.save();
    const std::string whole = place.text();
    REQUIRE(whole.size() > 200);
    for (std::size_t size : {std::size_t{0}, std::size_t{1}, whole.size() / 2, whole.size() - 3}) {
        std::ofstream(place.file, std::ios::binary) << whole.substr(0, size);
        VerdictCache damaged = place.open();
        CHECK(damaged.all().empty());
        CHECK_MESSAGE(damaged.warning().find("verdicts.json") != std::string::npos, size);
    }
    for (const std::string& text :
         {std::string(R"({"format":2,"judge":"judge 1","verdicts":[]})"),
          std::string(R"({"format":1,"judge":"judge 1","verdicts":[{"sha256":"ab","kind":"ok"}]})"),
          std::string(R"({"format":1,"judge":"judge 1"})"), std::string("[]")}) {
        std::ofstream(place.file, std::ios::binary) << text;
        CHECK_MESSAGE(!place.open().warning().empty(), text);
    }
    VerdictCache next = place.open();
    next.put(hash('b'), kept(VerdictKind::Hung));
    next.save();
    CHECK(place.open().warning().empty());
    CHECK(place.open().all().size() == 1);
    fs::remove(place.file);
    fs::create_directory(place.file);
    CHECK(place.open().warning().find("not a file") != std::string::npos);
}

TEST_CASE("two processes add to one file, and what one took out stays out") {
    const Place place;
    VerdictCache first = place.open();
    first.put(hash('a'), kept(VerdictKind::Crashed));
    first.save();
    VerdictCache scan = place.open(), operators = place.open();
    scan.put(hash('b'), kept(VerdictKind::Ok));
    CHECK(operators.forget(hash('a')));
    CHECK_FALSE(operators.forget(hash('a')));
    operators.save();
    scan.save();
    CHECK(scan.all().size() == 1);
    CHECK(place.open().find(hash('a'), kNow) == nullptr);
    CHECK(place.open().find(hash('b'), kNow) != nullptr);
}

TEST_CASE("only the newest verdicts are kept") {
    const Place place;
    VerdictCache cache = place.open();
    std::string sha256 = hash('0');
    for (std::size_t i = 0; i < VerdictCache::kMostVerdicts + 10; ++i) {
        std::string number = std::to_string(i);
        sha256.replace(64 - number.size(), number.size(), number);
        cache.put(sha256, kept(VerdictKind::Incompatible, kNow + static_cast<std::int64_t>(i)));
    }
    cache.save();
    CHECK(cache.all().size() == VerdictCache::kMostVerdicts);
    CHECK(cache.find(sha256, kNow) != nullptr);
    CHECK(cache.find(hash('0'), kNow) == nullptr);
}

TEST_CASE("a file that cannot be written is told with its path, and nothing is lost in memory") {
    const Place place;
    VerdictCache cache({"/proc/no/verdicts.json"}, kRules);
    cache.put(hash('a'), kept(VerdictKind::Ok));
    CHECK_THROWS_WITH_AS(cache.save(), doctest::Contains("/proc/no/verdicts.json.lock"), Error);
    CHECK(cache.changed());
}
