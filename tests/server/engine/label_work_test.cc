// SPDX-License-Identifier: Apache-2.0
//
// Texts that are labelled by the engine, side by side.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "server/engine/engine.h"
#include "tests/server/engine/tiny_network.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

constexpr int kLongest = 400;

class LabelWorkTest : public testing::Test {
 protected:
  LabelWorkTest()
      : tokenizer_(TokenizerKind::kWords,
                   Vocabulary::Create(TinyTokens({"good", "bad", "a", "film"}))
                       .value()) {
    const ClassifierSizes sizes = {
        .vocabulary = tokenizer_.vocabulary().size(),
        .embedding = 7,
        .rnn = {.inputs = 7, .hidden = 5, .layers = 2, .bidirectional = true},
        .labels = 3};
    std::vector<Tensor> weights;
    const auto specs = WeightSpecs(sizes).value();
    for (size_t i = 0; i < specs.size(); ++i) {
      std::vector<float> values(
          static_cast<size_t>(NumElements(specs[i].shape)));
      Random random(i);
      for (float& value : values) value = random.Uniform(-0.7f, 0.7f);
      weights.push_back(Tensor::FromFloats(specs[i].shape, values));
    }
    network_ = Classifier::Create(sizes, weights).value();
  }

  static std::string TextOf(int words) {
    std::string text;
    for (int i = 0; i < words; ++i) {
      text += i % 3 == 0 ? "good " : i % 5 == 0 ? "bad " : "film ";
    }
    return text;
  }

  LabelJob MakeJob(const std::string& text) const {
    LabelJob job;
    job.network = network_;
    job.tokenizer = &tokenizer_;
    job.text = text;
    job.longest_text = kLongest;
    return job;
  }

  struct Answer {
    absl::StatusOr<LabelAnswer> answer = absl::UnknownError("");
    JobReport report;
  };

  // Asks all at once, of a worker that is held up until they are there.
  std::vector<Answer> Ask(const std::vector<std::string>& texts, Engine* engine,
                          bool bulk = false) {
    std::latch occupied(1), release(1);
    LabelJob first = MakeJob("good");
    first.bulk = bulk;
    first.done = [&](const auto&, const JobReport&) {
      occupied.count_down();
      release.wait();
    };
    engine->Submit(std::move(first));
    occupied.wait();
    std::vector<Answer> answers(texts.size());
    std::latch all(static_cast<ptrdiff_t>(texts.size()));
    for (size_t i = 0; i < texts.size(); ++i) {
      LabelJob job = MakeJob(texts[i]);
      job.bulk = bulk;
      job.done = [&answer = answers[i], &all](
                     absl::StatusOr<LabelAnswer> result,
                     const JobReport& report) {
        answer = {std::move(result), report};
        all.count_down();
      };
      engine->Submit(std::move(job));
    }
    release.count_down();
    all.wait();
    return answers;
  }

  // By itself, in a batch of one row and no more steps than it has tokens.
  std::vector<float> Expected(const std::string& text) const {
    const WholeText whole = EncodeWholeText(tokenizer_, kLongest, text).value();
    std::vector<float> result(3);
    Classifier::Workspace workspace;
    EXPECT_THAT(network_->LogProbabilities(
                    {.tokens = whole.tokens,
                     .lengths = {static_cast<int32_t>(whole.tokens.size())}},
                    absl::MakeSpan(result), &workspace),
                IsOk());
    for (float& value : result) value = std::exp(value);
    return result;
  }

  Tokenizer tokenizer_;
  std::shared_ptr<const Classifier> network_;
  FakeClock clock_;
};

// Of whatever length, alone or in any company: what the network says.
TEST_F(LabelWorkTest, AnswerIsThatOfTheTextByItself) {
  Engine engine({.workers = 1}, clock_);
  std::vector<std::string> texts = {"", "bad", "a film that nobody knows"};
  for (int words = 1; words < 60; ++words) texts.push_back(TextOf(words));
  const std::vector<Answer> answers = Ask(texts, &engine);
  for (size_t i = 0; i < texts.size(); ++i) {
    ASSERT_THAT(answers[i].answer, IsOk());
    const std::vector<float> expected = Expected(texts[i]);
    for (size_t k = 0; k < expected.size(); ++k) {
      EXPECT_NEAR(answers[i].answer->classification.probabilities[k],
                  expected[k], 2e-6)
          << texts[i];
    }
  }
}

