// SPDX-License-Identifier: Apache-2.0
#include "model/train/command_line.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace carousel {

std::string FlagValues::Get(const std::string& name,
                            std::string otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : found->second.back();
}

std::vector<std::string> FlagValues::GetAll(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

absl::StatusOr<int> FlagValues::GetCount(const std::string& name, int otherwise,
                                         int limit) const {
  if (!Has(name)) return otherwise;
  int count = 0;
  if (!absl::SimpleAtoi(Get(name), &count) || count < 0 || count > limit) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", name, ": expected a number from 0 to ", limit,
                     ", found \"", Get(name), "\""));
  }
  return count;
}

absl::StatusOr<bool> FlagValues::GetBool(const std::string& name,
                                         bool otherwise) const {
  bool value = otherwise;
  if (!Has(name) || absl::SimpleAtob(Get(name), &value)) return value;
  return absl::InvalidArgumentError(absl::StrCat(
      "--", name, ": expected true or false, found \"", Get(name), "\""));
}

absl::StatusOr<FlagValues> ParseFlags(absl::Span<const Flag> flags,
                                      absl::Span<const std::string> arguments) {
  FlagValues result;
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::string_view argument = arguments[i];
    if (!absl::ConsumePrefix(&argument, "--")) {
      return absl::InvalidArgumentError(
          absl::StrCat("unexpected argument \"", argument, "\""));
    }
    const size_t equals = argument.find('=');
    const std::string name(argument.substr(0, equals));
    const auto flag =
        std::find_if(flags.begin(), flags.end(),
                     [&](const Flag& f) { return name == f.name; });
    if (flag == flags.end()) {
      return absl::InvalidArgumentError(absl::StrCat("unknown flag --", name));
    }
    const bool is_switch = flag->value[0] == '\0';
    std::string value = "true";
    if (equals != argument.npos) {
      if (is_switch) {
        return absl::InvalidArgumentError(
            absl::StrCat("--", name, ": expected no value"));
      }
      value = std::string(argument.substr(equals + 1));
    } else if (!is_switch) {
      if (++i == arguments.size()) {
        return absl::InvalidArgumentError(
            absl::StrCat("--", name, ": expected a value"));
      }
      value = arguments[i];
    }
    result.values_[name].push_back(std::move(value));
  }
  for (const Flag& flag : flags) {
    if (flag.required && result.Get(flag.name).empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", flag.name, " is required"));
    }
  }
  return result;
}

std::string DescribeFlags(absl::Span<const Flag> flags) {
  std::string text;
  for (const Flag& flag : flags) {
    const std::string name = absl::StrCat(
        "--", flag.name, flag.value[0] == '\0' ? "" : "=", flag.value);
    const std::string note =
        flag.required ? " (required)"
                      : absl::StrCat(" (default: ", flag.default_text, ")");
    absl::StrAppendFormat(&text, "  %-26s %s%s\n", name, flag.help, note);
  }
  return text;
}

}  // namespace carousel
