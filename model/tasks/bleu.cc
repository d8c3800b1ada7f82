// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/bleu.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "model/base/status_macros.h"
#include "model/text/normalise.h"
#include "model/text/white_space.h"

namespace carousel {
namespace {

using NgramCounts = absl::flat_hash_map<std::string, int64_t>;

// Marks that stand alone wherever they are.
constexpr absl::string_view kMarks = "!\"#$%&()*+/:;<=>?@[\\]^_`{|}~";

bool IsFullStopOrComma(char c) { return c == '.' || c == ','; }

std::string SetMarksApart(absl::string_view text) {
  std::string result;
  for (const char c : text) {
    if (kMarks.find(c) == kMarks.npos) {
      result += c;
    } else {
      absl::StrAppend(&result, " ", absl::string_view(&c, 1), " ");
    }
  }
  return result;
}

// Rewrites each pair of characters (a, b) with match(a, b), from left to right;
// no character belongs to two pairs. Bytes will do for characters: only ASCII
// is looked for, and no byte of another character is ASCII.
template <typename Match>
std::string RewritePairs(absl::string_view text, absl::string_view before,
                         absl::string_view between, absl::string_view after,
                         Match match) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    if (i + 1 < text.size() && match(text[i], text[i + 1])) {
      absl::StrAppend(&result, before, text.substr(i, 1), between,
                      text.substr(i + 1, 1), after);
      i += 2;
    } else {
      result += text[i++];
    }
  }
  return result;
}

// The closest to `length`, the shorter of two that are equally close.
int64_t ClosestLength(int64_t length, const std::vector<int64_t>& lengths) {
  return *std::min_element(lengths.begin(), lengths.end(),
                           [length](int64_t a, int64_t b) {
                             const int64_t from_a = std::abs(a - length);
                             const int64_t from_b = std::abs(b - length);
                             return from_a != from_b ? from_a < from_b : a < b;
                           });
}

NgramCounts CountNgrams(absl::Span<const std::string> tokens, size_t order) {
  NgramCounts counts;
  for (size_t i = 0; i + order <= tokens.size(); ++i) {
    std::string ngram = tokens[i];
    // A token holds no space.
    for (size_t k = 1; k < order; ++k) {
      absl::StrAppend(&ngram, " ", tokens[i + k]);
    }
    ++counts[ngram];
  }
  return counts;
}

// How many of `found` are in one of `references` as often.
int64_t CountMatches(const NgramCounts& found, size_t order,
                     const std::vector<std::vector<std::string>>& references) {
  NgramCounts allowed;  // the most of any reference
  for (const auto& reference : references) {
    for (const auto& [ngram, count] : CountNgrams(reference, order)) {
      int64_t& most = allowed[ngram];
      most = std::max(most, count);
    }
  }
  int64_t matches = 0;
  for (const auto& [ngram, count] : found) {
    const auto other = allowed.find(ngram);
    if (other != allowed.end()) matches += std::min(count, other->second);
  }
  return matches;
}

}  // namespace

std::vector<std::string> TokeniseForBleu(absl::string_view text) {
  std::string line = absl::StrReplaceAll(text, {{"<skipped>", ""}});
  line = absl::StrReplaceAll(line, {{"&quot;", "\""}});
  line = absl::StrReplaceAll(line, {{"&amp;", "&"}});
  line = absl::StrReplaceAll(line, {{"&lt;", "<"}});
  line = absl::StrReplaceAll(line, {{"&gt;", ">"}});
  // The spaces around it let the rules see a character beside each.
  line = SetMarksApart(absl::StrCat(" ", line, " "));
  // Full stops and commas stand alone unless between two digits; hyphens do
  // behind a digit.
  line = RewritePairs(line, "", " ", " ", [](char a, char b) {
    return !absl::ascii_isdigit(a) && IsFullStopOrComma(b);
  });
  line = RewritePairs(line, " ", " ", "", [](char a, char b) {
    return IsFullStopOrComma(a) && !absl::ascii_isdigit(b);
  });
  line = RewritePairs(line, "", " ", " ", [](char a, char b) {
    return absl::ascii_isdigit(a) && b == '-';
  });
  return SplitAtWhiteSpace(line);
}

absl::Status CorpusBleu::Add(absl::string_view hypothesis,
                             absl::Span<const std::string> references) {
  const auto tokenise = [this](absl::string_view text) {
    return TokeniseForBleu(lowercase_ ? ToLower(text) : std::string(text));
  };
  RETURN_IF_ERROR(ValidateUtf8(hypothesis));
  std::vector<std::vector<std::string>> wanted;
  std::vector<int64_t> lengths;
  for (const std::string& reference : references) {
    if (reference.empty()) continue;
    RETURN_IF_ERROR(ValidateUtf8(reference));
    wanted.push_back(tokenise(reference));
    lengths.push_back(static_cast<int64_t>(wanted.back().size()));
  }
  if (wanted.empty()) {
    return absl::InvalidArgumentError("expected a reference, found none");
  }
  const std::vector<std::string> tokens = tokenise(hypothesis);
  const int64_t length = static_cast<int64_t>(tokens.size());
  hypothesis_length_ += length;
  reference_length_ += ClosestLength(length, lengths);
  for (size_t i = 0; i < BleuScore::kOrders; ++i) {
    const NgramCounts found = CountNgrams(tokens, i + 1);
    totals_[i] += std::max<int64_t>(0, length - static_cast<int64_t>(i));
    matches_[i] += CountMatches(found, i + 1, wanted);
  }
  return absl::OkStatus();
}

//   BLEU = BP * (p_1 p_2 p_3 p_4)^(1/4), BP = min(1, e^(1 - r/c))
// The k-th p_n without a match is 1 / (2^k total): a corpus with no 4-gram
// right is not worth nothing (method 3 of Chen and Cherry 2014).
BleuScore CorpusBleu::Score() const {
  BleuScore score;
  score.hypothesis_length = hypothesis_length_;
  score.reference_length = reference_length_;
  if (hypothesis_length_ > 0) {
    score.brevity_penalty = std::exp(
        std::min(0.0, 1 - static_cast<double>(reference_length_) /
                              static_cast<double>(hypothesis_length_)));
  }
  // No unigram right, or no sentence long enough for a 4-gram: nothing.
  if (matches_.front() == 0) return score;
  double smoothing = 1;
  double log_sum = 0;
  for (size_t i = 0; i < BleuScore::kOrders; ++i) {
    if (totals_[i] == 0) return score;
    double matches = static_cast<double>(matches_[i]);
    if (matches_[i] == 0) matches = 1 / (smoothing *= 2);
    score.precisions[i] = 100 * matches / static_cast<double>(totals_[i]);
    log_sum += std::log(score.precisions[i]);
  }
  score.score = score.brevity_penalty *
                std::exp(log_sum / static_cast<double>(BleuScore::kOrders));
  return score;
}

}  // namespace carousel
