// SPDX-License-Identifier: Apache-2.0
//
// One call under way: its context, and what it asks and is told where nobody
// waits for it. Internal to client/cpp, since it includes gRPC.

#ifndef CAROUSEL_CLIENT_CPP_CALL_CONTEXT_H_
#define CAROUSEL_CLIENT_CPP_CALL_CONTEXT_H_

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"

namespace carousel {

class Calls;

// The context of a call, cancelled from the start in a client that is shut
// down. Counts as a call under way of `calls`, which outlives it, until it is
// destroyed.
class CallContext {
 public:
  CallContext(Calls& calls, absl::Duration timeout);
  ~CallContext();
  CallContext(const CallContext&) = delete;
  CallContext& operator=(const CallContext&) = delete;

  Client::CallId id() const { return id_; }
  grpc::ClientContext& grpc() { return context_; }

 private:
  class Hold {
   public:
    explicit Hold(Calls& calls);
    ~Hold();

   private:
    Calls& calls_;
  };

  // First, to go last: the context holds on to the channel, which must not be
  // destroyed by one of its own threads.
  const Hold hold_;
  Calls& calls_;
  grpc::ClientContext context_;
  Client::CallId id_ = 0;
};

// Whoever holds it last ends it: then what `done` holds is gone, and gRPC needs
// the rest no more.
template <typename Request, typename Response>
struct AsyncCall {
  AsyncCall(Calls& calls, absl::Duration timeout, absl::StatusOr<Request> asked,
            Client::Done<Response> told)
      : context(calls, timeout), refusal(asked.status()) {
    if (asked.ok()) request = *std::move(asked);
    done = std::move(told);
  }

  void Finish(absl::Status result) {
    if (result.ok()) return std::move(done)(std::move(response));
    std::move(done)(std::move(result));
  }

  CallContext context;
  const absl::Status refusal;
  Request request;
  Response response;
  Client::Done<Response> done;
};

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CPP_CALL_CONTEXT_H_
