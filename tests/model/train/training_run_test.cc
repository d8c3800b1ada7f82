// SPDX-License-Identifier: Apache-2.0
//
// Whole runs on a text of a few hundred lines.

#include "model/train/training_run.h"

#include <omp.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/bundle/model.h"
#include "model/train/bundle_path.h"
#include "model/train/language_model_task.h"
#include "model/train/run_checkpoint.h"
#include "nlohmann/json.hpp"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

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

// From text to something that serves.
TEST_F(TrainingRunTest, LeavesABundleThatLoads) {
  ASSERT_THAT(Train(Options("m")), IsOk());
  const auto model = Model::Load(dir_.File("m/1"));
  ASSERT_THAT(model, IsOk());
  const auto record = nlohmann::json::parse((*model)->manifest().training);
  EXPECT_EQ(record["steps"], 24);
  EXPECT_EQ(record["config"]["training"]["rows"], 4);
  EXPECT_EQ(record["data"]["files"][0]["sha256"],
            Sha256OfFile(dir_.File("train.txt")).value());
  // Of 15 tokens: better than chance.
  EXPECT_LT(record["dev_perplexity"].get<double>(), 12);
  EXPECT_THAT(Read("m/1/CARD.md"), HasSubstr("# m\n"));
}

// The figures of the run, for people and programs.
TEST_F(TrainingRunTest, LogsIntervalsAndEvaluations) {
  ASSERT_THAT(Train(Options("m")), IsOk());
  int intervals = 0;
  int evaluations = 0;
  for (absl::string_view line :
       absl::StrSplit(Read("m/run/metrics.jsonl"), '\n', absl::SkipEmpty())) {
    const auto metrics = nlohmann::json::parse(line);
    intervals += metrics.contains("tokens_per_s");
    evaluations += metrics.contains("dev_perplexity");
  }
  EXPECT_EQ(intervals, 4);
  EXPECT_EQ(evaluations, 3);
}

// However often and wherever a run is stopped, its result has the same bits.
TEST_F(TrainingRunTest, ResumedRunGivesTheSameBits) {
  ASSERT_THAT(Train(Options("whole")), IsOk());
  int stops = 0;
  while (true) {
    const auto outcome = TrainUntil(Options("parts", /*resume=*/true), 5);
    ASSERT_THAT(outcome, IsOk());
    if (outcome->stopped_by == 0) break;
    EXPECT_EQ(outcome->stopped_by, SIGTERM);
    ASSERT_LT(++stops, 30);
  }
  EXPECT_GT(stops, 3);
  for (const char* file : {"run/best.safetensors", "run/checkpoint.safetensors",
                           "run/metrics.jsonl", "1/weights.safetensors"}) {
    EXPECT_EQ(Sha256(Read(absl::StrCat("whole/", file))),
              Sha256(Read(absl::StrCat("parts/", file))))
        << file;
  }
}

// Hours of work must not be lost to a repeated command.
TEST_F(TrainingRunTest, RefusesAFolderWithARunUnlessToldToResume) {
  ASSERT_THAT(TrainUntil(Options("m"), 5), IsOk());
  const std::string before = Read("m/run/checkpoint.safetensors");
  EXPECT_THAT(
      Train(Options("m")),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("--resume")));
  EXPECT_EQ(Read("m/run/checkpoint.safetensors"), before);
}

// Weights of one shape cannot go on as another.
TEST_F(TrainingRunTest, RefusesToResumeAnotherModel) {
  ASSERT_THAT(TrainUntil(Options("m"), 5), IsOk());
  config_.sizes.hidden = 20;
  EXPECT_THAT(Train(Options("m", /*resume=*/true)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("model.hidden")));
}

// A model that gets worse on dev is not kept, and time is not wasted on it.
TEST_F(TrainingRunTest, StopsEarlyAndKeepsTheBestWeights) {
  config_.training.learning_rate = {.peak = 3.0f, .decay = Decay::kConstant};
  config_.training.max_steps = 1000;
  config_.training.evaluate_every_steps = 2;
  config_.training.patience = 2;
  ASSERT_THAT(Train(Options("m")), IsOk());
  const auto checkpoint =
      OpenRunCheckpoint(dir_.File("m/run/checkpoint.safetensors"));
  ASSERT_THAT(checkpoint, IsOk());
  const RunState& state = checkpoint->state;
  EXPECT_LT(state.step, 1000);
  EXPECT_EQ(state.step, state.best_step + 4);
  EXPECT_EQ((*Safetensors::Open(dir_.File("m/run/best.safetensors")))
                ->metadata()
                .at("step"),
            absl::StrCat(state.best_step));
}

