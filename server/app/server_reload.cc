// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"
#include "model/bundle/task_format.h"
#include "server/app/model_log.h"
#include "server/app/server.h"

namespace carousel {
namespace {

bool IsAmong(const std::vector<ModelVersion>& versions,
             const BundleLocation& location) {
  return std::any_of(versions.begin(), versions.end(),
                     [&](const ModelVersion& version) {
                       return version.location.name == location.name &&
                              version.location.version == location.version;
                     });
}

// Of a weight at least a byte stays in memory, whatever the precision.
absl::StatusOr<int64_t> LeastBytes(const std::string& directory) {
  ASSIGN_OR_RETURN(const Manifest manifest, ReadManifest(directory));
  ASSIGN_OR_RETURN(const std::vector<WeightSpec> specs,
                   FormatOf(manifest.task()).Specs(manifest.model));
  return CountParameters(specs);
}

}  // namespace

// On the reloader's thread, beside requests.
absl::StatusOr<ReloadReport> Server::ReloadModels() {
  // Not the versions themselves: that would keep their models in memory.
  std::vector<BundleLocation> before;
  for (ModelVersion& version : repository_->List()) {
    before.push_back(std::move(version.location));
  }
  absl::StatusOr<ReloadReport> report = repository_->Reload(
      [this](const std::string& bundle) { return LoadBesideOthers(bundle); },
      [this] { return reloader_.stopping() || stop_->count() > 0; });
  if (absl::IsCancelled(report.status())) {
    return absl::UnavailableError(
        "the server is stopping and looks for no models; retry elsewhere");
  }
  const std::vector<ModelVersion> after = repository_->List();
  for (const BundleLocation& location : before) {
    if (IsAmong(after, location)) continue;
    metrics_.RemoveModel(location.name, location.version);
  }
  for (const ModelVersion& version : after) {
    metrics_.SetModel(version.location.name, version.location.version,
                      StateName(version.state), version.load_time);
  }
  std::vector<std::string> failures;
  if (report.ok()) {
    for (const auto& failure : report->failed) failures.push_back(failure.name);
  } else {
    failures.push_back("");
  }
  metrics_.RecordReload(failures);
  LogReload(report, after);
  return report;
}

// What cannot fit is not even read.
absl::StatusOr<std::shared_ptr<const Model>> Server::LoadBesideOthers(
    const std::string& directory) {
  engine_.stats();  // frees the states of networks that have gone
  std::vector<ModelVersion> alive;
  const auto add = [&](std::shared_ptr<const Model> model) {
    alive.push_back({.location = {},
                     .state = ModelVersion::State::kReady,
                     .model = std::move(model)});
  };
  for (auto& model : repository_->Alive()) add(std::move(model));
  ASSIGN_OR_RETURN(const int64_t least_bytes, LeastBytes(directory));
  MemoryPlan least = PlanFor(alive);
  least.models += least_bytes;
  RETURN_IF_ERROR(carousel::CheckMemory(config_, least));
  ASSIGN_OR_RETURN(const LoadOptions options, ToLoadOptions(config_));
  ASSIGN_OR_RETURN(std::shared_ptr<const Model> model,
                   LoadServed(directory, options));
  add(model);
  RETURN_IF_ERROR(CheckMemory(alive));
  RETURN_IF_ERROR(WarmUp({alive.back()}));
  return model;
}

}  // namespace carousel
