// SPDX-License-Identifier: Apache-2.0

#include "model/layers/output_layer_grad.h"

#include <omp.h>

#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/random.h"
#include "model/onednn/matmul.h"

namespace carousel {
namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

Floats RandomFloats(int64_t n, float bound, uint64_t seed) {
  Random random(seed);
  Floats values(static_cast<size_t>(n));
  for (float& value : values) value = random.Uniform(-bound, bound);
  return values;
}

// An output layer with its inputs, and what its equations give in double.
struct Case {
  Case(int64_t v, int64_t e, int64_t m)
      : vocabulary(v),
        embedding(e),
        rows(m),
        weight(RandomFloats(v * e, 0.3f, 1)),
        bias(RandomFloats(v, 0.3f, 2)),
        features(RandomFloats(m * e, 1.0f, 3)) {
    Random random(4);
    for (int64_t row = 0; row < m; ++row) {
      const auto target = random.Below(static_cast<uint64_t>(v));
      targets.push_back(row % 5 == 4 ? -1 : static_cast<int32_t>(target));
    }
  }

  const int64_t vocabulary, embedding, rows;
  const Floats weight, bias, features;
  std::vector<int32_t> targets;
};

struct Result {
  double loss = 0;
  Doubles dweight, dbias, dfeatures;
};

Result Reference(const Case& c, double scale, double smoothing = 0) {
  const auto v = static_cast<size_t>(c.vocabulary);
  const auto e = static_cast<size_t>(c.embedding);
  Result r{.dweight = Doubles(v * e),
           .dbias = Doubles(v),
           .dfeatures = Doubles(c.features.size())};
  for (size_t row = 0; row < c.targets.size(); ++row) {
    if (c.targets[row] < 0) continue;
    const float* x = c.features.data() + row * e;
    Doubles p(v);
    double sum = 0;
    for (size_t k = 0; k < v; ++k) {
      double logit = static_cast<double>(c.bias[k]);
      for (size_t i = 0; i < e; ++i) {
        logit += static_cast<double>(x[i]) *
                 static_cast<double>(c.weight[k * e + i]);
      }
      p[k] = std::exp(logit);
      sum += p[k];
    }
    const auto target = static_cast<size_t>(c.targets[row]);
    for (size_t k = 0; k < v; ++k) {
      const double q = (k == target ? 1 - smoothing : 0.0) +
                       smoothing / static_cast<double>(v);
      r.loss -= q * std::log(p[k] / sum);
      const double d = scale * (p[k] / sum - q);
      r.dbias[k] += d;
      for (size_t i = 0; i < e; ++i) {
        r.dweight[k * e + i] += d * static_cast<double>(x[i]);
        r.dfeatures[row * e + i] +=
            d * static_cast<double>(c.weight[k * e + i]);
      }
    }
  }
  return r;
}

struct FloatResult {
  double loss = 0;
  Floats dweight, dbias, dfeatures;
};

FloatResult Compute(const Case& c, float scale, Precision precision,
                    float smoothing = 0) {
  FloatResult r{.dweight = Floats(c.weight.size()),
                .dbias = Floats(c.bias.size()),
                .dfeatures = Floats(c.features.size())};
  OutputLayerLoss layer(c.vocabulary, c.embedding, precision);
  layer.set_label_smoothing(smoothing);
  Executor executor;
  const OutputLayerGradients gradients = {.weight = r.dweight.data(),
                                          .bias = r.dbias.data(),
                                          .features = r.dfeatures.data()};
  r.loss = layer
               .Run({.weight = c.weight.data(), .bias = c.bias.data()},
                    c.features.data(), c.targets, scale, &gradients, &executor)
               .value();
  return r;
}

double RelativeError(const Floats& found, const Doubles& expected) {
  double difference = 0, norm = 0;
  for (size_t k = 0; k < found.size(); ++k) {
    difference += std::pow(static_cast<double>(found[k]) - expected[k], 2);
    norm += expected[k] * expected[k];
  }
  return std::sqrt(difference / norm);
}

void ExpectNear(const FloatResult& found, const Result& expected,
                double tolerance) {
  EXPECT_NEAR(found.loss, expected.loss, tolerance * expected.loss);
  EXPECT_LE(RelativeError(found.dweight, expected.dweight), tolerance);
  EXPECT_LE(RelativeError(found.dbias, expected.dbias), tolerance);
  EXPECT_LE(RelativeError(found.dfeatures, expected.dfeatures), tolerance);
}

TEST(OutputLayerGradTest, LossAndGradientsAreThoseOfTheEquations) {
  const Case c(37, 12, 25);
  ExpectNear(Compute(c, 0.5f, Precision::kF32), Reference(c, 0.5), 1e-5);
}

TEST(OutputLayerGradTest, LabelSmoothingSpreadsAShareOverTheVocabulary) {
  const Case c(37, 12, 25);
  ExpectNear(Compute(c, 1.0f, Precision::kF32, 0.1f), Reference(c, 1, 0.1),
             1e-5);
}

// Rounding a factor to 8 bits errs by 2^-9 at most and 2^-10 or so on average;
// errors of different sign add up to less.
TEST(OutputLayerGradTest, BFloat16GradientsAreCloseToTheEquations) {
  if (!SupportsBF16()) GTEST_SKIP() << "this CPU has no AVX512_BF16";
  const Case c(501, 48, 300);  // more rows than logits are held of
  const FloatResult found = Compute(c, 0.5f, Precision::kBF16);
  const Result expected = Reference(c, 0.5);
  ExpectNear(found, expected, 4e-3);
  // Not so close that they cannot have been rounded.
  EXPECT_GE(RelativeError(found.dweight, expected.dweight), 1e-5);
  EXPECT_GE(RelativeError(found.dfeatures, expected.dfeatures), 1e-5);
}

// A vocabulary for which the rows do not fit in one chunk.
TEST(OutputLayerGradTest, ChunksAddUpToTheWhole) {
  const Case c(98304, 2, 300);  // 256 rows a chunk at most: two of 150
  ExpectNear(Compute(c, 1.0f, Precision::kF32), Reference(c, 1.0), 1e-4);
}

// The caller's sums are added to: other parts of a batch may be in them.
TEST(OutputLayerGradTest, GradientsOfWeightsAreAddedToWhatIsThere) {
  const Case c(20, 8, 10);
  OutputLayerLoss layer(c.vocabulary, c.embedding);
  Executor executor;
  Floats dweight(c.weight.size(), 1.0f), dbias(c.bias.size(), 2.0f);
  Floats dfeatures(c.features.size(), 3.0f);
  const OutputLayerGradients gradients = {.weight = dweight.data(),
                                          .bias = dbias.data(),
                                          .features = dfeatures.data()};
  ASSERT_TRUE(layer
                  .Run({.weight = c.weight.data(), .bias = c.bias.data()},
                       c.features.data(), c.targets, 1.0f, &gradients,
                       &executor)
                  .ok());
  Result expected = Reference(c, 1.0);
  for (double& value : expected.dweight) value += 1;
  for (double& value : expected.dbias) value += 2;
  EXPECT_LE(RelativeError(dweight, expected.dweight), 1e-5);
  EXPECT_LE(RelativeError(dbias, expected.dbias), 1e-5);
  EXPECT_LE(RelativeError(dfeatures, expected.dfeatures), 1e-5);
}

// It would be written behind the row.
TEST(OutputLayerGradTest, ATargetBeyondTheVocabularyIsAMistake) {
  Case c(20, 8, 10);
  c.targets[3] = 20;
  EXPECT_DEATH(Compute(c, 1.0f, Precision::kF32),
               "check failed: target < vocabulary_");
}

TEST(OutputLayerGradTest, EqualCallsGiveEqualBitsInEitherPrecision) {
  const Case c(301, 16, 60);
  for (Precision precision : {Precision::kF32, Precision::kBF16}) {
    if (precision == Precision::kBF16 && !SupportsBF16()) continue;
    for (int threads : {1, 2}) {
      omp_set_num_threads(threads);
      const FloatResult a = Compute(c, 1.0f, precision);
      const FloatResult b = Compute(c, 1.0f, precision);
      EXPECT_EQ(a.loss, b.loss);
      EXPECT_EQ(a.dweight, b.dweight);
      EXPECT_EQ(a.dbias, b.dbias);
      EXPECT_EQ(a.dfeatures, b.dfeatures);
    }
  }
}

}  // namespace
}  // namespace carousel
