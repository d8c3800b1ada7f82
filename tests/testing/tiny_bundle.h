// SPDX-License-Identifier: Apache-2.0
//
// Models of a few kilobytes with random weights: what they say means nothing,
// but it is always the same.

#ifndef CAROUSEL_TESTS_TESTING_TINY_BUNDLE_H_
#define CAROUSEL_TESTS_TESTING_TINY_BUNDLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "model/bundle/precision_record.h"
#include "model/layers/language_model.h"
#include "model/layers/pooling.h"
#include "model/layers/weight_specs.h"
#include "model/tensor/tensor.h"

namespace carousel {

// E = 4, H = 6, L = 2, with a projection and a tied output.
LanguageModelSizes TinySizes(int vocabulary);

// Weights in the order of the specs, or of WeightSpecs(sizes), F32, in [-1, 1).
std::vector<Tensor> TinyWeights(absl::Span<const WeightSpec> specs,
                                uint64_t seed);
std::vector<Tensor> TinyWeights(const LanguageModelSizes& sizes, uint64_t seed);

// The tokens of a vocabulary: the special ones, then `words`.
std::vector<std::string> TinyTokens(const std::vector<std::string>& words);

// Writes the bundle of a language model to `directory` (.../NAME/VERSION),
// whose vocabulary is `words` behind the special tokens. Weights are stored as
// BF16. Errors (all that write) as WriteBundle.
absl::Status WriteTinyBundle(const std::string& directory,
                             std::vector<std::string> words, uint64_t seed);

// The same with given weights of TinySizes.
absl::Status WriteTinyBundle(const std::string& directory,
                             const std::vector<std::string>& words,
                             std::vector<Tensor> weights);

// Writes the bundle of a classifier with the labels "negative" and "positive":
// one layer of LSTM, H = 6, in both directions or in one.
struct TinyClassifierOptions {
  uint64_t seed = 1;
  bool bidirectional = true;
  PoolingKind pooling = PoolingKind::kConcat;
  int longest_text = 1000;
};
absl::Status WriteTinyClassifier(const std::string& directory,
                                 const std::vector<std::string>& words,
                                 const TinyClassifierOptions& options = {});

// Writes the bundle of a forecaster (tiny_forecaster.h) that knows its errors,
// at the levels 0.1 to 0.9, and that its times are an hour apart.
absl::Status WriteTinyForecaster(const std::string& directory);

// A record of a perplexity that is 20 in f32 and `loss` of it more otherwise.
PrecisionRecord TinyRecord(double loss);

// Replaces what the manifest of the bundle says of precisions.
absl::Status RecordPrecision(const std::string& directory, Precision precision,
                             const PrecisionRecord& record);

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_TINY_BUNDLE_H_
