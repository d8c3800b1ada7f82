// SPDX-License-Identifier: Apache-2.0
//
// SentimentService without a transport: messages in, StatusOr of messages out.
// The proto file describes what the fields mean. Score answers a text;
// ScoreStream is the same for each of many (bulk_stream.h).

#ifndef CAROUSEL_SERVER_CORE_SENTIMENT_H_
#define CAROUSEL_SERVER_CORE_SENTIMENT_H_

#include <cstddef>

#include "carousel/v1/sentiment.pb.h"
#include "server/core/call.h"
#include "server/engine/engine.h"
#include "server/repository/repository.h"

namespace carousel {

struct SentimentOptions {
  // Longest text that is accepted.
  size_t max_text_bytes = 65536;
};

// Thread-safe.
class SentimentCore {
 public:
  // `repository` and `engine` must outlive the object and every open call.
  SentimentCore(const SentimentOptions& options,
                const ModelRepository* repository, Engine* engine)
      : options_(options), repository_(repository), engine_(engine) {}

  // Checks the request and hands it to the engine. Never waits; `done` is
  // called from here if the request is refused, else from a worker. Errors: see
  // the proto file.
  void Score(const v1::ScoreRequest& request, CallContext context,
             CallDone<v1::ScoreResponse> done) const;

 private:
  const SentimentOptions options_;
  const ModelRepository* const repository_;
  Engine* const engine_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_SENTIMENT_H_
