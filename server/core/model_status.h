// SPDX-License-Identifier: Apache-2.0
//
// What is told of a version of a model.

#ifndef CAROUSEL_SERVER_CORE_MODEL_STATUS_H_
#define CAROUSEL_SERVER_CORE_MODEL_STATUS_H_

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "carousel/v1/model.pb.h"
#include "server/repository/repository.h"

namespace carousel {

// All but the figures and what the engine remembers.
v1::Model ToMessage(const ModelVersion& version);

// The instruction sets in the name of an implementation ("lstm
// own:avx512_core, matmul brg:avx512_core_bf16"): what stands behind colons,
// each once.
std::string IsaOf(absl::string_view implementation);

// The numbers of a training record (Manifest::training), by the path to each:
// {"dev": {"accuracy": 0.9}} gives "dev.accuracy". "config", which are
// settings, and lists are left out; so are names of more than 128 bytes, and
// what comes after 100 numbers.
std::map<std::string, double> TrainingFigures(absl::string_view json);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_MODEL_STATUS_H_
