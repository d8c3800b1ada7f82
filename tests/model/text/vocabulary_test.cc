// SPDX-License-Identifier: Apache-2.0

#include "model/text/vocabulary.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/base/random.h"
#include "model/text/normalise.h"
#include "tests/testing/status_matchers.h"

namespace carousel {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

Vocabulary MakeVocabulary(const std::vector<std::string>& words) {
  std::vector<std::string> tokens = {"<unk>", "<eos>", "<num>"};
  tokens.insert(tokens.end(), words.begin(), words.end());
  auto vocabulary = Vocabulary::Create(tokens);
  EXPECT_THAT(vocabulary, IsOk());
  return *std::move(vocabulary);
}

std::vector<std::string> TokensIn(const Vocabulary& vocabulary,
                                  RankRange range) {
  std::vector<std::string> tokens;
  for (int rank = range.begin; rank < range.end; ++rank) {
    tokens.push_back(vocabulary.token(vocabulary.id_at(rank)));
  }
  return tokens;
}

// Short words over few letters, so that prefixes and case variants abound.
std::string RandomWord(Random& random) {
  static const std::vector<std::string> letters = {"a", "A", "b", "é",
                                                   "e", "'", ".", "ß"};
  std::string word;
  for (uint64_t n = 1 + random.Below(5); n > 0; --n) {
    word += letters[random.Below(letters.size())];
  }
  return word;
}

TEST(VocabularyTest, RanksSortByFoldedFormThenId) {
  // Case variants must be neighbours, so that their probabilities merge.
  const Vocabulary v = MakeVocabulary({"the", "cat", "The", "Café", "cafe"});
  EXPECT_THAT(TokensIn(v, {0, v.size()}),
              ElementsAre("<unk>", "<eos>", "<num>", "Café", "cafe", "cat",
                          "the", "The"));
  for (int32_t id = 0; id < v.size(); ++id) {
    EXPECT_EQ(v.id_at(v.rank_of(id)), id);
    EXPECT_EQ(v.prefix_order()[v.rank_of(id)], id);
  }
}

TEST(VocabularyTest, PrefixRangeHoldsTheWordsThatBeginSo) {
  // What competes while a person types.
  const Vocabulary v =
      MakeVocabulary({"he", "Hello", "help", "held", "hi", "zoo", "his"});
  EXPECT_THAT(TokensIn(v, v.PrefixRange("hel")),
              ElementsAre("held", "Hello", "help"));
  EXPECT_THAT(TokensIn(v, v.PrefixRange("z")), ElementsAre("zoo"));
  EXPECT_TRUE(v.PrefixRange("hex").empty());
  EXPECT_TRUE(v.PrefixRange("zz").empty());
  EXPECT_TRUE(v.PrefixRange("helloo").empty());
}

TEST(VocabularyTest, EqualRangeHoldsTheCaseVariants) {
  // "us" and "US" are offered as one.
  const Vocabulary v = MakeVocabulary({"us", "use", "US", "u", "usé"});
  EXPECT_THAT(TokensIn(v, v.EqualRange("us")), ElementsAre("us", "US"));
  EXPECT_THAT(TokensIn(v, v.EqualRange("use")), ElementsAre("use", "usé"));
  EXPECT_TRUE(v.EqualRange("uses").empty());
  EXPECT_TRUE(v.EqualRange("").empty());
}

TEST(VocabularyTest, SpecialTokensAreInNoRange) {
  // Nobody is offered <eos>, also not after typing "<".
  const Vocabulary v = MakeVocabulary({"<formula>", "a"});
  EXPECT_EQ(v.PrefixRange(""), (RankRange{3, 5}));
  EXPECT_THAT(TokensIn(v, v.PrefixRange("<")), ElementsAre("<formula>"));
  EXPECT_TRUE(v.EqualRange("<eos>").empty());
}

TEST(VocabularyTest, RangesEqualALinearScan) {
  // The binary searches against the definition, on random vocabularies.
  Random random(1);
  for (int round = 0; round < 200; ++round) {
    std::set<std::string> words;
    for (uint64_t n = random.Below(60); n > 0; --n) {
      words.insert(RandomWord(random));
    }
    const Vocabulary v = MakeVocabulary({words.begin(), words.end()});
    for (int i = 0; i < 50; ++i) {
      const std::string key = Fold(RandomWord(random));
      std::vector<std::string> beginning, equal;
      for (int rank = 3; rank < v.size(); ++rank) {
        const int32_t id = v.id_at(rank);
        if (v.folded(id) == key) equal.push_back(v.token(id));
        if (absl::StartsWith(v.folded(id), key)) {
          beginning.push_back(v.token(id));
        }
      }
      EXPECT_EQ(TokensIn(v, v.PrefixRange(key)), beginning) << key;
      EXPECT_EQ(TokensIn(v, v.EqualRange(key)), equal) << key;
    }
  }
}

TEST(VocabularyTest, FindIsExact) {
  // The base of every other look-up.
  const Vocabulary v = MakeVocabulary({"the", "Paris"});
  EXPECT_THAT(v.Find("the"), Optional(3));
  EXPECT_THAT(v.Find("<eos>"), Optional(Vocabulary::kEndOfLine));
  EXPECT_EQ(v.Find("The"), std::nullopt);
  EXPECT_EQ(v.Find(""), std::nullopt);
}

TEST(VocabularyTest, FindIgnoringCasePrefersWhatIsWritten) {
  // "US" is not "us" where both are known; "PARIS" is Paris.
  const Vocabulary v = MakeVocabulary({"us", "US", "Paris", "Élan"});
  EXPECT_EQ(v.FindIgnoringCase("US"), 4);
  EXPECT_EQ(v.FindIgnoringCase("Us"), 3);
  EXPECT_EQ(v.FindIgnoringCase("PARIS"), 5);
  EXPECT_EQ(v.FindIgnoringCase("paris"), 5);
  EXPECT_EQ(v.FindIgnoringCase("éLAN"), 6);
  EXPECT_EQ(v.FindIgnoringCase("rome"), Vocabulary::kUnknown);
}

TEST(VocabularyTest, OnlyWordsMayBeOffered) {
  // A suggestion that is no word is noise; one with digits may be private.
  for (const char* word : {"the", "I", "a", "A", "O", "don't", "Mr.", "U.S",
                           "well-known", "NASA", "café", "我", "कि", "i.e."}) {
    EXPECT_TRUE(MakeVocabulary({word}).may_be_offered(3)) << word;
  }
  for (const char* token :
       {"x",       "é",        "B.",          "'",     ".",     "...",
        "--",      "'s",       "-a",          "rock-", "goin'", "a--b",
        "mp3",     "a_b",      "@x",          "👍",     "<br>",  "٣",
        "\u0301a", "a'\u0301", "example.com", "you.A"}) {
    EXPECT_FALSE(MakeVocabulary({token}).may_be_offered(3)) << token;
  }
  for (int32_t id = 0; id < 3; ++id) {
    EXPECT_FALSE(MakeVocabulary({}).may_be_offered(id));
  }
}

// In whatever case and with whatever accents; other words stay.
TEST(VocabularyTest, BlockedWordsAreNeverOffered) {
  Vocabulary vocabulary =
      MakeVocabulary({"rude", "Rude", "rud\u00e9", "ruder"});
  vocabulary.NeverOffer(std::vector<std::string>{"RUDE", "unheard-of"});
  for (int32_t id : {3, 4, 5}) EXPECT_FALSE(vocabulary.may_be_offered(id));
  EXPECT_TRUE(vocabulary.may_be_offered(6));
}

TEST(VocabularyTest, WrongTokensAreRefusedWithTheirLine) {
  // A damaged vocabulary.txt must not become a model.
  const auto refuses = [](std::vector<std::string> tokens,
                          const std::string& message) {
    EXPECT_THAT(
        Vocabulary::Create(std::move(tokens)),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  refuses({}, "found 0 tokens");
  refuses({"<unk>", "<eos>"}, "found 2 tokens");
  refuses({"<unk>", "<num>", "<eos>"},
          "line 2: expected <eos>, found \"<num>\"");
  refuses({"<unk>", "<eos>", "<num>", ""}, "line 4: expected a token");
  refuses({"<unk>", "<eos>", "<num>", "a", "b", "a"},
          "line 6: \"a\" is on line 4 already");
  refuses({"<unk>", "<eos>", "<num>", "a b"}, "line 4: white space");
  refuses({"<unk>", "<eos>", "<num>", "a\r"}, "line 4: white space");
  refuses({"<unk>", "<eos>", "<num>", "a\xC3"}, "line 4: expected valid UTF-8");
}

TEST(VocabularyTest, IsReadBackAsWritten) {
  // The file in a bundle is all that is left of the training run's words.
  const Vocabulary v = MakeVocabulary({"the", "Café", "."});
  const std::string path =
      JoinPath(testing::TempDir(), "vocabulary_read_back.txt");
  ASSERT_THAT(WriteFileAtomically(path, v.Serialise()), IsOk());
  const auto loaded = Vocabulary::Load(path);
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ(loaded->Serialise(), "<unk>\n<eos>\n<num>\nthe\nCafé\n.\n");
}

TEST(VocabularyTest, ErrorsOfAFileNameIt) {
  // The operator must know which of the bundle's files is meant.
  const std::string path =
      JoinPath(testing::TempDir(), "vocabulary_damaged.txt");
  EXPECT_THAT(Vocabulary::Load(path + ".none"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
  for (const char* content : {"", "\n", "the\n", "<unk>\n<eos>\n<num>\n\n"}) {
    ASSERT_THAT(WriteFileAtomically(path, content), IsOk());
    EXPECT_THAT(Vocabulary::Load(path),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(path), HasSubstr("vocabulary"))));
  }
}

}  // namespace
}  // namespace carousel
