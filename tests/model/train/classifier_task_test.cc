// SPDX-License-Identifier: Apache-2.0
//
// Whole runs of the classifier on a few hundred generated texts, and what is
// wrong with data that cannot be used.

#include "model/train/classifier_task.h"

#include <omp.h>
#include <signal.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/bundle/model.h"
#include "model/tasks/classification.h"
#include "model/train/classifier_data.h"
#include "model/train/classifier_init.h"
#include "model/train/training_run.h"
#include "nlohmann/json.hpp"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The label is that of one word among others; some texts are longer than
// `text.longest`.
std::string Texts(int count, int first) {
  const char* fillers[] = {"the", "film", "was", "seen", "by", "us"};
  std::string result;
  for (int i = first; i < first + count; ++i) {
    const bool good = i % 2 == 0;
    absl::StrAppend(&result, good ? "pos" : "neg", "\t");
    for (int k = 0; k < 1 + i % 11; ++k) {
      absl::StrAppend(&result, fillers[(i / 3 + 5 * k) % 6], " ");
    }
    absl::StrAppend(&result, good ? "splendid" : "dreadful", " ",
                    fillers[i % 5], "\n");
  }
  return result;
}

class ClassifierTaskTest : public testing::Test {
 protected:
  ClassifierTaskTest() {
    omp_set_num_threads(1);
    Write("train.tsv", Texts(300, 0));
    Write("dev.tsv", Texts(40, 10000));
    config_.data_directory = dir_.path();
    config_.train = {{.path = "train.tsv"}};
    config_.longest = 8;
    config_.embedding = 8;
    config_.hidden = 8;
    config_.rows = 8;
    config_.network = {};  // no dropout: the texts are easy
    config_.training.learning_rate.peak = 0.02f;
    config_.training.max_steps = 60;
    config_.training.evaluate_every_steps = 20;
    config_.training.log_every_steps = 5;
    config_.training.checkpoint_every_minutes = 0;
  }

  void Write(const std::string& name, const std::string& text) {
    ASSERT_THAT(WriteFileAtomically(dir_.File(name), text), IsOk());
  }

  absl::StatusOr<TrainingOutcome> Train(const std::string& name,
                                        int looks = 1 << 30) {
    std::FILE* sink = std::fopen("/dev/null", "w");
    absl::StatusOr<TrainingOutcome> outcome;
    {
      ClassifierDefinition definition(config_);
      Progress progress(sink, ProgressStyle::kNone);
      outcome = RunTraining(
          &definition,
          {.bundle_directory = dir_.File(name + "/1"),
           .run_directory = dir_.File(name + "/run"),
           .resume = true,
           .stop_signal =
               [looks]() mutable { return looks-- > 0 ? 0 : SIGTERM; }},
          &progress, clock_);
    }
    std::fclose(sink);
    return outcome;
  }

  std::string DataError() {
    MakeDirectories(dir_.File("data")).IgnoreError();
    return std::string(PrepareClassifierData(config_, nullptr,
                                             dir_.File("data"),
                                             [](absl::string_view) {})
                           .status()
                           .message());
  }

  TempDir dir_;
  FakeClock clock_;  // stands still: seconds are equal in all runs
  ClassifierConfig config_;
};

// From texts to something that serves, and says what it was trained to say.
TEST_F(ClassifierTaskTest, LearnsAndLeavesABundleThatEvaluatesWell) {
  config_.dev = {"dev.tsv"};
  ASSERT_THAT(Train("m"), IsOk());
  const auto model = Model::Load(dir_.File("m/1"));
  ASSERT_THAT(model, IsOk());
  EXPECT_THAT((*model)->manifest().classifier().labels,
              ElementsAre("neg", "pos"));
  const auto record = nlohmann::json::parse((*model)->manifest().training);
  EXPECT_GT(record["dev_accuracy"].get<double>(), 0.9);
  EXPECT_GT(record["data"]["cut_texts"].get<int>(), 0);
  const auto figures =
      EvaluateClassifier(**model, dir_.File("dev.tsv"), {.threads = 2});
  ASSERT_THAT(figures, IsOk());
  EXPECT_EQ(figures->n, 40);
  EXPECT_GT(figures->accuracy(), 0.9);
  EXPECT_GT(figures->cut, 0);
  const auto json = nlohmann::json::parse(figures->ToJson());
  EXPECT_EQ(json["task"], "classifier");
  EXPECT_EQ(json["per_label"]["pos"]["n"], 20);
}

