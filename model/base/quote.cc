// SPDX-License-Identifier: Apache-2.0

#include "model/base/quote.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace carousel {
namespace {

constexpr size_t kMaxQuoted = 80;

}  // namespace

std::string QuoteForMessage(absl::string_view text) {
  const bool cut = text.size() > kMaxQuoted;
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kMaxQuoted)),
                      cut ? "..." : "", "\"");
}

}  // namespace carousel
