// SPDX-License-Identifier: Apache-2.0
//
// One unary RPC, from the bytes that came in to the status that goes out.

#ifndef CAROUSEL_SERVER_GRPC_UNARY_CALL_H_
#define CAROUSEL_SERVER_GRPC_UNARY_CALL_H_

#include <atomic>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "model/base/clock.h"
#include "server/core/call.h"
#include "server/grpc/messages.h"
#include "server/metrics/server_metrics.h"

namespace carousel {

// The transport's side of an RPC: bytes, trailers, figures. Deletes itself when
// gRPC is done with it.
class UnaryCall : public grpc::ServerUnaryReactor {
 public:
  // What the calls of a server share. Outlives them.
  struct Environment {
    ServerMetrics* metrics = nullptr;
    const Clock* clock = nullptr;
  };

  // `method` must outlive the call, e.g. "AutocompleteService/Complete".
  UnaryCall(const Environment& environment, absl::string_view method,
            grpc::CallbackServerContext* context, grpc::ByteBuffer* reply);

  // The deadline, and a flag that OnCancel sets.
  CallContext call_context() const;

  // Answers: `response` if `status` is OK. Called exactly once, from any
  // thread; the call may be gone when it returns.
  void Answer(absl::Status status, const google::protobuf::Message* response,
              const CallReport& report);

 private:
  void OnCancel() override { cancelled_->store(true); }
  void OnDone() override { delete this; }
  const Environment& environment_;
  const absl::string_view method_;
  const absl::Time start_;
  grpc::CallbackServerContext* const context_;
  grpc::ByteBuffer* const reply_;
  const std::shared_ptr<std::atomic<bool>> cancelled_;
};

// What the answer took as trailers, `carousel-queue-us` for instance.
void AddReportTrailers(const CallReport& report,
                       grpc::CallbackServerContext* context);

// Runs `core_method`, a function of (request, CallContext, CallDone<Response>),
// for an RPC that has come in. Never blocks.
template <typename Request, typename Response, typename CoreMethod>
grpc::ServerUnaryReactor* RunUnary(UnaryCall* call,
                                   const grpc::ByteBuffer& bytes,
                                   CoreMethod core_method) {
  Request request;
  if (absl::Status status = ParseMessage(bytes, &request); !status.ok()) {
    call->Answer(status, nullptr, {});
    return call;
  }
  core_method(request, call->call_context(),
              CallDone<Response>([call](absl::StatusOr<Response> response,
                                        const CallReport& report) {
                call->Answer(response.status(),
                             response.ok() ? &*response : nullptr, report);
              }));
  return call;
}

}  // namespace carousel

#endif  // CAROUSEL_SERVER_GRPC_UNARY_CALL_H_
