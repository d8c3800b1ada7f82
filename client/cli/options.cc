// SPDX-License-Identifier: Apache-2.0
#include "client/cli/options.h"

#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/model_name.h"
#include "model/base/status_macros.h"

namespace carousel {
namespace {

struct Flag {
  absl::string_view name;

  // What its value is called in the help; empty: a switch, which has none.
  absl::string_view value;

  // The commands that take it, separated by commas; empty: all.
  absl::string_view commands;

  absl::string_view help;

  // What a value must be, for who gave another.
  absl::string_view expected;

  // False: `value` is not one.
  bool (*set)(absl::string_view value, Options& options);
};

bool SetVersion(absl::string_view value, Options& options) {
  return absl::SimpleAtoi(value, &options.version.emplace()) &&
         *options.version >= 1;
}

bool SetTimeout(absl::string_view value, Options& options) {
  const bool parsed = absl::ParseDuration(std::string(value), &options.timeout);
  options.reload_timeout = options.timeout;
  return parsed && options.timeout > absl::ZeroDuration();
}

// More than zero.
bool SetDuration(absl::string_view value, absl::Duration* duration) {
  return absl::ParseDuration(std::string(value), duration) &&
         *duration > absl::ZeroDuration() &&
         *duration != absl::InfiniteDuration();
}

bool SetNumber(absl::string_view value, int low, int high, int* number) {
  return absl::SimpleAtoi(value, number) && low <= *number && *number <= high;
}

// Separated by commas; "none".
bool SetQuantiles(absl::string_view value, Options& options) {
  options.quantiles.emplace();
  if (value == "none") return true;
  for (absl::string_view level : absl::StrSplit(value, ',')) {
    if (!absl::SimpleAtod(level, &options.quantiles->emplace_back())) {
      return false;
    }
  }
  return true;
}

bool SetFigure(absl::string_view value, Options& options) {
  options.figure = std::string(value);
  return absl::EndsWith(value, ".svg") || absl::EndsWith(value, ".png");
}

bool SetRpc(absl::string_view value, Options& options) {
  using Rpc = LoadOptions::Rpc;
  constexpr std::pair<absl::string_view, Rpc> kRpcs[] = {
      {"complete", Rpc::kComplete},
      {"keystrokes", Rpc::kKeystrokes},
      {"score", Rpc::kScore},
      {"translate", Rpc::kTranslate}};
  for (const auto& [name, rpc] : kRpcs) {
    if (name != value) continue;
    options.load.rpc = rpc;
    return true;
  }
  return false;
}

constexpr int kMostInt = std::numeric_limits<int>::max();
constexpr absl::string_view kDuration =
    "a duration above 0, as 50ms, 5s or 1m30s";
constexpr absl::string_view kName = "a name";
constexpr absl::string_view kFile = "the name of a file";

constexpr Flag kFlags[] = {
    {"alignment", "", "translate",
     "show which words each word of a translation looked at", "",
     [](absl::string_view, Options& o) { return o.alignment = true; }},
    {"beam_size", "N", "translate",
     "translations that the search follows, 1 to 16 (default 5); 1 is fastest",
     "a whole number from 1 to 16",
     [](absl::string_view value, Options& o) {
       return SetNumber(value, 1, 16, &o.beam_size.emplace());
     }},
    {"column", "NAME", "forecast",
     "series of the file to continue, as the model names it; repeatable "
     "(default: all columns)",
     kName,
     [](absl::string_view value, Options& o) {
       return !o.columns.emplace_back(value).empty();
     }},
    {"concurrency", "N", "load",
     "users who ask again when answered, with --rate in turn, one call under "
     "way each at most (default 32)",
     "a whole number from 1 to 100000",
     [](absl::string_view value, Options& o) {
       return SetNumber(value, 1, 100000, &o.load.concurrency);
     }},
    {"context", "FILE", "complete",
     "earlier text by the same person, whose words are more likely then; the "
     "last 16 KiB of it",
     kFile,
     [](absl::string_view value, Options& o) {
       return !(o.context = std::string(value)).empty();
     }},
    {"duration", "DURATION", "load", "how long is measured (default 5s)",
     kDuration,
     [](absl::string_view value, Options& o) {
       return SetDuration(value, &o.load.duration);
     }},
    {"explain", "", "score",
     "show what each word contributes, and the score after it", "",
     [](absl::string_view, Options& o) { return o.explain = true; }},
    {"figure", "FILE", "forecast",
     "draw history, forecast and interval to FILE.svg or FILE.png, with "
     "gnuplot",
     "FILE.svg or FILE.png", SetFigure},
    {"help", "", "", "show this", "",
     [](absl::string_view, Options& o) { return o.help = true; }},
    {"horizon", "STEPS", "forecast",
     "steps to forecast, at least 1 (default: the model's)",
     "a whole number from 1",
     [](absl::string_view value, Options& o) {
       return SetNumber(value, 1, kMostInt, &o.horizon.emplace());
     }},
    {"interactive", "", "complete",
     "complete while you type; the default on a terminal without TEXT", "",
     [](absl::string_view, Options& o) { return o.interactive = true; }},
    {"json", "", "", "print one JSON object a line", "",
     [](absl::string_view, Options& o) { return o.json = true; }},
    {"max_suggestions", "N", "complete",
     "how many suggestions at most, 1 to 100 (default 3)",
     "a whole number from 1 to 100",
     [](absl::string_view value, Options& o) {
       return SetNumber(value, 1, 100, &o.max_suggestions.emplace());
     }},
    {"max_translations", "N", "translate",
     "translations of each sentence, 1 to 5, the best first (default 1)",
     "a whole number from 1 to 5",
     [](absl::string_view value, Options& o) {
       return SetNumber(value, 1, 5, &o.max_translations.emplace());
     }},
    {"max_words", "N", "complete",
     "how many words a suggestion has at most, 1 to 10 (default 1)",
     "a whole number from 1 to 10",
     [](absl::string_view value, Options& o) {
       return SetNumber(value, 1, 10, &o.max_words.emplace());
     }},
    {"min_confidence", "SHARE", "complete",
     "smallest confidence of what is suggested, 0 to 1 (default: none)",
     "a number from 0 to 1",
     [](absl::string_view value, Options& o) {
       return absl::SimpleAtod(value, &o.min_confidence.emplace()) &&
              0 <= *o.min_confidence && *o.min_confidence <= 1;
     }},
    {"model", "NAME", "complete,score,translate,forecast,load,explain",
     "model to ask (default: the server's); also NAME/VERSION or NAME@LABEL",
     "NAME, NAME/VERSION or NAME@LABEL",
     [](absl::string_view value, Options& o) {
       return !(o.model = std::string(value)).empty();
     }},
    {"quantiles", "LEVELS", "forecast",
     "levels separated by commas, or none (default 0.1,0.9, if the model knows "
     "them)",
     "numbers separated by commas, or none", SetQuantiles},
    {"rate", "CALLS", "load",
     "calls or keystrokes a second, answered or not; default: as fast as they "
     "are answered",
     "a number above 0, at most 1000000",
     [](absl::string_view value, Options& o) {
       return absl::SimpleAtod(value, &o.load.rate) && o.load.rate > 0 &&
              o.load.rate <= 1e6;
     }},
    {"rpc", "NAME", "load",
     "complete (random texts), keystrokes (each user types into one stream), "
     "score or translate; default complete",
     "complete, keystrokes, score or translate", SetRpc},
    {"seed", "N", "load",
     "random texts: those of another run with this seed (default: new ones)",
     "a whole number from 0",
     [](absl::string_view value, Options& o) {
       return absl::SimpleAtoi(value, &o.load.seed.emplace());
     }},
    {"server", "HOST:PORT", "",
     "server to ask (default $CAROUSEL_SERVER, else 127.0.0.1:50051)",
     "HOST:PORT",
     [](absl::string_view value, Options& o) {
       return absl::StrContains(o.server = std::string(value), ':');
     }},
    {"texts", "FILE", "load",
     "lines that are typed with --rpc=keystrokes (default: a few of its own), "
     "or scored or translated (default: random texts)",
     kFile,
     [](absl::string_view value, Options& o) {
       return !(o.load_texts = std::string(value)).empty();
     }},
    {"time_column", "NAME", "forecast",
     "column of the times (default: the first)", kName,
     [](absl::string_view value, Options& o) {
       return !(o.time_column = std::string(value)).empty();
     }},
    {"time_limit", "DURATION", "translate",
     "when it is over, the best so far is the answer (default: none)",
     kDuration,
     [](absl::string_view value, Options& o) {
       return SetDuration(value, &o.time_limit.emplace());
     }},
    {"timeout", "DURATION", "",
     "longest wait for an answer (default 5s, for `reload` 10m); none for "
     "`score` and `translate` of the input",
     kDuration, SetTimeout},
    {"version", "N", "complete,score,translate,forecast,load,explain",
     "version of --model (default: the one labelled stable, else the newest)",
     "a whole number from 1", SetVersion},
    {"warm_up", "DURATION", "load",
     "how long is asked before it is measured (default 1s)", kDuration,
     [](absl::string_view value, Options& o) {
       return SetDuration(value, &o.load.warm_up);
     }},
    {"words", "N", "load", "words of a random text, 1 to 1000 (default 3)",
     "a whole number from 1 to 1000",
     [](absl::string_view value, Options& o) {
       return SetNumber(value, 1, 1000, &o.load.words);
     }},
};

bool Takes(absl::string_view command, const Flag& flag) {
  return flag.commands.empty() || command.empty() ||
         absl::c_linear_search(absl::StrSplit(flag.commands, ','), command);
}

// Sets the flag at arguments[at]; returns the index behind it and its value.
absl::StatusOr<size_t> ParseFlag(absl::Span<const std::string> arguments,
                                 size_t at, Options& options,
                                 std::vector<const Flag*>& seen) {
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(
      absl::StripPrefix(arguments[at], "--"), absl::MaxSplits('=', 1));
  const bool has_value = absl::StrContains(arguments[at], '=');
  const Flag* flag = absl::c_find_if(
      kFlags, [&](const Flag& f) { return f.name == parts.first; });
  if (flag == std::end(kFlags)) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown flag --", parts.first));
  }
  seen.push_back(flag);
  if (flag->value.empty()) {
    if (has_value) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", flag->name, " takes no value"));
    }
    flag->set("", options);
    return at + 1;
  }
  const size_t end = has_value ? at + 1 : at + 2;
  if (end > arguments.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--", flag->name, " needs a value: --", flag->name, "=", flag->value));
  }
  const absl::string_view value = has_value ? parts.second : arguments[end - 1];
  if (!flag->set(value, options)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag->name, ": expected ", flag->expected,
                     ", found \"", value, "\""));
  }
  return end;
}

