// SPDX-License-Identifier: Apache-2.0
//
// What a manifest says of running a bundle in less than f32: in which precision
// it is meant to run, and what that costs, measured on data.

#ifndef CAROUSEL_MODEL_BUNDLE_PRECISION_RECORD_H_
#define CAROUSEL_MODEL_BUNDLE_PRECISION_RECORD_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/onednn/precision.h"
#include "model/weights/strict_json.h"

namespace carousel {

// "f32", "bf16", "int8".
absl::string_view PrecisionName(Precision precision);

// The precision of that name. INVALID_ARGUMENT naming `what` ("--precision")
// for any other.
absl::StatusOr<Precision> ParsePrecision(absl::string_view what,
                                         absl::string_view name);

// What a loss is counted in.
enum class QualityMetric {
  kNone,        // not measured: there was no data
  kPerplexity,  // of a language model; the loss is relative
  kAccuracy,    // of a classifier, 0 to 1; the loss is in points of 0.01
};

// "none", "perplexity", "accuracy".
absl::string_view QualityMetricName(QualityMetric metric);

// A file that a figure was measured on.
struct MeasuredFile {
  std::string name = {};  // without its folder
  std::string sha256 = {};

  bool operator==(const MeasuredFile&) const = default;
};

struct PrecisionRecord {
  // Beyond these a bundle is not loaded unless it is forced to be.
  static constexpr double kMaxRelativeLoss = 0.005;  // of perplexity
  static constexpr double kMaxPointsLost = 0.2;      // of accuracy

  QualityMetric metric = QualityMetric::kNone;
  double f32 = 0;                       // the metric in f32
  double value = 0;                     // the metric in this precision
  std::vector<MeasuredFile> data = {};  // empty if and only if kNone

  // value / f32 - 1 of a perplexity, points of an accuracy; 0 for kNone.
  double Loss() const;
  bool WithinLimits() const;

  // "0.12 % of perplexity (25.19 in f32, 25.22)", "0.3 points of accuracy ...",
  // "what was not measured".
  std::string DescribeLoss() const;
  // "0.5 % of perplexity", "0.2 points of accuracy". REQUIRES: not kNone.
  std::string DescribeLimit() const;

  bool operator==(const PrecisionRecord&) const = default;
};

// kBF16 and kInt8 only.
using PrecisionRecords = std::map<Precision, PrecisionRecord>;

// The object {"int8": {...}}. INVALID_ARGUMENT naming the field, expected and
// found; int8 must have been measured, and the loss that is written must be the
// one that the two figures make.
absl::StatusOr<PrecisionRecords> ParsePrecisionRecords(const JsonField& field);
nlohmann::ordered_json PrecisionRecordsJson(const PrecisionRecords& records);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_PRECISION_RECORD_H_
