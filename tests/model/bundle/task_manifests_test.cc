// SPDX-License-Identifier: Apache-2.0
//
// The parts of a manifest that only one task has. What all have in common is
// tested on a language model's, in manifest_test.cc.

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/manifest.h"
#include "model/bundle/manifest_fields.h"
#include "model/weights/strict_json.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

json Common(const std::vector<std::string>& files) {
  json document = {{"format_version", 1},
                   {"self_test", {{"tolerance", 0.001}}},
                   {"training", {{"seed", 7}}}};
  for (const std::string& name : files) {
    document["files"][name] = {{"sha256", std::string(64, 'a')}, {"bytes", 17}};
  }
  return document;
}

json Classifier() {
  json document = Common({"weights.safetensors", "vocabulary.txt"});
  document["task"] = "classifier";
  document["network"] = json::parse(R"({
      "vocabulary": 12, "embedding": 4, "pooling": "max_mean",
      "rnn": {"cell": "gru", "hidden": 6, "layers": 2,
              "bidirectional": true, "residual": true}})");
  document["tokenizer"] = {{"kind", "words"}, {"vocabulary", "vocabulary.txt"}};
  document["labels"] = {"negative", "positive"};
  document["longest_text"] = 300;
  document["self_test"]["cases"] = json::parse(
      R"([{"text": "good", "log_probabilities": [-2.5, -0.0625]}])");
  return document;
}

json Translator() {
  json document = Common({"weights.safetensors", "source_vocabulary.txt",
                          "target_vocabulary.txt"});
  document["task"] = "translator";
  document["network"] = json::parse(R"({
      "source_vocabulary": 9, "target_vocabulary": 8, "embedding": 4,
      "encoder": {"cell": "lstm", "hidden": 3, "layers": 1,
                  "bidirectional": true},
      "decoder": {"cell": "lstm", "hidden": 6, "layers": 1},
      "attention": "general", "reverse_input": false, "tied": true})");
  document["source_tokenizer"] = {{"kind", "words"},
                                  {"vocabulary", "source_vocabulary.txt"}};
  document["target_tokenizer"] = {{"kind", "whitespace"},
                                  {"vocabulary", "target_vocabulary.txt"}};
  document["self_test"]["cases"] = json::parse(
      R"([{"text": "one", "tokens": [3, 7], "log_probability": -1.5}])");
  return document;
}

json Forecaster() {
  json document = Common({"weights.safetensors"});
  document["task"] = "forecaster";
  document["network"] = json::parse(R"({
      "rnn": {"cell": "rnn_tanh", "hidden": 6, "layers": 1},
      "window": 3, "horizon": 1, "mode": "step_by_step",
      "subtract_last": true})");
  document["series"] = json::parse(R"([
      {"name": "OT", "mean": 17.5, "standard_deviation": 0.1},
      {"name": "HUFL", "mean": -1, "standard_deviation": 5}])");
  document["self_test"]["cases"] = json::parse(
      R"([{"window": [[1, 2], [3, 4], [5, 6]], "forecast": [[7.5, 8]]}])");
  return document;
}

TEST(TaskManifestsTest, ReadsAClassifier) {
  const auto manifest = ParseManifest(Classifier().dump());
  ASSERT_THAT(manifest, IsOk());
  ASSERT_EQ(manifest->task(), Task::kClassifier);
  const ClassifierManifest& model = manifest->classifier();
  EXPECT_EQ(model.labels, (std::vector<std::string>{"negative", "positive"}));
  EXPECT_EQ(model.sizes.labels, 2);
  EXPECT_EQ(model.longest_text, 300);
  EXPECT_EQ(model.sizes.rnn, (StackSizes{.cell = Cell::kGru,
                                         .inputs = 4,
                                         .hidden = 6,
                                         .layers = 2,
                                         .bidirectional = true,
                                         .residual = true}));
  EXPECT_EQ(model.self_test[0].log_probabilities,
            (std::vector<float>{-2.5f, -0.0625f}));
}

TEST(TaskManifestsTest, ReadsATranslator) {
  const auto manifest = ParseManifest(Translator().dump());
  ASSERT_THAT(manifest, IsOk());
  ASSERT_EQ(manifest->task(), Task::kTranslator);
  const TranslatorManifest& model = manifest->translator();
  EXPECT_EQ(model.source_tokenizer, TokenizerKind::kWords);
  EXPECT_EQ(model.target_tokenizer, TokenizerKind::kWhitespace);
  EXPECT_EQ(model.sizes.target_vocabulary, 8);
  EXPECT_TRUE(model.sizes.attention.has_value());
  EXPECT_EQ(model.self_test[0].tokens, (std::vector<int32_t>{3, 7}));
}

