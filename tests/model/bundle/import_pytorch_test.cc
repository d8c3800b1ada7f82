// SPDX-License-Identifier: Apache-2.0

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/bundle/model.h"
#include "model/bundle/writer.h"
#include "model/weights/safetensors.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class ImportPyTorchTest : public testing::Test {
 protected:
  ImportPyTorchTest() {
    const std::vector<Tensor> weights = TinyWeights(TinySizes(8), 5);
    const auto specs = WeightSpecs(TinySizes(8));
    for (size_t i = 0; i < specs->size(); ++i) {
      tensors_.push_back({(*specs)[i].name, weights[i]});
    }
    std::string lines;
    for (const std::string& token :
         TinyTokens({"one", "two", "three", "four", "five"})) {
      lines += token + "\n";
    }
    EXPECT_THAT(MakeDirectories(dir_.File("in")), IsOk());
    EXPECT_THAT(WriteFileAtomically(dir_.File("in/words.txt"), lines), IsOk());
    manifest_ = {{"task", "language_model"},
                 {"network",
                  {{"cell", "lstm"},
                   {"vocabulary", 8},
                   {"embedding", 4},
                   {"hidden", 6},
                   {"layers", 2},
                   {"projection", true},
                   {"tied", true}}},
                 {"tokenizer", {{"kind", "words"}, {"context", "line"}}},
                 {"vocabulary", "words.txt"}};
  }

  absl::Status Import() {
    const std::string weights = dir_.File("model.safetensors");
    const std::string manifest = dir_.File("in/m.json");
    EXPECT_THAT(WriteSafetensors(weights, tensors_), IsOk());
    EXPECT_THAT(WriteFileAtomically(manifest, manifest_.dump()), IsOk());
    return ImportPyTorch(weights, manifest, bundle_);
  }

  Tensor& Find(const std::string& name) {
    for (NamedTensor& named : tensors_) {
      if (named.name == name) return named.tensor;
    }
    ADD_FAILURE() << name;
    return tensors_[0].tensor;
  }

  TempDir dir_;
  const std::string bundle_ = dir_.File("out/1");
  std::vector<NamedTensor> tensors_;
  json manifest_;
};

TEST_F(ImportPyTorchTest, KeepsEveryWeightBitByBit) {
  manifest_["training"] = {{"epochs", 3}};
  ASSERT_THAT(Import(), IsOk());
  const auto model = Model::Load(bundle_);
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->manifest().training, R"({"epochs":3})");
  const auto file = Safetensors::Open(JoinPath(bundle_, "weights.safetensors"));
  ASSERT_THAT(file, IsOk());
  ASSERT_EQ((*file)->tensors().size(), tensors_.size());
  for (const NamedTensor& named : tensors_) {
    EXPECT_EQ((*file)->Get(named.name)->span<float>(),
              named.tensor.span<float>())
        << named.name;
  }
}

TEST_F(ImportPyTorchTest, TakesOtherNamesCardAndTexts) {
  for (NamedTensor& named : tensors_) {
    if (named.name == "embedding.weight") named.name = "emb.weight";
  }
  manifest_["tensors"] = {{"embedding.weight", "emb.weight"}};
  manifest_["card"] = "card.md";
  manifest_["self_test_texts"] = {"one two"};
  ASSERT_THAT(WriteFileAtomically(dir_.File("in/card.md"), "# Mine\n"), IsOk());
  ASSERT_THAT(Import(), IsOk());
  EXPECT_EQ(*ReadFile(JoinPath(bundle_, "CARD.md")), "# Mine\n");
  EXPECT_EQ(
      (*Model::Load(bundle_))->manifest().language_model().self_test[0].text,
      "one two");
}

// Without data nobody knows what int8 costs.
TEST_F(ImportPyTorchTest, RunsInBF16AtALossThatWasNotMeasured) {
  ASSERT_THAT(Import(), IsOk());
  const auto model = Model::Load(bundle_);
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->manifest().precisions,
            (PrecisionRecords{{Precision::kBF16, {}}}));
  EXPECT_THAT((*model)->precision_note(), HasSubstr("bf16"));
}

