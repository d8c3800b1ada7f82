// SPDX-License-Identifier: Apache-2.0

#include <memory>

#include "gmock/gmock.h"
#include "tests/client/load/load_user_fixture.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class TypingUserTest : public LoadUserTest {
 protected:
  // Types so many characters, as soon as each can be written.
  static void Type(LoadUser& user, int characters) {
    const absl::Time start = absl::Now();
    for (int typed = 0; typed < characters;) typed += user.Ask(start, false);
  }
};

TEST_F(TypingUserTest, TypesLinesCharacterByCharacterIntoOneStream) {
  options_.lines = {"ab", "c"};
  const auto user = MakeTypingUser(Context(), 0);

  Type(*user, 4);
  user->Wait();

  EXPECT_THAT(asked(), ElementsAre("a", "ab", "c", "a"));
  EXPECT_EQ(server().streams(), 1);
  EXPECT_EQ(tally_->count(), 4);
}

// Otherwise the server would never see an end.
TEST_F(TypingUserTest, WaitEndsAStreamThatIsIdle) {
  const auto user = MakeTypingUser(Context(), 0);
  Type(*user, 1);

  user->Wait();

  EXPECT_EQ(tally_->count(), 1);
}

TEST_F(TypingUserTest, WhoNeverTypedNeedNotWait) {
  const auto user = MakeTypingUser(Context(), 0);

  user->Wait();

  EXPECT_EQ(server().streams(), 0);
}

// In an open loop nobody waits for the answer before the next keystroke.
TEST_F(TypingUserTest, AKeystrokeThatTheNextOneOvertakesIsSuperseded) {
  Answer({absl::CancelledError("superseded"), absl::OkStatus()});
  const auto user = MakeTypingUser(Context(), 0);

  Type(*user, 2);
  user->Wait();

  EXPECT_THAT(tally_->Result().errors, ElementsAre(Pair("SUPERSEDED", 1)));
  EXPECT_EQ(tally_->count(), 1);
}

TEST_F(TypingUserTest, ARefusedKeystrokeIsCountedAndTheStreamGoesOn) {
  Answer({absl::ResourceExhaustedError("full"), absl::OkStatus()});
  const auto user = MakeTypingUser(Context(), 0);

  Type(*user, 2);
  user->Wait();

  EXPECT_THAT(tally_->Result().errors,
              ElementsAre(Pair("RESOURCE_EXHAUSTED", 1)));
  EXPECT_EQ(tally_->count(), 1);
  EXPECT_EQ(server().streams(), 1);
}

// What a server that drains does to it.
TEST_F(TypingUserTest, InAClosedLoopABrokenStreamIsFollowedByAnother) {
  Answer(
      {absl::OkStatus(), absl::UnavailableError("draining"), absl::OkStatus()});
  const auto user = MakeTypingUser(Context(), 0);

  EXPECT_TRUE(user->Ask(absl::Now(), /*again=*/true));
  WaitForRequests(4);
  user->Wait();

  EXPECT_THAT(tally_->Result().errors, ElementsAre(Pair("UNAVAILABLE", 1)));
  EXPECT_EQ(server().streams(), 2);
}

TEST_F(TypingUserTest, InAClosedLoopTheNextWaitsForTheAnswer) {
  options_.lines = {"abcdef"};
  const auto user = MakeTypingUser(Context(), 0);
  Hold();
  EXPECT_TRUE(user->Ask(absl::Now(), /*again=*/true));
  WaitForRequests(1);

  Release();
  WaitForRequests(3);
  user->Wait();

  // Had any been sent before its time, one would have superseded another; the
  // server answers each here.
  EXPECT_THAT(tally_->Result().errors, IsEmpty());
  EXPECT_EQ(tally_->count(), static_cast<int64_t>(asked().size()));
}

// A stream that a hanging server does not end is given up after the load.
TEST_F(TypingUserTest, AStreamThatIsNotAnsweredIsGivenUp) {
  options_.timeout = absl::Milliseconds(50);
  const auto user = MakeTypingUser(Context(absl::Milliseconds(500)), 0);
  Hold();

  Type(*user, 1);
  user->Wait();

  EXPECT_THAT(tally_->Result().errors,
              ElementsAre(Pair("DEADLINE_EXCEEDED", 1)));
  Release();
}

}  // namespace
}  // namespace carousel
