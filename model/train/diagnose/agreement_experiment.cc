// SPDX-License-Identifier: Apache-2.0
#include <functional>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/status_macros.h"
#include "model/train/diagnose/agreement_sentences.h"
#include "model/train/diagnose/experiment.h"
#include "model/train/diagnose/probe_training.h"

namespace carousel {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kRows = 32;
constexpr int kTestBatches = 32;  // for each number of nouns in between

// Equal sizes, once as equally many units and once as equally many weights.
struct Subject {
  const char* title;
  Cell cell;
  int hidden;
  float learning_rate;
};
constexpr Subject kSubjects[] = {
    {"tanh RNN, 32 units", Cell::kTanhRnn, 32, 0.002f},
    {"tanh RNN, 71 units (weights as LSTM)", Cell::kTanhRnn, 71, 0.002f},
    {"LSTM, 32 units", Cell::kLstm, 32, 0.005f},
};

// Puts the words of row n into the last steps, one-hot. The word after step t
// is what the network should predict there; the first step of the sentence.
int PutSentence(const ProbeSizes& sizes, int n,
                const AgreementSentence& sentence, ProbeBatch* batch) {
  const int length = static_cast<int>(sentence.words.size()) - 1;
  const int first = sizes.steps - length;
  batch->resets[static_cast<size_t>(n)] = 0;
  batch->resets[static_cast<size_t>(first * sizes.rows + n)] = 1;
  for (int i = 0; i < length; ++i) {
    const int cell = (first + i) * sizes.rows + n;
    const int32_t word = sentence.words[static_cast<size_t>(i)];
    batch->x[static_cast<size_t>(cell * sizes.inputs + word)] = 1;
  }
  return first;
}

// A language model's batch: every word is a target.
ProbeBatch MakeSentenceBatch(const ProbeSizes& sizes, uint64_t seed,
                             BatchUse use, int64_t index) {
  Random random = BatchRandom(seed, use, index);
  ProbeBatch batch = EmptyProbeBatch(sizes);
  for (int n = 0; n < sizes.rows; ++n) {
    const AgreementSentence sentence = MakeTrainingSentence(&random);
    const int first = PutSentence(sizes, n, sentence, &batch);
    for (size_t i = 1; i < sentence.words.size(); ++i) {
      const int t = first + static_cast<int>(i) - 1;
      batch.targets.push_back(
          {.cell = t * sizes.rows + n, .label = sentence.words[i]});
    }
  }
  return batch;
}

using SentenceMaker = std::function<AgreementSentence(Random*)>;

// Share of the sentences where the right form of the verb is more probable
// than the wrong one.
absl::StatusOr<double> Accuracy(ProbeTrainer* trainer, const ProbeSizes& sizes,
                                const SentenceMaker& make, uint64_t seed) {
  int right = 0;
  for (int b = 0; b < kTestBatches; ++b) {
    Random random = BatchRandom(seed, BatchUse::kTest, b);
    ProbeBatch batch = EmptyProbeBatch(sizes);
    std::vector<int32_t> wrong;
    for (int n = 0; n < sizes.rows; ++n) {
      const AgreementSentence sentence = make(&random);
      const int first = PutSentence(sizes, n, sentence, &batch);
      batch.targets.push_back(
          {.cell = (first + sentence.verb_at - 1) * sizes.rows + n,
           .label = sentence.verb});
      wrong.push_back(sentence.wrong_verb);
    }
    RETURN_IF_ERROR(
        trainer->network().Loss(trainer->weights(), batch).status());
    const float* prediction = trainer->network().predictions().data();
    for (size_t n = 0; n < wrong.size(); ++n, prediction += sizes.outputs) {
      right +=
          prediction[batch.targets[n].label] > prediction[wrong[n]] ? 1 : 0;
    }
  }
  return static_cast<double>(right) / (kTestBatches * sizes.rows);
}

ProbeTraining TrainingOf(const Subject& subject,
                         const ExperimentContext& context) {
  return {.sizes = {.cell = subject.cell,
                    .inputs = AgreementVocabularySize(),
                    .hidden = subject.hidden,
                    .outputs = AgreementVocabularySize(),
                    .steps = kMaxAgreementWords - 1,
                    .rows = kRows},
          .make_batch = MakeSentenceBatch,
          .seed = context.options.seed,
          .learning_rate = subject.learning_rate,
          .clip_norm = 1,
          .max_updates = context.Updates(3000)};
}

absl::StatusOr<Json> Train(const ProbeTraining& training, RunMonitor* monitor) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ProbeTrainer> trainer,
                   ProbeTrainer::Create(training));
  ASSIGN_OR_RETURN(const ProbeOutcome outcome, trainer->Run(monitor));
  Json result = {{"validation_loss", outcome.validation.back().y},
                 {"distractors", Json::array()},
                 {"depth", Json::array()}};
  const auto measure = [&](const char* kind, const auto& make,
                           int most) -> absl::Status {
    for (int count = 0; count <= most; ++count) {
      ASSIGN_OR_RETURN(const double accuracy,
                       Accuracy(
                           trainer.get(), training.sizes,
                           [&](Random* random) {
                             return make(count, DistractorNumber::kOpposite,
                                         random);
                           },
                           training.seed));
      result[kind].push_back(accuracy);
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(
      measure("distractors", MakeDistractorSentence, kMaxDistractors));
  RETURN_IF_ERROR(measure("depth", MakeRelativeSentence, kMaxDepth));
  return result;
}

Figure AccuracyFigure(const std::vector<Json>& results, const char* kind,
                      const char* x_label) {
  Figure figure = {.title = "Agreement of the verb with its subject",
                   .x_label = x_label,
                   .y_label = "accuracy",
                   .y_range = std::pair(0.0, 1.05)};
  for (size_t i = 0; i < results.size(); ++i) {
    Curve curve = {.title = kSubjects[i].title,
                   .style = Curve::Style::kLineAndPoints,
                   .colour = static_cast<int>(i),
                   .width = 2};
    for (const Json& accuracy : results[i][kind]) {
      curve.points.push_back(
          {static_cast<double>(curve.points.size()), accuracy.get<double>()});
    }
    figure.curves.push_back(std::move(curve));
  }
  return figure;
}

std::string AccuracyTable(const std::vector<Json>& results, const char* kind,
                          int most) {
  std::vector<std::string> header = {"accuracy"};
  for (int i = 0; i <= most; ++i) header.push_back(absl::StrCat(i));
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < results.size(); ++i) {
    rows.push_back({kSubjects[i].title});
    for (const Json& accuracy : results[i][kind]) {
      rows.back().push_back(absl::StrFormat("%.3f", accuracy.get<double>()));
    }
  }
  return MarkdownTable(header, rows);
}

