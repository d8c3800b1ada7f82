// SPDX-License-Identifier: Apache-2.0
//
// From a Client's arguments to the messages that it sends. Internal to
// client/cpp.

#ifndef CAROUSEL_CLIENT_CPP_REQUESTS_H_
#define CAROUSEL_CLIENT_CPP_REQUESTS_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cpp/client.h"

namespace carousel {

// All are INVALID_ARGUMENT, naming the field, for text that is not UTF-8: gRPC
// would fail to parse it and answer without a word why.
absl::StatusOr<v1::CompleteRequest> MakeCompleteRequest(
    absl::string_view text, const CompleteOptions& options);
absl::StatusOr<v1::ScoreRequest> MakeScoreRequest(absl::string_view text,
                                                  const ScoreOptions& options);
absl::StatusOr<v1::TranslateRequest> MakeTranslateRequest(
    absl::string_view text, const TranslateOptions& options);
absl::StatusOr<v1::ForecastRequest> MakeForecastRequest(
    const SeriesHistory& history, const ForecastOptions& options);
v1::GetModelRequest MakeGetModelRequest(const v1::ModelSpec& model);
absl::StatusOr<v1::ExplainRequest> MakeExplainRequest(
    absl::string_view text, const v1::ModelSpec& model);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CPP_REQUESTS_H_
