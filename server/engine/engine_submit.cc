// SPDX-License-Identifier: Apache-2.0

#include <memory>
#include <utility>

#include "server/engine/completion_work.h"
#include "server/engine/engine.h"
#include "server/engine/forecast_work.h"
#include "server/engine/label_work.h"
#include "server/engine/read_work.h"
#include "server/engine/translation_work.h"

namespace carousel {

void Engine::Submit(Job job) {
  SubmitWork(std::make_unique<CompletionWork>(std::move(job)));
}

void Engine::Submit(LabelJob job) {
  SubmitWork(std::make_unique<LabelWork>(std::move(job)));
}

void Engine::Submit(TranslationJob job) {
  SubmitWork(std::make_unique<TranslationWork>(std::move(job), &clock_));
}

void Engine::Submit(ForecastJob job) {
  SubmitWork(std::make_unique<ForecastWork>(std::move(job)));
}

void Engine::Submit(ReadJob job) {
  SubmitWork(std::make_unique<ReadWork>(std::move(job)));
}

}  // namespace carousel