// However often a run is stopped, its result has the same bits; layers that
// begin to learn later do so in the same epoch.
TEST_F(ClassifierTaskTest, ResumedRunGivesTheSameBits) {
  config_.training.max_steps = 90;
  config_.unfreeze_every_epochs = 1;
  ASSERT_THAT(Train("whole"), IsOk());
  int stops = 0;
  while (true) {
    const auto outcome = Train("parts", 17);
    ASSERT_THAT(outcome, IsOk());
    if (outcome->stopped_by == 0) break;
    ASSERT_LT(++stops, 30);
  }
  EXPECT_GT(stops, 2);
  EXPECT_EQ(ReadFile(dir_.File("whole/1/weights.safetensors")).value(),
            ReadFile(dir_.File("parts/1/weights.safetensors")).value());
}

// A batch computed in parts is the same batch.
TEST_F(ClassifierTaskTest, AccumulatedPartsGiveNearlyTheSameWeights) {
  config_.training.max_steps = 5;
  config_.training.trainer.optimiser.kind = OptimiserKind::kSgd;
  config_.network = {.stack = {.input = 0.3f}, .pooled = 0.4f};
  config_.bundle.stored_type = DType::kF32;
  ASSERT_THAT(Train("one"), IsOk());
  config_.training.accumulate = 4;
  ASSERT_THAT(Train("four"), IsOk());
  const auto one =
      Safetensors::Open(dir_.File("one/1/weights.safetensors")).value();
  const auto four =
      Safetensors::Open(dir_.File("four/1/weights.safetensors")).value();
  for (const NamedTensor& weight : one->tensors()) {
    const Tensor other = four->Get(weight.name).value();
    for (int64_t i = 0; i < other.size(); ++i) {
      ASSERT_NEAR(weight.tensor.data<float>()[i], other.data<float>()[i], 1e-5)
          << weight.name;
    }
  }
}

// The classifier begins with the language model's words and weights; what it
// has not learned yet are pooling and output.
TEST_F(ClassifierTaskTest, StartsFromALanguageModel) {
  ASSERT_THAT(WriteTinyBundle(dir_.File("lm/1"), {"splendid", "dreadful"}, 3),
              IsOk());
  config_.init = dir_.File("lm/1");
  config_.embedding = 4;
  config_.hidden = 6;
  config_.layers = 2;
  config_.bidirectional = false;
  config_.training.max_steps = 1;
  config_.unfreeze_every_epochs = 1;  // in epoch 0 only pooling and output
  ASSERT_THAT(Train("m"), IsOk());
  const auto lm =
      Safetensors::Open(dir_.File("lm/1/weights.safetensors")).value();
  const auto classifier =
      Safetensors::Open(dir_.File("m/1/weights.safetensors")).value();
  for (const char* name : {"embedding.weight", "rnn.weight_hh_l1"}) {
    const Tensor expected = lm->Get(name).value().ToF32();
    const Tensor found = classifier->Get(name).value().ToF32();
    ASSERT_EQ(found.shape(), expected.shape());
    EXPECT_TRUE(std::equal(found.span<float>().begin(),
                           found.span<float>().end(),
                           expected.span<float>().begin()))
        << name;
  }
}

