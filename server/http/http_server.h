// SPDX-License-Identifier: Apache-2.0
//
// A small HTTP/1.1 server on one thread of its own (Boost.Beast), so that it
// answers probes however busy the rest of the process is.

#ifndef CAROUSEL_SERVER_HTTP_HTTP_SERVER_H_
#define CAROUSEL_SERVER_HTTP_HTTP_SERVER_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/http/http_message.h"

namespace carousel {

struct HttpServerOptions {
  // "host:port"; the host is a name or an address, IPv6 in brackets. Port 0:
  // any free one.
  std::string address = "127.0.0.1:0";

  // A request's line and headers together; more is answered with 431.
  size_t max_header_bytes = 8192;

  // A connection that neither sends a whole header nor takes an answer for so
  // long is closed.
  absl::Duration idle_timeout = absl::Seconds(10);

  // More than these wait in the system's backlog.
  int max_connections = 128;
};

// Thread-safe. Bodies of requests are not read: a request with one is answered,
// then its connection is closed.
class HttpServer {
 public:
  // Listens and answers from here on. INVALID_ARGUMENT if the address makes no
  // sense; UNAVAILABLE, with the address and the reason, if it cannot be had.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      const HttpServerOptions& options, HttpHandler handler);

  // Closes every connection.
  ~HttpServer();

  int port() const;

 private:
  class Rep;
  explicit HttpServer(std::unique_ptr<Rep> rep);
  const std::unique_ptr<Rep> rep_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_HTTP_HTTP_SERVER_H_