TEST_F(ImportPyTorchTest, RunsAsItsManifestSays) {
  manifest_["precisions"] = json::object();
  ASSERT_THAT(Import(), IsOk());
  const auto model = Model::Load(bundle_);
  ASSERT_THAT(model, IsOk());
  EXPECT_TRUE((*model)->manifest().precisions.empty());
  EXPECT_EQ((*model)->precision(), Precision::kF32);
}

// PyTorch's state_dict lists a tied matrix under both of its names.
TEST_F(ImportPyTorchTest, TakesATiedOutputThatEqualsTheEmbedding) {
  tensors_.push_back({"decoder.weight", Find("embedding.weight").ToF32()});
  manifest_["tensors"] = {{"output.weight", "decoder.weight"}};
  ASSERT_THAT(Import(), IsOk());
  std::filesystem::remove_all(bundle_);
  Find("decoder.weight").mutable_span<float>()[5] += 1;
  EXPECT_THAT(Import(),
              StatusIs(kInvalid, HasSubstr("\"output.weight\": expected it "
                                           "equal to \"embedding.weight\"")));
}

TEST_F(ImportPyTorchTest, KeepsBF16Weights) {
  for (NamedTensor& named : tensors_) named.tensor = named.tensor.ToBF16();
  ASSERT_THAT(Import(), IsOk());
  const auto file = Safetensors::Open(JoinPath(bundle_, "weights.safetensors"));
  EXPECT_EQ((*file)->Get("embedding.weight")->dtype(), DType::kBF16);
}

// A weight that is silently left out is a wrong model.
TEST_F(ImportPyTorchTest, RefusesATensorThatIsNotUsed) {
  tensors_.push_back({"rnn.weight_hr_l0", Tensor::Zeros(DType::kF32, {2, 2})});
  EXPECT_THAT(Import(), StatusIs(kInvalid, HasSubstr("\"rnn.weight_hr_l0\"")));
  EXPECT_FALSE(std::filesystem::exists(bundle_));
}

TEST_F(ImportPyTorchTest, RefusesMissingAndMisshapenTensors) {
  const std::vector<NamedTensor> good = tensors_;
  Find("rnn.bias_hh_l1") = Tensor::Zeros(DType::kF32, {23});
  EXPECT_THAT(Import(), StatusIs(kInvalid, HasSubstr("\"rnn.bias_hh_l1\": "
                                                     "expected shape [24], "
                                                     "found [23]")));
  tensors_ = good;
  tensors_.pop_back();
  EXPECT_THAT(Import(), StatusIs(kInvalid, HasSubstr("\"output.bias\"")));
}

// Names that are spelt wrong have no silent effect.
TEST_F(ImportPyTorchTest, RefusesNamesThatMeanNothing) {
  manifest_["tensors"] = {{"embeding.weight", "embedding.weight"}};
  EXPECT_THAT(Import(),
              StatusIs(kInvalid, HasSubstr("tensors[\"embeding.weight\"]")));
  manifest_["tensors"] = {{"embedding.weight", "emb.weight"}};
  EXPECT_THAT(Import(), StatusIs(absl::StatusCode::kNotFound,
                                 HasSubstr("\"emb.weight\"")));
  manifest_["tensors"] = {{"embedding.weight", "output.bias"},
                          {"output.bias", "output.bias"}};
  EXPECT_THAT(Import(), StatusIs(kInvalid, HasSubstr("tensors[")));
}

TEST_F(ImportPyTorchTest, ErrorsNameTheFile) {
  const json good = manifest_;
  manifest_["network"]["hidden"] = "x";
  EXPECT_THAT(Import(),
              StatusIs(kInvalid, HasSubstr("in/m.json: network.hidden")));
  manifest_ = good;
  manifest_["vocabulary"] = "none.txt";
  EXPECT_THAT(Import(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("in/none.txt")));
  manifest_.erase("vocabulary");
  EXPECT_THAT(Import(), StatusIs(kInvalid, HasSubstr("vocabulary")));
  EXPECT_THAT(ImportPyTorch("none", dir_.File("in/none.json"), bundle_),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none.json")));
}

}  // namespace
}  // namespace carousel
