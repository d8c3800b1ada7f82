// SPDX-License-Identifier: Apache-2.0

#include "model/tasks/translation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "model/text/vocabulary.h"

namespace carousel {
namespace {

// Tokens of a translation beyond twice the source's.
constexpr size_t kExtraLength = 20;

// The network, for a search over several sources. Tells the attention if
// `attends`.
class NetworkStep : public DecoderStep {
 public:
  NetworkStep(const Decoder& decoder, absl::Span<const EncodedSource> sources,
              bool attends, Decoder::Workspace* workspace)
      : decoder_(decoder),
        sources_(sources),
        attends_(attends),
        workspace_(workspace) {
    for (const EncodedSource& source : sources) {
      longest_ = std::max(longest_, source.memory.steps);
    }
  }

  absl::Status Step(const DecoderRows& rows, DecoderOutput* output) override {
    if (state_.rows == 0) {
      std::vector<const RecurrentState*> states;
      for (const EncodedSource& source : sources_) {
        states.push_back(&source.state);
      }
      state_ = decoder_.JoinRows(states);
    }
    state_ = decoder_.SelectRows(state_, rows.parents);
    std::vector<const AttentionMemory*> memories;
    for (const int source : rows.sources) {
      memories.push_back(&sources_[static_cast<size_t>(source)].memory);
    }
    RETURN_IF_ERROR(
        decoder_.Step(rows.tokens, memories, &state_, &output->logits,
                      attends_ ? &alignments_ : nullptr, workspace_));
    output->attention.clear();
    if (!attends_) return absl::OkStatus();
    for (std::vector<float>& row : alignments_) {
      row.resize(static_cast<size_t>(longest_), -1.0f);
      output->attention.insert(output->attention.end(), row.begin(), row.end());
    }
    return absl::OkStatus();
  }

 private:
  const Decoder& decoder_;
  const absl::Span<const EncodedSource> sources_;
  const bool attends_;
  Decoder::Workspace* const workspace_;
  int longest_ = 0;
  RecurrentState state_;
  std::vector<std::vector<float>> alignments_;
};

bool HasCarriedWords(const Tokenizer& tokenizer,
                     absl::Span<const int32_t> tokens) {
  return tokenizer.kind() != TokenizerKind::kSubword &&
         std::any_of(tokens.begin(), tokens.end(), [](int32_t token) {
           return token == Vocabulary::kUnknown || token == Vocabulary::kNumber;
         });
}

}  // namespace

// A text on its way.
struct TextTranslator::Job {
  SourceWords words;
  std::vector<int32_t> source;  // with <eos>
};

absl::StatusOr<TextTranslator::Job> TextTranslator::MakeJob(
    const std::string& text, const TranslationOptions& options) const {
  Job job;
  ASSIGN_OR_RETURN(job.words, ReadSourceWords(model_.source_tokenizer, text));
  if (job.words.tokens.size() > static_cast<size_t>(options.max_source)) {
    return absl::InvalidArgumentError(
        absl::StrCat("text: expected at most ", options.max_source,
                     " tokens, found ", job.words.tokens.size()));
  }
  job.source = job.words.tokens;
  job.source.push_back(Vocabulary::kEndOfLine);
  return job;
}

BeamOptions TextTranslator::SearchOptions(const TranslationOptions& options,
                                          size_t source_tokens) const {
  BeamOptions search = {
      .vocabulary = model_.network->sizes().target_vocabulary,
      .beam_size = options.beam_size,
      .n_best = options.n_best,
      .max_length = static_cast<int>(2 * source_tokens + kExtraLength),
      .start = Vocabulary::kEndOfLine,
      .end = Vocabulary::kEndOfLine,
      .length_penalty = options.length_penalty,
      .coverage_penalty = options.coverage_penalty};
  // A piece that is not known cannot be shown.
  if (model_.target_tokenizer.kind() == TokenizerKind::kSubword) {
    search.never.push_back(Vocabulary::kUnknown);
  }
  return search;
}

absl::StatusOr<std::vector<std::vector<Translation>>> TextTranslator::Translate(
    absl::Span<const std::string> texts, const TranslationOptions& options) {
  if (options.max_source < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "max_source: expected at least 1, found ", options.max_source));
  }
  RETURN_IF_ERROR(CheckBeamOptions(SearchOptions(options, 0)));
  std::vector<SourceWords> words;
  std::vector<std::vector<int32_t>> sources;
  std::vector<BeamOptions> searches;
  std::vector<size_t> places;  // of the sources among the texts
  for (size_t i = 0; i < texts.size(); ++i) {
    ASSIGN_OR_RETURN(Job job, MakeJob(texts[i], options));
    if (job.words.tokens.empty()) continue;
    searches.push_back(SearchOptions(options, job.words.tokens.size()));
    words.push_back(std::move(job.words));
    sources.push_back(std::move(job.source));
    places.push_back(i);
  }
  Translation nothing;  // of an empty text
  nothing.ended = true;
  std::vector<std::vector<Translation>> results(
      texts.size(), std::vector<Translation>{nothing});
  if (sources.empty()) return results;
  ASSIGN_OR_RETURN(const std::vector<EncodedSource> encoded,
                   model_.network->Encode(sources, &workspace_));
  const Decoder& decoder = model_.network->decoder();
  NetworkStep step(
      decoder, encoded,
      decoder.attention() != nullptr && options.coverage_penalty > 0,
      &workspace_.decoder());
  ASSIGN_OR_RETURN(const auto found,
                   SearchBeams(&step, searches, options.stop));
  for (size_t i = 0; i < places.size(); ++i) {
    std::vector<Translation>& best = results[places[i]];
    best.clear();
    for (const Hypothesis& hypothesis : found[i]) {
      ASSIGN_OR_RETURN(Translation translation,
                       Finish(hypothesis, words[i], encoded[i], options));
      best.push_back(std::move(translation));
    }
  }
  return results;
}

