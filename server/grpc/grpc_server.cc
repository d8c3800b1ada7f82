// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/grpc_server.h"

#include <algorithm>
#include <climits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpc/impl/codegen/grpc_types.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/impl/server_builder_option.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "model/base/status_macros.h"
#include "server/grpc/listen_address.h"

namespace carousel {
namespace {

constexpr char kReadyName[] = "ready";

// Reflection on or off for one server. Linking the library alone would turn it
// on for every server in the process.
class ReflectionOption : public grpc::ServerBuilderOption {
 public:
  explicit ReflectionOption(bool on) : on_(on) {}

  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>*
                         plugins) override {
    auto plugin =
        std::make_unique<grpc::reflection::ProtoServerReflectionPlugin>();
    std::erase_if(*plugins, [name = plugin->name()](const auto& other) {
      return other->name() == name;
    });
    if (on_) plugins->push_back(std::move(plugin));
  }

 private:
  const bool on_;
};

int Milliseconds(absl::Duration duration) {
  constexpr absl::Duration kLongest = absl::Milliseconds(INT_MAX);
  return static_cast<int>(
      absl::ToInt64Milliseconds(std::min(duration, kLongest)));
}

void Configure(const GrpcServerOptions& options, grpc::ServerBuilder* builder) {
  const auto set = [builder](const char* name, int value) {
    builder->AddChannelArgument(name, value);
  };
  // Without this a second server could listen on the same port and take half of
  // the connections.
  set(GRPC_ARG_ALLOW_REUSEPORT, 0);
  set(GRPC_ARG_MAX_CONNECTION_AGE_MS, Milliseconds(options.max_connection_age));
  set(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
      Milliseconds(options.max_connection_age_grace));
  set(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(options.keepalive_time));
  set(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  set(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      Milliseconds(options.min_ping_interval));
  builder->SetMaxReceiveMessageSize(options.max_message_bytes);
  builder->SetMaxSendMessageSize(options.max_message_bytes);
  builder->SetOption(std::make_unique<ReflectionOption>(options.reflection));
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(
    const GrpcServerOptions& options,
    const std::vector<grpc::Service*>& services,
    std::vector<std::string> service_names) {
  RETURN_IF_ERROR(CheckListenAddress(options.address));
  auto result = std::unique_ptr<GrpcServer>(new GrpcServer);
  result->service_names_ = std::move(service_names);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  Configure(options, &builder);
  builder.AddListeningPort(options.address, grpc::InsecureServerCredentials(),
                           &result->port_);
  for (grpc::Service* service : services) builder.RegisterService(service);
  result->server_ = builder.BuildAndStart();
  if (result->server_ == nullptr || result->port_ == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen for gRPC on \"", options.address, "\""));
  }
  result->SetReady(false);
  return result;
}

GrpcServer::~GrpcServer() { Shutdown(absl::InfinitePast()); }

void GrpcServer::SetReady(bool ready) {
  grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
  health->SetServingStatus(kReadyName, ready);
  for (const std::string& name : service_names_) {
    health->SetServingStatus(name, ready);
  }
}

void GrpcServer::Shutdown(absl::Time deadline) {
  if (server_ == nullptr) return;
  server_->Shutdown(absl::ToChronoTime(std::clamp(
      deadline, absl::UnixEpoch(), absl::Now() + absl::Hours(24 * 365))));
  server_->Wait();
}

}  // namespace carousel
