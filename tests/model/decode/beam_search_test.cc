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
// of it: no search can be right by luck.
class HashedDecoder : public DecoderStep {
 public:
  HashedDecoder(int vocabulary, int sources) : vocabulary_(vocabulary) {
    for (int i = 0; i < sources; ++i) states_.push_back({i});
  }

  absl::Status Step(const DecoderRows& rows, DecoderOutput* output) override {
    std::vector<std::vector<int32_t>> next;
    output->logits.clear();
    for (size_t i = 0; i < rows.tokens.size(); ++i) {
      next.push_back(states_[rows.parents[i]]);
      next.back().push_back(rows.tokens[i]);
      EXPECT_EQ(next.back().front(), rows.sources[i]);
      for (const float logit : LogitsAfter(next.back(), vocabulary_)) {
        output->logits.push_back(logit);
      }
    }
    states_ = std::move(next);
    ++steps_;
    return absl::OkStatus();
  }

  // `state`: the source, then the tokens fed.
  static std::vector<float> LogitsAfter(absl::Span<const int32_t> state,
                                        int vocabulary) {
    uint64_t hash = 1;
    for (const int32_t token : state) hash = hash * 1000003 + token + 7;
    Random random(hash, 0);
    std::vector<float> logits;
    for (int i = 0; i < vocabulary; ++i) logits.push_back(random.Uniform(0, 4));
    return logits;
  }

  int steps() const { return steps_; }

 private:
  const int vocabulary_;
  std::vector<std::vector<int32_t>> states_;
  int steps_ = 0;
};

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
  const auto next =
      LogSoftmax(HashedDecoder::LogitsAfter(state, options.vocabulary));
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

std::vector<BeamOptions> Times(int sources, const BeamOptions& options) {
  return std::vector<BeamOptions>(static_cast<size_t>(sources), options);
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
    HashedDecoder decoder(4, source + 1);
    const auto found = SearchBeams(&decoder, Times(source + 1, options));
    ASSERT_THAT(found, IsOk());
    std::vector<Hypothesis> all;
    AllSequences({source, options.start}, 0, options, &all);
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return a.score > b.score; });
    ASSERT_THAT(found->back(), SizeIs(5));
    for (size_t i = 0; i < 5; ++i) {
      EXPECT_EQ((*found)[source][i].tokens, all[i].tokens) << source;
      EXPECT_NEAR((*found)[source][i].score, all[i].score, 1e-5);
      EXPECT_TRUE((*found)[source][i].ended);
    }
  }
}

// Greedy search is the beam of one, with no code of its own.
TEST(BeamSearchTest, BeamOfOneIsGreedy) {
  for (int source = 0; source < 20; ++source) {
    BeamOptions options = Options(6);
    options.beam_size = 1;
    options.max_length = 12;
    HashedDecoder decoder(6, source + 1);
    const auto found = SearchBeams(&decoder, Times(source + 1, options));
    ASSERT_THAT(found, IsOk());
    std::vector<int32_t> state = {source, 0};
    while (static_cast<int>(state.size()) < 2 + options.max_length) {
      const auto logits = HashedDecoder::LogitsAfter(state, 6);
      const auto best = std::max_element(logits.begin(), logits.end());
      if (best == logits.begin()) break;
      state.push_back(static_cast<int32_t>(best - logits.begin()));
    }
    EXPECT_EQ((*found)[source][0].tokens,
              std::vector<int32_t>(state.begin() + 2, state.end()));
  }
}

// Batches are for speed: nobody's answer may depend on its neighbours.
TEST(BeamSearchTest, SameAnswerAloneAndInABatch) {
  constexpr int kSources = 9;
  BeamOptions options = Options(7);
  options.n_best = 3;
  options.max_length = 9;
  HashedDecoder together(7, kSources);
  std::vector<BeamOptions> each = Times(kSources, options);
  for (int source = 0; source < kSources; ++source) {
    each[source].max_length = 1 + source;
  }
  const auto batch = SearchBeams(&together, each);
  ASSERT_THAT(batch, IsOk());
  for (int source = 0; source < kSources; ++source) {
    BeamSearch search(each[source]);
    std::vector<std::vector<int32_t>> states = {{source}};
    while (!search.done()) {
      std::vector<std::vector<int32_t>> next;
      std::vector<float> logits;
      for (size_t i = 0; i < search.tokens().size(); ++i) {
        next.push_back(states[search.parents()[i]]);
        next.back().push_back(search.tokens()[i]);
        for (float x : HashedDecoder::LogitsAfter(next.back(), 7)) {
          logits.push_back(x);
        }
      }
      states = std::move(next);
      ASSERT_THAT(search.Answer(logits, {}), IsOk());
    }
    const auto alone = search.Best();
    ASSERT_EQ(alone.size(), (*batch)[source].size());
    for (size_t i = 0; i < alone.size(); ++i) {
      EXPECT_EQ(alone[i].tokens, (*batch)[source][i].tokens);
      EXPECT_EQ(alone[i].score, (*batch)[source][i].score);
    }
  }
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
TEST(BeamSearchTest, StoppedSearchReturnsTheBestSoFar) {
  HashedDecoder decoder(50, 1);
  BeamOptions options = Options(50);
  options.never = {};
  int asked = 0;
  const auto found =
      SearchBeams(&decoder, {options}, [&] { return asked++ == 3; });
  ASSERT_THAT(found, IsOk());
  EXPECT_LE(decoder.steps(), 3);
  EXPECT_THAT((*found)[0], SizeIs(1));

  const auto at_once = SearchBeams(&decoder, {options}, [] { return true; });
  ASSERT_THAT(at_once, IsOk());
  EXPECT_THAT((*at_once)[0].front().tokens, IsEmpty());
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
  HashedDecoder decoder(5, 2);
  std::vector<BeamOptions> options = Times(2, Options(5));
  options[1].max_length = 0;
  EXPECT_THAT(SearchBeams(&decoder, options),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(SearchBeams(&decoder, {}), IsOkAndHolds(IsEmpty()));
}

}  // namespace
}  // namespace carousel
