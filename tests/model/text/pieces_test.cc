// SPDX-License-Identifier: Apache-2.0

#include "model/text/pieces.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/base/random.h"
#include "model/text/tokenizer.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using ::nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// `lines`: "piece<TAB>score", the special tokens first.
Tokenizer MakeTokenizer(PieceAlgorithm algorithm,
                        const std::vector<std::string>& lines) {
  std::vector<std::string> tokens;
  std::vector<float> scores;
  for (const std::string& line : lines) {
    const std::vector<std::string> parts = absl::StrSplit(line, '\t');
    tokens.push_back(parts.at(0));
    scores.push_back(0);
    EXPECT_TRUE(absl::SimpleAtof(parts.at(1), &scores.back()));
  }
  auto vocabulary = Vocabulary::Create(std::move(tokens));
  EXPECT_THAT(vocabulary, IsOk());
  auto pieces = Pieces::Create(algorithm, *vocabulary, std::move(scores));
  EXPECT_THAT(pieces, IsOk());
  return Tokenizer(*std::move(vocabulary), *std::move(pieces));
}

Tokenizer SmallTokenizer(PieceAlgorithm algorithm = PieceAlgorithm::kUnigram) {
  return MakeTokenizer(algorithm,
                       {"<unk>\t0", "<eos>\t0", "<num>\t0", "▁the\t-2", "▁\t-3",
                        "t\t-5", "h\t-5", "e\t-5", "he\t-4", "é\t-6"});
}

std::string Show(const Tokenizer& tokenizer, absl::string_view line) {
  return absl::StrJoin(
      tokenizer.Split(line), " ",
      [](std::string* out, const TextPiece& p) { *out += p.token; });
}

// tests/golden/make_pieces_golden.py wrote them with spm_train, spm_encode and
// spm_decode.
void ExpectGolden(PieceAlgorithm algorithm) {
  const auto content =
      ReadFile(absl::StrCat(CAROUSEL_SOURCE_DIR, "/tests/golden/pieces.json"));
  ASSERT_THAT(content, IsOk());
  const json golden =
      json::parse(*content)[std::string(PieceAlgorithmName(algorithm))];
  const Tokenizer tokenizer = MakeTokenizer(
      algorithm, golden["vocabulary"].get<std::vector<std::string>>());
  for (const json& test : golden["cases"]) {
    // Encode() would normalise first; spm_encode did not.
    const std::string text = test["text"];
    std::vector<int32_t> ids;
    for (const TextPiece& piece : tokenizer.Split(text)) {
      ids.push_back(tokenizer.IdOf(piece));
    }
    EXPECT_EQ(ids, test["ids"].get<std::vector<int32_t>>()) << text;
    EXPECT_EQ(tokenizer.Decode(ids), test["decoded"].get<std::string>())
        << text;
  }
}

// What spm_train made must mean to us what it means to spm_encode.
TEST(PiecesTest, UnigramAgreesWithSpmEncode) {
  ExpectGolden(PieceAlgorithm::kUnigram);
}

TEST(PiecesTest, BpeAgreesWithSpmEncode) { ExpectGolden(PieceAlgorithm::kBpe); }

// The sum counts, not the longest piece or the best one.
TEST(PiecesTest, UnigramTakesTheLargestSum) {
  const Tokenizer tokenizer =
      MakeTokenizer(PieceAlgorithm::kUnigram,
                    {"<unk>\t0", "<eos>\t0", "<num>\t0", "▁a\t-1", "b\t-4",
                     "c\t-1", "▁ab\t-2", "bc\t-2.5", "▁abc\t-9"});
  // ▁a + bc = -3.5; ▁ab + c = -3; ▁abc = -9; ▁a + b + c = -6.
  EXPECT_EQ(Show(tokenizer, "abc"), "▁ab c");
}

