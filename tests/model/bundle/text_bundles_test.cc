// SPDX-License-Identifier: Apache-2.0
//
// Bundles of a classifier and a translator: written, loaded, damaged, imported.
// What all bundles have in common is tested on a language model's, in
// model_test.cc.

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/base/random.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/model.h"
#include "model/bundle/writer.h"
#include "model/onednn/matmul.h"
#include "model/weights/safetensors.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

Tokenizer TokenizerOf(TokenizerKind kind,
                      const std::vector<std::string>& words) {
  return Tokenizer(kind, Vocabulary::Create(TinyTokens(words)).value());
}

ClassifierManifest TinyClassifier() {
  return {.sizes = {.vocabulary = 7,
                    .embedding = 3,
                    .rnn = {.cell = Cell::kGru,
                            .inputs = 3,
                            .hidden = 4,
                            .layers = 1,
                            .bidirectional = true},
                    .pooling = PoolingKind::kAttention,
                    .pooling_units = 2,
                    .labels = 2},
          .labels = {"negative", "positive"},
          .longest_text = 2000};
}

TranslatorManifest TinyTranslator() {
  return {.sizes = {.source_vocabulary = 7,
                    .target_vocabulary = 7,
                    .embedding = 4,
                    .encoder = {.cell = Cell::kLstm,
                                .inputs = 4,
                                .hidden = 3,
                                .layers = 1,
                                .bidirectional = true},
                    .decoder = {.cell = Cell::kLstm,
                                .inputs = 4,
                                .hidden = 5,
                                .layers = 1},
                    .attention = AttentionKind::kGeneral},
          .source_tokenizer = TokenizerKind::kWhitespace};
}

const char* const kTexts[] = {"good film", "the bad film"};

// The parameter: whether it is the translator.
class TextBundlesTest : public testing::TestWithParam<bool> {
 protected:
  BundleContent Content(int embedding = 0) const {
    BundleContent content;
    absl::StatusOr<std::vector<WeightSpec>> specs;
    if (GetParam()) {
      TranslatorManifest model = TinyTranslator();
      if (embedding > 0) {
        model.sizes.embedding = embedding;
        model.sizes.encoder.inputs = embedding;
        model.sizes.decoder.inputs = embedding;
      }
      specs = WeightSpecs(model.sizes);
      content.manifest.model = model;
      content.tokenizer = &source_;
      content.target_tokenizer = &words_;
    } else {
      ClassifierManifest model = TinyClassifier();
      if (embedding > 0) {
        model.sizes.embedding = embedding;
        model.sizes.rnn.inputs = embedding;
      }
      specs = WeightSpecs(model.sizes);
      content.manifest.model = model;
      content.tokenizer = &words_;
    }
    EXPECT_THAT(specs, IsOk());
    content.weights = TinyWeights(*specs, /*seed=*/3);
    content.card = "# Tiny\n\nRandom weights, for tests.\n";
    // Some weights of a network so small change little.
    content.manifest.self_test_tolerance = 1e-5;
    content.self_test_texts = {kTexts[0], kTexts[1]};
    return content;
  }

  void SetUp() override {
    ASSERT_THAT(WriteBundle(bundle_, Content()), IsOk());
  }

  // The vocabulary of the texts that are read.
  std::string VocabularyName() const {
    return GetParam() ? kSourceVocabularyFile : kVocabularyFile;
  }

  std::string Read(const std::string& name) const {
    return *ReadFile(JoinPath(bundle_, name));
  }
  void Write(const std::string& name, const std::string& content) const {
    // Not in place of the old file, which may be mapped, and without flushing.
    fs::remove(JoinPath(bundle_, name));
    std::ofstream(JoinPath(bundle_, name), std::ios::binary) << content;
  }

  // Changes the manifest and makes its checksums right.
  void Edit(const std::function<void(Manifest&)>& edit) const {
    Manifest manifest = *ReadManifest(bundle_);
    edit(manifest);
    for (auto& [name, record] : manifest.files) {
      record = *MakeFileRecord(JoinPath(bundle_, name));
    }
    Write(kManifestFile, SerialiseManifest(manifest));
  }

  // Adds to an expected log-probability so many tolerances.
  void ShiftCase(float tolerances) const {
    Edit([&](Manifest& manifest) {
      const float shift =
          tolerances * static_cast<float>(manifest.self_test_tolerance);
      if (!GetParam()) {
        std::get<ClassifierManifest>(manifest.model)
            .self_test[1]
            .log_probabilities[0] += shift;
        return;
      }
      auto& test =
          std::get<TranslatorManifest>(manifest.model).self_test.back();
      const size_t ends =
          test.tokens.size() < TranslatorManifest::kMostTokens ? 1 : 0;
      test.log_probability +=
          shift * static_cast<float>(test.tokens.size() + ends);
    });
  }

