// SPDX-License-Identifier: Apache-2.0
//
// Histories that are continued by the engine, side by side.

#include "server/engine/forecast_work.h"

#include <atomic>
#include <cmath>
#include <latch>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "model/bundle/series_scale.h"
#include "model/tasks/forecasting.h"
#include "server/engine/engine.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_forecaster.h"

namespace carousel {
namespace {

using testing::HasSubstr;

class ForecastWorkTest : public testing::Test {
 protected:
  static std::shared_ptr<const Model> Load(const std::string& directory,
                                           ForecastMode mode) {
    EXPECT_THAT(WriteBundle(directory, TinyForecaster(mode)), IsOk());
    return Model::Load(directory).value();
  }

  // Of some steps more than the window, in the units of the data.
  static std::vector<float> History(uint64_t seed) {
    std::vector<float> history;
    Random random(seed);
    const uint64_t steps = 6 + random.Below(4);
    for (uint64_t i = 0; i < steps; ++i) {
      history.push_back(random.Uniform(60, 140));
      history.push_back(random.Uniform(-4, -2));
    }
    return history;
  }

  ForecastJob MakeJob(uint64_t seed, int steps) const {
    ForecastJob job;
    job.model = model_;
    job.history = History(seed);
    job.steps = steps;
    return job;
  }

  struct Answer {
    absl::StatusOr<std::vector<float>> forecast = absl::UnknownError("");
    JobReport report;
  };

  // Asks all at once, of a worker that is held up until they are there.
  std::vector<Answer> Ask(std::vector<ForecastJob> jobs, Engine* engine) {
    std::latch occupied(1), release(1);
    ForecastJob first = MakeJob(0, 1);
    first.done = [&](const auto&, const JobReport&) {
      occupied.count_down();
      release.wait();
    };
    engine->Submit(std::move(first));
    occupied.wait();
    std::vector<Answer> answers(jobs.size());
    std::latch all(static_cast<ptrdiff_t>(jobs.size()));
    for (size_t i = 0; i < jobs.size(); ++i) {
      jobs[i].done = [&answer = answers[i], &all](
                         absl::StatusOr<std::vector<float>> forecast,
                         const JobReport& report) {
        answer = {std::move(forecast), report};
        all.count_down();
      };
      engine->Submit(std::move(jobs[i]));
    }
    release.count_down();
    all.wait();
    return answers;
  }

  void ExpectAsAlone(const Answer& answer, uint64_t seed, int steps) {
    ASSERT_THAT(answer.forecast, IsOk());
    const auto alone = Forecast(*model_, History(seed), steps);
    ASSERT_THAT(alone, IsOk());
    ASSERT_EQ(answer.forecast->size(), alone->size());
    for (size_t i = 0; i < alone->size(); ++i) {
      EXPECT_NEAR((*answer.forecast)[i], (*alone)[i],
                  1e-5 * std::abs((*alone)[i]));
    }
  }

  TempDir dir_;
  std::shared_ptr<const Model> model_ =
      Load(dir_.File("direct/1"), ForecastMode::kDirect);
  FakeClock clock_;
};

// Whatever the company: what the model says of the history by itself.
TEST_F(ForecastWorkTest, AnswerOfABatchIsThatAlone) {
  Engine engine({.workers = 1}, clock_);
  std::vector<ForecastJob> jobs;
  for (uint64_t seed = 1; seed <= 90; ++seed) jobs.push_back(MakeJob(seed, 3));
  const std::vector<Answer> answers = Ask(std::move(jobs), &engine);
  int largest = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    ExpectAsAlone(answers[i], i + 1, 3);
    largest = std::max(largest, answers[i].report.batch);
  }
  EXPECT_GT(largest, 4);
}

// A step is of no use to those that want another number of them.
TEST_F(ForecastWorkTest, OnlyTheSameNumberOfStepsIsBatched) {
  model_ = Load(dir_.File("steps/1"), ForecastMode::kStepByStep);
  Engine engine({.workers = 1}, clock_);
  std::vector<ForecastJob> jobs;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    jobs.push_back(MakeJob(seed, seed % 2 == 0 ? 2 : 40));
  }
  const std::vector<Answer> answers = Ask(std::move(jobs), &engine);
  for (size_t i = 0; i < answers.size(); ++i) {
    ExpectAsAlone(answers[i], i + 1, i % 2 == 1 ? 2 : 40);
    EXPECT_EQ(answers[i].report.batch, 6);
  }
}

// As if the others were not there.
TEST_F(ForecastWorkTest, BadHistoryFailsAlone) {
  Engine engine({.workers = 1}, clock_);
  std::vector<ForecastJob> jobs;
  for (uint64_t seed = 1; seed <= 4; ++seed) jobs.push_back(MakeJob(seed, 3));
  jobs[1].history.resize(10);
  jobs[2].history.back() = 3e38f;
  const std::vector<Answer> answers = Ask(std::move(jobs), &engine);
  ExpectAsAlone(answers[0], 1, 3);
  EXPECT_THAT(answers[1].forecast,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("at least 6 steps, found 5")));
  EXPECT_THAT(answers[2].forecast,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("expected a finite value")));
  ExpectAsAlone(answers[3], 4, 3);
}

TEST_F(ForecastWorkTest, NobodyWaitsNothingIsComputed) {
  Engine engine({.workers = 1}, clock_);
  std::vector<ForecastJob> jobs;
  for (uint64_t seed = 1; seed <= 3; ++seed) jobs.push_back(MakeJob(seed, 3));
  jobs[0].cancelled = std::make_shared<std::atomic<bool>>(true);
  jobs[1].deadline = clock_.Now() - absl::Seconds(1);
  const std::vector<Answer> answers = Ask(std::move(jobs), &engine);
  EXPECT_THAT(answers[0].forecast, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(answers[1].forecast,
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  ExpectAsAlone(answers[2], 3, 3);
}

// A long way of steps ends on the way, when its caller leaves.
TEST_F(ForecastWorkTest, CancelledOnTheWay) {
  model_ = Load(dir_.File("steps/1"), ForecastMode::kStepByStep);
  ForecastWork work(MakeJob(1, 65536));
  ASSERT_THAT(work.Begin(nullptr), IsOk());
  OneThread parts;
  Work* const batch[] = {&work};
  int looks = 0;
  EXPECT_THAT(work.Run(batch, 0, &parts,
                       [&] {
                         return ++looks < 10 ? absl::OkStatus()
                                             : absl::CancelledError("left");
                       }),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_FALSE(work.finished());
}

// What a history holds counts, so that a queue of any size is bounded.
TEST_F(ForecastWorkTest, CostIsThatOfStepsAndOfMemory) {
  ForecastJob job = MakeJob(1, 3);
  job.history.resize(12);
  EXPECT_EQ(ForecastWork(std::move(job)).EstimateTokens(), 6 + 3 + 4);
  job = MakeJob(1, 3);
  job.history.resize(64000);
  EXPECT_EQ(ForecastWork(std::move(job)).EstimateTokens(), 6 + 3 + 4 + 1000);
}

TEST_F(ForecastWorkTest, WarmUpRunsBothModes) {
  Engine engine({.workers = 2}, clock_);
  EXPECT_THAT(engine.WarmUp(*model_->forecaster().network), IsOk());
  model_ = Load(dir_.File("steps/1"), ForecastMode::kStepByStep);
  EXPECT_THAT(engine.WarmUp(*model_->forecaster().network), IsOk());
}

}  // namespace
}  // namespace carousel
