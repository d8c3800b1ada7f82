// SPDX-License-Identifier: Apache-2.0
//
// A classifier that begins as a language model (Dai and Le 2015; Howard and
// Ruder 2018): the vocabulary, the embedding and the recurrent weights of a
// bundle, learned from text that needs no labels.

#ifndef CAROUSEL_MODEL_TRAIN_CLASSIFIER_INIT_H_
#define CAROUSEL_MODEL_TRAIN_CLASSIFIER_INIT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/text/tokenizer.h"
#include "model/train/classifier_config.h"
#include "model/weights/safetensors.h"

namespace carousel {

struct LanguageModelStart {
  Tokenizer tokenizer;
  // "embedding.weight" and all of "rnn.": a classifier's have the same names.
  std::vector<NamedTensor> weights;
};

// Loads the bundle config.init and takes from it what a classifier of these
// settings begins with. INVALID_ARGUMENT, naming the setting, expected and
// found, if the bundle is of another task, or its tokenizer, cell or sizes
// differ; errors of Model::Load.
absl::StatusOr<LanguageModelStart> LoadLanguageModelStart(
    const ClassifierConfig& config);

// Whether the weight `name` learns in `epoch`: in each stage one more group
// does, from the top: first what the language model did not have (pooling and
// output), then the recurrent layers from the last to the first, then the
// embedding. `every_epochs` is the length of a stage; 0: all learn.
bool LearnsInEpoch(absl::string_view name, int layers, int every_epochs,
                   int64_t epoch);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_CLASSIFIER_INIT_H_
