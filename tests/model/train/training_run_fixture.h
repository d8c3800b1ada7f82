// SPDX-License-Identifier: Apache-2.0
//
// Whole runs on a text of a few hundred lines.

#ifndef CAROUSEL_TESTS_MODEL_TRAIN_TRAINING_RUN_FIXTURE_H_
#define CAROUSEL_TESTS_MODEL_TRAIN_TRAINING_RUN_FIXTURE_H_

#include <omp.h>
#include <signal.h>

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/train/language_model_task.h"
#include "model/train/training_run.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {

class TrainingRunTest : public testing::Test {
 protected:
  TrainingRunTest() {
    omp_set_num_threads(1);
    std::string text;
    for (int i = 0; i < 300; ++i) {
      absl::StrAppend(&text, i % 2 ? "the cat sat on the mat .\n"
                                   : "a dog ran to the red house .\n");
    }
    Write("train.txt", text);
    Write("dev.txt", "the dog sat on the house .\na cat ran to the mat .\n");
    config_.data_directory = dir_.path();
    config_.train = {{.path = "train.txt"}};
    config_.dev = {"dev.txt"};
    config_.rows = 4;
    config_.steps = 6;
    config_.sizes = {
        .embedding = 12, .hidden = 16, .layers = 2, .projection = true};
    config_.training.learning_rate.peak = 0.02f;
    config_.training.max_steps = 24;
    config_.training.evaluate_every_steps = 8;
    config_.training.log_every_steps = 5;
    config_.training.checkpoint_every_minutes = 0;
  }

  void Write(const std::string& name, const std::string& text) {
    ASSERT_THAT(WriteFileAtomically(dir_.File(name), text), IsOk());
  }

  // Lines for every row of a batch, so that no rank's share of dev is empty.
  void WriteDevForEachRank() {
    std::string text;
    for (int i = 0; i < 20; ++i) {
      absl::StrAppend(&text, "the dog sat .\na cat ran .\n");
    }
    Write("dev.txt", text);
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
      LanguageModelDefinition definition(config_);
      Progress progress(sink, ProgressStyle::kNone);
      outcome = RunTraining(&definition, options, &progress, clock_);
    }
    std::fclose(sink);
    return outcome;
  }

  // Told to stop by SIGTERM after so many looks at the signal.
  absl::StatusOr<TrainingOutcome> TrainUntil(TrainingRunOptions options,
                                             int looks) {
    options.stop_signal = [looks]() mutable {
      return looks-- > 0 ? 0 : SIGTERM;
    };
    return Train(options);
  }

  std::string Read(const std::string& name) {
    return ReadFile(dir_.File(name)).value_or("");
  }

  TempDir dir_;
  FakeClock clock_;  // stands still: seconds are equal in all runs
  LanguageModelConfig config_;
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_MODEL_TRAIN_TRAINING_RUN_FIXTURE_H_
