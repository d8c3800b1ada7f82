// SPDX-License-Identifier: Apache-2.0
#include "client/cli/model_name.h"

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace carousel {

absl::StatusOr<v1::ModelSpec> ParseModelName(absl::string_view text) {
  const absl::Status error = absl::InvalidArgumentError(absl::StrCat(
      "model \"", text, "\": expected NAME, NAME/VERSION or NAME@LABEL"));
  v1::ModelSpec spec;
  const size_t mark = text.find_last_of("/@");
  const absl::string_view name = text.substr(0, mark);
  if (name.empty()) return error;
  spec.set_name(std::string(name));
  if (mark == text.npos) return spec;
  const absl::string_view which = text.substr(mark + 1);
  if (which.empty()) return error;
  if (text[mark] == '@') {
    spec.set_label(std::string(which));
    return spec;
  }
  int64_t version = 0;
  if (!absl::SimpleAtoi(which, &version) || version < 1) return error;
  spec.set_version(version);
  return spec;
}

}  // namespace carousel
