// SPDX-License-Identifier: Apache-2.0
//
// JSON from files that are not trusted: parsed within bounds, and read field by
// field with errors that say where, what was expected and what was found.

#ifndef CAROUSEL_MODEL_WEIGHTS_STRICT_JSON_H_
#define CAROUSEL_MODEL_WEIGHTS_STRICT_JSON_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/base/quote.h"
#include "nlohmann/json.hpp"

namespace carousel {

// Parses `text` without exceptions. INVALID_ARGUMENT for: a syntax error (with
// line and byte), invalid UTF-8, a key that is repeated in its object (of which
// a lax parser keeps one at will), more than 32 levels, more than a million
// values.
absl::StatusOr<nlohmann::json> ParseStrictJson(absl::string_view text);

// A value in a document, and its path there ("network.hidden"). Every error is
// INVALID_ARGUMENT. Borrows the document. Thread-compatible.
class JsonField {
 public:
  JsonField(const nlohmann::json& value, std::string path)
      : value_(&value), path_(std::move(path)) {}

  const nlohmann::json& value() const { return *value_; }
  bool Has(absl::string_view member) const;

  // An object's members; the elements of a list.
  absl::StatusOr<JsonField> Get(absl::string_view member) const;
  absl::StatusOr<std::vector<std::pair<std::string, JsonField>>> Members()
      const;
  absl::StatusOr<std::vector<JsonField>> Elements() const;

  absl::StatusOr<std::string> String() const;
  absl::StatusOr<bool> Bool() const;
  absl::StatusOr<double> Number() const;
  // Of [low, high]; 4.0 and 4e0 are not integers.
  absl::StatusOr<int64_t> Integer(int64_t low, int64_t high) const;

  // The error "PATH: expected WHAT, found VALUE".
  absl::Status Expected(absl::string_view what) const;

 private:
  const nlohmann::json* value_;
  std::string path_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_WEIGHTS_STRICT_JSON_H_
