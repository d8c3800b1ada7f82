// SPDX-License-Identifier: Apache-2.0
#include "model/train/metrics_log.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

// The whole lines of steps up to `last`. A crash may leave half a line.
std::string Keep(const std::string& content, int64_t last) {
  std::string kept;
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    const auto metrics =
        nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!metrics.is_object() || !metrics.contains("step")) continue;
    const auto& step = metrics["step"];
    if (step.is_number_integer() && step.get<int64_t>() <= last) {
      absl::StrAppend(&kept, line, "\n");
    }
  }
  return kept;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsLog>> MetricsLog::Open(
    const std::string& path, int64_t keep_up_to_step) {
  std::string kept;
  if (keep_up_to_step > 0) {
    absl::StatusOr<std::string> content = ReadFile(path);
    if (content.ok()) {
      kept = Keep(*content, keep_up_to_step);
    } else if (!absl::IsNotFound(content.status())) {
      return content.status();
    }
  }
  RETURN_IF_ERROR(WriteFileAtomically(path, kept));
  std::FILE* file = std::fopen(path.c_str(), "a");
  if (file == nullptr) return LastError("open", path);
  return std::unique_ptr<MetricsLog>(new MetricsLog(path, file));
}

MetricsLog::MetricsLog(std::string path, std::FILE* file)
    : path_(std::move(path)), file_(file) {}

MetricsLog::~MetricsLog() { std::fclose(file_); }

absl::Status MetricsLog::Write(const nlohmann::ordered_json& metrics) {
  const std::string line = metrics.dump() + "\n";
  if (std::fwrite(line.data(), line.size(), 1, file_) != 1 ||
      std::fflush(file_) != 0) {
    return LastError("write", path_);
  }
  return absl::OkStatus();
}

}  // namespace carousel
