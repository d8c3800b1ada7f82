// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/status_macros.h"
#include "model/train/diagnose/experiment.h"
#include "model/train/diagnose/probe_training.h"
#include "model/train/diagnose/sequence_tasks.h"

namespace carousel {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSteps = 100;
constexpr int kRows = 32;
constexpr int kHidden = 64;

// At lag 0 the gradient comes from the output straight; from lag 1 on it has
// gone through the recurrence, and is compared with that of lag 1.
constexpr size_t kFirstLag = 1;

// A uniform matrix of H columns with this spectral radius has the bound
// radius * sqrt(3 / H), on average and for large H.
float BoundForRadius(double radius, int hidden) {
  return static_cast<float>(radius * std::sqrt(3.0 / hidden));
}

// A network whose gradients are looked at.
struct Subject {
  const char* title = "";
  Cell cell = Cell::kLstm;
  double radius = 0;  // of the recurrent matrix; 0: as the cell begins
  float learning_rate = 0;
  float input_bound = 0;  // as in ProbeSizes, and so on
  float output_bound = 0;
  int memory = 0;
};

constexpr Subject kSubjects[] = {
    {.title = "tanh RNN, radius 0.6",
     .cell = Cell::kTanhRnn,
     .radius = 0.6,
     .learning_rate = 0.001f},
    {.title = "tanh RNN, radius 1.5",
     .cell = Cell::kTanhRnn,
     .radius = 1.5,
     .learning_rate = 0.001f,
     .input_bound = 0.01f},
    {.title = "ReLU RNN from the identity",
     .cell = Cell::kReluRnn,
     .learning_rate = 0.0005f,
     .input_bound = 0.17f,
     .output_bound = 0.002f},
    {.title = "GRU", .cell = Cell::kGru, .learning_rate = 0.01f},
    {.title = "LSTM, forget bias 1",
     .cell = Cell::kLstm,
     .learning_rate = 0.01f},
    {.title = "LSTM, gates open for T steps",
     .cell = Cell::kLstm,
     .learning_rate = 0.01f,
     .memory = kSteps},
};

ProbeTraining TrainingOf(const Subject& subject,
                         const ExperimentContext& context) {
  return {
      .sizes = {.cell = subject.cell,
                .inputs = 2,
                .hidden = kHidden,
                .outputs = 1,
                .steps = kSteps,
                .rows = kRows,
                .input_bound = subject.input_bound,
                .recurrent_bound = subject.radius > 0
                                       ? BoundForRadius(subject.radius, kHidden)
                                       : 0.0f,
                .output_bound = subject.output_bound,
                .memory = subject.memory},
      .make_batch = MakeAddingBatch,
      .seed = context.options.seed,
      .learning_rate = subject.learning_rate,
      .clip_norm = 1,
      .max_updates = context.Updates(3000),
      .solved_below = 0.005,
      .max_setbacks = 5};
}

// [k]: the norm of dLoss/dh_{T-1-k}, mean over the rows, against that at k = 1.
absl::StatusOr<std::vector<double>> MeasureFlow(ProbeTrainer* trainer,
                                                const ProbeTraining& training) {
  const ProbeSizes& sizes = training.sizes;
  const auto hidden = static_cast<size_t>(sizes.hidden);
  std::vector<float> dh(static_cast<size_t>(sizes.steps * sizes.rows) * hidden);
  std::vector<std::vector<float>> gradients;
  std::vector<float*> pointers;
  for (const WeightSpec& spec : ProbeWeightSpecs(sizes)) {
    gradients.emplace_back(static_cast<size_t>(NumElements(spec.shape)));
    pointers.push_back(gradients.back().data());
  }
  const ProbeBatch batch =
      training.make_batch(sizes, training.seed, BatchUse::kTest, 0);
  RETURN_IF_ERROR(
      trainer->network()
          .LossAndGradient(trainer->weights(), batch, pointers, dh.data())
          .status());
  std::vector<double> norms;
  for (int k = 0; k < sizes.steps; ++k) {
    double sum = 0;
    for (int n = 0; n < sizes.rows; ++n) {
      const size_t cell =
          static_cast<size_t>((sizes.steps - 1 - k) * sizes.rows + n);
      sum += Norm(absl::MakeConstSpan(dh).subspan(cell * hidden, hidden));
    }
    norms.push_back(sum);
  }
  const double first = norms[kFirstLag];
  for (double& norm : norms) norm /= first;
  return norms;
}

absl::StatusOr<Json> Train(const ProbeTraining& training, RunMonitor* monitor) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ProbeTrainer> trainer,
                   ProbeTrainer::Create(training));
  ASSIGN_OR_RETURN(const std::vector<double> start,
                   MeasureFlow(trainer.get(), training));
  ASSIGN_OR_RETURN(const ProbeOutcome outcome, trainer->Run(monitor));
  ASSIGN_OR_RETURN(const std::vector<double> trained,
                   MeasureFlow(trainer.get(), training));
  return Json{{"start", start},
              {"trained", trained},
              {"updates", outcome.updates},
              {"setbacks", outcome.setbacks},
              {"diverged_at", outcome.diverged_at},
              {"validation_loss", outcome.validation.back().y}};
}

std::vector<double> Numbers(const Json& json) {
  std::vector<double> numbers;
  for (const Json& x : json) {
    numbers.push_back(x.is_number() ? x.get<double>() : NAN);
  }
  return numbers;
}

