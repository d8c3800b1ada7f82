// SPDX-License-Identifier: Apache-2.0
//
// The whole server in one object: what `carousel-server` runs, and what tests
// run in their own process on free ports.
//
// Start: ports -> models, one after the other -> ready. Liveness, metrics and
// ListModels answer while models are being loaded.
//
// Reload: when asked, by SIGHUP or by rpc (server/repository/README.md).
//
// Shutdown, in this order, each step only when the one before is done:
//   1. not ready: readiness fails, on both ports
//   2. pause: requests are taken as before, while the load balancers learn that
//      this replica goes (drain_pause; a second request to stop cuts it)
//   3. drain: new requests are refused (UNAVAILABLE: try another replica) and
//      those taken in are answered; what is open after drain_deadline is
//      answered with UNAVAILABLE. Streams end with UNAVAILABLE, the idle ones
//      at once. Then the workers end. A reload ends before, with the version
//      that it is loading when the first request to stop comes
//   4. gRPC closes its connections, then HTTP
// A call that arrives in the moment of step 4 may fail with CANCELLED, which is
// gRPC's doing: it was not taken in and may be retried.

#ifndef CAROUSEL_SERVER_APP_SERVER_H_
#define CAROUSEL_SERVER_APP_SERVER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/app/config.h"
#include "server/app/memory_plan.h"
#include "server/app/stop_requests.h"
#include "server/core/autocomplete.h"
#include "server/core/forecast.h"
#include "server/core/live_streams.h"
#include "server/core/models.h"
#include "server/core/sentiment.h"
#include "server/core/translation.h"
#include "server/engine/engine.h"
#include "server/grpc/grpc_server.h"
#include "server/grpc/services.h"
#include "server/http/http_server.h"
#include "server/metrics/server_metrics.h"
#include "server/repository/reloader.h"
#include "server/repository/repository.h"

namespace carousel {

//   StopRequests stop;
//   ASSIGN_OR_RETURN(auto server, Server::Start(config, &stop));
//   stop.WaitFor(1, absl::InfiniteDuration());
//   server->Shutdown();
class Server {
 public:
  // Blocks until the server is ready. Errors: as Validate, ScanBundles and
  // ModelRepository::LoadAll; UNAVAILABLE if an address cannot be had;
  // CANCELLED if there was a request to stop meanwhile. `stop` must outlive the
  // server.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerConfig& config, const StopRequests* stop);

  // Shuts down if that has not been done.
  ~Server();

  // The ports that were given.
  int grpc_port() const { return grpc_->port(); }
  int http_port() const { return http_->port(); }

  const Engine& engine() const { return engine_; }
  const ServerMetrics& metrics() const { return metrics_; }

  // Has models reloaded. Never blocks.
  void Reload() { reloader_.Request(); }

  // As described above. Blocks, at most drain_pause + drain_deadline and a
  // little. May be called again, by one thread at a time.
  void Shutdown();

 private:
  Server(const ServerConfig& config, const StopRequests* stop,
         std::unique_ptr<ModelRepository> repository);

  absl::Status Listen();
  absl::Status LoadModels();
  MemoryPlan PlanFor(const std::vector<ModelVersion>& versions) const;
  absl::Status CheckMemory(const std::vector<ModelVersion>& versions) const;
  absl::Status WarmUp(const std::vector<ModelVersion>& versions);
  absl::StatusOr<ReloadReport> ReloadModels();
  absl::StatusOr<std::shared_ptr<const Model>> LoadBesideOthers(
      const std::string& directory);
  void AddPolledMetrics();
  void SetReady(bool ready);

  const ServerConfig config_;
  const StopRequests* const stop_;
  std::atomic<bool> ready_ = false;
  bool shut_down_ = false;
  int64_t process_bytes_ = 0;  // resident before models were loaded

  // Each needs those above it and is destroyed before them.
  ServerMetrics metrics_;
  const std::unique_ptr<ModelRepository> repository_;
  Engine engine_;
  Reloader reloader_;
  const AutocompleteCore autocomplete_;
  const SentimentCore sentiment_;
  const TranslationCore translation_;
  const ForecastCore forecast_;
  const ModelCore models_;
  LiveStreams streams_;
  AutocompleteGrpcService autocomplete_service_;
  SentimentGrpcService sentiment_service_;
  TranslationGrpcService translation_service_;
  ForecastGrpcService forecast_service_;
  ModelGrpcService model_service_;
  std::unique_ptr<GrpcServer> grpc_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_APP_SERVER_H_
