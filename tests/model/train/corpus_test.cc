// SPDX-License-Identifier: Apache-2.0

#include "model/train/corpus.h"

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kVocabularySize = 8;

class CorpusTest : public testing::Test {
 protected:
  void Write(const std::vector<std::vector<int32_t>>& lines) {
    auto writer = CorpusWriter::Create(path_);
    ASSERT_THAT(writer, IsOk());
    for (const auto& line : lines) ASSERT_THAT((*writer)->Add(line), IsOk());
    ASSERT_THAT((*writer)->Finish(), IsOk());
  }

  TempDir dir_;
  const std::string path_ = dir_.File("a.tokens");
};

// Blank lines count in `stream` context.
TEST_F(CorpusTest, EveryLineEndsInEndOfLine) {
  Write({{5, 6}, {}, {7}});
  const auto corpus = Corpus::Open(path_, kVocabularySize);
  ASSERT_THAT(corpus, IsOk());
  EXPECT_THAT((*corpus)->tokens(), ElementsAre(5, 6, 1, 1, 7, 1));
  EXPECT_EQ((*corpus)->lines(), 3);
}

// Checkpoints point into the corpus by number: it must be the same text.
TEST_F(CorpusTest, FingerprintTellsTextsApart) {
  Write({{5, 6}});
  const uint64_t written =
      (*Corpus::Open(path_, kVocabularySize))->fingerprint();
  EXPECT_EQ(written, Corpus::Of({5, 6, 1})->fingerprint());
  EXPECT_NE(written, Corpus::Of({6, 5, 1})->fingerprint());
}

// A cut-off file would silently train on less.
TEST_F(CorpusTest, CutOffFileIsDataLoss) {
  Write({{5, 6}, {7}});
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) - 4);
  EXPECT_THAT(Corpus::Open(path_, kVocabularySize),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("whole")));
}

// The trainer indexes by token: a damaged one would read and write elsewhere.
TEST_F(CorpusTest, EveryFlippedBitIsDataLoss) {
  Write({{5, 6}, {7}});
  const std::string good = ReadFile(path_).value();
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_THAT(WriteFileAtomically(path_, bad), IsOk());
    EXPECT_THAT(Corpus::Open(path_, kVocabularySize),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("a.tokens")))
        << "bit " << bit;
  }
}

// Whoever looks for the cause needs the place: the vocabulary may be the wrong
// one.
TEST_F(CorpusTest, TokenOutsideTheVocabularyIsNamed) {
  Write({{5, 6}, {7}});
  EXPECT_THAT(Corpus::Open(path_, 7),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("a.tokens: damaged: token 3 is 7")));
}

// A crash while writing leaves nothing that looks like a corpus.
TEST_F(CorpusTest, UnfinishedFileDoesNotAppear) {
  {
    auto writer = CorpusWriter::Create(path_);
    ASSERT_THAT(writer, IsOk());
    ASSERT_THAT((*writer)->Add({5}), IsOk());
  }
  EXPECT_THAT(Corpus::Open(path_, kVocabularySize),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(std::filesystem::is_empty(dir_.path()));
}

// What cannot be written is an error, not a shorter corpus.
TEST_F(CorpusTest, PathThatCannotBeWrittenIsSaid) {
  EXPECT_THAT(CorpusWriter::Create(dir_.File("no/such/folder")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no/such")));
}

}  // namespace
}  // namespace carousel