// Without dev text the last weights are the best that is known.
TEST_F(TrainingRunTest, TrainsWithoutDevText) {
  config_.dev.clear();
  ASSERT_THAT(Train(Options("m")), IsOk());
  EXPECT_THAT(Model::Load(dir_.File("m/1")), IsOk());
  EXPECT_THAT(Read("m/run/metrics.jsonl"), Not(HasSubstr("dev_loss")));
}

// Fine-tuning: the words and weights of a model that is there already.
TEST_F(TrainingRunTest, BeginsWithTheWeightsOfABundle) {
  config_.bundle.stored_type = DType::kF32;
  ASSERT_THAT(Train(Options("first")), IsOk());
  config_.init = dir_.File("first/1");
  config_.training.max_steps = 1;
  config_.training.learning_rate.peak = 1e-9f;
  Write("train.txt", Read("dev.txt") + Read("train.txt"));
  ASSERT_THAT(Train(Options("second")), IsOk());
  const auto first =
      OpenRunCheckpoint(dir_.File("first/run/checkpoint.safetensors"));
  const auto second =
      OpenRunCheckpoint(dir_.File("second/run/checkpoint.safetensors"));
  ASSERT_THAT(second, IsOk());
  EXPECT_NEAR(second->state.best_dev_loss, first->state.best_dev_loss, 1e-3);
  config_.sizes.hidden = 20;
  EXPECT_THAT(
      Train(Options("third")),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("model.init")));
}

// The network of another task has other weights.
TEST_F(TrainingRunTest, RefusesToBeginWithABundleThatIsNone) {
  config_.init = dir_.File("nothing/1");
  EXPECT_THAT(Train(Options("m")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("model.init")));
  EXPECT_FALSE(fs::exists(dir_.File("m")));
}

// Every cell learns, is checkpointed and serves.
TEST_F(TrainingRunTest, TrainsEveryCellWithEveryDropout) {
  config_.dropout = {.embedding = 0.1f,
                     .layers = 0.1f,
                     .output = 0.1f,
                     .variational = true,
                     .weight_drop = 0.2f,
                     .embedding_rows = 0.1f};
  config_.sizes.residual = true;
  for (const Cell cell :
       {Cell::kTanhRnn, Cell::kReluRnn, Cell::kLstm, Cell::kGru}) {
    config_.sizes.cell = cell;
    const std::string name(CellName(cell));
    ASSERT_THAT(TrainUntil(Options(name), 10), IsOk()) << name;
    ASSERT_THAT(Train(Options(name, /*resume=*/true)), IsOk()) << name;
    const auto model = Model::Load(dir_.File(name + "/1"));
    ASSERT_THAT(model, IsOk()) << name;
    EXPECT_EQ((*model)->manifest().language_model().sizes.cell, cell);
  }
}

// Running text: the state is carried over from line to line.
TEST_F(TrainingRunTest, TrainsOnAStream) {
  config_.context = LineContext::kStream;
  config_.tokenizer = TokenizerKind::kWhitespace;
  ASSERT_THAT(Train(Options("m")), IsOk());
  const auto model = Model::Load(dir_.File("m/1"));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->manifest().language_model().context,
            LineContext::kStream);
}

// Time bounds a run that steps do not.
TEST_F(TrainingRunTest, EndsWhenItsMinutesAreOver) {
  config_.training.max_minutes = 5;
  TrainingRunOptions options = Options("m");
  options.stop_signal = [this] {
    clock_.Advance(absl::Minutes(1));
    return 0;
  };
  ASSERT_THAT(Train(options), IsOk());
  const auto checkpoint =
      OpenRunCheckpoint(dir_.File("m/run/checkpoint.safetensors"));
  ASSERT_THAT(checkpoint, IsOk());
  EXPECT_LT(checkpoint->state.step, 10);
}

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
  const rlimit small = {before.size() / 2, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const auto outcome = Train(Options("m", /*resume=*/true));
  setrlimit(RLIMIT_FSIZE, &old);
  signal(SIGXFSZ, handler);
  EXPECT_THAT(outcome, Not(IsOk()));
  EXPECT_THAT(std::string(outcome.status().message()),
              HasSubstr("checkpoint.safetensors"));
  EXPECT_EQ(Read("m/run/checkpoint.safetensors"), before);
  EXPECT_THAT(Train(Options("m", /*resume=*/true)), IsOk());
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
