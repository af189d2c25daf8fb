#pragma once
// A local HTTP/1.1 service on a free port, one thread, whose answers a test writes byte by byte. Counts connections.

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/core/guarded.hpp"
#include "host/core/named_thread.hpp"

namespace tasker::host::testing {

struct SeenRequest {
    std::string method, target, body;
    std::map<std::string, std::string> headers;  // lower-case names
};

// What goes back: the bytes as they are, then the end of the connection or the next request.
struct Reply {
    std::string bytes;
    bool close = false;
    bool hold = false;   // no more bytes, and the connection stays open
    bool reset = false;  // the connection is torn down instead of ended
};

inline Reply reply(int status, const std::string& body = {},
                   const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    std::string out =
        "HTTP/1.1 " + std::to_string(status) + " " +
        std::string(boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status))) +
        "\r\n";
    for (const auto& [name, value] : headers) out += name + ": " + value + "\r\n";
    if (status >= 200 && status != 204 && status != 304)
        out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return {out + "\r\n" + body};
}
inline Reply json_reply(int status, const std::string& body,
                        std::vector<std::pair<std::string, std::string>> headers = {}) {
    headers.emplace_back("Content-Type", "application/json");
    return reply(status, body, headers);
}

class HttpServer {
  public:
    using Answer = std::function<Reply(const SeenRequest&)>;

    explicit HttpServer(Answer answer)
        : answer_(std::move(answer)),
          acceptor_(io_, {boost::asio::ip::make_address("127.0.0.1"), 0}),
          port_(acceptor_.local_endpoint().port()) {
        accept();
        thread_ = NamedThread("http-server", [this](const std::stop_token&) { io_.run(); });
    }
    ~HttpServer() {
        io_.stop();
        thread_.join();
    }
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    std::size_t connections() const {
        return seen_.with([](const Seen& seen) { return seen.connections; });
    }
    std::vector<SeenRequest> requests() const {
        return seen_.with([](const Seen& seen) { return seen.requests; });
    }
    // Connections that the client ended.
    std::size_t ended() const {
        return seen_.with([](const Seen& seen) { return seen.ended; });
    }

  private:
    struct Seen {
        std::size_t connections = 0, ended = 0;
        std::vector<SeenRequest> requests;
    };
    struct Connection {
        explicit Connection(boost::asio::ip::tcp::socket accepted) : socket(std::move(accepted)) {}
        boost::asio::ip::tcp::socket socket;
        boost::beast::flat_buffer buffer;
        boost::beast::http::request<boost::beast::http::string_body> request;
        Reply reply;
    };

    void accept() {
        acceptor_.async_accept([this](boost::system::error_code fault, boost::asio::ip::tcp::socket socket) {
            if (fault) return;
            seen_.with([](Seen& seen) { ++seen.connections; });
            read(std::make_shared<Connection>(std::move(socket)));
            accept();
        });
    }
    void read(const std::shared_ptr<Connection>& open) {
        open->request = {};
        boost::beast::http::async_read(open->socket, open->buffer, open->request,
                                       [this, open](boost::system::error_code fault, std::size_t) {
                                           if (fault) return seen_.with([](Seen& seen) { ++seen.ended; });
                                           answer(open);
                                       });
    }
    void answer(const std::shared_ptr<Connection>& open) {
        SeenRequest seen;
        seen.method = std::string(open->request.method_string());
        seen.target = std::string(open->request.target());
        seen.body = open->request.body();
        for (const auto& field : open->request) {
            std::string name(field.name_string());
            std::transform(name.begin(), name.end(), name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
            seen.headers[name] = std::string(field.value());
        }
        open->reply = answer_(seen);
        seen_.with([&](Seen& all) { all.requests.push_back(seen); });
        boost::asio::async_write(open->socket, boost::asio::buffer(open->reply.bytes),
                                 [this, open](boost::system::error_code fault, std::size_t) {
                                     if (fault) return seen_.with([](Seen& all) { ++all.ended; });
                                     after(open);
                                 });
    }
    void after(const std::shared_ptr<Connection>& open) {
        boost::system::error_code ignored;
        if (open->reply.reset) open->socket.set_option(boost::asio::socket_base::linger(true, 0), ignored);
        if (open->reply.reset || open->reply.close) {
            open->socket.close(ignored);
            return;
        }
        read(open);  // also of a held one: it notices that the client leaves
    }

    const Answer answer_;  // called on the server's thread
    Guarded<Seen> seen_;
    boost::asio::io_context io_;
    boost::asio::ip::tcp::acceptor acceptor_;
    const unsigned short port_;
    NamedThread thread_;
};

}  // namespace tasker::host::testing
