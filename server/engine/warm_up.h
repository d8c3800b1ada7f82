// SPDX-License-Identifier: Apache-2.0
//
// Makes a network's first answer as fast as its thousandth.

#ifndef CAROUSEL_SERVER_ENGINE_WARM_UP_H_
#define CAROUSEL_SERVER_ENGINE_WARM_UP_H_

#include "absl/status/status.h"
#include "model/layers/classifier.h"
#include "model/layers/forecaster.h"
#include "model/layers/language_model.h"
#include "model/layers/translator.h"
#include "server/engine/parts.h"
#include "server/engine/step_scheduler.h"

namespace carousel {

// Runs every shape of batch that a scheduler with these options makes, so that
// the calling thread has oneDNN's primitives for them, and memory for the
// largest. INTERNAL if the network fails.
absl::Status WarmUp(const LanguageModel& network,
                    const StepSchedulerOptions& options, PartScratch* scratch);
absl::Status WarmUp(const Classifier& network,
                    const StepSchedulerOptions& options, PartScratch* scratch);
absl::Status WarmUp(const Forecaster& network,
                    const StepSchedulerOptions& options, PartScratch* scratch);

// The same of the sentences and rows that translations are made of.
absl::Status WarmUp(const Translator& network, PartScratch* scratch);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_WARM_UP_H_
