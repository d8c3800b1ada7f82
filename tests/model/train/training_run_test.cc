// SPDX-License-Identifier: Apache-2.0
//
// What a run leaves, and how it ends.

#include <filesystem>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "model/bundle/model.h"
#include "nlohmann/json.hpp"
#include "tests/model/train/training_run_fixture.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

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

}  // namespace
}  // namespace carousel
