// SPDX-License-Identifier: Apache-2.0
//
// Any text is either refused or a manifest that is written and read again.

#include <cstddef>
#include <cstdint>
#include <string>

#include "model/base/check.h"
#include "model/bundle/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view json(reinterpret_cast<const char*>(data), size);
  const auto manifest = carousel::ParseManifest(json);
  if (!manifest.ok()) return 0;
  const std::string written = carousel::SerialiseManifest(*manifest);
  const auto again = carousel::ParseManifest(written);
  CAROUSEL_CHECK(again.ok());
  CAROUSEL_CHECK(carousel::SerialiseManifest(*again) == written);
  return 0;
}
