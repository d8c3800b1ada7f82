// SPDX-License-Identifier: Apache-2.0

#include "server/app/flags.h"

#include <map>
#include <optional>
#include <string>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "nlohmann/json.hpp"

ABSL_FLAG(std::string, config, "",
          "JSON file with an object of flags, e.g. {\"workers\": 2}; the "
          "command line wins over it");
ABSL_FLAG(std::string, models, carousel::ServerConfig().models,
          "directory of models: NAME/VERSION/manifest.json");
ABSL_FLAG(std::string, precision, carousel::ServerConfig().precision,
          "what models compute in: f32, bf16, int8, or auto: as each bundle is "
          "meant, as far as the CPU can");
ABSL_FLAG(bool, force_precision, carousel::ServerConfig().force_precision,
          "load a bundle also where its record says that bf16 or int8 costs "
          "more quality than is allowed");
ABSL_FLAG(std::string, grpc_address, carousel::ServerConfig().grpc_address,
          "host:port for gRPC; port 0: any free one");
ABSL_FLAG(std::string, http_address, carousel::ServerConfig().http_address,
          "host:port for /livez, /readyz and /metrics");
ABSL_FLAG(int32_t, workers, carousel::ServerConfig().workers,
          "threads that compute; 0: as many as CPUs are allowed (affinity, "
          "cgroup quota)");
ABSL_FLAG(
    int64_t, max_queue_tokens, carousel::ServerConfig().max_queue_tokens,
    "work that may wait, in tokens to be fed and as many for outputs; more is "
    "refused");
ABSL_FLAG(int64_t, max_text_bytes, carousel::ServerConfig().max_text_bytes,
          "longest text to complete, and longest context of it, in bytes");
ABSL_FLAG(int64_t, max_whole_text_bytes,
          carousel::ServerConfig().max_whole_text_bytes,
          "longest text to score, in bytes");
ABSL_FLAG(int32_t, max_sequences, carousel::ServerConfig().max_sequences,
          "requests that are computed at a time; the others wait");
ABSL_FLAG(int64_t, prefix_cache_bytes,
          carousel::ServerConfig().prefix_cache_bytes,
          "memory for the states after texts already read, for each version of "
          "a model; 0: none");
ABSL_FLAG(int64_t, embedding_table_bytes,
          carousel::ServerConfig().embedding_table_bytes,
          "most memory for a table of a language model's first layer, which "
          "saves a product in every step of a bf16 or int8 model, for each "
          "version of a model; 0: none");
ABSL_FLAG(int64_t, memory_limit, carousel::ServerConfig().memory_limit,
          "the server does not start, and reloads no version, if its models, "
          "caches, states and scratch memory may take more bytes than this; 0: "
          "no limit");
ABSL_FLAG(absl::Duration, drain_pause, carousel::ServerConfig().drain_pause,
          "after SIGTERM: how long requests are still taken while the load "
          "balancers learn; a second signal ends it");
ABSL_FLAG(absl::Duration, drain_deadline,
          carousel::ServerConfig().drain_deadline,
          "after that: how long open requests may take");
ABSL_FLAG(absl::Duration, max_connection_age,
          carousel::ServerConfig().max_connection_age,
          "a gRPC connection is closed in peace at this age, so that clients "
          "find new replicas");
ABSL_FLAG(absl::Duration, max_connection_age_grace,
          carousel::ServerConfig().max_connection_age_grace,
          "how long calls on such a connection may still take");
ABSL_FLAG(absl::Duration, min_ping_interval,
          carousel::ServerConfig().min_ping_interval,
          "clients that send keepalive pings more often are cut off");
ABSL_FLAG(absl::Duration, keepalive_time,
          carousel::ServerConfig().keepalive_time,
          "how often an idle connection is asked whether anybody is there");
ABSL_FLAG(bool, reflection, carousel::ServerConfig().reflection,
          "gRPC server reflection");
