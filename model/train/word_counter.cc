// SPDX-License-Identifier: Apache-2.0
#include "model/train/word_counter.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

constexpr size_t kFewestWords = 2;

}  // namespace

void WordCounter::Add(absl::string_view word, int64_t times) {
  counts_[word] += times;
  if (counts_.size() > max_distinct_) ForgetRarest();
}

// Makes room for more than one word, or every new word would go through all.
void WordCounter::ForgetRarest() {
  for (int64_t rare = 1; counts_.size() > max_distinct_ / 8 * 7; rare *= 2) {
    absl::erase_if(counts_,
                   [&](const auto& entry) { return entry.second <= rare; });
  }
}

std::vector<std::string> WordCounter::MostFrequent(
    int size, int64_t minimum_count) const {
  const auto special = Vocabulary::SpecialTokens();
  std::vector<std::pair<int64_t, absl::string_view>> words;
  for (const auto& [word, count] : counts_) {
    const bool is_special =
        std::find(special.begin(), special.end(), word) != special.end();
    if (count >= minimum_count && !is_special) words.push_back({-count, word});
  }
  std::sort(words.begin(), words.end());

  std::vector<std::string> tokens(special.begin(), special.end());
  const size_t room = static_cast<size_t>(size) - tokens.size();
  words.resize(std::min(words.size(), room));
  for (const auto& [count, word] : words) tokens.emplace_back(word);
  return tokens;
}

absl::StatusOr<Vocabulary> ChooseWords(const WordCounter& counter, int size,
                                       int minimum_count,
                                       absl::string_view kind) {
  std::vector<std::string> tokens = counter.MostFrequent(size, minimum_count);
  const size_t words = tokens.size() - Vocabulary::SpecialTokens().size();
  if (words < kFewestWords) {
    return absl::InvalidArgumentError(
        absl::StrCat("data.train: too little text: expected at least ",
                     kFewestWords, " different ", kind, " that occur ",
                     minimum_count, " times or more, found ", words));
  }
  return Vocabulary::Create(std::move(tokens));
}

absl::StatusOr<Vocabulary> ChooseWordsAsAsked(const WordCounter& counter,
                                              int size, int minimum_count,
                                              absl::string_view files) {
  ASSIGN_OR_RETURN(
      Vocabulary vocabulary,
      ChooseWords(counter, size > 0 ? size : kLargestDefaultVocabulary,
                  minimum_count));
  if (vocabulary.size() >= size) return vocabulary;
  return absl::InvalidArgumentError(
      absl::StrCat("setting text.vocabulary_size: ", size, " is more than the ",
                   vocabulary.size(), " tokens that data.train (", files,
                   ") has with text.minimum_count ", minimum_count,
                   "; 0 takes those that there are"));
}

}  // namespace carousel
