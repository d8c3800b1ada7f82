// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/output_tiles.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/layers/output_layer.h"

namespace carousel {
namespace {

using ::testing::ElementsAre;

// `words` words of two spellings each.
Vocabulary WithSpellings(int words, int first = 1000) {
  std::vector<std::string> tokens = {"<unk>", "<eos>", "<num>"};
  for (int i = first; i < first + words; ++i) {
    tokens.push_back("w" + std::to_string(i));
    tokens.push_back("W" + std::to_string(i));
  }
  return Vocabulary::Create(tokens).value();
}

TEST(OutputTilesTest, SmallVocabularyIsOneTile) {
  EXPECT_THAT(TileBegins(WithSpellings(10)), ElementsAre(0));
}

// Three special tokens come first, so full tiles would cut pairs.
TEST(OutputTilesTest, NoTileCutsTheSpellingsOfAWord) {
  const Vocabulary vocabulary = WithSpellings(500);
  const std::vector<int32_t> begins = TileBegins(vocabulary);
  EXPECT_THAT(begins, ElementsAre(0, 255, 511, 767));
  for (int32_t begin : begins) {
    EXPECT_EQ(vocabulary.SameFolded(begin).begin, begin);
  }
}

// Rather a word that is cut than a tile without end.
TEST(OutputTilesTest, MoreThanATileOfOneFoldedFormIsCut) {
  std::vector<std::string> tokens = {"<unk>", "<eos>", "<num>"};
  for (int i = 0; i < 512; ++i) {
    std::string word;
    for (int bit = 0; bit < 9; ++bit) {
      word.push_back(static_cast<char>(i >> bit & 1 ? 'A' : 'a'));
    }
    tokens.push_back(word);
  }
  const Vocabulary vocabulary = Vocabulary::Create(tokens).value();
  EXPECT_EQ(vocabulary.most_alike(), 512);
  EXPECT_THAT(TileBegins(vocabulary), ElementsAre(0, 3, 259));
}

}  // namespace
}  // namespace carousel