// Takes --model apart.
absl::Status SplitModel(Options& options) {
  if (options.model.empty()) {
    if (!options.version) return absl::OkStatus();
    return absl::InvalidArgumentError("--version needs a --model");
  }
  ASSIGN_OR_RETURN(const v1::ModelSpec spec, ParseModelName(options.model));
  if (options.version && (spec.has_version() || !spec.label().empty())) {
    return absl::InvalidArgumentError(
        absl::StrCat("--model=", options.model, " --version=", *options.version,
                     ": expected one version or label"));
  }
  options.model = spec.name();
  options.label = spec.label();
  if (spec.has_version()) options.version = spec.version();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Options> ParseOptions(absl::Span<const std::string> arguments) {
  Options options;
  const char* server = std::getenv("CAROUSEL_SERVER");
  if (server != nullptr && *server != '\0') options.server = server;
  std::vector<const Flag*> seen;
  std::vector<std::string> others;
  for (size_t at = 0; at < arguments.size();) {
    if (arguments[at] == "--") {
      others.insert(others.end(), arguments.begin() + at + 1, arguments.end());
      break;
    }
    if (absl::StartsWith(arguments[at], "--")) {
      ASSIGN_OR_RETURN(at, ParseFlag(arguments, at, options, seen));
    } else {
      others.push_back(arguments[at++]);
    }
  }
  if (!others.empty()) {
    options.command = others.front();
    options.arguments.assign(others.begin() + 1, others.end());
  }
  for (const Flag* flag : seen) {
    if (!Takes(options.command, *flag)) {
      return absl::InvalidArgumentError(
          absl::StrCat("takes no --", flag->name));
    }
  }
  RETURN_IF_ERROR(SplitModel(options));
  return options;
}

std::string FlagsHelp(absl::string_view command) {
  std::string help;
  for (const Flag& flag : kFlags) {
    if (!Takes(command, flag)) continue;
    const std::string usage = absl::StrCat(
        "--", flag.name, flag.value.empty() ? "" : "=", flag.value);
    absl::StrAppendFormat(&help, "  %-22s %s\n", usage, flag.help);
  }
  return help;
}

}  // namespace carousel
