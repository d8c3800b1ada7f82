// SPDX-License-Identifier: Apache-2.0
//
// AutocompleteService without a transport: messages in, StatusOr of messages
// out. The proto file describes what the fields mean.

#ifndef CAROUSEL_SERVER_CORE_AUTOCOMPLETE_H_
#define CAROUSEL_SERVER_CORE_AUTOCOMPLETE_H_

#include <cstddef>

#include "absl/status/status.h"
#include "carousel/v1/autocomplete.pb.h"
#include "server/core/call.h"
#include "server/engine/engine.h"
#include "server/repository/repository.h"

namespace carousel {

struct AutocompleteOptions {
  // Longest text that is accepted, and longest context.
  size_t max_text_bytes = 16384;
};

// Thread-safe.
class AutocompleteCore {
 public:
  // `repository` and `engine` must outlive the object and every open call.
  AutocompleteCore(const AutocompleteOptions& options,
                   const ModelRepository* repository, Engine* engine)
      : options_(options), repository_(repository), engine_(engine) {}

  // Checks the request and hands it to the engine. Never waits; `done` is
  // called from here if the request is refused, else from a worker. Errors: see
  // the proto file.
  void Complete(const v1::CompleteRequest& request, CallContext context,
                CallDone<v1::CompleteResponse> done) const;

 private:
  absl::Status Validate(const v1::CompleteRequest& request) const;

  const AutocompleteOptions options_;
  const ModelRepository* const repository_;
  Engine* const engine_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_AUTOCOMPLETE_H_
