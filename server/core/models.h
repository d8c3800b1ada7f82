// SPDX-License-Identifier: Apache-2.0
//
// ModelService without a transport. The proto file describes what the fields
// mean.

#ifndef CAROUSEL_SERVER_CORE_MODELS_H_
#define CAROUSEL_SERVER_CORE_MODELS_H_

#include <cstddef>

#include "carousel/v1/model.pb.h"
#include "server/core/call.h"
#include "server/core/translation.h"
#include "server/engine/engine.h"
#include "server/repository/reloader.h"
#include "server/repository/repository.h"

namespace carousel {

struct ModelOptions {
  // Whether ReloadModels and Explain may be called.
  bool allow_reload = false;
  bool allow_explain = false;

  // Longest text that is explained.
  size_t max_text_bytes = 65536;

  // As the service for translations has it.
  int max_sentence_tokens = TranslationServiceOptions().max_sentence_tokens;
};

// Thread-safe. No method blocks; errors are those of the proto file.
class ModelCore {
 public:
  // All must outlive the object and every open call.
  ModelCore(const ModelOptions& options, const ModelRepository* repository,
            Engine* engine, Reloader* reloader)
      : options_(options),
        repository_(repository),
        engine_(engine),
        reloader_(reloader) {}

  // Call `done` before they return.
  void ListModels(const v1::ListModelsRequest& request, CallContext context,
                  CallDone<v1::ListModelsResponse> done) const;
  void GetModel(const v1::GetModelRequest& request, CallContext context,
                CallDone<v1::GetModelResponse> done) const;

  // `done` is called from here if it is refused, else by the reloader.
  void ReloadModels(const v1::ReloadModelsRequest& request, CallContext context,
                    CallDone<v1::ReloadModelsResponse> done) const;

  // `done` is called from here if it is refused, else from a worker.
  void Explain(const v1::ExplainRequest& request, CallContext context,
               CallDone<v1::ExplainResponse> done) const;

 private:
  absl::StatusOr<ModelHandle> ChooseToExplain(
      const v1::ExplainRequest& request) const;
  v1::Model Describe(const ModelVersion& version) const;

  const ModelOptions options_;
  const ModelRepository* const repository_;
  Engine* const engine_;
  Reloader* const reloader_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_MODELS_H_
