// SPDX-License-Identifier: Apache-2.0
//
// The safetensors file format: 8 bytes of header length (little-endian), a JSON
// header, then the tensors' bytes. The reader maps the file and trusts nothing
// in it.

#ifndef CAROUSEL_MODEL_WEIGHTS_SAFETENSORS_H_
#define CAROUSEL_MODEL_WEIGHTS_SAFETENSORS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/tensor/tensor.h"

namespace carousel {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

// An opened file. Immutable, so thread-safe. Tensors that it hands out borrow
// the mapping and keep it alive.
class Safetensors {
 public:
  // Checks everything before any tensor can be used: header length, JSON,
  // types, shapes (no overflow), offsets inside the file, size = shape x type,
  // no overlap, no hole, no repeated name, alignment of each tensor to its
  // type. DATA_LOSS naming path, tensor, expected and found; NOT_FOUND if there
  // is no such file.
  static absl::StatusOr<std::unique_ptr<const Safetensors>> Open(
      const std::string& path);

  // In the order of their bytes.
  const std::vector<NamedTensor>& tensors() const { return tensors_; }

  // The tensor called `name`. NOT_FOUND, listing the names that there are.
  absl::StatusOr<Tensor> Get(absl::string_view name) const;

  // The header's `__metadata__`.
  const std::map<std::string, std::string>& metadata() const {
    return metadata_;
  }

 private:
  Safetensors() = default;
  std::string path_;
  std::vector<NamedTensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

// Writes the tensors atomically (files.h), larger element types first, so that
// each is aligned, and otherwise in the given order. Names are UTF-8.
// INVALID_ARGUMENT for a repeated or empty name or a tensor without data.
absl::Status WriteSafetensors(
    const std::string& path, absl::Span<const NamedTensor> tensors,
    const std::map<std::string, std::string>& metadata = {});

}  // namespace carousel

#endif  // CAROUSEL_MODEL_WEIGHTS_SAFETENSORS_H_