TEST_F(ClassifierTaskTest, StartThatDoesNotFitIsRefused) {
  ASSERT_THAT(WriteTinyBundle(dir_.File("lm/1"), {"splendid", "dreadful"}, 3),
              IsOk());
  config_.init = dir_.File("lm/1");
  config_.bidirectional = false;
  const absl::Status sizes = LoadLanguageModelStart(config_).status();
  EXPECT_EQ(sizes.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(sizes.message(), HasSubstr("setting model.embedding"));
  EXPECT_THAT(sizes.message(), HasSubstr("has 4, found 8"));

  config_.init = "";
  config_.training.max_steps = 1;
  ASSERT_THAT(Train("m"), IsOk());
  config_.init = dir_.File("m/1");
  EXPECT_THAT(LoadLanguageModelStart(config_).status().message(),
              HasSubstr("expected the bundle of a language_model, found one of "
                        "a classifier"));
}

// What a person must change is named by file and line.
TEST_F(ClassifierTaskTest, DataThatCannotBeUsedIsNamed) {
  Write("train.tsv", "pos\tgood film\nneg without a tab\n");
  EXPECT_THAT(DataError(), HasSubstr("train.tsv:2: expected label<TAB>text"));
  Write("train.tsv", "pos\tgood\npos\tgood film\n");
  EXPECT_THAT(DataError(), HasSubstr("at least two labels, found 1"));
  Write("train.tsv", "pos\tgood\nneg\tbad\n");
  EXPECT_THAT(DataError(), HasSubstr("too little text"));
  Write("train.tsv", Texts(20, 0));
  config_.vocabulary_size = 1000;
  EXPECT_THAT(DataError(), HasSubstr("setting text.vocabulary_size: 1000 is "
                                     "more than the"));
  config_.vocabulary_size = 0;
  Write("train.tsv", Texts(20, 0));
  Write("dev.tsv", "pos\tone thing\nmixed\tanother thing\n");
  config_.dev = {"dev.tsv"};
  EXPECT_THAT(DataError(),
              HasSubstr("dev.tsv:2: label \"mixed\" is unseen in training"));
}

// Labels that are numbers stand in their order.
TEST_F(ClassifierTaskTest, NumericLabelsAreSortedAsNumbers) {
  Write("train.tsv", "10\ta b\n9\ta b\n-1\ta b\n");
  MakeDirectories(dir_.File("data")).IgnoreError();
  const auto data = PrepareClassifierData(config_, nullptr, dir_.File("data"),
                                          [](absl::string_view) {});
  ASSERT_THAT(data, IsOk());
  EXPECT_THAT(data->labels, ElementsAre("-1", "9", "10"));
}

// ULMFiT's order: what is new first, the embedding last.
TEST(LearnsInEpochTest, LayersUnfreezeFromTheTop) {
  const auto learns = [](const char* name, int64_t epoch) {
    return LearnsInEpoch(name, 2, 2, epoch);
  };
  EXPECT_TRUE(learns("output.weight", 0));
  EXPECT_TRUE(learns("pooling.score.weight", 0));
  EXPECT_FALSE(learns("rnn.weight_ih_l1", 1));
  EXPECT_TRUE(learns("rnn.weight_ih_l1_reverse", 2));
  EXPECT_FALSE(learns("rnn.bias_hh_l0", 3));
  EXPECT_TRUE(learns("rnn.bias_hh_l0", 4));
  EXPECT_FALSE(learns("embedding.weight", 5));
  EXPECT_TRUE(learns("embedding.weight", 6));
  EXPECT_TRUE(LearnsInEpoch("embedding.weight", 2, 0, 0));
}

TEST(ClassifierConfigTest, EverySettingReadsBack) {
  const auto config = ParseClassifierConfig(
      R"({"data": {"train": ["a.tsv"], "label_map": "0,1:bad;3,4:good"},
          "text": {"tokenizer": "subword", "subword_algorithm": "bpe"},
          "model": {"cell": "gru", "pooling": "attention", "hidden": 7},
          "training": {"rows": 6, "accumulate": 3, "label_smoothing": 0.1}})");
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->cell, Cell::kGru);
  EXPECT_EQ(config->SizesFor(10, 2).pooling_units, 100);
  const std::string text = SerialiseClassifierConfig(*config);
  EXPECT_EQ(SerialiseClassifierConfig(ParseClassifierConfig(text).value()),
            text);
}

TEST(ClassifierConfigTest, SettingsThatDoNotGoTogetherAreRefused) {
  const auto error = [](const char* json) {
    return std::string(ParseClassifierConfig(json).status().message());
  };
  EXPECT_THAT(error("{}"), HasSubstr("data.train"));
  EXPECT_THAT(error(R"({"data": {"train": ["a"], "label_map": "0,1"}})"),
              HasSubstr("setting data.label_map"));
  EXPECT_THAT(error(R"({"data": {"train": ["a"]},
                        "text": {"vocabulary_size": 2}})"),
              HasSubstr("setting text.vocabulary_size"));
  EXPECT_THAT(error(R"({"data": {"train": ["a"]},
                        "training": {"rows": 5, "accumulate": 2}})"),
              HasSubstr("training.accumulate"));
}

}  // namespace
}  // namespace carousel
