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

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "carousel/v1/autocomplete.pb.h"
#include "carousel/v1/model.pb.h"
#include "carousel/v1/sentiment.pb.h"

namespace carousel {

// How long a call may take where nothing else is said.
inline constexpr absl::Duration kDefaultTimeout = absl::Seconds(5);

struct CompleteOptions {
  // Empty: the server's default. A version needs a model.
  std::string model = "";
  std::optional<int64_t> version = std::nullopt;

  // 1 to 100; unset: the server's default, 3.
  std::optional<int> max_suggestions = std::nullopt;

  // As in v1.CompleteRequest.
  std::optional<int> max_words = std::nullopt;
  std::optional<double> min_confidence = std::nullopt;

  // More than 0.
  absl::Duration timeout = kDefaultTimeout;
};

struct ScoreOptions {
  // As in CompleteOptions.
  std::string model = "";
  std::optional<int64_t> version = std::nullopt;

  // As in v1.ScoreRequest.
  bool contributions = false;
  bool running = false;

  // More than 0. Of ScoreAll: of all of it.
  absl::Duration timeout = kDefaultTimeout;
};

// A connection to one server, or to several behind a name: calls go round robin
// over all of its addresses, and a call that a draining server refuses is tried
// again on the next one.
//
// Errors of a call are those of its rpc in proto/, with the server's message,
// and INVALID_ARGUMENT for text that is not UTF-8. UNAVAILABLE and
// DEADLINE_EXCEEDED say which server did not answer.
//
// Thread-safe. Calls block, but for those whose name ends in Async: they return
// at once, and `done` is told what came of the call. It is called exactly once,
// whatever happens, on one of a few threads that gRPC keeps for this, which may
// be before the function returns, and never from within it. It must not block,
// since other calls wait for that thread; it may make further calls of the
// Async form.
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

  // Labels a text.
  absl::StatusOr<v1::ScoreResponse> Score(absl::string_view text,
                                          const ScoreOptions& options = {});
  CallId ScoreAsync(absl::string_view text, const ScoreOptions& options,
                    Done<v1::ScoreResponse> done);

  // Labels any number of texts, many at a time. `next` gives them, and nothing
  // at the end; it is called on a thread of its own. `answer` is told what came
  // of each as it comes: by its place, from 0, in any order, one at a time,
  // from either thread. Where a server ends the stream because it drains, or
  // because the connection has grown old, what is not answered goes on in
  // another one. Returns when all are answered, or with an error that concerns
  // all of them; in either case when `next` has returned.
  absl::Status ScoreAll(
      absl::FunctionRef<std::optional<std::string>()> next,
      absl::FunctionRef<void(int64_t place, absl::StatusOr<v1::ScoreResponse>)>
          answer,
      const ScoreOptions& options);

  // Every version of every model of the server.
  absl::StatusOr<v1::ListModelsResponse> ListModels(
      absl::Duration timeout = kDefaultTimeout);
  CallId ListModelsAsync(absl::Duration timeout,
                         Done<v1::ListModelsResponse> done);

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
