// SPDX-License-Identifier: Apache-2.0

#include "server/core/autocomplete.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/base/status_macros.h"
#include "model/tasks/completion.h"

namespace carousel {
namespace {

constexpr char kPreferredModel[] = "autocomplete-en";

v1::CompleteResponse ToResponse(const ModelHandle& handle,
                                std::vector<Suggestion> suggestions) {
  v1::CompleteResponse response;
  response.mutable_model()->set_name(handle.name);
  response.mutable_model()->set_version(handle.version);
  for (Suggestion& suggestion : suggestions) {
    v1::Suggestion* message = response.add_suggestions();
    message->set_word(std::move(suggestion.word));
    message->set_insert(std::move(suggestion.insert));
    message->set_replace(suggestion.replace);
    message->set_probability(suggestion.probability);
  }
  return response;
}

CompletionOptions OptionsOf(const v1::CompleteRequest& request) {
  CompletionOptions options;
  if (request.has_max_suggestions()) {
    options.max_suggestions = request.max_suggestions();
  }
  return options;
}

}  // namespace

absl::Status AutocompleteCore::Validate(
    const v1::CompleteRequest& request) const {
  if (request.text().size() > options_.max_text_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("text has ", request.text().size(), " bytes; at most ",
                     options_.max_text_bytes, " are allowed"));
  }
  return CheckOptions(OptionsOf(request));
}

absl::StatusOr<ModelHandle> AutocompleteCore::FindModel(
    const v1::CompleteRequest& request) const {
  std::string name = request.model().name();
  if (name.empty()) {
    const std::vector<std::string> names =
        repository_->NamesFor(Task::kLanguageModel);
    const bool preferred =
        std::find(names.begin(), names.end(), kPreferredModel) != names.end();
    if (names.size() > 1 && !preferred) {
      return absl::InvalidArgumentError(
          absl::StrCat("model.name is needed, as there are several models: ",
                       absl::StrJoin(names, ", ")));
    }
    name = preferred || names.empty() ? kPreferredModel : names.front();
  }
  std::optional<int64_t> version;
  if (request.model().has_version()) version = request.model().version();
  ASSIGN_OR_RETURN(ModelHandle handle, repository_->Get(name, version));
  if (handle.model->task() != Task::kLanguageModel) {
    return absl::InvalidArgumentError(absl::StrCat(
        "model \"", name, "\" is for the task \"",
        TaskName(handle.model->task()), "\"; autocomplete needs a \"",
        TaskName(Task::kLanguageModel), "\""));
  }
  return handle;
}

void AutocompleteCore::Complete(const v1::CompleteRequest& request,
                                CallContext context,
                                CallDone<v1::CompleteResponse> done) const {
  CallReport report;
  if (absl::Status status = Validate(request); !status.ok()) {
    return std::move(done)(std::move(status), report);
  }
  absl::StatusOr<ModelHandle> handle = FindModel(request);
  if (!handle.ok()) return std::move(done)(handle.status(), report);
  report.version = handle->version;

  const auto& model = handle->model;
  engine_->Submit(
      {.network =
           std::shared_ptr<const LanguageModel>(model, &model->network()),
       .tokenizer = &model->tokenizer(),
       .text = request.text(),
       .options = OptionsOf(request),
       .deadline = context.deadline,
       .cancelled = std::move(context.cancelled),
       .done = [handle = *std::move(handle), report,
                done = std::move(done)](JobResult result) mutable {
         report.queue = result.queue;
         report.compute = result.compute;
         report.batch = result.batch;
         if (!result.suggestions.ok()) {
           return std::move(done)(result.suggestions.status(), report);
         }
         std::move(done)(ToResponse(handle, *std::move(result.suggestions)),
                         report);
       }});
}

}  // namespace carousel
