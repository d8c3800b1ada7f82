// SPDX-License-Identifier: Apache-2.0

#include "model/train/language_model_trainer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/random.h"
#include "model/base/status_macros.h"

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
  if (!(options.clip_norm >= 0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "clip_norm: ", options.clip_norm, ", expected 0 (never) or more"));
  }
  RETURN_IF_ERROR(CheckRate("dropout.embedding", options.dropout.embedding));
  RETURN_IF_ERROR(CheckRate("dropout.layers", options.dropout.layers));
  return CheckRate("dropout.output", options.dropout.output);
}

}  // namespace

struct LanguageModelTrainer::Rep {
  Rep(const LanguageModelTrainerOptions& o, std::vector<WeightSpec> s);
  void Initialise();
  std::vector<const float*> WeightPointers() const;
  LanguageModelStretch Stretch(const LanguageModelBatch& batch) const;
  static int64_t CountTargets(const LanguageModelBatch& batch);

  const LanguageModelTrainerOptions options;
  const std::vector<WeightSpec> specs;
  std::vector<ParameterRange> ranges;  // of each weight in the flat arrays
  std::unique_ptr<LanguageModelGrad> network;
  std::unique_ptr<Optimiser> optimiser;
  std::vector<float> weights;
  std::vector<float> gradient;
  RecurrentState state;
  int64_t step = 0;
};

LanguageModelTrainer::Rep::Rep(const LanguageModelTrainerOptions& o,
                               std::vector<WeightSpec> s)
    : options(o), specs(std::move(s)) {
  int64_t next = 0;
  for (const WeightSpec& spec : specs) {
    const int64_t size = NumElements(spec.shape);
    ranges.push_back(
        {.begin = next, .end = next + size, .decays = spec.shape.size() > 1});
    next += size;
  }
  optimiser = std::make_unique<Optimiser>(options.optimiser, ranges);
  weights.resize(static_cast<size_t>(next));
  gradient.resize(static_cast<size_t>(next));
  state = ZeroState(options.sizes.stack(), options.rows);
}

void LanguageModelTrainer::Rep::Initialise() {
  constexpr uint64_t kPurpose = 0x776569676874ull;  // apart from dropout's keys
  for (size_t i = 0; i < specs.size(); ++i) {
    const auto size = static_cast<size_t>(ranges[i].end - ranges[i].begin);
    InitialiseWeight(specs[i], Random(options.seed, kPurpose, i),
                     {weights.data() + ranges[i].begin, size});
  }
}

std::vector<const float*> LanguageModelTrainer::Rep::WeightPointers() const {
  std::vector<const float*> pointers;
  for (const auto& range : ranges) {
    pointers.push_back(weights.data() + range.begin);
  }
  return pointers;
}

LanguageModelStretch LanguageModelTrainer::Rep::Stretch(
    const LanguageModelBatch& batch) const {
  return {
      .inputs = batch.inputs, .targets = batch.targets, .resets = batch.resets};
}

int64_t LanguageModelTrainer::Rep::CountTargets(
    const LanguageModelBatch& batch) {
  return std::count_if(batch.targets.begin(), batch.targets.end(),
                       [](int32_t target) { return target >= 0; });
}

LanguageModelTrainer::LanguageModelTrainer(std::unique_ptr<Rep> rep)
    : rep_(std::move(rep)) {}
LanguageModelTrainer::~LanguageModelTrainer() = default;

absl::StatusOr<std::unique_ptr<LanguageModelTrainer>>
LanguageModelTrainer::Create(const LanguageModelTrainerOptions& options) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(std::vector<WeightSpec> specs, WeightSpecs(options.sizes));
  auto rep = std::make_unique<Rep>(options, std::move(specs));
  rep->Initialise();
  ASSIGN_OR_RETURN(rep->network,
                   LanguageModelGrad::Create(options.sizes, options.steps,
                                             options.rows, options.dropout));
  return absl::WrapUnique(new LanguageModelTrainer(std::move(rep)));
}

absl::StatusOr<TrainingStepFigures> LanguageModelTrainer::Step(
    const LanguageModelBatch& batch, float learning_rate) {
  Rep& rep = *rep_;
  const int64_t targets = Rep::CountTargets(batch);
  const double scale = 1.0 / static_cast<double>(std::max<int64_t>(targets, 1));
  std::fill(rep.gradient.begin(), rep.gradient.end(), 0.0f);
  std::vector<float*> gradients;
  for (const auto& range : rep.ranges) {
    gradients.push_back(rep.gradient.data() + range.begin);
  }
  RecurrentState next_state = rep.state;
  ASSIGN_OR_RETURN(const double loss,
                   rep.network->LossAndGradient(
                       rep.WeightPointers(), rep.Stretch(batch),
                       {.seed = rep.options.seed, .step = rep.step + 1},
                       &next_state, gradients));
  const TrainingStepFigures figures = {
      .loss = loss * scale,
      .targets = targets,
      .gradient_norm = Norm(rep.gradient) * scale};
  if (!std::isfinite(figures.loss) || !std::isfinite(figures.gradient_norm)) {
    return absl::InternalError(
        absl::StrCat("step ", rep.step + 1, ": the loss is ", figures.loss,
                     " and the gradient's norm is ", figures.gradient_norm,
                     "; a smaller learning rate or clip_norm may help"));
  }
  ++rep.step;
  rep.optimiser->Update(
      rep.step, learning_rate,
      ClipFactor(figures.gradient_norm, rep.options.clip_norm) *
          static_cast<float>(scale),
      rep.gradient, absl::MakeSpan(rep.weights));
  rep.state = std::move(next_state);
  return figures;
}

