// SPDX-License-Identifier: Apache-2.0
//
// Which words of a text made a classifier say what it says. Computed, not
// guessed: every number is a difference of the log-odds of the label that was
// found, ln(p / (1 - p)), between two texts that the network has read.
//
// A network of one direction has read every beginning of the text on its way,
// so a word's contribution is the log-odds after it less those before it.
//
//   baseline + sum of contributions + remainder = log-odds of the whole text
//
// where the baseline is what the network says having read nothing, and the
// remainder what the end of the text adds: exact, but for rounding.
//
// A network of two directions has no beginnings. There a word's contribution is
// the log-odds of the text less those of the text without that word (occlusion,
// Zeiler and Fergus 2014, section 4.2), and the baseline those of the empty
// text. Words act together, so these do not add up; the remainder says by how
// much. Costs a reading of the text for every word.

#ifndef CAROUSEL_MODEL_TASKS_LABEL_EXPLANATION_H_
#define CAROUSEL_MODEL_TASKS_LABEL_EXPLANATION_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/bundle/model.h"
#include "model/text/whole_text.h"

namespace carousel {

struct LabelExplanationOptions {
  // Most tokens that a network of two directions is asked about: its work
  // grows with their square.
  static constexpr int kMostTokens = 256;

  bool contributions = false;
  bool running = false;  // the probabilities after each word

  bool any() const { return contributions || running; }
};

struct LabelExplanation {
  struct Word {
    ByteRange place;          // in the text as it was given
    double contribution = 0;  // if asked for

    // If asked for: of each label, having read the text up to this word, before
    // it is known where the text ends. In two directions, of the text that ends
    // there.
    std::vector<float> probabilities = {};
  };

  std::vector<float> log_probabilities;  // of each label, of the whole text
  bool cut = false;                      // as Classification::cut

  // Those that the network reads.
  std::vector<Word> words = {};

  // If contributions are asked for.
  double log_odds = 0;  // of the most probable label
  double baseline = 0;
  double remainder = 0;
};

// One text on its way through a network, in steps of a few readings at most.
// Belongs to one thread at a time.
class LabelExplainer {
 public:
  // REQUIRES: options.any(); longest >= 1; the network outlives the explainer.
  // INVALID_ARGUMENT if the text is not valid UTF-8, or too long for a network
  // of two directions.
  static absl::StatusOr<LabelExplainer> Start(
      const Classifier& network, const Tokenizer& tokenizer, int longest,
      absl::string_view text, const LabelExplanationOptions& options);

  bool finished() const { return done_ == readings_.size(); }

  // What Step computes next, and all that is left with it, in steps of rows.
  // REQUIRES: !finished().
  int next_cells() const;
  int64_t cells_left() const;

  // `look` is asked every few steps; its error ends the computation and is
  // returned. REQUIRES: !finished().
  absl::Status Step(absl::FunctionRef<absl::Status()> look,
                    Classifier::Workspace* workspace);

  int64_t tokens_read() const { return tokens_read_; }

  // REQUIRES: finished().
  LabelExplanation Take();

 private:
  // A text that the network reads, and what of the text it is.
  enum class Kind { kNothing, kWhole, kUpTo, kWithout, kBeginnings };
  struct Reading {
    Kind kind;
    size_t word = 0;  // kUpTo, kWithout
    std::vector<int32_t> tokens = {};
  };

  LabelExplainer(const Classifier& network,
                 const LabelExplanationOptions& options)
      : network_(&network), options_(options) {}
  void ListReadings();
  size_t NextCount() const;
  absl::Status ReadBeginnings(absl::FunctionRef<absl::Status()> look,
                              Classifier::Workspace* workspace);
  void Note(const Reading& reading,
            const std::vector<float>& log_probabilities);

  const Classifier* network_;
  LabelExplanationOptions options_;
  WholeText text_;
  std::vector<WholeTextWord> words_;

  std::vector<Reading> readings_;
  size_t done_ = 0;
  int64_t tokens_read_ = 0;

  // Log-probabilities, by word; those not asked for stay empty.
  std::vector<float> nothing_, whole_;
  std::vector<std::vector<float>> up_to_, without_;
};

}  // namespace carousel

#endif  // CAROUSEL_MODEL_TASKS_LABEL_EXPLANATION_H_