  TempDir dir_;
  const std::string bundle_ = dir_.File("tiny/1");
  const Tokenizer words_ =
      TokenizerOf(TokenizerKind::kWords, {"good", "bad", "film", "the"});
  const Tokenizer source_ =
      TokenizerOf(TokenizerKind::kWhitespace, {"good", "bad", "film", "the"});
};

class TranslatorOnlyTest : public TextBundlesTest {};
class ClassifierOnlyTest : public TextBundlesTest {};

// Its network has no other kernels: a record cannot be followed, and whoever
// asks is told.
TEST_P(TranslatorOnlyTest, RunsInF32Only) {
  ASSERT_THAT(RecordPrecision(bundle_, Precision::kBF16, TinyRecord(0)),
              IsOk());
  const auto model = Model::Load(bundle_);
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->precision(), Precision::kF32);
  EXPECT_THAT((*model)->precision_note(), HasSubstr("bf16 was meant; only"));
  EXPECT_THAT(Model::Load(bundle_, {.precision = Precision::kBF16}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("only language models and classifiers")));
}

TEST_P(ClassifierOnlyTest, RunsInTheRecordedPrecision) {
  if (!SupportsBF16()) GTEST_SKIP() << "not on this CPU";
  ASSERT_THAT(RecordPrecision(bundle_, Precision::kBF16, PrecisionRecord()),
              IsOk());
  const auto model = Model::Load(bundle_, {.force = true});
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->precision(), Precision::kBF16);
  EXPECT_EQ(
      (*Model::Load(bundle_, {.precision = Precision::kF32}))->precision(),
      Precision::kF32);
}

// The cell is a GRU.
TEST_P(ClassifierOnlyTest, GruHasNoInt8) {
  EXPECT_THAT(Model::Load(bundle_, {.precision = Precision::kInt8}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("only LSTM cells have it")));
}

INSTANTIATE_TEST_SUITE_P(Bundle, TranslatorOnlyTest, testing::Values(true));
INSTANTIATE_TEST_SUITE_P(Bundle, ClassifierOnlyTest, testing::Values(false));

INSTANTIATE_TEST_SUITE_P(ClassifierAndTranslator, TextBundlesTest,
                         testing::Bool(), [](const auto& shape) {
                           return std::string(shape.param ? "Translator"
                                                          : "Classifier");
                         });

TEST_P(TextBundlesTest, LoadsWhatWasWritten) {
  const auto model = Model::Load(bundle_);
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->task(),
            GetParam() ? Task::kTranslator : Task::kClassifier);
  EXPECT_GT((*model)->parameters(), 0);
  EXPECT_GT((*model)->memory_bytes(), 0u);
}

// There is no weight that the answers do not depend on.
TEST_P(TextBundlesTest, OtherWeightsFailTheSelfTest) {
  const std::string path = JoinPath(bundle_, kWeightsFile);
  const std::string content = Read(kWeightsFile);
  const size_t count = (*Safetensors::Open(path))->tensors().size();
  for (size_t i = 0; i < count; ++i) {
    std::vector<NamedTensor> tensors = (*Safetensors::Open(path))->tensors();
    Tensor changed = tensors[i].tensor.ToF32();
    Random random(5, i);
    for (float& value : changed.mutable_span<float>()) {
      value += random.Uniform(-2, 2);
    }
    tensors[i].tensor = changed;
    ASSERT_THAT(WriteSafetensors(path, tensors), IsOk());
    Edit([](Manifest&) {});
    EXPECT_THAT(Model::Load(bundle_),
                StatusIs(kDataLoss, HasSubstr("self-test of \"")))
        << tensors[i].name;
    Write(kWeightsFile, content);
  }
  Edit([](Manifest&) {});
  EXPECT_THAT(Model::Load(bundle_), IsOk());
}

// Nothing compares with a NaN; the self-test must fail, not pass, on one.
TEST_P(TextBundlesTest, WeightsThatAreNotNumbersFailTheSelfTest) {
  const std::string path = JoinPath(bundle_, kWeightsFile);
  std::vector<NamedTensor> tensors = (*Safetensors::Open(path))->tensors();
  for (NamedTensor& named : tensors) {
    if (named.name != "output.bias") continue;
    named.tensor = named.tensor.ToF32();
    named.tensor.mutable_span<float>()[1] = NAN;
  }
  ASSERT_THAT(WriteSafetensors(path, tensors), IsOk());
  Edit([](Manifest&) {});
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kDataLoss, HasSubstr("found nan")));
}

TEST_P(TextBundlesTest, SelfTestFailsBeyondTheToleranceOnly) {
  ShiftCase(0.5f);
  EXPECT_THAT(Model::Load(bundle_), IsOk());
  ShiftCase(1.5f);
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kDataLoss, HasSubstr("self-test of \"the bad film\"")));
}

// Words in another order have the right number and checksum.
TEST_P(TextBundlesTest, OtherVocabulariesFailTheSelfTest) {
  std::vector<std::string> lines = absl::StrSplit(Read(VocabularyName()), '\n');
  std::swap(lines[3], lines[4]);
  Write(VocabularyName(), absl::StrJoin(lines, "\n"));
  Edit([](Manifest&) {});
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kDataLoss, HasSubstr("self-test of \"")));
}