// Nobody waits for one of them, so all that there are are read before the first
// batch; of others a few.
TEST_F(LabelWorkTest, BatchesOfBulkAreAsFullAsThereAreTexts) {
  const std::vector<std::string> texts(40, TextOf(20));
  for (bool bulk : {false, true}) {
    Engine engine({.workers = 1}, clock_);
    const std::vector<Answer> answers = Ask(texts, &engine, bulk);
    const bool whole = std::all_of(
        answers.begin(), answers.end(),
        [](const Answer& answer) { return answer.report.batch == 40; });
    EXPECT_EQ(whole, bulk);
  }
}

// A word more or less does not matter, twice as many do.
TEST_F(LabelWorkTest, TextsOfSimilarLengthsAreComputedTogether) {
  Engine engine({.workers = 1}, clock_);
  const std::vector<Answer> answers = Ask(
      {TextOf(60), TextOf(10), TextOf(62), TextOf(61), TextOf(11)}, &engine);
  EXPECT_EQ(answers[0].report.batch, 3);
  EXPECT_EQ(answers[1].report.batch, 2);
}

TEST_F(LabelWorkTest, BatchesOfLongTextsAreBounded) {
  Engine engine(
      {.workers = 1, .steps = {.max_text_cells = 256, .max_bulk_cells = 256}},
      clock_);
  const std::vector<Answer> answers =
      Ask(std::vector<std::string>(10, TextOf(60)), &engine);
  int largest = 0;
  for (const Answer& answer : answers) {
    largest = std::max(largest, answer.report.batch);
  }
  EXPECT_EQ(largest, 4);
}

TEST_F(LabelWorkTest, LongTextIsCutAndSaysSo) {
  Engine engine({.workers = 1}, clock_);
  const std::vector<Answer> answers =
      Ask({TextOf(2 * kLongest), TextOf(10)}, &engine);
  EXPECT_TRUE(answers[0].answer->classification.cut);
  EXPECT_FALSE(answers[1].answer->classification.cut);
}

TEST_F(LabelWorkTest, TextThatIsNotUtf8IsRefused) {
  Engine engine({.workers = 1}, clock_);
  EXPECT_THAT(Ask({"caf\xe9"}, &engine)[0].answer,
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// Expires at a look in the middle of its computation: one at the door, one at
// the worker's start, one before the batch, then one every few steps.
class ClockOfLooks : public Clock {
 public:
  absl::Time Now() const override {
    return absl::UnixEpoch() + absl::Seconds(++looks_);
  }
  int looks() const { return looks_; }

 private:
  mutable std::atomic<int> looks_ = 0;
};

TEST_F(LabelWorkTest, TextIsGivenUpOnItsWay) {
  ClockOfLooks clock;
  Engine engine({.workers = 1}, clock);
  std::latch ended(1);
  absl::Status status;
  LabelJob job = MakeJob(TextOf(300));
  job.deadline = absl::UnixEpoch() + absl::Seconds(9);
  job.done = [&](const absl::StatusOr<LabelAnswer>& result, const JobReport&) {
    status = result.status();
    ended.count_down();
  };
  engine.Submit(std::move(job));
  ended.wait();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDeadlineExceeded));
  // To the end there were two layers of two directions of 40 chunks.
  EXPECT_LT(clock.looks(), 20);
  engine.Drain(absl::InfiniteFuture());
  EXPECT_EQ(engine.stats().expired, 1);
  EXPECT_EQ(engine.stats().wasted_tokens, 301);
}

// Sets a flag at one of its looks.
class ClockThatLeaves : public Clock {
 public:
  absl::Time Now() const override {
    if (++looks_ == 20) *flag = true;
    return absl::UnixEpoch();
  }
  std::shared_ptr<std::atomic<bool>> flag =
      std::make_shared<std::atomic<bool>>(false);

 private:
  mutable std::atomic<int> looks_ = 0;
};

// In the middle of the batch, of which it is the first.
TEST_F(LabelWorkTest, OthersGoOnWhenOneLeaves) {
  ClockThatLeaves clock;
  Engine engine({.workers = 1}, clock);
  std::latch occupied(1), release(1), ended(1);
  LabelJob first = MakeJob("good");
  first.done = [&](const auto&, const JobReport&) {
    occupied.count_down();
    release.wait();
  };
  engine.Submit(std::move(first));
  occupied.wait();
  LabelJob leaving = MakeJob(TextOf(200));
  leaving.cancelled = clock.flag;
  leaving.done = [](const auto&, const JobReport&) {};
  engine.Submit(std::move(leaving));
  Answer answer;
  LabelJob other = MakeJob(TextOf(200));
  other.done = [&](absl::StatusOr<LabelAnswer> result,
                   const JobReport& report) {
    answer = {std::move(result), report};
    ended.count_down();
  };
  engine.Submit(std::move(other));
  EXPECT_FALSE(*clock.flag);
  release.count_down();
  ended.wait();
  EXPECT_TRUE(*clock.flag);
  EXPECT_EQ(answer.report.batch, 2);
  ASSERT_THAT(answer.answer, IsOk());
  EXPECT_NEAR(answer.answer->classification.probabilities[0],
              Expected(TextOf(200))[0], 2e-6);
}

