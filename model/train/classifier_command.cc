// SPDX-License-Identifier: Apache-2.0

#include <utility>

#include "model/base/status_macros.h"
#include "model/train/classifier_config.h"
#include "model/train/classifier_task.h"
#include "model/train/commands.h"
#include "model/train/training_command.h"

namespace carousel {
namespace {

constexpr Flag kFlags[] = {
    kConfigFlag,
    kOutFlag,
    kRunFlag,
    kResumeFlag,
    kSetFlag,
    kDataDirectoryFlag,
    {"init", "BUNDLE", "setting model.init",
     "start from this language model's vocabulary and weights"},
    kProgressFlag};

absl::StatusOr<int> RunClassifier(const FlagValues& flags) {
  ASSIGN_OR_RETURN(ClassifierConfig config,
                   ReadConfig(flags, ParseClassifierConfig));
  config.data_directory = flags.Get("data_directory", config.data_directory);
  config.init = flags.Get("init", config.init);
  ClassifierDefinition definition(std::move(config));
  return RunTrainingCommand(flags, &definition);
}

}  // namespace

const Command kClassifierCommand = {
    "classifier", "Trains a classifier on lines of label<TAB>text.", kFlags,
    RunClassifier};

}  // namespace carousel
