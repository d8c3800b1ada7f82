// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/classification.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/base/buckets.h"
#include "model/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

// Texts that a thread takes at once when a file is measured: enough that many
// have similar lengths.
constexpr size_t kTextsOfThread = 256;

int LargestBatch(size_t texts) {
  int rows = TextClassifier::kMaxRows;
  while (static_cast<size_t>(rows) > texts) rows /= 2;
  return rows;
}

}  // namespace

Classification Classification::FromLogs(
    absl::Span<const float> log_probabilities, bool cut) {
  Classification result = {.probabilities = {}, .cut = cut};
  for (float value : log_probabilities) {
    result.probabilities.push_back(std::exp(value));
  }
  return result;
}

int Classification::best() const {
  return static_cast<int>(
      std::max_element(probabilities.begin(), probabilities.end()) -
      probabilities.begin());
}

struct TextClassifier::Encoded {
  size_t place;  // in the caller's texts
  std::vector<int32_t> tokens;
  bool cut;

  int steps() const { return StepsBucket(static_cast<int>(tokens.size())); }
};

absl::StatusOr<std::vector<TextClassifier::Encoded>> TextClassifier::Encode(
    absl::Span<const std::string> texts) const {
  const int longest = model_.manifest().classifier().longest_text;
  std::vector<Encoded> result;
  for (size_t i = 0; i < texts.size(); ++i) {
    absl::StatusOr<WholeText> text =
        EncodeWholeText(model_.classifier().tokenizer, longest, texts[i]);
    if (!text.ok()) {
      return absl::Status(
          text.status().code(),
          absl::StrCat("text ", i, ": ", text.status().message()));
    }
    result.push_back({i, std::move(text->tokens), text->cut});
  }
  return result;
}

absl::StatusOr<std::vector<Classification>> TextClassifier::Classify(
    absl::Span<const std::string> texts) {
  ASSIGN_OR_RETURN(std::vector<Encoded> encoded, Encode(texts));
  std::stable_sort(
      encoded.begin(), encoded.end(),
      [](const Encoded& a, const Encoded& b) { return a.steps() < b.steps(); });
  std::vector<Classification> results(texts.size());
  const auto all = absl::MakeConstSpan(encoded);
  for (size_t begin = 0; begin < all.size();) {
    const int steps = all[begin].steps();
    size_t end = begin;
    while (end < all.size() && all[end].steps() == steps) ++end;
    while (begin < end) {
      const auto rows = static_cast<size_t>(LargestBatch(end - begin));
      RETURN_IF_ERROR(ClassifyBatch(all.subspan(begin, rows), &results));
      begin += rows;
    }
  }
  return results;
}

absl::Status TextClassifier::ClassifyBatch(
    absl::Span<const Encoded> texts, std::vector<Classification>* results) {
  std::vector<absl::Span<const int32_t>> tokens;
  for (const Encoded& text : texts) tokens.push_back(text.tokens);
  ASSIGN_OR_RETURN(const std::vector<std::vector<float>> log_probabilities,
                   LabelLogProbabilities(
                       *model_.classifier().network, tokens,
                       [] { return absl::OkStatus(); }, &workspace_));
  for (size_t n = 0; n < texts.size(); ++n) {
    (*results)[texts[n].place] =
        Classification::FromLogs(log_probabilities[n], texts[n].cut);
  }
  return absl::OkStatus();
}

// Rows of filling are as long as the others: where a row begins the steps of
// all are cut.
absl::StatusOr<std::vector<std::vector<float>>> LabelLogProbabilities(
    const Classifier& network,
    absl::Span<const absl::Span<const int32_t>> texts,
    absl::FunctionRef<absl::Status()> look, Classifier::Workspace* workspace) {
  const auto rows =
      static_cast<size_t>(SmallestBucket(static_cast<int>(texts.size())));
  size_t longest = 1;
  for (const auto& text : texts) longest = std::max(longest, text.size());
  const auto steps =
      static_cast<size_t>(StepsBucket(static_cast<int>(longest)));
  std::vector<int32_t> tokens(steps * rows, Vocabulary::kEndOfLine);  // (T, N)
  std::vector<int32_t> lengths(rows, static_cast<int32_t>(steps));
  for (size_t n = 0; n < texts.size(); ++n) {
    const size_t first = steps - texts[n].size();
    for (size_t i = 0; i < texts[n].size(); ++i) {
      tokens[(first + i) * rows + n] = texts[n][i];
    }
    lengths[n] = static_cast<int32_t>(texts[n].size());
  }
  const auto labels = static_cast<size_t>(network.sizes().labels);
  std::vector<float> log_probabilities(rows * labels);
  RETURN_IF_ERROR(network.LogProbabilities(
      {.tokens = tokens, .lengths = lengths}, absl::MakeSpan(log_probabilities),
      look, workspace));
  std::vector<std::vector<float>> result(texts.size());
  for (size_t n = 0; n < texts.size(); ++n) {
    const float* row = log_probabilities.data() + n * labels;
    result[n].assign(row, row + labels);
  }
  return result;
}

