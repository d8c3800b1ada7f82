// SPDX-License-Identifier: Apache-2.0

#include "tests/testing/tiny_translator.h"

#include <limits>
#include <utility>
#include <vector>

#include "model/bundle/writer.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

// For pieces: each word with the mark of its beginning, then what it may be
// cut into.
Tokenizer TokenizerOf(const std::vector<std::string>& words, bool pieces) {
  if (!pieces) {
    return Tokenizer(TokenizerKind::kWords,
                     Vocabulary::Create(TinyTokens(words)).value());
  }
  std::vector<std::string> tokens = {"\u2581"};
  for (const std::string& word : words) tokens.push_back("\u2581" + word);
  tokens.insert(tokens.end(), words.begin(), words.end());
  Vocabulary vocabulary = Vocabulary::Create(TinyTokens(tokens)).value();
  std::vector<float> scores(static_cast<size_t>(vocabulary.size()), -1);
  Pieces cutter =
      Pieces::Create(PieceAlgorithm::kUnigram, vocabulary, std::move(scores))
          .value();
  return Tokenizer(std::move(vocabulary), std::move(cutter));
}

// All but its weights.
struct Outline {
  explicit Outline(bool pieces)
      : source(TokenizerOf({"a", "b", "c", "d", ".", ",", "!"}, pieces)),
        target(TokenizerOf({"v", "w", "x", "y", "z", "."}, pieces)),
        sizes({.source_vocabulary = source.vocabulary().size(),
               .target_vocabulary = target.vocabulary().size(),
               .embedding = 4,
               .encoder = {.cell = Cell::kLstm,
                           .inputs = 4,
                           .hidden = 3,
                           .layers = 1,
                           .bidirectional = true},
               .decoder =
                   {.cell = Cell::kLstm, .inputs = 4, .hidden = 6, .layers = 1},
               .attention = AttentionKind::kGeneral}) {}

  Tokenizer source;
  Tokenizer target;
  TranslatorSizes sizes;
};

// Large enough that it has opinions; one of them is not to end at once.
std::vector<Tensor> Weights(const Outline& outline, const std::string& broken) {
  std::vector<Tensor> weights =
      TinyWeights(WeightSpecs(outline.sizes).value(), 4);
  for (Tensor& weight : weights) {
    for (float& value : weight.mutable_span<float>()) value *= 4;
  }
  weights.back().mutable_span<float>()[Vocabulary::kEndOfLine] = -4;
  if (broken.empty()) return weights;
  const auto id =
      static_cast<size_t>(outline.source.Encode(broken).value().front());
  const TranslatorPlaces places(outline.sizes);
  weights[places.source_embedding].mutable_span<float>()[4 * id] =
      std::numeric_limits<float>::quiet_NaN();
  return weights;
}

}  // namespace

TranslatorParts TinyTranslator(const TinyTranslatorOptions& options) {
  Outline outline(options.pieces);
  auto weights = Weights(outline, options.broken);
  return {
      .source_tokenizer = std::move(outline.source),
      .target_tokenizer = std::move(outline.target),
      .network = Translator::Create(outline.sizes, std::move(weights)).value()};
}

absl::Status WriteTinyTranslator(const std::string& directory,
                                 const TinyTranslatorOptions& options) {
  const Outline outline(options.pieces);
  BundleContent content;
  content.manifest.model =
      TranslatorManifest{.sizes = outline.sizes,
                         .source_tokenizer = outline.source.kind(),
                         .target_tokenizer = outline.target.kind()};
  content.weights = Weights(outline, options.broken);
  content.stored_type = DType::kF32;
  content.tokenizer = &outline.source;
  content.target_tokenizer = &outline.target;
  content.card = "# A tiny model\n\nRandom weights, for tests.\n";
  content.self_test_texts = {"a b.", "c d"};
  return WriteBundle(directory, content);
}

}  // namespace carousel
