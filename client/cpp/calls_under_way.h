// SPDX-License-Identifier: Apache-2.0
//
// The calls of a Client that are under way: each can be cancelled, and all be
// ended and waited for. Internal to client/cpp, since it includes gRPC.

#ifndef CAROUSEL_CLIENT_CPP_CALLS_UNDER_WAY_H_
#define CAROUSEL_CLIENT_CPP_CALLS_UNDER_WAY_H_

#include <grpcpp/grpcpp.h>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "model/base/mutex.h"

namespace carousel {

// Thread-safe. Outlives its calls: see Wait.
class CallsUnderWay {
 public:
  // The context of a call, which is under way as long as it lives.
  class Context {
   public:
    // Cancelled from the start after Shutdown.
    Context(CallsUnderWay& calls, absl::Duration timeout);
    ~Context();

    Client::CallId id() const { return id_; }
    grpc::ClientContext& grpc() { return context_; }

   private:
    // Counts as a call under way.
    class Hold {
     public:
      explicit Hold(CallsUnderWay& calls);
      ~Hold();

     private:
      CallsUnderWay& calls_;
    };

    // First, to go last: the context holds on to the channel, which must not be
    // destroyed by one of its own threads.
    const Hold hold_;
    CallsUnderWay& calls_;
    grpc::ClientContext context_;
    Client::CallId id_ = 0;
  };

  // As of Client.
  void Cancel(Client::CallId call);
  void Shutdown();
  bool is_shut_down() const;

  // Blocks until there is none.
  void Wait();

 private:
  mutable Mutex mutex_;
  CondVar ended_;
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
  Client::CallId last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<Client::CallId, grpc::ClientContext*> contexts_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CPP_CALLS_UNDER_WAY_H_
