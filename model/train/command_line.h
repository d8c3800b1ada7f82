// SPDX-License-Identifier: Apache-2.0
//
// The flags of carousel-train's subcommands.

#ifndef CAROUSEL_MODEL_TRAIN_COMMAND_LINE_H_
#define CAROUSEL_MODEL_TRAIN_COMMAND_LINE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace carousel {

struct Flag {
  const char* name;
  const char* value;  // what stands for the value in --help; "": a switch
  const char* default_text;
  const char* help;
  bool required = false;
};

// What was given: every value of each flag, in order; "true" for a switch.
class FlagValues {
 public:
  bool Has(const std::string& name) const { return values_.contains(name); }

  // The last value, or `otherwise`.
  std::string Get(const std::string& name, std::string otherwise = "") const;
  std::vector<std::string> GetAll(const std::string& name) const;

  // The value as a number from 0 to `limit`. INVALID_ARGUMENT naming the flag.
  absl::StatusOr<int> GetCount(const std::string& name, int otherwise,
                               int limit) const;

  // The value as true or false. INVALID_ARGUMENT naming the flag.
  absl::StatusOr<bool> GetBool(const std::string& name, bool otherwise) const;

 private:
  friend absl::StatusOr<FlagValues> ParseFlags(
      absl::Span<const Flag> flags, absl::Span<const std::string> arguments);
  std::map<std::string, std::vector<std::string>> values_;
};

// Reads "--name=value", "--name value" and "--switch". INVALID_ARGUMENT for a
// flag that is unknown, has no value or, as a switch, one, or is required and
// missing, and for what is no flag.
absl::StatusOr<FlagValues> ParseFlags(absl::Span<const Flag> flags,
                                      absl::Span<const std::string> arguments);

// One line a flag.
std::string DescribeFlags(absl::Span<const Flag> flags);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_COMMAND_LINE_H_