// Cuts that are equal but for rounding: what spm_encode says of these pieces.
// Sums in f32 would cut the second and the fourth the other way round.
TEST(PiecesTest, UnigramRoundsTiesAsSpmEncode) {
  const Tokenizer laugh =
      MakeTokenizer(PieceAlgorithm::kUnigram,
                    {"<unk>\t0", "<eos>\t0", "<num>\t0", "▁\t-2.2", "h\t-8.8",
                     "a\t-6.7", "ha\t-7.4", "haha\t-7.6"});
  EXPECT_EQ(Show(laugh, "haha"), "▁ haha");
  EXPECT_EQ(Show(laugh, "hahaha"), "▁ haha ha");
  const Tokenizer dots = MakeTokenizer(
      PieceAlgorithm::kUnigram, {"<unk>\t0", "<eos>\t0", "<num>\t0", "▁\t-1",
                                 ".\t-4.4", "..\t-6.3", "...\t-8.9"});
  EXPECT_EQ(Show(dots, "...."), "▁ .. ..");
  EXPECT_EQ(Show(dots, "....."), "▁ ... ..");
}

// Merges happen by score, wherever they are; of equal pairs, the leftmost.
TEST(PiecesTest, BpeJoinsTheBestPairFirst) {
  const Tokenizer tokenizer =
      MakeTokenizer(PieceAlgorithm::kBpe,
                    {"<unk>\t0", "<eos>\t0", "<num>\t0", "bc\t-1", "▁a\t-2",
                     "▁ab\t-3", "aa\t-4", "▁\t-5", "a\t-6", "b\t-7", "c\t-8"});
  EXPECT_EQ(Show(tokenizer, "abc"), "▁a bc");
  EXPECT_EQ(Show(tokenizer, "ab"), "▁ab");
  EXPECT_EQ(Show(tokenizer, "caaa"), "▁ c aa a");
}

// A model should see one unknown thing where there is one.
TEST(PiecesTest, UnknownCharactersInARowAreOneToken) {
  for (auto algorithm : {PieceAlgorithm::kUnigram, PieceAlgorithm::kBpe}) {
    EXPECT_EQ(Show(SmallTokenizer(algorithm), "x☃y é☃"), "▁ <unk> ▁ é <unk>");
  }
}

// Text from a user may hold the mark itself.
TEST(PiecesTest, MarkOfTheTextIsASpace) {
  EXPECT_EQ(MarkSpaces("\u2581the \u2581e\u2581").text, "\u2581the\u2581e");
  EXPECT_EQ(MarkSpaces(" \u2581 ").text, "");
  EXPECT_EQ(MarkSpaces("").text, "");
}

// A piece must be found again in the line that a person typed.
TEST(PiecesTest, PiecesKnowWhereTheyComeFrom) {
  const Tokenizer tokenizer = SmallTokenizer();
  const std::string line = "  the   é he ";
  std::vector<std::string> spans;
  for (const TextPiece& piece : tokenizer.Split(line)) {
    spans.push_back(line.substr(piece.begin, piece.end - piece.begin));
  }
  // ▁the, ▁, é, ▁, he
  EXPECT_THAT(spans, ElementsAre("  the", "   ", "é", " ", "he"));
}

// Words and parts of them count as words, marks do not.
TEST(PiecesTest, PiecesWithLettersAreWords) {
  std::vector<bool> words;
  for (const TextPiece& piece : SmallTokenizer().Split("the ☃he")) {
    words.push_back(piece.is_word);
  }
  EXPECT_THAT(words, ElementsAre(true, false, false, true));
}

// What a decoder writes must be the text that it was taught.
TEST(PiecesTest, DecodingUndoesEncoding) {
  Random random(7, 0);
  for (auto algorithm : {PieceAlgorithm::kUnigram, PieceAlgorithm::kBpe}) {
    const Tokenizer tokenizer = SmallTokenizer(algorithm);
    for (int i = 0; i < 200; ++i) {
      std::string line;
      for (uint64_t n = random.Below(12); n > 0; --n) {
        line += std::vector<std::string>{
            "t", "h", "e", "é", " t", "the"}[random.Below(6)];
      }
      if (absl::StartsWith(line, " ")) line.erase(0, 1);
      const auto ids = tokenizer.Encode(line);
      ASSERT_THAT(ids, IsOk());
      EXPECT_EQ(tokenizer.Decode(*ids), line);
    }
  }
}

// <eos> ends a line; it is not shown.
TEST(PiecesTest, SpecialTokensAreNotDecoded) {
  EXPECT_EQ(
      SmallTokenizer().Decode({3, Vocabulary::kUnknown, 8, Vocabulary::kNumber,
                               Vocabulary::kEndOfLine}),
      "the ⁇ he");
}

