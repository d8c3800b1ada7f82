// SPDX-License-Identifier: Apache-2.0
//
// A gRPC server on a free port of this machine that answers as a test says.

#ifndef CAROUSEL_TESTS_CLIENT_FAKE_SERVER_H_
#define CAROUSEL_TESTS_CLIENT_FAKE_SERVER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "carousel/v1/autocomplete.pb.h"
#include "carousel/v1/forecast.pb.h"
#include "carousel/v1/model.pb.h"
#include "carousel/v1/sentiment.pb.h"
#include "carousel/v1/translation.pb.h"

namespace carousel {

// Thread-safe. The handlers are called from several threads.
class FakeServer {
 public:
  struct Handlers {
    // Answers calls, and the requests of streams one after the other: there
    // UNAVAILABLE ends the stream, and CANCELLED leaves out the answer.
    std::function<absl::Status(const v1::CompleteRequest&,
                               v1::CompleteResponse&)>
        complete = nullptr;
    // The same; requests of a stream are answered in pairs, the second first.
    std::function<absl::Status(const v1::ScoreRequest&, v1::ScoreResponse&)>
        score = nullptr;
    // Of a stream, what is told before the answer is its text, in two pieces.
    // Of bulk streams as above.
    std::function<absl::Status(const v1::TranslateRequest&,
                               v1::TranslateResponse&)>
        translate = nullptr;
    std::function<absl::Status(const v1::ForecastRequest&,
                               v1::ForecastResponse&)>
        forecast = nullptr;
    std::function<absl::Status(v1::ListModelsResponse&)> list_models = nullptr;
    std::function<absl::Status(const v1::GetModelRequest&,
                               v1::GetModelResponse&)>
        get_model = nullptr;
    std::function<absl::Status(v1::ReloadModelsResponse&)> reload_models =
        nullptr;
    std::function<absl::Status(const v1::ExplainRequest&, v1::ExplainResponse&)>
        explain = nullptr;

    // Sent with every error of a call: milliseconds until it may be tried
    // again; negative: never.
    std::optional<int> retry_pushback_ms = std::nullopt;
  };

  // An rpc without a handler is UNIMPLEMENTED.
  explicit FakeServer(Handlers handlers);

  // Waits for the calls under way.
  ~FakeServer();

  const std::string& address() const { return address_; }

  // Streams that were opened so far.
  int streams() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
  std::string address_;
};

// A suggestion in one line.
v1::Suggestion MakeSuggestion(const std::string& word,
                              const std::string& insert, double probability,
                              int replace = 0);

}  // namespace carousel

#endif  // CAROUSEL_TESTS_CLIENT_FAKE_SERVER_H_
