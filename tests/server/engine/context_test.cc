// SPDX-License-Identifier: Apache-2.0
//
// Earlier text on its way through the engine: read once, remembered in blocks,
// mixed with the network.

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/engine/engine.h"
#include "server/engine/step_runner.h"
#include "tests/server/engine/tiny_network.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using ::testing::HasSubstr;

constexpr ContextSetting kSetting = {.theta = 1, .lambda = 0.5f};

void ExpectSame(const std::vector<Suggestion>& a,
                const std::vector<Suggestion>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].insert, b[i].insert);
    EXPECT_NEAR(a[i].probability, b[i].probability, 1e-4);
  }
}

std::string Words(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += i % 3 == 0 ? "the " : "house ";
  return text;
}

// One sequence after another, with what they leave in the cache.
class ContextTest : public ::testing::Test {
 protected:
  explicit ContextTest(size_t cache_bytes = size_t{1} << 20)
      : states_(std::make_shared<NetworkStates>(
            tiny_.network()->sizes().stack(), cache_bytes,
            PrefixHashKey{.words = {1, 3, 5, 7}})) {}

  Job MakeJob(const std::string& context, const std::string& text,
              const CompletionOptions& options = {}) const {
    Job job = tiny_.MakeJob(text);
    job.context = {.text = context, .setting = kSetting};
    job.options = options;
    return job;
  }

  // Feeds it `steps` tokens at a time, or as many as it needs.
  void Run(Sequence* sequence, int steps = 8) {
    Sequence* const one[] = {sequence};
    while (!sequence->finished()) {
      const int pending = std::min(sequence->pending(), steps);
      ASSERT_THAT(pending > 0 ? RunSteps(one, pending, &parts_)
                              : RunOutputs(one, &parts_),
                  IsOk());
    }
    tokens_fed_ = sequence->tokens_fed();
  }

  std::vector<Suggestion> Run(const std::string& context,
                              const std::string& text,
                              const CompletionOptions& options = {}) {
    Job job = MakeJob(context, text, options);
    const auto sequence = Sequence::Start(&job, states_).value();
    Run(sequence.get());
    return sequence->Suggestions();
  }

  TinyNetwork tiny_;
  std::shared_ptr<NetworkStates> states_;
  OneThread parts_;
  int64_t tokens_fed_ = 0;
};

constexpr char kContext[] =
    "I would like the house\n\nyou like the house there\n";

// Whatever is typed: the equations, asked of the network one by one.
TEST_F(ContextTest, GivesWhatTheNetworkSaysMixedWithTheContext) {
  for (const char* text : {"", "I would like ", "I wo", "the ", "you", "ho"}) {
    for (const int words : {1, 3}) {
      SCOPED_TRACE(absl::StrCat("\"", text, "\", words: ", words));
      const CompletionOptions options = {.max_words = words,
                                         .min_confidence = 0.0};
      ExpectSame(Run(kContext, text, options),
                 tiny_.Expected(text, options, kContext, kSetting));
    }
  }
}

// ... and it is not what it says without.
TEST_F(ContextTest, ContextChangesTheAnswer) {
  const auto with = Run("the house\nthe house\nthe house", "the ");
  const auto without = tiny_.Expected("the ");
  EXPECT_EQ(with[0].word, "house");
  EXPECT_GT(std::abs(with[0].probability - without[0].probability), 0.01);
}

// Nothing to remember is no context, and costs no second product.
TEST_F(ContextTest, BlankContextIsNone) {
  for (const char* context : {"", "\n\n  \n", " "}) {
    ExpectSame(Run(context, "I wo"), tiny_.Expected("I wo"));
  }
}

TEST_F(ContextTest, ShareOfZeroIsNone) {
  Job job = MakeJob(kContext, "the ");
  job.context.setting.lambda = 0;
  const auto sequence = Sequence::Start(&job, states_).value();
  EXPECT_FALSE(sequence->reads_context());
  Run(sequence.get());
  ExpectSame(sequence->Suggestions(), tiny_.Expected("the "));
}

// A keystroke feeds nothing, a line that is added that line alone, and one that
// has grown what is new of it.
TEST_F(ContextTest, OnlyWhatIsNewOfTheContextIsFed) {
  const std::string line = Words(100);
  Run(line + "\n" + kContext, "I ");
  EXPECT_EQ(tokens_fed_, 101 + 6 + 6 + 2);  // each with its <eos>
  Run(line + "\n" + kContext, "I w");
  EXPECT_EQ(tokens_fed_, 0);
  Run(line + "\n" + kContext + "to you", "I w");
  EXPECT_EQ(tokens_fed_, 3);
  Run(line + "\n" + kContext + "to you like", "I w");
  EXPECT_EQ(tokens_fed_, 1);
  Run(line + "the house you", "I w");
  EXPECT_EQ(tokens_fed_, 3);
}

// From the cache comes what reading gives.
TEST_F(ContextTest, KnownContextGivesWhatReadingItGives) {
  const std::string context = Words(100) + "\n" + kContext;
  const auto first = Run(context, "the h");
  const auto again = Run(context, "the h");
  EXPECT_EQ(tokens_fed_, 0);
  ASSERT_EQ(first.size(), again.size());
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].probability, again[i].probability);
  }
}

// The words after a text are remembered with those of its context, and of
// another context they are asked for.
TEST_F(ContextTest, RememberedWordsServeTheirContextAndNone) {
  Run(kContext, "the ");
  const int64_t answers = states_->cache.stats().answers;
  Run(kContext, "the ");
  EXPECT_EQ(states_->cache.stats().answers, answers + 1);
  ExpectSame(Run("", "the "), tiny_.Expected("the "));
  EXPECT_EQ(states_->cache.stats().answers, answers + 2);
  const std::string other = "your home is a home";
  ExpectSame(Run(other, "the "), tiny_.Expected("the ", {}, other, kSetting));
  EXPECT_EQ(states_->cache.stats().answers, answers + 2);
}