// What spm_decode says of these pieces.
TEST(PiecesTest, MarksAtTheBeginningAreNotDecoded) {
  const Tokenizer tokenizer = MakeTokenizer(
      PieceAlgorithm::kUnigram, {"<unk>\t0", "<eos>\t0", "<num>\t0", "▁\t-3",
                                 "a\t-4", "▁a\t-2", "▁▁\t-5", "▁▁a\t-6"});
  EXPECT_EQ(tokenizer.Decode({3, 3, 5}), "a");
  EXPECT_EQ(tokenizer.Decode({2, 3, 1, 5}), "a");
  EXPECT_EQ(tokenizer.Decode({3, 7}), " a");
  EXPECT_EQ(tokenizer.Decode({6, 6, 4}), "   a");
  EXPECT_EQ(tokenizer.Decode({3, 0, 3, 5}), " ⁇   a");
  EXPECT_EQ(tokenizer.Decode({5, 3, 3, 4}), "a  a");
  EXPECT_EQ(tokenizer.Decode({3, 3}), "");
}

// Decomposed accents and no-break spaces are other bytes for the same text.
TEST(PiecesTest, TextIsNormalisedFirst) {
  const Tokenizer tokenizer = SmallTokenizer();
  const auto composed = tokenizer.Encode("the é");
  ASSERT_THAT(composed, IsOk());
  EXPECT_THAT(tokenizer.Encode("the\u00A0e\u0301"), IsOkAndHolds(*composed));
  EXPECT_THAT(tokenizer.Encode("\xC3"),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// One line may be a megabyte; neither algorithm may be quadratic.
TEST(PiecesTest, LongLinesTakeNoLongTime) {
  std::string line;
  for (int i = 0; i < 20'000; ++i) line += "the";
  for (auto algorithm : {PieceAlgorithm::kUnigram, PieceAlgorithm::kBpe}) {
    const auto ids = SmallTokenizer(algorithm).Encode(line);
    ASSERT_THAT(ids, IsOk());
    EXPECT_GE(ids->size(), 39'999u);  // ▁the, then t and he
  }
}

// A bundle and a run's folder hold them as text.
TEST(PiecesTest, FileGivesBackTheTokenizer) {
  TempDir dir;
  const std::string path = dir.File("vocabulary.txt");
  for (auto algorithm : {PieceAlgorithm::kUnigram, PieceAlgorithm::kBpe}) {
    const Tokenizer tokenizer = SmallTokenizer(algorithm);
    ASSERT_THAT(WriteFileAtomically(path, tokenizer.Serialise()), IsOk());
    const auto loaded = Tokenizer::Load(TokenizerKind::kSubword, path);
    ASSERT_THAT(loaded, IsOk());
    EXPECT_EQ(loaded->Serialise(), tokenizer.Serialise());
    EXPECT_EQ(loaded->kind(), TokenizerKind::kSubword);
    EXPECT_EQ(Show(*loaded, "the hét"), Show(tokenizer, "the hét"));
  }
}

// A bundle's file may be damaged, or that of another tokenizer.
TEST(PiecesTest, DamagedFilesAreRefusedWithTheLine) {
  const auto refused = [&](const std::string& content) {
    const auto pieces = ParsePieces(content);
    EXPECT_FALSE(pieces.ok());
    return std::string(pieces.status().message());
  };
  const std::string head = "<unk>\tunigram\n<eos>\t0\n<num>\t0\n";
  EXPECT_THAT(ParsePieces(head + "a\t-1\nb\t-2\n"), IsOk());
  EXPECT_THAT(refused("<unk>\n<eos>\n<num>\na\n"),
              HasSubstr("line 1: subword algorithm"));
  EXPECT_THAT(refused("<unk>\t0\n"), HasSubstr("line 1"));
  EXPECT_THAT(refused(""), HasSubstr("line 1"));
  EXPECT_THAT(refused(head + "a\t-1\nb -2\n"), HasSubstr("line 5"));
  EXPECT_THAT(refused(head + "a\tnan\n"),
              HasSubstr("line 4: expected a finite score"));
  EXPECT_THAT(refused(head + "a\t-1\na\t-2\n"),
              HasSubstr("line 5: \"a\" is on line 4 already"));
  EXPECT_THAT(refused("<unk>\tbpe\na\t0\nb\t0\n"), HasSubstr("expected <eos>"));
}

}  // namespace
}  // namespace carousel
