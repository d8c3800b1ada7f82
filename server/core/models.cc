// SPDX-License-Identifier: Apache-2.0

#include "server/core/models.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace carousel {
namespace {

// What runs, and what of its precision is to be known.
std::string Describe(const Model& model) {
  if (model.precision_note().empty()) return model.implementation();
  return absl::StrCat(model.implementation(), "; ", model.precision_note());
}

v1::Model ToMessage(const ModelVersion& version) {
  v1::Model message;
  message.set_name(version.location.name);
  message.set_version(version.location.version);
  switch (version.state) {
    case ModelVersion::State::kLoading:
      message.set_state(v1::Model::STATE_LOADING);
      break;
    case ModelVersion::State::kFailed:
      message.set_state(v1::Model::STATE_FAILED);
      message.set_message(version.error.ToString());
      break;
    case ModelVersion::State::kReady: {
      const Model& model = *version.model;
      message.set_state(v1::Model::STATE_READY);
      message.set_task(std::string(TaskName(model.task())));
      message.set_message(Describe(model));
      message.set_memory_bytes(static_cast<int64_t>(model.memory_bytes()));
      message.set_parameters(model.parameters());
      message.set_precision(std::string(PrecisionName(model.precision())));
      break;
    }
  }
  return message;
}

}  // namespace

void ModelCore::ListModels(const v1::ListModelsRequest&, CallContext,
                           CallDone<v1::ListModelsResponse> done) const {
  std::vector<ModelVersion> versions = repository_->List();
  std::sort(versions.begin(), versions.end(),
            [](const ModelVersion& a, const ModelVersion& b) {
              return std::tie(a.location.name, a.location.version) <
                     std::tie(b.location.name, b.location.version);
            });
  v1::ListModelsResponse response;
  for (const ModelVersion& version : versions) {
    *response.add_models() = ToMessage(version);
  }
  std::move(done)(std::move(response), {});
}

}  // namespace carousel
