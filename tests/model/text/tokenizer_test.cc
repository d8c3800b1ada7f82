// SPDX-License-Identifier: Apache-2.0

#include "model/text/tokenizer.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The tokens of a line, a space between them.
std::string Cut(absl::string_view line,
                TokenizerKind kind = TokenizerKind::kWords) {
  return absl::StrJoin(
      SplitText(kind, line), " ",
      [](std::string* out, const TextPiece& p) { *out += p.token; });
}

Tokenizer MakeTokenizer(TokenizerKind kind, absl::string_view words) {
  std::vector<std::string> tokens = {"<unk>", "<eos>", "<num>"};
  for (absl::string_view word : absl::StrSplit(words, ' ')) {
    tokens.emplace_back(word);
  }
  auto vocabulary = Vocabulary::Create(tokens);
  EXPECT_THAT(vocabulary, IsOk());
  return Tokenizer(kind, *std::move(vocabulary));
}

// Text of everything that is cut in its own way.
std::string RandomLine(Random& random) {
  static const std::vector<std::string> parts = {
      "a",  "Bob", "don't", " ",      "  ",    ".",    "-",  ",", "7",
      "(",  ")",   "@",     "www.",   "://",   "é",    "漢", "👍", "\u0301",
      "\"", "'",   "x@y",   "\u00AD", "<unk>", "日本", "٣",  "/", "\u200D"};
  std::string line;
  for (uint64_t n = random.Below(20); n > 0; --n) {
    line += parts[random.Below(parts.size())];
  }
  return line;
}

TEST(SplitTextTest, WordsAndMarksAreSeparatePieces) {
  // The model learns words, not words with a comma on them.
  EXPECT_EQ(Cut("Well, yes; you can."), "Well , yes ; you can .");
  EXPECT_EQ(Cut("\"Stop!\" (he said)"), "\" Stop ! \" ( he said )");
  EXPECT_EQ(Cut("a well-known man"), "a well - known man");
  EXPECT_EQ(Cut("Don't call (555)-0100... mail a@b.org!"),
            "Don't call ( <num> ... mail <unk> !");
  EXPECT_EQ(Cut(""), "");
  EXPECT_EQ(Cut("   "), "");
}

TEST(SplitTextTest, ContractionsStayWhole) {
  // "don't" is a word that a person completes.
  EXPECT_EQ(Cut("I don't know, it's ten o'clock"),
            "I don't know , it's ten o'clock");
  EXPECT_EQ(Cut("don'"), "don '");
  EXPECT_EQ(Cut("the U.S. Army"), "the U.S . Army");
}

TEST(SplitTextTest, AnythingWithADigitIsANumber) {
  // Figures are not learnt by heart and never offered.
  for (const char* number :
       {"7", "3.14", "1,000,000", "10th", "5pm", "555-0100", "+44(0)20/7946",
        "12:30", "3/4", "-5", "mp3", "COVID19", "٣٤"}) {
    EXPECT_EQ(Cut(number), "<num>") << number;
  }
}

TEST(SplitTextTest, MarksAroundANumberAreNotPartOfIt) {
  // "in 1990." ends a sentence.
  EXPECT_EQ(Cut("in 1990."), "in <num> .");
  EXPECT_EQ(Cut("(1990), 5-6?"), "( <num> ) , <num> ?");
  EXPECT_EQ(Cut("\"12:30\"..."), "\" <num> \" ...");
  EXPECT_EQ(Cut("$3.50 or 5%"), "$ <num> or <num> %");
  EXPECT_EQ(Cut("12-year-old"), "<num> - year - old");
  EXPECT_EQ(Cut("... - ()"), "... - ( )");
}

TEST(SplitTextTest, AddressesAreUnknown) {
  // No model may repeat somebody's address.
  EXPECT_EQ(Cut("mail ann.lee+x@example.org."), "mail <unk> .");
  EXPECT_EQ(Cut("(see https://a.b/c?d=1)"), "( see <unk> )");
  EXPECT_EQ(Cut("WWW.example.com, ok"), "<unk> , ok");
  EXPECT_EQ(Cut("jürgen@münchen.de"), "<unk>");
  EXPECT_EQ(Cut("@ann@example.org"), "<unk>");
  EXPECT_EQ(Cut("a_@_b"), "<unk>");
  EXPECT_EQ(Cut("@ann meet @ noon"), "@ ann meet @ noon");
}

TEST(SplitTextTest, RunsOfFullStopsAndHyphensAreOneMark) {
  // "..." is one mark to its writer, and "....." the same mark.
  EXPECT_EQ(Cut("wait... what -- no"), "wait ... what -- no");
  EXPECT_EQ(Cut("so........"), "so ...");
  EXPECT_EQ(Cut("no!! .. -"), "no ! ! .. -");
  EXPECT_EQ(Cut(".-."), ". - .");
  EXPECT_EQ(Cut(". ."), ". .");
}

TEST(SplitTextTest, OtherScriptsAndEmojiArePieces) {
  // Nothing is lost, nothing crashes.
  EXPECT_EQ(Cut("café cafe\u0301"), "café cafe\u0301");
  EXPECT_EQ(Cut("ok👍🏽 👩‍👧"), "ok 👍🏽 👩‍👧");
  EXPECT_EQ(Cut("Привет, мир"), "Привет , мир");
  EXPECT_THAT(SplitText(TokenizerKind::kWords, "我喜欢你。"), SizeIs(4));
}

