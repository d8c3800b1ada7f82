// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/model.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/base/random.h"
#include "model/bundle/bundle_files.h"
#include "model/text/normalise.h"
#include "model/weights/safetensors.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kNotFound = absl::StatusCode::kNotFound;

// Logits of the first step, in prefix order.
std::vector<float> FirstLogits(const Model& model) {
  LanguageModel::Workspace workspace;
  const LanguageModel& network = model.network();
  RecurrentState state = network.InitialState(1);
  const int32_t token = Vocabulary::kEndOfLine;
  EXPECT_THAT(network.Advance({&token, 1}, 1, 1, &state, nullptr, &workspace),
              IsOk());
  const int vocabulary = network.sizes().vocabulary;
  std::vector<float> logits(static_cast<size_t>(vocabulary));
  EXPECT_THAT(network.Logits(network.Top(state), 1, 0, vocabulary,
                             absl::MakeSpan(logits), &workspace),
              IsOk());
  return logits;
}

class ModelTest : public testing::Test {
 protected:
  ModelTest() {
    EXPECT_THAT(WriteTinyBundle(bundle_, kWords, /*seed=*/7), IsOk());
  }

  // Writes a file of the bundle anew.
  void Write(const std::string& name, const std::string& content) {
    // Not atomically, and not in place of an old file: hundreds of flushes to
    // the disk would take long.
    fs::remove(JoinPath(bundle_, name));
    std::ofstream(JoinPath(bundle_, name), std::ios::binary) << content;
  }
  std::string Read(const std::string& name) {
    return *ReadFile(JoinPath(bundle_, name));
  }

  // Changes the manifest and makes its checksums right: what then fails is what
  // the checksums cannot see.
  void Edit(const std::function<void(Manifest&)>& edit) {
    Manifest manifest = *ReadManifest(bundle_);
    edit(manifest);
    for (auto& [name, record] : manifest.files) {
      record = *MakeFileRecord(JoinPath(bundle_, name));
    }
    Write(kManifestFile, SerialiseManifest(manifest));
  }

  void EditSizes(const std::function<void(LanguageModelSizes&)>& edit) {
    Edit([&](Manifest& manifest) {
      edit(std::get<LanguageModelManifest>(manifest.model).sizes);
    });
  }

  // Writes the weights anew, after a change.
  void EditWeights(const std::function<void(std::vector<NamedTensor>&)>& edit) {
    const std::string path = JoinPath(bundle_, kWeightsFile);
    std::vector<NamedTensor> tensors = (*Safetensors::Open(path))->tensors();
    edit(tensors);
    ASSERT_THAT(WriteSafetensors(path, tensors), IsOk());
    Edit([](Manifest&) {});
  }

  const std::vector<std::string> kWords = {
      "hello", "world", "word", "The", "the", "on", "an", ",", "."};
  TempDir dir_;
  const std::string bundle_ = dir_.File("tiny/1");
};

TEST_F(ModelTest, LoadsWhatWasWritten) {
  const auto model = Model::Load(bundle_);
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->directory(), bundle_);
  EXPECT_EQ((*model)->manifest().language_model().sizes, TinySizes(12));
  EXPECT_EQ((*model)->tokenizer().vocabulary().size(), 12);
  EXPECT_EQ((*model)->manifest().language_model().self_test.size(), 2u);
  EXPECT_EQ((*model)
                ->manifest()
                .language_model()
                .self_test[0]
                .log_probabilities.size(),
            5u);
}

TEST_F(ModelTest, WordsThatTheManifestBlocksAreNeverOffered) {
  Edit([](Manifest& manifest) {
    std::get<LanguageModelManifest>(manifest.model).blocked = {"HELLO"};
  });
  const auto model = Model::Load(bundle_);
  ASSERT_THAT(model, IsOk());
  const Vocabulary& vocabulary = (*model)->tokenizer().vocabulary();
  EXPECT_FALSE(vocabulary.may_be_offered(*vocabulary.Find("hello")));
  EXPECT_TRUE(vocabulary.may_be_offered(*vocabulary.Find("world")));
}

