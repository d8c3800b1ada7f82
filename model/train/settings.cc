// SPDX-License-Identifier: Apache-2.0
#include "model/train/settings.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <type_traits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "model/base/status_macros.h"
#include "model/weights/strict_json.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// Takes the settings out of a JSON object: what is left over is unknown. Keeps
// the first error.
class Reader : public SettingsVisitor {
 public:
  explicit Reader(json root) : root_(std::move(root)) {}

  void Number(const char* section, const char* key, NumberPointer value,
              double low, double high) override {
    const json found = Take(section, key);
    if (found.is_null()) return;
    std::visit(
        [&](auto* number) {
          using T = std::decay_t<decltype(*number)>;
          if (IsNumber<T>(section, key, found, low, high)) {
            *number = found.get<T>();
          }
        },
        value);
  }

  void Numbers(const char* section, const char* key, std::vector<int>* value,
               double low, double high) override {
    const json found = Take(section, key);
    if (found.is_null()) return;
    if (!found.is_array()) return Fail(section, key, found, "a list");
    value->clear();
    for (const json& item : found) {
      if (!IsNumber<int>(section, key, item, low, high)) return;
      value->push_back(item.get<int>());
    }
  }

  void Bool(const char* section, const char* key, bool* value) override {
    const json found = Take(section, key);
    if (found.is_null()) return;
    if (!found.is_boolean()) return Fail(section, key, found, "true or false");
    *value = found.get<bool>();
  }

  void Text(const char* section, const char* key, std::string* value) override {
    const json found = Take(section, key);
    if (found.is_null()) return;
    if (!found.is_string()) return Fail(section, key, found, "a string");
    *value = found.get<std::string>();
  }

  void Texts(const char* section, const char* key,
             std::vector<std::string>* value) override {
    const json found = Take(section, key);
    if (found.is_null()) return;
    if (!found.is_array()) return Fail(section, key, found, "a list");
    value->clear();
    for (const json& item : found) {
      if (!item.is_string()) return Fail(section, key, item, "strings in it");
      value->push_back(item.get<std::string>());
    }
  }

  void Files(const char* section, const char* key,
             std::vector<TrainingFile>* value) override {
    const json found = Take(section, key);
    if (found.is_null()) return;
    if (!found.is_array()) return Fail(section, key, found, "a list");
    value->clear();
    for (const json& item : found) {
      if (item.is_string()) {
        value->push_back({.path = item.get<std::string>()});
        continue;
      }
      Reader reader(json{{key, item}});
      TrainingFile file;
      reader.Text(key, "path", &file.path);
      reader.Number(key, "repeat", &file.repeat, 1, 100);
      status_.Update(reader.Finish());
      if (file.path.empty()) return Fail(section, key, item, "a path");
      value->push_back(std::move(file));
    }
  }

  // The first error, or one that names what was not taken.
  absl::Status Finish() const {
    if (!status_.ok()) return status_;
    for (const auto& [section, keys] : root_.items()) {
      if (!keys.is_object()) return Unknown(section);
      for (const auto& [key, value] : keys.items()) {
        return Unknown(absl::StrCat(section, ".", key));
      }
      if (!sections_.contains(section)) return Unknown(section);
    }
    return absl::OkStatus();
  }

 protected:
  void Choice(const char* section, const char* key,
              absl::Span<const char* const> names, size_t* index) override {
    const json found = Take(section, key);
    if (found.is_null()) return;
    std::string expected;
    for (size_t i = 0; i < names.size(); ++i) {
      if (found == names[i]) {
        *index = i;
        return;
      }
      absl::StrAppend(&expected, expected.empty() ? "" : " or ", names[i]);
    }
    Fail(section, key, found, expected);
  }

 private:
  template <typename T>
  bool IsNumber(const char* section, const char* key, const json& found,
                double low, double high) {
    constexpr bool kWhole = std::is_integral_v<T>;
    if (!found.is_number() || (kWhole && !found.is_number_integer())) {
      Fail(section, key, found, kWhole ? "a whole number" : "a number");
      return false;
    }
    const double number = found.get<double>();
    const double most =
        std::is_same_v<T, float>
            ? std::min<double>(high, std::numeric_limits<float>::max())
            : high;
    if (number >= low && number <= most) return true;
    Fail(section, key, found,
         high == kAny && number < low ? absl::StrCat("at least ", low)
                                      : absl::StrCat(low, " to ", most));
    return false;
  }

