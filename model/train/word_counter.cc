// SPDX-License-Identifier: Apache-2.0
#include "model/train/word_counter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/text/vocabulary.h"

namespace carousel {

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

}  // namespace carousel
