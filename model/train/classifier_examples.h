// SPDX-License-Identifier: Apache-2.0
//
// Encoded texts and their labels as a file of the run's folder: safetensors
// with the I32 tensors "tokens", one text after the other, "lengths" and
// "labels".

#ifndef CAROUSEL_MODEL_TRAIN_CLASSIFIER_EXAMPLES_H_
#define CAROUSEL_MODEL_TRAIN_CLASSIFIER_EXAMPLES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/train/example_stream.h"

namespace carousel {

struct ClassifierExamples {
  std::vector<int32_t> tokens;
  std::vector<int32_t> lengths;
  std::vector<int32_t> labels;

  void Add(const std::vector<int32_t>& text, int32_t label);
};

// Errors as WriteSafetensors.
absl::Status WriteClassifierExamples(const std::string& path,
                                     const ClassifierExamples& examples);

// DATA_LOSS for what does not fit these numbers of tokens and labels, or
// together.
absl::StatusOr<std::shared_ptr<const ExampleSet>> ReadClassifierExamples(
    const std::string& path, int vocabulary, int labels);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_CLASSIFIER_EXAMPLES_H_
