// SPDX-License-Identifier: Apache-2.0

#include "model/train/language_model_trainer.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/train/row_parts.h"

namespace carousel {
namespace {

absl::Status CheckRate(absl::string_view name, float rate) {
  if (rate >= 0 && rate < 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": ", rate, ", expected at least 0 and less than 1"));
}

absl::Status CheckOptions(const LanguageModelTrainerOptions& options) {
  if (options.rows < 1 || options.steps < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("rows (", options.rows, ") and steps (", options.steps,
                     ") must be at least 1"));
  }
  RETURN_IF_ERROR(CheckRate("dropout.embedding", options.dropout.embedding));
  RETURN_IF_ERROR(CheckRate("dropout.layers", options.dropout.layers));
  RETURN_IF_ERROR(CheckRate("dropout.output", options.dropout.output));
  RETURN_IF_ERROR(
      CheckRate("dropout.embedding_rows", options.dropout.embedding_rows));
  RETURN_IF_ERROR(CheckRate("label_smoothing", options.label_smoothing));
  return CheckRate("dropout.weight_drop", options.dropout.weight_drop);
}

LanguageModelStretch StretchOf(const LanguageModelBatch& batch) {
  return {
      .inputs = batch.inputs, .targets = batch.targets, .resets = batch.resets};
}

int64_t CountTargets(const LanguageModelBatch& batch) {
  return std::count_if(batch.targets.begin(), batch.targets.end(),
                       [](int32_t target) { return target >= 0; });
}

}  // namespace

struct LanguageModelTrainer::Rep {
  // A part of the batch, and the network for so many rows.
  struct Part {
    RowSlice rows;
    LanguageModelGrad* network;
  };

  Rep(const LanguageModelTrainerOptions& o, Communicator* c)
      : options(o), communicator(c) {}

  absl::Status MakeParts();
  LanguageModelBatch BatchOf(const LanguageModelBatch& batch,
                             const Part& part) const;
  States ZeroStates() const;
  std::vector<NamedTensor> StateTensors() const;
  Pass MakePass(const LanguageModelBatch& batch, const Part& part,
                RecurrentState* state) const;

  const LanguageModelTrainerOptions options;
  Communicator* const communicator;
  std::unique_ptr<Trainer> trainer;
  std::map<int, std::unique_ptr<LanguageModelGrad>> networks;  // by rows
  std::vector<Part> parts;
  States states;                    // of the parts
  std::vector<float> all_h, all_c;  // (L, N, H), for checkpoints
};

absl::Status LanguageModelTrainer::Rep::MakeParts() {
  ASSIGN_OR_RETURN(const std::vector<RowSlice> slices,
                   OwnParts(options.rows, options.accumulate, *communicator));
  for (const RowSlice& slice : slices) {
    std::unique_ptr<LanguageModelGrad>& network = networks[slice.count];
    if (network == nullptr) {
      ASSIGN_OR_RETURN(network, LanguageModelGrad::Create(
                                    options.sizes, options.steps, slice.count,
                                    options.dropout, options.precision));
      network->set_label_smoothing(options.label_smoothing);
    }
    parts.push_back({.rows = slice, .network = network.get()});
  }
  return absl::OkStatus();
}

LanguageModelBatch LanguageModelTrainer::Rep::BatchOf(
    const LanguageModelBatch& batch, const Part& part) const {
  const int rows = options.rows;
  if (part.rows.count == rows) return batch;
  return {.inputs = ColumnsOfPart(batch.inputs, rows, part.rows),
          .targets = ColumnsOfPart(batch.targets, rows, part.rows),
          .resets = ColumnsOfPart(batch.resets, rows, part.rows)};
}

LanguageModelTrainer::States LanguageModelTrainer::Rep::ZeroStates() const {
  States zeros;
  for (const Part& part : parts) {
    zeros.push_back(ZeroState(options.sizes.stack(), part.rows.count));
  }
  return zeros;
}

std::vector<NamedTensor> LanguageModelTrainer::Rep::StateTensors() const {
  std::vector<NamedTensor> tensors;
  const auto add = [&](const char* name, const std::vector<float>& values) {
    if (values.empty()) return;
    tensors.push_back(
        {name,
         Tensor::Borrow(DType::kF32, {static_cast<int64_t>(values.size())},
                        values.data())});
  };
  add("state.h", all_h);
  add("state.c", all_c);
  return tensors;
}

Pass LanguageModelTrainer::Rep::MakePass(const LanguageModelBatch& batch,
                                         const Part& part,
                                         RecurrentState* state) const {
  return [this, &batch, &part, state](
             absl::Span<const float* const> weights,
             absl::Span<float* const> gradients,
             DropoutKey key) -> absl::StatusOr<BatchLoss> {
    const LanguageModelBatch own = BatchOf(batch, part);
    ASSIGN_OR_RETURN(
        const double loss,
        part.network->LossAndGradient(weights, StretchOf(own),
                                      KeyOfPart(key, part.rows, options.rows),
                                      state, gradients));
    return BatchLoss{.loss = loss, .targets = CountTargets(own)};
  };
}

LanguageModelTrainer::LanguageModelTrainer(std::unique_ptr<Rep> rep)
    : rep_(std::move(rep)) {}
