// SPDX-License-Identifier: Apache-2.0
//
// What the commands that train have in common: flags, reading the settings,
// signals, progress.

#ifndef CAROUSEL_MODEL_TRAIN_TRAINING_COMMAND_H_
#define CAROUSEL_MODEL_TRAIN_TRAINING_COMMAND_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/train/command_line.h"
#include "model/train/training_task.h"

namespace carousel {

inline constexpr Flag kConfigFlag = {
    "config", "FILE", "", "settings, see model/train/README.md", true};
inline constexpr Flag kOutFlag = {
    "out", "DIR", "", "the bundle to write, .../NAME/VERSION", true};
inline constexpr Flag kRunFlag = {"run", "DIR", "OUT.run",
                                  "checkpoints, metrics and figures"};
inline constexpr Flag kResumeFlag = {
    "resume", "", "off", "go on from the checkpoint in the run's folder"};
inline constexpr Flag kSetFlag = {"set", "SECTION.KEY=VALUE", "none",
                                  "override a setting; repeatable"};
inline constexpr Flag kDataDirectoryFlag = {"data_directory", "DIR",
                                            "setting data.directory",
                                            "where the data files lie"};
inline constexpr Flag kInitFlag = {"init", "BUNDLE", "setting model.init",
                                   "a bundle whose weights to begin with"};
inline constexpr Flag kProgressFlag = {
    "progress", "STYLE", "auto", "bar, lines, none, or auto: as fits stderr"};

// The settings in the file of --config after those of --set, through `parse`,
// whose errors get the file's name before them.
template <typename Config>
absl::StatusOr<Config> ReadConfig(
    const FlagValues& flags,
    absl::StatusOr<Config> (*parse)(absl::string_view json,
                                    absl::Span<const std::string> overrides)) {
  const std::string path = flags.Get("config");
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  absl::StatusOr<Config> config = parse(text, flags.GetAll("set"));
  if (config.ok()) return config;
  return absl::Status(config.status().code(),
                      absl::StrCat(path, ": ", config.status().message()));
}

// Runs the task as the flags above say; the exit code. SIGINT or SIGTERM stop
// it after its step, a second one ends the process.
absl::StatusOr<int> RunTrainingCommand(const FlagValues& flags,
                                       TaskDefinition* definition);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TRAIN_TRAINING_COMMAND_H_
