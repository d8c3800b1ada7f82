// SPDX-License-Identifier: Apache-2.0
//
// A forecaster's bundle: written, loaded, damaged, imported.

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/model.h"
#include "model/weights/safetensors.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_forecaster.h"

namespace carousel {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class ForecasterBundleTest : public testing::Test {
 protected:
  void Edit(const std::function<void(ForecasterManifest&)>& edit) {
    Manifest manifest = *ReadManifest(bundle_);
    edit(std::get<ForecasterManifest>(manifest.model));
    const std::string path = JoinPath(bundle_, kManifestFile);
    ASSERT_THAT(WriteFileAtomically(path, SerialiseManifest(manifest)), IsOk());
  }

  TempDir dir_;
  const std::string bundle_ = dir_.File("tiny/1");
};

TEST_F(ForecasterBundleTest, LoadsWhatWasWritten) {
  ASSERT_THAT(WriteBundle(bundle_, TinyForecaster()), IsOk());
  EXPECT_FALSE(std::filesystem::exists(JoinPath(bundle_, kVocabularyFile)));
  const auto model = Model::Load(bundle_);
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->task(), Task::kForecaster);
  EXPECT_EQ((*model)->forecaster().network->sizes(), TinyForecasterSizes());
  EXPECT_EQ((*model)->manifest().forecaster().series[1],
            (SeriesScale{"heat", -3, 0.5}));
  EXPECT_EQ((*model)->parameters(), 3 * 4 * 2 + 3 * 4 * 4 + 24 + 6 * 4 + 6);
  EXPECT_GT((*model)->memory_bytes(), 0u);
}

// The tolerance is in standard deviations, whatever the units of the series.
TEST_F(ForecasterBundleTest, SelfTestFailsBeyondTheToleranceOnly) {
  ASSERT_THAT(WriteBundle(bundle_, TinyForecaster()), IsOk());
  Edit([](ForecasterManifest& model) {
    model.self_test[0].forecast[2] += 0.0005f * 20;
  });
  EXPECT_THAT(Model::Load(bundle_), IsOk());
  Edit([](ForecasterManifest& model) {
    model.self_test[0].forecast[3] += 0.002f * 0.5f;
  });
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kDataLoss, HasSubstr("step 2 of \"heat\": expected")));
}

TEST_F(ForecasterBundleTest, OtherSizesThanTheWeightsAreDataLoss) {
  ASSERT_THAT(WriteBundle(bundle_, TinyForecaster()), IsOk());
  Edit([](ForecasterManifest& model) {
    model.sizes.horizon = 4;
    model.self_test[0].forecast.resize(8);
  });
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kDataLoss, HasSubstr("\"output.weight\": expected shape "
                                            "[8,4], found [6,4]")));
}

TEST_F(ForecasterBundleTest, RefusesContentThatMakesNoModel) {
  BundleContent content = TinyForecaster();
  content.self_test_windows = {};
  EXPECT_THAT(WriteBundle(bundle_, content),
              StatusIs(kInvalid, HasSubstr("at least one window")));
  content.self_test_windows = {{1, 2, 3}};
  EXPECT_THAT(WriteBundle(bundle_, content),
              StatusIs(kInvalid, HasSubstr("windows of 12 numbers, found 3")));
  content = TinyForecaster();
  content.weights.back().mutable_span<float>()[0] = NAN;
  EXPECT_THAT(WriteBundle(bundle_, content),
              StatusIs(kInvalid, HasSubstr("expected a finite forecast")));
}

// With a file more, which is checked like the others.
class ForecasterQuantilesTest : public ForecasterBundleTest {
 protected:
  void Write(const ResidualQuantiles& quantiles = TinyQuantiles()) {
    BundleContent content = TinyForecaster();
    content.quantiles = quantiles;
    status_ = WriteBundle(bundle_, content);
  }

  absl::Status status_;
};

TEST_F(ForecasterQuantilesTest, AreLoadedAsWritten) {
  Write();
  ASSERT_THAT(status_, IsOk());
  const auto model = Model::Load(bundle_);
  ASSERT_THAT(model, IsOk());
  const auto& quantiles = (*model)->forecaster().quantiles;
  ASSERT_TRUE(quantiles.has_value());
  EXPECT_EQ(quantiles->levels, TinyQuantiles().levels);
  EXPECT_EQ(quantiles->residuals, TinyQuantiles().residuals);
  EXPECT_EQ((*model)->manifest().files.count(kQuantilesFile), 1u);
}

TEST_F(ForecasterQuantilesTest, BundleMayDoWithout) {
  ASSERT_THAT(WriteBundle(bundle_, TinyForecaster()), IsOk());
  EXPECT_FALSE((*Model::Load(bundle_))->forecaster().quantiles.has_value());
}

TEST_F(ForecasterQuantilesTest, DamageIsDataLoss) {
  Write();
  ASSERT_THAT(status_, IsOk());
  const std::string path = JoinPath(bundle_, kQuantilesFile);
  std::string bytes = *ReadFile(path);
  bytes.back() ^= 1;
  ASSERT_THAT(WriteFileAtomically(path, bytes), IsOk());
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kDataLoss, HasSubstr("expected SHA-256")));
}