namespace {

struct Example {
  std::string text;
  int label;
};

// Counts texts, some of them on each thread.
class Evaluation {
 public:
  Evaluation(const Model& model, const ClassificationOptions& options)
      : options_(options) {
    for (int i = 0; i < options.threads; ++i) {
      classifiers_.push_back(std::make_unique<TextClassifier>(model));
    }
    for (const std::string& label : model.manifest().classifier().labels) {
      figures_.labels.push_back({label, 0, 0, 0});
    }
  }

  size_t texts_at_once() const { return kTextsOfThread * classifiers_.size(); }

  // The results are counted in the order of the texts.
  absl::Status Add(const std::vector<Example>& examples) {
    std::vector<absl::StatusOr<std::vector<Classification>>> results(
        classifiers_.size());
    std::vector<std::thread> threads;
    const auto part = [&](size_t i) {
      const size_t begin = i * examples.size() / classifiers_.size();
      const size_t end = (i + 1) * examples.size() / classifiers_.size();
      return absl::MakeConstSpan(examples).subspan(begin, end - begin);
    };
    for (size_t i = 0; i < classifiers_.size(); ++i) {
      threads.emplace_back([&, i] {
        omp_set_num_threads(1);  // this thread's own setting
        std::vector<std::string> texts;
        for (const Example& example : part(i)) texts.push_back(example.text);
        results[i] = classifiers_[i]->Classify(texts);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (size_t i = 0; i < results.size(); ++i) {
      RETURN_IF_ERROR(results[i].status());
      for (size_t k = 0; k < results[i]->size(); ++k) {
        Count(part(i)[k].label, (*results[i])[k]);
      }
    }
    if (options_.on_progress) options_.on_progress(figures_.n);
    return absl::OkStatus();
  }

  const ClassificationFigures& figures() const { return figures_; }

 private:
  void Count(int label, const Classification& found) {
    if (options_.on_answer) options_.on_answer(label, found);
    const int best = found.best();
    ClassificationFigures::OfLabel& expected =
        figures_.labels[static_cast<size_t>(label)];
    ++figures_.n;
    ++expected.n;
    ++figures_.labels[static_cast<size_t>(best)].assigned;
    figures_.cut += found.cut;
    figures_.calibration.Add(
        static_cast<double>(found.probabilities[static_cast<size_t>(best)]),
        best == label);
    if (best != label) return;
    ++expected.found;
    ++figures_.correct;
  }

  const ClassificationOptions& options_;
  std::vector<std::unique_ptr<TextClassifier>> classifiers_;  // one a thread
  ClassificationFigures figures_;
};

nlohmann::ordered_json Share(int64_t part, int64_t whole) {
  if (whole == 0) return nullptr;
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::string ClassificationFigures::ToJson() const {
  nlohmann::ordered_json per_label = nlohmann::ordered_json::object();
  for (const OfLabel& of : labels) {
    per_label[of.label] = {{"n", of.n},
                           {"precision", Share(of.found, of.assigned)},
                           {"recall", Share(of.found, of.n)}};
  }
  return nlohmann::ordered_json{{"task", "classifier"},
                                {"accuracy", Share(correct, n)},
                                {"n", n},
                                {"per_label", std::move(per_label)},
                                {"cut", cut},
                                {"ece", calibration.ExpectedError()}}
      .dump();
}

absl::StatusOr<ClassificationFigures> EvaluateClassifier(
    const Model& model, const std::string& path,
    const ClassificationOptions& options) {
  if (options.threads < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("threads: expected at least 1, found ", options.threads));
  }
  if (model.manifest().task() != Task::kClassifier) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected a classifier, found a ", TaskName(model.manifest().task())));
  }
  const std::vector<std::string>& labels = model.manifest().classifier().labels;
  Evaluation evaluation(model, options);
  std::vector<Example> examples;
  RETURN_IF_ERROR(ForEachLabelledLine(
      path, options.labels, [&](const LabelledLine& line) -> absl::Status {
        const auto found = std::find(labels.begin(), labels.end(), line.label);
        if (found == labels.end()) {
          return absl::InvalidArgumentError(absl::StrCat(
              "label \"", line.label, "\" is none of the model's, ",
              absl::StrJoin(labels, ", "), "; --label_map renames labels"));
        }
        examples.push_back(
            {line.text, static_cast<int>(found - labels.begin())});
        if (examples.size() < evaluation.texts_at_once()) {
          return absl::OkStatus();
        }
        absl::Status status = evaluation.Add(examples);
        examples.clear();
        return status;
      }));
  RETURN_IF_ERROR(evaluation.Add(examples));
  if (evaluation.figures().n == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected labelled texts, found none"));
  }
  return evaluation.figures();
}

}  // namespace carousel
