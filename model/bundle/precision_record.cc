// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/precision_record.h"

#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/check.h"
#include "model/base/status_macros.h"
#include "model/bundle/manifest_fields.h"

namespace carousel {
namespace {

using nlohmann::ordered_json;

constexpr Precision kPrecisions[] = {Precision::kF32, Precision::kBF16,
                                     Precision::kInt8};
constexpr QualityMetric kMetrics[] = {
    QualityMetric::kNone, QualityMetric::kPerplexity, QualityMetric::kAccuracy};

// Of a network that knows less than nothing, and far from infinity.
constexpr double kMaxPerplexity = 1e12;

// What people round a written loss to, in hundredths of the limit.
constexpr double kAgreement = 0.02;

// The name of the field with the loss, and the largest that is accepted.
const char* LossField(QualityMetric metric) {
  return metric == QualityMetric::kPerplexity ? "relative_loss" : "points_lost";
}
double LossLimit(QualityMetric metric) {
  return metric == QualityMetric::kPerplexity
             ? PrecisionRecord::kMaxRelativeLoss
             : PrecisionRecord::kMaxPointsLost;
}

absl::StatusOr<double> ParseFigure(const JsonField& parent,
                                   absl::string_view name,
                                   QualityMetric metric) {
  ASSIGN_OR_RETURN(const JsonField field, parent.Get(name));
  ASSIGN_OR_RETURN(const double figure, field.Number());
  if (metric == QualityMetric::kPerplexity) {
    if (figure >= 1 && figure <= kMaxPerplexity) return figure;
    return field.Expected("a perplexity, from 1 to 1e12");
  }
  if (figure >= 0 && figure <= 1) return figure;
  return field.Expected("an accuracy, from 0 to 1");
}

absl::StatusOr<std::vector<MeasuredFile>> ParseData(const JsonField& field) {
  ASSIGN_OR_RETURN(const auto elements, field.Elements());
  if (elements.empty()) return field.Expected("at least one file");
  std::vector<MeasuredFile> files;
  for (const JsonField& element : elements) {
    MeasuredFile file;
    ASSIGN_OR_RETURN(const JsonField name, element.Get("file"));
    ASSIGN_OR_RETURN(file.name, name.String());
    if (file.name.empty()) return name.Expected("the name of a file");
    ASSIGN_OR_RETURN(file.sha256, ParseSha256(element));
    files.push_back(std::move(file));
  }
  return files;
}

// Two figures and a loss that contradict each other are an edit gone wrong.
absl::Status CheckWrittenLoss(const JsonField& field,
                              const PrecisionRecord& record) {
  ASSIGN_OR_RETURN(const JsonField written,
                   field.Get(LossField(record.metric)));
  ASSIGN_OR_RETURN(const double loss, written.Number());
  // Written so that a NaN fails.
  if (std::abs(loss - record.Loss()) <= kAgreement * LossLimit(record.metric)) {
    return absl::OkStatus();
  }
  return written.Expected(
      absl::StrCat("about ", record.Loss(), ", as f32 and value make it"));
}

absl::StatusOr<PrecisionRecord> ParseRecord(const JsonField& field) {
  PrecisionRecord record;
  std::vector<absl::string_view> names;
  for (QualityMetric metric : kMetrics) {
    names.push_back(QualityMetricName(metric));
  }
  ASSIGN_OR_RETURN(const size_t metric, ParseChoice(field, "metric", names));
  record.metric = kMetrics[metric];
  if (record.metric == QualityMetric::kNone) return record;
  ASSIGN_OR_RETURN(record.f32, ParseFigure(field, "f32", record.metric));
  ASSIGN_OR_RETURN(record.value, ParseFigure(field, "value", record.metric));
  RETURN_IF_ERROR(CheckWrittenLoss(field, record));
  ASSIGN_OR_RETURN(const JsonField data, field.Get("data"));
  ASSIGN_OR_RETURN(record.data, ParseData(data));
  return record;
}

ordered_json RecordJson(const PrecisionRecord& record) {
  ordered_json json = {
      {"metric", std::string(QualityMetricName(record.metric))}};
  if (record.metric == QualityMetric::kNone) return json;
  json["f32"] = record.f32;
  json["value"] = record.value;
  json[LossField(record.metric)] = record.Loss();
  ordered_json& data = json["data"] = ordered_json::array();
  for (const MeasuredFile& file : record.data) {
    data.push_back({{"file", file.name}, {"sha256", file.sha256}});
  }
  return json;
}

}  // namespace

absl::string_view PrecisionName(Precision precision) {
  switch (precision) {
    case Precision::kF32:
      return "f32";
    case Precision::kBF16:
      return "bf16";
    case Precision::kInt8:
      return "int8";
  }
  return "unknown";
}

absl::StatusOr<Precision> ParsePrecision(absl::string_view what,
                                         absl::string_view name) {
  for (Precision precision : kPrecisions) {
    if (name == PrecisionName(precision)) return precision;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      what, ": expected f32, bf16 or int8, found ", QuoteForMessage(name)));
}

