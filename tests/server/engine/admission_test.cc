// SPDX-License-Identifier: Apache-2.0

#include "server/engine/admission.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/retry.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::HasSubstr;

constexpr absl::Time kNow = absl::UnixEpoch();
constexpr AdmissionLimits kLimits = {.max_queue_tokens = 100};

QueueLoad Waiting(int64_t jobs, int64_t tokens) {
  return {.jobs = jobs, .tokens = tokens};
}

// The bound itself may be reached.
TEST(AdmissionTest, JobThatJustFitsIsTaken) {
  EXPECT_THAT(Admit(kLimits, Waiting(3, 90), {.tokens = 10}, kNow), IsOk());
}

// Overload shows at once, and says how bad it is.
TEST(AdmissionTest, JobThatDoesNotFitIsRefusedWithTheFigures) {
  EXPECT_THAT(Admit(kLimits, Waiting(3, 91), {.tokens = 10}, kNow),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("3 requests with 91 tokens wait, 100")));
}

// Whoever sends many waits himself rather than lets others wait.
TEST(AdmissionTest, BulkJobsFillHalfOfTheQueueOnly) {
  EXPECT_THAT(
      Admit(kLimits, Waiting(3, 40), {.tokens = 10, .bulk = true}, kNow),
      IsOk());
  EXPECT_THAT(
      Admit(kLimits, Waiting(3, 41), {.tokens = 10, .bulk = true}, kNow),
      StatusIs(absl::StatusCode::kResourceExhausted,
               HasSubstr("50 tokens may")));
}

TEST(AdmissionTest, BulkJobsHaveABoundOfTheirOwn) {
  const AdmissionLimits limits = {.max_queue_tokens = 100, .max_bulk_jobs = 8};
  const JobFacts job = {.tokens = 1, .bulk = true, .bulk_jobs = 8};
  EXPECT_THAT(Admit(limits, Waiting(0, 0), job, kNow),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("8 texts of bulk streams are at work")));
  EXPECT_THAT(Admit(limits, Waiting(0, 0),
                    {.tokens = 1, .bulk = false, .bulk_jobs = 8}, kNow),
              IsOk());
}

// Better a refusal at once, while there is time to ask elsewhere, than an
// answer that nobody waits for any more.
TEST(AdmissionTest, JobThatWouldMissItsDeadlineIsRefusedWithAdvice) {
  const JobFacts job = {.tokens = 1,
                        .others = kLimits.full_load,
                        .expected = absl::Seconds(1),
                        .deadline = kNow + absl::Milliseconds(1400)};
  const absl::Status status = Admit(kLimits, Waiting(3, 9), job, kNow);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted,
                               HasSubstr("would take 1s")));
  EXPECT_EQ(RetryDelayOf(status), absl::Seconds(1));
}

// An estimate may be wrong for ever where nothing is let in to correct it.
TEST(AdmissionTest, FewJobsAreTakenHoweverLongTheySeem) {
  const JobFacts job = {.tokens = 1,
                        .others = kLimits.full_load - 1,
                        .expected = absl::Seconds(9),
                        .deadline = kNow + absl::Seconds(1)};
  EXPECT_THAT(Admit(kLimits, Waiting(3, 9), job, kNow), IsOk());
}

TEST(AdmissionTest, AdviceIsNeitherAtOnceNorNever) {
  const auto advice = [](absl::Duration expected) {
    return RetryDelayOf(Admit(kLimits, Waiting(3, 100),
                              {.tokens = 1, .expected = expected}, kNow));
  };
  EXPECT_EQ(advice(absl::ZeroDuration()), absl::Milliseconds(20));
  EXPECT_EQ(advice(absl::Hours(1)), absl::Seconds(10));
}

// Else a text longer than the bound could never be answered.
TEST(AdmissionTest, EmptyQueueTakesAJobOfAnySize) {
  EXPECT_THAT(Admit(kLimits, Waiting(0, 0), {.tokens = 1000}, kNow), IsOk());
}

// A closed queue says "elsewhere", whatever else is the matter.
TEST(AdmissionTest, ClosedQueueIsUnavailable) {
  QueueLoad load = Waiting(9, 1000);
  load.closed = true;
  EXPECT_THAT(Admit(kLimits, load, {.tokens = 1}, kNow),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("draining")));
}

// Nobody waits for an answer whose deadline is this very instant.
TEST(AdmissionTest, DeadlineOfNowHasPassed) {
  EXPECT_THAT(Admit(kLimits, Waiting(0, 0), {.deadline = kNow}, kNow),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

}  // namespace
}  // namespace carousel
