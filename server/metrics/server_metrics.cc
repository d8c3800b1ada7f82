// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/server_metrics.h"

#include <sstream>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "model/base/mutex.h"
#include "prometheus/text_serializer.h"
#include "server/metrics/process.h"

namespace carousel {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;

// Seconds, about half a decade apart: a keystroke's answer takes some hundred
// microseconds, an overloaded queue some seconds.
const prometheus::Histogram::BucketBoundaries kSeconds = {
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
    0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};

constexpr const char* kModelStates[] = {"loading", "ready", "failed"};

prometheus::Family<prometheus::Histogram>& Seconds(
    prometheus::Registry& registry, const std::string& name,
    const std::string& help) {
  return BuildHistogram().Name(name).Help(help).Register(registry);
}

}  // namespace

// Asks at every collection.
class ServerMetrics::PolledValues {
 public:
  void Add(Polled what, std::function<double()> read) {
    MutexLock lock(&mutex_);
    values_.emplace_back(std::move(what), std::move(read));
  }

  void AppendTo(std::vector<prometheus::MetricFamily>* families) const {
    MutexLock lock(&mutex_);
    for (const auto& [what, read] : values_) {
      prometheus::MetricFamily& family = families->emplace_back();
      family.name = what.name;
      family.help = what.help;
      family.type = what.counter ? prometheus::MetricType::Counter
                                 : prometheus::MetricType::Gauge;
      family.metric.emplace_back().gauge.value = read();
      family.metric.back().counter.value = family.metric.back().gauge.value;
    }
  }

 private:
  mutable Mutex mutex_;
  std::vector<std::pair<Polled, std::function<double()>>> values_
      ABSL_GUARDED_BY(mutex_);
};

ServerMetrics::ServerMetrics(absl::string_view version)
    : registry_(std::make_shared<prometheus::Registry>()),
      polled_(std::make_unique<PolledValues>()),
      requests_(BuildCounter()
                    .Name("carousel_requests_total")
                    .Help("Requests answered, by method and status code.")
                    .Register(*registry_)),
      streams_(BuildCounter()
                   .Name("carousel_streams_total")
                   .Help("Streams ended, by method and status code.")
                   .Register(*registry_)),
      total_(Seconds(*registry_, "carousel_request_seconds",
                     "From a request's arrival to its answer.")),
      queue_(Seconds(*registry_, "carousel_queue_seconds",
                     "Time that a request waited for a worker.")),
      compute_(Seconds(*registry_, "carousel_compute_seconds",
                       "Time that a worker took for a request.")),
      model_state_(BuildGauge()
                       .Name("carousel_model_state")
                       .Help("1 for the state that a model's version is in.")
                       .Register(*registry_)),
      model_load_(BuildGauge()
                      .Name("carousel_model_load_seconds")
                      .Help("How long reading and checking a version took.")
                      .Register(*registry_)),
      reload_failures_(
          BuildCounter()
              .Name("carousel_reload_failures_total")
              .Help("Versions and labels that a reload could not take.")
              .Register(*registry_)),
      reloads_(BuildCounter()
                   .Name("carousel_reloads_total")
                   .Help("Times that models were looked for anew.")
                   .Register(*registry_)
                   .Add({})) {
  BuildGauge()
      .Name("carousel_build_info")
      .Help("1, with the version of the program.")
      .Register(*registry_)
      .Add({{"version", std::string(version)}})
      .Set(1);
  AddPolled(
      {"process_start_time_seconds",
       "When the process started, in seconds since 1970."},
      [] {
        return absl::ToDoubleSeconds(ProcessStartTime() - absl::UnixEpoch());
      });
  AddPolled({"process_resident_memory_bytes", "Memory held in RAM."},
            [] { return static_cast<double>(ProcessResidentBytes()); });
  AddPolled({"process_open_fds", "Open file descriptors."},
            [] { return static_cast<double>(ProcessOpenFiles()); });
  AddPolled({"process_cpu_seconds_total", "CPU time used.", /*counter=*/true},
            [] { return ProcessCpuSeconds(); });
}

ServerMetrics::~ServerMetrics() = default;

void ServerMetrics::Record(const Request& request) {
  const std::string method(request.method);
  requests_
      .Add({{"method", method},
            {"code", absl::StatusCodeToString(request.code)}})
      .Increment();
  const auto observe = [&](prometheus::Family<prometheus::Histogram>& family,
                           absl::Duration duration) {
    family.Add({{"method", method}}, kSeconds)
        .Observe(absl::ToDoubleSeconds(duration));
  };
  observe(total_, request.total);
  if (request.queue.has_value()) observe(queue_, *request.queue);
  if (!request.computed) return;
  observe(compute_, request.compute);
}

void ServerMetrics::RecordStream(absl::string_view method,
                                 absl::StatusCode code) {
  streams_
      .Add({{"method", std::string(method)},
            {"code", absl::StatusCodeToString(code)}})
      .Increment();
}

void ServerMetrics::SetModel(absl::string_view name, int64_t version,
                             absl::string_view state,
                             absl::Duration load_time) {
  const prometheus::Labels labels = {{"model", std::string(name)},
                                     {"version", absl::StrCat(version)}};
  for (const char* each : kModelStates) {
    prometheus::Labels with_state = labels;
    with_state["state"] = each;
    model_state_.Add(with_state).Set(each == state ? 1 : 0);
  }
  model_load_.Add(labels).Set(absl::ToDoubleSeconds(load_time));
}

void ServerMetrics::RemoveModel(absl::string_view name, int64_t version) {
  const prometheus::Labels labels = {{"model", std::string(name)},
                                     {"version", absl::StrCat(version)}};
  for (const char* state : kModelStates) {
    prometheus::Labels with_state = labels;
    with_state["state"] = state;
    model_state_.Remove(&model_state_.Add(with_state));
  }
  model_load_.Remove(&model_load_.Add(labels));
}

void ServerMetrics::RecordReload(const std::vector<std::string>& failures) {
  reloads_.Increment();
  for (const std::string& model : failures) {
    reload_failures_.Add({{"model", model}}).Increment();
  }
}

void ServerMetrics::AddPolled(Polled what, std::function<double()> read) {
  polled_->Add(std::move(what), std::move(read));
}

std::string ServerMetrics::Render() const {
  std::vector<prometheus::MetricFamily> families = registry_->Collect();
  polled_->AppendTo(&families);
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return text.str();
}

}  // namespace carousel
