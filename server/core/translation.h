// SPDX-License-Identifier: Apache-2.0
//
// TranslationService without a transport: messages in, StatusOr of messages
// out. The proto file describes what the fields mean.

#ifndef CAROUSEL_SERVER_CORE_TRANSLATION_H_
#define CAROUSEL_SERVER_CORE_TRANSLATION_H_

#include <cstddef>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "carousel/v1/translation.pb.h"
#include "model/base/clock.h"
#include "server/core/call.h"
#include "server/engine/engine.h"
#include "server/repository/repository.h"

namespace carousel {

struct TranslationServiceOptions {
  // Longest text that is accepted.
  size_t max_text_bytes = 16384;

  // Longest sentence, in tokens, that is translated as one. What networks are
  // trained with is shorter as a rule.
  int max_sentence_tokens = 100;

  // Bounds the memory of a request.
  int max_beam_size = 16;
};

// Thread-safe.
class TranslationCore {
 public:
  // All must outlive the object and every open call.
  TranslationCore(const TranslationServiceOptions& options,
                  const ModelRepository* repository, Engine* engine,
                  const Clock* clock)
      : options_(options),
        repository_(repository),
        engine_(engine),
        clock_(clock) {}

  // Checks the request and hands it to the engine. Never waits; `done` is
  // called from here if the request is refused, else from a worker. Errors: see
  // the proto file.
  void Translate(const v1::TranslateRequest& request, CallContext context,
                 CallDone<v1::TranslateResponse> done) const;

  // The same; `on_text` is told more of the translation as it becomes certain,
  // by a worker, one call at a time, before `done`. Must not block.
  using OnText = absl::AnyInvocable<void(absl::string_view more)>;
  void TranslateAloud(const v1::TranslateRequest& request, CallContext context,
                      OnText on_text,
                      CallDone<v1::TranslateResponse> done) const;

 private:
  absl::Status Validate(const v1::TranslateRequest& request) const;
  TranslationOptions OptionsOf(const v1::TranslateRequest& request) const;

  const TranslationServiceOptions options_;
  const ModelRepository* const repository_;
  Engine* const engine_;
  const Clock* const clock_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_TRANSLATION_H_
