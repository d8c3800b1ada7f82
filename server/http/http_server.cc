// SPDX-License-Identifier: Apache-2.0

#include "server/http/http_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = boost::asio::ip::tcp;
using boost::system::error_code;

absl::StatusOr<tcp::endpoint> Resolve(asio::io_context& io,
                                      const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  int port = -1;
  if (colon == std::string::npos || host.empty() ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 ||
      port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("HTTP address \"", address, "\": expected host:port"));
  }
  if (host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  error_code error;
  const auto found = tcp::resolver(io).resolve(
      host, absl::StrCat(port),
      tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error || found.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("HTTP address \"", address, "\": ", error.message()));
  }
  return found.begin()->endpoint();
}

absl::StatusOr<tcp::acceptor> Listen(asio::io_context& io,
                                     const std::string& address) {
  ASSIGN_OR_RETURN(const tcp::endpoint endpoint, Resolve(io, address));
  tcp::acceptor acceptor(io);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat(
        "cannot listen for HTTP on \"", address, "\": ", error.message()));
  }
  return acceptor;
}

// What every connection needs from its server.
struct Shared {
  const HttpServerOptions options;
  const HttpHandler handler;
  int connections = 0;
  std::function<void()> on_free;  // a connection ended
};

// One connection: read a header, answer, again. Lives as long as one of its
// operations is under way.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Shared* shared)
      : stream_(std::move(socket)), shared_(shared) {
    ++shared_->connections;
  }
  ~Connection() {
    --shared_->connections;
    shared_->on_free();
  }

  void Read() {
    parser_.emplace();
    parser_->header_limit(
        static_cast<std::uint32_t>(shared_->options.max_header_bytes));
    // No body is read, so none is too long.
    parser_->body_limit(std::numeric_limits<std::uint64_t>::max());
    RestartTimer();
    http::async_read_header(
        stream_, buffer_, *parser_,
        beast::bind_front_handler(&Connection::OnRead, shared_from_this()));
  }

 private:
  void RestartTimer() {
    stream_.expires_after(
        absl::ToChronoNanoseconds(shared_->options.idle_timeout));
  }

  void OnRead(error_code error, size_t) {
    if (!error) {
      const auto& header = parser_->get();
      const HttpRequest request{std::string(header.method_string()),
                                std::string(header.target())};
      const bool keep_alive = parser_->is_done() && header.keep_alive();
      Answer(shared_->handler(request), header.version(), keep_alive,
             header.method() == http::verb::head);
    } else if (error == http::error::header_limit) {
      Answer({.status = 431, .body = "the header is too long\n"}, 11, false,
             false);
    } else if (error.category() ==
                   http::make_error_code(http::error::bad_method).category() &&
               error != http::error::end_of_stream &&
               error != http::error::partial_message) {
      Answer({.status = 400,
              .body = absl::StrCat("not HTTP: ", error.message(), "\n")},
             11, false, false);
    }
  }

  void Answer(HttpResponse answer, unsigned version, bool keep_alive,
              bool head) {
    response_ = {static_cast<http::status>(answer.status), version};
    response_.set(http::field::content_type, answer.content_type);
    response_.set(http::field::cache_control, "no-store");
    if (!answer.allow.empty()) response_.set(http::field::allow, answer.allow);
    response_.keep_alive(keep_alive);
    response_.body() = std::move(answer.body);
    response_.prepare_payload();
    serializer_.emplace(response_);
    RestartTimer();
    auto written =
        beast::bind_front_handler(&Connection::OnWritten, shared_from_this());
    if (head) {
      http::async_write_header(stream_, *serializer_, std::move(written));
    } else {
      http::async_write(stream_, *serializer_, std::move(written));
    }
  }

  void OnWritten(error_code error, size_t) {
    if (error) return;
    if (response_.keep_alive()) return Read();
    stream_.socket().shutdown(tcp::socket::shutdown_send, error);
  }

  beast::tcp_stream stream_;
  Shared* const shared_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::empty_body>> parser_;
  http::response<http::string_body> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
};

}  // namespace

class HttpServer::Rep {
 public:
  Rep(const HttpServerOptions& options, HttpHandler handler)
      : shared_{options, std::move(handler), 0, [this] { Accept(); }},
        io_(1),
        acceptor_(io_),
        pause_(io_) {}

  ~Rep() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
    shared_.on_free = [] {};  // nothing is accepted any more
  }

  absl::Status Start() {
    ASSIGN_OR_RETURN(acceptor_, Listen(io_, shared_.options.address));
    error_code ignored;
    port_ = acceptor_.local_endpoint(ignored).port();
    Accept();
    thread_ = std::thread([this] { io_.run(); });
    return absl::OkStatus();
  }

  int port() const { return port_; }

 private:
  // Waits for one connection, unless there are as many as may be or it waits
  // already.
  void Accept() {
    if (accepting_ || shared_.connections >= shared_.options.max_connections) {
      return;
    }
    accepting_ = true;
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      accepting_ = false;
      if (!error) {
        std::make_shared<Connection>(std::move(socket), &shared_)->Read();
        return Accept();
      }
      // Out of descriptors, most likely: they come back with time.
      pause_.expires_after(std::chrono::milliseconds(100));
      pause_.async_wait([this](error_code stopped) {
        if (!stopped) Accept();
      });
    });
  }

  int port_ = 0;
  bool accepting_ = false;
  Shared shared_;  // outlives the connections, which end with the context
  asio::io_context io_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::thread thread_;
};

HttpServer::HttpServer(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    const HttpServerOptions& options, HttpHandler handler) {
  auto rep = std::make_unique<Rep>(options, std::move(handler));
  RETURN_IF_ERROR(rep->Start());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(rep)));
}

int HttpServer::port() const { return rep_->port(); }

}  // namespace carousel
