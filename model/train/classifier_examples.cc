// SPDX-License-Identifier: Apache-2.0

#include "model/train/classifier_examples.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/base/status_macros.h"
#include "model/tensor/tensor.h"
#include "model/weights/safetensors.h"

namespace carousel {
namespace {

Tensor View(const std::vector<int32_t>& values) {
  return Tensor::Borrow(DType::kI32, {static_cast<int64_t>(values.size())},
                        values.data());
}

// What `file` keeps in memory.
absl::StatusOr<absl::Span<const int32_t>> Integers(const Safetensors& file,
                                                   absl::string_view name,
                                                   const std::string& path) {
  ASSIGN_OR_RETURN(const Tensor tensor, file.Get(name));
  if (tensor.dtype() != DType::kI32) {
    return absl::DataLossError(absl::StrCat(
        path, ": ", name, ": expected I32, found ", DTypeName(tensor.dtype())));
  }
  return tensor.span<int32_t>();
}

bool AllWithin(absl::Span<const int32_t> values, int32_t end) {
  return std::all_of(values.begin(), values.end(), [end](int32_t value) {
    return 0 <= value && value < end;
  });
}

}  // namespace

void ClassifierExamples::Add(const std::vector<int32_t>& text, int32_t label) {
  tokens.insert(tokens.end(), text.begin(), text.end());
  lengths.push_back(static_cast<int32_t>(text.size()));
  labels.push_back(label);
}

absl::Status WriteClassifierExamples(const std::string& path,
                                     const ClassifierExamples& examples) {
  const std::vector<NamedTensor> tensors = {{"tokens", View(examples.tokens)},
                                            {"lengths", View(examples.lengths)},
                                            {"labels", View(examples.labels)}};
  return WriteSafetensors(path, tensors);
}

absl::StatusOr<std::shared_ptr<const ExampleSet>> ReadClassifierExamples(
    const std::string& path, int vocabulary, int labels) {
  ASSIGN_OR_RETURN(const auto file, Safetensors::Open(path));
  ASSIGN_OR_RETURN(absl::Span<const int32_t> tokens,
                   Integers(*file, "tokens", path));
  ASSIGN_OR_RETURN(const auto lengths, Integers(*file, "lengths", path));
  ASSIGN_OR_RETURN(const auto label_ids, Integers(*file, "labels", path));
  if (label_ids.size() != lengths.size() || !AllWithin(tokens, vocabulary) ||
      !AllWithin(label_ids, labels)) {
    return absl::DataLossError(
        absl::StrCat(path, ": not the examples of this run's data.json"));
  }
  auto examples = std::make_shared<ExampleSet>();
  for (size_t i = 0; i < lengths.size(); ++i) {
    const auto length = static_cast<size_t>(std::max(0, lengths[i]));
    if (length < 1 || length > tokens.size()) {
      return absl::DataLossError(
          absl::StrCat(path, ": lengths that are not those of its tokens"));
    }
    examples->Add(tokens.subspan(0, length), label_ids.subspan(i, 1));
    tokens.remove_prefix(length);
  }
  return examples;
}

}  // namespace carousel