  json Take(const char* section, const char* key) {
    sections_[section] = true;
    auto keys = root_.find(section);
    if (keys == root_.end() || !keys->is_object()) return nullptr;
    auto value = keys->find(key);
    if (value == keys->end()) return nullptr;
    json taken = std::move(*value);
    keys->erase(value);
    if (taken.is_null()) Fail(section, key, taken, "a value");
    return taken;
  }

  void Fail(const char* section, const char* key, const json& found,
            const std::string& expected) {
    status_.Update(absl::InvalidArgumentError(absl::StrCat(
        "setting ", section, ".", key, ": expected ", expected, ", found ",
        found.dump(-1, ' ', false, json::error_handler_t::replace))));
  }

  static absl::Status Unknown(absl::string_view name) {
    return absl::InvalidArgumentError(absl::StrCat("unknown setting ", name));
  }

  json root_;
  json sections_ = json::object();  // the sections that there are
  absl::Status status_;
};

// The reverse.
class Writer : public SettingsVisitor {
 public:
  void Number(const char* section, const char* key, NumberPointer value, double,
              double) override {
    // The shortest text that reads back as the same number: 0.2, not
    // 0.20000000298.
    std::visit(
        [&](auto* number) {
          char text[32];
          const auto end =
              std::to_chars(text, text + sizeof(text), *number).ptr;
          root_[section][key] = ordered_json::parse(text, end);
        },
        value);
  }
  void Numbers(const char* section, const char* key, std::vector<int>* value,
               double, double) override {
    root_[section][key] = *value;
  }
  void Bool(const char* section, const char* key, bool* value) override {
    root_[section][key] = *value;
  }
  void Text(const char* section, const char* key, std::string* value) override {
    root_[section][key] = *value;
  }
  void Texts(const char* section, const char* key,
             std::vector<std::string>* value) override {
    root_[section][key] = *value;
  }
  void Files(const char* section, const char* key,
             std::vector<TrainingFile>* value) override {
    auto& list = root_[section][key] = ordered_json::array();
    for (const TrainingFile& file : *value) {
      list.push_back({{"path", file.path}, {"repeat", file.repeat}});
    }
  }
  const ordered_json& root() const { return root_; }

 protected:
  void Choice(const char* section, const char* key,
              absl::Span<const char* const> names, size_t* index) override {
    root_[section][key] = names[*index];
  }

 private:
  ordered_json root_ = ordered_json::object();
};

// "training.rows=16" into the JSON of the file.
absl::Status Override(json* root, absl::string_view assignment) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(assignment, absl::MaxSplits('=', 1));
  const std::pair<std::string, std::string> name =
      absl::StrSplit(parts.first, absl::MaxSplits('.', 1));
  if (name.second.empty() || !absl::StrContains(assignment, '=')) {
    return absl::InvalidArgumentError(absl::StrCat(
        "override \"", assignment, "\": expected section.key=value"));
  }
  json& section = (*root)[name.first];
  if (!section.is_object() && !section.is_null()) {
    return absl::InvalidArgumentError(
        absl::StrCat("setting ", name.first, ": expected an object"));
  }
  json value = json::parse(parts.second, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) value = std::string(parts.second);
  section[name.second] = std::move(value);
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadSettings(absl::string_view text,
                          absl::Span<const std::string> overrides,
                          const VisitSettings& visit) {
  ASSIGN_OR_RETURN(json root, ParseStrictJson(text));
  if (!root.is_object()) {
    return absl::InvalidArgumentError("expected a JSON object of settings");
  }
  for (const std::string& assignment : overrides) {
    RETURN_IF_ERROR(Override(&root, assignment));
  }
  Reader reader(std::move(root));
  visit(&reader);
  return reader.Finish();
}

std::string WriteSettings(const VisitSettings& visit) {
  Writer writer;
  visit(&writer);
  return writer.root().dump(2, ' ', false, json::error_handler_t::replace);
}

absl::Status CheckSameSettings(const VisitSettings& before,
                               const VisitSettings& after) {
  Writer old_run;
  before(&old_run);
  Writer new_run;
  after(&new_run);
  for (const auto& [section, keys] : old_run.root().items()) {
    for (const auto& [key, value] : keys.items()) {
      const ordered_json other = new_run.root()
                                     .value(section, ordered_json::object())
                                     .value(key, ordered_json());
      if (value == other) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("setting ", section, ".", key, " is ", other.dump(),
                       ", but the checkpoint was made with ", value.dump(),
                       "; it cannot change within a run"));
    }
  }
  return absl::OkStatus();
}

}  // namespace carousel