// The manifest is right and the file is not.
TEST_P(TextBundlesTest, FilesThatAreNoVocabulariesAreDataLoss) {
  const std::string content = Read(VocabularyName());
  for (const char* more : {"good\n", "new\n", "\xFF\n"}) {
    Write(VocabularyName(), content + more);
    Edit([](Manifest&) {});
    EXPECT_THAT(Model::Load(bundle_),
                StatusIs(kDataLoss, HasSubstr(VocabularyName() + ": ")))
        << more;
  }
}

// Whatever bits change in whichever file: an error, or a model that answers as
// it should.
TEST_P(TextBundlesTest, FlippedBitsAreFound) {
  constexpr uint64_t kSeed = 20250103;
  const Manifest whole = *ReadManifest(bundle_);
  for (const auto& [name, record] : whole.files) {
    const std::string content = Read(name);
    for (uint64_t round = 0; round < 50; ++round) {
      Random random(kSeed, round);
      std::string damaged = content;
      damaged[random.Below(damaged.size())] ^=
          static_cast<char>(1 << random.Below(8));
      Write(name, damaged);
      EXPECT_THAT(Model::Load(bundle_), StatusIs(kDataLoss)) << name;
    }
    Write(name, content);
  }
  const std::string manifest = Read(kManifestFile);
  for (uint64_t round = 0; round < 200; ++round) {
    Random random(kSeed, round);
    std::string damaged = manifest;
    damaged[random.Below(damaged.size())] ^=
        static_cast<char>(1 << random.Below(8));
    Write(kManifestFile, damaged);
    Model::Load(bundle_).IgnoreError();
  }
}

// Before it is run: memory that is not there ends the process.
TEST_P(TextBundlesTest, TextsTooLongForTheWidthAreRefused) {
  BundleContent content = Content(/*embedding=*/1 << 16);
  std::string text;
  for (int i = 0; i < 1100; ++i) text += "good ";
  content.self_test_texts = {text};
  EXPECT_THAT(WriteBundle(dir_.File("wide/1"), content),
              StatusIs(kInvalid, HasSubstr("found one of 1101")));
}

// PyTorch's state_dict lists shared matrices under each of their names.
TEST(TranslatorImportTest, TakesSharedMatricesThatAreEqual) {
  TempDir dir;
  TranslatorSizes sizes = TinyTranslator().sizes;
  sizes.tied = true;
  sizes.shared_embedding = true;
  const auto specs = WeightSpecs(sizes);
  ASSERT_THAT(specs, IsOk());
  const std::vector<Tensor> weights = TinyWeights(*specs, 3);
  std::vector<NamedTensor> tensors;
  for (size_t i = 0; i < specs->size(); ++i) {
    tensors.push_back({(*specs)[i].name, weights[i]});
    if ((*specs)[i].name != "target_embedding.weight") continue;
    tensors.push_back({"source_embedding.weight", weights[i].ToF32()});
    tensors.push_back({"output.weight", weights[i].ToF32()});
  }
  ASSERT_THAT(
      WriteFileAtomically(
          dir.File("words.txt"),
          TokenizerOf(TokenizerKind::kWords, {"a", "b", "c", "d"}).Serialise()),
      IsOk());
  ASSERT_THAT(WriteFileAtomically(dir.File("m.json"), R"({
      "task": "translator",
      "network": {"source_vocabulary": 7, "target_vocabulary": 7,
                  "embedding": 4,
                  "encoder": {"cell": "lstm", "hidden": 3, "layers": 1,
                              "bidirectional": true},
                  "decoder": {"cell": "lstm", "hidden": 5, "layers": 1},
                  "attention": "general", "reverse_input": false,
                  "tied": true, "shared_embedding": true},
      "source_tokenizer": {"kind": "words"},
      "target_tokenizer": {"kind": "words"},
      "source_vocabulary": "words.txt", "target_vocabulary": "words.txt"})"),
              IsOk());
  const auto import = [&](const std::string& name) {
    EXPECT_THAT(WriteSafetensors(dir.File("w.safetensors"), tensors), IsOk());
    return ImportPyTorch(dir.File("w.safetensors"), dir.File("m.json"),
                         dir.File(name));
  };
  ASSERT_THAT(import("out/1"), IsOk());
  EXPECT_EQ((*Model::Load(dir.File("out/1")))->translator().network->sizes(),
            sizes);
  for (NamedTensor& named : tensors) {
    if (named.name == "source_embedding.weight") {
      named.tensor.mutable_span<float>()[2] += 1;
    }
  }
  EXPECT_THAT(
      import("out/2"),
      StatusIs(kInvalid,
               HasSubstr("\"source_embedding.weight\": expected it equal to "
                         "\"target_embedding.weight\", since "
                         "network.shared_embedding is true")));
}

}  // namespace
}  // namespace carousel
