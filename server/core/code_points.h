// SPDX-License-Identifier: Apache-2.0
//
// From places in bytes, as the server has them, to places in code points, as
// the API tells them.

#ifndef CAROUSEL_SERVER_CORE_CODE_POINTS_H_
#define CAROUSEL_SERVER_CORE_CODE_POINTS_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace carousel {

// Asked in growing order. The text, valid UTF-8, must outlive it.
class CodePoints {
 public:
  explicit CodePoints(absl::string_view text) : text_(text) {}

  int Before(size_t byte) {
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
  int count_ = 0;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_CORE_CODE_POINTS_H_
