// SPDX-License-Identifier: Apache-2.0

#include "model/weights/safetensors.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/weights/safetensors_header.h"
#include "model/weights/strict_json.h"

namespace carousel {
namespace {

absl::Status CheckNames(absl::Span<const NamedTensor> tensors) {
  std::set<absl::string_view> names = {"__metadata__"};
  for (const NamedTensor& named : tensors) {
    if (named.name.empty() || !names.insert(named.name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", QuoteForMessage(named.name),
                       ": expected a name of its own, found it empty, reserved "
                       "or taken"));
    }
    if (named.tensor.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", QuoteForMessage(named.name),
                       ": expected data, found none"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<const Safetensors>> Safetensors::Open(
    const std::string& path) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file,
                   MappedFile::Open(path));
  absl::StatusOr<SafetensorsHeader> header =
      ParseSafetensorsHeader(file->content());
  if (!header.ok()) {
    return absl::DataLossError(
        absl::StrCat(path, ": ", header.status().message()));
  }
  std::unique_ptr<Safetensors> result(new Safetensors);
  result->path_ = path;
  result->metadata_ = std::move(header->metadata);
  const char* const data = file->content().data() + header->data_begin;
  for (SafetensorsEntry& entry : header->entries) {
    result->tensors_.push_back(
        {std::move(entry.name),
         Tensor::Borrow(entry.dtype, std::move(entry.shape), data + entry.begin,
                        file)});
  }
  return result;
}

absl::StatusOr<Tensor> Safetensors::Get(absl::string_view name) const {
  for (const NamedTensor& named : tensors_) {
    if (named.name == name) return named.tensor;
  }
  return absl::NotFoundError(absl::StrCat(
      path_, ": expected a tensor ", QuoteForMessage(name), ", found ",
      absl::StrJoin(tensors_, ", ", [](std::string* out, const NamedTensor& t) {
        out->append(t.name);
      })));
}

absl::Status WriteSafetensors(
    const std::string& path, absl::Span<const NamedTensor> tensors,
    const std::map<std::string, std::string>& metadata) {
  RETURN_IF_ERROR(CheckNames(tensors));
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& named : tensors) order.push_back(&named);
  // A tensor behind those of larger or equal elements is aligned: the format
  // has no room for padding between tensors.
  std::stable_sort(order.begin(), order.end(),
                   [](const NamedTensor* a, const NamedTensor* b) {
                     return SizeOf(a->tensor.dtype()) >
                            SizeOf(b->tensor.dtype());
                   });

  SafetensorsHeader header;
  header.metadata = metadata;
  std::vector<absl::string_view> pieces = {""};
  size_t offset = 0;
  for (const NamedTensor* named : order) {
    const Tensor& tensor = named->tensor;
    const size_t end = offset + tensor.size_bytes();
    header.entries.push_back(
        {named->name, tensor.dtype(), tensor.shape(), offset, end});
    pieces.emplace_back(static_cast<const char*>(tensor.raw()),
                        tensor.size_bytes());
    offset = end;
  }
  const std::string head = SerialiseSafetensorsHeader(header);
  pieces.front() = head;
  return WriteFileAtomically(path, pieces);
}

}  // namespace carousel
