// SPDX-License-Identifier: Apache-2.0
//
// Whole runs on a toy language: English-like phrases whose words have one
// translation each, but whose adjectives change places with their nouns.

#include "model/train/translator_task.h"

#include <omp.h>
#include <signal.h>

#include <cstdio>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/base/random.h"
#include "model/bundle/model.h"
#include "model/tasks/translation_evaluation.h"
#include "model/train/training_run.h"
#include "nlohmann/json.hpp"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::HasSubstr;

constexpr const char* kNouns[][2] = {{"dog", "chien"},
                                     {"cat", "chat"},
                                     {"boy", "garcon"},
                                     {"horse", "cheval"},
                                     {"child", "enfant"}};
constexpr const char* kAdjectives[][2] = {
    {"black", "noir"}, {"white", "blanc"}, {"tired", "fatigue"}};
constexpr const char* kVerbs[][2] = {
    {"sees", "voit"}, {"follows", "suit"}, {"likes", "aime"}};

// "the black dog" and "le chien noir".
std::pair<std::string, std::string> Phrase(Random* random) {
  const auto& noun = kNouns[random->Below(std::size(kNouns))];
  if (random->Below(3) == 0) {
    return {absl::StrCat("the ", noun[0]), absl::StrCat("le ", noun[1])};
  }
  const auto& adjective = kAdjectives[random->Below(std::size(kAdjectives))];
  return {absl::StrCat("the ", adjective[0], " ", noun[0]),
          absl::StrCat("le ", noun[1], " ", adjective[1])};
}

std::string Sentences(int count, uint64_t seed) {
  Random random(seed);
  std::string text;
  for (int i = 0; i < count; ++i) {
    const auto subject = Phrase(&random);
    const auto& verb = kVerbs[random.Below(std::size(kVerbs))];
    const auto object = Phrase(&random);
    absl::StrAppend(&text, subject.first, " ", verb[0], " ", object.first,
                    " .\t", subject.second, " ", verb[1], " ", object.second,
                    " .\n");
  }
  return text;
}

class TranslatorTaskTest : public testing::Test {
 protected:
  TranslatorTaskTest() {
    omp_set_num_threads(1);
    Write("train.tsv", Sentences(400, 1));
    Write("dev.tsv", Sentences(20, 2));
    config_.data_directory = dir_.path();
    config_.train = {{.path = "train.tsv"}};
    config_.dev = {"dev.tsv"};
    config_.embedding = 16;
    config_.hidden = 32;
    config_.encoder_layers = 1;
    config_.decoder_layers = 1;
    config_.rows = 16;
    config_.max_buckets = 3;
    config_.dropout = {};
    config_.bleu_texts = 10;
    config_.training.trainer.clip_norm = 5;
    config_.training.learning_rate.peak = 0.01f;
    config_.training.epochs = 8;
    config_.training.evaluate_every_steps = 100;
    config_.training.checkpoint_every_minutes = 0;
  }

  void Write(const std::string& name, const std::string& text) {
    ASSERT_THAT(WriteFileAtomically(dir_.File(name), text), IsOk());
  }

  absl::StatusOr<TrainingOutcome> Train(const std::string& name,
                                        bool resume = false,
                                        std::function<int()> stop = nullptr) {
    std::FILE* sink = std::fopen("/dev/null", "w");
    absl::StatusOr<TrainingOutcome> outcome;
    {
      TranslatorDefinition definition(config_);
      Progress progress(sink, ProgressStyle::kNone);
      outcome = RunTraining(&definition,
                            {.bundle_directory = dir_.File(name + "/1"),
                             .run_directory = dir_.File(name + "/run"),
                             .resume = resume,
                             .stop_signal = std::move(stop)},
                            &progress, clock_);
    }
    std::fclose(sink);
    return outcome;
  }

  double BleuOf(const std::string& name) {
    const auto model = Model::Load(dir_.File(name + "/1"));
    EXPECT_THAT(model, IsOk());
    if (!model.ok()) return 0;
    return EvaluateTranslator((*model)->translator(),
                              *ReadReferencePairs(dir_.File("dev.tsv")),
                              {.threads = 2})
        ->bleu;
  }

  std::string Read(const std::string& name) {
    return ReadFile(dir_.File(name)).value_or("");
  }

  TempDir dir_;
  FakeClock clock_;  // stands still: seconds are equal in all runs
  TranslatorConfig config_;
};

// From lines of text to a bundle that translates what it has not seen.
TEST_F(TranslatorTaskTest, LearnsAToyLanguageWithAttention) {
  Write("train.tsv", Sentences(2000, 1));
  config_.hidden = 48;
  ASSERT_THAT(Train("m"), IsOk());
  // Who knows the grammar but does not read its source comes to 5 to 20.
  EXPECT_GT(BleuOf("m"), 95);
  EXPECT_THAT(Read("m/1/CARD.md"), HasSubstr("general attention"));
  EXPECT_THAT(Read("m/run/metrics.jsonl"), HasSubstr("\"dev_bleu\""));
}

// Sutskever, Vinyals, Le 2014, other cells, one vocabulary.
TEST_F(TranslatorTaskTest, LearnsItWithoutAttentionInReverse) {
  config_.attention = {};
  config_.reverse_input = true;
  config_.bidirectional = false;
  config_.cell = Cell::kGru;
  config_.joint = true;
  config_.shared_embedding = true;
  config_.hidden = 96;
  config_.training.epochs = 12;
  Write("train.tsv", Sentences(2000, 1));
  ASSERT_THAT(Train("m"), IsOk());
  EXPECT_GT(BleuOf("m"), 95);
}

// However often and wherever a run is stopped, its result has the same bits.
TEST_F(TranslatorTaskTest, ResumedRunGivesTheSameBits) {
  config_.training.epochs = 2;
  config_.training.evaluate_every_steps = 20;
  config_.dropout = {.input = 0.2f, .layers = 0.2f, .output = 0.2f};
  config_.label_smoothing = 0.1f;
  config_.training.accumulate = 2;
  ASSERT_THAT(Train("whole"), IsOk());
  for (int stops = 0; stops < 30; ++stops) {
    int looks = 9;
    const auto outcome = Train("parts", /*resume=*/true,
                               [&looks] { return looks-- > 0 ? 0 : SIGTERM; });
    ASSERT_THAT(outcome, IsOk());
    if (outcome->stopped_by == 0) break;
  }
  EXPECT_EQ(Read("parts/1/weights.safetensors"),
            Read("whole/1/weights.safetensors"));
}

}  // namespace
}  // namespace carousel
