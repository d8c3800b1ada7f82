// SPDX-License-Identifier: Apache-2.0
//
// An HTTP request and its answer as plain values: what routes see, so that they
// know nothing of sockets and of the library that parses.

#ifndef CAROUSEL_SERVER_HTTP_HTTP_MESSAGE_H_
#define CAROUSEL_SERVER_HTTP_HTTP_MESSAGE_H_

#include <functional>
#include <string>

namespace carousel {

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // "/metrics?x=1", as sent
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = {};
  std::string allow = {};  // value of the Allow header; empty: none
};

// Runs on the server's only thread: it must not block.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

}  // namespace carousel

#endif  // CAROUSEL_SERVER_HTTP_HTTP_MESSAGE_H_
