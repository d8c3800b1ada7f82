// SPDX-License-Identifier: Apache-2.0
//
// Text from elsewhere in messages.

#ifndef CAROUSEL_MODEL_BASE_QUOTE_H_
#define CAROUSEL_MODEL_BASE_QUOTE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace carousel {

// `text` in quotation marks, escaped and cut, fit for an error message.
std::string QuoteForMessage(absl::string_view text);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BASE_QUOTE_H_