// The first lag at which the norm is below half its first; -1: at none.
int HalfLag(const std::vector<double>& norms) {
  const auto found = std::find_if(norms.begin() + kFirstLag, norms.end(),
                                  [](double norm) { return norm < 0.5; });
  return found == norms.end() ? -1 : static_cast<int>(found - norms.begin());
}

// By what the norm is multiplied in one step, on average over all lags.
double FactorPerStep(const std::vector<double>& norms) {
  return std::pow(norms.back(),
                  1.0 / static_cast<double>(norms.size() - 1 - kFirstLag));
}

const char* Verdict(double last) {
  if (std::isnan(last)) return "no number";
  if (!(last < 1e3)) return "explodes";
  return last < 1e-3 ? "vanishes" : "keeps";
}

Json Describe(const std::vector<double>& norms) {
  return {{"half_lag", HalfLag(norms)},
          {"at_last_lag", norms.back()},
          {"factor_per_step", FactorPerStep(norms)},
          {"verdict", Verdict(norms.back())},
          {"norms", norms}};
}

std::vector<std::string> TableRow(const std::string& title, const char* when,
                                  const std::vector<double>& norms) {
  const int half = HalfLag(norms);
  return {title,
          when,
          half < 0 ? "-" : absl::StrCat(half),
          absl::StrFormat("%.2g", norms[norms.size() / 2]),
          absl::StrFormat("%.2g", norms.back()),
          absl::StrFormat("%.3f", FactorPerStep(norms)),
          Verdict(norms.back())};
}

Curve FlowCurve(const std::string& title, const std::vector<double>& norms,
                int colour) {
  Curve curve = {.title = title, .colour = colour, .width = 2};
  for (size_t k = kFirstLag; k < norms.size(); ++k) {
    curve.points.push_back({static_cast<double>(k), norms[k]});
  }
  return curve;
}

Figure EmptyFigure(const char* when) {
  return {.title = absl::StrCat("How much gradient comes back, ", when),
          .x_label = "lag k, steps",
          .y_label = "|dLoss/dh(T-k)| / |dLoss/dh(T-1)|",
          .log_y = true,
          .y_range = std::pair(1e-12, 1e12)};
}

std::string Words() {
  return absl::StrFormat(
      "The loss looks at the last of T = %d steps (the adding problem). How "
      "large is its gradient with respect to the state h, k steps before? "
      "Norms are means over %d sequences, before the first update and after "
      "training (Adam, at most 3000 updates or until the validation error is "
      "below 0.005). They are compared with that at lag 1: at lag 0 the "
      "gradient comes straight from the output, from lag 1 on it has been "
      "through the recurrence. An LSTM carries its memory in c, which h "
      "reaches "
      "only through the gates: how flat its curve is after that first step "
      "tells. Half: the first lag where less than half is left; vanishes: less "
      "than a thousandth is left at the sequence's first step; explodes: more "
      "than a thousandfold.\n\n",
      kSteps, kRows);
}

Section Tell(const std::vector<Json>& results) {
  Section section = {.text = Words()};
  Figure start = EmptyFigure("before training");
  Figure trained = EmptyFigure("after training");
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < results.size(); ++i) {
    const std::string title = kSubjects[i].title;
    const int colour = static_cast<int>(i);
    const std::vector<double> before = Numbers(results[i]["start"]);
    const std::vector<double> after = Numbers(results[i]["trained"]);
    start.curves.push_back(FlowCurve(title, before, colour));
    trained.curves.push_back(FlowCurve(title, after, colour));
    rows.push_back(TableRow(title, "start", before));
    rows.push_back(TableRow(
        title,
        absl::StrFormat("after %d updates", results[i]["updates"].get<int>())
            .c_str(),
        after));
    section.numbers["cells"].push_back(
        Json{{"title", title},
             {"updates", results[i]["updates"]},
             {"validation_loss", results[i]["validation_loss"]},
             {"start", Describe(before)},
             {"trained", Describe(after)}});
  }
  const std::string name = kGradientFlowExperiment.name;
  section.figures = {{name, std::move(start)},
                     {name + "-trained", std::move(trained)}};
  absl::StrAppend(
      &section.text,
      MarkdownTable({"network", "when", "half at lag",
                     absl::StrCat("left at ", kSteps / 2),
                     absl::StrCat("left at ", kSteps - 1), "factor a step", ""},
                    rows));
  return section;
}

absl::StatusOr<Section> RunGradientFlow(const ExperimentContext& context) {
  std::vector<ExperimentRun> runs;
  for (const Subject& subject : kSubjects) {
    const ProbeTraining training = TrainingOf(subject, context);
    runs.push_back({.key = absl::StrCat("flow ", DescribeTraining(training)),
                    .max_updates = training.max_updates,
                    .update_cost = 1.0 * GateCount(subject.cell),
                    .run = [training](RunMonitor* monitor) {
                      return Train(training, monitor);
                    }});
  }
  ASSIGN_OR_RETURN(const std::vector<Json> results, RunAll(context.pool, runs));
  return Tell(results);
}

}  // namespace

const Experiment kGradientFlowExperiment = {
    "gradient-flow", "Gradient flow: what comes back through time",
    RunGradientFlow};

}  // namespace carousel