// What its recipe blocks is blocked in the model that ships.
TEST(ZooTest, OffersNothingThatIsBlocked) {
  const std::string root = CAROUSEL_SOURCE_DIR;
  const auto model = Model::Load(root + "/model/zoo/autocomplete-en/1");
  ASSERT_THAT(model, IsOk());
  const auto config = nlohmann::json::parse(
      *ReadFile(root + "/model/train/configs/autocomplete-en.json"));
  const Vocabulary& vocabulary = (*model)->tokenizer().vocabulary();
  int known = 0;
  for (const std::string word : config["bundle"]["blocked"]) {
    const RankRange alike = vocabulary.EqualRange(Fold(word));
    for (int rank = alike.begin; rank < alike.end; ++rank, ++known) {
      EXPECT_FALSE(vocabulary.may_be_offered(vocabulary.id_at(rank))) << word;
    }
  }
  EXPECT_GT(known, 0);
}

// Suggestions come from a slice of ranks: row r must be the token of rank r.
TEST_F(ModelTest, OutputRowsAreInPrefixOrder) {
  const auto model = Model::Load(bundle_);
  ASSERT_THAT(model, IsOk());
  const std::vector<float> logits = FirstLogits(**model);
  const Vocabulary& vocabulary = (*model)->tokenizer().vocabulary();
  const auto file = Safetensors::Open(JoinPath(bundle_, kWeightsFile));
  const auto specs = WeightSpecs(TinySizes(12));
  std::vector<Tensor> weights;
  for (const WeightSpec& spec : *specs) {
    weights.push_back(*(*file)->Get(spec.name));
  }
  const auto by_id = LanguageModel::Create(TinySizes(12), weights, {});
  ASSERT_THAT(by_id, IsOk());
  LanguageModel::Workspace workspace;
  RecurrentState state = (*by_id)->InitialState(1);
  const int32_t token = Vocabulary::kEndOfLine;
  ASSERT_THAT((*by_id)->Advance({&token, 1}, 1, 1, &state, nullptr, &workspace),
              IsOk());
  std::vector<float> expected(12);
  ASSERT_THAT((*by_id)->Logits((*by_id)->Top(state), 1, 0, 12,
                               absl::MakeSpan(expected), &workspace),
              IsOk());
  for (int rank = 0; rank < 12; ++rank) {
    EXPECT_NEAR(logits[rank], expected[vocabulary.id_at(rank)], 1e-5);
  }
}

TEST_F(ModelTest, MissingDirectoryIsNotFound) {
  EXPECT_THAT(Model::Load(dir_.File("tiny/2")),
              StatusIs(kNotFound, HasSubstr("tiny/2/manifest.json")));
}

TEST_F(ModelTest, EveryMissingFileIsNotFound) {
  for (const char* name :
       {kManifestFile, kWeightsFile, kVocabularyFile, kCardFile}) {
    const std::string content = Read(name);
    fs::remove(JoinPath(bundle_, name));
    EXPECT_THAT(Model::Load(bundle_), StatusIs(kNotFound, HasSubstr(name)));
    Write(name, content);
  }
}

TEST_F(ModelTest, ChangedFileIsDataLossByItsChecksum) {
  for (const char* name : {kWeightsFile, kVocabularyFile, kCardFile}) {
    const std::string content = Read(name);
    std::string changed = content;
    changed.back() ^= 1;
    Write(name, changed);
    EXPECT_THAT(Model::Load(bundle_),
                StatusIs(kDataLoss, HasSubstr("expected SHA-256")))
        << name;
    Write(name, content.substr(0, content.size() / 2));
    EXPECT_THAT(Model::Load(bundle_),
                StatusIs(kDataLoss, HasSubstr(" bytes, found ")))
        << name;
    Write(name, content);
  }
}

// A link that leaves the bundle could show any file of the machine.
TEST_F(ModelTest, FollowsLinksInsideTheBundleOnly) {
  const std::string card = JoinPath(bundle_, kCardFile);
  fs::create_directory(JoinPath(bundle_, "..data"));
  fs::rename(card, JoinPath(bundle_, "..data/CARD.md"));
  fs::create_symlink("..data/CARD.md", card);
  EXPECT_THAT(Model::Load(bundle_), IsOk());
  fs::rename(JoinPath(bundle_, "..data/CARD.md"), dir_.File("CARD.md"));
  fs::remove(card);
  fs::create_symlink(dir_.File("CARD.md"), card);
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kDataLoss, HasSubstr("a link to")));
  fs::remove(card);
  fs::create_directory(card);
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kDataLoss, HasSubstr("expected a regular file")));
}

