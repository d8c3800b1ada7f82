// SPDX-License-Identifier: Apache-2.0

#include "model/train/metrics_log.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::HasSubstr;
using testing::Not;

class MetricsLogTest : public testing::Test {
 protected:
  TempDir dir_;
  const std::string path_ = dir_.File("metrics.jsonl");
};

// Whoever watches the run reads the file while it grows.
TEST_F(MetricsLogTest, EveryLineIsFlushed) {
  auto log = MetricsLog::Open(path_, 0);
  ASSERT_THAT(log, IsOk());
  ASSERT_THAT((*log)->Write({{"step", 1}, {"loss", 2.5}}), IsOk());
  EXPECT_THAT(ReadFile(path_), IsOkAndHolds("{\"step\":1,\"loss\":2.5}\n"));
}

// A resumed run writes the steps after its checkpoint once more; a crash may
// leave half a line.
TEST_F(MetricsLogTest, ResumingDropsWhatComesAgain) {
  ASSERT_THAT(WriteFileAtomically(path_,
                                  "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n"
                                  "{\"st"),
              IsOk());
  auto log = MetricsLog::Open(path_, 2);
  ASSERT_THAT(log, IsOk());
  ASSERT_THAT((*log)->Write({{"step", 4}}), IsOk());
  EXPECT_THAT(ReadFile(path_),
              IsOkAndHolds("{\"step\":1}\n{\"step\":2}\n{\"step\":4}\n"));
}

// A new run does not go on in an old one's log.
TEST_F(MetricsLogTest, ANewRunBeginsANewFile) {
  ASSERT_THAT(WriteFileAtomically(path_, "{\"step\":1}\n"), IsOk());
  ASSERT_THAT(MetricsLog::Open(path_, 0), IsOk());
  EXPECT_THAT(ReadFile(path_), IsOkAndHolds(""));
}

}  // namespace
}  // namespace carousel