TEST(SplitTextTest, PiecesSayWhetherTheyAreWords) {
  // The share of right words is counted over these.
  const auto pieces =
      SplitText(TokenizerKind::kWords, "Hi 7 é 漢 a@b . 👍 \u0301");
  std::string is_word;
  for (const TextPiece& piece : pieces) is_word += piece.is_word ? 'w' : '-';
  EXPECT_EQ(is_word, "wwwww---");
}

TEST(SplitTextTest, PiecesCoverAllButWhiteSpaceInOrder) {
  // Positions serve to count keystrokes: none lost, none twice.
  Random random(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::string line = RandomLine(random);
    for (auto kind : {TokenizerKind::kWords, TokenizerKind::kWhitespace}) {
      size_t at = 0;
      for (const TextPiece& piece : SplitText(kind, line)) {
        for (; at < piece.begin; ++at) ASSERT_EQ(line[at], ' ') << line;
        ASSERT_EQ(at, piece.begin) << line;
        ASSERT_LT(piece.begin, piece.end) << line;
        ASSERT_FALSE(piece.token.empty()) << line;
        at = piece.end;
      }
      for (; at < line.size(); ++at) ASSERT_EQ(line[at], ' ') << line;
    }
  }
}

TEST(SplitTextTest, FinishedTextIsCutTheSameWhateverFollows) {
  // The serving cache finds a text again by the tokens of its beginning.
  Random random(2);
  for (int i = 0; i < 5'000; ++i) {
    const std::string head = RandomLine(random) + " ";
    const std::string whole = Cut(head + RandomLine(random));
    EXPECT_THAT(whole, ::testing::StartsWith(Cut(head))) << head;
  }
}

TEST(SplitTextTest, LongRunsOfOneCharacterAreCutInTime) {
  // Requests are bounded in bytes, so any such text must be harmless.
  for (const char* unit : {"a", "1", ".", "-", "!", "@", "(", "'", "é", "漢",
                           "👍", "\u0301", "_"}) {
    std::string line;
    while (line.size() < 100'000) line += unit;
    const auto pieces = SplitText(TokenizerKind::kWords, line);
    ASSERT_FALSE(pieces.empty());
    EXPECT_EQ(pieces.back().end, line.size()) << unit;
  }
}

TEST(SplitTextTest, WhitespaceKindLeavesPiecesAsTheyStand) {
  // WikiText is tokenised already, with its own <unk> and @-@.
  const auto kind = TokenizerKind::kWhitespace;
  EXPECT_EQ(Cut(" the <unk> , 1990 \t@-@ don 't = ", kind),
            "the <unk> , 1990 @-@ don 't =");
  std::string is_word;
  for (const TextPiece& piece : SplitText(kind, "the <unk> , 1990 @-@")) {
    is_word += piece.is_word ? 'w' : '-';
  }
  EXPECT_EQ(is_word, "ww-w-");
}

TEST(TokenizerTest, KnownWordsAreFoundInAnotherCase) {
  // "THE" and a sentence's first word are the words in the vocabulary.
  const Tokenizer tokenizer =
      MakeTokenizer(TokenizerKind::kWords, "the Paris don't .");
  EXPECT_THAT(tokenizer.Encode("The THE PARIS paris Don’t 42 xyz."),
              IsOkAndHolds(ElementsAre(3, 3, 4, 4, 5, Vocabulary::kNumber,
                                       Vocabulary::kUnknown, 6)));
}

TEST(TokenizerTest, WhitespaceKindLooksUpExactly) {
  // Scores on WikiText are comparable only with its own counting.
  const Tokenizer tokenizer =
      MakeTokenizer(TokenizerKind::kWhitespace, "the don’t");
  EXPECT_THAT(
      tokenizer.Encode("the The <unk> don’t don't 42"),
      IsOkAndHolds(ElementsAre(3, Vocabulary::kUnknown, Vocabulary::kUnknown, 4,
                               Vocabulary::kUnknown, Vocabulary::kUnknown)));
}

TEST(TokenizerTest, EmptyLineHasNoIds) {
  // An empty text is the start of a line, not an error.
  const Tokenizer tokenizer = MakeTokenizer(TokenizerKind::kWords, "the");
  EXPECT_THAT(tokenizer.Encode(""), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(tokenizer.Encode(" \t\u00A0"), IsOkAndHolds(IsEmpty()));
}

TEST(TokenizerTest, InvalidUtf8IsAnError) {
  // Requests and files are input: no kind may let it through.
  for (auto kind : {TokenizerKind::kWords, TokenizerKind::kWhitespace}) {
    EXPECT_THAT(
        MakeTokenizer(kind, "the").Encode("the \xFF"),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at offset 4")));
  }
}

TEST(TokenizerTest, WordsTypedAsSpecialTokensAreNotSpecial) {
  // Nobody ends a line by writing "<eos>".
  const Tokenizer tokenizer = MakeTokenizer(TokenizerKind::kWords, "< >");
  EXPECT_THAT(tokenizer.Encode("<eos>"),
              IsOkAndHolds(ElementsAre(3, Vocabulary::kUnknown, 4)));
}

TEST(TokenizerKindTest, NamesAreReadBack) {
  // The manifest holds the name.
  for (auto kind : {TokenizerKind::kWords, TokenizerKind::kWhitespace,
                    TokenizerKind::kSubword}) {
    EXPECT_THAT(ParseTokenizerKind(TokenizerKindName(kind)),
                IsOkAndHolds(kind));
  }
  EXPECT_THAT(ParseTokenizerKind("bytes"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("\"words\", \"whitespace\" or \"subword\"")));
}

}  // namespace
}  // namespace carousel