// A file that is what its checksum says, but no quantiles of this network. A
// bundle is loaded before it is there, so none of them is written.
TEST_F(ForecasterQuantilesTest, RefusesWhatAreNoQuantilesOfTheNetwork) {
  const auto expect = [&](const ResidualQuantiles& quantiles,
                          const std::string& error) {
    Write(quantiles);
    EXPECT_THAT(status_, StatusIs(kDataLoss, HasSubstr(error)));
  };
  ResidualQuantiles quantiles = TinyQuantiles();
  quantiles.levels = {0.1f, 0.9f, 0.5f};
  expect(quantiles, "expected levels that rise");
  quantiles.levels = {0.1f, NAN, 0.9f};
  expect(quantiles, "expected levels that rise");
  quantiles.levels = {0.1f, 0.5f, 1};
  expect(quantiles, "expected levels that rise");
  quantiles.levels = {0, 0.5f, 0.9f};
  expect(quantiles, "expected levels that rise");
  quantiles = TinyQuantiles();
  quantiles.residuals[4] = -5;
  expect(quantiles, "do not fall from level to level, found -5 at 4");
  quantiles.residuals[4] = NAN;
  expect(quantiles, "found nan at 4");
  quantiles = TinyQuantiles();
  quantiles.steps = 2;
  quantiles.residuals.resize(12);
  expect(quantiles, "\"residuals\": expected F32 [3,2,3], found F32 [2,2,3]");
  quantiles = {.steps = 3, .series = 2, .levels = {0.5f}};
  quantiles.residuals.resize(6);
  expect(quantiles, "found 2 tensors and 1 levels");
  quantiles.levels.resize(33, 0.5f);
  quantiles.residuals.resize(6 * 33);
  expect(quantiles, "found 2 tensors and 33 levels");
}

TEST_F(ForecasterBundleTest, KnowsTheIntervalOfItsTimes) {
  for (const TimeStep interval :
       {TimeStep{.time = absl::Hours(1)}, TimeStep{.months = 3},
        TimeStep{.time = absl::Milliseconds(500)}}) {
    BundleContent content = TinyForecaster();
    std::get<ForecasterManifest>(content.manifest.model).interval = interval;
    ASSERT_THAT(WriteBundle(bundle_, content), IsOk());
    EXPECT_EQ((*Model::Load(bundle_))->manifest().forecaster().interval,
              interval);
    std::filesystem::remove_all(bundle_);
  }
}

TEST_F(ForecasterBundleTest, RefusesAnIntervalThatIsNone) {
  ASSERT_THAT(WriteBundle(bundle_, TinyForecaster()), IsOk());
  const std::string path = JoinPath(bundle_, kManifestFile);
  const json document = json::parse(*ReadFile(path));
  for (const char* interval :
       {"{}", "3", "{\"seconds\": 0}", "{\"seconds\": -60}",
        "{\"seconds\": 1e300}", "{\"months\": 0}", "{\"months\": 1.5}",
        "{\"months\": 1, \"seconds\": 60}"}) {
    json edited = document;
    edited["interval"] = json::parse(interval);
    ASSERT_THAT(WriteFileAtomically(path, edited.dump()), IsOk());
    EXPECT_THAT(Model::Load(bundle_), StatusIs(kInvalid, HasSubstr("interval")))
        << interval;
  }
}

class ForecasterImportTest : public ForecasterBundleTest {
 protected:
  ForecasterImportTest() {
    const BundleContent content = TinyForecaster();
    const auto specs = WeightSpecs(TinyForecasterSizes());
    for (size_t i = 0; i < specs->size(); ++i) {
      tensors_.push_back({(*specs)[i].name, content.weights[i]});
    }
    manifest_ = json::parse(R"({
        "task": "forecaster",
        "network": {"rnn": {"cell": "gru", "hidden": 4, "layers": 1},
                    "window": 6, "horizon": 3, "mode": "direct",
                    "subtract_last": true},
        "series": [{"name": "load", "mean": 100, "standard_deviation": 20},
                   {"name": "heat", "mean": -3, "standard_deviation": 0.5}]})");
  }

  absl::Status Import() {
    const std::string weights = dir_.File("model.safetensors");
    const std::string manifest = dir_.File("m.json");
    EXPECT_THAT(WriteSafetensors(weights, tensors_), IsOk());
    EXPECT_THAT(WriteFileAtomically(manifest, manifest_.dump()), IsOk());
    return ImportPyTorch(weights, manifest, bundle_);
  }

  std::vector<NamedTensor> tensors_;
  json manifest_;
};

// nn.GRU and nn.Linear, as state_dict names them; no vocabulary is asked for.
TEST_F(ForecasterImportTest, TakesAStateDict) {
  ASSERT_THAT(Import(), IsOk());
  const auto model = Model::Load(bundle_);
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->manifest().forecaster().self_test.size(), 1u);
}

TEST_F(ForecasterImportTest, TakesOtherNamesAndWindows) {
  for (NamedTensor& named : tensors_) {
    if (named.name == "output.weight") named.name = "head.weight";
  }
  manifest_["tensors"] = {{"output.weight", "head.weight"}};
  manifest_["self_test_windows"] = {
      {{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}, {11, 12}}};
  ASSERT_THAT(Import(), IsOk());
  EXPECT_EQ(
      (*Model::Load(bundle_))->manifest().forecaster().self_test[0].window,
      (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
}

TEST_F(ForecasterImportTest, ErrorsNameFieldAndFile) {
  manifest_["self_test_windows"] = {{{1, 2}, {3}}};
  EXPECT_THAT(Import(), StatusIs(kInvalid, HasSubstr("m.json: "
                                                     "self_test_windows[0][1]: "
                                                     "expected a number for")));
  manifest_.erase("self_test_windows");
  manifest_["network"]["rnn"]["bidirectional"] = true;
  EXPECT_THAT(Import(),
              StatusIs(kInvalid, HasSubstr("\"output.weight\": expected shape "
                                           "[6,8], found [6,4]")));
}

}  // namespace
}  // namespace carousel
