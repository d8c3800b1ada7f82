// SPDX-License-Identifier: Apache-2.0
//
// What is computed and answered, and in which order.

#include "gmock/gmock.h"
#include "tests/server/core/completion_stream_fixture.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(CompletionStreamTest, AnswerCarriesTheNumberOfItsRequest) {
  Type(41, "abc");
  engine_.Answer();
  ASSERT_THAT(client_.numbers(), ElementsAre(41));
  ASSERT_THAT(client_.answers[0].response, IsOk());
  EXPECT_EQ(client_.answers[0].response->suggestions(0).word(), "abc");
}

// The transport measures by it.
TEST_F(CompletionStreamTest, AnswerKnowsWhenItWasAskedForAndWhatItTook) {
  const absl::Time asked = clock_.Now();
  Type(1);
  clock_.Advance(absl::Seconds(3));
  engine_.Answer();
  EXPECT_EQ(client_.answers[0].asked_at, asked);
  EXPECT_EQ(client_.answers[0].report.version, 7);
}

TEST_F(CompletionStreamTest, JobHasTheDeadlineOfTheStream) {
  Type(1);
  EXPECT_EQ(engine_.jobs[0].context.deadline, deadline_);
}

// Latest wins: what is computed is cancelled, what waits is replaced.
TEST_F(CompletionStreamTest, NewerRequestSupersedesTheOlderOnes) {
  Type(1, "a");
  Type(2, "ab");
  Type(3, "abc");
  ASSERT_THAT(engine_.jobs, SizeIs(1));
  EXPECT_TRUE(engine_.jobs[0].cancelled());
  engine_.Answer();
  ASSERT_THAT(engine_.jobs, SizeIs(1));
  EXPECT_EQ(engine_.jobs[0].text, "abc");
  engine_.Answer();
  EXPECT_THAT(client_.numbers(), ElementsAre(3));
}

// An answer to what is typed no more would only flicker.
TEST_F(CompletionStreamTest, SupersededRequestIsNotAnsweredThoughComputed) {
  Type(1);
  Type(2);
  engine_.AnswerTooLate();
  EXPECT_THAT(client_.answers, IsEmpty());
  engine_.Answer();
  EXPECT_THAT(client_.numbers(), ElementsAre(2));
}

TEST_F(CompletionStreamTest, RequestsThatWaitForTheirAnswersAreAllAnswered) {
  for (int64_t number = 1; number <= 3; ++number) {
    Type(number);
    engine_.Answer();
    Read();
  }
  EXPECT_THAT(client_.numbers(), ElementsAre(1, 2, 3));
}

// A client that does not read costs no work.
TEST_F(CompletionStreamTest, NothingIsComputedWhileAnAnswerIsUnderWay) {
  Type(1);
  engine_.Answer();
  Type(2);
  Type(3, "newest");
  EXPECT_THAT(engine_.jobs, IsEmpty());
  Read();
  ASSERT_THAT(engine_.jobs, SizeIs(1));
  EXPECT_EQ(engine_.jobs[0].text, "newest");
}

TEST_F(CompletionStreamTest, RefusedRequestIsAnsweredAndTheStreamGoesOn) {
  Type(1);
  engine_.Refuse(absl::ResourceExhaustedError("the queue is full"));
  Read();
  Type(2);
  engine_.Answer();
  ASSERT_THAT(client_.numbers(), ElementsAre(1, 2));
  EXPECT_THAT(client_.answers[0].response,
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(client_.answers[1].response, IsOk());
}

// It costs the engine nothing.
TEST_F(CompletionStreamTest, RequestThatCannotBeReadIsAnsweredWithItsError) {
  stream_->Next(5, absl::InvalidArgumentError("not UTF-8"));
  EXPECT_THAT(engine_.jobs, IsEmpty());
  ASSERT_THAT(client_.numbers(), ElementsAre(5));
  EXPECT_THAT(client_.answers[0].response,
              StatusIs(absl::StatusCode::kInvalidArgument, "not UTF-8"));
  EXPECT_EQ(client_.status, std::nullopt);
}

TEST_F(CompletionStreamTest, FirstNumberMayBeAny) {
  Type(-5);
  engine_.Answer();
  Read();
  Type(0);
  engine_.Answer();
  EXPECT_THAT(client_.numbers(), ElementsAre(-5, 0));
}

// Answers could not be told apart.

}  // namespace
}  // namespace carousel
