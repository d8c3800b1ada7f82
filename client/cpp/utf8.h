// SPDX-License-Identifier: Apache-2.0
//
// Reads UTF-8 one code point at a time.

#ifndef CAROUSEL_CLIENT_CPP_UTF8_H_
#define CAROUSEL_CLIENT_CPP_UTF8_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace carousel {

// Returns the code point at `at` and moves `at` behind it. Negative: what
// stands there is not UTF-8, and `at` moves behind the bytes that are wrong.
// REQUIRES: at < text.size().
int32_t ReadCodePoint(absl::string_view text, size_t& at);

// INVALID_ARGUMENT, saying where, if `text`, which is `what`, is not UTF-8.
absl::Status CheckUtf8(absl::string_view text, absl::string_view what = "text");

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CPP_UTF8_H_
