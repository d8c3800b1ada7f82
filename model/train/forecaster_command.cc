// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "model/base/status_macros.h"
#include "model/train/commands.h"
#include "model/train/forecaster_config.h"
#include "model/train/forecaster_task.h"
#include "model/train/training_command.h"

namespace carousel {
namespace {

constexpr Flag kFlags[] = {kConfigFlag,  kOutFlag, kRunFlag,
                           kResumeFlag,  kSetFlag, kDataDirectoryFlag,
                           kProgressFlag};

absl::StatusOr<int> RunForecaster(const FlagValues& flags) {
  ASSIGN_OR_RETURN(ForecasterConfig config,
                   ReadConfig(flags, ParseForecasterConfig));
  config.data_directory = flags.Get("data_directory", config.data_directory);
  ForecasterDefinition definition(std::move(config));
  return RunTrainingCommand(flags, &definition);
}

}  // namespace

const Command kForecasterCommand = {
    "forecaster", "Trains a forecaster on series, a CSV file with times.",
    kFlags, RunForecaster};

}  // namespace carousel
