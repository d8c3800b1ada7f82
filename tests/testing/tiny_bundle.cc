// SPDX-License-Identifier: Apache-2.0

#include "tests/testing/tiny_bundle.h"

#include <utility>

#include "model/base/check.h"
#include "model/base/files.h"
#include "model/base/random.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/writer.h"
#include "model/text/tokenizer.h"
#include "model/text/vocabulary.h"
#include "tests/testing/tiny_forecaster.h"

namespace carousel {

LanguageModelSizes TinySizes(int vocabulary) {
  return {.vocabulary = vocabulary,
          .embedding = 4,
          .hidden = 6,
          .layers = 2,
          .projection = true,
          .tied = true};
}

std::vector<Tensor> TinyWeights(const LanguageModelSizes& sizes,
                                uint64_t seed) {
  const auto specs = WeightSpecs(sizes);
  CAROUSEL_CHECK(specs.ok());
  return TinyWeights(*specs, seed);
}

std::vector<Tensor> TinyWeights(absl::Span<const WeightSpec> specs,
                                uint64_t seed) {
  std::vector<Tensor> weights;
  for (const WeightSpec& spec : specs) {
    Random random(seed, weights.size());
    Tensor tensor = Tensor::Zeros(DType::kF32, spec.shape);
    for (float& value : tensor.mutable_span<float>()) {
      value = random.Uniform(-1, 1);
    }
    weights.push_back(std::move(tensor));
  }
  return weights;
}

std::vector<std::string> TinyTokens(const std::vector<std::string>& words) {
  std::vector<std::string> tokens;
  for (absl::string_view token : Vocabulary::SpecialTokens()) {
    tokens.emplace_back(token);
  }
  tokens.insert(tokens.end(), words.begin(), words.end());
  return tokens;
}

absl::Status WriteTinyBundle(const std::string& directory,
                             std::vector<std::string> words, uint64_t seed) {
  const auto vocabulary = static_cast<int>(TinyTokens(words).size());
  return WriteTinyBundle(directory, words,
                         TinyWeights(TinySizes(vocabulary), seed));
}

absl::Status WriteTinyBundle(const std::string& directory,
                             const std::vector<std::string>& words,
                             std::vector<Tensor> weights) {
  ASSIGN_OR_RETURN(Vocabulary vocabulary,
                   Vocabulary::Create(TinyTokens(words)));
  const Tokenizer tokenizer(TokenizerKind::kWords, std::move(vocabulary));

  BundleContent content;
  const LanguageModelSizes sizes = TinySizes(tokenizer.vocabulary().size());
  content.manifest.model = LanguageModelManifest{.sizes = sizes};
  content.weights = std::move(weights);
  content.tokenizer = &tokenizer;
  content.card = "# A tiny model\n\nRandom weights, for tests.\n";
  content.self_test_texts = {"", words.empty() ? "word" : words.front()};
  return WriteBundle(directory, content);
}

absl::Status WriteTinyClassifier(const std::string& directory,
                                 const std::vector<std::string>& words,
                                 const TinyClassifierOptions& options) {
  ASSIGN_OR_RETURN(Vocabulary vocabulary,
                   Vocabulary::Create(TinyTokens(words)));
  const Tokenizer tokenizer(TokenizerKind::kWords, std::move(vocabulary));

  const ClassifierSizes sizes = {
      .vocabulary = tokenizer.vocabulary().size(),
      .embedding = 4,
      .rnn = {.cell = Cell::kLstm,
              .inputs = 4,
              .hidden = 6,
              .layers = 1,
              .bidirectional = options.bidirectional},
      .pooling = options.pooling,
      .pooling_units = options.pooling == PoolingKind::kAttention ? 3 : 0,
      .labels = 2};
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs, WeightSpecs(sizes));
  BundleContent content;
  content.manifest.model =
      ClassifierManifest{.sizes = sizes,
                         .labels = {"negative", "positive"},
                         .longest_text = options.longest_text};
  content.weights = TinyWeights(specs, options.seed);
  content.tokenizer = &tokenizer;
  content.card = "# A tiny model\n\nRandom weights, for tests.\n";
  content.self_test_texts = {words.front(), words.back()};
  return WriteBundle(directory, content);
}

absl::Status WriteTinyForecaster(const std::string& directory) {
  BundleContent content = TinyForecaster();
  content.quantiles = TinyQuantiles();
  std::get<ForecasterManifest>(content.manifest.model).interval =
      TimeStep{.time = absl::Hours(1)};
  return WriteBundle(directory, content);
}

PrecisionRecord TinyRecord(double loss) {
  return {.metric = QualityMetric::kPerplexity,
          .f32 = 20,
          .value = 20 * (1 + loss),
          .data = {{"tiny.dev.txt", std::string(64, 'a')}}};
}

absl::Status RecordPrecision(const std::string& directory, Precision precision,
                             const PrecisionRecord& record) {
  ASSIGN_OR_RETURN(Manifest manifest, ReadManifest(directory));
  manifest.precisions = {{precision, record}};
  return WriteFileAtomically(JoinPath(directory, kManifestFile),
                             SerialiseManifest(manifest));
}

}  // namespace carousel
