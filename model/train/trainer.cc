// SPDX-License-Identifier: Apache-2.0

#include "model/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "model/base/check.h"
#include "model/base/random.h"
#include "model/base/status_macros.h"
#include "model/tensor/aligned_vector.h"

namespace carousel {
namespace {

// A bound of clipping, of which 0 means never.
absl::Status CheckBound(absl::string_view name, float bound) {
  if (bound >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": ", bound, ", expected 0 (never) or more"));
}

absl::Status CheckShape(const WeightSpec& spec, const Tensor& tensor) {
  if (tensor.shape() == spec.shape) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "tensor \"", spec.name, "\": shape ", ShapeString(tensor.shape()),
      ", expected ", ShapeString(spec.shape)));
}

std::string Describe(const Tensor& tensor) {
  return absl::StrCat(DTypeName(tensor.dtype()), " ",
                      ShapeString(tensor.shape()));
}

const Tensor* Find(absl::Span<const NamedTensor> tensors,
                   absl::string_view name) {
  for (const NamedTensor& tensor : tensors) {
    if (tensor.name == name) return &tensor.tensor;
  }
  return nullptr;
}

}  // namespace

struct Trainer::Rep {
  Rep(std::vector<WeightSpec> s, const TrainerOptions& o, Communicator* c);
  void Initialise();
  absl::StatusOr<BatchLoss> RunPasses(absl::Span<const Pass> passes);
  absl::Status SumOverRanks(BatchLoss* sum);
  void ZeroFrozen();
  float Clip(float scale, double norm);
  std::vector<const float*> Pointers(const float* base) const;
  void SetWeight(size_t i, const Tensor& tensor);

  // The weights that are worth most.
  const float* best() const {
    return optimiser.average().empty() ? weights.data()
                                       : optimiser.average().data();
  }

  const std::vector<WeightSpec> specs;
  const std::vector<ParameterRange> ranges;  // of each, in the flat arrays
  const TrainerOptions options;
  Communicator* const communicator;
  Optimiser optimiser;
  AlignedVector<float> weights;
  AlignedVector<float> gradient;
  int64_t step = 0;
};

namespace {

std::vector<ParameterRange> MakeRanges(const std::vector<WeightSpec>& specs) {
  std::vector<ParameterRange> ranges;
  int64_t next = 0;
  for (const WeightSpec& spec : specs) {
    const int64_t size = NumElements(spec.shape);
    ranges.push_back(
        {.begin = next, .end = next + size, .decays = spec.shape.size() > 1});
    next += size;
  }
  return ranges;
}

}  // namespace

Trainer::Rep::Rep(std::vector<WeightSpec> s, const TrainerOptions& o,
                  Communicator* c)
    : specs(std::move(s)),
      ranges(MakeRanges(specs)),
      options(o),
      communicator(c),
      optimiser(o.optimiser, ranges) {
  const auto size =
      ranges.empty() ? size_t{0} : static_cast<size_t>(ranges.back().end);
  weights.resize(size);
  gradient.resize(size);
}

void Trainer::Rep::Initialise() {
  constexpr uint64_t kPurpose = 0x776569676874ull;  // apart from dropout's keys
  for (size_t i = 0; i < specs.size(); ++i) {
    const auto size = static_cast<size_t>(ranges[i].end - ranges[i].begin);
    InitialiseWeight(specs[i], Random(options.seed, kPurpose, i),
                     {weights.data() + ranges[i].begin, size});
  }
}

std::vector<const float*> Trainer::Rep::Pointers(const float* base) const {
  std::vector<const float*> pointers;
  for (const auto& range : ranges) pointers.push_back(base + range.begin);
  return pointers;
}

absl::StatusOr<BatchLoss> Trainer::Rep::RunPasses(
    absl::Span<const Pass> passes) {
  Zero(absl::MakeSpan(gradient));
  std::vector<float*> gradients;
  for (const auto& range : ranges) {
    gradients.push_back(gradient.data() + range.begin);
  }
  BatchLoss sum;
  for (const Pass& pass : passes) {
    ASSIGN_OR_RETURN(const BatchLoss part,
                     pass(Pointers(weights.data()), gradients,
                          {.seed = options.seed, .step = step + 1}));
    sum.loss += part.loss;
    sum.targets += part.targets;
  }
  return sum;
}

