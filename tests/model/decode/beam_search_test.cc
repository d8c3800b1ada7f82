// SPDX-License-Identifier: Apache-2.0

#include "model/decode/beam_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

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

// Token 0 ends; what comes next depends on the whole sequence so far, by a hash
// of it: no search can be right by luck. `state`: the source, the tokens fed.
std::vector<float> LogitsAfter(absl::Span<const int32_t> state,
                               int vocabulary) {
  uint64_t hash = 1;
  for (const int32_t token : state) hash = hash * 1000003 + token + 7;
  Random random(hash, 0);
  std::vector<float> logits;
  for (int i = 0; i < vocabulary; ++i) logits.push_back(random.Uniform(0, 4));
  return logits;
}

// A search on its way, with the states of its rows.
class HashedSearch {
 public:
  HashedSearch(int source, const BeamOptions& options)
      : vocabulary_(options.vocabulary),
        search_(options),
        states_({{source}}) {}

  void Step() {
    std::vector<std::vector<int32_t>> next;
    std::vector<float> logits;
    for (size_t i = 0; i < search_.tokens().size(); ++i) {
      next.push_back(states_[search_.parents()[i]]);
      next.back().push_back(search_.tokens()[i]);
      for (float x : LogitsAfter(next.back(), vocabulary_)) logits.push_back(x);
    }
    states_ = std::move(next);
    fed_.push_back(states_);
    ASSERT_THAT(search_.Answer(logits, {}), IsOk());
  }

  const BeamSearch& search() const { return search_; }

  // Of each step, what its rows had been fed in the end.
  const std::vector<std::vector<std::vector<int32_t>>>& fed() const {
    return fed_;
  }

 private:
  const int vocabulary_;
  BeamSearch search_;
  std::vector<std::vector<int32_t>> states_;
  std::vector<std::vector<std::vector<int32_t>>> fed_;
};

std::vector<Hypothesis> Search(int source, const BeamOptions& options) {
  HashedSearch search(source, options);
  while (!search.search().done()) search.Step();
  return search.search().Best();
}

std::vector<double> LogSoftmax(const std::vector<float>& logits) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit});
  std::vector<double> result;
  for (const float logit : logits) result.push_back(logit - std::log(sum));
  return result;
}

// Every sequence up to `max_length` that ends, by brute force.
void AllSequences(std::vector<int32_t> state, double log_probability,
                  const BeamOptions& options, std::vector<Hypothesis>* all) {
  const auto next = LogSoftmax(LogitsAfter(state, options.vocabulary));
  const std::vector<int32_t> tokens(state.begin() + 2, state.end());
  const double ended = log_probability + next[options.end];
  const double length = static_cast<double>(tokens.size()) + 1;
  all->push_back({tokens, ended,
                  ended / std::pow((5 + length) / 6, options.length_penalty),
                  true});
  if (static_cast<int>(tokens.size()) >= options.max_length) return;
  for (int32_t token = 0; token < options.vocabulary; ++token) {
    if (token == options.end) continue;
    state.push_back(token);
    AllSequences(state, log_probability + next[token], options, all);
    state.pop_back();
  }
}

BeamOptions Options(int vocabulary) {
  return {.vocabulary = vocabulary, .start = 0, .end = 0};
}

// Token 0 ends. Row by row the same logits, whatever was fed.
std::vector<float> Logs(std::initializer_list<double> probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) {
    logits.push_back(static_cast<float>(std::log(p)));
  }
  return logits;
}

// A beam that drops nothing is exhaustive search.
TEST(BeamSearchTest, WideBeamFindsWhatExhaustiveSearchFinds) {
  for (int source = 0; source < 20; ++source) {
    BeamOptions options = Options(4);
    options.max_length = 3;
    options.beam_size = 1000;
    options.n_best = 5;
    options.length_penalty = source % 2 == 0 ? 0 : 1;
    const std::vector<Hypothesis> found = Search(source, options);
    std::vector<Hypothesis> all;
    AllSequences({source, options.start}, 0, options, &all);
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return a.score > b.score; });
    ASSERT_THAT(found, SizeIs(5));
    for (size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(found[i].tokens, all[i].tokens) << source;
      EXPECT_NEAR(found[i].score, all[i].score, 1e-5);
      EXPECT_TRUE(found[i].ended);
    }
  }
}

// Greedy search is the beam of one, with no code of its own.
TEST(BeamSearchTest, BeamOfOneIsGreedy) {
  for (int source = 0; source < 20; ++source) {
    BeamOptions options = Options(6);
    options.beam_size = 1;
    options.max_length = 12;
    const std::vector<Hypothesis> found = Search(source, options);
    std::vector<int32_t> state = {source, 0};
    while (static_cast<int>(state.size()) < 2 + options.max_length) {
      const auto logits = LogitsAfter(state, 6);
      const auto best = std::max_element(logits.begin(), logits.end());
      if (best == logits.begin()) break;
      state.push_back(static_cast<int32_t>(best - logits.begin()));
    }
    EXPECT_EQ(found[0].tokens,
              std::vector<int32_t>(state.begin() + 2, state.end()));
  }
}

