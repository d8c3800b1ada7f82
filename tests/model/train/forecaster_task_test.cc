// SPDX-License-Identifier: Apache-2.0
//
// Whole runs of the forecaster on a sine.

#include "model/train/forecaster_task.h"

#include <omp.h>
#include <signal.h>

#include <cmath>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/bundle/model.h"
#include "model/bundle/series_scale.h"
#include "model/tasks/forecasting.h"
#include "model/train/training_run.h"
#include "nlohmann/json.hpp"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class ForecasterTaskTest : public testing::Test {
 protected:
  ForecasterTaskTest() {
    omp_set_num_threads(1);
    WriteSine(0);
    config_.data_directory = dir_.path();
    config_.file = "sine.csv";
    config_.series.columns = {"sine"};
    config_.train_rows = 300;
    config_.dev_rows = 60;
    config_.sizes.rnn = {.cell = Cell::kGru, .hidden = 12, .layers = 1};
    config_.sizes.window = 16;
    config_.sizes.horizon = 4;
    config_.rows = 16;
    config_.training.learning_rate.peak = 0.02f;
    config_.training.max_steps = 150;
    config_.training.evaluate_every_steps = 50;
    config_.training.log_every_steps = 10;
    config_.training.checkpoint_every_minutes = 0;
  }

  // A sine about 20 in steps of an hour or so, and a column that is not used.
  void WriteSine(double shift) {
    std::string text = "time,other,sine\n";
    for (int i = 0; i < 400; ++i) {
      absl::StrAppend(&text, i, ",x,", 20 + shift + 5 * std::sin(0.5 * i),
                      "\n");
    }
    ASSERT_THAT(WriteFileAtomically(dir_.File("sine.csv"), text), IsOk());
  }

  TrainingRunOptions Options(const std::string& name, bool resume = false) {
    return {.bundle_directory = dir_.File(name + "/1"),
            .run_directory = dir_.File(name + "/run"),
            .resume = resume,
            .stop_signal = {}};
  }

  absl::StatusOr<TrainingOutcome> Train(const TrainingRunOptions& options) {
    std::FILE* sink = std::fopen("/dev/null", "w");
    absl::StatusOr<TrainingOutcome> outcome;
    {
      ForecasterDefinition definition(config_);
      Progress progress(sink, ProgressStyle::kNone);
      outcome = RunTraining(&definition, options, &progress, clock_);
    }
    std::fclose(sink);
    return outcome;
  }

  nlohmann::json Record(const std::string& name) {
    const auto model = Model::Load(dir_.File(name + "/1"));
    EXPECT_THAT(model, IsOk());
    return nlohmann::json::parse((*model)->manifest().training);
  }

  std::string Weights(const std::string& name) {
    return ReadFile(dir_.File(name + "/1/weights.safetensors")).value();
  }

  TempDir dir_;
  FakeClock clock_;  // stands still: seconds are equal in all runs
  ForecasterConfig config_;
};

// From a file to something that continues the sine, in its own units.
TEST_F(ForecasterTaskTest, LearnsToContinueASine) {
  ASSERT_THAT(Train(Options("m")), IsOk());
  const auto model = Model::Load(dir_.File("m/1"));
  ASSERT_THAT(model, IsOk());
  EXPECT_LT(Record("m")["dev"]["mse"], 0.01);
  std::vector<float> history;
  for (int i = 0; i < 16; ++i) {
    history.push_back(static_cast<float>(20 + 5 * std::sin(0.5 * i + 0.3)));
  }
  const auto forecast = Forecast(**model, history, 4);
  ASSERT_THAT(forecast, IsOk());
  for (int k = 0; k < 4; ++k) {
    EXPECT_NEAR((*forecast)[static_cast<size_t>(k)],
                20 + 5 * std::sin(0.5 * (16 + k) + 0.3), 1);
  }
}

// The same, each step from the one before.
TEST_F(ForecasterTaskTest, LearnsStepByStep) {
  config_.sizes.mode = ForecastMode::kStepByStep;
  ASSERT_THAT(Train(Options("m")), IsOk());
  EXPECT_LT(Record("m")["dev"]["mse"], 0.02);
}