absl::Status Trainer::Rep::SumOverRanks(BatchLoss* sum) {
  if (communicator->size() == 1) return absl::OkStatus();
  double values[2] = {sum->loss, static_cast<double>(sum->targets)};
  RETURN_IF_ERROR(communicator->AllReduceSum(absl::MakeSpan(values)));
  sum->loss = values[0];
  sum->targets = static_cast<int64_t>(values[1]);
  return communicator->AllReduceSum(absl::MakeSpan(gradient));
}

void Trainer::Rep::ZeroFrozen() {
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (optimiser.trainable(i)) continue;
    std::fill(gradient.begin() + ranges[i].begin,
              gradient.begin() + ranges[i].end, 0.0f);
  }
}

// The factor that is left to apply to the gradient.
float Trainer::Rep::Clip(float scale, double norm) {
  if (options.clip_value > 0) {
    ScaleAndClamp(scale, options.clip_value, absl::MakeSpan(gradient));
    return ClipFactor(Norm(gradient), options.clip_norm);
  }
  return scale * ClipFactor(norm, options.clip_norm);
}

void Trainer::Rep::SetWeight(size_t i, const Tensor& tensor) {
  const Tensor plain = tensor.ToF32();
  std::copy_n(plain.data<float>(), plain.size(),
              weights.data() + ranges[i].begin);
}

Trainer::Trainer(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
Trainer::~Trainer() = default;

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Create(
    std::vector<WeightSpec> specs, const TrainerOptions& options,
    Communicator* communicator) {
  RETURN_IF_ERROR(CheckBound("clip_norm", options.clip_norm));
  RETURN_IF_ERROR(CheckBound("clip_value", options.clip_value));
  auto rep = std::make_unique<Rep>(std::move(specs), options, communicator);
  rep->Initialise();
  return absl::WrapUnique(new Trainer(std::move(rep)));
}

absl::StatusOr<TrainingStepFigures> Trainer::Step(absl::Span<const Pass> passes,
                                                  float learning_rate) {
  Rep& rep = *rep_;
  ASSIGN_OR_RETURN(BatchLoss sum, rep.RunPasses(passes));
  RETURN_IF_ERROR(rep.SumOverRanks(&sum));
  rep.ZeroFrozen();
  const double scale =
      1.0 / static_cast<double>(std::max<int64_t>(sum.targets, 1));
  const TrainingStepFigures figures = {
      .loss = sum.loss * scale,
      .targets = sum.targets,
      .gradient_norm = Norm(rep.gradient) * scale};
  if (!std::isfinite(figures.loss) || !std::isfinite(figures.gradient_norm)) {
    return absl::InternalError(absl::StrCat(
        "step ", rep.step + 1, ": the loss is ", figures.loss,
        " and the gradient's norm is ", figures.gradient_norm,
        "; a smaller training.learning_rate, or clipping with a smaller "
        "training.clip_norm, may help"));
  }
  ++rep.step;
  rep.optimiser.Update(
      learning_rate, rep.Clip(static_cast<float>(scale), figures.gradient_norm),
      rep.gradient, absl::MakeSpan(rep.weights));
  return figures;
}

int64_t Trainer::step() const { return rep_->step; }

const std::vector<WeightSpec>& Trainer::specs() const { return rep_->specs; }

std::vector<const float*> Trainer::WeightPointers() const {
  return rep_->Pointers(rep_->best());
}

std::vector<Tensor> Trainer::Weights() const {
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < rep_->specs.size(); ++i) {
    tensors.push_back(Tensor::Borrow(DType::kF32, rep_->specs[i].shape,
                                     rep_->best() + rep_->ranges[i].begin));
  }
  return tensors;
}

