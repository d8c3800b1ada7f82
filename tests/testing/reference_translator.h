// SPDX-License-Identifier: Apache-2.0
//
// The translator as loops over its equations, in double. Shapes and names as in
// model/layers/translator.h and decoder.h.

#ifndef CAROUSEL_TESTS_TESTING_REFERENCE_TRANSLATOR_H_
#define CAROUSEL_TESTS_TESTING_REFERENCE_TRANSLATOR_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "model/base/random.h"
#include "model/layers/translator.h"
#include "tests/testing/reference_attention.h"
#include "tests/testing/reference_recurrent.h"

namespace carousel {

// Pairs of texts as the network in training gets them.
struct ReferencePairs {
  size_t source_steps, steps, rows;  // S, T, N
  std::vector<int32_t> source, target_in, targets;
  std::vector<uint8_t> resets;

  size_t First(size_t n) const {
    size_t s = 0;
    while (resets[s * rows + n] == 0) ++s;
    return s;
  }
};

// Texts of different lengths, row 0 the longest.
inline ReferencePairs RandomPairs(const TranslatorSizes& sizes, size_t source,
                                  size_t steps, size_t rows, uint64_t seed) {
  ReferencePairs pairs = {.source_steps = source,
                          .steps = steps,
                          .rows = rows,
                          .source = std::vector<int32_t>(source * rows, 1),
                          .target_in = std::vector<int32_t>(steps * rows, 1),
                          .targets = std::vector<int32_t>(steps * rows, -1),
                          .resets = std::vector<uint8_t>(source * rows)};
  Random random(seed);
  for (size_t n = 0; n < rows; ++n) {
    const size_t first = n == 0 ? 0 : random.Below(source);
    pairs.resets[first * rows + n] = 1;
    for (size_t s = first; s < source; ++s) {
      pairs.source[s * rows + n] = static_cast<int32_t>(
          random.Below(static_cast<uint64_t>(sizes.source_vocabulary)));
    }
    const size_t length = n == 0 ? steps : 1 + random.Below(steps);
    for (size_t t = 0; t < length; ++t) {
      pairs.targets[t * rows + n] = static_cast<int32_t>(
          random.Below(static_cast<uint64_t>(sizes.target_vocabulary)));
      if (t > 0) {
        pairs.target_in[t * rows + n] = pairs.targets[(t - 1) * rows + n];
      }
    }
  }
  return pairs;
}

struct ReferenceTranslator {
  TranslatorSizes sizes;
  std::vector<Doubles> weights;  // in the order of WeightSpecs

  // As ReferenceStack::masks; `feature_masks` (T, N, F), or empty.
  std::vector<std::vector<float>> encoder_masks, decoder_masks;
  std::vector<float> feature_masks;

  // As ReferenceStack::weight_masks.
  std::vector<std::vector<float>> encoder_weight_masks = {};
  std::vector<std::vector<float>> decoder_weight_masks = {};

  std::vector<Doubles> Slice(size_t from, size_t count) const {
    const auto first = weights.begin() + static_cast<long>(from);
    return {first, first + static_cast<long>(count)};
  }

  Doubles Embed(size_t table, int32_t token) const {
    const auto e = static_cast<size_t>(sizes.embedding);
    const auto first = weights[table].begin() +
                       static_cast<long>(static_cast<size_t>(token) * e);
    return {first, first + static_cast<long>(e)};
  }

  std::vector<ReferenceState> Bridge(
      const std::vector<ReferenceState>& encoder) const {
    if (!sizes.bridges()) return encoder;
    const TranslatorPlaces places(sizes);
    Doubles summary;
    const size_t directions = sizes.encoder.bidirectional ? 2 : 1;
    for (size_t d = 0; d < directions; ++d) {
      const Doubles& h = encoder[encoder.size() - directions + d].h;
      summary.insert(summary.end(), h.begin(), h.end());
    }
    Doubles z = Times(weights[places.bridge], summary);
    for (size_t i = 0; i < z.size(); ++i) {
      z[i] = std::tanh(z[i] + weights[places.bridge + 1][i]);
    }
    const auto hidden = static_cast<size_t>(sizes.decoder.hidden);
    const auto layers = static_cast<size_t>(sizes.decoder.layers);
    std::vector<ReferenceState> states(layers,
                                       {Doubles(hidden), Doubles(hidden)});
    for (size_t i = 0; i < z.size(); ++i) {
      ReferenceState& state = states[i / hidden % layers];
      (i < layers * hidden ? state.h : state.c)[i % hidden] = z[i];
    }
    return states;
  }

  // [t]: logits after reading row n's source and target up to t. `alignments`,
  // unless null, receives for each t what attention gives the source's tokens,
  // in their order.
  std::vector<Doubles> Logits(
      const ReferencePairs& pairs, size_t n,
      std::vector<Doubles>* alignments = nullptr) const {
    const TranslatorPlaces places(sizes);
    const size_t first = pairs.First(n);
    std::vector<Doubles> x;
    std::vector<uint8_t> resets;
    for (size_t s = 0; s < pairs.source_steps; ++s) {
      const size_t from = sizes.reverse_input && s >= first
                              ? pairs.source_steps - 1 + first - s
                              : s;
      x.push_back(
          Embed(places.source_embedding, pairs.source[from * pairs.rows + n]));
      resets.push_back(pairs.resets[s * pairs.rows + n]);
    }
    const ReferenceStack encoder = {
        .sizes = sizes.encoder,
        .weights = Slice(places.encoder, places.encoder_count),
        .masks = encoder_masks,
        .weight_masks = encoder_weight_masks};
    auto states = encoder.ZeroStates();
    const auto memory = encoder.Run(x, resets, n, pairs.rows, &states);
    return Decode(pairs, n, memory, Bridge(states), alignments);
  }

