#pragma once
// One HTTP request over libcurl: connections that are kept, a wait that can be cut short, limits on what comes back.

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasker/api_response.hpp"
#include "tasker/detail/api_text.hpp"

namespace tasker::detail {

template <auto Free>
struct CurlFree {
    template <class T>
    void operator()(T* owned) const noexcept {
        static_cast<void>(Free(owned));
    }
};

// Keeps its connections from one request to the next. One request at a time.
struct CurlSession {
    std::unique_ptr<CURLM, CurlFree<curl_multi_cleanup>> multi{curl_multi_init()};
    std::unique_ptr<CURL, CurlFree<curl_easy_cleanup>> easy{curl_easy_init()};
};

// The idle sessions of a handler's instance. Thread-safe.
class CurlPool {
  public:
    std::unique_ptr<CurlSession> take() {
        static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);  // once a plugin
        if (ready != CURLE_OK) throw std::runtime_error("libcurl cannot be initialised");
        {
            const std::lock_guard lock(mutex_);
            if (!idle_.empty()) {
                auto session = std::move(idle_.back());
                idle_.pop_back();
                return session;
            }
        }
        auto session = std::make_unique<CurlSession>();
        if (!session->multi || !session->easy) throw std::bad_alloc();
        return session;
    }
    void give_back(std::unique_ptr<CurlSession> session) {
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(session));
    }

  private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<CurlSession>> idle_;
};

// A URL taken apart. Throws ValidationError for what is not http or https, has credentials or cannot be read.
class ApiUrl {
  public:
    explicit ApiUrl(const std::string& text) : url_(curl_url()) {
        if (!url_) throw std::bad_alloc();
        set(text);
    }
    // Where a redirect leads to.
    void follow(const std::string& location) { set(location); }

    std::string text() const { return part(CURLUPART_URL); }
    bool secure() const { return lower(part(CURLUPART_SCHEME)) == "https"; }
    std::string origin() const {
        return lower(part(CURLUPART_SCHEME)) + "://" + lower(part(CURLUPART_HOST)) + ":" +
               part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
    }
    // For messages and logs: queries may hold keys.
    std::string shown() const {
        const std::string query = part(CURLUPART_QUERY), port = part(CURLUPART_PORT);
        return part(CURLUPART_SCHEME) + "://" + part(CURLUPART_HOST) + (port.empty() ? "" : ":" + port) +
               part(CURLUPART_PATH) + (query.empty() ? "" : "?...");
    }

  private:
    void set(const std::string& text) {
        const CURLUcode code = curl_url_set(url_.get(), CURLUPART_URL, text.c_str(), CURLU_DISALLOW_USER);
        if (code == CURLUE_USER_NOT_ALLOWED) {
            throw ValidationError("the URL holds a user name; put credentials under 'auth'", "BAD_URL");
        }
        const std::string scheme = code == CURLUE_OK ? lower(part(CURLUPART_SCHEME)) : std::string();
        if (scheme != "http" && scheme != "https") {
            const bool may_show = text.find('@') == std::string::npos;
            const auto shown = text.substr(0, std::min<std::size_t>(text.find('?'), 256));
            throw ValidationError((may_show ? "the URL '" + shown + "'" : std::string("the URL")) +
                                      " is not a complete http or https URL; set base_url",
                                  "BAD_URL");
        }
    }
    std::string part(CURLUPart which, unsigned flags = 0) const {
        char* text = nullptr;
        if (curl_url_get(url_.get(), which, &text, flags) != CURLUE_OK) return {};
        const std::unique_ptr<char, void (*)(void*)> owned(text, &curl_free);
        return text;
    }

    std::unique_ptr<CURLU, CurlFree<curl_url_cleanup>> url_;
};

struct CurlRequest {
    std::string method, url;
    std::vector<std::pair<std::string, std::string>> headers;
    std::optional<std::string> body;
    std::chrono::milliseconds timeout, connect_timeout;
    std::size_t max_bytes;
    std::string ca_file;
    std::optional<std::string> proxy;
};

struct CurlOutcome {
    CURLcode code = CURLE_OK;
    bool stopped = false;    // because `stop` said so
    bool too_large = false;  // body or headers
    std::string detail;      // libcurl's, for a failure
    ApiResponse response;
};

class CurlTransfer {
  public:
    CurlTransfer(CurlSession& session, const CurlRequest& request) : session_(session), request_(request) {
        prepare();
    }

    // Asks `stop` at least every 20 ms while it waits.
    CurlOutcome run(const std::function<bool()>& stop) {
        constexpr int kPollMs = 20;
        CURLM* const multi = session_.multi.get();
        if (curl_multi_add_handle(multi, session_.easy.get()) != CURLM_OK) throw std::bad_alloc();
        // Taken out again on every way, which closes a connection in the middle of an answer.
        const std::unique_ptr<CurlSession, void (*)(CurlSession*)> added(&session_, [](CurlSession* session) {
            curl_multi_remove_handle(session->multi.get(), session->easy.get());
        });
        int running = 1;
        while (true) {
            if (curl_multi_perform(multi, &running) != CURLM_OK)
                throw std::runtime_error("libcurl cannot go on");
            if (running == 0) break;
            if (stop()) {
                outcome_.stopped = true;
                return std::move(outcome_);
            }
            curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr);
        }
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
            if (message->msg == CURLMSG_DONE) outcome_.code = message->data.result;
        }
        finish();
        return std::move(outcome_);
    }

  private:
    static constexpr std::size_t kMaxHeaderBytes = std::size_t{256} << 10U;

    template <class T>
    void set(CURLoption option, T value) {
        const CURLcode code = curl_easy_setopt(session_.easy.get(), option, value);
        if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
        if (code != CURLE_OK)
            throw std::runtime_error(std::string("libcurl refuses an option: ") + curl_easy_strerror(code));
    }

    void prepare() {
        curl_easy_reset(session_.easy.get());
        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_URL, request_.url.c_str());