std::vector<NamedTensor> Trainer::NamedWeights() const {
  const std::vector<Tensor> weights = Weights();
  std::vector<NamedTensor> named;
  for (size_t i = 0; i < weights.size(); ++i) {
    named.push_back({rep_->specs[i].name, weights[i]});
  }
  return named;
}

absl::Status Trainer::SetWeights(absl::Span<const Tensor> weights) {
  if (weights.size() != rep_->specs.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected ", rep_->specs.size(), " weight tensors, found ",
                     weights.size()));
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    RETURN_IF_ERROR(CheckShape(rep_->specs[i], weights[i]));
  }
  for (size_t i = 0; i < weights.size(); ++i) rep_->SetWeight(i, weights[i]);
  return absl::OkStatus();
}

absl::Status Trainer::SetNamedWeights(absl::Span<const NamedTensor> weights) {
  std::vector<size_t> places;
  for (const NamedTensor& weight : weights) {
    const auto found =
        std::find_if(rep_->specs.begin(), rep_->specs.end(),
                     [&](const auto& s) { return s.name == weight.name; });
    if (found == rep_->specs.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor \"", weight.name, "\": the model has no such weight"));
    }
    RETURN_IF_ERROR(CheckShape(*found, weight.tensor));
    places.push_back(static_cast<size_t>(found - rep_->specs.begin()));
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    rep_->SetWeight(places[i], weights[i].tensor);
  }
  return absl::OkStatus();
}

void Trainer::SetTrainable(
    const std::function<bool(absl::string_view name)>& trainable) {
  for (size_t i = 0; i < rep_->specs.size(); ++i) {
    rep_->optimiser.SetTrainable(i, trainable(rep_->specs[i].name));
  }
}

void Trainer::StartAveraging() {
  if (!rep_->optimiser.averaging()) rep_->optimiser.StartAveraging();
}

std::vector<NamedTensor> Trainer::Checkpoint() const {
  std::vector<NamedTensor> tensors;
  for (size_t i = 0; i < rep_->specs.size(); ++i) {
    const float* data = rep_->weights.data() + rep_->ranges[i].begin;
    tensors.push_back(
        {rep_->specs[i].name,
         Tensor::Borrow(DType::kF32, rep_->specs[i].shape, data)});
  }
  for (NamedTensor& tensor : rep_->optimiser.State()) {
    tensors.push_back(std::move(tensor));
  }
  tensors.push_back({"step", Tensor::Borrow(DType::kI64, {1}, &rep_->step)});
  return tensors;
}

absl::Status Trainer::Restore(absl::Span<const NamedTensor> checkpoint) {
  RETURN_IF_ERROR(CheckTensors(Checkpoint(), checkpoint));
  // Not a mistake that could be seen before: a run averages from some step on.
  if (Find(checkpoint, Optimiser::kAverage) != nullptr) StartAveraging();
  const std::vector<NamedTensor> own = Checkpoint();
  RETURN_IF_ERROR(CheckTensors(own, checkpoint));
  CopyTensors(checkpoint, own);
  return absl::OkStatus();
}

absl::Status CheckTensors(absl::Span<const NamedTensor> expected,
                          absl::Span<const NamedTensor> checkpoint) {
  for (const auto& [name, tensor] : expected) {
    const Tensor* found = Find(checkpoint, name);
    if (found == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("checkpoint: tensor \"", name, "\" is missing"));
    }
    if (found->shape() != tensor.shape() || found->dtype() != tensor.dtype()) {
      return absl::InvalidArgumentError(
          absl::StrCat("checkpoint: tensor \"", name, "\": ", Describe(*found),
                       ", expected ", Describe(tensor)));
    }
  }
  return absl::OkStatus();
}

void CopyTensors(absl::Span<const NamedTensor> checkpoint,
                 absl::Span<const NamedTensor> into) {
  for (const auto& [name, tensor] : into) {
    const Tensor* found = Find(checkpoint, name);
    CAROUSEL_CHECK(found != nullptr);
    std::memcpy(const_cast<void*>(tensor.raw()), found->raw(),
                tensor.size_bytes());
  }
}

}  // namespace carousel
