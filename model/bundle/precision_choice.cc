// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/precision_choice.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/base/status_macros.h"
#include "model/onednn/matmul.h"

namespace carousel {
namespace {

// What keeps the network from running so: "this CPU lacks AVX512_VNNI". Empty:
// nothing.
absl::string_view Hindrance(const PrecisionQuestion& question,
                            Precision precision) {
  if (!question.network.Has(precision)) {
    return precision == Precision::kInt8 && question.network.bf16
               ? "only LSTM cells have it"
               : "only language models and classifiers have it";
  }
  if (question.cpu.Has(precision)) return "";
  return precision == Precision::kInt8 ? "this CPU lacks AVX512_VNNI"
                                       : "this CPU lacks AVX512_BF16";
}

absl::Status CheckLoss(const PrecisionQuestion& question, Precision precision) {
  const auto found = question.records.find(precision);
  if (question.force || found == question.records.end() ||
      found->second.WithinLimits()) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      PrecisionName(precision), ": expected to cost at most ",
      found->second.DescribeLimit(), ", costs ", found->second.DescribeLoss(),
      "; f32 has to be asked for, or the loss to be forced"));
}

// "int8 costs 0.12 % of perplexity (25.19 in f32, 25.22)".
std::string DescribeCost(const PrecisionRecords& records, Precision precision) {
  if (precision == Precision::kF32) return "";
  const auto found = records.find(precision);
  return absl::StrCat(PrecisionName(precision), " costs ",
                      found == records.end() ? PrecisionRecord().DescribeLoss()
                                             : found->second.DescribeLoss());
}

absl::StatusOr<PrecisionChoice> ChooseWanted(const PrecisionQuestion& question,
                                             Precision wanted) {
  const absl::string_view hindrance = Hindrance(question, wanted);
  if (!hindrance.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(PrecisionName(wanted), " was asked for, but ", hindrance));
  }
  RETURN_IF_ERROR(CheckLoss(question, wanted));
  return PrecisionChoice{wanted, DescribeCost(question.records, wanted)};
}

}  // namespace

bool PrecisionSupport::Has(Precision precision) const {
  switch (precision) {
    case Precision::kF32:
      return true;
    case Precision::kBF16:
      return bf16;
    case Precision::kInt8:
      return int8;
  }
  return false;
}

PrecisionSupport CpuPrecisions() {
  return {.bf16 = SupportsBF16(), .int8 = SupportsInt8()};
}

absl::StatusOr<PrecisionChoice> ChoosePrecision(
    const PrecisionQuestion& question) {
  if (question.wanted) return ChooseWanted(question, *question.wanted);
  std::string lacking;
  for (Precision meant : {Precision::kInt8, Precision::kBF16}) {
    if (!question.records.contains(meant)) continue;
    // Whatever the CPU: a bundle that some replicas refuse is worse than one
    // that all do.
    RETURN_IF_ERROR(CheckLoss(question, meant));
    const absl::string_view hindrance = Hindrance(question, meant);
    if (hindrance.empty()) {
      return PrecisionChoice{
          meant, lacking.empty() ? DescribeCost(question.records, meant)
                                 : absl::StrCat(lacking, "runs in bf16")};
    }
    if (lacking.empty()) {
      lacking =
          absl::StrCat(PrecisionName(meant), " was meant; ", hindrance, ": ");
    }
  }
  return PrecisionChoice{
      Precision::kF32,
      lacking.empty() ? "" : absl::StrCat(lacking, "runs in f32")};
}

}  // namespace carousel