// A bundle says what it was made from, but nothing that stood in the data.
TEST_F(ForecasterTaskTest, RecordNamesTheDataAndTheParts) {
  config_.training.max_steps = 2;
  ASSERT_THAT(Train(Options("m")), IsOk());
  const nlohmann::json record = Record("m");
  EXPECT_EQ(record["data"]["sha256"],
            Sha256OfFile(dir_.File("sine.csv")).value());
  EXPECT_EQ(record["data"]["columns"][0], "sine");
  EXPECT_EQ(record["data"]["train_rows"], 300);
  EXPECT_EQ(record["config"]["forecaster"]["window"], 16);
  EXPECT_FALSE(record["config"]["data"].contains("directory"));
  EXPECT_THAT(ReadFile(dir_.File("m/1/CARD.md")).value(),
              HasSubstr("mean squared error"));
}

// Measured on the dev part by the network that is in the bundle.
TEST_F(ForecasterTaskTest, BundleKnowsHowSureItIs) {
  ASSERT_THAT(Train(Options("m")), IsOk());
  const auto model = Model::Load(dir_.File("m/1"));
  ASSERT_THAT(model, IsOk());
  const auto& parts = (*model)->forecaster();
  ASSERT_TRUE(parts.quantiles.has_value());
  EXPECT_EQ(parts.quantiles->levels.front(), 0.025f);  // 57 forecasts
  EXPECT_EQ(Record("m")["residual_quantiles"]["forecasts"], 57);
  // On dev itself four fifths lie within the interval, but for the 57th parts.
  const auto file =
      ReadSeriesFile(dir_.File("sine.csv"), {.columns = {"sine"}});
  ASSERT_THAT(file, IsOk());
  const std::vector<float> values =
      Normalise((*model)->manifest().forecaster().series, file->values);
  const auto errors = MeasureForecasts(
      *parts.network, absl::MakeConstSpan(values).first(360),
      {.first_row = 300, .horizons = {4}, .quantiles = &*parts.quantiles});
  ASSERT_THAT(errors, IsOk());
  EXPECT_NEAR((*errors)[0].coverage_80.value(), 0.8, 0.04);
}

TEST_F(ForecasterTaskTest, ShortDevHasNoQuantiles) {
  config_.training.max_steps = 2;
  config_.dev_rows = 11;  // 8 forecasts
  ASSERT_THAT(Train(Options("m")), IsOk());
  EXPECT_FALSE((*Model::Load(dir_.File("m/1")))->forecaster().quantiles);
  EXPECT_THAT(ReadFile(dir_.File("m/1/CARD.md")).value(),
              HasSubstr("there are no quantiles"));
}

// Of dates; the numbers of the other tests have none.
TEST_F(ForecasterTaskTest, BundleKnowsTheInterval) {
  std::string text = "time,sine\n";
  for (int i = 0; i < 400; ++i) {
    absl::StrAppend(&text, 1900 + i / 12, "-", i % 12 < 9 ? "0" : "",
                    1 + i % 12, ",", std::sin(0.5 * i), "\n");
  }
  ASSERT_THAT(WriteFileAtomically(dir_.File("sine.csv"), text), IsOk());
  config_.training.max_steps = 2;
  ASSERT_THAT(Train(Options("m")), IsOk());
  EXPECT_EQ((*Model::Load(dir_.File("m/1")))->manifest().forecaster().interval,
            TimeStep{.months = 1});
}

TEST_F(ForecasterTaskTest, RefusesNamesThatAreNotUtf8) {
  ASSERT_THAT(WriteFileAtomically(dir_.File("sine.csv"), "time,sin\xE9\n1,2\n"),
              IsOk());
  config_.series.columns = {};
  EXPECT_THAT(
      Train(Options("m")),
      StatusIs(kInvalid, HasSubstr("sine.csv:1: expected valid UTF-8")));
}

