// SPDX-License-Identifier: Apache-2.0

#include "server/repository/reloader.h"

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::HasSubstr;

// Who asked, and the number of the reload that was the answer.
struct Answer {
  std::latch done{1};
  absl::StatusOr<ReloadReport> report = ReloadReport();

  Reloader::Done Teller() {
    return [this](const absl::StatusOr<ReloadReport>& its) {
      report = its;
      done.count_down();
    };
  }
  int number() {
    done.wait();
    return static_cast<int>(report.value().failed[0].version);
  }
};

// Numbers its reloads; each begins, says so, and ends when it is let.
class ReloaderTest : public testing::Test {
 protected:
  absl::StatusOr<ReloadReport> Reload() {
    const int number = ++begun_;
    if (number == 1) {
      first_begun_.count_down();
      first_may_end_.wait();
    }
    ReloadReport report;
    report.failed = {{"", number, absl::OkStatus()}};
    return report;
  }

  std::atomic<int> begun_ = 0;
  std::latch first_begun_{1};
  std::latch first_may_end_{1};
  Reloader reloader_{[this] { return Reload(); }};
};

// What the running reload has looked at may be older than the request.
TEST_F(ReloaderTest, RequestDuringAReloadWaitsForTheNext) {
  reloader_.Start();
  Answer first, second, third;
  reloader_.Request(first.Teller());
  first_begun_.wait();
  reloader_.Request(second.Teller());
  reloader_.Request(third.Teller());
  reloader_.Request();  // a signal, which nobody waits for
  first_may_end_.count_down();
  EXPECT_EQ(first.number(), 1);
  EXPECT_EQ(second.number(), 2);
  EXPECT_EQ(third.number(), 2);
  reloader_.Stop();
  EXPECT_EQ(begun_, 2);
}

// A signal may come while the server starts.
TEST_F(ReloaderTest, RequestBeforeTheStartIsKept) {
  first_may_end_.count_down();
  Answer answer;
  reloader_.Request(answer.Teller());
  EXPECT_EQ(begun_, 0);
  reloader_.Start();
  EXPECT_EQ(answer.number(), 1);
}

// Nobody waits for ever, and the running reload learns that it should end.
TEST_F(ReloaderTest, StopAnswersThoseThatWait) {
  reloader_.Start();
  Answer running, waiting, late;
  reloader_.Request(running.Teller());
  first_begun_.wait();
  reloader_.Request(waiting.Teller());
  std::thread stop([&] { reloader_.Stop(); });
  waiting.done.wait();
  EXPECT_THAT(waiting.report, StatusIs(absl::StatusCode::kUnavailable,
                                       HasSubstr("is stopping")));
  EXPECT_TRUE(reloader_.stopping());
  reloader_.Request(late.Teller());
  EXPECT_TRUE(late.done.try_wait());
  EXPECT_THAT(late.report, StatusIs(absl::StatusCode::kUnavailable));
  first_may_end_.count_down();
  EXPECT_EQ(running.number(), 1);
  stop.join();
  EXPECT_EQ(begun_, 1);
}

// A server that could not start stops all the same.
TEST_F(ReloaderTest, StopWithoutAStartAnswersToo) {
  Answer answer;
  reloader_.Request(answer.Teller());
  reloader_.Stop();
  EXPECT_THAT(answer.report, StatusIs(absl::StatusCode::kUnavailable));
  reloader_.Stop();
}

}  // namespace
}  // namespace carousel
