// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "client/cli/cli.h"
#include "client/load/load.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

constexpr size_t kMaxTextsBytes = size_t{256} << 20;

absl::StatusOr<std::vector<std::string>> ReadLines(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxTextsBytes));
  std::vector<std::string> lines =
      absl::StrSplit(text, absl::ByAnyChar("\r\n"), absl::SkipEmpty());
  if (lines.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected lines of text, found none"));
  }
  return lines;
}

std::string Milliseconds(const LoadResult& result, double quantile) {
  return absl::StrFormat(
      "%.2f ms", absl::ToDoubleMilliseconds(result.latency.Quantile(quantile)));
}

std::string Table(const LoadResult& result) {
  std::string text = absl::StrFormat(
      "%.0f calls/s, %d in %s\nlatency  p50 %s  p90 %s  p99 %s  p99.9 %s\n",
      result.calls_per_second(), result.latency.count(),
      absl::FormatDuration(result.measured), Milliseconds(result, 0.5),
      Milliseconds(result, 0.9), Milliseconds(result, 0.99),
      Milliseconds(result, 0.999));
  for (const auto& [code, count] : result.errors) {
    absl::StrAppendFormat(&text, "%s  %d\n", code, count);
  }
  return text;
}

}  // namespace

absl::Status RunLoadCommand(const Options& options, Client&, Console& console) {
  LoadOptions load = options.load;
  load.server = options.server;
  load.timeout = options.timeout;
  load.model = options.model;
  load.version = options.version;
  load.label = options.label;
  if (!options.load_texts.empty()) {
    ASSIGN_OR_RETURN(load.lines, ReadLines(options.load_texts));
  }
  const auto on_progress = [&](double share, int64_t calls) {
    if (!console.out_is_terminal || options.json) return;
    console.err << absl::StrFormat("\r%3.0f%%  %d calls", 100 * share, calls)
                << (share < 1 ? "" : "\n");
    console.err.flush();
  };
  ASSIGN_OR_RETURN(const LoadResult result, RunLoad(load, on_progress));
  console.out << (options.json ? absl::StrCat(LoadJson(result), "\n")
                               : Table(result));
  return absl::OkStatus();
}

}  // namespace carousel