// What was read of a context is not read again, wherever it was broken off.
TEST_F(ContextTest, WhatAnAbandonedSequenceHasReadIsRemembered) {
  for (const int fed : {4, 37}) {
    const std::string context =
        absl::StrCat(fed == 4 ? "a " : "you ", Words(60));
    Job job = MakeJob(context, "the ");
    const auto sequence = Sequence::Start(&job, states_).value();
    Sequence* const one[] = {sequence.get()};
    const int64_t left = sequence->left();
    for (int i = 0; i < fed; ++i) {
      ASSERT_THAT(RunSteps(one, 1, &parts_), IsOk());
    }
    EXPECT_EQ(sequence->left(), left - fed);
    sequence->Abandon();
    ExpectSame(Run(context, "the "),
               tiny_.Expected("the ", {}, context, kSetting));
    EXPECT_GE(tokens_fed_, 62 - fed);
    EXPECT_LE(tokens_fed_, 62 - fed + 2);  // <eos> the
  }
}

// Of a text of which nothing can be completed nothing is read either.
TEST_F(ContextTest, ContextIsNotReadInVain) {
  Job job = MakeJob(kContext, "#x");
  EXPECT_TRUE(Sequence::Start(&job, states_).value()->finished());
}

TEST_F(ContextTest, ContextThatIsNotUtf8IsInvalid) {
  Job job = MakeJob("the \xff", "the ");
  EXPECT_THAT(
      Sequence::Start(&job, states_).status(),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("context: ")));
  EXPECT_EQ(job.text, "the ");  // untouched
}

// Unknown words, marks and characters of every kind.
TEST_F(ContextTest, OddContextsAreRead) {
  const std::string bytes("a\0b\x01\x1b[2J\r\n", 11);
  for (const std::string& context :
       {std::string("xyzzy plugh"), std::string("\U0001F600 \u202e \u05e9"),
        std::string("@#$ 12 a@b.c"), bytes, std::string(16384, 'a'),
        std::string(16384, '.'), std::string(16384, '\n')}) {
    ExpectSame(Run(context, "I wo"),
               tiny_.Expected("I wo", {}, context, kSetting));
  }
}

// Many contexts through a small cache: within its bound, and right all the same
// when blocks are forgotten while others are read.
class SmallCacheContextTest : public ContextTest {
 protected:
  static constexpr size_t kBytes = 6000;
  SmallCacheContextTest() : ContextTest(kBytes) {}
};

TEST_F(SmallCacheContextTest, BoundHoldsAndAnswersStayRight) {
  for (int i = 0; i < 30; ++i) {
    const std::string context =
        absl::StrCat(Words(20 * (i % 5)), "\n", Words(i), "\n", kContext);
    ExpectSame(Run(context, "the h"),
               tiny_.Expected("the h", {}, context, kSetting));
    EXPECT_LE(states_->cache.stats().bytes, kBytes);
  }
  EXPECT_GT(states_->cache.stats().evictions, 0);
}

class NoCacheContextTest : public ContextTest {
 protected:
  NoCacheContextTest() : ContextTest(0) {}
};

TEST_F(NoCacheContextTest, ContextIsReadEveryTime) {
  for (int i = 0; i < 2; ++i) {
    ExpectSame(Run(kContext, "the h"),
               tiny_.Expected("the h", {}, kContext, kSetting));
    EXPECT_EQ(tokens_fed_, 6 + 6 + 2);
  }
  EXPECT_EQ(states_->cache.stats().bytes, 0u);
}

// Stands still before its third batch.
class CancellingClock : public Clock {
 public:
  absl::Time Now() const override {
    if (++calls_ == 7) cancelled->store(true);
    return absl::UnixEpoch();
  }
  const std::shared_ptr<std::atomic<bool>> cancelled =
      std::make_shared<std::atomic<bool>>(false);

 private:
  mutable std::atomic<int> calls_ = 0;
};

// Cancelled while the context is read: within one batch, and what was read is
// there for the next keystroke.
TEST(EngineContextTest, CancellationIsSeenWhileTheContextIsRead) {
  const TinyNetwork tiny;
  CancellingClock clock;
  Engine engine({.workers = 1}, clock);
  absl::Status status;
  Job job = tiny.MakeJob("the ");
  job.context = {.text = Words(900), .setting = kSetting};
  job.cancelled = clock.cancelled;
  job.done = [&](JobResult result) { status = result.suggestions.status(); };
  engine.Submit(std::move(job));
  engine.Drain(absl::InfiniteFuture());
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_GT(engine.stats().tokens, 0);
  EXPECT_LE(engine.stats().tokens, 3 * 8);
  EXPECT_GT(engine.stats().cache.bytes, 0u);
}

// A context is work that is waited for as any other.
TEST(EngineContextTest, ContextCountsInTheQueue) {
  const TinyNetwork tiny;
  FakeClock clock;
  Engine engine({.workers = 0, .admission = {.max_queue_tokens = 1500}}, clock);
  int refused = 0;
  for (int i = 0; i < 3; ++i) {
    Job job = tiny.MakeJob("the ");
    job.context = {.text = std::string(16384, 'a'), .setting = kSetting};
    job.done = [&](JobResult result) {
      refused += absl::IsResourceExhausted(result.suggestions.status());
    };
    engine.Submit(std::move(job));
  }
  EXPECT_EQ(refused, 2);
}

}  // namespace
}  // namespace carousel
