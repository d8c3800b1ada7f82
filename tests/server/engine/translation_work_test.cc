// SPDX-License-Identifier: Apache-2.0
//
// Texts that are translated by the engine, side by side.

#include "server/engine/translation_work.h"

#include <omp.h>

#include <atomic>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/engine/engine.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tiny_translator.h"

namespace carousel {
namespace {

using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const char* const kTexts[] = {"a b.", "d c a!  b", "", "a a b c d.\n\nc!", "b"};

class TranslationWorkTest : public testing::Test {
 protected:
  TranslationJob MakeJob(const std::string& text) const {
    TranslationJob job;
    job.parts = parts_;
    job.text = text;
    job.options.beam_size = 3;
    return job;
  }

  // More than is worked on at a time.
  static std::string LongText() {
    std::string text;
    for (int i = 0; i < 50; ++i) text += "a b c d! ";
    return text;
  }

  struct Answer {
    absl::StatusOr<TranslatedText> text = absl::UnknownError("");
    JobReport report;
  };

  // Asks all at once, of a worker that is held up until they are there.
  std::vector<Answer> Ask(std::vector<TranslationJob> jobs, Engine* engine) {
    // Shared: another worker may bring all answers before this one goes on.
    const auto occupied = std::make_shared<std::latch>(1);
    const auto release = std::make_shared<std::latch>(1);
    TranslationJob first = MakeJob("a");
    first.done = [occupied, release](const auto&, const JobReport&) {
      occupied->count_down();
      release->wait();
    };
    engine->Submit(std::move(first));
    occupied->wait();
    std::vector<Answer> answers(jobs.size());
    std::latch all(static_cast<ptrdiff_t>(jobs.size()));
    for (size_t i = 0; i < jobs.size(); ++i) {
      jobs[i].done = [&answer = answers[i], &all](
                         absl::StatusOr<TranslatedText> text,
                         const JobReport& report) {
        answer = {std::move(text), report};
        all.count_down();
      };
      engine->Submit(std::move(jobs[i]));
    }
    release->count_down();
    all.wait();
    return answers;
  }

  Answer AskOne(TranslationJob job, Engine* engine) {
    std::vector<TranslationJob> jobs;
    jobs.push_back(std::move(job));
    return Ask(std::move(jobs), engine)[0];
  }

  // By itself, without an engine.
  TranslatedText Expected(const std::string& text) const {
    omp_set_num_threads(1);
    const TranslationJob job = MakeJob(text);
    auto translation =
        TextTranslation::Start(*parts_, text, job.options).value();
    Translator::Workspace workspace;
    while (!translation->finished()) {
      const Translator& network = *parts_->network;
      EXPECT_THAT(
          translation->to_read().empty()
              ? WriteSentences(network, translation->to_write(), &workspace)
              : ReadSentences(network, translation->to_read(), &workspace),
          IsOk());
      EXPECT_THAT(translation->Advance(), IsOk());
    }
    return translation->Take();
  }

