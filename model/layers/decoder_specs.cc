// SPDX-License-Identifier: Apache-2.0

#include <utility>

#include "model/base/status_macros.h"
#include "model/layers/decoder.h"

namespace carousel {
namespace {

absl::Status CheckSizes(const DecoderSizes& sizes) {
  RETURN_IF_ERROR(CheckSize("vocabulary", sizes.vocabulary));
  RETURN_IF_ERROR(CheckSize("embedding", sizes.embedding));
  RETURN_IF_ERROR(CheckStackSizes(sizes.stack));
  if (sizes.stack.inputs != sizes.embedding) {
    return absl::InvalidArgumentError("decoder: reads other than embeddings");
  }
  if (sizes.stack.bidirectional) {
    return absl::InvalidArgumentError(
        "decoder: expected one direction: what comes later is not yet written");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<WeightSpec>> DecoderWeightSpecs(
    const DecoderSizes& sizes) {
  RETURN_IF_ERROR(CheckSizes(sizes));
  const int64_t v = sizes.vocabulary;
  const int64_t features = sizes.features();
  std::vector<WeightSpec> specs = {
      {.name = "target_embedding.weight", .shape = {v, sizes.embedding}}};
  for (WeightSpec& spec : StackWeightSpecs("decoder.", sizes.stack)) {
    specs.push_back(std::move(spec));
  }
  int64_t combined = sizes.stack.outputs();
  if (sizes.attention.has_value()) {
    ASSIGN_OR_RETURN(std::vector<WeightSpec> attention,
                     AttentionWeightSpecs(sizes.attention_sizes()));
    for (WeightSpec& spec : attention) specs.push_back(std::move(spec));
    combined += sizes.memory;
  }
  if (sizes.combines()) {
    specs.push_back(LinearWeight("combine.weight", features, combined));
  }
  if (!sizes.tied) specs.push_back(LinearWeight("output.weight", v, features));
  specs.push_back({.name = "output.bias", .shape = {v}, .init = Init::kZero});
  return specs;
}

DecoderPlaces::DecoderPlaces(const DecoderSizes& sizes) {
  stack_count = kWeightsOfCell * static_cast<size_t>(sizes.stack.layers);
  attention = stack + stack_count;
  attention_count =
      sizes.attention.has_value()
          ? AttentionWeightSpecs(sizes.attention_sizes()).value().size()
          : 0;
  combine = attention + attention_count;
  const size_t next = combine + (sizes.combines() ? 1 : 0);
  output = sizes.tied ? embedding : next;
  bias = sizes.tied ? next : next + 1;
}

}  // namespace carousel
