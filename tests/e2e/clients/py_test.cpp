// The TaskerClient of the Python package tasker-py 0.1.8.

#include "tests/e2e/clients/served.hpp"

namespace tasker::host::e2e {

TEST_CASE("tasker-py: its client creates, reads, lists and cancels tasks, and reads steps and audits") {
    const auto python = client("venv/bin/python");
    if (!python) return;
    const auto migrations = client("migrations");
    if (!migrations) return;
    Served served;
    const std::string folder = TASKER_SOURCE_DIR "/tests/e2e/clients/";
    const Finished done = served.run(
        *python,
        {folder + "client_test.py", served.url(), migrations->string(), folder + "tasker_worker.toml"},
        {"PYTHONDONTWRITEBYTECODE=1"}, 300s);
    CHECK_MESSAGE(done.status.code == 0, done.out, done.err);
    CHECK(done.out.find("the Python client is served") != std::string::npos);
    served.stop_worker();
}

}  // namespace tasker::host::e2e