LanguageModelTrainer::~LanguageModelTrainer() = default;

absl::StatusOr<std::unique_ptr<LanguageModelTrainer>>
LanguageModelTrainer::Create(const LanguageModelTrainerOptions& options,
                             Communicator* communicator) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(std::vector<WeightSpec> specs, WeightSpecs(options.sizes));
  auto rep = std::make_unique<Rep>(options, communicator);
  ASSIGN_OR_RETURN(
      rep->trainer,
      Trainer::Create(std::move(specs), options.trainer, communicator));
  RETURN_IF_ERROR(rep->MakeParts());
  rep->states = rep->ZeroStates();
  return absl::WrapUnique(new LanguageModelTrainer(std::move(rep)));
}

absl::StatusOr<TrainingStepFigures> LanguageModelTrainer::Step(
    const LanguageModelBatch& batch, float learning_rate) {
  States next = rep_->states;
  std::vector<Pass> passes;
  for (size_t i = 0; i < next.size(); ++i) {
    passes.push_back(rep_->MakePass(batch, rep_->parts[i], &next[i]));
  }
  ASSIGN_OR_RETURN(const TrainingStepFigures figures,
                   rep_->trainer->Step(passes, learning_rate));
  rep_->states = std::move(next);
  return figures;
}

absl::StatusOr<TrainingStepFigures> LanguageModelTrainer::Loss(
    const LanguageModelBatch& batch, States* states) {
  if (states->empty()) *states = rep_->ZeroStates();
  const std::vector<const float*> weights = rep_->trainer->WeightPointers();
  double sums[2] = {0, 0};  // of losses, and their number
  for (size_t i = 0; i < states->size(); ++i) {
    const Rep::Part& part = rep_->parts[i];
    const LanguageModelBatch own = rep_->BatchOf(batch, part);
    ASSIGN_OR_RETURN(
        const double loss,
        part.network->Loss(weights, StretchOf(own), &(*states)[i]));
    sums[0] += loss;
    sums[1] += static_cast<double>(CountTargets(own));
  }
  RETURN_IF_ERROR(rep_->communicator->AllReduceSum(absl::MakeSpan(sums)));
  return TrainingStepFigures{.loss = sums[0] / std::max(sums[1], 1.0),
                             .targets = static_cast<int64_t>(sums[1])};
}

int64_t LanguageModelTrainer::step() const { return rep_->trainer->step(); }

std::vector<Tensor> LanguageModelTrainer::Weights() const {
  return rep_->trainer->Weights();
}

std::vector<NamedTensor> LanguageModelTrainer::NamedWeights() const {
  return rep_->trainer->NamedWeights();
}

absl::Status LanguageModelTrainer::SetWeights(
    absl::Span<const Tensor> weights) {
  return rep_->trainer->SetWeights(weights);
}

absl::Status LanguageModelTrainer::SetNamedWeights(
    absl::Span<const NamedTensor> weights) {
  return rep_->trainer->SetNamedWeights(weights);
}

void LanguageModelTrainer::StartAveraging() { rep_->trainer->StartAveraging(); }

absl::StatusOr<std::vector<NamedTensor>> LanguageModelTrainer::Checkpoint() {
  Rep& rep = *rep_;
  const RecurrentState all =
      ZeroState(rep.options.sizes.stack(), rep.options.rows);
  // Zeros for the rows of other ranks: the sum over the ranks is the whole.
  rep.all_h = all.h;
  rep.all_c = all.c;
  for (size_t i = 0; i < rep.parts.size(); ++i) {
    const RowSlice& rows = rep.parts[i].rows;
    const int64_t hidden = rep.options.sizes.hidden;
    ScatterPart(rep.states[i].h, rows, rep.options.rows, hidden, &rep.all_h);
    ScatterPart(rep.states[i].c, rows, rep.options.rows, hidden, &rep.all_c);
  }
  RETURN_IF_ERROR(rep.communicator->AllReduceSum(absl::MakeSpan(rep.all_h)));
  RETURN_IF_ERROR(rep.communicator->AllReduceSum(absl::MakeSpan(rep.all_c)));
  std::vector<NamedTensor> tensors = rep.trainer->Checkpoint();
  for (NamedTensor& tensor : rep.StateTensors()) {
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

absl::Status LanguageModelTrainer::Restore(
    absl::Span<const NamedTensor> checkpoint) {
  Rep& rep = *rep_;
  // Makes the room that the states are copied into.
  RETURN_IF_ERROR(Checkpoint().status());
  RETURN_IF_ERROR(CheckTensors(rep.StateTensors(), checkpoint));
  RETURN_IF_ERROR(rep.trainer->Restore(checkpoint));
  CopyTensors(checkpoint, rep.StateTensors());
  for (size_t i = 0; i < rep.parts.size(); ++i) {
    const RowSlice& rows = rep.parts[i].rows;
    const int64_t hidden = rep.options.sizes.hidden;
    GatherPart(rep.all_h, rows, rep.options.rows, hidden, &rep.states[i].h);
    GatherPart(rep.all_c, rows, rep.options.rows, hidden, &rep.states[i].c);
  }
  return absl::OkStatus();
}

}  // namespace carousel