// Attention is looked up by it: the row that chose a token had been fed what
// stands before it.
TEST(BeamSearchTest, TokensKnowTheRowsThatTheyWereChosenBy) {
  for (int source = 0; source < 20; ++source) {
    BeamOptions options = Options(6);
    options.n_best = 4;
    options.max_length = 9;
    HashedSearch search(source, options);
    while (!search.search().done()) search.Step();
    for (const Hypothesis& found : search.search().Best()) {
      ASSERT_EQ(found.rows.size(), found.tokens.size());
      std::vector<int32_t> before = {source, options.start};
      for (size_t t = 0; t < found.tokens.size(); ++t) {
        EXPECT_EQ(search.fed()[t][found.rows[t]], before);
        before.push_back(found.tokens[t]);
      }
    }
  }
}

// Who shows a translation as it is made never takes a word back.
TEST(BeamSearchTest, WhatIsCertainIsTheBeginningOfTheBest) {
  size_t early = 0;  // tokens that were certain before the end
  for (int source = 0; source < 50; ++source) {
    BeamOptions options = Options(6);
    options.beam_size = 1 + source % 4;
    options.max_length = 12;
    HashedSearch search(source, options);
    std::vector<Hypothesis> told;
    while (!search.search().done()) {
      told.push_back(search.search().Certain());
      search.Step();
    }
    const Hypothesis best = search.search().Best().front();
    EXPECT_EQ(search.search().Certain().tokens, best.tokens);
    size_t length = 0;
    for (const Hypothesis& certain : told) {
      ASSERT_GE(certain.tokens.size(), length) << "taken back";
      length = certain.tokens.size();
      ASSERT_LE(length, best.tokens.size());
      EXPECT_TRUE(std::equal(certain.tokens.begin(), certain.tokens.end(),
                             best.tokens.begin()));
      EXPECT_TRUE(std::equal(certain.rows.begin(), certain.rows.end(),
                             best.rows.begin()));
    }
    early += length;
  }
  EXPECT_GT(early, 50u);
}

// The sum of logarithms falls with every token, so that without alpha short
// sequences win.
TEST(BeamSearchTest, LengthPenaltyLetsLongerSequencesWin) {
  for (const double alpha : {0.0, 1.0}) {
    BeamOptions options = Options(2);
    options.beam_size = 2;
    options.length_penalty = alpha;
    BeamSearch search(options);
    ASSERT_THAT(search.Answer(Logs({0.4, 0.6}), {}), IsOk());
    ASSERT_THAT(search.tokens(), ElementsAre(1));
    ASSERT_THAT(search.Answer(Logs({0.62, 0.38}), {}), IsOk());
    const Hypothesis best = search.Best().front();
    // log(0.4) / 1 = -0.92; log(0.6 * 0.62) = -0.99, / (7/6) = -0.85.
    EXPECT_THAT(best.tokens, SizeIs(alpha == 0 ? 0 : 1));
    EXPECT_NEAR(best.log_probability, alpha == 0 ? -0.9163 : -0.9889, 1e-4);
    EXPECT_NEAR(best.score, alpha == 0 ? -0.9163 : -0.8476, 1e-4);
  }
}

// A translation that leaves out half of its source is a bad one.
TEST(BeamSearchTest, CoveragePenaltyPunishesWhatWasNotLookedAt) {
  for (const double beta : {0.0, 1.0}) {
    BeamOptions options = Options(3);
    options.beam_size = 2;
    options.length_penalty = 0;
    options.coverage_penalty = beta;
    BeamSearch search(options);
    // The third position is pad.
    ASSERT_THAT(search.Answer(Logs({0.02, 0.5, 0.48}), {{0.5f, 0.5f, -1}}),
                IsOk());
    ASSERT_THAT(search.tokens(), ElementsAre(1, 2));
    const auto logits = Logs({0.9, 0.05, 0.05, 0.9, 0.05, 0.05});
    ASSERT_THAT(search.Answer(logits, {{0.5f, 0, -1, 0.5f, 0.5f, -1}}), IsOk());
    ASSERT_TRUE(search.done());
    EXPECT_THAT(search.Best().front().tokens, ElementsAre(beta == 0 ? 1 : 2));
    // Row 2 has looked at everything: no penalty.
    EXPECT_NEAR(search.Best().front().score,
                std::log(0.9) + std::log(beta == 0 ? 0.5 : 0.48), 1e-5);
  }
}

// Otherwise a decoder that never ends would never answer.
TEST(BeamSearchTest, MaxLengthCutsOff) {
  BeamOptions options = Options(3);
  options.beam_size = 1;
  options.max_length = 3;
  BeamSearch search(options);
  for (int i = 0; i < 4; ++i) {
    ASSERT_FALSE(search.done());
    ASSERT_THAT(search.Answer(Logs({0.1, 0.2, 0.7}), {}), IsOk());
  }
  EXPECT_TRUE(search.done());
  EXPECT_THAT(search.Best().front().tokens, ElementsAre(2, 2, 2));
  EXPECT_FALSE(search.Best().front().ended);
}