std::string Words(uint64_t seed) {
  Random random(seed);
  const auto example = [](const AgreementSentence& sentence) {
    return absl::StrCat("*", JoinWords(sentence), "*");
  };
  constexpr auto kOpposite = DistractorNumber::kOpposite;
  return absl::StrFormat(
      "Language models of generated sentences (%d words). At the main verb we "
      "look whether its right form is more probable than its wrong one, when "
      "every noun in between has the other number than the subject: %s (two "
      "distractors), %s (depth two). In training the nouns have any number, "
      "each "
      "further one is half as frequent, and there are never more than %d "
      "distractors or a depth of %d: beyond that the networks have to carry "
      "over what they learned. %d sentences for each figure; 0.5 is a coin.\n\n"
      "By number of distractors:\n\n",
      AgreementVocabularySize(),
      example(MakeDistractorSentence(2, kOpposite, &random)),
      example(MakeRelativeSentence(2, kOpposite, &random)), kTrainedDistractors,
      kTrainedDepth, kTestBatches * kRows);
}

absl::StatusOr<Section> RunAgreement(const ExperimentContext& context) {
  std::vector<ExperimentRun> runs;
  for (const Subject& subject : kSubjects) {
    const ProbeTraining training = TrainingOf(subject, context);
    runs.push_back(
        {.key = absl::StrCat("agreement ", DescribeTraining(training)),
         .max_updates = training.max_updates,
         .update_cost = 1.0 * subject.hidden * GateCount(subject.cell),
         .run = [training](RunMonitor* monitor) {
           return Train(training, monitor);
         }});
  }
  ASSIGN_OR_RETURN(const std::vector<Json> results, RunAll(context.pool, runs));
  Section section = {.text = Words(context.options.seed)};
  absl::StrAppend(&section.text,
                  AccuracyTable(results, "distractors", kMaxDistractors),
                  "\nBy depth of relative clauses:\n\n",
                  AccuracyTable(results, "depth", kMaxDepth));
  for (size_t i = 0; i < results.size(); ++i) {
    section.numbers["networks"].push_back(
        Json{{"title", kSubjects[i].title}, {"result", results[i]}});
  }
  const std::string name = kAgreementExperiment.name;
  section.figures = {
      {name, AccuracyFigure(results, "distractors", "distractors")},
      {name + "-depth",
       AccuracyFigure(results, "depth", "depth of relative clauses")}};
  return section;
}

}  // namespace

const Experiment kAgreementExperiment = {
    "agreement", "Agreement: the boy that the girls like ... runs",
    RunAgreement};

}  // namespace carousel
