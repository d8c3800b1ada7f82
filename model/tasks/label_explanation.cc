// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/label_explanation.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/buckets.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/tasks/classification.h"

namespace carousel {
namespace {

// Readings of one product, at most, and their steps together, so that a step
// of a long text does not keep others waiting (but for one reading).
constexpr size_t kMostRows = 16;
constexpr size_t kMostCells = 512;

size_t StepsOf(size_t tokens) {
  return static_cast<size_t>(StepsBucket(static_cast<int>(tokens)));
}

size_t Best(const std::vector<float>& log_probabilities) {
  return static_cast<size_t>(
      std::max_element(log_probabilities.begin(), log_probabilities.end()) -
      log_probabilities.begin());
}

// ln(p / (1 - p)) of a label. Of two or more, 1 - p is what the others have
// together: near p = 1 that is exact, 1 - p is not.
double LogOdds(const std::vector<float>& log_probabilities, size_t label) {
  double others = 0;
  for (size_t k = 0; k < log_probabilities.size(); ++k) {
    if (k == label) continue;
    others += std::exp(static_cast<double>(log_probabilities[k]));
  }
  constexpr double kLeast = 1e-300;  // all others are so improbable
  return static_cast<double>(log_probabilities[label]) -
         std::log(std::max(others, kLeast));
}

}  // namespace

absl::StatusOr<LabelExplainer> LabelExplainer::Start(
    const Classifier& network, const Tokenizer& tokenizer, int longest,
    absl::string_view text, const LabelExplanationOptions& options) {
  CAROUSEL_CHECK(options.any());
  LabelExplainer explainer(network, options);
  ASSIGN_OR_RETURN(explainer.text_, EncodeWholeText(tokenizer, longest, text));
  ASSIGN_OR_RETURN(explainer.words_,
                   WordsOfWholeText(tokenizer, longest, text));
  const size_t tokens = explainer.text_.tokens.size() - 1;
  if (network.sizes().rnn.bidirectional &&
      tokens > LabelExplanationOptions::kMostTokens) {
    return absl::InvalidArgumentError(absl::StrCat(
        "text has ", tokens, " tokens that the model reads; of one that reads ",
        "in both directions contributions and running scores can be asked ",
        "for at most ", LabelExplanationOptions::kMostTokens));
  }
  explainer.ListReadings();
  return explainer;
}

// From short to long, so that those read side by side are about as long.
void LabelExplainer::ListReadings() {
  up_to_.resize(words_.size());
  without_.resize(words_.size());
  if (!network_->sizes().rnn.bidirectional) {
    readings_.push_back({.kind = Kind::kBeginnings});
    return;
  }
  const std::vector<int32_t>& all = text_.tokens;
  const int32_t end = all.back();
  if (options_.contributions) {
    readings_.push_back({.kind = Kind::kNothing, .tokens = {end}});
  }
  for (size_t i = 0; options_.running && i < words_.size(); ++i) {
    const size_t count = words_[i].first + words_[i].count;
    Reading reading = {.kind = Kind::kUpTo, .word = i};
    reading.tokens.assign(all.begin(),
                          all.begin() + static_cast<ptrdiff_t>(count));
    reading.tokens.push_back(end);
    readings_.push_back(std::move(reading));
  }
  for (size_t i = 0; options_.contributions && i < words_.size(); ++i) {
    Reading reading = {.kind = Kind::kWithout, .word = i, .tokens = all};
    const auto first =
        reading.tokens.begin() + static_cast<ptrdiff_t>(words_[i].first);
    reading.tokens.erase(first,
                         first + static_cast<ptrdiff_t>(words_[i].count));
    readings_.push_back(std::move(reading));
  }
  readings_.push_back({.kind = Kind::kWhole, .tokens = all});
}

// Those behind are as long or longer, but for the occluded ones, which are all
// about as long as the text.
size_t LabelExplainer::NextCount() const {
  const size_t most = std::min(kMostRows, readings_.size() - done_);
  size_t count = 1;
  while (count < most &&
         (count + 1) * StepsOf(readings_[done_ + count].tokens.size()) <=
             kMostCells) {
    ++count;
  }
  return count;
}

int LabelExplainer::next_cells() const {
  if (readings_.front().kind == Kind::kBeginnings) {
    return static_cast<int>(text_.tokens.size());
  }
  const size_t count = NextCount();
  return static_cast<int>(count *
                          StepsOf(readings_[done_ + count - 1].tokens.size()));
}

int64_t LabelExplainer::cells_left() const {
  if (readings_.front().kind == Kind::kBeginnings) return next_cells();
  size_t cells = 0;
  for (size_t i = done_; i < readings_.size(); ++i) {
    cells += StepsOf(readings_[i].tokens.size());
  }
  return static_cast<int64_t>(cells);
}

absl::Status LabelExplainer::Step(absl::FunctionRef<absl::Status()> look,
                                  Classifier::Workspace* workspace) {
  if (readings_.front().kind == Kind::kBeginnings) {
    return ReadBeginnings(look, workspace);
  }
  const size_t count = NextCount();
  std::vector<absl::Span<const int32_t>> texts;
  for (size_t i = 0; i < count; ++i) {
    texts.push_back(readings_[done_ + i].tokens);
    tokens_read_ += static_cast<int64_t>(texts.back().size());
  }
  ASSIGN_OR_RETURN(const std::vector<std::vector<float>> log_probabilities,
                   LabelLogProbabilities(*network_, texts, look, workspace));
  for (size_t i = 0; i < count; ++i) {
    Note(readings_[done_ + i], log_probabilities[i]);
  }
  done_ += count;
  return absl::OkStatus();
}

void LabelExplainer::Note(const Reading& reading,
                          const std::vector<float>& log_probabilities) {
  switch (reading.kind) {
    case Kind::kNothing:
      nothing_ = log_probabilities;
      break;
    case Kind::kWhole:
      whole_ = log_probabilities;
      break;
    case Kind::kUpTo:
      up_to_[reading.word] = log_probabilities;
      break;
    case Kind::kWithout:
      without_[reading.word] = log_probabilities;
      break;
    case Kind::kBeginnings:
      CAROUSEL_CHECK(false);
  }
}

absl::Status LabelExplainer::ReadBeginnings(
    absl::FunctionRef<absl::Status()> look, Classifier::Workspace* workspace) {
  const auto labels = static_cast<size_t>(network_->sizes().labels);
  std::vector<float> values((text_.tokens.size() + 1) * labels);
  tokens_read_ += static_cast<int64_t>(text_.tokens.size());
  RETURN_IF_ERROR(network_->BeginningLogProbabilities(
      text_.tokens, absl::MakeSpan(values), look, workspace));
  const auto after = [&](size_t tokens) {
    const auto first = values.begin() + static_cast<ptrdiff_t>(tokens * labels);
    return std::vector<float>(first, first + static_cast<ptrdiff_t>(labels));
  };
  nothing_ = after(0);
  whole_ = after(text_.tokens.size());
  for (size_t i = 0; i < words_.size(); ++i) {
    up_to_[i] = after(words_[i].first + words_[i].count);
  }
  ++done_;
  return absl::OkStatus();
}

LabelExplanation LabelExplainer::Take() {
  CAROUSEL_CHECK(finished());
  LabelExplanation result = {.log_probabilities = whole_, .cut = text_.cut};
  const size_t label = Best(whole_);
  const bool beginnings = readings_.front().kind == Kind::kBeginnings;
  const double of_all = LogOdds(whole_, label);
  double sum = 0;
  double before = options_.contributions ? LogOdds(nothing_, label) : 0;
  if (options_.contributions) {
    result.log_odds = of_all;
    result.baseline = before;
  }
  for (size_t i = 0; i < words_.size(); ++i) {
    LabelExplanation::Word word = {.place = words_[i].place};
    if (options_.contributions && beginnings) {
      const double now = LogOdds(up_to_[i], label);
      word.contribution = now - std::exchange(before, now);
    } else if (options_.contributions) {
      word.contribution = of_all - LogOdds(without_[i], label);
    }
    sum += word.contribution;
    if (options_.running) {
      for (float value : up_to_[i]) {
        word.probabilities.push_back(std::exp(value));
      }
    }
    result.words.push_back(std::move(word));
  }
  if (options_.contributions) {
    result.remainder = result.log_odds - result.baseline - sum;
  }
  return result;
}

}  // namespace carousel
