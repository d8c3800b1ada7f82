// SPDX-License-Identifier: Apache-2.0

#include "model/text/normalise.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using ::testing::HasSubstr;

// Letters of one and two bytes, with marks that occur in words.
std::string RandomLatin1Word(Random& random) {
  static const std::vector<std::string> letters = {
      "a", "B", "z", "'", "-", "é", "É", "ß", "ø", "Ü", "ñ", "Å", "ÿ", "·"};
  std::string word;
  for (uint64_t n = random.Below(12); n > 0; --n) {
    word += letters[random.Below(letters.size())];
  }
  return word;
}

TEST(NormaliseTest, TypographicApostrophesAndQuotesBecomeAscii) {
  // Keyboards of telephones type the curly ones; corpora hold both.
  EXPECT_THAT(Normalise("don’t ‘x’ rockʼn “yes” „so”"),
              IsOkAndHolds("don't 'x' rock'n \"yes\" \"so\""));
}

TEST(NormaliseTest, EveryWhiteSpaceBecomesASpace) {
  // One separator is all that the code behind knows.
  EXPECT_THAT(Normalise("a\tb\u00A0c\u2028d\u3000e\nf\vg\fh\ri"),
              IsOkAndHolds("a b c d e f g h i"));
  EXPECT_THAT(Normalise("a\tb\nc\vd\fe\rf"), IsOkAndHolds("a b c d e f"));
}

TEST(NormaliseTest, CombiningMarksAreComposed) {
  // The same word typed on two systems is one word.
  EXPECT_THAT(Normalise("cafe\u0301"), IsOkAndHolds("café"));
  EXPECT_THAT(Normalise("\u1112\u1161\u11AB"), IsOkAndHolds("한"));
}

TEST(NormaliseTest, CleanTextStaysAsItIs) {
  // Normal text must not be spent or changed.
  for (const std::string text : {"", "Hello, world!", "naïve café", "日本語",
                                 "👩‍👩‍👧 ok", "\u0301a"}) {
    EXPECT_THAT(Normalise(text), IsOkAndHolds(text));
  }
}

TEST(NormaliseTest, TwiceIsOnce) {
  // The evaluation normalises what the reader has normalised already.
  for (const char* text : {"“e\u0301”\u2009x", "’\u0301", "\u1FEF\u2001"}) {
    const auto once = Normalise(text);
    ASSERT_THAT(once, IsOk());
    EXPECT_THAT(Normalise(*once), IsOkAndHolds(*once));
  }
}

TEST(NormaliseTest, InvalidUtf8IsAnErrorThatNamesTheOffset) {
  // Each way of being wrong; whoever sent it must find the place.
  for (const char* bytes :
       {"\x80", "\xBF", "\xC3", "\xC0\xAF", "\xC1\xBF", "\xE2\x82",
        "\xE0\x80\xAF", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x80\x80\xAF",
        "\xF0\x9F\x98", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
        "\xF8\x88\x80\x80\x80", "\xFE", "\xFF", "\xC3("}) {
    for (const char* before : {"", "abc", "é"}) {
      const std::string text = std::string(before) + bytes;
      const auto matches = StatusIs(
          absl::StatusCode::kInvalidArgument,
          HasSubstr(absl::StrCat("at offset ", std::string(before).size())));
      EXPECT_THAT(Normalise(text), matches);
      EXPECT_THAT(Normalise(text + " x"), matches);
      EXPECT_THAT(ValidateUtf8(text), matches);
    }
  }
}

