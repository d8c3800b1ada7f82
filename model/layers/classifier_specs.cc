// SPDX-License-Identifier: Apache-2.0

#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/layers/classifier.h"

namespace carousel {

absl::StatusOr<std::vector<WeightSpec>> WeightSpecs(
    const ClassifierSizes& sizes) {
  RETURN_IF_ERROR(CheckSize("vocabulary", sizes.vocabulary));
  RETURN_IF_ERROR(CheckSize("embedding", sizes.embedding));
  RETURN_IF_ERROR(CheckStackSizes(sizes.rnn));
  RETURN_IF_ERROR(CheckSize("labels", sizes.labels));
  if (sizes.labels < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("labels: ", sizes.labels, ", expected at least 2"));
  }
  if (sizes.rnn.inputs != sizes.embedding) {
    return absl::InvalidArgumentError(
        absl::StrCat("rnn.inputs: ", sizes.rnn.inputs,
                     ", expected that of embedding, ", sizes.embedding));
  }
  std::vector<WeightSpec> specs = {
      {"embedding.weight", {sizes.vocabulary, sizes.embedding}}};
  for (WeightSpec& spec : StackWeightSpecs("rnn.", sizes.rnn)) {
    specs.push_back(std::move(spec));
  }
  ASSIGN_OR_RETURN(auto pooling, PoolingWeightSpecs(sizes.pooling_sizes()));
  for (WeightSpec& spec : pooling) specs.push_back(std::move(spec));
  specs.push_back(LinearWeight("output.weight", sizes.labels,
                               PooledWidth(sizes.pooling_sizes())));
  specs.push_back({"output.bias", {sizes.labels}, Init::kZero});
  return specs;
}

}  // namespace carousel
