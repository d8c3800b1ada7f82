// SPDX-License-Identifier: Apache-2.0
//
// Text in, the probability of each label out, and how well that goes. What is
// evaluated is what is served.

#ifndef CAROUSEL_MODEL_TASKS_CLASSIFICATION_H_
#define CAROUSEL_MODEL_TASKS_CLASSIFICATION_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/bundle/model.h"
#include "model/tasks/calibration.h"
#include "model/tasks/labelled_text.h"
#include "model/text/whole_text.h"

namespace carousel {

struct Classification {
  std::vector<float> probabilities;  // of the manifest's labels, in order

  // The text has more tokens than the model reads (longest_text of its
  // manifest) and was cut: whole_text.h says what remains.
  bool cut = false;

  // Of ln P(label).
  static Classification FromLogs(absl::Span<const float> log_probabilities,
                                 bool cut);

  // The most probable label. REQUIRES: probabilities is not empty.
  int best() const;
};

// Classifies texts. One per thread; the model must outlive it.
class TextClassifier {
 public:
  // Texts of one product, at most.
  static constexpr int kMaxRows = 16;

  // REQUIRES: the model is a classifier.
  explicit TextClassifier(const Model& model) : model_(model) {}

  // In the order of `texts`. Texts of similar lengths are read side by side,
  // which changes no answer beyond rounding. INVALID_ARGUMENT, with the place
  // in `texts`, for what is not UTF-8.
  absl::StatusOr<std::vector<Classification>> Classify(
      absl::Span<const std::string> texts);

 private:
  struct Encoded;
  absl::StatusOr<std::vector<Encoded>> Encode(
      absl::Span<const std::string> texts) const;
  absl::Status ClassifyBatch(absl::Span<const Encoded> texts,
                             std::vector<Classification>* results);

  const Model& model_;
  Classifier::Workspace workspace_;
};

// ln P(label) of the labels of each text, in their order, for texts of similar
// lengths that are computed side by side: filled up to a common length
// (StepsBucket) and a number of rows (SmallestBucket). `texts` are the tokens
// of EncodeWholeText. `look` is asked every few steps; its error ends the
// computation and is returned. REQUIRES: one text or more, none empty.
absl::StatusOr<std::vector<std::vector<float>>> LabelLogProbabilities(
    const Classifier& network,
    absl::Span<const absl::Span<const int32_t>> texts,
    absl::FunctionRef<absl::Status()> look, Classifier::Workspace* workspace);

struct ClassificationFigures {
  struct OfLabel {
    std::string label;
    int64_t n = 0;         // texts that have it
    int64_t found = 0;     // of them, those that are given it
    int64_t assigned = 0;  // texts that are given it, rightly or not
  };

  int64_t n = 0;
  int64_t correct = 0;
  int64_t cut = 0;  // texts that were too long
  CalibrationBins calibration = {};
  std::vector<OfLabel> labels;

  // REQUIRES: n > 0.
  double accuracy() const {
    return static_cast<double>(correct) / static_cast<double>(n);
  }

  // The last line of `carousel-train evaluate`: {"task":"classifier",
  // "accuracy","n","per_label":{LABEL:{"n","precision","recall"}},"cut","ece"}.
  // A share of nothing is null; "ece" is the expected calibration error.
  std::string ToJson() const;
};

struct ClassificationOptions {
  LabelMap labels = {};  // of the file

  // Texts measured at once, each thread some of them.
  int threads = 1;

  // Told the number of texts done, now and then. May be empty.
  std::function<void(int64_t texts)> on_progress = nullptr;

  // Told of each text its label and what was found, in their order. May be
  // empty.
  std::function<void(int label, const Classification& found)> on_answer =
      nullptr;
};

// Measures a classifier on lines of label<TAB>text (labelled_text.h, whose
// errors it hands through). INVALID_ARGUMENT with "path:line" for a label that
// the model does not know; without, if the file holds no text, threads < 1, or
// the model is no classifier.
absl::StatusOr<ClassificationFigures> EvaluateClassifier(
    const Model& model, const std::string& path,
    const ClassificationOptions& options);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_CLASSIFICATION_H_
