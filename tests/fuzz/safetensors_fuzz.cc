// SPDX-License-Identifier: Apache-2.0
//
// Any bytes are either refused or give tensors that lie inside them.

#include <cstddef>
#include <cstdint>

#include "model/base/check.h"
#include "model/weights/safetensors_header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view file(reinterpret_cast<const char*>(data), size);
  const auto header = carousel::ParseSafetensorsHeader(file);
  if (!header.ok()) return 0;
  size_t covered = header->data_begin;
  for (const carousel::SafetensorsEntry& entry : header->entries) {
    CAROUSEL_CHECK(header->data_begin + entry.begin == covered);
    CAROUSEL_CHECK(carousel::NumElements(entry.shape) *
                       static_cast<int64_t>(carousel::SizeOf(entry.dtype)) ==
                   static_cast<int64_t>(entry.end - entry.begin));
    covered = header->data_begin + entry.end;
  }
  CAROUSEL_CHECK(covered == size);
  return 0;
}
