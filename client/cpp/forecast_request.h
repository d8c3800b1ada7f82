// SPDX-License-Identifier: Apache-2.0
//
// Makes the message that asks for a forecast. Private to client/cpp.

#ifndef CAROUSEL_CLIENT_CPP_FORECAST_REQUEST_H_
#define CAROUSEL_CLIENT_CPP_FORECAST_REQUEST_H_

#include "absl/status/statusor.h"
#include "carousel/v1/forecast.pb.h"
#include "client/cpp/client.h"

namespace carousel {

// INVALID_ARGUMENT for what a message cannot hold: a name that is not UTF-8, a
// time before the year 1 or after 9999.
absl::StatusOr<v1::ForecastRequest> MakeForecastRequest(
    const SeriesHistory& history, const ForecastOptions& options);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CPP_FORECAST_REQUEST_H_