absl::string_view QualityMetricName(QualityMetric metric) {
  switch (metric) {
    case QualityMetric::kNone:
      return "none";
    case QualityMetric::kPerplexity:
      return "perplexity";
    case QualityMetric::kAccuracy:
      return "accuracy";
  }
  return "unknown";
}

double PrecisionRecord::Loss() const {
  switch (metric) {
    case QualityMetric::kNone:
      return 0;
    case QualityMetric::kPerplexity:
      return value / f32 - 1;
    case QualityMetric::kAccuracy:
      return 100 * (f32 - value);
  }
  return 0;
}

bool PrecisionRecord::WithinLimits() const {
  return metric == QualityMetric::kNone || Loss() <= LossLimit(metric);
}

std::string PrecisionRecord::DescribeLoss() const {
  switch (metric) {
    case QualityMetric::kNone:
      return "what was not measured";
    case QualityMetric::kPerplexity:
      return absl::StrFormat("%.2f %% of perplexity (%.6g in f32, %.6g)",
                             100 * Loss(), f32, value);
    case QualityMetric::kAccuracy:
      return absl::StrFormat("%.2f points of accuracy (%.4f in f32, %.4f)",
                             Loss(), f32, value);
  }
  return "";
}

std::string PrecisionRecord::DescribeLimit() const {
  CAROUSEL_CHECK(metric != QualityMetric::kNone);
  return metric == QualityMetric::kPerplexity
             ? absl::StrCat(100 * kMaxRelativeLoss, " % of perplexity")
             : absl::StrCat(kMaxPointsLost, " points of accuracy");
}

absl::StatusOr<PrecisionRecords> ParsePrecisionRecords(const JsonField& field) {
  PrecisionRecords records;
  ASSIGN_OR_RETURN(const auto members, field.Members());
  for (const auto& [name, value] : members) {
    if (name != PrecisionName(Precision::kBF16) &&
        name != PrecisionName(Precision::kInt8)) {
      return value.Expected("\"bf16\" or \"int8\" on the left");
    }
    ASSIGN_OR_RETURN(const Precision precision, ParsePrecision(name, name));
    ASSIGN_OR_RETURN(PrecisionRecord record, ParseRecord(value));
    if (precision == Precision::kInt8 &&
        record.metric == QualityMetric::kNone) {
      return value.Expected("a measured loss");
    }
    records[precision] = std::move(record);
  }
  return records;
}

ordered_json PrecisionRecordsJson(const PrecisionRecords& records) {
  ordered_json json = ordered_json::object();
  for (const auto& [precision, record] : records) {
    json[std::string(PrecisionName(precision))] = RecordJson(record);
  }
  return json;
}

}  // namespace carousel
