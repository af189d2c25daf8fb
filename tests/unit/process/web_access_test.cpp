#include "host/process/web_access.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "host/core/error.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/process/invocation.hpp"

using namespace tasker::host;
using namespace tasker::host::testing;

namespace {
Config bound(const std::string& address, const std::filesystem::path& token = {}) {
    Config config;
    config.web_bind_address = address;
    config.web_token_file = token;
    return config;
}
}  // namespace

TEST_CASE("web access: loopback without a token, everything else with one") {
    const TempDir dir;
    const auto token = dir.write("token", "0123456789abcdef\n");
    ::chmod(token.c_str(), 0600);
    CHECK_FALSE(web_access(Config{}).address.has_value());
    CHECK(web_access(bound("127.0.0.1:0")).token.empty());
    CHECK(web_access(bound("127.0.0.1:0", token)).token == "0123456789abcdef");
    CHECK(web_access(bound("0.0.0.0:0", token)).address->str() == "0.0.0.0:0");
    for (const char* open : {"0.0.0.0:8080", "[::]:8080", "10.0.0.1:80"}) {
        CAPTURE(open);
        CHECK_THROWS_WITH_AS(web_access(bound(open)), doctest::Contains("no token is asked for"),
                             ConfigError);
    }
}

TEST_CASE("web access: a token that others may read, or that is none, is refused") {
    const TempDir dir;
    const auto refused = [&](const std::filesystem::path& path, const char* why) {
        CAPTURE(why);
        CHECK_THROWS_WITH_AS(web_access(bound("127.0.0.1:0", path)), doctest::Contains(why), ConfigError);
    };
    const auto token = dir.write("token", "0123456789abcdef");
    ::chmod(token.c_str(), 0604);
    refused(token, "everybody may read it");
    ::chmod(token.c_str(), 0440);
    CHECK_NOTHROW(web_access(bound("127.0.0.1:0", token)));
    refused(dir / "absent", "No such file");
    refused(dir.path(), "is no file");
    ::mkfifo((dir / "pipe").c_str(), 0600);
    refused(dir / "pipe", "is no file");
    const std::pair<std::string, const char*> texts[] = {{"", "from 16 to 1024"},
                                                         {"short\n", "from 16 to 1024"},
                                                         {std::string(1025, 'x'), "from 16 to 1024"},
                                                         {"two words are not one", "one word"},
                                                         {"0123456789abcde\xc3\xa9", "one word"}};
    for (const auto& [text, why] : texts) {
        const auto path = dir.write("bad", text);
        ::chmod(path.c_str(), 0600);
        refused(path, why);
    }
    const auto longest = dir.write("long", std::string(1024, 'x') + "\r\n");
    ::chmod(longest.c_str(), 0600);
    CHECK(web_access(bound("127.0.0.1:0", longest)).token.size() == 1024);
}

TEST_CASE("web access: a worker and config check refuse it as a matter of configuration") {
    Shell shell;
    shell.environment["TASKER_WEB_BIND_ADDRESS"] = "0.0.0.0:0";
    for (const auto& arguments : {std::vector<std::string>{"worker"}, {"config", "check"}}) {
        const Ran ran = shell.run(arguments);
        CHECK(ran.code == 2);
        CHECK_MESSAGE(ran.err.find("set TASKER_WEB_TOKEN_FILE, or bind to 127.0.0.1") != std::string::npos,
                      ran.err);
    }
    shell.environment["TASKER_WEB_BIND_ADDRESS"] = "somewhere:80";
    CHECK(shell.run({"worker"}).code == 2);
    CHECK(shell.run({"task", "list"}).code == 0);  // clients do not serve
}
