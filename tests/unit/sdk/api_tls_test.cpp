// Certificates are verified: a service with one of its own is trusted by nobody who was not told of it.
#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <fstream>
#include <memory>
#include <string>

#include "tests/support/temp_dir.hpp"
#include "tests/unit/sdk/api_probe.hpp"

using namespace tasker;
using namespace tasker::testing;
namespace asio = boost::asio;

namespace {
template <class T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

// A key and a certificate for it that it signed itself, valid for this name.
struct Certificate {
    explicit Certificate(const char* name) {
        const Owned<EVP_PKEY> pair(EVP_EC_gen("P-256"), &EVP_PKEY_free);
        const Owned<X509> made(X509_new(), &X509_free);
        X509_set_version(made.get(), 2);
        ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
        X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600L * 24);
        X509_set_pubkey(made.get(), pair.get());
        // A name by which the one is found among the others.
        X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
        X509_set_issuer_name(made.get(), X509_get_subject_name(made.get()));
        const Owned<X509_EXTENSION> names(X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, name),
                                          &X509_EXTENSION_free);
        X509_add_ext(made.get(), names.get(), -1);
        X509_sign(made.get(), pair.get(), EVP_sha256());
        const std::unique_ptr<BIO, int (*)(BIO*)> key_text(BIO_new(BIO_s_mem()), &BIO_free);
        const std::unique_ptr<BIO, int (*)(BIO*)> text(BIO_new(BIO_s_mem()), &BIO_free);
        PEM_write_bio_PrivateKey(key_text.get(), pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
        PEM_write_bio_X509(text.get(), made.get());
        key = text_of(key_text.get());
        pem = text_of(text.get());
    }
    std::string key, pem;
};

// Answers each connection once.
class TlsServer {
  public:
    explicit TlsServer(const Certificate& certificate) {
        context_.use_private_key(asio::buffer(certificate.key), asio::ssl::context::pem);
        context_.use_certificate(asio::buffer(certificate.pem), asio::ssl::context::pem);
        accept();
        thread_ = host::NamedThread("tls-server", [this](const std::stop_token&) { io_.run(); });
    }
    ~TlsServer() {
        io_.stop();
        thread_.join();
    }
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;
    std::string url(const std::string& host) const {
        return "https://" + host + ":" + std::to_string(acceptor_.local_endpoint().port());
    }

  private:
    using Stream = asio::ssl::stream<asio::ip::tcp::socket>;
    void accept() {
        acceptor_.async_accept([this](boost::system::error_code fault, asio::ip::tcp::socket socket) {
            if (fault) return;
            auto stream = std::make_shared<Stream>(std::move(socket), context_);
            stream->async_handshake(asio::ssl::stream_base::server,
                                    [this, stream](boost::system::error_code refused) {
                                        if (!refused) answer(stream);
                                    });
            accept();
        });
    }
    void answer(const std::shared_ptr<Stream>& stream) {
        auto request = std::make_shared<asio::streambuf>();
        asio::async_read_until(*stream, *request, "\r\n\r\n",
                               [this, stream, request](boost::system::error_code fault, std::size_t) {
                                   if (fault) return;
                                   asio::async_write(*stream, asio::buffer(answer_),
                                                     [stream](boost::system::error_code, std::size_t) {});
                               });
    }

    const std::string answer_ = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    asio::io_context io_;
    asio::ssl::context context_{asio::ssl::context::tls_server};
    asio::ip::tcp::acceptor acceptor_{io_, {asio::ip::make_address("127.0.0.1"), 0}};
    host::NamedThread thread_;
};

StepHandlerResult get(const std::string& url, const std::string& ca_file) {
    ApiProbe::body = get_of("/");
    json config{{"base_url", url}, {"proxy", ""}};
    if (!ca_file.empty()) config["ca_file"] = ca_file;
    return StepTest::of<ApiProbe>().config(config).run().result();
}
}  // namespace

TEST_CASE("TLS: an unknown certificate and one for another name are connection errors") {
    const host::testing::TempDir folder;
    const Certificate ours("IP:127.0.0.1"), others("DNS:example.org");
    const std::string ca = (folder / "ca.pem").string();
    std::ofstream(ca) << ours.pem << others.pem;
    const TlsServer server(ours), imposter(others);
    const auto known = get(server.url("127.0.0.1"), ca);
    CHECK_MESSAGE(known.is_success(), known.error_message());
    CHECK(known.result()["data"] == "ok");
    const auto unknown = get(server.url("127.0.0.1"), "");
    CHECK(unknown.error_type() == "connection_error");
    CHECK(unknown.error_message().find("certificate") != std::string::npos);
    const auto wrong_name = get(imposter.url("127.0.0.1"), ca);
    CHECK(wrong_name.error_type() == "connection_error");
    CHECK(wrong_name.error_message().find("name") != std::string::npos);
}
