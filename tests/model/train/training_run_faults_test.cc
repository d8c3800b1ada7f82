// SPDX-License-Identifier: Apache-2.0
//
// Runs of several processes, and runs to which something happens.

#include <signal.h>
#include <sys/resource.h>

#include <filesystem>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "model/train/bundle_path.h"
#include "model/train/run_checkpoint.h"
#include "nlohmann/json.hpp"
#include "tests/model/train/training_run_fixture.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Rank 1 of two, whose agreements it counts: rank 0 sends zeros, for its clock
// stands still and it has nothing to save.
class SecondOfTwo : public AloneCommunicator {
 public:
  int rank() const override { return 1; }
  int size() const override { return 2; }
  absl::Status AllReduceSum(absl::Span<float>) override {
    return absl::OkStatus();
  }
  absl::Status AllReduceSum(absl::Span<double> values) override {
    agreements += values[0] == 0 && values[1] == 0;
    return absl::OkStatus();
  }
  int agreements = 0;
};

// A rank that ended alone would leave the others waiting for it.
TEST_F(TrainingRunTest, RankZerosClockAloneEndsTheRun) {
  WriteDevForEachRank();
  ASSERT_THAT(TrainUntil(Options("m"), 1), IsOk());
  config_.training.max_minutes = 1;
  SecondOfTwo second;
  TrainingRunOptions options = Options("m", /*resume=*/true);
  options.communicator = &second;
  options.stop_signal = [this] {
    clock_.Advance(absl::Minutes(2));
    return 0;
  };
  ASSERT_THAT(Train(options), IsOk());
  EXPECT_GT(second.agreements, 23);  // one before each of the steps
}

// The bundle may have moved on since; the checkpoint has all that is needed.
TEST_F(TrainingRunTest, ResumingDoesNotReadTheInitialModelAgain) {
  WriteDevForEachRank();
  ASSERT_THAT(Train(Options("first")), IsOk());
  config_.init = dir_.File("first/1");
  ASSERT_THAT(TrainUntil(Options("second"), 1), IsOk());
  fs::remove_all(dir_.File("first/1"));
  SecondOfTwo second;
  TrainingRunOptions options = Options("second", /*resume=*/true);
  options.communicator = &second;
  EXPECT_THAT(Train(options), IsOk());
}

// Loses the connection at one of its comparisons.
class LosesConnection : public AloneCommunicator {
 public:
  explicit LosesConnection(int at) : left_(at) {}
  absl::StatusOr<int64_t> AllReduceMax(int64_t value) override {
    if (left_-- == 0) return absl::InternalError("connection lost");
    return value;
  }

 private:
  int left_;
};

// Some of these comparisons are those of the evaluation after step 8.
TEST_F(TrainingRunTest, LostConnectionIsNoSignal) {
  for (int at = 8; at < 14; ++at) {
    LosesConnection communicator(at);
    TrainingRunOptions options = Options(absl::StrCat("m", at));
    options.communicator = &communicator;
    EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kInternal,
                                         HasSubstr("connection lost")))
        << at;
  }
}

