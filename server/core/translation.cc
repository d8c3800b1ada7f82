// SPDX-License-Identifier: Apache-2.0

#include "server/core/translation.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "model/base/status_macros.h"
#include "server/core/code_points.h"
#include "server/core/errors.h"
#include "server/core/model_choice.h"
#include "server/core/times.h"

namespace carousel {
namespace {

constexpr ServiceModels kModels = {.task = Task::kTranslator,
                                   .preferred = "translate-en-fr"};

// Also as google/protobuf/duration.proto has it.
bool IsPositive(const google::protobuf::Duration& duration) {
  constexpr int64_t kMostSeconds = 315'576'000'000;
  return duration.seconds() >= 0 && duration.seconds() <= kMostSeconds &&
         duration.nanos() >= 0 && duration.nanos() < 1'000'000'000 &&
         duration.seconds() + duration.nanos() > 0;
}

absl::Status CheckWithin(absl::string_view field, int value, int most) {
  if (value >= 1 && value <= most) return absl::OkStatus();
  return InvalidField(field,
                      absl::StrCat("expected 1 to ", most, ", found ", value));
}

void AddWord(absl::string_view text, ByteRange place, int32_t begin,
             int32_t end, v1::AlignedWord* word) {
  word->set_text(std::string(TextOf(text, place)));
  word->set_begin(begin);
  word->set_end(end);
}

// `sentence`: what was translated, which begins `before` code points behind the
// beginning of the source.
void SetAlignment(absl::string_view sentence, int32_t before,
                  const Translation& translation, v1::Alignment* message) {
  const WordAlignment& alignment = translation.alignment;
  CodePoints source(sentence), target(translation.text);
  for (const ByteRange& place : alignment.source) {
    const int32_t begin = before + source.Before(place.begin);
    AddWord(sentence, place, begin, before + source.Before(place.end),
            message->add_source());
  }
  for (size_t t = 0; t < alignment.target.size(); ++t) {
    const ByteRange place = alignment.target[t];
    const int32_t begin = target.Before(place.begin);
    AddWord(translation.text, place, begin, target.Before(place.end),
            message->add_target());
    const std::vector<float>& weights = alignment.weights[t];
    message->add_rows()->mutable_weights()->Add(weights.begin(), weights.end());
  }
}

v1::TranslateResponse ToResponse(const ModelHandle& handle,
                                 const v1::TranslateRequest& request,
                                 TranslatedText found) {
  v1::TranslateResponse response;
  SetModel(handle, response.mutable_model());
  response.set_truncated(found.truncated());
  response.set_text(std::move(found.text));
  CodePoints places(request.text());
  for (const TranslatedSentence& sentence : found.sentences) {
    v1::TranslatedSentence* message = response.add_sentences();
    message->set_begin(places.Before(sentence.place.begin));
    message->set_end(places.Before(sentence.place.end));
    for (const Translation& translation : sentence.translations) {
      v1::Translation* its = message->add_translations();
      its->set_text(translation.text);
      its->set_log_probability(translation.log_probability);
      its->set_score(translation.score);
      its->set_truncated(!translation.ended);
      if (translation.alignment.source.empty()) continue;
      SetAlignment(TextOf(request.text(), sentence.place), message->begin(),
                   translation, its->mutable_alignment());
    }
  }
  return response;
}

// Besides what was checked, only what a text is can be wrong.
absl::Status WithField(absl::Status status) {
  if (!absl::IsInvalidArgument(status)) return status;
  return AboutField("text", std::move(status));
}

}  // namespace

TranslationOptions TranslationCore::OptionsOf(
    const v1::TranslateRequest& request) const {
  TranslationOptions options;
  options.max_source = options_.max_sentence_tokens;
  if (request.has_beam_size()) options.beam_size = request.beam_size();
  if (request.has_max_translations()) {
    options.n_best = request.max_translations();
  }
  if (request.has_length_penalty()) {
    options.length_penalty = request.length_penalty();
  }
  if (request.has_coverage_penalty()) {
    options.coverage_penalty = request.coverage_penalty();
  }
  options.align = request.alignment();
  return options;
}

absl::Status TranslationCore::Validate(
    const v1::TranslateRequest& request) const {
  RETURN_IF_ERROR(CheckTextSize(request.text(), options_.max_text_bytes));
  const TranslationOptions options = OptionsOf(request);
  RETURN_IF_ERROR(
      CheckWithin("beam_size", options.beam_size, options_.max_beam_size));
  RETURN_IF_ERROR(
      CheckWithin("max_translations", options.n_best, options.beam_size));
  if (request.has_time_limit() && !IsPositive(request.time_limit())) {
    return InvalidField(
        "time_limit",
        absl::StrCat(
            "expected a duration of more than 0, as protobuf has it, found ",
            request.time_limit().seconds(), " s and ",
            request.time_limit().nanos(), " ns"));
  }
  return AboutOption(CheckOptions(options));
}

void TranslationCore::Translate(const v1::TranslateRequest& request,
                                CallContext context,
                                CallDone<v1::TranslateResponse> done) const {
  TranslateAloud(request, std::move(context), nullptr, std::move(done));
}

void TranslationCore::TranslateAloud(
    const v1::TranslateRequest& request, CallContext context, OnText on_text,
    CallDone<v1::TranslateResponse> done) const {
  if (absl::Status status = Validate(request); !status.ok()) {
    return std::move(done)(std::move(status), {});
  }
  absl::StatusOr<ModelHandle> handle =
      ChooseModel(*repository_, request.model(), kModels);
  if (!handle.ok()) return std::move(done)(handle.status(), {});

  TranslationJob job;
  job.parts = std::shared_ptr<const TranslatorParts>(
      handle->model, &handle->model->translator());
  job.text = request.text();
  job.options = OptionsOf(request);
  job.on_text = std::move(on_text);
  if (request.has_time_limit()) {
    job.stop_at = clock_->Now() + ToDuration(request.time_limit());
  }
  job.deadline = context.deadline;
  job.cancelled = std::move(context.cancelled);
  job.bulk = context.bulk;
  job.done = [handle = *std::move(handle), request, done = std::move(done)](
                 absl::StatusOr<TranslatedText> found,
                 const JobReport& its) mutable {
    const CallReport report = ReportOf(its, handle.version);
    if (!found.ok()) return std::move(done)(WithField(found.status()), report);
    std::move(done)(ToResponse(handle, request, *std::move(found)), report);
  };
  engine_->Submit(std::move(job));
}

}  // namespace carousel
