// SPDX-License-Identifier: Apache-2.0
#include "model/train/diagnose/probe_training.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

// Points of one curve in a file.
constexpr size_t kStoredPoints = 200;

// Far beyond any loss of these tasks, far below what float cannot hold.
constexpr double kHugeLoss = 1e8;

// A training may be that much worse than it was and still be on its way.
constexpr double kGoodLoss = 2;  // times the best

// Part of every key: results of other code are not those of this one.
constexpr int kCodeVersion = 2;

// Of the random numbers of initial gates, apart from those of the weights.
constexpr uint64_t kMemoryKey = 0x6d656d6f7279;

}  // namespace

Random BatchRandom(uint64_t seed, BatchUse use, int64_t index) {
  return Random(seed, static_cast<uint64_t>(use) + 1,
                static_cast<uint64_t>(index));
}

absl::StatusOr<std::unique_ptr<ProbeTrainer>> ProbeTrainer::Create(
    const ProbeTraining& training) {
  auto trainer = absl::WrapUnique(new ProbeTrainer(training));
  ASSIGN_OR_RETURN(trainer->network_, ProbeNetwork::Create(training.sizes));
  ASSIGN_OR_RETURN(trainer->trainer_,
                   Trainer::Create(ProbeWeightSpecs(training.sizes),
                                   {.clip_norm = training.clip_norm,
                                    .optimiser = {.kind = training.optimiser},
                                    .seed = training.seed}));
  if (training.sizes.memory > 0) RETURN_IF_ERROR(trainer->SetMemory());
  return trainer;
}

absl::Status ProbeTrainer::SetMemory() {
  constexpr size_t kBiasIh = 2;  // in ProbeWeightSpecs
  std::vector<Tensor> weights;
  for (const Tensor& weight : trainer_->Weights()) {
    weights.push_back(weight.ToF32());
  }
  InitialiseMemory(training_.sizes, Random(training_.seed, kMemoryKey),
                   weights[kBiasIh].mutable_span<float>(),
                   weights[kBiasIh + 1].mutable_span<float>());
  return trainer_->SetWeights(weights);
}

// The loss of the batch, infinite if it is no number any more.
absl::StatusOr<double> ProbeTrainer::Update(int64_t index) {
  const ProbeBatch batch = training_.make_batch(training_.sizes, training_.seed,
                                                BatchUse::kTraining, index);
  const std::array<Pass, 1> passes = {
      [&](absl::Span<const float* const> weights,
          absl::Span<float* const> gradients, const DropoutKey&) {
        return network_->LossAndGradient(weights, batch, gradients);
      }};
  const float left = 1.0f - static_cast<float>(index) /
                                static_cast<float>(training_.max_updates);
  const absl::StatusOr<TrainingStepFigures> figures =
      trainer_->Step(passes, learning_rate_ * left);
  if (absl::IsInternal(figures.status())) return INFINITY;
  if (!figures.ok()) return figures.status();
  return figures->loss > kHugeLoss ? INFINITY : figures->loss;
}

absl::StatusOr<double> ProbeTrainer::Evaluate(BatchUse use, int batches) {
  const std::vector<const float*> weights = trainer_->WeightPointers();
  BatchLoss sum;
  for (int i = 0; i < batches; ++i) {
    ASSIGN_OR_RETURN(
        const BatchLoss loss,
        network_->Loss(weights, training_.make_batch(training_.sizes,
                                                     training_.seed, use, i)));
    sum.loss += loss.loss;
    sum.targets += loss.targets;
  }
  return sum.loss / static_cast<double>(std::max<int64_t>(1, sum.targets));
}

absl::Status ProbeTrainer::Validate(ProbeOutcome* outcome) {
  ASSIGN_OR_RETURN(const double loss, Evaluate(BatchUse::kValidation,
                                               training_.validation_batches));
  outcome->validation.push_back({static_cast<double>(outcome->updates), loss});
  outcome->solved = loss < training_.solved_below;
  best_loss_ = std::min(best_loss_, loss);
  if (!(loss <= kGoodLoss * best_loss_)) return absl::OkStatus();
  good_.clear();
  for (const Tensor& weight : trainer_->Weights()) {
    good_.push_back(weight.ToF32());
  }
  return absl::OkStatus();
}

absl::Status ProbeTrainer::GoBack() {
  learning_rate_ /= 2;
  return trainer_->SetWeights(good_);
}

absl::StatusOr<ProbeOutcome> ProbeTrainer::Run(RunMonitor* monitor) {
  ProbeOutcome outcome;
  while (true) {
    if (outcome.updates % training_.evaluate_every == 0) {
      RETURN_IF_ERROR(Validate(&outcome));
    }
    if (outcome.solved || outcome.updates == training_.max_updates) break;
    ASSIGN_OR_RETURN(const double loss, Update(outcome.updates));
    ++outcome.updates;
    outcome.training.push_back({static_cast<double>(outcome.updates), loss});
    if (monitor != nullptr) {
      monitor->Advance(outcome.updates,
                       absl::StrFormat("loss %.4g after %.0f updates",
                                       outcome.validation.back().y,
                                       outcome.validation.back().x));
    }
    if (std::isfinite(loss)) continue;
    if (outcome.setbacks == training_.max_setbacks) {
      outcome.diverged_at = outcome.updates;
      break;
    }
    ++outcome.setbacks;
    RETURN_IF_ERROR(GoBack());
  }
  return outcome;
}

std::string DescribeTraining(const ProbeTraining& t) {
  const ProbeSizes& s = t.sizes;
  return absl::StrFormat(
      "%s T=%d H=%d N=%d %s rate=%g clip=%g bounds=%g/%g/%g memory=%d "
      "updates=%d validation=%d/%d enough=%g setbacks=%d seed=%d code=%d",
      CellName(s.cell), s.steps, s.hidden, s.rows,
      t.optimiser == OptimiserKind::kSgd ? "sgd" : "adam", t.learning_rate,
      t.clip_norm, s.input_bound, s.recurrent_bound, s.output_bound, s.memory,
      t.max_updates, t.validation_batches, t.evaluate_every, t.solved_below,
      t.max_setbacks, t.seed, kCodeVersion);
}

nlohmann::ordered_json PointsToJson(const std::vector<FigurePoint>& points) {
  auto json = nlohmann::ordered_json::array();
  for (const FigurePoint& point : ThinPoints(points, kStoredPoints)) {
    json.push_back({point.x, point.y});
  }
  return json;
}

std::vector<FigurePoint> PointsFromJson(const nlohmann::ordered_json& json) {
  std::vector<FigurePoint> points;
  for (const auto& pair : json) {
    // What is not finite has become null.
    const bool finite = pair[1].is_number();
    points.push_back(
        {pair[0].get<double>(), finite ? pair[1].get<double>() : NAN});
  }
  return points;
}

}  // namespace carousel
