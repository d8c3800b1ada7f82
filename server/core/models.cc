// SPDX-License-Identifier: Apache-2.0

#include "server/core/models.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/base/status_macros.h"
#include "server/core/code_points.h"
#include "server/core/errors.h"
#include "server/core/model_choice.h"
#include "server/core/model_status.h"

namespace carousel {
namespace {

// No service, whose default it could be, is asked.
absl::Status CheckHasName(const v1::ModelSpec& spec) {
  if (!spec.name().empty()) return absl::OkStatus();
  return InvalidField("model.name", "expected a name, found none");
}

// What is listed of a handle's version; if that was swapped or unloaded just
// now, what the handle knows.
ModelVersion VersionOf(const ModelRepository& repository,
                       const ModelHandle& handle) {
  for (ModelVersion& known : repository.List()) {
    if (known.model == handle.model) return std::move(known);
  }
  return {.location = {handle.name, handle.version, handle.model->directory()},
          .state = ModelVersion::State::kReady,
          .model = handle.model};
}

// Whatever its state if it is asked for by its number.
absl::StatusOr<ModelVersion> FindVersion(const ModelRepository& repository,
                                         const v1::ModelSpec& spec) {
  RETURN_IF_ERROR(CheckHasName(spec));
  RETURN_IF_ERROR(CheckVersionOrLabel(spec));
  for (ModelVersion& known : repository.List()) {
    if (spec.has_version() && known.location.name == spec.name() &&
        known.location.version == spec.version()) {
      return std::move(known);
    }
  }
  ASSIGN_OR_RETURN(const ModelHandle handle,
                   ChooseVersion(repository, spec.name(), spec));
  return VersionOf(repository, handle);
}

void AddVersions(const std::vector<BundleLocation>& locations,
                 google::protobuf::RepeatedPtrField<v1::ModelSpec>* specs) {
  for (const BundleLocation& location : locations) {
    v1::ModelSpec* spec = specs->Add();
    spec->set_name(location.name);
    spec->set_version(location.version);
  }
}

v1::ReloadModelsResponse ToResponse(const ReloadReport& report) {
  v1::ReloadModelsResponse response;
  AddVersions(report.added, response.mutable_added());
  AddVersions(report.reloaded, response.mutable_reloaded());
  AddVersions(report.removed, response.mutable_removed());
  for (const ReloadReport::Failure& failure : report.failed) {
    v1::ReloadFailure* message = response.add_failed();
    message->mutable_model()->set_name(failure.name);
    if (failure.version > 0) {
      message->mutable_model()->set_version(failure.version);
    }
    *message->mutable_error() = ToStatusMessage(failure.error);
  }
  return response;
}

void AddTokens(absl::string_view text, const TextTokens& tokens,
               v1::ExplainResponse* response) {
  CodePoints begins(text), ends(text);
  for (const TextTokens::Token& token : tokens.tokens) {
    const auto [begin, end] = token.place;
    v1::TextToken* message = response->add_tokens();
    message->set_text(std::string(text.substr(begin, end - begin)));
    message->set_token(tokens.tokenizer->vocabulary().token(token.id));
    message->set_id(token.id);
    message->set_known(token.id != Vocabulary::kUnknown);
    message->set_begin(begins.Before(begin));
    message->set_end(ends.Before(end));
  }
  response->set_cut(tokens.cut);
  response->set_partial(tokens.partial);
}

}  // namespace

void ModelCore::ListModels(const v1::ListModelsRequest&, CallContext,
                           CallDone<v1::ListModelsResponse> done) const {
  std::vector<ModelVersion> versions = repository_->List();
  std::sort(versions.begin(), versions.end(),
            [](const ModelVersion& a, const ModelVersion& b) {
              return std::tie(a.location.name, a.location.version) <
                     std::tie(b.location.name, b.location.version);
            });
  v1::ListModelsResponse response;
  for (const ModelVersion& version : versions) {
    *response.add_models() = ToMessage(version);
  }
  std::move(done)(std::move(response), {});
}

void ModelCore::GetModel(const v1::GetModelRequest& request, CallContext,
                         CallDone<v1::GetModelResponse> done) const {
  const absl::StatusOr<ModelVersion> version =
      FindVersion(*repository_, request.model());
  if (!version.ok()) return std::move(done)(version.status(), {});
  v1::GetModelResponse response;
  *response.mutable_model() = Describe(*version);
  if (version->model != nullptr) {
    const auto figures = TrainingFigures(version->model->manifest().training);
    response.mutable_model()->mutable_figures()->insert(figures.begin(),
                                                        figures.end());
  }
  std::move(done)(std::move(response), {});
}

v1::Model ModelCore::Describe(const ModelVersion& version) const {
  v1::Model message = ToMessage(version);
  if (version.model == nullptr ||
      version.model->task() != Task::kLanguageModel) {
    return message;
  }
  const PrefixCacheStats cache = engine_->cache_stats(version.model->network());
  message.set_cached_states(static_cast<int64_t>(cache.entries));
  message.set_cache_bytes(static_cast<int64_t>(cache.bytes));
  return message;
}

void ModelCore::ReloadModels(const v1::ReloadModelsRequest&, CallContext,
                             CallDone<v1::ReloadModelsResponse> done) const {
  if (!options_.allow_reload) {
    return std::move(done)(
        absl::FailedPreconditionError(
            "models are reloaded by rpc only if the server is started with "
            "--allow_reload; SIGHUP does the same without it"),
        {});
  }
  reloader_->Request([done = std::move(done)](
                         const absl::StatusOr<ReloadReport>& report) mutable {
    if (!report.ok()) return std::move(done)(report.status(), {});
    std::move(done)(ToResponse(*report), {});
  });
}

absl::StatusOr<ModelHandle> ModelCore::ChooseToExplain(
    const v1::ExplainRequest& request) const {
  if (!options_.allow_explain) {
    return absl::FailedPreconditionError(
        "texts are explained only if the server is started with "
        "--allow_explain");
  }
  RETURN_IF_ERROR(CheckTextSize(request.text(), options_.max_text_bytes));
  RETURN_IF_ERROR(CheckHasName(request.model()));
  ASSIGN_OR_RETURN(
      ModelHandle handle,
      ChooseVersion(*repository_, request.model().name(), request.model()));
  if (handle.model->task() != Task::kForecaster) return handle;
  return InvalidField(
      "model.name", absl::StrCat("expected a model that reads texts, found \"",
                                 handle.name, "\", a forecaster"));
}

void ModelCore::Explain(const v1::ExplainRequest& request, CallContext context,
                        CallDone<v1::ExplainResponse> done) const {
  absl::StatusOr<ModelHandle> handle = ChooseToExplain(request);
  if (!handle.ok()) return std::move(done)(handle.status(), {});
  ReadJob job;
  job.model = handle->model;
  job.text = request.text();
  job.max_source = options_.max_sentence_tokens;
  job.deadline = context.deadline;
  job.cancelled = std::move(context.cancelled);
  job.done = [this, handle = *std::move(handle), text = request.text(),
              done = std::move(done)](absl::StatusOr<ReadAnswer> answer,
                                      const JobReport& its) mutable {
    const CallReport report = ReportOf(its, handle.version);
    if (!answer.ok()) return std::move(done)(answer.status(), report);
    v1::ExplainResponse response;
    *response.mutable_model() = Describe(VersionOf(*repository_, handle));
    AddTokens(text, answer->text, &response);
    response.set_cached_tokens(static_cast<int>(answer->cached));
    std::move(done)(std::move(response), report);
  };
  engine_->Submit(std::move(job));
}

}  // namespace carousel