#if LIBCURL_VERSION_NUM >= 0x075500
        set(CURLOPT_PROTOCOLS_STR, "http,https");
#else
        set(CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
        set(CURLOPT_FOLLOWLOCATION, 0L);
        set(CURLOPT_SSL_VERIFYPEER, 1L);
        set(CURLOPT_SSL_VERIFYHOST, 2L);
        if (!request_.ca_file.empty()) set(CURLOPT_CAINFO, request_.ca_file.c_str());
        if (request_.proxy) set(CURLOPT_PROXY, request_.proxy->c_str());
        set(CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(request_.timeout.count())));
        set(CURLOPT_CONNECTTIMEOUT_MS, std::max(1L, static_cast<long>(request_.connect_timeout.count())));
        set(CURLOPT_ACCEPT_ENCODING, "");
        set(CURLOPT_ERRORBUFFER, error_.data());
        set(CURLOPT_HEADERFUNCTION, &CurlTransfer::take_header);
        set(CURLOPT_HEADERDATA, static_cast<void*>(this));
        set(CURLOPT_WRITEFUNCTION, &CurlTransfer::take_body);
        set(CURLOPT_WRITEDATA, static_cast<void*>(this));
        set_method();
        set_headers();
    }
    void set_method() {
        if (request_.method == "HEAD") return set(CURLOPT_NOBODY, 1L);
        if (request_.method != "GET" || request_.body) {
            static constexpr std::string_view kNone;
            const std::string_view body = request_.body ? std::string_view(*request_.body) : kNone;
            set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
            set(CURLOPT_POSTFIELDS, body.empty() ? "" : body.data());
        }
        set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    }
    void set_headers() {
        bool has_type = false;
        const auto add = [&](const std::string& line) {
            curl_slist* const longer = curl_slist_append(headers_.get(), line.c_str());
            if (longer == nullptr) throw std::bad_alloc();
            static_cast<void>(headers_.release());
            headers_.reset(longer);
        };
        for (const auto& [name, value] : request_.headers) {
            has_type = has_type || lower(name) == "content-type";
            add(value.empty() ? name + ";" : name + ": " + value);
        }
        if (!has_type) add("Content-Type:");  // libcurl would call it a form
        add("Expect:");                       // no waiting for 100 Continue
        set(CURLOPT_HTTPHEADER, headers_.get());
    }

    void finish() {
        CURL* const easy = session_.easy.get();
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        outcome_.response.status_code = static_cast<int>(status);
        if (outcome_.code != CURLE_OK) {
            outcome_.detail = error_.front() != '\0' ? error_.data() : curl_easy_strerror(outcome_.code);
            return;
        }
        // libcurl takes a connection that ends in the middle of the headers for the end of them.
        if (!headers_complete_) {
            outcome_.code = CURLE_PARTIAL_FILE;
            outcome_.detail = "the answer ended within its headers";
            return;
        }
        outcome_.response.read_body();
    }

    static std::size_t take_header(char* data, std::size_t size, std::size_t count, void* self) noexcept {
        return static_cast<CurlTransfer*>(self)->header({data, size * count});
    }
    static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* self) noexcept {
        return static_cast<CurlTransfer*>(self)->body({data, size * count});
    }
    std::size_t refuse() noexcept {
        outcome_.too_large = true;
        return 0;  // any other number than what was given ends the transfer
    }
    std::size_t header(std::string_view line) noexcept {
        try {
            header_bytes_ += line.size();
            if (header_bytes_ > kMaxHeaderBytes) return refuse();
            ApiResponse& response = outcome_.response;
            if (line.starts_with("HTTP/")) {  // also after a 100 Continue
                response.headers.clear();
                headers_complete_ = false;
                const auto code = line.find(' ');
                const auto text = code == std::string_view::npos ? code : line.find(' ', code + 1);
                response.reason = text == std::string_view::npos ? "" : trimmed(line.substr(text));
                return line.size();
            }
            if (trimmed(line).empty()) headers_complete_ = true;
            const auto colon = line.find(':');
            if (colon == std::string_view::npos) return line.size();
            std::string& value = response.headers[lower(trimmed(line.substr(0, colon)))];
            if (!value.empty()) value += ", ";
            value += trimmed(line.substr(colon + 1));
            return line.size();
        } catch (const std::exception&) {
            return 0;
        }
    }
    std::size_t body(std::string_view bytes) noexcept {
        try {
            std::string& all = outcome_.response.raw_body;
            if (bytes.size() > request_.max_bytes - std::min(all.size(), request_.max_bytes)) return refuse();
            all.append(bytes);
            return bytes.size();
        } catch (const std::exception&) {
            return 0;
        }
    }

    CurlSession& session_;
    const CurlRequest& request_;
    CurlOutcome outcome_;
    std::size_t header_bytes_ = 0;
    bool headers_complete_ = false;
    std::unique_ptr<curl_slist, CurlFree<curl_slist_free_all>> headers_;
    std::array<char, CURL_ERROR_SIZE> error_{};
};

}  // namespace tasker::detail