TEST(TaskManifestsTest, ReadsAForecaster) {
  const auto manifest = ParseManifest(Forecaster().dump());
  ASSERT_THAT(manifest, IsOk());
  ASSERT_EQ(manifest->task(), Task::kForecaster);
  const ForecasterManifest& model = manifest->forecaster();
  EXPECT_EQ(model.series[0], (SeriesScale{"OT", 17.5, 0.1}));
  EXPECT_EQ(model.sizes.rnn.inputs, 2);
  EXPECT_EQ(model.sizes.mode, ForecastMode::kStepByStep);
  EXPECT_TRUE(model.sizes.subtract_last);
  EXPECT_EQ(model.self_test[0].window, (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(model.self_test[0].forecast, (std::vector<float>{7.5f, 8}));
}

// What is written is what was read, whatever the task.
TEST(TaskManifestsTest, WritesWhatWasRead) {
  for (const json& document : {Classifier(), Translator(), Forecaster()}) {
    const auto manifest = ParseManifest(document.dump());
    ASSERT_THAT(manifest, IsOk());
    const std::string written = SerialiseManifest(*manifest);
    const auto again = ParseManifest(written);
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ(SerialiseManifest(*again), written);
  }
}

struct Damage {
  const char* pointer;
  const char* value;
  const char* error;
};

void ExpectRefused(const json& good, absl::Span<const Damage> damages) {
  for (const Damage& damage : damages) {
    json document = good;
    document[json::json_pointer(damage.pointer)] = json::parse(damage.value);
    EXPECT_THAT(ParseManifest(document.dump()),
                StatusIs(kInvalid, HasSubstr(damage.error)))
        << damage.pointer << " = " << damage.value;
  }
}

TEST(TaskManifestsTest, RefusesDamagedClassifiers) {
  ExpectRefused(
      Classifier(),
      {{"/network/rnn/cell", "\"rnn\"", "network.rnn.cell: expected"},
       {"/network/rnn/layers", "65", "network.rnn.layers"},
       {"/network/rnn/bidirectional", "1", "network.rnn.bidirectional"},
       {"/network/pooling", "\"mean\"",
        "network.pooling: expected \"last\", \"max_mean\", \"concat\" or "
        "\"attention\""},
       {"/network/pooling", "\"attention\"", "pooling_units"},
       {"/network/embedding", "0", "network.embedding"},
       {"/labels", "{}", "labels: expected a list"},
       {"/labels", "[\"one\"]", "labels: expected 2 to 65536 labels"},
       {"/labels/1", "\"negative\"", "labels[1]: expected a label"},
       {"/labels/0", "\"\"", "labels[0]: expected a label"},
       {"/labels/0", "3", "labels[0]: expected a string"},
       {"/tokenizer/vocabulary", "\"words.txt\"", "tokenizer.vocabulary"},
       {"/tokenizer/kind", "\"letters\"", "tokenizer.kind"},
       {"/self_test/cases/0/log_probabilities", "[-1]",
        "log_probabilities: expected 2 values, one for each label"},
       {"/self_test/cases/0/log_probabilities/0", "\"x\"", "a number"},
       {"/self_test/cases/0/text", "null", "self_test.cases[0].text"}});
}

TEST(TaskManifestsTest, RefusesDamagedTranslators) {
  ExpectRefused(
      Translator(),
      {{"/network/source_vocabulary", "-1", "network.source_vocabulary"},
       {"/network/encoder", "3", "network.encoder: expected an object"},
       {"/network/decoder/hidden", "0", "network.decoder.hidden"},
       {"/network/attention", "\"soft\"",
        "network.attention: expected \"none\""},
       {"/network/reverse_input", "0", "network.reverse_input"},
       {"/source_tokenizer", "null", "source_tokenizer: expected an object"},
       {"/target_tokenizer/vocabulary", "\"vocabulary.txt\"",
        "target_tokenizer.vocabulary: expected \"target_vocabulary.txt\""},
       {"/self_test/cases/0/tokens", "[8]", "tokens[0]: expected an integer"},
       {"/self_test/cases/0/tokens",
        "[3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,"
        "3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3]",
        "tokens: expected at most 60 tokens, found a list of 61"},
       {"/self_test/cases/0/log_probability", "1e300", "a log-probability"}});
}

TEST(TaskManifestsTest, RefusesDamagedForecasters) {
  ExpectRefused(
      Forecaster(),
      {{"/network/window", "0", "network.window"},
       {"/network/window", "65537", "network.window"},
       {"/network/horizon", "1.5", "network.horizon"},
       {"/network/mode", "\"both\"",
        "network.mode: expected \"direct\" or \"step_by_step\""},
       {"/network/subtract_last", "\"no\"", "network.subtract_last"},
       {"/series", "[]", "series: expected 1 to 65536 series"},
       {"/series/1/name", "\"OT\"", "series[1].name: expected a name"},
       {"/series/0/mean", "1e39", "series[0].mean: expected a number"},
       {"/series/0/standard_deviation", "0",
        "series[0].standard_deviation: expected a number of at least 1.17"},
       {"/series/0/standard_deviation", "-1", "a number of at least"},
       {"/series/0/standard_deviation", "1e-300", "a number of at least"},
       {"/self_test/cases/0/window", "[[1, 2], [3, 4]]",
        "self_test.cases[0].window: expected 3 steps, found a list of 2"},
       {"/self_test/cases/0/window", "[[1], [2], [3]]",
        "self_test.cases[0].window[0]: expected 2 numbers, one for each "
        "series, found a list of 1"},
       {"/self_test/cases/0/window/1", "[3]", "a number for every series"},
       {"/self_test/cases/0/window/1/0", "\"x\"", "window[1][0]: expected"},
       {"/self_test/cases/0/forecast", "[]", "at least one step"}});
}

// A manifest is small, but what it makes a network read need not be.
TEST(TaskManifestsTest, RefusesSelfTestsWithoutBound) {
  EXPECT_THAT(CheckSelfTestSize(1 << 20, 64), IsOk());
  EXPECT_THAT(
      CheckSelfTestSize((1 << 20) + 1, 64),
      StatusIs(kInvalid, HasSubstr("at most 1048576 tokens for a network this "
                                   "wide, found one of 1048577")));
  for (json document : {Classifier(), Translator()}) {
    json& text = document["self_test"]["cases"][0]["text"];
    text = std::string(1 << 20, 'a');
    EXPECT_THAT(ParseManifest(document.dump()), IsOk());
    text = std::string((1 << 20) + 1, 'a');
    EXPECT_THAT(
        ParseManifest(document.dump()),
        StatusIs(kInvalid, HasSubstr("text: expected at most 1048576 bytes")));
  }
}

// Whatever may be trained may be read again, however its numbers look.
TEST(TaskManifestsTest, LargestForecasterIsWithinTheBoundsOfAManifest) {
  constexpr int kSeries = 8;
  constexpr int kSteps = 1 << 15;
  const ForecasterSizes sizes = {
      .rnn = {.cell = Cell::kGru, .inputs = kSeries, .hidden = 1, .layers = 1},
      .window = kSteps,
      .horizon = kSteps};
  ASSERT_THAT(WeightSpecs(sizes), IsOk());
  const std::vector<float> values(kSteps * kSeries, -1.7549435e-38f);
  ForecasterManifest model = {
      .sizes = sizes, .series = {}, .self_test = {{values, values}}};
  for (int i = 0; i < kSeries; ++i) {
    model.series.push_back({"s" + std::to_string(i), 0, 1});
  }
  Manifest manifest;
  manifest.model = std::move(model);
  manifest.files["weights.safetensors"] = {std::string(64, 'a'), 17};
  const std::string written = SerialiseManifest(manifest);
  EXPECT_LE(written.size(), kMaxManifestBytes);
  // The rest of ParseManifest has no bounds, and takes long.
  EXPECT_THAT(ParseStrictJson(written), IsOk());
}

// A vocabulary that the task needs is a file like any other.
TEST(TaskManifestsTest, RefusesBundlesWithoutTheirVocabularies) {
  for (json document : {Classifier(), Translator()}) {
    json& files = document["files"];
    files.erase("vocabulary.txt");
    files.erase("target_vocabulary.txt");
    EXPECT_THAT(ParseManifest(document.dump()),
                StatusIs(kInvalid, HasSubstr("vocabulary.txt")));
  }
}

}  // namespace
}  // namespace carousel