TEST_F(ModelTest, VocabularyMustHaveTheManifestsSize) {
  Write(kVocabularyFile, Read(kVocabularyFile) + "more\n");
  Edit([](Manifest&) {});
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kDataLoss, HasSubstr("expected 12 tokens "
                                            "(network.vocabulary), found 13")));
}

TEST_F(ModelTest, SizesThatMakeNoModelAreInvalid) {
  EditSizes([](LanguageModelSizes& sizes) { sizes.projection = false; });
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kInvalid, HasSubstr("manifest.json: network")));
}

// Sizes of the manifest against shapes of the file, before memory is taken.
TEST_F(ModelTest, WrongShapeIsDataLossNamingTheTensor) {
  EditSizes([](LanguageModelSizes& sizes) { sizes.hidden = 1 << 24; });
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kDataLoss, HasSubstr("expected shape [67108864")));
  EditSizes([](LanguageModelSizes& sizes) {
    sizes = TinySizes(12);
    sizes.layers = 1;
  });
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kDataLoss, HasSubstr("_l1\": expected no such tensor")));
}

TEST_F(ModelTest, MissingExtraAndMistypedTensorsAreDataLoss) {
  EditWeights([](std::vector<NamedTensor>& tensors) {
    for (NamedTensor& named : tensors) {
      if (named.name == "output.bias") named.name = "output.bias2";
    }
  });
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kDataLoss, HasSubstr("\"output.bias2\"")));
  EditWeights([](std::vector<NamedTensor>& tensors) {
    std::erase_if(tensors, [](const NamedTensor& named) {
      return named.name == "output.bias2";
    });
  });
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kDataLoss, HasSubstr("\"output.bias\": expected shape "
                                            "[12], found no such tensor")));
  EditWeights([](std::vector<NamedTensor>& tensors) {
    tensors.push_back({"output.bias", Tensor::Zeros(DType::kI32, {12})});
  });
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kDataLoss, HasSubstr("expected type F32 or BF16, found "
                                            "I32")));
}

// Weights that are well formed but not those that were trained.
TEST_F(ModelTest, OtherWeightsFailTheSelfTest) {
  EditWeights([](std::vector<NamedTensor>& tensors) {
    for (NamedTensor& named : tensors) {
      if (named.name != "output.bias") continue;
      named.tensor = named.tensor.ToF32();
      named.tensor.mutable_span<float>()[3] += 1;
    }
  });
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kDataLoss, HasSubstr("self-test of \"\": "
                                            "log-probability of \"")));
}

// Nothing compares with a NaN; the self-test must fail, not pass, on one.
TEST_F(ModelTest, WeightsThatAreNotNumbersFailTheSelfTest) {
  EditWeights([](std::vector<NamedTensor>& tensors) {
    for (NamedTensor& named : tensors) {
      if (named.name != "output.bias") continue;
      named.tensor = named.tensor.ToF32();
      named.tensor.mutable_span<float>()[3] = NAN;
    }
  });
  EXPECT_THAT(Model::Load(bundle_),
              StatusIs(kDataLoss, HasSubstr("found nan")));
}

// Whatever bits change in whichever file: an error, or the same model.
TEST_F(ModelTest, FlippedBitsGiveAnErrorOrTheSameModel) {
  constexpr uint64_t kSeed = 20250102;
  const auto whole = Model::Load(bundle_);
  ASSERT_THAT(whole, IsOk());
  const std::vector<float> expected = FirstLogits(**whole);
  for (const char* name :
       {kManifestFile, kWeightsFile, kVocabularyFile, kCardFile}) {
    const std::string content = Read(name);
    for (uint64_t round = 0; round < 200; ++round) {
      Random random(kSeed, round);
      std::string damaged = content;
      damaged[random.Below(damaged.size())] ^=
          static_cast<char>(1 << random.Below(8));
      Write(name, damaged);
      const auto model = Model::Load(bundle_);
      if (model.ok()) {
        EXPECT_STREQ(name, kManifestFile);  // the others have checksums
        EXPECT_EQ(FirstLogits(**model), expected) << damaged;
      }
    }
    Write(name, content);
  }
}

}  // namespace
}  // namespace carousel
