// SPDX-License-Identifier: Apache-2.0
//
// A client for Carousel's services. It hides gRPC: messages in, StatusOr of
// messages out, and no gRPC header for whoever includes this.

#ifndef CAROUSEL_CLIENT_CPP_CLIENT_H_
#define CAROUSEL_CLIENT_CPP_CLIENT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "carousel/v1/autocomplete.pb.h"
#include "carousel/v1/forecast.pb.h"
#include "carousel/v1/model.pb.h"
#include "carousel/v1/sentiment.pb.h"
#include "carousel/v1/translation.pb.h"
#include "client/cpp/options.h"
#include "client/cpp/typing_stream.h"

namespace carousel {

// A connection to one server, or to several behind a name: calls go round robin
// over all of its addresses, and a call that a draining server refuses is tried
// again on the next one.
//
// Errors of a call are those of its rpc in proto/, with the server's message,
// and INVALID_ARGUMENT for text that is not UTF-8. UNAVAILABLE and
// DEADLINE_EXCEEDED say which server did not answer. The details of google.rpc
// (BadRequest, RetryInfo, ResourceInfo) are payloads of the status under their
// type URLs, "type.googleapis.com/google.rpc.BadRequest" for instance.
//
// Thread-safe. Calls block, but for CompleteStream (typing_stream.h) and those
// whose name ends in Async: they return at once, and `done` is told what came
// of the call. It is called exactly once, whatever happens, on one of a few
// threads that gRPC keeps for this, which may be before the function returns,
// and never from within it. It must not block, since other calls wait for that
// thread; it may make further calls of the Async form.
//
//   ASSIGN_OR_RETURN(auto client, Client::Connect("127.0.0.1:50051"));
//   ASSIGN_OR_RETURN(auto response, client->Complete("I would like to"));
//   for (const v1::Suggestion& s : response.suggestions()) ...
//
//   client->CompleteAsync("I would like to", {},
//                         [](absl::StatusOr<v1::CompleteResponse> response) {
//                           ...
//                         });
class Client {
 public:
  // Told what came of an asynchronous call.
  template <typename Response>
  using Done = absl::AnyInvocable<void(absl::StatusOr<Response>) &&>;

  // Names an asynchronous call of this client.
  using CallId = int64_t;

  // `address`: "HOST:PORT", or a name that gRPC resolves
  // ("dns:///carousel:50051", "unix:/run/carousel.sock"). Does not wait for the
  // server: the first call connects. INVALID_ARGUMENT: no port.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(
      absl::string_view address);

  // Ends calls of the Async form as Shutdown does, and waits until each `done`
  // has returned and is gone: not to be destroyed by one of them. Blocking
  // calls must have returned.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Suggests words for the cursor's position; `text` is what stands left of it.
  absl::StatusOr<v1::CompleteResponse> Complete(
      absl::string_view text, const CompleteOptions& options = {});
  CallId CompleteAsync(absl::string_view text, const CompleteOptions& options,
                       Done<v1::CompleteResponse> done);

  // Completes while a person types into one text field. To be destroyed before
  // the client.
  std::unique_ptr<TypingStream> CompleteStream(TypingStream::Answer answer);

  // Labels a text.
  absl::StatusOr<v1::ScoreResponse> Score(absl::string_view text,
                                          const ScoreOptions& options = {});
  CallId ScoreAsync(absl::string_view text, const ScoreOptions& options,
                    Done<v1::ScoreResponse> done);

  // Labels any number of texts, many at a time. `next` gives them, and nothing
  // at the end; it is called on a thread of its own, and waits while 1,024
  // texts, or 4 MiB of them, follow the first that is not answered: who puts
  // answers in order keeps no more. `answer` is told what came of each as it
  // comes: by its place, from 0, in any order, one at a time, from either
  // thread. It returns whether to go on: false ends the call, and the work for
  // it, with CANCELLED. Where a server ends the stream because it drains, or
  // because the connection has grown old, what is not answered goes on in
  // another one. Returns when all are answered, or with an error that concerns
  // all of them; in either case when `next` has returned.
  absl::Status ScoreAll(
      absl::FunctionRef<std::optional<std::string>()> next,
      absl::FunctionRef<bool(int64_t place, absl::StatusOr<v1::ScoreResponse>)>
          answer,
      const ScoreOptions& options);

  // Translates a text.
  absl::StatusOr<v1::TranslateResponse> Translate(
      absl::string_view text, const TranslateOptions& options = {});
  CallId TranslateAsync(absl::string_view text, const TranslateOptions& options,
                        Done<v1::TranslateResponse> done);

  // The same; `on_text` is told more of the translation as it is written, on
  // this thread: all that it was told is the text in the end. It returns
  // whether to go on: false ends the call, and the work for it, with CANCELLED.
  absl::StatusOr<v1::TranslateResponse> TranslateAloud(
      absl::string_view text,
      absl::FunctionRef<bool(absl::string_view more)> on_text,
      const TranslateOptions& options = {});

  // Translates any number of texts, as ScoreAll labels them.
  absl::Status TranslateAll(
      absl::FunctionRef<std::optional<std::string>()> next,
      absl::FunctionRef<bool(int64_t place,
                             absl::StatusOr<v1::TranslateResponse>)>
          answer,
      const TranslateOptions& options);

  // Continues series. INVALID_ARGUMENT also for a time that protobuf does not
  // have: before the year 1 or after 9999.
  absl::StatusOr<v1::ForecastResponse> Forecast(
      const SeriesHistory& history, const ForecastOptions& options = {});
  CallId ForecastAsync(const SeriesHistory& history,
                       const ForecastOptions& options,
                       Done<v1::ForecastResponse> done);

  // Every version of every model of the server.
  absl::StatusOr<v1::ListModelsResponse> ListModels(
      absl::Duration timeout = kDefaultTimeout);
  CallId ListModelsAsync(absl::Duration timeout,
                         Done<v1::ListModelsResponse> done);

  // One version, with all that is known of it.
  absl::StatusOr<v1::GetModelResponse> GetModel(
      const v1::ModelSpec& model, absl::Duration timeout = kDefaultTimeout);
  CallId GetModelAsync(const v1::ModelSpec& model, absl::Duration timeout,
                       Done<v1::GetModelResponse> done);

  // Has the server look for models anew, and waits until it has.
  absl::StatusOr<v1::ReloadModelsResponse> ReloadModels(
      absl::Duration timeout = kReloadTimeout);
  CallId ReloadModelsAsync(absl::Duration timeout,
                           Done<v1::ReloadModelsResponse> done);

  // How a model reads a text.
  absl::StatusOr<v1::ExplainResponse> Explain(
      absl::string_view text, const v1::ModelSpec& model,
      absl::Duration timeout = kDefaultTimeout);
  CallId ExplainAsync(absl::string_view text, const v1::ModelSpec& model,
                      absl::Duration timeout, Done<v1::ExplainResponse> done);

  // Ends a call of the Async form, with CANCELLED; nothing if it has ended.
  void Cancel(CallId call);

  // Ends all calls under way, and later ones at once, with CANCELLED.
  void Shutdown();

 private:
  class Impl;
  explicit Client(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CPP_CLIENT_H_
