// SPDX-License-Identifier: Apache-2.0

#include "server/app/memory_plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "model/base/buckets.h"
#include "model/tasks/context_cache.h"
#include "model/tasks/text_translation.h"
#include "server/core/translation.h"
#include "server/engine/step_scheduler.h"

namespace carousel {
namespace {

constexpr int64_t kFloat = sizeof(float);
constexpr int64_t kHalf = sizeof(uint16_t);

// What a completion holds of earlier text, which the cache may have forgotten
// meanwhile.
int64_t ContextBytes(const StackSizes& stack) {
  return static_cast<int64_t>(kMostContextPositions) * stack.hidden * kHalf;
}

// Of h and c in all layers.
int64_t StateBytes(const StackSizes& stack) {
  return static_cast<int64_t>(StateFloats(stack, 1)) * kFloat *
         (HasMemory(stack.cell) ? 2 : 1);
}

// The widest activations of a step are sums of gates: looked up, of the input,
// of the recurrence of a GRU. All that is narrower is less than once more.
int64_t ScratchBytes(const StackSizes& stack) {
  constexpr int64_t kBuffers = 4;
  const StepSchedulerOptions steps;
  const int64_t width = int64_t{GateCount(stack.cell)} * stack.hidden;
  const int64_t cells = std::max(steps.max_cells, steps.max_rows);
  return cells * (kBuffers * width * kFloat + StateBytes(stack));
}

// Rows are filled up to the next of the few numbers that there are primitives
// for: a third more at most (SmallestBucket).
int64_t WithFilling(int64_t cells) { return cells * 4 / 3; }

// What a batch of whole texts holds of every step (Classifier::Workspace):
// what is read, its sums of gates, and what each layer writes.
int64_t TextScratchBytes(const StackSizes& stack, int longest_text) {
  const StepSchedulerOptions steps;
  const int64_t cells =
      std::max<int64_t>(steps.max_bulk_cells, StepsBucket(longest_text));
  const int64_t gates = int64_t{GateCount(stack.cell)} * stack.hidden;
  return kFloat * (cells * (stack.inputs + gates) +
                   WithFilling(cells) * 3 * stack.outputs());
}

// Of a text that is being translated: what it remembers of the sentences that
// are open, and where their hypotheses, of the largest beam, have looked.
int64_t OpenTextBytes(const TranslatorSizes& sizes) {
  const TranslationServiceOptions service;
  const int64_t rows = TextTranslation::kOpenRows;
  int64_t floats =
      rows * 2 * static_cast<int64_t>(StateFloats(sizes.decoder, 1));
  if (sizes.attention.has_value()) {
    const int64_t tokens = service.max_sentence_tokens;
    floats +=
        TextTranslation::kOpenTokens * 2 * int64_t{sizes.encoder.outputs()};
    floats += service.max_beam_size * tokens *
              int64_t{MostTranslationTokens(service.max_sentence_tokens)};
  }
  // What is finished waits for the rest.
  constexpr int64_t kTranslationBytes = 512;
  return floats * kFloat + TextTranslation::kMostWeights * kFloat +
         TextTranslation::kMostTranslations * kTranslationBytes;
}

// Of a batch of rows: logits twice, and the widest activations of a step; and
// of a batch of sentences to be read.
int64_t TranslatorScratchBytes(const TranslatorSizes& sizes) {
  const int64_t rows = TextTranslation::kOpenRows;
  const int64_t read = rows * TextTranslation::kReadTokensOfRow;
  return kFloat * (rows * 2 * sizes.target_vocabulary +
                   read * (sizes.embedding + 3 * sizes.encoder.outputs())) +
         ScratchBytes(sizes.encoder) + ScratchBytes(sizes.decoder);
}

// The same of windows, which lie beside as they came, without sums.
int64_t WindowScratchBytes(const StackSizes& stack, int window) {
  const StepSchedulerOptions steps;
  const int64_t cells = std::max<int64_t>(steps.max_bulk_cells, window);
  return kFloat * WithFilling(cells) * (2 * stack.inputs + 3 * stack.outputs());
}

}  // namespace

MemoryPlan PlanMemory(const ServerConfig& config, int workers,
                      int64_t process_bytes,
                      absl::Span<const ModelMemory> models) {
  MemoryPlan plan = {.process = process_bytes};
  for (const ModelMemory& model : models) {
    plan.models += model.bytes;
    if (model.longest_text > 0) {
      plan.scratch = std::max(
          plan.scratch,
          workers * (ScratchBytes(model.stack) +
                     TextScratchBytes(model.stack, model.longest_text)));
    }
    if (model.translator.has_value()) {
      // As many of bulk streams beside the others.
      plan.states +=
          2 * config.max_sequences * OpenTextBytes(*model.translator);
      plan.scratch = std::max(
          plan.scratch, workers * TranslatorScratchBytes(*model.translator));
    }
    if (model.window > 0) {
      plan.scratch =
          std::max(plan.scratch,
                   workers * (ScratchBytes(model.stack) +
                              WindowScratchBytes(model.stack, model.window)));
    }
    if (!model.completes) continue;
    plan.states += config.max_sequences *
                   (StateBytes(model.stack) + ContextBytes(model.stack));
    plan.caches += config.prefix_cache_bytes;
    plan.scratch = std::max(plan.scratch, workers * ScratchBytes(model.stack));
  }
  return plan;
}

absl::Status CheckMemory(const ServerConfig& config, const MemoryPlan& plan) {
  if (config.memory_limit == 0 || plan.total() <= config.memory_limit) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "--memory_limit=", config.memory_limit, ": expected at least ",
      plan.total(), " bytes, of which ", plan.models, " are models, ",
      plan.caches, " prefix caches (--prefix_cache_bytes), ", plan.states,
      " states (--max_sequences), ", plan.scratch, " scratch memory, ",
      plan.process, " the process itself"));
}

}  // namespace carousel
