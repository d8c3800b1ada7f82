// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/manifest.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Manifest Sample() {
  LanguageModelManifest model;
  model.sizes = {.vocabulary = 12,
                 .embedding = 4,
                 .hidden = 6,
                 .layers = 2,
                 .projection = true,
                 .tied = true};
  model.tokenizer = TokenizerKind::kWhitespace;
  model.context = LineContext::kStream;
  model.context_cache = {.theta = 0.1f, .lambda = 0.7f};
  model.self_test = {{"a text", {3, 4}, {{5, -1.25f}, {1, -3.0625f}}}};
  Manifest manifest;
  manifest.model = std::move(model);
  for (const char* name :
       {"CARD.md", "vocabulary.txt", "weights.safetensors"}) {
    manifest.files[name] = {std::string(64, 'a'), 17};
  }
  manifest.precisions = {{Precision::kBF16, {}}};
  manifest.self_test_tolerances = {{Precision::kInt8, 0.5}};
  manifest.training = R"({"seed":7})";
  return manifest;
}

json SampleJson() { return json::parse(SerialiseManifest(Sample())); }

TEST(ManifestTest, ReadsBackWhatWasWritten) {
  const auto read = ParseManifest(SerialiseManifest(Sample()));
  ASSERT_THAT(read, IsOk());
  const Manifest whole = Sample();
  const LanguageModelManifest& expected = whole.language_model();
  EXPECT_EQ(read->format_version, 1);
  ASSERT_EQ(read->task(), Task::kLanguageModel);
  const LanguageModelManifest& found = read->language_model();
  EXPECT_EQ(found.sizes, expected.sizes);
  EXPECT_EQ(found.tokenizer, expected.tokenizer);
  EXPECT_EQ(found.context, expected.context);
  EXPECT_EQ(found.context_cache, expected.context_cache);
  EXPECT_EQ(read->files.at("vocabulary.txt").size_bytes, 17);
  EXPECT_EQ(found.self_test[0].text, "a text");
  EXPECT_EQ(found.self_test[0].tokens, expected.self_test[0].tokens);
  EXPECT_EQ(found.self_test[0].log_probabilities,
            expected.self_test[0].log_probabilities);
  EXPECT_EQ(read->precisions, whole.precisions);
  EXPECT_EQ(read->self_test_tolerances, whole.self_test_tolerances);
  EXPECT_EQ(read->training, whole.training);
  EXPECT_EQ(SerialiseManifest(*read), SerialiseManifest(whole));
}

// The rule of format_version: what an old reader would misread has a new
// number.
TEST(ManifestTest, IgnoresUnknownFieldsButRefusesNewerVersions) {
  json document = SampleJson();
  document["later"] = {{"x", 1}};
  document["network"]["dropout"] = 0.5;
  EXPECT_THAT(ParseManifest(document.dump()), IsOk());
  document["format_version"] = 2;
  EXPECT_THAT(ParseManifest(document.dump()),
              StatusIs(kInvalid, HasSubstr("format_version: expected an "
                                           "integer from 1 to 1, found 2")));
}

TEST(ManifestTest, TrainingRecordIsOptional) {
  json document = SampleJson();
  document.erase("training");
  EXPECT_EQ(ParseManifest(document.dump())->training, "{}");
}

// The answers are those of f32: what rounds more may differ more.
// Older bundles say nothing of it; and 0.7 is written as people write it.
TEST(ManifestTest, SettingOfTheContextIsOptional) {
  json document = SampleJson();
  EXPECT_EQ(document["context_cache"].dump(), R"({"lambda":0.7,"theta":0.1})");
  document.erase("context_cache");
  const auto read = ParseManifest(document.dump());
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->language_model().context_cache, ContextSetting());
  EXPECT_GT(read->language_model().context_cache.lambda, 0);
}

TEST(ManifestTest, EachPrecisionHasItsTolerance) {
  const Manifest manifest = Sample();
  EXPECT_EQ(manifest.ToleranceIn(Precision::kF32), 1e-3);
  EXPECT_EQ(manifest.ToleranceIn(Precision::kBF16), Manifest::kBF16Tolerance);
  EXPECT_EQ(manifest.ToleranceIn(Precision::kInt8), 0.5);
}

// Bundles of the first format have neither.
TEST(ManifestTest, PrecisionsAndTheirTolerancesAreOptional) {
  json document = SampleJson();
  document.erase("precisions");
  document["self_test"].erase("tolerances");
  const auto read = ParseManifest(document.dump());
  ASSERT_THAT(read, IsOk());
  EXPECT_TRUE(read->precisions.empty());
  EXPECT_TRUE(read->self_test_tolerances.empty());
}

// Every other field is needed, and named when it is not there.
TEST(ManifestTest, RefusesEveryMissingField) {
  for (const char* pointer : {"/format_version",
                              "/task",
                              "/network",
                              "/network/cell",
                              "/network/vocabulary",
                              "/network/embedding",
                              "/network/hidden",
                              "/network/layers",
                              "/network/projection",
                              "/network/tied",
                              "/tokenizer",
                              "/tokenizer/kind",
                              "/tokenizer/context",
                              "/tokenizer/vocabulary",
                              "/files",
                              "/files/weights.safetensors",
                              "/files/vocabulary.txt",
                              "/files/CARD.md/sha256",
                              "/files/CARD.md/bytes",
                              "/self_test",
                              "/self_test/tolerance",
                              "/self_test/cases",
                              "/self_test/cases/0",
                              "/self_test/cases/0/text",
                              "/self_test/cases/0/tokens",
                              "/self_test/cases/0/log_probabilities"}) {
    const json::json_pointer place(pointer);
    json document = SampleJson();
    json& parent = document[place.parent_pointer()];
    if (parent.is_array()) {
      parent.erase(0);
    } else {
      parent.erase(place.back());
    }
    const std::string last = parent.is_array() ? "cases" : place.back();
    EXPECT_THAT(ParseManifest(document.dump()),
                StatusIs(kInvalid, HasSubstr(last)))
        << pointer;
  }
}

