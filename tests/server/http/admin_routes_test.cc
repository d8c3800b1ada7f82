// SPDX-License-Identifier: Apache-2.0

#include "server/http/admin_routes.h"

#include "gtest/gtest.h"

namespace carousel {
namespace {

HttpResponse Ask(const std::string& method, const std::string& target,
                 bool ready = true) {
  return HandleAdmin({method, target}, {.ready = [=] { return ready; },
                                        .metrics = [] { return "figures\n"; }});
}

// Liveness never depends on models: else a slow load becomes a restart loop.
TEST(AdminRoutesTest, LivenessDoesNotDependOnReadiness) {
  EXPECT_EQ(Ask("GET", "/livez", /*ready=*/false).status, 200);
}

// What load balancers go by.
TEST(AdminRoutesTest, ReadinessSaysWhetherRequestsAreWelcome) {
  EXPECT_EQ(Ask("GET", "/readyz", true).status, 200);
  EXPECT_EQ(Ask("GET", "/readyz", false).status, 503);
}

// Prometheus goes by the content type.
TEST(AdminRoutesTest, MetricsComeWithTheirContentType) {
  const HttpResponse response = Ask("GET", "/metrics");
  EXPECT_EQ(response.body, "figures\n");
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
}

// Probes add query strings ("/readyz?verbose").
TEST(AdminRoutesTest, QueryIsIgnored) {
  EXPECT_EQ(Ask("GET", "/livez?verbose").status, 200);
}

// Some load balancers probe with HEAD.
TEST(AdminRoutesTest, HeadIsAnsweredLikeGet) {
  EXPECT_EQ(Ask("HEAD", "/readyz").status, 200);
}

// Nothing can be changed through this port.
TEST(AdminRoutesTest, OtherMethodsAreRefusedWithWhatIsAllowed) {
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "X-ODD"}) {
    const HttpResponse response = Ask(method, "/metrics");
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(response.allow, "GET, HEAD");
  }
}

// No path is close enough.
TEST(AdminRoutesTest, OtherPathsAreNotFound) {
  for (const char* path :
       {"/", "", "*", "/livez/", "/LIVEZ", "//livez", "/metrics/../livez",
        "http://host/livez", "/%6civez"}) {
    EXPECT_EQ(Ask("GET", path).status, 404) << path;
  }
}

}  // namespace
}  // namespace carousel
