// SPDX-License-Identifier: Apache-2.0
//
// manifest.json: what a bundle is, in one small file. model/bundle/README.md
// describes the format.

#ifndef CAROUSEL_MODEL_BUNDLE_MANIFEST_H_
#define CAROUSEL_MODEL_BUNDLE_MANIFEST_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/base/series_time.h"
#include "model/bundle/precision_record.h"
#include "model/layers/classifier.h"
#include "model/layers/forecaster.h"
#include "model/layers/language_model.h"
#include "model/layers/translator.h"
#include "model/onednn/precision.h"
#include "model/text/tokenizer.h"

namespace carousel {

enum class Task { kLanguageModel, kClassifier, kTranslator, kForecaster };

// "language_model", "classifier", "translator", "forecaster".
absl::string_view TaskName(Task task);

// How the state goes from line to line.
enum class LineContext {
  kLine,    // every line starts from zeros and <eos>; blank lines are skipped
  kStream,  // the state is carried over; every line, blank too, ends in <eos>
};

// "line", "stream".
absl::string_view LineContextName(LineContext context);

// How much earlier text by the same person counts beside the network
// (model/tasks/context_cache.h).
struct ContextSetting {
  static constexpr float kMostTheta = 1000;
  static constexpr float kMostLambda = 0.95f;  // at 1 new words were impossible

  float theta = 1.0f;   // from 0: how much likeness of states counts
  float lambda = 0.3f;  // from 0: the share of earlier text; 0: it is not read

  bool operator==(const ContextSetting&) const = default;
};

// What the manifest says of a language model. Its cases: a text, the tokens
// that it must give, and log-probabilities of the token after it, as the
// trainer computed them in f32.
struct LanguageModelManifest {
  struct Case {
    std::string text;
    std::vector<int32_t> tokens;
    std::vector<std::pair<int32_t, float>> log_probabilities;
  };

  LanguageModelSizes sizes = {};
  TokenizerKind tokenizer = TokenizerKind::kWords;
  LineContext context = LineContext::kLine;
  std::vector<std::string> blocked = {};  // words that are never suggested
  ContextSetting context_cache = {};
  std::vector<Case> self_test = {};
};

// Of a classifier. Its cases: a text, and the log-probability of every label.
struct ClassifierManifest {
  struct Case {
    std::string text;
    std::vector<float> log_probabilities;  // by label
  };

  ClassifierSizes sizes = {};
  TokenizerKind tokenizer = TokenizerKind::kWords;
  std::vector<std::string> labels = {};  // sizes.labels of them, each different
  int longest_text = 400;  // tokens; longer texts are cut (text/whole_text.h)
  std::vector<Case> self_test = {};
};

// Of a translator. Its cases: a text, the tokens of the greedy translation
// without <eos>, and their log-probability with that of <eos>, if there are
// fewer than kMostTokens.
struct TranslatorManifest {
  // A translation of so many tokens is cut off there: its <eos> is not looked
  // at. Part of the format: readers must agree about it.
  static constexpr size_t kMostTokens = 60;

  struct Case {
    std::string text;
    std::vector<int32_t> tokens;  // at most kMostTokens
    float log_probability = 0;
  };

  TranslatorSizes sizes = {};
  TokenizerKind source_tokenizer = TokenizerKind::kWords;
  TokenizerKind target_tokenizer = TokenizerKind::kWords;
  std::vector<Case> self_test = {};
};

// A real-valued series that a forecaster reads and continues. The network sees
// (value - mean) / standard_deviation.
struct SeriesScale {
  std::string name;  // of the column
  double mean = 0;
  double standard_deviation = 1;  // at least the smallest normal float

  bool operator==(const SeriesScale&) const = default;
};

// Of a forecaster. Its cases: a window of every series, step by step, and the
// forecast, both in the units of the data.
struct ForecasterManifest {
  struct Case {
    std::vector<float> window;    // (window, series)
    std::vector<float> forecast;  // (horizon, series)
  };

  ForecasterSizes sizes = {};
  std::vector<SeriesScale> series = {};  // sizes.rnn.inputs of them

  // What lies between its steps; nothing if that is not known.
  std::optional<TimeStep> interval = {};
  std::vector<Case> self_test = {};
};

// In the order of Task.
using TaskManifest = std::variant<LanguageModelManifest, ClassifierManifest,
                                  TranslatorManifest, ForecasterManifest>;

struct FileRecord {
  std::string sha256;
  int64_t size_bytes = 0;
};

struct Manifest {
  // Readers accept every version up to this one, fill in what older ones lack,
  // ignore fields they do not know, and refuse newer versions. The number grows
  // only when an old reader would misread a new bundle.
  static constexpr int kFormatVersion = 1;

  Task task() const { return static_cast<Task>(model.index()); }

  // REQUIRES: of this task.
  const LanguageModelManifest& language_model() const;
  const ClassifierManifest& classifier() const;
  const TranslatorManifest& translator() const;
  const ForecasterManifest& forecaster() const;

  int format_version = kFormatVersion;
  TaskManifest model;

  // What running it in less than f32 costs; which of them it is meant for,
  // precision_choice.h says.
  PrecisionRecords precisions = {};

  // Every file of the bundle but manifest.json, by name.
  std::map<std::string, FileRecord> files;

  // Largest accepted difference of a value in the self-test: of a
  // log-probability, or of a forecast in standard deviations. The answers are
  // those of f32: in f32 the one, in bf16 and int8 the others, or where there
  // is none the defaults, which allow for rounding and are far from what
  // another vocabulary, weight or kernel would make of it.
  static constexpr double kBF16Tolerance = 0.1;
  static constexpr double kInt8Tolerance = 0.25;
  double self_test_tolerance = 1e-3;
  std::map<Precision, double> self_test_tolerances = {};
  double ToleranceIn(Precision precision) const;

  // The training record as JSON text: data with SHA-256, configuration, seed,
  // epochs, measured figures. An object; kept as it is.
  std::string training = "{}";
};

// INVALID_ARGUMENT naming the field, expected and found.
absl::StatusOr<Manifest> ParseManifest(absl::string_view json);
std::string SerialiseManifest(const Manifest& manifest);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_MANIFEST_H_
