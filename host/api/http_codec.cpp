#include "host/api/http_codec.hpp"

#include <algorithm>
#include <boost/beast/http.hpp>
#include <optional>

#include "host/api/documents.hpp"
#include "host/core/error.hpp"

namespace tasker::host {

namespace {
namespace http = boost::beast::http;
namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kMaxResponseBytes = std::size_t{256} << 20U;

std::string_view reason(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 413:
            return "Payload Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 421:
            return "Misdirected Request";
        case 431:
            return "Request Header Fields Too Large";
        case 503:
            return "Service Unavailable";
        default:
            return "Internal Server Error";
    }
}
}  // namespace

struct HttpRequestDecoder::State_ {
    using Parser = http::request_parser<http::string_body>;
    HttpRules rules;
    std::optional<Parser> parser;
    std::string pending;  // came, but not taken by the parser yet
    bool started = false;
    bool continue_told = false;
    bool trusted = true;
    int fault = 0;

    void begin() {
        parser.emplace();
        parser->header_limit(static_cast<std::uint32_t>(kMaxHeaderBytes));
        parser->body_limit(body_limit("/v1/tasks/batch", rules.local));
        started = !pending.empty();
        continue_told = false;
        trusted = true;
    }

    State fail(int status) {
        fault = status;
        return State::Failed;
    }

    std::optional<std::string_view> field(boost::beast::string_view name) const {
        const auto found = parser->get().find(name);
        if (found == parser->get().end()) return std::nullopt;
        return std::string_view{found->value().data(), found->value().size()};
    }

    // Limits that depend on what the header says.
    int header_fault() {
        const auto& message = parser->get();
        const auto fields = std::distance(message.begin(), message.end());
        if (static_cast<std::size_t>(fields) > kMaxHeaders) return 431;
        const std::string_view target{message.target().data(), message.target().size()};
        const Admission admission = admit(rules, {.target = target,
                                                  .host = field("Host"),
                                                  .origin = field("Origin"),
                                                  .authorization = field("Authorization"),
                                                  .api_key = field("X-API-Key")});
        if (admission.status != 0) return admission.status;
        trusted = admission.trusted;
        const std::size_t limit = body_limit(target, rules.local);
        if (const auto length = parser->content_length(); length && *length > limit) return 413;
        parser->body_limit(limit);
        return 0;
    }

    // True once for each request, as soon as its header is complete.
    bool header_is_new() {
        if (!parser->is_header_done() || parser->eager()) return false;
        parser->eager(true);
        return true;
    }

    State step() {
        while (!parser->is_done()) {
            error_code error;
            const std::size_t used = parser->put(asio::const_buffer(pending.data(), pending.size()), error);
            pending.erase(0, used);
            const bool more = error == http::error::need_more;
            if (error && !more) return fail(status_of(error));
            if (header_is_new()) {
                if (const int status = header_fault(); status != 0) return fail(status);
                continue;
            }
            if (!parser->is_done() && (more || used == 0)) return State::More;
        }
        return State::Complete;
    }

    int status_of(const error_code& error) const {
        if (error == http::error::body_limit) return 413;
        if (error != http::error::header_limit) return 400;
        return parser->get().target().empty() ? 414 : 431;
    }
};

HttpRequestDecoder::HttpRequestDecoder(HttpRules rules) : state_(std::make_unique<State_>()) {
    state_->rules = std::move(rules);
    state_->begin();
}
HttpRequestDecoder::~HttpRequestDecoder() = default;

HttpRequestDecoder::State HttpRequestDecoder::feed(std::string_view bytes) {
    if (state_->fault != 0) return State::Failed;
    state_->pending.append(bytes);
    if (state_->pending.empty() && !state_->started) return State::More;
    state_->started = true;
    return state_->step();
}

bool HttpRequestDecoder::started() const { return state_->started; }
bool HttpRequestDecoder::header_done() const { return state_->parser->is_header_done(); }
bool HttpRequestDecoder::expects_continue() const {
    if (!header_done() || state_->continue_told) return false;
    state_->continue_told = true;
    return boost::beast::iequals(state_->parser->get()[http::field::expect], "100-continue");
}
bool HttpRequestDecoder::keep_alive() const { return state_->parser->get().keep_alive(); }
int HttpRequestDecoder::fault_status() const { return state_->fault; }

ApiRequest HttpRequestDecoder::take() {
    const std::string content_type{state_->field("Content-Type").value_or("")};
    auto message = state_->parser->release();
    ApiRequest out{.method = std::string{message.method_string()},
                   .target = std::string{message.target()},
                   .body = std::move(message.body()),
                   .content_type = content_type,
                   .local = state_->rules.local,
                   .trusted = state_->trusted};
    state_->begin();
    return out;
}

std::string encode_response(const ApiResponse& response, bool keep_alive, bool head) {
    std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
    out += reason(response.status);
    out += "\r\nContent-Type: ";
    out += response.content_type;
    out += "\r\nContent-Length: " + std::to_string(response.body.size());
    // What it is stays as it is said, and no page may keep it.
    out += "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n";
    out += response.headers;
    out += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
    return head ? out : out + response.body;
}

std::string encode_request(std::string_view method, std::string_view target, std::string_view body) {
    std::string out{method};
    out += ' ';
    out += target;
    out += " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    if (!body.empty()) out += "Content-Type: application/json\r\n";
    out += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    return out.append(body);
}

ApiResponse protocol_fault(int status) {
    switch (status) {
        case 401:
            return {status, error_document("UNAUTHORIZED", "Authentication required"), "application/json",
                    "WWW-Authenticate: Bearer\r\n"};
        case 403:
            return {status, error_document("FORBIDDEN", "pages of other origins may not use this API")};
        case 408:
            return {status, error_document("REQUEST_TIMEOUT", "the request did not arrive in time")};
        case 413:
            return {status, error_document("PAYLOAD_TOO_LARGE", "the body is too large")};
        case 414:
            return {status, error_document("URI_TOO_LONG", "the request line is too long")};
        case 421:
            return {status, error_document("MISDIRECTED_REQUEST", "this is no host of that name",
                                           "send the header Host: localhost")};
        case 431:
            return {status,
                    error_document("HEADER_TOO_LARGE", "the header is too large or has too many fields")};
        default:
            return {400, error_document("BAD_REQUEST", "the bytes are not an HTTP/1.1 request")};
    }
}

struct HttpResponseDecoder::State_ {
    http::response_parser<http::string_body> parser;
    std::string pending;
};

HttpResponseDecoder::HttpResponseDecoder() : state_(std::make_unique<State_>()) {
    state_->parser.body_limit(kMaxResponseBytes);
    state_->parser.eager(true);
}
HttpResponseDecoder::~HttpResponseDecoder() = default;

bool HttpResponseDecoder::feed(std::string_view bytes) {
    state_->pending.append(bytes);
    while (!state_->parser.is_done() && !state_->pending.empty()) {
        error_code error;
        const std::size_t used =
            state_->parser.put(asio::const_buffer(state_->pending.data(), state_->pending.size()), error);
        state_->pending.erase(0, used);
        if (error == http::error::need_more) return false;
        if (error) throw Error("the host's answer is not HTTP: " + error.message());
        if (used == 0) break;
    }
    return state_->parser.is_done();
}

ApiResponse HttpResponseDecoder::take() {
    auto message = state_->parser.release();
    return {static_cast<int>(message.result_int()), std::move(message.body())};
}

}  // namespace tasker::host
