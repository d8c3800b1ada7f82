// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "tests/client/load/load_user_fixture.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::Pair;
using testing::SizeIs;

class CallingUserTest : public LoadUserTest {};

TEST_F(CallingUserTest, AsksOnceUnlessToldToGoOn) {
  const auto user = MakeCallingUser(Context(), 0);

  EXPECT_TRUE(user->Ask(absl::Now(), /*again=*/false));
  user->Wait();

  EXPECT_THAT(asked(), SizeIs(1));
  EXPECT_EQ(tally_->count(), 1);
}

// An open loop passes over who is busy instead of piling up calls.
TEST_F(CallingUserTest, HasOneCallUnderWayAtMost) {
  const auto user = MakeCallingUser(Context(), 0);
  Hold();
  EXPECT_TRUE(user->Ask(absl::Now(), false));

  EXPECT_FALSE(user->Ask(absl::Now(), false));

  Release();
  user->Wait();
  EXPECT_THAT(asked(), SizeIs(1));
  EXPECT_TRUE(user->Ask(absl::Now(), false));
  user->Wait();
  EXPECT_EQ(tally_->count(), 2);
}

TEST_F(CallingUserTest, GoesOnUntilTheLoadIsOver) {
  const auto user = MakeCallingUser(Context(absl::Milliseconds(500)), 0);

  EXPECT_TRUE(user->Ask(absl::Now(), /*again=*/true));
  user->Wait();

  EXPECT_TRUE(tally_->IsOver(absl::Now()));
  EXPECT_GT(asked().size(), 1u);
  // Each began in time, but for one at the very end.
  EXPECT_GE(tally_->count() + 1, static_cast<int64_t>(asked().size()));
}

// A refusal is an answer to go on after, too.
TEST_F(CallingUserTest, ErrorsAreCountedByTheirCodesAndItGoesOn) {
  Answer({absl::ResourceExhaustedError("full"), absl::NotFoundError("no model"),
          absl::OkStatus()});
  const auto user = MakeCallingUser(Context(absl::Milliseconds(500)), 0);

  EXPECT_TRUE(user->Ask(absl::Now(), true));
  user->Wait();

  EXPECT_THAT(tally_->Result().errors,
              ElementsAre(Pair("NOT_FOUND", 1), Pair("RESOURCE_EXHAUSTED", 1)));
  EXPECT_GT(tally_->count(), 0);
}

// Else a server that hangs would hold the load for ever.
TEST_F(CallingUserTest, ACallThatIsNotAnsweredIsGivenUp) {
  options_.timeout = absl::Milliseconds(50);
  const auto user = MakeCallingUser(Context(), 0);
  Hold();

  EXPECT_TRUE(user->Ask(absl::Now(), false));
  user->Wait();

  EXPECT_THAT(tally_->Result().errors,
              ElementsAre(Pair("DEADLINE_EXCEEDED", 1)));
  Release();
}

// The time until it could be sent is part of what a person waits.
TEST_F(CallingUserTest, ItsTimeBeginsWhenItShouldHaveBeenSent) {
  const auto user =
      MakeCallingUser(Context(/*future=*/absl::Hours(1), absl::Hours(1)), 0);

  EXPECT_TRUE(user->Ask(absl::Now() - absl::Minutes(30), false));
  user->Wait();

  EXPECT_GE(tally_->Result().latency.Quantile(1), absl::Minutes(29));
}

TEST_F(CallingUserTest, AsksForTheNextWordOfSoManyWords) {
  options_.words = 5;
  const auto user = MakeCallingUser(Context(), 0);

  user->Ask(absl::Now(), false);
  user->Wait();

  const std::string text = asked().at(0);
  EXPECT_EQ(text.back(), ' ');
  EXPECT_EQ(std::count(text.begin(), text.end(), ' '), 5);
}

TEST_F(CallingUserTest, NamesTheModelThatIsToBeMeasured) {
  const auto default_user = MakeCallingUser(Context(), 0);
  default_user->Ask(absl::Now(), false);
  default_user->Wait();
  EXPECT_EQ(model().name(), "");
  EXPECT_FALSE(model().has_version());

  options_.model = "m";
  options_.version = 7;
  const auto user = MakeCallingUser(Context(), 0);
  user->Ask(absl::Now(), false);
  user->Wait();
  EXPECT_EQ(model().name(), "m");
  EXPECT_EQ(model().version(), 7);
}

// Otherwise all would send the same texts at the same time.
TEST_F(CallingUserTest, EachScoringUserBeginsWithAnotherLine) {
  options_.lines = {"a", "b", "c"};
  for (const uint64_t number : {1, 2}) {
    const auto user = MakeScoringUser(Context(), number);
    for (int i = 0; i < 2; ++i) {
      user->Ask(absl::Now(), false);
      user->Wait();
    }
  }
  EXPECT_THAT(asked(), ElementsAre("b", "c", "c", "a"));
}

TEST_F(CallingUserTest, ScoringUserWithoutLinesSendsRandomTexts) {
  const auto user = MakeScoringUser(Context(), 0);
  for (int i = 0; i < 2; ++i) {
    user->Ask(absl::Now(), false);
    user->Wait();
  }
  ASSERT_THAT(asked(), SizeIs(2));
  EXPECT_NE(asked()[0], asked()[1]);
}

}  // namespace
}  // namespace carousel
