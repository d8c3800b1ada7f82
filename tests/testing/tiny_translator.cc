// SPDX-License-Identifier: Apache-2.0

#include "tests/testing/tiny_translator.h"

#include <utility>
#include <vector>

#include "model/bundle/writer.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {
namespace {

Tokenizer WordsOf(const std::vector<std::string>& words) {
  return Tokenizer(TokenizerKind::kWords,
                   Vocabulary::Create(TinyTokens(words)).value());
}

Tokenizer SourceTokenizer() {
  return WordsOf({"a", "b", "c", "d", ".", ",", "!"});
}

Tokenizer TargetTokenizer() { return WordsOf({"v", "w", "x", "y", "z", "."}); }

TranslatorSizes Sizes() {
  return {
      .source_vocabulary = SourceTokenizer().vocabulary().size(),
      .target_vocabulary = TargetTokenizer().vocabulary().size(),
      .embedding = 4,
      .encoder = {.cell = Cell::kLstm,
                  .inputs = 4,
                  .hidden = 3,
                  .layers = 1,
                  .bidirectional = true},
      .decoder = {.cell = Cell::kLstm, .inputs = 4, .hidden = 6, .layers = 1},
      .attention = AttentionKind::kGeneral};
}

// Large enough that it has opinions; one of them is not to end at once.
std::vector<Tensor> Weights() {
  std::vector<Tensor> weights = TinyWeights(WeightSpecs(Sizes()).value(), 4);
  for (Tensor& weight : weights) {
    for (float& value : weight.mutable_span<float>()) value *= 4;
  }
  weights.back().mutable_span<float>()[Vocabulary::kEndOfLine] = -4;
  return weights;
}

}  // namespace

TranslatorParts TinyTranslator() {
  return {.source_tokenizer = SourceTokenizer(),
          .target_tokenizer = TargetTokenizer(),
          .network = Translator::Create(Sizes(), Weights()).value()};
}

absl::Status WriteTinyTranslator(const std::string& directory) {
  const Tokenizer source = SourceTokenizer(), target = TargetTokenizer();
  BundleContent content;
  content.manifest.model = TranslatorManifest{.sizes = Sizes()};
  content.weights = Weights();
  content.stored_type = DType::kF32;
  content.tokenizer = &source;
  content.target_tokenizer = &target;
  content.card = "# A tiny model\n\nRandom weights, for tests.\n";
  content.self_test_texts = {"a b.", "c d"};
  return WriteBundle(directory, content);
}

}  // namespace carousel