// The disk is full: that is said, and the last checkpoint stands.
TEST_F(TrainingRunTest, FullDiskLeavesTheLastCheckpoint) {
  ASSERT_THAT(TrainUntil(Options("m"), 5), IsOk());
  const std::string before = Read("m/run/checkpoint.safetensors");
  rlimit old = {};
  getrlimit(RLIMIT_FSIZE, &old);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {before.size() - 1, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const auto outcome = Train(Options("m", /*resume=*/true));
  setrlimit(RLIMIT_FSIZE, &old);
  signal(SIGXFSZ, handler);
  EXPECT_THAT(outcome, Not(IsOk()));
  EXPECT_THAT(std::string(outcome.status().message()),
              HasSubstr("checkpoint.safetensors"));
  EXPECT_EQ(Read("m/run/checkpoint.safetensors"), before);
  EXPECT_FALSE(fs::exists(dir_.File("m/run/loss.gp")))
      << "figures take the room of the checkpoint";
  EXPECT_THAT(Train(Options("m", /*resume=*/true)), IsOk());
  EXPECT_TRUE(fs::exists(dir_.File("m/run/report.html")));
}

// A rate that is far too high: hours are not lost, and it is said what to do.
TEST_F(TrainingRunTest, NumbersThatAreNotFiniteLeaveTheLastCheckpoint) {
  ASSERT_THAT(TrainUntil(Options("m"), 5), IsOk());
  const std::string before = Read("m/run/checkpoint.safetensors");
  config_.training.learning_rate.peak = 1e6f;
  config_.training.trainer.clip_norm = 0;
  config_.training.trainer.optimiser.weight_decay = 1e6f;
  EXPECT_THAT(
      Train(Options("m", /*resume=*/true)),
      StatusIs(absl::StatusCode::kInternal,
               AllOf(HasSubstr("step "), HasSubstr("training.learning_rate"),
                     HasSubstr("training.clip_norm"),
                     HasSubstr("the checkpoint of step 5 in "),
                     HasSubstr("--resume"))));
  EXPECT_EQ(Read("m/run/checkpoint.safetensors"), before);
  EXPECT_FALSE(fs::exists(dir_.File("m/1")));
}

// Schedules and averages that hang on evaluations are part of the checkpoint.
TEST_F(TrainingRunTest, ResumedRunWithPlateauAndAveragesGivesTheSameBits) {
  TrainingSettings& training = config_.training;
  training.trainer.optimiser = {.kind = OptimiserKind::kAveragedSgd,
                                .momentum = 0.5f};
  training.learning_rate = {
      .peak = 8, .decay = Decay::kPlateau, .plateau_evaluations = 1};
  training.average_after_evaluations = 1;
  training.patience = 0;
  training.evaluate_every_steps = 2;
  training.accumulate = 2;
  ASSERT_THAT(Train(Options("whole")), IsOk());
  for (int stops = 0; stops < 30; ++stops) {
    const auto outcome = TrainUntil(Options("parts", /*resume=*/true), 5);
    ASSERT_THAT(outcome, IsOk());
    if (outcome->stopped_by == 0) break;
  }
  const auto checkpoint =
      OpenRunCheckpoint(dir_.File("whole/run/checkpoint.safetensors"));
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_TRUE(checkpoint->state.averaging);
  EXPECT_LT(checkpoint->state.plateau_scale, 1);
  for (const char* file : {"run/best.safetensors", "run/checkpoint.safetensors",
                           "run/metrics.jsonl"}) {
    EXPECT_EQ(Sha256(Read(absl::StrCat("whole/", file))),
              Sha256(Read(absl::StrCat("parts/", file))))
        << file;
  }
}

// Bad data leaves nothing behind, not even a folder.
TEST_F(TrainingRunTest, RunThatCannotBeginLeavesNoFolder) {
  Write("train.txt", "one two\none two\n");
  EXPECT_THAT(Train(Options("m")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("too little text"),
                             HasSubstr("4 rows of 6 tokens"))));
  EXPECT_FALSE(fs::exists(dir_.File("m")));
}

// A checkpoint is a file that people copy about.
TEST_F(TrainingRunTest, DamagedCheckpointIsDataLoss) {
  ASSERT_THAT(TrainUntil(Options("m"), 5), IsOk());
  const std::string path = dir_.File("m/run/checkpoint.safetensors");
  fs::resize_file(path, fs::file_size(path) / 2);
  EXPECT_THAT(Train(Options("m", /*resume=*/true)),
              StatusIs(absl::StatusCode::kDataLoss));
}

// A bundle must not hold other weights than its figures are of.
TEST_F(TrainingRunTest, BestWeightsOfAnotherStepAreDataLoss) {
  ASSERT_THAT(Train(Options("m")), IsOk());
  fs::remove_all(dir_.File("m/1"));
  const std::string path = dir_.File("m/run/best.safetensors");
  {
    const auto best = Safetensors::Open(path);
    ASSERT_THAT(best, IsOk());
    ASSERT_THAT(WriteSafetensors(path, (*best)->tensors(), {{"step", "3"}}),
                IsOk());
  }
  EXPECT_THAT(
      Train(Options("m", /*resume=*/true)),
      StatusIs(absl::StatusCode::kDataLoss,
               AllOf(HasSubstr("best.safetensors: expected the weights of "),
                     HasSubstr("found 3"))));
  EXPECT_FALSE(fs::exists(dir_.File("m/1")));
}

// Known before hours of training, not after.
TEST(BundlePathTest, IsCheckedBeforeTraining) {
  TempDir dir;
  EXPECT_THAT(CheckBundlePath(dir.File("name/1")), IsOk());
  EXPECT_THAT(CheckBundlePath(dir.File("name/1/")), IsOk());
  for (const char* bad :
       {"name/zero", "name/0", "name/-1", "name/01", "name"}) {
    EXPECT_THAT(
        CheckBundlePath(dir.File(bad)),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("NAME/VERSION")))
        << bad;
  }
  ASSERT_THAT(MakeDirectories(dir.File("name/2")), IsOk());
  EXPECT_THAT(CheckBundlePath(dir.File("name/2")),
              StatusIs(absl::StatusCode::kAlreadyExists));
}

}  // namespace
}  // namespace carousel