  std::vector<Doubles> Decode(const ReferencePairs& pairs, size_t n,
                              const std::vector<Doubles>& memory,
                              std::vector<ReferenceState> states,
                              std::vector<Doubles>* alignments) const {
    const DecoderSizes own = sizes.decoder_sizes();
    const DecoderPlaces places(own);
    const size_t base = TranslatorPlaces(sizes).decoder;
    std::vector<Doubles> x;
    for (size_t t = 0; t < pairs.steps; ++t) {
      x.push_back(Embed(base, pairs.target_in[t * pairs.rows + n]));
    }
    const ReferenceStack decoder = {
        .sizes = sizes.decoder,
        .weights = Slice(base + places.stack, places.stack_count),
        .masks = decoder_masks,
        .weight_masks = decoder_weight_masks};
    const auto h = decoder.Run(x, std::vector<uint8_t>(pairs.steps), n,
                               pairs.rows, &states);
    std::vector<Doubles> contexts(pairs.steps);
    if (own.attention.has_value()) {
      const ReferenceAttention attention =
          AttentionOf(pairs.First(n), memory, h);
      contexts = ContextsOf(attention);
      for (size_t t = 0; alignments != nullptr && t < pairs.steps; ++t) {
        Doubles& a = alignments->emplace_back(attention.Alignment(t, 0));
        if (sizes.reverse_input) std::reverse(a.begin(), a.end());
      }
    }
    std::vector<Doubles> logits;
    for (size_t t = 0; t < pairs.steps; ++t) {
      Doubles f = contexts[t];
      f.insert(f.end(), h[t].begin(), h[t].end());
      if (own.combines()) {
        f = Times(weights[base + places.combine], f);
        for (double& value : f) value = std::tanh(value);
      }
      for (size_t i = 0; i < f.size() && !feature_masks.empty(); ++i) {
        f[i] *= static_cast<double>(
            feature_masks[(t * pairs.rows + n) * f.size() + i]);
      }
      Doubles& row =
          logits.emplace_back(Times(weights[base + places.output], f));
      for (size_t v = 0; v < row.size(); ++v) {
        row[v] += weights[base + places.bias][v];
      }
    }
    return logits;
  }

  ReferenceAttention AttentionOf(size_t first,
                                 const std::vector<Doubles>& memory,
                                 const std::vector<Doubles>& queries) const {
    const DecoderSizes own = sizes.decoder_sizes();
    const DecoderPlaces places(own);
    ReferenceAttention attention = {
        .sizes = own.attention_sizes(),
        .source_steps = memory.size(),
        .rows = 1,
        .steps = queries.size(),
        .first = {static_cast<int32_t>(first)},
        .weights = Slice(TranslatorPlaces(sizes).decoder + places.attention,
                         places.attention_count),
        .memory = {},
        .queries = {}};
    for (const Doubles& m : memory) {
      attention.memory.insert(attention.memory.end(), m.begin(), m.end());
    }
    for (const Doubles& q : queries) {
      attention.queries.insert(attention.queries.end(), q.begin(), q.end());
    }
    return attention;
  }

  // [t]: of the only row.
  static std::vector<Doubles> ContextsOf(const ReferenceAttention& attention) {
    const Doubles flat = attention.Context();
    const auto width = static_cast<size_t>(attention.sizes.memory);
    std::vector<Doubles> contexts;
    for (size_t t = 0; t < attention.steps; ++t) {
      const auto begin = flat.begin() + static_cast<long>(t * width);
      contexts.emplace_back(begin, begin + static_cast<long>(width));
    }
    return contexts;
  }

  // Against the target, of whose probability the share `smoothing` is spread
  // over all words.
  static double CrossEntropy(const Doubles& logits, int32_t target,
                             double smoothing) {
    const double max = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    double mean = 0;
    for (double value : logits) {
      sum += std::exp(value - max);
      mean += value / static_cast<double>(logits.size());
    }
    return max + std::log(sum) - smoothing * mean -
           (1 - smoothing) * logits[static_cast<size_t>(target)];
  }

  double Loss(const ReferencePairs& pairs, double smoothing = 0) const {
    double loss = 0;
    for (size_t n = 0; n < pairs.rows; ++n) {
      const std::vector<Doubles> logits = Logits(pairs, n);
      for (size_t t = 0; t < pairs.steps; ++t) {
        const int32_t target = pairs.targets[t * pairs.rows + n];
        if (target >= 0) loss += CrossEntropy(logits[t], target, smoothing);
      }
    }
    return loss;
  }
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_TESTING_REFERENCE_TRANSLATOR_H_
