// SPDX-License-Identifier: Apache-2.0
//
// The gRPC listener: services, health, reflection, limits and keepalive.

#ifndef CAROUSEL_SERVER_GRPC_GRPC_SERVER_H_
#define CAROUSEL_SERVER_GRPC_GRPC_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/impl/codegen/service_type.h"
#include "grpcpp/server.h"

namespace carousel {

struct GrpcServerOptions {
  // "host:port", or what else gRPC takes ("unix:/run/carousel"); port 0: any
  // free one.
  std::string address = "127.0.0.1:0";

  // Server reflection, for grpcurl and its like.
  bool reflection = true;

  // A connection is closed in peace at this age (+-10 %), so that clients
  // spread over new replicas; calls that are open then may take `grace` longer.
  absl::Duration max_connection_age = absl::Minutes(5);
  absl::Duration max_connection_age_grace = absl::Seconds(30);

  // Smallest interval of a client's keepalive pings, and how often an idle
  // connection is asked whether anybody is there.
  absl::Duration min_ping_interval = absl::Seconds(10);
  absl::Duration keepalive_time = absl::Minutes(1);

  // Larger messages are refused with RESOURCE_EXHAUSTED before they are read.
  int max_message_bytes = 4 << 20;
};

// Thread-safe. Health (grpc.health.v1): "" says whether the process lives, the
// service "ready" and the name of every service given whether requests are
// welcome.
class GrpcServer {
 public:
  // Listens from here on, not ready. `services` must outlive the server.
  // UNAVAILABLE, naming the address and the reason, if it cannot be had;
  // INVALID_ARGUMENT if it is none.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      const GrpcServerOptions& options,
      const std::vector<grpc::Service*>& services,
      std::vector<std::string> service_names);

  // As Shutdown without grace.
  ~GrpcServer();

  int port() const { return port_; }

  void SetReady(bool ready);

  // Takes no new calls and returns when the open ones are answered; at
  // `deadline` they are cancelled. Blocks until each has been answered by its
  // service, also after the deadline. May be called again.
  void Shutdown(absl::Time deadline);

 private:
  GrpcServer() = default;

  int port_ = 0;
  std::vector<std::string> service_names_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_GRPC_GRPC_SERVER_H_
