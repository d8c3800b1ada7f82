// SPDX-License-Identifier: Apache-2.0
//
// Any text is either refused, with a message that can be logged, or a few
// labels of positive versions.

#include <cstddef>
#include <cstdint>
#include <string>

#include "model/base/check.h"
#include "server/repository/labels.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view json(reinterpret_cast<const char*>(data), size);
  const auto labels = carousel::ParseLabels(json);
  if (!labels.ok()) {
    for (const char c : labels.status().message()) {
      CAROUSEL_CHECK(c >= ' ' && c < 0x7f);
    }
    return 0;
  }
  CAROUSEL_CHECK(labels->size() <= 64);
  for (const auto& [label, version] : *labels) {
    CAROUSEL_CHECK(!label.empty() && label.size() <= 63 && version >= 1);
  }
  return 0;
}