TEST(NormaliseTest, LongRunsOfOneCharacterAreNormal) {
  // Input is whatever people send.
  for (const char* unit : {"a", " ", "é", "漢", "👍", "\u0301"}) {
    std::string text;
    while (text.size() < 100'000) text += unit;
    EXPECT_THAT(Normalise(text), IsOkAndHolds(text));
  }
}

TEST(FoldTest, DropsCaseAccentsAndCurlyApostrophes) {
  // A person who types "cafe" wants "Café".
  EXPECT_EQ(Fold("Café"), "cafe");
  EXPECT_EQ(Fold("cafe\u0301"), "cafe");
  EXPECT_EQ(Fold("DON’T"), "don't");
  EXPECT_EQ(Fold("Straße"), "strasse");
  EXPECT_EQ(Fold("İstanbul"), "istanbul");
  EXPECT_EQ(Fold("ΟΔΌΣ"), Fold("οδός"));
  EXPECT_EQ(Fold("Ёлка"), Fold("елка"));
  EXPECT_EQ(Fold("ﬁne"), "fine");
}

TEST(FoldTest, KeepsVowelSigns) {
  // In Hindi "कु" and "कि" are two syllables, not one with accents.
  EXPECT_NE(Fold("कु"), Fold("कि"));
  EXPECT_NE(Fold("か"), Fold("が"));
}

TEST(FoldTest, PrefixFoldsToPrefix) {
  // The range of a prefix must hold every word that the person may be typing.
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const std::string word = RandomLatin1Word(random);
    const std::string folded = Fold(word);
    for (size_t n = 0; n <= word.size(); ++n) {
      const std::string prefix = word.substr(0, n);
      if (!ValidateUtf8(prefix).ok()) continue;
      EXPECT_TRUE(absl::StartsWith(folded, Fold(prefix)))
          << word << " | " << prefix;
    }
  }
}

TEST(FoldTest, IsItsOwnFold) {
  // Callers may hold folded text and fold it again.
  Random random(2);
  for (int i = 0; i < 2000; ++i) {
    const std::string folded = Fold(RandomLatin1Word(random));
    EXPECT_EQ(Fold(folded), folded);
  }
}

TEST(CasingTest, TellsTheFourCasings) {
  // Suggestions take on the casing of what is typed.
  EXPECT_EQ(CasingOf("hello"), Casing::kLower);
  EXPECT_EQ(CasingOf(""), Casing::kLower);
  EXPECT_EQ(CasingOf("42!"), Casing::kLower);
  EXPECT_EQ(CasingOf("漢字"), Casing::kLower);
  EXPECT_EQ(CasingOf("H"), Casing::kTitle);
  EXPECT_EQ(CasingOf("I'm"), Casing::kTitle);
  EXPECT_EQ(CasingOf("'Tis"), Casing::kTitle);
  EXPECT_EQ(CasingOf("Élan"), Casing::kTitle);
  EXPECT_EQ(CasingOf("HE"), Casing::kUpper);
  EXPECT_EQ(CasingOf("DON'T"), Casing::kUpper);
  EXPECT_EQ(CasingOf("ÀÉ"), Casing::kUpper);
  EXPECT_EQ(CasingOf("McDonald"), Casing::kMixed);
  EXPECT_EQ(CasingOf("iPhone"), Casing::kMixed);
  EXPECT_EQ(CasingOf("HEl"), Casing::kMixed);
}

TEST(CasingTest, ConvertsAsciiAndUnicode) {
  // ASCII takes its own way through the code.
  EXPECT_EQ(ToUpper("don't"), "DON'T");
  EXPECT_EQ(ToUpper("straße é"), "STRASSE É");
  EXPECT_EQ(ToLower("HELLO"), "hello");
  EXPECT_EQ(ToLower("ÀÉ"), "àé");
  EXPECT_EQ(ToTitle("hello World"), "Hello World");
  EXPECT_EQ(ToTitle("'tis"), "'Tis");
  EXPECT_EQ(ToTitle("mcDonald"), "McDonald");
  EXPECT_EQ(ToTitle("élan Vital"), "Élan Vital");
  EXPECT_EQ(ToTitle("'élan"), "'Élan");
  EXPECT_EQ(ToTitle(""), "");
}

TEST(CodePointTest, CountsCodePointsNotBytes) {
  // What is deleted left of a cursor is counted in these.
  EXPECT_EQ(CountCodePoints(""), 0);
  EXPECT_EQ(CountCodePoints("abc"), 3);
  EXPECT_EQ(CountCodePoints("é漢👍"), 3);
}

}  // namespace
}  // namespace carousel