// Each field with values that must not pass, and what the error must hold.
TEST(ManifestTest, RefusesEveryDamagedField) {
  const struct {
    const char* pointer;
    const char* value;
    const char* error;
  } cases[] = {
      {"/format_version", "0", "format_version: expected"},
      {"/format_version", "\"1\"", "found \"1\""},
      {"/format_version", "1.0", "found 1.0"},
      {"/task", "\"parser\"",
       "task: expected \"language_model\", \"classifier\", \"translator\" or "
       "\"forecaster\", found \"parser\""},
      {"/task", "3", "task: expected a string, found 3"},
      {"/network", "[]", "network: expected an object"},
      {"/network/cell", "\"elman\"",
       "network.cell: expected \"rnn_tanh\", \"rnn_relu\", \"lstm\" or "
       "\"gru\""},
      {"/network/vocabulary", "0", "network.vocabulary"},
      {"/network/embedding", "-4", "network.embedding"},
      {"/network/hidden", "\"x\"",
       "network.hidden: expected an integer from "
       "1 to 16777216, found \"x\""},
      {"/network/hidden", "16777217", "network.hidden"},
      {"/network/hidden", "1e3", "network.hidden"},
      {"/network/layers", "65", "network.layers"},
      {"/network/projection", "1", "network.projection: expected true or"},
      {"/network/tied", "null", "network.tied: expected true or false"},
      {"/tokenizer", "\"words\"", "tokenizer: expected an object"},
      {"/tokenizer/kind", "\"syllable\"", "tokenizer.kind"},
      {"/tokenizer/context", "\"page\"", "tokenizer.context"},
      {"/tokenizer/vocabulary", "\"../v.txt\"", "tokenizer.vocabulary"},
      {"/context_cache", "0.3", "context_cache: expected an object"},
      {"/context_cache", "{\"theta\":1}", "lambda"},
      {"/context_cache/theta", "-1", "context_cache.theta: expected a number"},
      {"/context_cache/theta", "1001", "from 0 to 1000"},
      {"/context_cache/lambda", "1", "context_cache.lambda: expected a number"},
      {"/context_cache/lambda", "\"x\"", "context_cache.lambda"},
      {"/files", "[]", "files: expected an object"},
      {"/files/CARD.md", "3", "files[\"CARD.md\"]: expected an object"},
      {"/files/CARD.md/sha256", "\"abc\"", "64 lower-case hexadecimal"},
      {"/files/CARD.md/bytes", "-1", "bytes: expected an integer"},
      {"/self_test/tolerance", "0", "self_test.tolerance"},
      {"/self_test/tolerance", "1e9", "self_test.tolerance"},
      {"/self_test/tolerances", "0.1", "self_test.tolerances: expected"},
      {"/self_test/tolerances/f32", "0.1", "on the left"},
      {"/self_test/tolerances/int8", "2", "tolerances[\"int8\"]"},
      {"/precisions", "[]", "precisions: expected an object"},
      {"/precisions/bf16/metric", "7", "precisions[\"bf16\"].metric"},
      {"/self_test/cases", "{}", "self_test.cases: expected a list"},
      {"/self_test/cases/0/text", "3", "self_test.cases[0].text"},
      {"/self_test/cases/0/tokens", "[12]", "tokens[0]: expected an integer"},
      {"/self_test/cases/0/tokens", "[-1]", "tokens[0]"},
      {"/self_test/cases/0/log_probabilities", "[]", "at least one"},
      {"/self_test/cases/0/log_probabilities/1", "[5]", "[1]: expected [id"},
      {"/self_test/cases/0/log_probabilities/1/0", "12", "[1][0]: expected"},
      {"/self_test/cases/0/log_probabilities/1/1", "\"x\"", "a number"},
      {"/self_test/cases/0/log_probabilities/1/1", "1e300",
       "a log-probability"},
      {"/training", "[]", "training: expected an object"},
  };
  for (const auto& c : cases) {
    json document = SampleJson();
    document[json::json_pointer(c.pointer)] = json::parse(c.value);
    EXPECT_THAT(ParseManifest(document.dump()),
                StatusIs(kInvalid, HasSubstr(c.error)))
        << c.pointer << " = " << c.value;
  }
}

// A bundle's files lie in the bundle.
TEST(ManifestTest, RefusesFileNamesThatLeadElsewhere) {
  for (const char* name : {"", ".", "..", "../x", "a/b", "/etc/passwd", "a\\b",
                           "a b", "a\n", ".hidden", "manifest.json"}) {
    json document = SampleJson();
    document["files"][name] = document["files"]["CARD.md"];
    EXPECT_THAT(ParseManifest(document.dump()),
                StatusIs(kInvalid, HasSubstr("files: expected names")))
        << name;
  }
}

TEST(ManifestTest, RefusesTheTextCutAtEveryByte) {
  const std::string whole = SerialiseManifest(Sample());
  // The last byte is a line's end, which may be missing.
  for (size_t size = 0; size + 1 < whole.size(); ++size) {
    EXPECT_THAT(ParseManifest(whole.substr(0, size)), StatusIs(kInvalid))
        << size;
  }
}

}  // namespace
}  // namespace carousel