ABSL_FLAG(bool, allow_reload, carousel::ServerConfig().allow_reload,
          "take ModelService.ReloadModels from everybody; SIGHUP reloads with "
          "and without it");
ABSL_FLAG(bool, allow_explain, carousel::ServerConfig().allow_explain,
          "take ModelService.Explain from everybody: it shows the vocabulary, "
          "and whether others have sent a text that begins alike");
ABSL_FLAG(std::string, log_format, carousel::ServerConfig().log_format,
          "text or json (one object a line), on standard error");
ABSL_FLAG(std::string, log_level, carousel::ServerConfig().log_level,
          "debug, info, warning or error");

namespace carousel {
namespace {

constexpr size_t kMaxConfigBytes = 1 << 20;

bool IsOurs(absl::string_view file) {
  return absl::EndsWith(file, "server/app/flags.cc");
}

// The value of --config, found before the flags are parsed: what is in the file
// must be set first.
std::optional<std::string> FindConfigPath(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    absl::string_view arg = argv[i];
    if (!absl::ConsumePrefix(&arg, "-")) continue;
    absl::ConsumePrefix(&arg, "-");
    if (absl::ConsumePrefix(&arg, "config=")) return std::string(arg);
    if (arg == "config" && i + 1 < argc) return std::string(argv[i + 1]);
  }
  return std::nullopt;
}

// The server's flag of that name; nullptr if it has none.
absl::CommandLineFlag* FindFlag(absl::string_view name) {
  absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
  return flag != nullptr && IsOurs(flag->Filename()) ? flag : nullptr;
}

absl::Status SetFlag(const std::string& name, const nlohmann::json& value) {
  absl::CommandLineFlag* flag = FindFlag(name);
  if (flag == nullptr || name == "config") {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name, "\" is not a flag of the server"));
  }
  std::string error;
  if (value.is_structured() || value.is_null() ||
      !flag->ParseFrom(
          value.is_string() ? value.get<std::string>() : value.dump(),
          &error)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", name, "\": ", value.dump(-1, ' ', true), " is not a value for it",
        error.empty() ? "" : ": ", error));
  }
  return absl::OkStatus();
}

absl::Status ReadConfigFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxConfigBytes));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected a JSON object of flags"));
  }
  for (const auto& [name, value] : json.items()) {
    if (absl::Status status = SetFlag(name, value); !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

ServerConfig ConfigFromFlags() {
  return {
      .models = absl::GetFlag(FLAGS_models),
      .precision = absl::GetFlag(FLAGS_precision),
      .force_precision = absl::GetFlag(FLAGS_force_precision),
      .grpc_address = absl::GetFlag(FLAGS_grpc_address),
      .http_address = absl::GetFlag(FLAGS_http_address),
      .workers = absl::GetFlag(FLAGS_workers),
      .max_queue_tokens = absl::GetFlag(FLAGS_max_queue_tokens),
      .max_text_bytes = absl::GetFlag(FLAGS_max_text_bytes),
      .max_whole_text_bytes = absl::GetFlag(FLAGS_max_whole_text_bytes),
      .max_sequences = absl::GetFlag(FLAGS_max_sequences),
      .prefix_cache_bytes = absl::GetFlag(FLAGS_prefix_cache_bytes),
      .embedding_table_bytes = absl::GetFlag(FLAGS_embedding_table_bytes),
      .memory_limit = absl::GetFlag(FLAGS_memory_limit),
      .drain_pause = absl::GetFlag(FLAGS_drain_pause),
      .drain_deadline = absl::GetFlag(FLAGS_drain_deadline),
      .max_connection_age = absl::GetFlag(FLAGS_max_connection_age),
      .max_connection_age_grace = absl::GetFlag(FLAGS_max_connection_age_grace),
      .min_ping_interval = absl::GetFlag(FLAGS_min_ping_interval),
      .keepalive_time = absl::GetFlag(FLAGS_keepalive_time),
      .reflection = absl::GetFlag(FLAGS_reflection),
      .allow_reload = absl::GetFlag(FLAGS_allow_reload),
      .allow_explain = absl::GetFlag(FLAGS_allow_explain),
      .log_format = absl::GetFlag(FLAGS_log_format),
      .log_level = absl::GetFlag(FLAGS_log_level)};
}

// Sets the flag that argument `*i` names: "--name=value" or "--name value"; of
// a bool also "--name" and "--noname". A value that stands apart is read, too.
absl::Status ParseArgument(int argc, char** argv, int* i) {
  const std::string argument = argv[*i];
  const auto wrong = [&](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", argument, "\": ", what));
  };
  absl::string_view name = argument;
  if (!absl::ConsumePrefix(&name, "-")) {
    return wrong("expected --name=value, found no flag");
  }
  absl::ConsumePrefix(&name, "-");
  std::optional<std::string> value;
  if (const size_t equals = name.find('='); equals != name.npos) {
    value = std::string(name.substr(equals + 1));
    name = name.substr(0, equals);
  }
  absl::CommandLineFlag* flag = FindFlag(name);
  if (flag == nullptr && !value && absl::ConsumePrefix(&name, "no")) {
    flag = FindFlag(name);
    if (flag != nullptr && !flag->IsOfType<bool>()) flag = nullptr;
    value = "false";
  }
  if (flag == nullptr) return wrong("no such flag");
  if (!value && flag->IsOfType<bool>()) value = "true";
  if (!value && *i + 1 < argc) value = argv[++*i];
  if (!value) return wrong("expected a value, found none");
  std::string error;
  return flag->ParseFrom(*value, &error) ? absl::OkStatus() : wrong(error);
}