// Feeds a translation that is known, to see where the network looks.
absl::StatusOr<std::vector<std::vector<float>>> TextTranslator::AttentionOf(
    const EncodedSource& source, absl::Span<const int32_t> tokens) {
  std::vector<std::vector<float>> attention;
  RecurrentState state = source.state;
  std::vector<float> logits;
  std::vector<std::vector<float>> row;
  int32_t before = Vocabulary::kEndOfLine;
  for (const int32_t token : tokens) {
    RETURN_IF_ERROR(model_.network->decoder().Step({before}, {&source.memory},
                                                   &state, &logits, &row,
                                                   &workspace_.decoder()));
    attention.push_back(std::move(row[0]));
    before = token;
  }
  return attention;
}

absl::StatusOr<Translation> TextTranslator::Finish(
    const Hypothesis& hypothesis, const SourceWords& words,
    const EncodedSource& source, const TranslationOptions& options) {
  Translation translation;
  translation.tokens = hypothesis.tokens;
  translation.log_probability = hypothesis.log_probability;
  translation.score = hypothesis.score;
  translation.ended = hypothesis.ended;
  const bool attends = model_.network->decoder().attention() != nullptr;
  const bool carries =
      HasCarriedWords(model_.target_tokenizer, translation.tokens);
  std::vector<std::vector<float>> attention;
  if (attends && (options.align || carries)) {
    ASSIGN_OR_RETURN(attention, AttentionOf(source, translation.tokens));
  }
  std::vector<int> alignment;
  if (!attention.empty() || carries) {
    alignment = AlignTokens(translation.tokens, words, attention);
  }
  translation.text =
      TargetText(model_.target_tokenizer, translation.tokens, words, alignment);
  if (options.align && attends) translation.alignment = std::move(alignment);
  return translation;
}

}  // namespace carousel
