// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "client/cli/cli.h"
#include "client/cli/json.h"
#include "client/cli/scores.h"
#include "client/cli/utf8.h"
#include "model/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

ScoreOptions ToScoreOptions(const Options& options) {
  return {.model = options.model,
          .version = options.version,
          .label = options.label,
          .contributions = options.explain,
          .running = options.explain,
          .timeout = options.timeout};
}

absl::Status Print(const std::string& text, const v1::ScoreResponse& response,
                   const Options& options, Console& console) {
  if (!options.json) {
    console.out << FormatScore(text, response, console.out_is_terminal);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string line, JsonLine(response, text));
  console.out << line;
  return absl::OkStatus();
}

// {"error":{"code":"INVALID_ARGUMENT","message":"..."}}
std::string ErrorJson(const absl::Status& status) {
  const nlohmann::ordered_json json = {
      {"error",
       {{"code", absl::StatusCodeToString(status.code())},
        {"message", Printable(status.message())}}}};
  return absl::StrCat(json.dump(), "\n");
}

// The lines of the input, answered in their order though the answers come in
// any.
class Lines {
 public:
  Lines(const Options& options, Console& console)
      : options_(options), console_(console) {}

  // The next line; nothing at the end of the input.
  std::optional<std::string> Next() {
    std::string line;
    if (!std::getline(console_.in, line)) return std::nullopt;
    std::string text(absl::StripSuffix(line, "\r"));
    absl::MutexLock lock(&mutex_);
    open_.emplace(read_++, Line{text, std::nullopt});
    return text;
  }

  void Answer(int64_t place, absl::StatusOr<v1::ScoreResponse> response) {
    absl::MutexLock lock(&mutex_);
    const auto found = open_.find(place);
    if (found == open_.end()) return;
    found->second.response = std::move(response);
    while (!open_.empty() && open_.begin()->second.response.has_value()) {
      Show(open_.begin()->first, open_.begin()->second);
      open_.erase(open_.begin());
    }
    if (open_.empty()) console_.out.flush();
  }

  // Whether every line was scored.
  absl::Status status() const {
    absl::MutexLock lock(&mutex_);
    if (failed_ == 0) return absl::OkStatus();
    return absl::Status(first_error_.code(),
                        absl::StrCat(failed_, " of ", read_,
                                     " lines could not be scored; the first: ",
                                     first_error_.message()));
  }

 private:
  struct Line {
    std::string text;
    std::optional<absl::StatusOr<v1::ScoreResponse>> response;
  };

  // One line of the output for one of the input, whatever became of it.
  void Show(int64_t place, const Line& line)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    absl::Status status = line.response->status();
    if (status.ok()) {
      status = Print(line.text, **line.response, options_, console_);
    }
    if (status.ok()) return;
    console_.out << (options_.json ? ErrorJson(status)
                                   : FormatError(line.text));
    if (failed_++ == 0) {
      first_error_ = absl::Status(
          status.code(),
          absl::StrCat("line ", place + 1, ": ", status.message()));
    }
  }

  const Options& options_;
  Console& console_;
  mutable absl::Mutex mutex_;
  int64_t read_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int64_t, Line> open_ ABSL_GUARDED_BY(mutex_);
  int64_t failed_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status first_error_ ABSL_GUARDED_BY(mutex_);
};

// By one stream, which has no end of its own: the timeout is that of a call.
absl::Status ScoreLines(const Options& options, Client& client,
                        Console& console) {
  ScoreOptions score = ToScoreOptions(options);
  score.timeout = absl::InfiniteDuration();
  Lines lines(options, console);
  RETURN_IF_ERROR(client.ScoreAll(
      [&] { return lines.Next(); },
      [&](int64_t place, absl::StatusOr<v1::ScoreResponse> response) {
        lines.Answer(place, std::move(response));
      },
      score));
  return lines.status();
}

}  // namespace

absl::Status RunScore(const Options& options, Client& client,
                      Console& console) {
  if (options.arguments.empty()) return ScoreLines(options, client, console);
  for (const std::string& text : options.arguments) {
    ASSIGN_OR_RETURN(const v1::ScoreResponse response,
                     client.Score(text, ToScoreOptions(options)));
    RETURN_IF_ERROR(Print(text, response, options, console));
  }
  return absl::OkStatus();
}

}  // namespace carousel
