// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/server_metrics.h"

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/metrics/process.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// The labels are what alerts are written against.
TEST(ServerMetricsTest, CountsRequestsByMethodAndCode) {
  ServerMetrics metrics("1.2.3");
  metrics.Record({.method = "S/M", .code = absl::StatusCode::kNotFound});
  metrics.Record({.method = "S/M", .code = absl::StatusCode::kNotFound});
  EXPECT_THAT(
      metrics.Render(),
      AllOf(HasSubstr(
                "carousel_requests_total{code=\"NOT_FOUND\",method=\"S/M\"} 2"),
            HasSubstr("carousel_build_info{version=\"1.2.3\"} 1")));
}

// Histograms add up over replicas; a request that never came to a worker says
// nothing about the queue.
TEST(ServerMetricsTest, ObservesDurationsOfWhatWasComputed) {
  ServerMetrics metrics("1");
  metrics.Record({.method = "S/M",
                  .total = absl::Milliseconds(3),
                  .queue = absl::Milliseconds(1),
                  .compute = absl::Milliseconds(2),
                  .computed = true});
  metrics.Record({.method = "S/M", .code = absl::StatusCode::kUnavailable});
  // Dropped in the queue: it waited, and that must show.
  metrics.Record({.method = "S/M",
                  .code = absl::StatusCode::kDeadlineExceeded,
                  .queue = absl::Milliseconds(5)});
  EXPECT_THAT(
      metrics.Render(),
      AllOf(HasSubstr("carousel_request_seconds_count{method=\"S/M\"} 3"),
            HasSubstr("carousel_queue_seconds_count{method=\"S/M\"} 2"),
            HasSubstr("carousel_compute_seconds_sum{method=\"S/M\"} 0.002")));
}

// How streams end is another matter than how their requests are answered.
TEST(ServerMetricsTest, CountsStreamsByMethodAndCode) {
  ServerMetrics metrics("1");
  metrics.RecordStream("S/M", absl::StatusCode::kUnavailable);
  EXPECT_THAT(
      metrics.Render(),
      AllOf(
          HasSubstr(
              "carousel_streams_total{code=\"UNAVAILABLE\",method=\"S/M\"} 1"),
          Not(HasSubstr("carousel_requests_total{"))));
}

// A version has one state: the old one goes to 0.
TEST(ServerMetricsTest, ModelHasOneState) {
  ServerMetrics metrics("1");
  metrics.SetModel("m", 2, "loading", absl::ZeroDuration());
  metrics.SetModel("m", 2, "ready", absl::Seconds(2));
  EXPECT_THAT(
      metrics.Render(),
      AllOf(HasSubstr("carousel_model_state{model=\"m\",state=\"loading\","
                      "version=\"2\"} 0"),
            HasSubstr("carousel_model_state{model=\"m\",state=\"ready\","
                      "version=\"2\"} 1"),
            HasSubstr("carousel_model_load_seconds{model=\"m\","
                      "version=\"2\"} 2")));
}

// What is unloaded leaves no series behind.
TEST(ServerMetricsTest, ModelThatIsGoneHasNoState) {
  ServerMetrics metrics("1");
  metrics.SetModel("m", 1, "ready", absl::Seconds(2));
  metrics.SetModel("m", 2, "ready", absl::Seconds(2));
  metrics.RemoveModel("m", 1);
  EXPECT_THAT(metrics.Render(),
              AllOf(HasSubstr("state=\"ready\",version=\"2\"} 1"),
                    Not(HasSubstr("state=\"ready\",version=\"1\"")),
                    Not(HasSubstr("load_seconds{model=\"m\",version=\"1\""))));
  metrics.RemoveModel("m", 7);  // was never there
}

TEST(ServerMetricsTest, CountsReloadsAndTheirFailures) {
  ServerMetrics metrics("1");
  EXPECT_THAT(metrics.Render(), HasSubstr("carousel_reloads_total 0"));
  metrics.RecordReload({});
  metrics.RecordReload({"m", "m", "n"});
  EXPECT_THAT(
      metrics.Render(),
      AllOf(HasSubstr("carousel_reloads_total 2"),
            HasSubstr("carousel_reload_failures_total{model=\"m\"} 2"),
            HasSubstr("carousel_reload_failures_total{model=\"n\"} 1")));
}

// Polled values are as fresh as the scrape.
TEST(ServerMetricsTest, PolledValuesAreAskedForAtEveryScrape) {
  ServerMetrics metrics("1");
  double value = 1;
  metrics.AddPolled({"depth", "How deep."}, [&] { return value; });
  metrics.AddPolled({"drops_total", "How many.", /*counter=*/true},
                    [&] { return value; });
  EXPECT_THAT(metrics.Render(), HasSubstr("depth 1\n"));
  value = 5;
  EXPECT_THAT(metrics.Render(),
              AllOf(HasSubstr("# TYPE depth gauge\ndepth 5\n"),
                    HasSubstr("# TYPE drops_total counter\ndrops_total 5\n")));
}

// The process's own figures are there and make sense.
TEST(ServerMetricsTest, ShowsTheProcess) {
  EXPECT_THAT(ServerMetrics("1").Render(),
              AllOf(HasSubstr("process_resident_memory_bytes "),
                    HasSubstr("process_open_fds "),
                    Not(HasSubstr("process_start_time_seconds 0"))));
  EXPECT_GT(ProcessResidentBytes(), 1 << 20);
  EXPECT_GT(ProcessOpenFiles(), 2);
  EXPECT_LT(ProcessStartTime(), absl::Now() + absl::Milliseconds(20));
  EXPECT_GT(ProcessStartTime(), absl::Now() - absl::Hours(1));
}

}  // namespace
}  // namespace carousel
