#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>

#include "host/config/config.hpp"
#include "host/core/error.hpp"
#include "tests/support/temp_dir.hpp"

using namespace tasker::host;
using tasker::host::testing::TempDir;

namespace {
struct World {
    TempDir dir;
    ConfigInputs inputs;

    World() {
        inputs.working_directory = dir.path() / "cwd";
        std::filesystem::create_directories(inputs.working_directory);
        inputs.environment = {{"HOME", (dir.path() / "home").string()}};
        inputs.installed_prefix = dir.path() / "prefix";
    }
    std::string file(const std::string& text) {
        const auto path = dir.write("cwd/tasker-host.toml", text);
        ::chmod(path.c_str(), 0600);
        return path.string();
    }
    std::string fault() const {
        try {
            load_config(inputs);
        } catch (const ConfigError& error) {
            return error.what();
        }
        return {};
    }
};

const Setting& setting(const LoadedConfig& loaded, const std::string& key) {
    const auto found = std::find_if(loaded.settings.begin(), loaded.settings.end(),
                                    [&](const Setting& one) { return one.key == key; });
    REQUIRE(found != loaded.settings.end());
    return *found;
}
bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("config: without any source the documented defaults hold and say so") {
    World world;
    const LoadedConfig loaded = load_config(world.inputs);
    CHECK(loaded.config.environment == "development");
    CHECK(loaded.config.threads == 32);
    CHECK(loaded.config.prefetch == 128);
    CHECK(loaded.config.drain_timeout_ms == 30'000);
    CHECK(loaded.config.worker_id == "cpp-worker");
    CHECK(loaded.config.state_dir == world.dir.path() / "home/.local/state/tasker-host");
    CHECK(store_path(loaded.config) == loaded.config.state_dir / "tasker.db");
    CHECK_FALSE(is_postgres(loaded.config));
    CHECK(setting(loaded, "host.namespaces").value == "default");
    CHECK(setting(loaded, "host.threads").origin == "default");
    CHECK(setting(loaded, "host.default_step_timeout").value == "5m");
    CHECK(setting(loaded, "host.template_path").origin == "default (installed templates)");
    CHECK(loaded.config.plugin_path ==
          std::vector<std::filesystem::path>{world.dir.path() / "prefix/lib/tasker-host/plugins"});
}

TEST_CASE("config: a flag beats the environment, which beats the file, and the losers are named") {
    World world;
    const std::string file = world.file("[host]\nnamespaces = [\"from_file\"]\n");
    world.inputs.environment["TASKER_NAMESPACE"] = "from_env";
    world.inputs.flags["host.namespaces"] = {"from_flag", "second"};
    const LoadedConfig loaded = load_config(world.inputs);
    CHECK(loaded.config.namespaces == std::vector<std::string>{"from_flag", "second"});
    const Setting& row = setting(loaded, "host.namespaces");
    CHECK(row.source == Source::Flag);
    CHECK(row.origin == "--namespace");
    CHECK(row.value == "from_flag,second");
    REQUIRE(row.overridden.size() == 2);
    CHECK(row.overridden[0] == "TASKER_NAMESPACE = from_env");
    CHECK(row.overridden[1] == file + ":2:1 = from_file");
}

TEST_CASE("config: the environment beats the file") {
    World world;
    world.file("[host]\nstate_dir = \"/in/file\"\n");
    world.inputs.environment["TASKER_STATE_DIR"] = "relative";
    const LoadedConfig loaded = load_config(world.inputs);
    CHECK(loaded.config.state_dir == world.inputs.working_directory / "relative");
    CHECK(setting(loaded, "host.state_dir").source == Source::Environment);
}

TEST_CASE("config: an empty variable counts as unset") {
    World world;
    world.inputs.environment["DATABASE_URL"] = "";
    world.inputs.environment["TASKER_NAMESPACE"] = "";
    const LoadedConfig loaded = load_config(world.inputs);
    CHECK(loaded.config.database_url.empty());
    CHECK(loaded.config.namespaces.empty());
}

TEST_CASE("config: every fault of a file is reported at once with its place, value and range") {
    World world;
    const std::string file = world.file(
        "[host]\nthreads = 70000\nprefetch = -1\nnamespaces = \"has-hyphen\"\ndrain_timeout = \"soon\"\n"
        "strict_templates = \"yes\"\nthreds = 3\n");
    const std::string fault = world.fault();
    CHECK(contains(fault, file + ":2:1: host.threads: 70000 is out of range; allowed: 1..1024"));
    CHECK(contains(fault, file + ":3:1: host.prefetch: -1 is out of range; allowed: 0..256"));
    CHECK(contains(fault, "host.namespaces: 'has-hyphen' is not allowed"));
    CHECK(contains(fault, "host.drain_timeout: 'soon' is not a duration"));
    CHECK(contains(fault, "host.strict_templates: must be a boolean, not a text (yes)"));
    CHECK(contains(fault, file + ":7:1: unknown key 'host.threds', did you mean 'host.threads'?"));
}

TEST_CASE("config: a key outside of its section is an error with a suggestion") {
    World world;
    world.file("threads = 4\n");
    CHECK(contains(world.fault(), "unknown key 'threads', did you mean 'host.threads'?"));
    world.file("[hots]\nthreads = 4\n");
    CHECK(contains(world.fault(), "did you mean 'host.threads'?"));
    world.file("[nonsense]\n");
    CHECK(contains(world.fault(), "unknown key 'nonsense'"));
}

TEST_CASE("config: a bare number is no duration") {
    World world;
    world.file("[host]\ndrain_timeout = 30\n");
    CHECK(contains(world.fault(), "like \"30s\""));
}

TEST_CASE("config: syntax errors and duplicate keys name line and column") {
    World world;
    const std::string file = world.file("[host]\nthreads = = 3\n");
    CHECK(contains(world.fault(), file + ":2:"));
    world.file("[host]\nthreads = 1\nthreads = 2\n");
    CHECK(contains(world.fault(), file + ":3:"));
}

TEST_CASE("config: a file that is missing, a folder, binary or too large is refused with its path") {
    World world;
    world.inputs.config_flag = world.dir.path() / "nowhere.toml";
    CHECK(contains(world.fault(), "nowhere.toml: not found"));
    world.inputs.config_flag = world.dir.path();
    CHECK(contains(world.fault(), "is a directory"));
    world.inputs.config_flag = world.dir.write("binary.toml", std::string("a\0b", 3));
    CHECK(contains(world.fault(), "not a text file"));
    world.inputs.config_flag = world.dir.write("large.toml", std::string((1U << 20U) + 1, '#'));
    CHECK(contains(world.fault(), "larger than 1 MiB"));
}

TEST_CASE("config: TASKER_CONFIG_PATH must exist, --config beats it, an empty file means defaults") {
    World world;
    world.inputs.environment["TASKER_CONFIG_PATH"] = "gone.toml";
    CHECK(contains(world.fault(), "gone.toml: not found (asked for by TASKER_CONFIG_PATH)"));
    world.inputs.config_flag = world.dir.write("empty.toml", "");
    const LoadedConfig loaded = load_config(world.inputs);
    CHECK(loaded.config.threads == 32);
    CHECK(loaded.config.config_path == world.dir.path() / "empty.toml");
}

TEST_CASE("config: a Tasker server's sections are ignored with one notice") {
    World world;
    world.file("[common]\nx = 1\n[orchestration.y]\nz = 2\n[worker]\n[host]\nthreads = 2\n");
    const LoadedConfig loaded = load_config(world.inputs);
    CHECK(loaded.config.threads == 2);
    CHECK(loaded.config.prefetch == 8);
    REQUIRE(loaded.notices.size() == 1);
    CHECK(contains(loaded.notices[0], "[common], [orchestration], [worker]"));
}

TEST_CASE("config: ${VAR} is replaced, has a fallback form, and an unset one is named") {
    World world;
    world.inputs.environment["WHERE"] = "/srv";
    world.file("[host]\nstate_dir = \"${WHERE}/state\"\nworker_id = \"${NOBODY:-w1}\"\n");
    const LoadedConfig loaded = load_config(world.inputs);
    CHECK(loaded.config.state_dir == "/srv/state");
    CHECK(loaded.config.worker_id == "w1");
    const std::string file = world.file("[host]\nstate_dir = \"${ABSENT}/x\"\n");
    CHECK(contains(world.fault(), "environment variable 'ABSENT' is not set"));
    CHECK(contains(world.fault(), file + ":2:"));
}

TEST_CASE("config: relative paths of a file are taken from its folder") {
    World world;
    world.inputs.config_flag = world.dir.write("etc/host.toml", "[host]\nplugin_path = \"plug:/abs\"\n");
    const LoadedConfig loaded = load_config(world.inputs);
    CHECK(loaded.config.plugin_path ==
          std::vector<std::filesystem::path>{world.dir.path() / "etc/plug", "/abs"});
}

TEST_CASE("config: local templates and plugins are found before the installed ones") {
    World world;
    world.dir.write("cwd/templates/sub/a.YAML", "x");
    world.dir.write("cwd/plugins/a.so", "x");
    const LoadedConfig loaded = load_config(world.inputs);
    CHECK(setting(loaded, "host.template_path").origin == "default (./templates)");
    CHECK(loaded.config.template_path[0] == world.inputs.working_directory / "templates");
    CHECK(setting(loaded, "host.plugin_path").origin == "default (./plugins)");
}

TEST_CASE("config: handler and plugin sections are read, wrong ones refused") {
    World world;
    world.file(
        "[host.handlers.\"shop.charge\"]\nconcurrency = 3\n[host.plugins]\nrelax_permissions = true\n"
        "[host.plugins.shop]\nrate = 1.5\nday = 2026-11-23\nnested = { a = [1, \"b\"] }\n");
    const LoadedConfig loaded = load_config(world.inputs);
    CHECK(loaded.config.handler_concurrency.at("shop.charge") == 3);
    CHECK(loaded.config.relax_plugin_permissions);
    CHECK(loaded.config.plugin_config_json.at("shop") ==
          R"({"day":"2026-11-23","nested":{"a":[1,"b"]},"rate":1.5})");
    CHECK(setting(loaded, "host.handlers.\"shop.charge\".concurrency").value == "3");
    world.file("[host.handlers.x]\nconcurency = 3\n");
    CHECK(contains(world.fault(), "a handler's section has the key 'concurrency'"));
    world.file("[host.handlers.x]\nconcurrency = 0\n");
    CHECK(contains(world.fault(), "allowed: a whole number, 1..1024"));
}

TEST_CASE("config: DATABASE_URL chooses the store and unknown schemes are refused without echoing secrets") {
    World world;
    world.inputs.environment["DATABASE_URL"] = "sqlite:///srv/my%20store.db";
    CHECK(store_path(load_config(world.inputs).config) == "/srv/my store.db");
    world.inputs.environment["DATABASE_URL"] = "postgresql://u:hunter2@h:5432/d";
    const LoadedConfig loaded = load_config(world.inputs);
    CHECK(is_postgres(loaded.config));
    CHECK(setting(loaded, "host.database_url").value == "postgresql://u:[REDACTED]@h:5432/d");
    CHECK(config_secrets(loaded.config) == std::vector<std::string>{"hunter2"});
    for (const char* bad : {"mysql://u:hunter2@h/d", "sqlite://relative.db", "sqlite:///",
                            "sqlite:///a?mode=ro", "postgresql://u:hunter2@h:99999/d",
                            "postgresql://u:hunter2@h:port/d", "u:hunter2@h", "sqlite:///%zz"}) {
        CAPTURE(bad);
        world.inputs.environment["DATABASE_URL"] = bad;
        const std::string fault = world.fault();
        CHECK(contains(fault, "DATABASE_URL: "));
        CHECK_FALSE(contains(fault, "hunter2"));
    }
}

TEST_CASE("config: a password on the command line is refused and not repeated") {
    World world;
    world.inputs.flags["host.database_url"] = {"postgresql://u:hunter2@h/d"};
    CHECK(contains(world.fault(), "--database-url: a password on the command line"));
    CHECK_FALSE(contains(world.fault(), "hunter2"));
}

TEST_CASE("config: a secret in a file that everybody reads is a warning, in production an error") {
    World world;
    const std::string file = world.file("[host]\ndatabase_url = \"postgresql://u:hunter2@h/d\"\n");
    ::chmod(file.c_str(), 0644);
    const LoadedConfig loaded = load_config(world.inputs);
    REQUIRE(loaded.warnings.size() == 1);
    CHECK(contains(loaded.warnings[0], "chmod 600 " + file));
    world.inputs.environment["TASKER_ENV"] = "production";
    CHECK(contains(world.fault(), "chmod 600"));
    world.inputs.environment["PGPASS"] = "hunter2";
    ::chmod(world.file("[host]\ndatabase_url = \"postgresql://u:${PGPASS}@h/d\"\n").c_str(), 0644);
    CHECK(load_config(world.inputs).warnings.empty());
}

TEST_CASE("config: of a RUST_LOG filter the global level counts and the rest is warned about") {
    World world;
    world.inputs.environment["RUST_LOG"] = "warn,tasker=debug,hyper=off";
    const LoadedConfig loaded = load_config(world.inputs);
    CHECK(loaded.config.log_level == LogLevel::Warn);
    REQUIRE(loaded.warnings.size() == 1);
    CHECK(contains(loaded.warnings[0], "'tasker=debug', 'hyper=off'"));
    world.inputs.environment["RUST_LOG"] = "tasker=debug";
    CHECK(load_config(world.inputs).config.log_level == LogLevel::Info);
    world.inputs.flags["host.log_level"] = {"inof"};
    CHECK(contains(world.fault(), "--log-level: 'inof' is not allowed"));
}

TEST_CASE("config: without any home the store has no place, and only the store needs one") {
    World world;
    world.inputs.environment.clear();
    const LoadedConfig loaded = load_config(world.inputs);
    CHECK_THROWS_AS(store_path(loaded.config), ConfigError);
}

TEST_CASE("config: what a plugin's section keeps secret is found by its names, at any depth") {
    Config config;
    config.database_url = "postgresql://u:dbpass@h/d";
    config.plugin_config_json["shop"] =
        R"({"rate":1.5,"api_key":"k-123456","auth":{"Token":"t-abcdef","user":"shown"},"passwords":["one-1","two-2"],"pin_secret":7})";
    const auto secrets = config_secrets(config);
    for (const char* hidden : {"dbpass", "k-123456", "t-abcdef", "one-1", "two-2"})
        CHECK_MESSAGE(std::find(secrets.begin(), secrets.end(), hidden) != secrets.end(), hidden);
    CHECK(secrets.size() == 5);
}
