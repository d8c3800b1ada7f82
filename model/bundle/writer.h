// SPDX-License-Identifier: Apache-2.0
//
// Makes bundles: from a training run, from PyTorch's weights, or from another
// bundle.

#ifndef CAROUSEL_MODEL_BUNDLE_WRITER_H_
#define CAROUSEL_MODEL_BUNDLE_WRITER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "model/bundle/manifest.h"
#include "model/bundle/residual_quantiles.h"
#include "model/tensor/tensor.h"
#include "model/text/tokenizer.h"

namespace carousel {

struct BundleContent {
  // `files` and `self_test` are filled in by WriteBundle; the answers are those
  // of f32.
  Manifest manifest;

  // In the order of WeightSpecs of the manifest's sizes; F32 or BF16.
  std::vector<Tensor> weights;

  // The type that weight matrices are stored in: kF32 or kBF16. Vectors
  // (biases) stay F32.
  DType stored_type = DType::kBF16;

  // Of the kind that the manifest says. REQUIRES: not null where the task has
  // one: a language model or classifier has `tokenizer`, a translator both, a
  // forecaster none.
  const Tokenizer* tokenizer = nullptr;
  const Tokenizer* target_tokenizer = nullptr;

  // Of a forecaster, measured with these weights as they are stored.
  std::optional<ResidualQuantiles> quantiles = {};

  // CARD.md: what the model is for, its data, its measured figures.
  std::string card;

  // For the golden self-test; at least one of what the task reads. Windows are
  // a forecaster's: (window, series) each, in the units of the data.
  std::vector<std::string> self_test_texts;
  std::vector<std::vector<float>> self_test_windows;
};

// Writes `directory` (.../NAME/VERSION): into a neighbour first, loaded once as
// a check, then renamed, so that `directory` appears whole or not at all.
// ALREADY_EXISTS if it is there; otherwise as WriteFileAtomically.
absl::Status WriteBundle(const std::string& directory,
                         const BundleContent& content);

// A bundle as another, but meant for a precision whose cost was measured.
struct MeasuredBundle {
  std::string source;  // directory of the other
  Precision precision = Precision::kInt8;
  PrecisionRecord record = {};    // becomes its only one
  std::string card_section = {};  // what CARD.md says of it, behind the rest
  bool force = false;             // as LoadOptions
};

// Writes `directory` as WriteBundle does. Weights are copied as they are
// stored: what 8 bits make of them is made when they are loaded. Loading it in
// the precision is the check, and its errors are passed on.
absl::Status WriteMeasuredBundle(const std::string& directory,
                                 const MeasuredBundle& bundle);

// `carousel-train import`: a bundle from a PyTorch state_dict saved as
// safetensors. `manifest_path` is a manifest.json without `files`, `self_test`
// and `format_version`; besides, it may hold
//   "vocabulary": path of vocabulary.txt (relative to the manifest; required
//                 where the task has one; a translator has
//                 "source_vocabulary" and "target_vocabulary")
//   "tensors":    {"embedding.weight": "emb.weight", ...}: where the weights
//                 have other names in the file than in WeightSpec
//   "precisions": as in a bundle. Where it is left out, a network that can runs
//                 in bf16, at a loss that is not measured; {}: in f32
//   "card":       path of a CARD.md
//   "self_test_texts": list of texts
//   "self_test_windows": list of windows, each a list of steps, each a list
//                 with a number for every series
// Every tensor of the file must be used, or the import is refused by name: a
// weight that is silently left out is a wrong model. (A tied output matrix may
// be there; it must equal the embedding.)
absl::Status ImportPyTorch(const std::string& weights_path,
                           const std::string& manifest_path,
                           const std::string& directory);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_WRITER_H_
