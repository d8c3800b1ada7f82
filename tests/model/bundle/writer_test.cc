// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/writer.h"

#include <signal.h>
#include <sys/resource.h>

#include <cmath>
#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/bundle/model.h"
#include "model/weights/safetensors.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<std::string> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

class WriterTest : public testing::Test {
 protected:
  WriterTest() {
    const LanguageModelSizes sizes = TinySizes(tokenizer_.vocabulary().size());
    content_.manifest.model = LanguageModelManifest{.sizes = sizes};
    content_.manifest.training = R"({"seed":3})";
    content_.weights = TinyWeights(sizes, 3);
    content_.tokenizer = &tokenizer_;
    content_.card = "# Card\n";
    content_.self_test_texts = {"one two", "three 4 five"};
  }

  TempDir dir_;
  const std::string bundle_ = dir_.File("name/1");
  const Tokenizer tokenizer_{
      TokenizerKind::kWords,
      *Vocabulary::Create(TinyTokens({"one", "two", "three", "four", "five"}))};
  BundleContent content_;
};

TEST_F(WriterTest, WritesTheFilesOfABundleAndNothingElse) {
  ASSERT_THAT(WriteBundle(bundle_ + "/", content_), IsOk());
  EXPECT_THAT(NamesIn(bundle_),
              UnorderedElementsAre("manifest.json", "weights.safetensors",
                                   "vocabulary.txt", "CARD.md"));
  EXPECT_THAT(NamesIn(dir_.File("name")), ElementsAre("1"));
  const auto model = Model::Load(bundle_);
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ((*model)->manifest().training, R"({"seed":3})");
  EXPECT_EQ((*model)->manifest().language_model().self_test[1].tokens.size(),
            3u);
}

// Equal content gives equal bytes: a bundle can be checked by making it again.
TEST_F(WriterTest, WritesTheSameBytesTwice) {
  ASSERT_THAT(WriteBundle(bundle_, content_), IsOk());
  ASSERT_THAT(WriteBundle(dir_.File("name/2"), content_), IsOk());
  for (const char* name : {"manifest.json", "weights.safetensors"}) {
    EXPECT_EQ(ReadFile(JoinPath(bundle_, name)),
              ReadFile(JoinPath(dir_.File("name/2"), name)));
  }
}

// Matrices are large and bear rounding; biases are small and need not.
TEST_F(WriterTest, StoresMatricesInTheStoredTypeAndVectorsInF32) {
  for (DType dtype : {DType::kBF16, DType::kF32}) {
    content_.stored_type = dtype;
    const std::string bundle =
        dir_.File("types/" + std::to_string(SizeOf(dtype)));
    ASSERT_THAT(WriteBundle(bundle, content_), IsOk());
    const auto file =
        Safetensors::Open(JoinPath(bundle, "weights.safetensors"));
    ASSERT_THAT(file, IsOk());
    for (const NamedTensor& named : (*file)->tensors()) {
      const bool is_matrix = named.tensor.shape().size() == 2;
      EXPECT_EQ(named.tensor.dtype(), is_matrix ? dtype : DType::kF32)
          << named.name;
    }
  }
}

TEST_F(WriterTest, LeavesWhatIsThereAlone) {
  ASSERT_THAT(MakeDirectories(bundle_), IsOk());
  EXPECT_THAT(WriteBundle(bundle_, content_),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("name/1")));
  EXPECT_THAT(NamesIn(bundle_), IsEmpty());
  ASSERT_THAT(WriteFileAtomically(dir_.File("name/2"), "mine"), IsOk());
  EXPECT_THAT(WriteBundle(dir_.File("name/2"), content_),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(*ReadFile(dir_.File("name/2")), "mine");
}

// Content that makes no model, one mistake at a time; nothing is left behind.
TEST_F(WriterTest, RefusesContentThatMakesNoModel) {
  const auto expect_refused = [&](const BundleContent& content,
                                  const char* error) {
    EXPECT_THAT(WriteBundle(bundle_, content),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(error)));
    EXPECT_THAT(NamesIn(dir_.File("name")), IsEmpty());
  };
  BundleContent content = content_;
  content.weights.pop_back();
  expect_refused(content, "weight");

  content = content_;
  content.weights[0] = Tensor::Zeros(DType::kF32, {8, 5});
  expect_refused(content, "embedding.weight");

  content = content_;
  content.weights[1] = content.weights[1].ToF32();
  content.weights[1].mutable_span<float>()[0] = NAN;
  expect_refused(content, "expected finite");

  content = content_;
  content.self_test_texts.clear();
  expect_refused(content, "at least one text");

  content = content_;
  content.self_test_texts = {"\xff"};
  expect_refused(content, "");

  content = content_;
  content.manifest.model = LanguageModelManifest{
      .sizes = TinySizes(8), .tokenizer = TokenizerKind::kWhitespace};
  expect_refused(content, "tokenizer.kind: expected \"words\"");

  content = content_;
  content.manifest.training = "no JSON";
  expect_refused(content, "manifest.json");

  content = content_;
  content.manifest.model = LanguageModelManifest{.sizes = TinySizes(9)};
  expect_refused(content, "expected 9 tokens");
}

// write(2) fails as on a full disk, for root as well.
TEST_F(WriterTest, FullDiskLeavesNothingBehind) {
  const auto old_handler = signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit;
  getrlimit(RLIMIT_FSIZE, &old_limit);
  const rlimit limit = {100, old_limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  const absl::Status status = WriteBundle(bundle_, content_);
  setrlimit(RLIMIT_FSIZE, &old_limit);
  signal(SIGXFSZ, old_handler);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted,
                               HasSubstr("weights.safetensors")));
  EXPECT_THAT(NamesIn(dir_.File("name")), IsEmpty());
}

}  // namespace
}  // namespace carousel
