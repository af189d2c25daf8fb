// The REST API as a function: method, target, content type and body, each anything, over an engine with one task in it.
// Whatever is asked, the answer is a status with one JSON document, and a refusal says why.

#include "host/api/routes.hpp"
#include "host/api/url_query.hpp"
#include "host/core/json_text.hpp"
#include "host/core/json_view.hpp"
#include "tests/fuzz/fuzz_input.hpp"
#include "tests/unit/api/fake_engine.hpp"

using namespace tasker::host;
using fuzzing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto parts = fuzzing::parts_of(data, size, 3);
    testing::FakeEngine engine;
    TaskRequest known;
    known.name = known.namespace_name = known.version = "known";
    static_cast<void>(engine.create(known));
    const std::size_t before = engine.requests.size();
    ApiRequest request;
    request.method = parts[0];
    request.target = parts[1];
    request.body = parts[2];
    const ApiContext context{engine, {}, {}, {}, {}};
    const ApiResponse response = handle(request, context);
    require(response.status >= 200 && response.status <= 599, "a status that HTTP has");
    if (!response.content_type.starts_with("text/")) {
        require(!json_fault(response.body, {.max_depth = 200, .max_bytes = std::size_t{64} << 20U}),
                "the answer is one JSON document");
    }
    if (response.status >= 400) {
        const auto error = json_member(response.body, "error");
        if (error) {
            const auto message = json_member(*error, "message");
            require(message && message->size() > 2, "a refusal says why");
        }
    }
    // Nothing is submitted by a request that was refused, and only a POST makes a task.
    if (response.status >= 400 && response.status < 500 && request.target.find("batch") == std::string::npos)
        require(engine.requests.size() == before, "a refused request made a task");
    if (request.method != "POST") require(engine.requests.size() == before, "only a POST makes a task");
    static_cast<void>(answers_at_once(request.target));
    require(body_limit(request.target) > 0, "every target has a limit");
    return 0;
}
