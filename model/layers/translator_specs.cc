// SPDX-License-Identifier: Apache-2.0

#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/layers/translator.h"

namespace carousel {
namespace {

absl::Status CheckSizes(const TranslatorSizes& sizes) {
  RETURN_IF_ERROR(CheckSize("source_vocabulary", sizes.source_vocabulary));
  RETURN_IF_ERROR(CheckSize("target_vocabulary", sizes.target_vocabulary));
  RETURN_IF_ERROR(CheckSize("embedding", sizes.embedding));
  RETURN_IF_ERROR(CheckStackSizes(sizes.encoder));
  if (sizes.encoder.inputs != sizes.embedding) {
    return absl::InvalidArgumentError("encoder: reads other than embeddings");
  }
  if (sizes.shared_embedding &&
      sizes.source_vocabulary != sizes.target_vocabulary) {
    return absl::InvalidArgumentError(absl::StrCat(
        "shared_embedding: expected one vocabulary, found one of ",
        sizes.source_vocabulary, " and one of ", sizes.target_vocabulary));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<WeightSpec>> WeightSpecs(
    const TranslatorSizes& sizes) {
  RETURN_IF_ERROR(CheckSizes(sizes));
  ASSIGN_OR_RETURN(std::vector<WeightSpec> decoder,
                   DecoderWeightSpecs(sizes.decoder_sizes()));
  std::vector<WeightSpec> specs;
  if (!sizes.shared_embedding) {
    specs.push_back({.name = "source_embedding.weight",
                     .shape = {sizes.source_vocabulary, sizes.embedding}});
  }
  for (WeightSpec& spec : StackWeightSpecs("encoder.", sizes.encoder)) {
    specs.push_back(std::move(spec));
  }
  if (sizes.bridges()) {
    const int64_t width = sizes.encoder.outputs();
    const int64_t outputs = sizes.bridge_outputs();
    specs.push_back(LinearWeight("bridge.weight", outputs, width));
    specs.push_back(
        {.name = "bridge.bias", .shape = {outputs}, .init = Init::kZero});
  }
  for (WeightSpec& spec : decoder) specs.push_back(std::move(spec));
  return specs;
}

TranslatorPlaces::TranslatorPlaces(const TranslatorSizes& sizes) {
  encoder = sizes.shared_embedding ? 0 : 1;
  encoder_count =
      kWeightsOfCell *
      static_cast<size_t>(sizes.encoder.layers * sizes.encoder.directions());
  bridge = encoder + encoder_count;
  decoder = bridge + (sizes.bridges() ? 2 : 0);
  source_embedding = sizes.shared_embedding ? decoder : 0;
}

}  // namespace carousel
