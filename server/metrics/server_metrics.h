// SPDX-License-Identifier: Apache-2.0
//
// The server's figures, in Prometheus' text format. README.md lists them.

#ifndef CAROUSEL_SERVER_METRICS_SERVER_METRICS_H_
#define CAROUSEL_SERVER_METRICS_SERVER_METRICS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace carousel {

// Thread-safe.
//
//   ServerMetrics metrics("0.1.0");
//   metrics.AddPolled({.name = "carousel_queue_jobs", .help = "..."},
//                     [&] { return queue.size(); });
//   std::string text = metrics.Render();
class ServerMetrics {
 public:
  explicit ServerMetrics(absl::string_view version);
  ~ServerMetrics();

  // A request that was answered.
  struct Request {
    absl::string_view method;  // "AutocompleteService/Complete"
    absl::StatusCode code = absl::StatusCode::kOk;
    absl::Duration total = {};                 // from its arrival to its answer
    std::optional<absl::Duration> queue = {};  // of it, waited for a worker
    absl::Duration compute = {};               // of it, was worked on
    bool computed = false;                     // whether `compute` says a thing
  };
  void Record(const Request& request);

  // A stream has ended. Its requests are counted one by one, by Record.
  void RecordStream(absl::string_view method, absl::StatusCode code);

  // State ("loading", "ready", "failed") of a version of a model. A version is
  // in one state at a time.
  void SetModel(absl::string_view name, int64_t version,
                absl::string_view state, absl::Duration load_time);

  // A version is there no more.
  void RemoveModel(absl::string_view name, int64_t version);

  // A reload is over. `failures`: the model of each version, or of labels, that
  // it could not take.
  void RecordReload(const std::vector<std::string>& failures);

  // A value that is asked for at every scrape. `read` must not block, and must
  // stay valid as long as Render may be called.
  struct Polled {
    std::string name;
    std::string help;
    bool counter = false;  // only grows; else a gauge
  };
  void AddPolled(Polled what, std::function<double()> read);

  // The text exposition format, version 0.0.4.
  std::string Render() const;

 private:
  class PolledValues;

  std::shared_ptr<prometheus::Registry> registry_;
  std::unique_ptr<PolledValues> polled_;

  // Owned by the registry.
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Counter>& streams_;
  prometheus::Family<prometheus::Histogram>& total_;
  prometheus::Family<prometheus::Histogram>& queue_;
  prometheus::Family<prometheus::Histogram>& compute_;
  prometheus::Family<prometheus::Gauge>& model_state_;
  prometheus::Family<prometheus::Gauge>& model_load_;
  prometheus::Family<prometheus::Counter>& reload_failures_;
  prometheus::Counter& reloads_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_METRICS_SERVER_METRICS_H_