// Whatever is dropped, and wherever it is stopped.
TEST_F(ForecasterTaskTest, ResumedRunHasTheSameBits) {
  config_.training.max_steps = 40;
  config_.network.dropout = {.input = 0.1f, .output = 0.2f};
  ASSERT_THAT(Train(Options("whole")), IsOk());
  TrainingRunOptions options = Options("parts");
  int looks = 15;
  options.stop_signal = [&] { return looks-- > 0 ? 0 : SIGTERM; };
  const auto stopped = Train(options);
  ASSERT_THAT(stopped, IsOk());
  EXPECT_EQ(stopped->stopped_by, SIGTERM);
  ASSERT_THAT(Train(Options("parts", /*resume=*/true)), IsOk());
  EXPECT_EQ(Weights("parts"), Weights("whole"));
}

// Less memory for the same numbers, up to the order of the sums.
TEST_F(ForecasterTaskTest, AccumulatedBatchesLearnTheSame) {
  config_.training.max_steps = 20;
  config_.network.dropout = {.input = 0.1f};
  ASSERT_THAT(Train(Options("whole")), IsOk());
  config_.training.accumulate = 3;  // parts of 5, 5 and 6 rows
  ASSERT_THAT(Train(Options("parts")), IsOk());
  EXPECT_NEAR(Record("parts")["dev"]["mse"], Record("whole")["dev"]["mse"],
              1e-4);
}

TEST_F(ForecasterTaskTest, RefusesToResumeOnAnotherFile) {
  config_.training.max_steps = 40;
  TrainingRunOptions options = Options("m");
  int looks = 5;
  options.stop_signal = [&] { return looks-- > 0 ? 0 : SIGTERM; };
  ASSERT_THAT(Train(options), IsOk());
  WriteSine(1);
  EXPECT_THAT(Train(Options("m", /*resume=*/true)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("sine.csv: expected the file")));
}

// As the files of the other tasks.
TEST_F(ForecasterTaskTest, AFileMayHaveAnAbsolutePath) {
  config_.file = dir_.File("sine.csv");
  config_.data_directory = dir_.File("elsewhere");
  config_.training.max_steps = 2;
  EXPECT_THAT(Train(Options("m")), IsOk());
}

TEST_F(ForecasterTaskTest, RefusesSeriesThatAreTooShort) {
  config_.train_rows = 19;
  EXPECT_THAT(Train(Options("m")),
              StatusIs(kInvalid, HasSubstr("sine.csv: too short")));
  config_.train_rows = 350;
  EXPECT_THAT(Train(Options("n")),
              StatusIs(kInvalid, HasSubstr("expected at least 410 rows")));
}

TEST_F(ForecasterTaskTest, ErrorsOfTheDataHaveTheirLine) {
  config_.series.columns = {};
  EXPECT_THAT(Train(Options("m")),
              StatusIs(kInvalid, HasSubstr("sine.csv:2: column \"other\": "
                                           "expected a number, found \"x\"")));
}

TEST(ForecasterConfigTest, ReadsBackWhatWasWritten) {
  const auto config = ParseForecasterConfig(
      R"({"data": {"file": "a.csv", "dev_rows": 96},
          "forecaster": {"mode": "step_by_step", "horizon": 48},
          "model": {"cell": "lstm"}, "training": {"loss": "huber"}})",
      {"forecaster.subtract_last=false"});
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->sizes.horizon, 48);
  EXPECT_FALSE(config->sizes.subtract_last);
  const std::string text = SerialiseForecasterConfig(*config);
  EXPECT_EQ(SerialiseForecasterConfig(*ParseForecasterConfig(text)), text);
}

TEST(ForecasterConfigTest, RefusesSettingsThatDoNotGoTogether) {
  EXPECT_THAT(ParseForecasterConfig("{}"),
              StatusIs(kInvalid, HasSubstr("data.file")));
  const std::string file = R"({"data": {"file": "a.csv", "dev_rows": 20}})";
  EXPECT_THAT(ParseForecasterConfig(file),
              StatusIs(kInvalid, HasSubstr("data.dev_rows")));
  EXPECT_THAT(ParseForecasterConfig(
                  R"({"data": {"file": "a.csv"}})",
                  {"forecaster.mode=step_by_step", "model.bidirectional=true"}),
              StatusIs(kInvalid, HasSubstr("model.bidirectional")));
}

}  // namespace
}  // namespace carousel
