// SPDX-License-Identifier: Apache-2.0

#include "model/weights/strict_json.h"

#include <algorithm>
#include <cstddef>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

namespace carousel {
namespace {

using nlohmann::json;

// A value takes 16 bytes of a document in memory but may take 2 of the text, so
// a bound on the text alone would not bound the memory.
constexpr size_t kMaxValues = size_t{1} << 20;
constexpr size_t kMaxDepth = 32;

// Walks through a text without building anything; stops at the first offence.
class Checker : public nlohmann::json_sax<json> {
 public:
  explicit Checker(absl::string_view text) : text_(text) {}

  const std::string& error() const { return error_; }

  bool null() override { return Value(); }
  bool boolean(bool) override { return Value(); }
  bool number_integer(number_integer_t) override { return Value(); }
  bool number_unsigned(number_unsigned_t) override { return Value(); }
  bool number_float(number_float_t, const string_t&) override {
    return Value();
  }
  bool string(string_t&) override { return Value(); }
  bool binary(binary_t&) override { return Value(); }
  bool start_object(size_t) override { return Open(); }
  bool start_array(size_t) override { return Open(); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(string_t& name) override {
    if (keys_.back().insert(name).second) return true;
    return Fail(absl::StrCat("key ", QuoteForMessage(name),
                             ": expected once, found twice"));
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    const auto line =
        1 + std::count(text_.begin(),
                       text_.begin() + std::min(position, text_.size()), '\n');
    return Fail(absl::StrCat("expected JSON, found a syntax error at line ",
                             line, ", byte ", position));
  }

 private:
  bool Fail(std::string error) {
    error_ = std::move(error);
    return false;
  }
  bool Value() {
    if (++values_ <= kMaxValues) return true;
    return Fail(absl::StrCat("expected at most ", kMaxValues,
                             " JSON values, found more"));
  }
  bool Open() {
    keys_.emplace_back();
    if (keys_.size() <= kMaxDepth) return Value();
    return Fail(absl::StrCat("expected at most ", kMaxDepth,
                             " levels of JSON, found more"));
  }
  bool Close() {
    keys_.pop_back();
    return true;
  }

  const absl::string_view text_;
  // The keys seen in each open object; empty for an open list.
  std::vector<absl::flat_hash_set<std::string>> keys_;
  size_t values_ = 0;
  std::string error_;
};

std::string Describe(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return absl::StrCat("a list of ", value.size());
  if (value.is_string()) {
    return QuoteForMessage(value.get_ref<const std::string&>());
  }
  return value.dump();
}

}  // namespace

absl::StatusOr<json> ParseStrictJson(absl::string_view text) {
  // The parser takes a NUL for the end of the text and would not see the rest.
  if (const size_t nul = text.find('\0'); nul != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected JSON, found a NUL at byte ", nul));
  }
  Checker checker(text);
  const char* const end = text.data() + text.size();
  if (!json::sax_parse(text.data(), end, &checker)) {
    return absl::InvalidArgumentError(checker.error());
  }
  return json::parse(text.data(), end, nullptr, /*allow_exceptions=*/false);
}

bool JsonField::Has(absl::string_view member) const {
  return value_->is_object() && value_->contains(std::string(member));
}

absl::StatusOr<JsonField> JsonField::Get(absl::string_view member) const {
  if (!value_->is_object()) return Expected("an object");
  const std::string path =
      path_.empty() ? std::string(member) : absl::StrCat(path_, ".", member);
  const auto found = value_->find(std::string(member));
  if (found == value_->end()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected a value, found none"));
  }
  return JsonField(*found, path);
}

absl::StatusOr<std::vector<std::pair<std::string, JsonField>>>
JsonField::Members() const {
  if (!value_->is_object()) return Expected("an object");
  std::vector<std::pair<std::string, JsonField>> members;
  members.reserve(value_->size());
  for (const auto& [name, value] : value_->items()) {
    members.emplace_back(
        name,
        JsonField(value, absl::StrCat(path_, "[", QuoteForMessage(name), "]")));
  }
  return members;
}

absl::StatusOr<std::vector<JsonField>> JsonField::Elements() const {
  if (!value_->is_array()) return Expected("a list");
  std::vector<JsonField> elements;
  elements.reserve(value_->size());
  for (const json& value : *value_) {
    elements.emplace_back(value,
                          absl::StrCat(path_, "[", elements.size(), "]"));
  }
  return elements;
}

absl::StatusOr<std::string> JsonField::String() const {
  if (!value_->is_string()) return Expected("a string");
  return value_->get<std::string>();
}

absl::StatusOr<bool> JsonField::Bool() const {
  if (!value_->is_boolean()) return Expected("true or false");
  return value_->get<bool>();
}

absl::StatusOr<double> JsonField::Number() const {
  if (!value_->is_number()) return Expected("a number");
  return value_->get<double>();
}

absl::StatusOr<int64_t> JsonField::Integer(int64_t low, int64_t high) const {
  const bool too_large =
      value_->is_number_unsigned() &&
      value_->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  if (value_->is_number_integer() && !too_large) {
    const auto number = value_->get<int64_t>();
    if (number >= low && number <= high) return number;
  }
  return Expected(absl::StrCat("an integer from ", low, " to ", high));
}

absl::Status JsonField::Expected(absl::string_view what) const {
  return absl::InvalidArgumentError(
      absl::StrCat(path_.empty() ? "the document" : path_, ": expected ", what,
                   ", found ", Describe(*value_)));
}

}  // namespace carousel
