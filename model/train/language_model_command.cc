// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "model/base/status_macros.h"
#include "model/train/commands.h"
#include "model/train/language_model_config.h"
#include "model/train/language_model_task.h"
#include "model/train/training_command.h"

namespace carousel {
namespace {

constexpr Flag kFlags[] = {kConfigFlag, kOutFlag,     kRunFlag,
                           kResumeFlag, kSetFlag,     kDataDirectoryFlag,
                           kInitFlag,   kProgressFlag};

absl::StatusOr<int> RunLanguageModel(const FlagValues& flags) {
  ASSIGN_OR_RETURN(LanguageModelConfig config,
                   ReadConfig(flags, ParseLanguageModelConfig));
  config.data_directory = flags.Get("data_directory", config.data_directory);
  config.init = flags.Get("init", config.init);
  LanguageModelDefinition definition(std::move(config));
  return RunTrainingCommand(flags, &definition);
}

}  // namespace

const Command kLanguageModelCommand = {
    "language-model", "Trains a language model on text, one item a line.",
    kFlags, RunLanguageModel};

}  // namespace carousel