  const std::shared_ptr<const TranslatorParts> parts_ =
      std::make_shared<TranslatorParts>(TinyTranslator());
  FakeClock clock_;
};

// Of whatever length, alone or in any company.
TEST_F(TranslationWorkTest, AnswerIsThatOfTheTextByItself) {
  for (const int workers : {1, 2}) {
    Engine engine({.workers = workers}, clock_);
    std::vector<TranslationJob> jobs;
    for (int i = 0; i < 40; ++i) jobs.push_back(MakeJob(kTexts[i % 5]));
    const auto answers = Ask(std::move(jobs), &engine);
    for (size_t i = 0; i < answers.size(); ++i) {
      ASSERT_THAT(answers[i].text, IsOk());
      const TranslatedText expected = Expected(kTexts[i % 5]);
      EXPECT_EQ(answers[i].text->text, expected.text);
      ASSERT_EQ(answers[i].text->sentences.size(), expected.sentences.size());
      for (size_t k = 0; k < expected.sentences.size(); ++k) {
        EXPECT_NEAR(
            answers[i].text->sentences[k].translations[0].log_probability,
            expected.sentences[k].translations[0].log_probability, 1e-4);
      }
    }
  }
}

// A step for one costs nearly as much as one for many.
TEST_F(TranslationWorkTest, TextsAreComputedTogether) {
  Engine engine({.workers = 1}, clock_);
  std::vector<TranslationJob> jobs;
  for (int i = 0; i < 8; ++i) jobs.push_back(MakeJob("a b c"));
  for (const Answer& answer : Ask(std::move(jobs), &engine)) {
    EXPECT_EQ(answer.report.batch, 8);
  }
}

// Who reads along has read the whole in the end.
TEST_F(TranslationWorkTest, StreamedTextIsTheWhole) {
  Engine engine({.workers = 2}, clock_);
  for (const char* text : kTexts) {
    std::string streamed;
    TranslationJob job = MakeJob(text);
    job.on_text = [&](absl::string_view more) {
      EXPECT_FALSE(more.empty());
      streamed.append(more.data(), more.size());
    };
    const Answer answer = AskOne(std::move(job), &engine);
    ASSERT_THAT(answer.text, IsOk());
    EXPECT_EQ(streamed, answer.text->text);
  }
}

// Out of time, half a translation is better than none.
TEST_F(TranslationWorkTest, TimeThatIsOverGivesTheBestSoFar) {
  Engine engine({.workers = 1}, clock_);
  TranslationJob job = MakeJob("a a b c d. c b! a b c d");
  job.stop_at = clock_.Now();
  std::string streamed;
  job.on_text = [&](absl::string_view more) {
    streamed.append(more.data(), more.size());
  };
  const Answer answer = AskOne(std::move(job), &engine);
  ASSERT_THAT(answer.text, IsOk());
  EXPECT_TRUE(answer.text->truncated());
  EXPECT_EQ(answer.text->sentences.size(), 2u);
  EXPECT_EQ(streamed, answer.text->text);
  EXPECT_FALSE(Expected("a a b c d. c b! a b c d").truncated());
}

// What nobody waits for is not computed: the step under way is the last one.
TEST_F(TranslationWorkTest, CancelledHalfWayEndsWithinAStep) {
  Engine engine({.workers = 1}, clock_);
  TranslationJob job = MakeJob(LongText());
  const auto cancelled = std::make_shared<std::atomic<bool>>(false);
  job.cancelled = cancelled;
  int64_t fed = 0;
  job.on_text = [&](absl::string_view) {
    if (cancelled->exchange(true)) return;
    fed = engine.stats().tokens;  // without those of this step
  };
  const Answer answer = AskOne(std::move(job), &engine);
  EXPECT_THAT(answer.text, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_TRUE(cancelled->load());
  const EngineStats stats = engine.stats();
  EXPECT_EQ(stats.cancelled, 1);
  EXPECT_GT(stats.wasted_tokens, 0);
  EXPECT_LE(stats.tokens - fed, TextTranslation::kOpenRows);
}

TEST_F(TranslationWorkTest, DeadlinesAreKeptBetweenSteps) {
  Engine engine({.workers = 1}, clock_);
  TranslationJob job = MakeJob(LongText());
  job.deadline = clock_.Now() + absl::Seconds(1);
  job.on_text = [&](absl::string_view) { clock_.Advance(absl::Seconds(1)); };
  EXPECT_THAT(AskOne(std::move(job), &engine).text,
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(engine.stats().expired, 1);
}

TEST_F(TranslationWorkTest, BadTextIsItsOwnError) {
  Engine engine({.workers = 1}, clock_);
  std::vector<TranslationJob> jobs;
  jobs.push_back(MakeJob("a \xFF"));
  jobs.push_back(MakeJob("a b"));
  jobs.push_back(MakeJob("a b"));
  jobs[2].options.beam_size = 0;
  const auto answers = Ask(std::move(jobs), &engine);
  EXPECT_THAT(answers[0].text,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
  EXPECT_THAT(answers[1].text, IsOk());
  EXPECT_THAT(answers[2].text, StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("beam_size")));
}

// Weights may be such that of one text no numbers come: the others, which are
// computed with it, have their answers.
TEST_F(TranslationWorkTest, TextThatCannotBeComputedIsItsOwnError) {
  const auto parts =
      std::make_shared<TranslatorParts>(TinyTranslator({.broken = "d"}));
  // One sentence, or several of which others are open then.
  const std::vector<std::string> bad = {"a. b d c.", "a b! d", "a! b d! c"};
  for (const int workers : {1, 2}) {
    Engine engine({.workers = workers}, clock_);
    std::vector<TranslationJob> jobs;
    for (size_t i = 0; i < 40; ++i) {
      jobs.push_back(MakeJob(i % 4 == 1 ? bad[i / 4 % 3] : "a b. c"));
      jobs.back().parts = parts;
    }
    const auto answers = Ask(std::move(jobs), &engine);
    for (size_t i = 0; i < answers.size(); ++i) {
      if (i % 4 == 1) {
        EXPECT_THAT(answers[i].text, StatusIs(absl::StatusCode::kInternal,
                                              HasSubstr("not a number")));
      } else {
        ASSERT_THAT(answers[i].text, IsOk());
        EXPECT_EQ(answers[i].text->text, Expected("a b. c").text);
      }
    }
    EXPECT_GT(engine.stats().wasted_tokens, 0);
  }
}

// The queue is bounded in work: a wide beam is more of it.
TEST_F(TranslationWorkTest, WorkIsEstimatedByTextAndBeam) {
  const auto estimate = [&](size_t bytes, int beam) {
    TranslationJob job = MakeJob(std::string(bytes, 'a'));
    job.options.beam_size = beam;
    return TranslationWork(std::move(job), &clock_).EstimateTokens();
  };
  EXPECT_THAT(estimate(4000, 1), Ge(1000));
  EXPECT_THAT(estimate(4000, 8), Ge(8000));
  EXPECT_GT(estimate(8000, 1), estimate(4000, 1));
}

// The first answer must be as fast as its thousandth.
TEST_F(TranslationWorkTest, NetworksAreWarmedUp) {
  Engine engine({.workers = 2}, clock_);
  EXPECT_THAT(engine.WarmUp(*parts_->network), IsOk());
}

}  // namespace
}  // namespace carousel
