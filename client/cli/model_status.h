// SPDX-License-Identifier: Apache-2.0
//
// How what is known of a model's version is printed.

#ifndef CAROUSEL_CLIENT_CLI_MODEL_STATUS_H_
#define CAROUSEL_CLIENT_CLI_MODEL_STATUS_H_

#include <string>

#include "carousel/v1/model.pb.h"
#include "google/rpc/status.pb.h"

namespace carousel {

// "autocomplete-en/3"; without a version the name, with a label it and that.
std::string FormatSpec(const v1::ModelSpec& spec);

// "ready"; "ready !" if something of it failed since, which GetModel tells.
std::string FormatState(const v1::Model& model);

// "DATA_LOSS: weights.safetensors: ..."
std::string FormatError(const google::rpc::Status& error);

// Its name, and below it a line for each thing that is known.
//
//   autocomplete-en/3
//     state        ready since 2026-01-31 12:00:00 UTC
//     labels       stable
std::string FormatModel(const v1::Model& model);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_MODEL_STATUS_H_
