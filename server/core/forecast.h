// SPDX-License-Identifier: Apache-2.0
//
// ForecastService without a transport: messages in, StatusOr of messages out.
// The proto file describes what the fields mean.

#ifndef CAROUSEL_SERVER_CORE_FORECAST_H_
#define CAROUSEL_SERVER_CORE_FORECAST_H_

#include "carousel/v1/forecast.pb.h"
#include "server/core/call.h"
#include "server/engine/engine.h"
#include "server/repository/repository.h"

namespace carousel {

// Thread-safe.
class ForecastCore {
 public:
  // `repository` and `engine` must outlive the object and every open call.
  ForecastCore(const ModelRepository* repository, Engine* engine)
      : repository_(repository), engine_(engine) {}

  // Checks the request and hands it to the engine. Never waits; `done` is
  // called from here if the request is refused, else from a worker. Errors: see
  // the proto file.
  void Forecast(const v1::ForecastRequest& request, CallContext context,
                CallDone<v1::ForecastResponse> done) const;

 private:
  const ModelRepository* const repository_;
  Engine* const engine_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_FORECAST_H_
