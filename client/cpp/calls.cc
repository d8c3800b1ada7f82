// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/calls.h"

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace carousel {
namespace {

// All addresses of a name share the load (a headless service of Kubernetes has
// one for each replica), and what a draining replica refuses goes to another:
// every rpc of ours may be retried. A server that says when, by
// grpc-retry-pushback-ms, is obeyed.
constexpr char kServiceConfig[] = R"({
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [{}],
    "retryPolicy": {
      "maxAttempts": 3,
      "initialBackoff": "0.05s",
      "maxBackoff": "0.5s",
      "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
})";

// gRPC waits up to two minutes before it tries a dead address again; a person
// who has just started the server does not.
constexpr int kMaxReconnectBackoffMs = 2000;

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(kServiceConfig);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectBackoffMs);
  // A proxy for the web does not lead to a model server, least of all to one on
  // this machine.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

// Whether gRPC found no connection for a call. It has no code for that.
bool NeverSent(absl::string_view message) {
  return absl::StartsWith(message, "connections to all backends failing") ||
         absl::StartsWith(message, "failed to connect to all addresses") ||
         absl::StartsWith(message, "DNS resolution failed") ||
         absl::StartsWith(message, "empty address list");
}

// Whether gRPC speaks of a connection that broke, and not the server.
bool IsBroken(absl::string_view message) {
  return absl::StrContains(message, "Socket closed") ||
         absl::StrContains(message, "Connection reset") ||
         absl::StrContains(message, "Broken pipe");
}

}  // namespace

absl::Status FromMessage(const google::rpc::Status& message) {
  absl::Status status(static_cast<absl::StatusCode>(message.code()),
                      message.message());
  for (const auto& detail : message.details()) {
    status.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return status;
}

absl::Status EndedByCaller() {
  return absl::CancelledError("the caller has ended the call");
}

Calls::Calls(std::string address)
    : address_(std::move(address)), channel_(MakeChannel(address_)) {}

void Calls::End() {
  Shutdown();
  under_way_.Wait();
}

absl::Status Calls::ShutDownError() {
  return absl::CancelledError("the client is shut down");
}

absl::Status Calls::ToAbslStatus(const grpc::Status& status,
                                 absl::Duration timeout) {
  if (status.ok()) {
    NoteAnswer();
    return absl::OkStatus();
  }
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  if (code == absl::StatusCode::kCancelled && under_way_.is_shut_down()) {
    return ShutDownError();
  }
  if (code == absl::StatusCode::kUnavailable &&
      (!Connected() || IsBroken(status.error_message()))) {
    return Unreachable(status.error_message());
  }
  if (code == absl::StatusCode::kDeadlineExceeded) {
    return absl::DeadlineExceededError(absl::StrCat(
        "no answer from ", address_, " within ",
        timeout == absl::InfiniteDuration() ? "the server's time"
                                            : absl::FormatDuration(timeout)));
  }
  google::rpc::Status message;
  message.ParseFromString(status.error_details());  // else there are no details
  message.set_code(status.error_code());
  message.set_message(status.error_message());
  return FromMessage(message);
}

absl::Status Calls::Unreachable(const std::string& reason) const {
  if (answered_.load(std::memory_order_relaxed) || !NeverSent(reason)) {
    return absl::UnavailableError(
        absl::StrCat("the server at ", address_, " went away (", reason, ")"));
  }
  return absl::UnavailableError(absl::StrCat(
      "no server answers at ", address_,
      ": start one with `make serve`, or name another (", reason, ")"));
}

bool Calls::Connected() const {
  const grpc_connectivity_state state = channel_->GetState(false);
  return state == GRPC_CHANNEL_READY || state == GRPC_CHANNEL_IDLE;
}

}  // namespace carousel
