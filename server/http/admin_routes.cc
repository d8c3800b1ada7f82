// SPDX-License-Identifier: Apache-2.0

#include "server/http/admin_routes.h"

#include "absl/strings/string_view.h"

namespace carousel {

HttpResponse HandleAdmin(const HttpRequest& request,
                         const AdminSources& sources) {
  absl::string_view path = request.target;
  path = path.substr(0, path.find('?'));
  if (path != "/livez" && path != "/readyz" && path != "/metrics") {
    return {.status = 404,
            .body = "not found; there are /livez, /readyz, /metrics\n"};
  }
  if (request.method != "GET" && request.method != "HEAD") {
    return {.status = 405, .body = "use GET or HEAD\n", .allow = "GET, HEAD"};
  }
  if (path == "/metrics") {
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = sources.metrics()};
  }
  if (path == "/readyz" && !sources.ready()) {
    return {.status = 503, .body = "not ready\n"};
  }
  return {.body = "ok\n"};
}

}  // namespace carousel