// The limit is on the tokens: their end is not one of them.
TEST(BeamSearchTest, SequenceOfMaxLengthMayEnd) {
  BeamOptions options = Options(3);
  options.beam_size = 2;
  options.n_best = 2;
  options.max_length = 1;
  BeamSearch search(options);
  ASSERT_THAT(search.Answer(Logs({0.1, 0.3, 0.6}), {}), IsOk());
  ASSERT_THAT(search.tokens(), ElementsAre(2, 1));
  ASSERT_THAT(search.Answer(Logs({0.8, 0.1, 0.1, 0.2, 0.1, 0.7}), {}), IsOk());
  ASSERT_TRUE(search.done());
  const std::vector<Hypothesis> best = search.Best();
  ASSERT_THAT(best, SizeIs(2));
  EXPECT_THAT(best[0].tokens, ElementsAre(2));
  EXPECT_TRUE(best[0].ended);
  EXPECT_NEAR(best[0].log_probability, std::log(0.6 * 0.8), 1e-5);
  EXPECT_THAT(best[1].tokens, ElementsAre(1));
  EXPECT_FALSE(best[1].ended);
  EXPECT_NEAR(best[1].log_probability, std::log(0.3), 1e-5);
}

// What ended is a whole sentence, whatever it scores.
TEST(BeamSearchTest, EndedSequencesComeFirst) {
  BeamOptions options = Options(3);
  options.beam_size = 2;
  options.n_best = 2;
  options.max_length = 1;
  BeamSearch search(options);
  ASSERT_THAT(search.Answer(Logs({0.2, 0.1, 0.7}), {}), IsOk());
  ASSERT_THAT(search.Answer(Logs({0.1, 0.8, 0.1, 0.1, 0.8, 0.1}), {}), IsOk());
  ASSERT_THAT(search.Best(), SizeIs(2));
  EXPECT_TRUE(search.Best()[0].ended);
  EXPECT_THAT(search.Best()[0].tokens, IsEmpty());
  EXPECT_THAT(search.Best()[1].tokens, ElementsAre(2));
}

// A person should not be shown <unk>.
TEST(BeamSearchTest, ForbiddenTokensAreNeverChosen) {
  BeamOptions options = Options(4);
  options.never = {2};
  options.max_length = 2;
  BeamSearch search(options);
  ASSERT_THAT(search.Answer(Logs({0.05, 0.05, 0.8, 0.1}), {}), IsOk());
  EXPECT_THAT(search.tokens(), ElementsAre(3, 1));
}

// A deadline: what there is so far is better than nothing.
TEST(BeamSearchTest, StoppedSearchHasTheBestSoFar) {
  HashedSearch search(0, Options(50));
  EXPECT_THAT(search.search().Best(), SizeIs(1));
  EXPECT_THAT(search.search().Best().front().tokens, IsEmpty());
  for (int i = 0; i < 3; ++i) search.Step();
  ASSERT_FALSE(search.search().done());
  EXPECT_THAT(search.search().Best(), SizeIs(1));
  EXPECT_LT(search.search().Best().front().log_probability, 0);
}

// A decoder that went wrong must not look like a translation.
TEST(BeamSearchTest, LogitsThatAreNoNumbersAreAnError) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  BeamSearch search(Options(3));
  EXPECT_THAT(search.Answer({{0, kNan, 1}}, {}),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("not a number")));
  EXPECT_THAT(search.Answer({{kNan, 0, 1}}, {}),
              StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(search.Answer({{-kInfinity, -kInfinity, -kInfinity}}, {}),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("no token")));
}

// Options come from a request or a flag.
TEST(BeamSearchTest, OptionsOutOfBoundsAreRefusedByName) {
  const auto refused = [](auto change) {
    BeamOptions options = Options(5);
    change(options);
    return std::string(CheckBeamOptions(options).message());
  };
  EXPECT_EQ(refused([](BeamOptions&) {}), "");
  EXPECT_EQ(refused([](auto& o) { o.beam_size = 0; }),
            "beam_size: expected 1 to 1024, found 0");
  EXPECT_THAT(refused([](auto& o) { o.n_best = 5; }), HasSubstr("n_best"));
  EXPECT_THAT(refused([](auto& o) { o.max_length = 0; }),
              HasSubstr("max_length"));
  EXPECT_THAT(refused([](auto& o) { o.end = 5; }), HasSubstr("end"));
  EXPECT_THAT(refused([](auto& o) { o.never = {0}; }), HasSubstr("never"));
  EXPECT_THAT(refused([](auto& o) { o.length_penalty = NAN; }),
              HasSubstr("length_penalty"));
  EXPECT_THAT(refused([](auto& o) { o.coverage_penalty = -1; }),
              HasSubstr("coverage_penalty"));
}

}  // namespace
}  // namespace carousel
