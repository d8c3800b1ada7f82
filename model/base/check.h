// SPDX-License-Identifier: Apache-2.0
//
// A check for our own mistakes, never for input: a request, a file, a flag or
// the network is answered with an absl::Status. (Abseil's CHECK needs a release
// newer than the oldest that we build with.)

#ifndef CAROUSEL_MODEL_BASE_CHECK_H_
#define CAROUSEL_MODEL_BASE_CHECK_H_

namespace carousel {

// Prints the place and the condition to standard error, then aborts.
[[noreturn]] void CheckFailed(const char* file, int line,
                              const char* condition);

}  // namespace carousel

// Ends the process if `condition` is false; on in every build type.
#define CAROUSEL_CHECK(condition) \
  (static_cast<bool>(condition)   \
       ? static_cast<void>(0)     \
       : ::carousel::CheckFailed(__FILE__, __LINE__, #condition))

#endif  // CAROUSEL_MODEL_BASE_CHECK_H_
