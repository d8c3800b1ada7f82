// SPDX-License-Identifier: Apache-2.0

#include "server/app/server.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "model/base/clock.h"
#include "model/base/cpu.h"
#include "model/base/status_macros.h"
#include "server/app/logging.h"
#include "server/app/model_log.h"
#include "server/http/admin_routes.h"
#include "server/metrics/process.h"

namespace carousel {
namespace {

// For the last answers to leave the process and for clients to close their
// connections themselves. An idle client looks only every few seconds: it is
// not waited for.
constexpr absl::Duration kFlushTime = absl::Milliseconds(250);

int WorkerCount(const ServerConfig& config) {
  return config.workers > 0 ? config.workers : ReadCpuAllowance().workers;
}

GrpcServerOptions GrpcOptions(const ServerConfig& config) {
  return {.address = config.grpc_address,
          .reflection = config.reflection,
          .max_connection_age = config.max_connection_age,
          .max_connection_age_grace = config.max_connection_age_grace,
          .min_ping_interval = config.min_ping_interval,
          .keepalive_time = config.keepalive_time};
}

// What /metrics tells of the engine.
struct EngineMetric {
  const char* name;
  const char* help;
  bool counter;
  double (*value)(const EngineStats&);
};

// The value is one of its own, or of a part's.
template <auto kMember>
double Value(const EngineStats& stats) {
  return static_cast<double>(stats.*kMember);
}
template <auto kPart, auto kMember>
double Value(const EngineStats& stats) {
  return static_cast<double>(stats.*kPart.*kMember);
}

using Stats = EngineStats;
constexpr EngineMetric kEngineMetrics[] = {
    {"carousel_queue_jobs", "Requests that wait.", false,
     Value<&Stats::queue, &QueueLoad::jobs>},
    {"carousel_queue_tokens", "Work of the requests that wait, in tokens.",
     false, Value<&Stats::queue, &QueueLoad::tokens>},
    {"carousel_running_jobs", "Requests that are being computed.", false,
     Value<&Stats::running>},
    {"carousel_refused_total",
     "Requests refused by a full queue, or for a deadline too near.", true,
     Value<&Stats::refused>},
    {"carousel_expired_total", "Requests dropped at their deadline.", true,
     Value<&Stats::expired>},
    {"carousel_cancelled_total", "Requests dropped: nobody waited.", true,
     Value<&Stats::cancelled>},
    {"carousel_tokens_total", "Tokens fed to networks.", true,
     Value<&Stats::tokens>},
    {"carousel_wasted_tokens_total", "... without an answer in the end.", true,
     Value<&Stats::wasted_tokens>},
    {"carousel_batches_total", "Batches of steps or outputs, computed.", true,
     Value<&Stats::batches>},
    {"carousel_batched_rows_total", "Sequences in them, together.", true,
     Value<&Stats::batched_rows>},
    {"carousel_prefix_cache_hits_total",
     "Texts and blocks of earlier text whose beginning was known.", true,
     Value<&Stats::cache, &PrefixCacheStats::hits>},
    {"carousel_prefix_cache_misses_total", "Those of which nothing was known.",
     true, Value<&Stats::cache, &PrefixCacheStats::misses>},
    {"carousel_prefix_cache_tokens_total", "Tokens that hits saved.", true,
     Value<&Stats::cache, &PrefixCacheStats::tokens>},
    {"carousel_prefix_cache_answers_total",
     "Questions whose answers were known.", true,
     Value<&Stats::cache, &PrefixCacheStats::answers>},
    {"carousel_prefix_cache_evictions_total", "States that were forgotten.",
     true, Value<&Stats::cache, &PrefixCacheStats::evictions>},
    {"carousel_prefix_cache_bytes", "Memory of the states remembered.", false,
     Value<&Stats::cache, &PrefixCacheStats::bytes>},
};

double SinceProcessStart() {
  return absl::ToDoubleSeconds(absl::Now() - ProcessStartTime());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const ServerConfig& config, const StopRequests* stop) {
  RETURN_IF_ERROR(Validate(config));
  ASSIGN_OR_RETURN(const LoadOptions options, ToLoadOptions(config));
  ASSIGN_OR_RETURN(auto repository,
                   ModelRepository::Open(config.models, options));
  auto server =
      std::unique_ptr<Server>(new Server(config, stop, std::move(repository)));
  RETURN_IF_ERROR(server->Listen());
  server->process_bytes_ = ProcessResidentBytes();
  RETURN_IF_ERROR(server->LoadModels());
  const std::vector<ModelVersion> versions = server->repository_->List();
  RETURN_IF_ERROR(server->CheckMemory(versions));
  RETURN_IF_ERROR(server->WarmUp(versions));
  server->SetReady(true);
  server->reloader_.Start();
  Log(LogLevel::info, "ready",
      {{"seconds_since_start", SinceProcessStart()},
       {"memory_bytes", ProcessResidentBytes()}});
  return server;
}

Server::Server(const ServerConfig& config, const StopRequests* stop,
               std::unique_ptr<ModelRepository> repository)
    : config_(config),
      stop_(stop),
      metrics_(CAROUSEL_VERSION),
      repository_(std::move(repository)),
      engine_({.workers = WorkerCount(config),
               .admission = {.max_queue_tokens = config.max_queue_tokens},
               .max_sequences = config.max_sequences,
               .prefix_cache_bytes =
                   static_cast<size_t>(config.prefix_cache_bytes)},
              Clock::Real()),
      reloader_([this] { return ReloadModels(); }),
      autocomplete_(
          {.max_text_bytes = static_cast<size_t>(config.max_text_bytes)},
          repository_.get(), &engine_),
      sentiment_(
          {.max_text_bytes = static_cast<size_t>(config.max_whole_text_bytes)},
          repository_.get(), &engine_),
      translation_(
          {.max_text_bytes = static_cast<size_t>(config.max_text_bytes)},
          repository_.get(), &engine_, &Clock::Real()),
      forecast_(repository_.get(), &engine_),
      models_(
          {.allow_reload = config.allow_reload,
           .allow_explain = config.allow_explain,
           .max_text_bytes = static_cast<size_t>(config.max_whole_text_bytes)},
          repository_.get(), &engine_, &reloader_),
      autocomplete_service_(&autocomplete_, {&metrics_, &Clock::Real()},
                            &streams_),
      sentiment_service_(&sentiment_, {&metrics_, &Clock::Real()}, &streams_),
      translation_service_(&translation_, {&metrics_, &Clock::Real()},
                           &streams_),
      forecast_service_(&forecast_, {&metrics_, &Clock::Real()}),
      model_service_(&models_, {&metrics_, &Clock::Real()}) {
  AddPolledMetrics();
}

Server::~Server() { Shutdown(); }

absl::Status Server::Listen() {
  const AdminSources sources = {
      .ready = [this] { return ready_.load(); },
      .metrics = [this] { return metrics_.Render(); }};
  ASSIGN_OR_RETURN(http_,
                   HttpServer::Start({.address = config_.http_address},
                                     [sources](const HttpRequest& request) {
                                       return HandleAdmin(request, sources);
                                     }));
  ASSIGN_OR_RETURN(
      grpc_, GrpcServer::Start(
                 GrpcOptions(config_),
                 {&autocomplete_service_, &sentiment_service_,
                  &translation_service_, &forecast_service_, &model_service_},
                 {v1::AutocompleteService::service_full_name(),
                  v1::SentimentService::service_full_name(),
                  v1::TranslationService::service_full_name(),
                  v1::ForecastService::service_full_name()}));
  const CpuAllowance cpus = ReadCpuAllowance();
  Log(LogLevel::info, "listening",
      {{"version", CAROUSEL_VERSION},
       {"grpc_address", config_.grpc_address},
       {"grpc_port", grpc_port()},
       {"http_address", config_.http_address},
       {"http_port", http_port()},
       {"models", config_.models},
       {"workers", WorkerCount(config_)},
       {"cpus", cpus.affinity},
       {"cpu_quota", cpus.quota},
       {"memory_bytes", ProcessResidentBytes()}});
  return absl::OkStatus();
}

absl::Status Server::LoadModels() {
  const absl::Status status =
      repository_->LoadAll([this] { return stop_->count() > 0; });
  std::string model;
  for (const ModelVersion& version : repository_->List()) {
    metrics_.SetModel(version.location.name, version.location.version,
                      StateName(version.state), version.load_time);
    LogLoaded(version);
    if (std::exchange(model, version.location.name) == version.location.name ||
        version.labels_error.ok()) {
      continue;
    }
    Log(LogLevel::err, "labels failed",
        {{"model", model}, {"error", version.labels_error.ToString()}});
  }
  return status;
}

void Server::AddPolledMetrics() {
  metrics_.AddPolled({"carousel_open_streams", "Streams that are open."},
                     [this] { return static_cast<double>(streams_.size()); });
  for (const EngineMetric& metric : kEngineMetrics) {
    metrics_.AddPolled(
        {metric.name, metric.help, metric.counter},
        [this, &metric] { return metric.value(engine_.stats()); });
  }
  const int workers = WorkerCount(config_);
  metrics_.AddPolled({"carousel_workers", "Threads that compute."},
                     [workers] { return static_cast<double>(workers); });
}

MemoryPlan Server::PlanFor(const std::vector<ModelVersion>& versions) const {
  std::vector<ModelMemory> models;
  for (const ModelVersion& version : versions) {
    if (version.state != ModelVersion::State::kReady) continue;
    const Model& model = *version.model;
    ModelMemory memory = {.bytes = static_cast<int64_t>(model.memory_bytes()),
                          .completes = model.task() == Task::kLanguageModel};
    if (memory.completes) memory.stack = model.network().sizes().stack();
    if (model.task() == Task::kClassifier) {
      memory.stack = model.classifier().network->sizes().rnn;
      memory.longest_text = model.manifest().classifier().longest_text;
    }
    if (model.task() == Task::kTranslator) {
      memory.translator = model.translator().network->sizes();
    }
    if (model.task() == Task::kForecaster) {
      memory.stack = model.forecaster().network->sizes().rnn;
      memory.window = model.forecaster().network->sizes().window;
    }
    models.push_back(memory);
  }
  return PlanMemory(config_, WorkerCount(config_), process_bytes_, models);
}

absl::Status Server::CheckMemory(
    const std::vector<ModelVersion>& versions) const {
  const MemoryPlan plan = PlanFor(versions);
  Log(LogLevel::info, "memory bound",
      {{"bytes", plan.total()},
       {"models", plan.models},
       {"prefix_caches", plan.caches},
       {"states", plan.states},
       {"scratch", plan.scratch},
       {"process", plan.process}});
  return carousel::CheckMemory(config_, plan);
}

absl::Status Server::WarmUp(const std::vector<ModelVersion>& versions) {
  const absl::Time start = absl::Now();
  for (const ModelVersion& version : versions) {
    if (version.state != ModelVersion::State::kReady) continue;
    if (version.model->task() == Task::kLanguageModel) {
      RETURN_IF_ERROR(engine_.WarmUp(version.model->network()));
    } else if (version.model->task() == Task::kClassifier) {
      RETURN_IF_ERROR(engine_.WarmUp(*version.model->classifier().network));
    } else if (version.model->task() == Task::kTranslator) {
      RETURN_IF_ERROR(engine_.WarmUp(*version.model->translator().network));
    } else if (version.model->task() == Task::kForecaster) {
      RETURN_IF_ERROR(engine_.WarmUp(*version.model->forecaster().network));
    }
  }
  Log(LogLevel::info, "warm",
      {{"seconds", absl::ToDoubleSeconds(absl::Now() - start)}});
  return absl::OkStatus();
}

void Server::SetReady(bool ready) {
  ready_ = ready;
  grpc_->SetReady(ready);
}

void Server::Shutdown() {
  if (shut_down_) return;
  shut_down_ = true;
  const bool was_ready = ready_;
  if (was_ready) {
    SetReady(false);
    Log(LogLevel::info, "not ready",
        {{"pause_seconds", absl::ToDoubleSeconds(config_.drain_pause)}});
    stop_->WaitFor(2, config_.drain_pause);
    Log(LogLevel::info, "draining",
        {{"queued", engine_.stats().queue.jobs},
         {"running", engine_.stats().running}});
  }
  reloader_.Stop();  // it needs the workers
  streams_.Drain();
  engine_.Drain(absl::Now() + config_.drain_deadline);
  if (grpc_ != nullptr) grpc_->Shutdown(absl::Now() + kFlushTime);
  http_.reset();
  if (!was_ready) return;
  Log(LogLevel::info, "stopped",
      {{"seconds_since_start", SinceProcessStart()}});
}

}  // namespace carousel
