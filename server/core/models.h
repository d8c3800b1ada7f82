// SPDX-License-Identifier: Apache-2.0
//
// ModelService without a transport.

#ifndef CAROUSEL_SERVER_CORE_MODELS_H_
#define CAROUSEL_SERVER_CORE_MODELS_H_

#include "carousel/v1/model.pb.h"
#include "server/core/call.h"
#include "server/repository/repository.h"

namespace carousel {

// Thread-safe.
class ModelCore {
 public:
  // `repository` must outlive the object.
  explicit ModelCore(const ModelRepository* repository)
      : repository_(repository) {}

  // Every version that there is. Calls `done` before it returns.
  void ListModels(const v1::ListModelsRequest& request, CallContext context,
                  CallDone<v1::ListModelsResponse> done) const;

 private:
  const ModelRepository* const repository_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_MODELS_H_
