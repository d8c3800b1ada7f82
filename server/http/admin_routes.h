// SPDX-License-Identifier: Apache-2.0
//
// The routes for those who run the server:
//   GET /livez    200 as long as the process answers; never depends on models
//   GET /readyz   200 when requests are welcome, else 503
//   GET /metrics  Prometheus' text format

#ifndef CAROUSEL_SERVER_HTTP_ADMIN_ROUTES_H_
#define CAROUSEL_SERVER_HTTP_ADMIN_ROUTES_H_

#include <functional>
#include <string>

#include "server/http/http_message.h"

namespace carousel {

// Where the answers come from. Neither may block.
struct AdminSources {
  std::function<bool()> ready;
  std::function<std::string()> metrics;
};

// HEAD is answered like GET (the server leaves out the body); 405 for any other
// method, 404 for any other path.
HttpResponse HandleAdmin(const HttpRequest& request,
                         const AdminSources& sources);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_HTTP_ADMIN_ROUTES_H_
