// SPDX-License-Identifier: Apache-2.0

#include "server/repository/repository.h"

#include <omp.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"

namespace carousel {
namespace {

using State = ModelVersion::State;

// "autocomplete-en versions 2, 1; sentiment versions 1".
std::string Describe(const std::vector<ModelVersion>& ready) {
  if (ready.empty()) return "none";
  std::string text;
  for (size_t i = 0; i < ready.size(); ++i) {
    const BundleLocation& location = ready[i].location;
    if (i > 0 && ready[i - 1].location.name == location.name) {
      absl::StrAppend(&text, ", ", location.version);
    } else {
      absl::StrAppend(&text, i > 0 ? "; " : "", location.name, " version ",
                      location.version);
    }
  }
  return text;
}

// Why there is no handle: what was asked for, what became of it, what there is.
absl::Status NotReady(absl::string_view name, std::optional<int64_t> version,
                      const std::vector<ModelVersion>& all) {
  absl::string_view reason = "is not here";
  std::vector<ModelVersion> ready;
  for (const ModelVersion& known : all) {
    if (known.state == State::kReady) ready.push_back(known);
    if (known.location.name != name ||
        (version && known.location.version != *version)) {
      continue;
    }
    if (known.state == State::kLoading) reason = "is being loaded";
    if (known.state == State::kFailed) {
      reason = "could not be loaded (ListModels says why)";
    }
  }
  return absl::NotFoundError(
      absl::StrCat("model \"", name, "\"",
                   version ? absl::StrCat(" version ", *version) : "", " ",
                   reason, "; ready: ", Describe(ready)));
}

absl::Status CheckForecaster(const ForecasterSizes& sizes) {
  const int64_t steps = std::max(sizes.window, sizes.horizon);
  if (steps * sizes.series() <= kMostSeriesValues) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(
      "expected a window and a horizon of at most ", kMostSeriesValues,
      " values, which fit into a message, found ", sizes.series(),
      " series of ", steps, " steps"));
}

// Completion looks up words by their beginning, in an output layer that has a
// row for each.
absl::Status CheckServed(const Manifest& manifest) {
  if (manifest.task() == Task::kClassifier) return absl::OkStatus();
  if (manifest.task() == Task::kForecaster) {
    return CheckForecaster(manifest.forecaster().sizes);
  }
  if (manifest.task() != Task::kLanguageModel) {
    return absl::UnimplementedError(
        absl::StrCat("expected a task that this server serves, found a \"",
                     TaskName(manifest.task()), "\""));
  }
  const LanguageModelManifest& model = manifest.language_model();
  if (model.tokenizer == TokenizerKind::kSubword) {
    return absl::UnimplementedError(
        absl::StrCat("expected a tokenizer of words, which is what this server "
                     "completes, found \"",
                     TokenizerKindName(model.tokenizer), "\""));
  }
  if (model.sizes.adaptive()) {
    return absl::UnimplementedError(
        "expected an output layer over the whole vocabulary, of which this "
        "server computes slices, found an adaptive softmax (\"cutoffs\")");
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view StateName(State state) {
  switch (state) {
    case State::kLoading:
      return "loading";
    case State::kReady:
      return "ready";
    case State::kFailed:
      return "failed";
  }
  return "unknown";
}

absl::StatusOr<std::shared_ptr<const Model>> LoadServed(
    const std::string& directory, const LoadOptions& options) {
  ASSIGN_OR_RETURN(const Manifest manifest, ReadManifest(directory));
  RETURN_IF_ERROR(CheckServed(manifest));
  return Model::Load(directory, options);
}

absl::StatusOr<std::unique_ptr<ModelRepository>> ModelRepository::Open(
    const std::string& directory, Loader loader) {
  ASSIGN_OR_RETURN(std::vector<BundleLocation> bundles, ScanBundles(directory));
  return std::unique_ptr<ModelRepository>(
      new ModelRepository(std::move(bundles), std::move(loader)));
}

absl::StatusOr<std::unique_ptr<ModelRepository>> ModelRepository::Open(
    const std::string& directory, const LoadOptions& options) {
  return Open(directory, [options](const std::string& bundle) {
    return LoadServed(bundle, options);
  });
}

ModelRepository::ModelRepository(std::vector<BundleLocation> bundles,
                                 Loader loader)
    : loader_(std::move(loader)) {
  for (BundleLocation& bundle : bundles) {
    versions_.push_back({.location = std::move(bundle)});
  }
}

absl::Status ModelRepository::LoadAll(const std::function<bool()>& stop) {
  // Kernels are made while loading, for as many threads as a worker has.
  omp_set_num_threads(1);
  std::vector<std::string> failures;
  bool any_ready = false;
  const std::vector<ModelVersion> snapshot = List();
  for (size_t i = 0; i < snapshot.size(); ++i) {
    ModelVersion version = snapshot[i];
    if (version.state == State::kLoading) {
      if (stop()) return absl::CancelledError("loading was stopped");
      const absl::Time start = absl::Now();
      absl::StatusOr<std::shared_ptr<const Model>> model =
          loader_(version.location.directory);
      version.load_time = absl::Now() - start;
      version.state = model.ok() ? State::kReady : State::kFailed;
      version.error = model.status();
      if (model.ok()) version.model = *std::move(model);
      absl::MutexLock lock(&mutex_);
      versions_[i] = version;
    }
    any_ready |= version.state == State::kReady;
    if (version.state == State::kFailed) {
      failures.push_back(absl::StrCat(version.location.directory, ": ",
                                      version.error.ToString()));
    }
  }
  if (any_ready) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "no model could be loaded: ", absl::StrJoin(failures, "; ")));
}

absl::StatusOr<ModelHandle> ModelRepository::Get(
    absl::string_view name, std::optional<int64_t> version) const {
  absl::MutexLock lock(&mutex_);
  for (const ModelVersion& known : versions_) {  // newest first
    if (known.state == State::kReady && known.location.name == name &&
        (!version || known.location.version == *version)) {
      return ModelHandle{known.location.name, known.location.version,
                         known.model};
    }
  }
  return NotReady(name, version, versions_);
}

std::vector<std::string> ModelRepository::NamesFor(Task task) const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> names;
  for (const ModelVersion& known : versions_) {
    if (known.state == State::kReady && known.model->task() == task &&
        (names.empty() || names.back() != known.location.name)) {
      names.push_back(known.location.name);
    }
  }
  return names;
}

std::vector<ModelVersion> ModelRepository::List() const {
  absl::MutexLock lock(&mutex_);
  return versions_;
}

}  // namespace carousel
