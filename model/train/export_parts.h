// SPDX-License-Identifier: Apache-2.0
//
// What the bundles of all tasks say of how they came about.

#ifndef CAROUSEL_MODEL_TRAIN_EXPORT_PARTS_H_
#define CAROUSEL_MODEL_TRAIN_EXPORT_PARTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/layers/weight_specs.h"
#include "model/tensor/tensor.h"
#include "model/train/run_checkpoint.h"
#include "model/train/training_settings.h"
#include "nlohmann/json_fwd.hpp"

namespace carousel {

// The weights of a safetensors file in the order of `specs`. Errors of
// Safetensors.
absl::StatusOr<std::vector<Tensor>> ReadWeightsInOrder(
    const std::string& path, absl::Span<const WeightSpec> specs);

// The first fields of a training record: version, data (`data` is JSON), seed,
// steps, epochs.
nlohmann::ordered_json BeginRecord(const std::string& data, uint64_t seed,
                                   const RunState& state, double epochs);

// The settings for the record, without where the data lay: that says nothing
// about the model.
nlohmann::ordered_json ConfigForRecord(const std::string& config);

// A table of data.json's files; `unit` is what their lines are: "texts".
std::string FileTable(const std::string& data, const std::string& unit,
                      bool with_tokens = false);

// CARD.md, section by section.
struct CardParts {
  std::string directory;  // of the bundle
  const BundleSettings& settings;
  std::string otherwise;  // what the model is, if the settings do not say it
  std::string model;
  std::string figures;
  std::string data;      // ends a line
  std::string left_out;  // of the data, a paragraph; or empty
  std::string use;       // ends a line
};
std::string WriteCard(const CardParts& parts);

// `card` with `section`, whose first line is its heading ("## Quantiles"), in
// place of the one with that heading; at the end if there is none. `section`
// ends a line.
std::string WithCardSection(absl::string_view card, absl::string_view section);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_EXPORT_PARTS_H_