absl::StatusOr<TrainingStepFigures> LanguageModelTrainer::Loss(
    const LanguageModelBatch& batch, RecurrentState* state) {
  RecurrentState zeros;
  if (state == nullptr || state->h.empty()) {
    zeros = ZeroState(rep_->options.sizes.stack(), rep_->options.rows);
    if (state != nullptr) *state = zeros;
  }
  const int64_t targets = Rep::CountTargets(batch);
  ASSIGN_OR_RETURN(
      const double loss,
      rep_->network->Loss(rep_->WeightPointers(), rep_->Stretch(batch),
                          state == nullptr ? &zeros : state));
  return TrainingStepFigures{
      .loss = loss / static_cast<double>(std::max<int64_t>(targets, 1)),
      .targets = targets};
}

int64_t LanguageModelTrainer::step() const { return rep_->step; }

std::vector<Tensor> LanguageModelTrainer::Weights() const {
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < rep_->specs.size(); ++i) {
    tensors.push_back(
        Tensor::Borrow(DType::kF32, rep_->specs[i].shape,
                       rep_->weights.data() + rep_->ranges[i].begin));
  }
  return tensors;
}

absl::Status LanguageModelTrainer::SetWeights(
    absl::Span<const Tensor> weights) {
  if (weights.size() != rep_->specs.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected ", rep_->specs.size(), " weight tensors, found ",
                     weights.size()));
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i].shape() == rep_->specs[i].shape) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("tensor \"", rep_->specs[i].name, "\": shape ",
                     ShapeString(weights[i].shape()), ", expected ",
                     ShapeString(rep_->specs[i].shape)));
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    const Tensor plain = weights[i].ToF32();
    std::copy_n(plain.data<float>(), plain.size(),
                rep_->weights.data() + rep_->ranges[i].begin);
  }
  return absl::OkStatus();
}

std::vector<NamedTensor> LanguageModelTrainer::Checkpoint() const {
  std::vector<NamedTensor> tensors;
  const std::vector<Tensor> weights = Weights();
  for (size_t i = 0; i < weights.size(); ++i) {
    tensors.push_back({rep_->specs[i].name, weights[i]});
  }
  const auto add = [&](const char* name, const std::vector<float>& values) {
    if (values.empty()) return;
    tensors.push_back(
        {name,
         Tensor::Borrow(DType::kF32, {static_cast<int64_t>(values.size())},
                        values.data())});
  };
  add("optimiser.first_moment", rep_->optimiser->first_moment());
  add("optimiser.second_moment", rep_->optimiser->second_moment());
  add("state.h", rep_->state.h);
  add("state.c", rep_->state.c);
  tensors.push_back({"step", Tensor::Borrow(DType::kI64, {1}, &rep_->step)});
  return tensors;
}

absl::Status LanguageModelTrainer::Restore(
    absl::Span<const NamedTensor> checkpoint) {
  // What is there now says what must come: same names, types and shapes.
  const std::vector<NamedTensor> own = Checkpoint();
  std::vector<const Tensor*> sources;
  for (const NamedTensor& expected : own) {
    const auto found = std::find_if(
        checkpoint.begin(), checkpoint.end(),
        [&](const NamedTensor& t) { return t.name == expected.name; });
    if (found == checkpoint.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "checkpoint: tensor \"", expected.name, "\" is missing"));
    }
    if (found->tensor.shape() != expected.tensor.shape() ||
        found->tensor.dtype() != expected.tensor.dtype()) {
      return absl::InvalidArgumentError(
          absl::StrCat("checkpoint: tensor \"", expected.name,
                       "\": ", DTypeName(found->tensor.dtype()), " ",
                       ShapeString(found->tensor.shape()), ", expected ",
                       DTypeName(expected.tensor.dtype()), " ",
                       ShapeString(expected.tensor.shape())));
    }
    sources.push_back(&found->tensor);
  }
  for (size_t i = 0; i < own.size(); ++i) {
    // Checkpoint() borrows this trainer's own memory.
    std::memcpy(const_cast<void*>(own[i].tensor.raw()), sources[i]->raw(),
                own[i].tensor.size_bytes());
  }
  return absl::OkStatus();
}

}  // namespace carousel
