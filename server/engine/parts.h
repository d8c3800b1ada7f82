// SPDX-License-Identifier: Apache-2.0
//
// Work that falls into parts, of which other threads may take some.

#ifndef CAROUSEL_SERVER_ENGINE_PARTS_H_
#define CAROUSEL_SERVER_ENGINE_PARTS_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "model/layers/classifier.h"
#include "model/layers/forecaster.h"
#include "model/layers/language_model.h"
#include "model/layers/recurrent_stack.h"
#include "model/layers/translator.h"

namespace carousel {

// What a thread needs to compute parts.
struct PartScratch {
  LanguageModel::Workspace workspace = {};
  Classifier::Workspace classifier = {};
  Translator::Workspace translator = {};
  Forecaster::Workspace forecaster = {};
  RecurrentState state = {};
};

// Runs one part, on thread `thread` of those that take part (0 is the calling
// one), with the scratch of that thread.
using RunPart =
    absl::FunctionRef<absl::Status(int part, int thread, PartScratch* scratch)>;

class Parts {
 public:
  virtual ~Parts() = default;

  // Threads that would take parts now, and that could at most, the calling one
  // included.
  virtual int threads() const = 0;
  virtual int most_threads() const = 0;

  // Of the calling thread, for work between parts.
  virtual PartScratch* scratch() = 0;

  // Runs parts [0, count), each once, on the calling thread and on those that
  // have nothing else to do. Returns when all have ended: OK, or the error of
  // one.
  virtual absl::Status Run(int count, RunPart run) = 0;
};

// Those of a thread by itself.
class OneThread : public Parts {
 public:
  int threads() const override { return 1; }
  int most_threads() const override { return 1; }
  PartScratch* scratch() override { return &scratch_; }

  absl::Status Run(int count, RunPart run) override {
    absl::Status status;
    for (int part = 0; part < count && status.ok(); ++part) {
      status = run(part, 0, &scratch_);
    }
    return status;
  }

 private:
  PartScratch scratch_;
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_ENGINE_PARTS_H_
