// SPDX-License-Identifier: Apache-2.0

#include "server/core/model_status.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "server/core/errors.h"
#include "server/core/times.h"

namespace carousel {
namespace {

constexpr size_t kMostFigures = 100;
constexpr size_t kMostNameBytes = 128;

// What runs, and what of its precision is to be known.
std::string Describe(const Model& model) {
  if (model.precision_note().empty()) return model.implementation();
  return absl::StrCat(model.implementation(), "; ", model.precision_note());
}

void SetReady(const ModelVersion& version, v1::Model* message) {
  const Model& model = *version.model;
  message->set_state(v1::Model::STATE_READY);
  message->set_task(std::string(TaskName(model.task())));
  message->set_message(Describe(model));
  message->set_memory_bytes(static_cast<int64_t>(model.memory_bytes()));
  message->set_parameters(model.parameters());
  message->set_precision(std::string(PrecisionName(model.precision())));
  message->set_kernels(model.implementation());
  message->set_isa(IsaOf(model.implementation()));
  *message->mutable_load_duration() = ToMessage(version.load_time);
  *message->mutable_ready_time() = ToTimestamp(version.ready_at);
}

// Depth first, in the order of names.
void AddFigures(const nlohmann::json& object, const std::string& path,
                std::map<std::string, double>* figures) {
  for (const auto& [name, value] : object.items()) {
    if (figures->size() == kMostFigures) return;
    const std::string whole =
        path.empty() ? name : absl::StrCat(path, ".", name);
    if (whole.size() > kMostNameBytes || whole == "config") continue;
    if (value.is_object()) {
      AddFigures(value, whole, figures);
    } else if (value.is_number() && std::isfinite(value.get<double>())) {
      figures->emplace(whole, value.get<double>());
    }
  }
}

}  // namespace

v1::Model ToMessage(const ModelVersion& version) {
  v1::Model message;
  message.set_name(version.location.name);
  message.set_version(version.location.version);
  message.mutable_labels()->Add(version.labels.begin(), version.labels.end());
  switch (version.state) {
    case ModelVersion::State::kLoading:
      message.set_state(v1::Model::STATE_LOADING);
      break;
    case ModelVersion::State::kFailed:
      message.set_state(v1::Model::STATE_FAILED);
      message.set_message(MessageText(version.error.ToString()));
      break;
    case ModelVersion::State::kReady:
      SetReady(version, &message);
      break;
  }
  if (!version.reload_error.ok()) {
    *message.mutable_reload_error() = ToStatusMessage(version.reload_error);
  }
  if (!version.labels_error.ok()) {
    *message.mutable_labels_error() = ToStatusMessage(version.labels_error);
  }
  return message;
}

std::string IsaOf(absl::string_view implementation) {
  std::vector<absl::string_view> found;
  for (absl::string_view word :
       absl::StrSplit(implementation, absl::ByAnyChar(" ,;"))) {
    const size_t colon = word.find(':');
    if (colon == word.npos || colon + 1 == word.size()) continue;
    word.remove_prefix(colon + 1);
    if (std::find(found.begin(), found.end(), word) == found.end()) {
      found.push_back(word);
    }
  }
  return absl::StrJoin(found, ", ");
}

std::map<std::string, double> TrainingFigures(absl::string_view json) {
  std::map<std::string, double> figures;
  const auto record =
      nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (record.is_object()) AddFigures(record, "", &figures);
  return figures;
}

}  // namespace carousel