// Fed are a text's own tokens, <eos> with them; in vain, if it is given up.
TEST_F(LabelWorkTest, TokensAreCounted) {
  Engine engine({.workers = 1}, clock_);
  Ask({TextOf(9)}, &engine);
  engine.Drain(absl::InfiniteFuture());
  EXPECT_EQ(engine.stats().tokens, 2 + 10);
  EXPECT_EQ(engine.stats().wasted_tokens, 0);
}

// Both kinds at once, on the same workers.
TEST_F(LabelWorkTest, LabelsAndCompletionsAreServedTogether) {
  const TinyNetwork words;
  Engine engine({.workers = 2}, clock_);
  ASSERT_THAT(engine.WarmUp(*network_), IsOk());
  constexpr int kJobs = 100;
  std::latch all(2 * kJobs);
  std::atomic<int> right = 0;
  const std::vector<float> expected = Expected(TextOf(12));
  const std::string word = words.Expected("the house the ").front().word;
  for (int i = 0; i < kJobs; ++i) {
    LabelJob label = MakeJob(TextOf(12));
    label.done = [&](const absl::StatusOr<LabelAnswer>& result,
                     const JobReport&) {
      right += std::abs(result->classification.probabilities[0] - expected[0]) <
               2e-6f;
      all.count_down();
    };
    engine.Submit(std::move(label));
    Job job = words.MakeJob("the house the ");
    job.done = [&](const JobResult& result) {
      right += result.suggestions->front().word == word;
      all.count_down();
    };
    engine.Submit(std::move(job));
  }
  all.wait();
  EXPECT_EQ(right, 2 * kJobs);
}

// Read word by word, and added up.
TEST_F(LabelWorkTest, ExplanationComesWithTheAnswer) {
  Engine engine({.workers = 2}, clock_);
  LabelJob job = MakeJob("good bad film");
  job.explain = {.contributions = true, .running = true};
  Answer answer;
  std::latch done(1);
  job.done = [&](absl::StatusOr<LabelAnswer> result, const JobReport& report) {
    answer = {std::move(result), report};
    done.count_down();
  };
  engine.Submit(std::move(job));
  done.wait();
  ASSERT_THAT(answer.answer, IsOk());
  EXPECT_NEAR(answer.answer->classification.probabilities[1],
              Expected("good bad film")[1], 2e-6);
  const LabelExplanation& explanation = answer.answer->explanation;
  ASSERT_THAT(explanation.words, testing::SizeIs(3));
  EXPECT_THAT(explanation.words[2].probabilities, testing::SizeIs(3));
  EXPECT_NE(explanation.words[0].contribution, 0);
  // The empty text, three beginnings with their ends, the text without each of
  // its words, and the text.
  EXPECT_EQ(engine.stats().tokens, 1 + (2 + 3 + 4) + 3 * 3 + 4);
}

// Bulk has its own places and a bound of its own; whoever asks for one text is
// not refused for it.
TEST_F(LabelWorkTest, BulkIsBoundedAndRefusesNobodyElse) {
  Engine engine({.workers = 1, .max_sequences = 2}, clock_);
  std::latch occupied(1), release(1), all(3);
  LabelJob first = MakeJob("good");
  first.done = [&](const auto&, const JobReport&) {
    occupied.count_down();
    release.wait();
  };
  engine.Submit(std::move(first));
  occupied.wait();
  absl::Status refused;
  const auto submit = [&](bool bulk) {
    LabelJob job = MakeJob("good film");
    job.bulk = bulk;
    job.done = [&](absl::StatusOr<LabelAnswer> answer, const JobReport&) {
      if (absl::IsResourceExhausted(answer.status())) {
        refused = answer.status();
      } else {
        EXPECT_THAT(answer, IsOk());
        all.count_down();
      }
    };
    engine.Submit(std::move(job));
  };
  submit(true);
  submit(true);
  EXPECT_THAT(refused, IsOk());
  submit(true);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted));
  submit(false);
  release.count_down();
  all.wait();
  EXPECT_EQ(engine.stats().refused, 0) << "its caller waits, and is answered";
}

}  // namespace
}  // namespace carousel
