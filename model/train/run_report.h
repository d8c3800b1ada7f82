// SPDX-License-Identifier: Apache-2.0
//
// A run that one can look at: figures of what it has measured so far, and
// report.html, one page with figures, settings and last values that needs no
// network and no script.

#ifndef CAROUSEL_MODEL_TRAIN_RUN_REPORT_H_
#define CAROUSEL_MODEL_TRAIN_RUN_REPORT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "model/train/figure.h"

namespace carousel {

// The text with what HTML takes for markup escaped; good in attributes too.
std::string EscapeHtml(absl::string_view text);

// The figures that a metrics.jsonl gives: "loss" (perplexity where the run
// measures it, training and dev) against the steps, "loss_minutes" against the
// time, "learning_rate", "gradient_norm", and one for every other figure
// measured on dev. Those without points are left out.
std::vector<NamedFigure> RunFigures(absl::string_view metrics);

struct ReportInput {
  std::string title = {};
  std::string config = {};   // config.json; "": none
  std::string metrics = {};  // metrics.jsonl
  std::vector<std::string> svgs = {};
  bool refresh = false;  // the page reads itself again every minute
};

// The page.
std::string RunReport(const ReportInput& input);

// Draws the figures of `run_directory`/metrics.jsonl beside it and writes
// report.html, with the page refreshing itself until `finished`. Blocks, about
// a tenth of a second a figure. Without gnuplot the report has no figures and
// NOT_FOUND is returned. FAILED_PRECONDITION if nothing is measured yet.
absl::Status DrawRunFigures(const std::string& run_directory,
                            bool finished = false);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_RUN_REPORT_H_
