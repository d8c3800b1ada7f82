// SPDX-License-Identifier: Apache-2.0
#include "model/train/diagnose/translation_pairs.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "model/base/files.h"
#include "model/base/random.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

constexpr int32_t kFirstWord = 2;  // after the marks

constexpr int kToyWords = 40;
constexpr int kToyAdjectives = 10;
constexpr int kToyShortest = 8;
constexpr int kToyLongest = 16;
constexpr int kToyTraining = 20000;
constexpr int kToyDev = 512;

constexpr int kLongestSide = 20;
constexpr int kKnownWords = 1000;
constexpr int kDevShare = 10;
constexpr size_t kMostDev = 1000;
constexpr size_t kFewestTraining = 100;

// A fixed bijection without order: 7 and 40 have no common factor.
int32_t ToyTranslation(int word) {
  return kFirstWord + (7 * word + 3) % kToyWords;
}

TranslationPair MakeToyPair(Random* random) {
  const auto length =
      kToyShortest +
      static_cast<int>(random->Below(uint64_t{kToyLongest - kToyShortest + 1}));
  TranslationPair pair;
  for (int i = 0; i < length; ++i) {
    const auto word = static_cast<int>(random->Below(uint64_t{kToyWords}));
    pair.source.push_back(kFirstWord + word);
    pair.target.push_back(ToyTranslation(word));
  }
  for (size_t i = 0; i + 1 < pair.source.size(); ++i) {
    if (pair.source[i] >= kFirstWord + kToyAdjectives) continue;
    std::swap(pair.target[i], pair.target[i + 1]);
    ++i;
  }
  return pair;
}

using WordPair = std::pair<std::vector<std::string>, std::vector<std::string>>;

absl::StatusOr<std::vector<WordPair>> ReadWordPairs(const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<LineReader> lines,
                   LineReader::Open(path));
  std::vector<WordPair> pairs;
  std::string line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, lines->Next(&line));
    if (!more) return pairs;
    const std::vector<absl::string_view> sides = absl::StrSplit(line, '\t');
    if (sides.size() != 2) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ":", lines->line_number(),
          ": expected source<TAB>target, found ", sides.size() - 1, " tabs"));
    }
    WordPair pair;
    pair.first = absl::StrSplit(sides[0], ' ', absl::SkipEmpty());
    pair.second = absl::StrSplit(sides[1], ' ', absl::SkipEmpty());
    const size_t longest = std::max(pair.first.size(), pair.second.size());
    const size_t shortest = std::min(pair.first.size(), pair.second.size());
    if (shortest > 0 && longest <= kLongestSide) {
      pairs.push_back(std::move(pair));
    }
  }
}

using WordIds = std::map<std::string, int32_t>;

// The most frequent words; of equally frequent ones the first in the alphabet.
template <typename Side>
WordIds MostFrequent(const std::vector<WordPair>& pairs, Side side) {
  std::map<std::string, int64_t> counts;
  for (const WordPair& pair : pairs) {
    for (const std::string& word : pair.*side) ++counts[word];
  }
  std::vector<std::pair<int64_t, std::string>> order;
  for (const auto& [word, count] : counts) order.push_back({-count, word});
  std::sort(order.begin(), order.end());
  order.resize(std::min<size_t>(order.size(), kKnownWords));
  WordIds ids;
  for (const auto& [count, word] : order) {
    ids[word] = kFirstWord + static_cast<int32_t>(ids.size());
  }
  return ids;
}

std::vector<int32_t> ToIds(const std::vector<std::string>& words,
                           const WordIds& ids) {
  std::vector<int32_t> result;
  for (const std::string& word : words) {
    const auto found = ids.find(word);
    result.push_back(found == ids.end() ? kUnknownWord : found->second);
  }
  return result;
}

}  // namespace

TranslationPairs MakeTranslationPairs(uint64_t seed) {
  TranslationPairs pairs = {.source_vocabulary = kFirstWord + kToyWords,
                            .target_vocabulary = kFirstWord + kToyWords,
                            .longest_source = kToyLongest,
                            .longest_target = kToyLongest};
  Random random(seed);
  for (int i = 0; i < kToyDev; ++i) pairs.dev.push_back(MakeToyPair(&random));
  for (int i = 0; i < kToyTraining; ++i) {
    pairs.training.push_back(MakeToyPair(&random));
  }
  return pairs;
}

absl::StatusOr<TranslationPairs> ReadTranslationPairs(const std::string& path) {
  ASSIGN_OR_RETURN(const std::vector<WordPair> words, ReadWordPairs(path));
  const WordIds source_ids = MostFrequent(words, &WordPair::first);
  const WordIds target_ids = MostFrequent(words, &WordPair::second);
  TranslationPairs pairs = {
      .source_vocabulary = kFirstWord + static_cast<int>(source_ids.size()),
      .target_vocabulary = kFirstWord + static_cast<int>(target_ids.size()),
      .longest_source = kLongestSide,
      .longest_target = kLongestSide};
  for (size_t i = 0; i < words.size(); ++i) {
    const bool dev = i % kDevShare == 0 && pairs.dev.size() < kMostDev;
    (dev ? pairs.dev : pairs.training)
        .push_back({ToIds(words[i].first, source_ids),
                    ToIds(words[i].second, target_ids)});
  }
  if (pairs.training.size() < kFewestTraining) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": only ", words.size(), " pairs of at most ",
                     kLongestSide, " words a side"));
  }
  return pairs;
}

TranslationBatch MakeTranslationBatch(
    const TranslationPairs& pairs,
    absl::Span<const TranslationPair* const> rows) {
  const size_t n = rows.size();
  const auto source_steps = static_cast<size_t>(pairs.longest_source + 1);
  const auto target_steps = static_cast<size_t>(pairs.longest_target + 1);
  TranslationBatch batch = {
      .source = std::vector<int32_t>(source_steps * n, kEndOfText),
      .resets = std::vector<uint8_t>(source_steps * n),
      .target_in = std::vector<int32_t>(target_steps * n, kEndOfText),
      .targets = std::vector<int32_t>(target_steps * n, -1)};
  for (size_t row = 0; row < n; ++row) {
    const TranslationPair& pair = *rows[row];
    const size_t first = source_steps - pair.source.size() - 1;
    batch.resets[first * n + row] = 1;
    for (size_t i = 0; i < pair.source.size(); ++i) {
      batch.source[(first + i) * n + row] = pair.source[i];
    }
    for (size_t i = 0; i < pair.target.size(); ++i) {
      batch.target_in[(i + 1) * n + row] = pair.target[i];
      batch.targets[i * n + row] = pair.target[i];
    }
    batch.targets[pair.target.size() * n + row] = kEndOfText;
    batch.target_count += static_cast<int64_t>(pair.target.size()) + 1;
  }
  return batch;
}

}  // namespace carousel
