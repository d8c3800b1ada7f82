// SPDX-License-Identifier: Apache-2.0
//
// What the log says of models.

#ifndef CAROUSEL_SERVER_APP_MODEL_LOG_H_
#define CAROUSEL_SERVER_APP_MODEL_LOG_H_

#include "absl/status/statusor.h"
#include "server/repository/repository.h"

namespace carousel {

// That a version is ready, with what it runs on; or why it is not. Nothing
// while it is being loaded.
void LogLoaded(const ModelVersion& version);

// What a reload has done, `versions` being all that there are after it; or why
// there was none.
void LogReload(const absl::StatusOr<ReloadReport>& report,
               const std::vector<ModelVersion>& versions);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_APP_MODEL_LOG_H_
