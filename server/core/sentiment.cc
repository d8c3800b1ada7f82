// SPDX-License-Identifier: Apache-2.0

#include "server/core/sentiment.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/base/round_trip.h"
#include "model/base/status_macros.h"
#include "server/core/code_points.h"
#include "server/core/errors.h"
#include "server/core/model_choice.h"

namespace carousel {
namespace {

constexpr ServiceModels kModels = {.task = Task::kClassifier,
                                   .preferred = "sentiment-en"};

void AddWords(absl::string_view text, const LabelExplanation& explanation,
              v1::ScoreResponse* response) {
  CodePoints begins(text), ends(text);
  for (const LabelExplanation::Word& word : explanation.words) {
    const auto [begin, end] = word.place;
    v1::ScoredWord* message = response->add_words();
    message->set_text(std::string(text.substr(begin, end - begin)));
    message->set_begin(begins.Before(begin));
    message->set_end(ends.Before(end));
    message->set_contribution(word.contribution);
    for (const float probability : word.probabilities) {
      message->add_running(RoundTrip(probability));
    }
  }
}

void SetExplanation(const ModelHandle& handle,
                    const LabelExplanation& explanation,
                    v1::ScoreResponse* response) {
  v1::ScoreExplanation* message = response->mutable_explanation();
  const bool both =
      handle.model->classifier().network->sizes().rnn.bidirectional;
  message->set_method(both ? v1::ScoreExplanation::METHOD_OCCLUSION
                           : v1::ScoreExplanation::METHOD_RUNNING_DIFFERENCES);
  message->set_log_odds(explanation.log_odds);
  message->set_baseline(explanation.baseline);
  message->set_remainder(explanation.remainder);
}

v1::ScoreResponse ToResponse(const ModelHandle& handle,
                             const v1::ScoreRequest& request,
                             const LabelAnswer& answer) {
  v1::ScoreResponse response;
  SetModel(handle, response.mutable_model());
  const Classification& found = answer.classification;
  const auto& labels = handle.model->manifest().classifier().labels;
  response.set_label(labels[static_cast<size_t>(found.best())]);
  for (size_t k = 0; k < labels.size(); ++k) {
    v1::LabelProbability* message = response.add_probabilities();
    message->set_label(labels[k]);
    message->set_probability(RoundTrip(found.probabilities[k]));
  }
  response.set_cut(found.cut);
  AddWords(request.text(), answer.explanation, &response);
  if (request.contributions()) {
    SetExplanation(handle, answer.explanation, &response);
  }
  return response;
}

// Besides the size of the text, only what a text is can be wrong.
absl::Status WithField(absl::Status status) {
  if (!absl::IsInvalidArgument(status)) return status;
  return AboutField("text", std::move(status));
}

}  // namespace

void SentimentCore::Score(const v1::ScoreRequest& request, CallContext context,
                          CallDone<v1::ScoreResponse> done) const {
  if (absl::Status status =
          CheckTextSize(request.text(), options_.max_text_bytes);
      !status.ok()) {
    return std::move(done)(std::move(status), {});
  }
  absl::StatusOr<ModelHandle> handle =
      ChooseModel(*repository_, request.model(), kModels);
  if (!handle.ok()) return std::move(done)(handle.status(), {});

  const auto& model = handle->model;
  LabelJob job;
  job.network = std::shared_ptr<const Classifier>(
      model, model->classifier().network.get());
  job.tokenizer = &model->tokenizer();
  job.text = request.text();
  job.longest_text = model->manifest().classifier().longest_text;
  job.explain = {.contributions = request.contributions(),
                 .running = request.running()};
  job.deadline = context.deadline;
  job.cancelled = std::move(context.cancelled);
  job.bulk = context.bulk;
  job.done = [handle = *std::move(handle), request, done = std::move(done)](
                 absl::StatusOr<LabelAnswer> answer,
                 const JobReport& its) mutable {
    const CallReport report = ReportOf(its, handle.version);
    if (!answer.ok()) {
      return std::move(done)(WithField(answer.status()), report);
    }
    std::move(done)(ToResponse(handle, request, *answer), report);
  };
  engine_->Submit(std::move(job));
}

}  // namespace carousel
