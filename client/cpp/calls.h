// SPDX-License-Identifier: Apache-2.0
//
// How a Client calls: each rpc waiting for it, or not, or as a stream; and how
// all of that is ended. Internal to client/cpp, since it includes gRPC.

#ifndef CAROUSEL_CLIENT_CPP_CALLS_H_
#define CAROUSEL_CLIENT_CPP_CALLS_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cpp/calls_under_way.h"
#include "client/cpp/client.h"
#include "google/rpc/status.pb.h"
#include "model/base/status_macros.h"

namespace carousel {

// With the details as payloads, under their type URLs.
absl::Status FromMessage(const google::rpc::Status& message);

// CANCELLED: of a call that its own caller has ended.
absl::Status EndedByCaller();

// The calls to one address. Thread-safe. A request that is an error is not sent
// but is what comes of the call.
//
//   Calls calls("127.0.0.1:50051");
//   auto stub = v1::ModelService::NewStub(calls.channel());
//   auto models = calls.Call<v1::ListModelsResponse>(
//       *stub, &v1::ModelService::Stub::ListModels, request, timeout);
class Calls {
 public:
  explicit Calls(std::string address);

  // REQUIRES: End() was called.
  ~Calls() = default;
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // Makes one call of a stub's `method` and waits for it.
  template <typename Response, typename Stub, typename Request>
  absl::StatusOr<Response> Call(
      Stub& stub,
      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                   Response*),
      const std::type_identity_t<absl::StatusOr<Request>>& request,
      absl::Duration timeout) {
    RETURN_IF_ERROR(request.status());
    Context context(under_way_, timeout);
    Response response;
    const grpc::Status status =
        (stub.*method)(&context.grpc(), *request, &response);
    RETURN_IF_ERROR(ToAbslStatus(status, timeout));
    return response;
  }

  // The same, with the method of `stub.async()`, and does not wait: as
  // Client::CompleteAsync.
  template <typename Response, typename AsyncStub, typename Request>
  Client::CallId Start(
      AsyncStub* stub,
      void (AsyncStub::*method)(grpc::ClientContext*, const Request*, Response*,
                                std::function<void(grpc::Status)>),
      std::type_identity_t<absl::StatusOr<Request>> request,
      absl::Duration timeout,
      std::type_identity_t<Client::Done<Response>> done) {
    auto call = std::make_shared<AsyncCall<Request, Response>>(
        under_way_, timeout, std::move(request), std::move(done));
    const Client::CallId id = call->context.id();
    // What is not sent ends as if it were, on a thread of gRPC's.
    if (!call->refusal.ok()) call->context.grpc().TryCancel();
    AsyncCall<Request, Response>& started = *call;
    (stub->*method)(
        &started.context.grpc(), &started.request, &started.response,
        [this, timeout, call = std::move(call)](const grpc::Status& status) {
          absl::Status result = call->refusal;
          result.Update(ToAbslStatus(status, timeout));
          call->Finish(std::move(result));
        });
    return id;
  }

  // Keeps a stream of a stub's `method` open while `run` writes and reads; the
  // context is there to cancel it.
  template <typename Stub, typename Stream>
  absl::Status RunStream(
      Stub& stub, std::unique_ptr<Stream> (Stub::*method)(grpc::ClientContext*),
      absl::Duration timeout,
      absl::FunctionRef<void(Stream&, grpc::ClientContext&)> run) {
    if (under_way_.is_shut_down()) return ShutDownError();
    Context context(under_way_, timeout);
    const std::unique_ptr<Stream> stream = (stub.*method)(&context.grpc());
    run(*stream, context.grpc());
    const grpc::Status status = stream->Finish();
    return ToAbslStatus(status, timeout);
  }

  // Reads a stream of a stub's `method`; `take` is given each message, and ends
  // the stream by returning false: CANCELLED.
  template <typename Response, typename Stub, typename Request>
  absl::Status ReadStream(Stub& stub,
                          std::unique_ptr<grpc::ClientReader<Response>> (
                              Stub::*method)(grpc::ClientContext*,
                                             const Request&),
                          const Request& request, absl::Duration timeout,
                          absl::FunctionRef<bool(Response&)> take) {
    if (under_way_.is_shut_down()) return ShutDownError();
    Context context(under_way_, timeout);
    const auto stream = (stub.*method)(&context.grpc(), request);
    Response message;
    bool ended = false;
    while (!ended && stream->Read(&message)) {
      NoteAnswer();
      ended = !take(message);
    }
    if (ended) context.grpc().TryCancel();
    while (ended && stream->Read(&message)) {  // what had come by then
    }
    const grpc::Status status = stream->Finish();
    if (ended) return EndedByCaller();
    return ToAbslStatus(status, timeout);
  }

  // As of Client.
  void Cancel(Client::CallId call) { under_way_.Cancel(call); }
  void Shutdown() { under_way_.Shutdown(); }

  // Shuts down, and waits for the calls under way.
  void End();

  CallsUnderWay& under_way() { return under_way_; }

  // The only place where a gRPC status becomes one of ours. The codes are the
  // same numbers; where gRPC speaks and not the server, the message is ours.
  absl::Status ToAbslStatus(const grpc::Status& status, absl::Duration timeout);

  // A message of a stream has come: the server is there, and if it is not later
  // on, it went away. Of calls it is noted here.
  void NoteAnswer() { answered_.store(true, std::memory_order_relaxed); }

 private:
  using Context = CallsUnderWay::Context;

  // Whoever holds it last ends it: then what `done` holds is gone, and gRPC
  // needs the rest no more.
  template <typename Request, typename Response>
  struct AsyncCall {
    AsyncCall(CallsUnderWay& calls, absl::Duration timeout,
              absl::StatusOr<Request> asked, Client::Done<Response> told)
        : context(calls, timeout), refusal(asked.status()) {
      if (asked.ok()) request = *std::move(asked);
      done = std::move(told);
    }

    void Finish(absl::Status result) {
      if (result.ok()) return std::move(done)(std::move(response));
      std::move(done)(std::move(result));
    }

    Context context;
    const absl::Status refusal;
    Request request;
    Response response;
    Client::Done<Response> done;
  };

  static absl::Status ShutDownError();
  bool Connected() const;

  // UNAVAILABLE: whether there is no server, or one that went away.
  absl::Status Unreachable(const std::string& reason) const;

  // Constant after construction.
  const std::string address_;
  const std::shared_ptr<grpc::Channel> channel_;

  CallsUnderWay under_way_;
  std::atomic<bool> answered_ = false;  // by the server, ever
};

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CPP_CALLS_H_
