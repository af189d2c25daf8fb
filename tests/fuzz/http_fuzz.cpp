// Any bytes on the API's socket: through the decoder that the server uses, and every request that comes out through the
// routes, over an engine that accepts everything. How the bytes are cut must not matter.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "host/api/http_codec.hpp"
#include "host/core/json_text.hpp"
#include "tests/unit/api/fake_engine.hpp"

namespace {
using tasker::host::ApiRequest;
using tasker::host::HttpRequestDecoder;

std::vector<ApiRequest> decoded(std::string_view bytes, std::size_t step) {
    HttpRequestDecoder decoder;
    std::vector<ApiRequest> out;
    const auto drain = [&](HttpRequestDecoder::State state) {
        while (state == HttpRequestDecoder::State::Complete) {
            out.push_back(decoder.take());
            state = decoder.feed({});
        }
        return state != HttpRequestDecoder::State::Failed;
    };
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        if (!drain(decoder.feed(bytes.substr(at, step)))) break;
    }
    return out;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    tasker::host::testing::FakeEngine engine;
    const tasker::host::ApiContext context{engine, {}, {}, {}, {}};
    const auto requests = decoded(bytes, bytes.size() + 1);
    if (size < 4096 && decoded(bytes, 1).size() != requests.size()) std::abort();
    for (const ApiRequest& request : requests) {
        const auto response = tasker::host::handle(request, context);
        if (response.status < 200 || response.status > 599) std::abort();
        // Whatever was asked, the answer is one JSON document.
        if (tasker::host::json_fault(response.body, {.max_depth = 200, .max_bytes = std::size_t{64} << 20U}))
            std::abort();
    }
    return 0;
}
