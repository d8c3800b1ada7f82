// SPDX-License-Identifier: Apache-2.0
//
// From places in bytes, which the server counts by, to places in Unicode code
// points, which messages count by: they are the same in every language.

#ifndef CAROUSEL_SERVER_CORE_TEXT_PLACES_H_
#define CAROUSEL_SERVER_CORE_TEXT_PLACES_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace carousel {

// Asked in growing order. `text` must outlive it.
class CodePoints {
 public:
  explicit CodePoints(absl::string_view text) : text_(text) {}

  // REQUIRES: at most the size of the text, and no less than the last time.
  int32_t Before(size_t byte) {
    for (; at_ < byte; ++at_) {
      const bool begins =
          (static_cast<unsigned char>(text_[at_]) & 0xc0) != 0x80;
      count_ += begins ? 1 : 0;
    }
    return count_;
  }

 private:
  const absl::string_view text_;
  size_t at_ = 0;
  int32_t count_ = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_TEXT_PLACES_H_
