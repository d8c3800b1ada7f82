// SPDX-License-Identifier: Apache-2.0
#include "model/train/loss_figure.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "nlohmann/json.hpp"

extern char** environ;

namespace carousel {
namespace {

constexpr int kCommandNotFound = 127;

// Runs `program` with one argument, found in PATH, without a shell. What it
// says goes nowhere: gnuplot warns of every curve that has a single point.
absl::Status RunProgram(const char* program, const std::string& argument) {
  std::string name = program;
  std::string copy = argument;
  char* argv[] = {name.data(), copy.data(), nullptr};
  pid_t child = 0;
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
    posix_spawn_file_actions_addopen(&files, stream, "/dev/null", O_WRONLY, 0);
  }
  const int error =
      posix_spawnp(&child, program, &files, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    return absl::NotFoundError(
        absl::StrCat("cannot run ", program, ": ", std::strerror(error)));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      return absl::InternalError(
          absl::StrCat("waitpid: ", std::strerror(errno)));
    }
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == kCommandNotFound) {
    return absl::NotFoundError(absl::StrCat(program, " is not installed"));
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return absl::InternalError(absl::StrCat(program, " ", argument, " failed"));
  }
  return absl::OkStatus();
}

// "step value" for each line that has `key`.
std::string Series(absl::string_view metrics, const char* key) {
  std::string series;
  for (absl::string_view line : absl::StrSplit(metrics, '\n')) {
    const auto json =
        nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("step") || !json.contains(key)) {
      continue;
    }
    absl::StrAppend(&series, json["step"].dump(), " ", json[key].dump(), "\n");
  }
  return series;
}

}  // namespace

std::string LossFigureScript(absl::string_view metrics,
                             absl::string_view output) {
  const std::string train = Series(metrics, "perplexity");
  const std::string dev = Series(metrics, "dev_perplexity");
  std::string plots;
  if (!train.empty()) plots = "$train with lines lw 1 title 'training'";
  if (!dev.empty()) {
    absl::StrAppend(&plots, plots.empty() ? "" : ", ",
                    "$dev with linespoints lw 2 pt 7 ps 0.5 title 'dev'");
  }
  if (plots.empty()) return "";
  return absl::StrCat(
      "set terminal svg size 800,500 background 'white'\n", "set output '",
      output, "'\n", "set xlabel 'step'\nset ylabel 'perplexity'\n",
      "set logscale y\nset grid\n", "$train << END\n", train, "END\n",
      "$dev << END\n", dev, "END\n", "plot ", plots, "\n");
}

absl::Status DrawLossFigure(const std::string& run_directory) {
  ASSIGN_OR_RETURN(const std::string metrics,
                   ReadFile(JoinPath(run_directory, "metrics.jsonl")));
  const std::string script_path = JoinPath(run_directory, "loss.gp");
  const std::string figure_path = JoinPath(run_directory, "loss.svg");
  const std::string drawn_path = figure_path + ".unfinished";
  const std::string script = LossFigureScript(metrics, drawn_path);
  if (script.empty()) {
    return absl::FailedPreconditionError("no measurements to draw yet");
  }
  RETURN_IF_ERROR(WriteFileAtomically(script_path, script));
  RETURN_IF_ERROR(RunProgram("gnuplot", script_path));
  if (std::rename(drawn_path.c_str(), figure_path.c_str()) != 0) {
    return absl::InternalError(
        absl::StrCat(figure_path, ": ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

}  // namespace carousel
