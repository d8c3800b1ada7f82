// SPDX-License-Identifier: Apache-2.0

#include "server/app/model_log.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/app/logging.h"

namespace carousel {
namespace {

std::string NameOf(const BundleLocation& location) {
  return absl::StrCat(location.name, "/", location.version);
}

void LogFailure(const ReloadReport::Failure& failure) {
  const bool labels = failure.version == 0;
  Log(LogLevel::err, labels ? "labels failed" : "reload failed",
      {{"model",
        labels ? failure.name : NameOf({failure.name, failure.version, ""})},
       {"error", failure.error.ToString()}});
}

}  // namespace

void LogLoaded(const ModelVersion& version) {
  const std::string name = NameOf(version.location);
  if (version.state == ModelVersion::State::kReady) {
    Log(LogLevel::info, "model ready",
        {{"model", name},
         {"seconds", absl::ToDoubleSeconds(version.load_time)},
         {"bytes", version.model->memory_bytes()},
         {"precision", std::string(PrecisionName(version.model->precision()))},
         {"precision_note", version.model->precision_note()},
         {"implementation", version.model->implementation()}});
  } else if (version.state == ModelVersion::State::kFailed) {
    Log(LogLevel::err, "model failed",
        {{"model", name}, {"error", version.error.ToString()}});
  }
}

void LogReload(const absl::StatusOr<ReloadReport>& report,
               const std::vector<ModelVersion>& versions) {
  if (!report.ok()) {
    return Log(LogLevel::err, "reload failed",
               {{"error", report.status().ToString()}});
  }
  for (const auto* loaded : {&report->added, &report->reloaded}) {
    for (const BundleLocation& location : *loaded) {
      for (const ModelVersion& version : versions) {
        if (NameOf(version.location) == NameOf(location)) LogLoaded(version);
      }
    }
  }
  for (const BundleLocation& location : report->removed) {
    Log(LogLevel::info, "model unloaded", {{"model", NameOf(location)}});
  }
  for (const ReloadReport::Failure& failure : report->failed) {
    LogFailure(failure);
  }
  Log(LogLevel::info, "reloaded",
      {{"added", report->added.size()},
       {"reloaded", report->reloaded.size()},
       {"removed", report->removed.size()},
       {"failed", report->failed.size()}});
}

}  // namespace carousel
