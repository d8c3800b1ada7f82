// SPDX-License-Identifier: Apache-2.0
//
// Completions for one text field, by AutocompleteService.CompleteStream. No
// gRPC here.

#ifndef CAROUSEL_CLIENT_CPP_TYPING_STREAM_H_
#define CAROUSEL_CLIENT_CPP_TYPING_STREAM_H_

#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "carousel/v1/autocomplete.pb.h"
#include "client/cpp/options.h"

namespace carousel {

class Calls;

// A request for every keystroke, and the newest wins: it supersedes those
// before it, of which any that is not answered yet is not told any more. The
// newest is always told, once: its answer, or an error, or CANCELLED.
//
// The stream is opened by the first request, and opened anew, with the newest
// one, where a server ends it because it drains or the connection has grown
// old. An error that ends a stream is that of its newest request: UNAVAILABLE
// where another try brought nothing either. The next request opens another
// stream. Memory is bounded: one request is being written, one waits.
//
// Thread-safe. The client outlives it; Client::Shutdown ends what is under way,
// and what is sent later at once, with CANCELLED.
//
//   auto typing = client->CompleteStream(
//       [&](int64_t number, absl::StatusOr<v1::CompleteResponse> response) {
//         ...
//       });
//   typing->Send("I wou");
//   typing->Send("I woul");
class TypingStream {
 public:
  // Told what came of the request with that number; the numbers grow. Called on
  // a few threads of gRPC's, one call at a time, never from within a function
  // of this class. Must not block. May call Send and Cancel.
  using Answer = absl::AnyInvocable<void(
      int64_t number, absl::StatusOr<v1::CompleteResponse> response)>;

  // Ends as Cancel does, and waits for the last call of the answer: not to be
  // called by one.
  ~TypingStream();
  TypingStream(const TypingStream&) = delete;
  TypingStream& operator=(const TypingStream&) = delete;

  // Asks what may come after `text`; returns the request's number, from 1. Does
  // not block. `options.timeout` is how long the request may be the newest
  // without an answer: DEADLINE_EXCEEDED. INVALID_ARGUMENT is told for text
  // that is not UTF-8.
  int64_t Send(absl::string_view text, const CompleteOptions& options = {});

  // Ends the stream after the last answer, and waits for both. Not to be called
  // by an answer.
  void Finish();

  // Ends the stream at once. What is not answered is told CANCELLED. Does not
  // block.
  void Cancel();

 private:
  friend class Client;
  class Impl;
  TypingStream(Calls& calls, Answer answer);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CPP_TYPING_STREAM_H_
