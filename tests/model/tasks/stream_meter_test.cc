// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/stream_meter.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

constexpr int kCacheSize = 200;
constexpr CacheSetting kSetting = {.theta = 0.7f, .lambda = 0.2f};

class StreamMeterTest : public testing::Test {
 protected:
  // Several threads wait for each other longer than a tiny step takes.
  StreamMeterTest() {
    omp_set_num_threads(1);
    std::vector<std::string> words;
    for (char c = 'a'; c <= 'z'; ++c) words.push_back(std::string(4, c));
    const std::string directory = dir_.File("tiny/1");
    EXPECT_THAT(WriteTinyBundle(directory, words, 5), IsOk());
    model_ = Model::Load(directory).value();
    Random random(9, 0);
    // Three stretches and a piece of one.
    for (int i = 0; i < 450; ++i) {
      tokens_.push_back(static_cast<int32_t>(
          random.Below(model_->tokenizer().vocabulary().size())));
    }
  }

  StreamCounts Measure(int threads, int cache_size) {
    const auto guessable = GuessableTokens(model_->tokenizer());
    StreamMeter meter(*model_, guessable,
                      {.threads = threads,
                       .cache = {.size = cache_size, .settings = {kSetting}}});
    for (const int32_t token : tokens_) {
      EXPECT_THAT(meter.Add(token, token > 2), IsOk());
    }
    auto counts = meter.Finish();
    EXPECT_THAT(counts, IsOk());
    return counts.value_or(StreamCounts());
  }

  TempDir dir_;
  std::shared_ptr<const Model> model_;
  std::vector<int32_t> tokens_;
};

// One token a step, one state for all, everything remembered.
TEST_F(StreamMeterTest, AgreesWithFeedingOneTokenAtATime) {
  const LanguageModel& network = model_->network();
  const Vocabulary& vocabulary = model_->tokenizer().vocabulary();
  LanguageModel::Workspace workspace;
  RecurrentState state = network.InitialState(1);
  std::vector<std::vector<float>> tops;
  std::vector<float> logits(vocabulary.size());
  int32_t input = Vocabulary::kEndOfLine;
  double loss = 0;
  double loss_with_cache = 0;
  for (size_t t = 0; t < tokens_.size(); ++t) {
    ASSERT_THAT(network.Advance({&input, 1}, 1, 1, &state, nullptr, &workspace),
                IsOk());
    input = tokens_[t];
    ASSERT_THAT(network.Logits(network.Top(state), 1, 0, vocabulary.size(),
                               absl::MakeSpan(logits), &workspace),
                IsOk());
    double sum = 0;
    for (const float logit : logits) sum += std::exp(double{logit});
    const double p = std::exp(logits[vocabulary.rank_of(input)]) / sum;
    loss -= std::log(p);
    const auto top = network.Top(state);
    double all = 0;
    double right = 0;
    for (size_t i = t - std::min<size_t>(t, kCacheSize); i < t; ++i) {
      double dot = 0;
      for (size_t k = 0; k < top.size(); ++k) dot += top[k] * tops[i][k];
      all += std::exp(kSetting.theta * dot);
      if (tokens_[i] == input) right += std::exp(kSetting.theta * dot);
    }
    loss_with_cache -= std::log(
        t == 0 ? p : (1 - kSetting.lambda) * p + kSetting.lambda * right / all);
    tops.emplace_back(top.begin(), top.end());
  }
  const StreamCounts counts = Measure(1, kCacheSize);
  EXPECT_EQ(counts.text.tokens, static_cast<int64_t>(tokens_.size()));
  EXPECT_NEAR(counts.text.negative_log_likelihood, loss, 1e-4 * loss);
  ASSERT_EQ(counts.cache_losses.size(), 1u);
  EXPECT_NEAR(counts.cache_losses[0], loss_with_cache, 1e-4 * loss);
}

// A figure must not depend on the machine that it was measured on.
TEST_F(StreamMeterTest, EveryNumberOfThreadsGivesTheSameBits) {
  const StreamCounts one = Measure(1, kCacheSize);
  for (const int threads : {2, 3, 8}) {
    const StreamCounts more = Measure(threads, kCacheSize);
    EXPECT_EQ(more.text.negative_log_likelihood,
              one.text.negative_log_likelihood);
    EXPECT_EQ(more.text.top3, one.text.top3);
    EXPECT_EQ(more.cache_losses, one.cache_losses);
  }
}

// The cache is asked for.
TEST_F(StreamMeterTest, WithoutACacheThereAreNoCacheLosses) {
  EXPECT_TRUE(Measure(2, 0).cache_losses.empty());
}

// A file without lines.
TEST_F(StreamMeterTest, EmptyStreamCountsNothing) {
  tokens_.clear();
  EXPECT_EQ(Measure(2, kCacheSize).text.tokens, 0);
}

}  // namespace
}  // namespace carousel