// `text` in lines of up to 80 characters, each behind `indent`.
std::string Wrap(absl::string_view text, absl::string_view indent) {
  constexpr size_t kWidth = 80;
  std::string lines;
  size_t width = kWidth;
  for (absl::string_view word : absl::StrSplit(text, ' ')) {
    if (width + 1 + word.size() > kWidth) {
      absl::StrAppend(&lines, lines.empty() ? "" : "\n", indent, word);
      width = indent.size() + word.size();
    } else {
      absl::StrAppend(&lines, " ", word);
      width += 1 + word.size();
    }
  }
  return lines + "\n";
}

std::string HelpText() {
  std::map<absl::string_view, absl::CommandLineFlag*> flags;
  for (const auto& [name, flag] : absl::GetAllFlags()) {
    if (IsOurs(flag->Filename())) flags[name] = flag;
  }
  std::string text =
      "usage: carousel-server [--FLAG=VALUE ...]\n\n"
      "Serves LSTM models over gRPC: completion, sentiment, translation and\n"
      "forecasts.\n\n"
      "  carousel-server --models=model/zoo --grpc_address=0.0.0.0:50051\n\n"
      "flags, with their defaults:\n";
  for (const auto& [name, flag] : flags) {
    absl::StrAppend(&text, "  --", name, "=", flag->DefaultValue(), "\n",
                    Wrap(flag->Help(), "      "));
  }
  return text;
}

}  // namespace

std::optional<std::string> AnswerOfCommandLine(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const absl::string_view argument = argv[i];
    if (argument == "--help" || argument == "-help" || argument == "-h") {
      return HelpText();
    }
    if (argument == "--version") return "carousel " CAROUSEL_VERSION "\n";
  }
  return std::nullopt;
}

absl::StatusOr<ServerConfig> ParseFlags(int argc, char** argv) {
  if (const auto path = FindConfigPath(argc, argv)) {
    RETURN_IF_ERROR(ReadConfigFile(*path));
  }
  for (int i = 1; i < argc; ++i) {
    RETURN_IF_ERROR(ParseArgument(argc, argv, &i));
  }
  ServerConfig config = ConfigFromFlags();
  RETURN_IF_ERROR(Validate(config));
  return config;
}

}  // namespace carousel
