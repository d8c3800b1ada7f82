// SPDX-License-Identifier: Apache-2.0

#include "server/core/autocomplete.h"

#include <memory>
#include <utility>
#include <vector>

#include "model/base/status_macros.h"
#include "model/tasks/completion.h"
#include "server/core/errors.h"
#include "server/core/model_choice.h"

namespace carousel {
namespace {

constexpr ServiceModels kModels = {.task = Task::kLanguageModel,
                                   .preferred = "autocomplete-en"};

v1::CompleteResponse ToResponse(const ModelHandle& handle,
                                std::vector<Suggestion> suggestions) {
  v1::CompleteResponse response;
  SetModel(handle, response.mutable_model());
  for (Suggestion& suggestion : suggestions) {
    v1::Suggestion* message = response.add_suggestions();
    message->set_word(std::move(suggestion.word));
    message->set_insert(std::move(suggestion.insert));
    message->set_replace(suggestion.replace);
    message->set_probability(suggestion.probability);
    message->set_words(suggestion.words);
    message->set_confidence(suggestion.confidence());
  }
  return response;
}

CompletionOptions OptionsOf(const v1::CompleteRequest& request) {
  CompletionOptions options;
  if (request.has_max_suggestions()) {
    options.max_suggestions = request.max_suggestions();
  }
  if (request.has_max_words()) options.max_words = request.max_words();
  if (request.has_min_confidence()) {
    options.min_confidence = request.min_confidence();
  }
  return options;
}

EarlierText EarlierTextOf(const v1::CompleteRequest& request,
                          const LanguageModelManifest& manifest) {
  return {.text = request.context(),
          .lines = manifest.context,
          .setting = manifest.context_cache};
}

}  // namespace

absl::Status AutocompleteCore::Validate(
    const v1::CompleteRequest& request) const {
  RETURN_IF_ERROR(CheckTextSize(request.text(), options_.max_text_bytes));
  RETURN_IF_ERROR(
      CheckTextSize(request.context(), options_.max_text_bytes, "context"));
  return AboutOption(CheckOptions(OptionsOf(request)));
}

void AutocompleteCore::Complete(const v1::CompleteRequest& request,
                                CallContext context,
                                CallDone<v1::CompleteResponse> done) const {
  if (absl::Status status = Validate(request); !status.ok()) {
    return std::move(done)(std::move(status), {});
  }
  absl::StatusOr<ModelHandle> handle =
      ChooseModel(*repository_, request.model(), kModels);
  if (!handle.ok()) return std::move(done)(handle.status(), {});

  const auto& model = handle->model;
  engine_->Submit(
      {.network =
           std::shared_ptr<const LanguageModel>(model, &model->network()),
       .tokenizer = &model->tokenizer(),
       .text = request.text(),
       .context = EarlierTextOf(request, model->manifest().language_model()),
       .options = OptionsOf(request),
       .deadline = context.deadline,
       .cancelled = std::move(context.cancelled),
       .done = [handle = *std::move(handle),
                done = std::move(done)](JobResult result) mutable {
         const CallReport report = ReportOf(result, handle.version);
         if (!result.suggestions.ok()) {
           return std::move(done)(result.suggestions.status(), report);
         }
         std::move(done)(ToResponse(handle, *std::move(result.suggestions)),
                         report);
       }});
}

}  // namespace carousel
