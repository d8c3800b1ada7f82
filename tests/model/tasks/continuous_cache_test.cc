// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/continuous_cache.h"

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

using ::testing::HasSubstr;

constexpr int kWidth = 5;
constexpr int kWords = 6;

// A stream of random states, words, and log-probabilities of these.
struct Stream {
  StreamSteps steps;
  std::vector<double> log_probabilities;
};

Stream RandomStream(size_t length) {
  Random random(3, 0);
  Stream stream;
  for (size_t t = 0; t < length; ++t) {
    for (int i = 0; i < kWidth; ++i) {
      stream.steps.top.push_back(random.Uniform(-2, 2));
    }
    stream.steps.targets.push_back(static_cast<int32_t>(random.Below(kWords)));
    stream.log_probabilities.push_back(random.Uniform(-9, -1));
  }
  return stream;
}

// The definition, step by step over all that came before.
double SlowLoss(const Stream& stream, int size, CacheSetting setting) {
  double loss = 0;
  for (int t = 0; t < static_cast<int>(stream.steps.targets.size()); ++t) {
    double all = 0;
    double right = 0;
    for (int i = std::max(0, t - size); i < t; ++i) {
      double dot = 0;
      for (int k = 0; k < kWidth; ++k) {
        dot += double{stream.steps.top[t * kWidth + k]} *
               stream.steps.top[i * kWidth + k];
      }
      all += std::exp(setting.theta * dot);
      if (stream.steps.targets[i] == stream.steps.targets[t]) {
        right += std::exp(setting.theta * dot);
      }
    }
    const double network = std::exp(stream.log_probabilities[t]);
    loss -= std::log(all == 0 ? network
                              : (1 - setting.lambda) * network +
                                    setting.lambda * right / all);
  }
  return loss;
}

// Cuts the stream into stretches, as an evaluation does.
std::vector<double> Losses(const Stream& stream, const CacheOptions& options,
                           size_t stretch) {
  const ContinuousCache cache(options, kWidth, nullptr);
  std::vector<double> sums(options.settings.size());
  std::vector<std::shared_ptr<const StreamSteps>> past;
  const size_t length = stream.steps.targets.size();
  for (size_t begin = 0; begin < length; begin += stretch) {
    const size_t end = std::min(length, begin + stretch);
    auto now = std::make_shared<StreamSteps>();
    const auto& [top, targets] = stream.steps;
    now->top.assign(top.begin() + begin * kWidth, top.begin() + end * kWidth);
    now->targets.assign(targets.begin() + begin, targets.begin() + end);
    EXPECT_THAT(cache.AddLosses(past, *now,
                                absl::MakeConstSpan(stream.log_probabilities)
                                    .subspan(begin, end - begin),
                                absl::MakeSpan(sums)),
                IsOk());
    past.push_back(std::move(now));
  }
  return sums;
}

// However the stream is cut, and whether the window is full or not.
TEST(ContinuousCacheTest, AgreesWithTheDefinition) {
  const Stream stream = RandomStream(60);
  const std::vector<CacheSetting> settings = {
      {0.3f, 0.1f}, {0.3f, 0.5f}, {0, 0.2f}, {2, 0.9f}, {1, 0}};
  for (const int size : {1, 7, 59, 1000}) {
    for (const size_t stretch : {1, 4, 60}) {
      const auto losses =
          Losses(stream, {.size = size, .settings = settings}, stretch);
      for (size_t i = 0; i < settings.size(); ++i) {
        EXPECT_NEAR(losses[i], SlowLoss(stream, size, settings[i]), 1e-3)
            << size << " " << stretch << " " << i;
      }
    }
  }
}

// exp(theta * h.h) of a wide layer is beyond a float.
TEST(ContinuousCacheTest, LargeProductsDoNotOverflow) {
  Stream stream = RandomStream(40);
  for (float& value : stream.steps.top) value *= 100;
  const auto losses = Losses(stream, {.size = 20, .settings = {{5, 0.5f}}}, 8);
  EXPECT_TRUE(std::isfinite(losses[0]));
}

// A network that is sure of the wrong word, and a cache that has not the right
// one: very bad, but no infinity.
TEST(ContinuousCacheTest, ImprobableWordsStayPossible) {
  Stream stream = RandomStream(2);
  stream.steps.targets = {1, 2};
  stream.log_probabilities = {-2000, -2000};
  const auto losses = Losses(stream, {.size = 9}, 2);
  EXPECT_NEAR(losses[0], 4000 - std::log(0.9), 1e-3);
}

// They come from flags.
TEST(ContinuousCacheTest, OptionsOutOfBoundsAreRefusedByName) {
  const auto refused = [](const CacheOptions& options) {
    return std::string(CheckCacheOptions(options).message());
  };
  EXPECT_EQ(refused({}), "");
  EXPECT_THAT(refused({.size = -1}), HasSubstr("cache_size"));
  EXPECT_THAT(refused({.settings = {{-1, 0.1f}}}), HasSubstr("cache_theta"));
  EXPECT_THAT(refused({.settings = {{NAN, 0.1f}}}), HasSubstr("cache_theta"));
  EXPECT_THAT(refused({.settings = {{1, 1}}}), HasSubstr("cache_lambda"));
  EXPECT_THAT(refused({.settings = {{1, -0.1f}}}), HasSubstr("cache_lambda"));
}

}  // namespace
}  // namespace carousel
