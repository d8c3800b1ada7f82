// SPDX-License-Identifier: Apache-2.0

#include "server/repository/repository.h"

#include <omp.h>

#include <algorithm>
#include <tuple>
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

// "stable (3), canary (4)".
std::string Describe(const Labels& labels) {
  if (labels.empty()) return "none";
  return absl::StrJoin(labels, ", ", [](std::string* text, const auto& label) {
    absl::StrAppend(text, label.first, " (", label.second, ")");
  });
}

// Those that name this version.
std::vector<std::string> LabelsOf(const Labels& labels, int64_t version) {
  std::vector<std::string> names;
  for (const auto& [label, named] : labels) {
    if (named == version) names.push_back(label);
  }
  return names;
}

ModelHandle ToHandle(const ModelVersion& version) {
  return {version.location.name, version.location.version, version.model};
}

// Completion looks up words by their beginning, in an output layer that has a
// row for each.
absl::Status CheckServed(const Manifest& manifest) {
  if (manifest.task() == Task::kClassifier ||
      manifest.task() == Task::kTranslator) {
    return absl::OkStatus();
  }
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
      new ModelRepository(directory, std::move(bundles), std::move(loader)));
}

absl::StatusOr<std::unique_ptr<ModelRepository>> ModelRepository::Open(
    const std::string& directory, const LoadOptions& options) {
  return Open(directory, [options](const std::string& bundle) {
    return LoadServed(bundle, options);
  });
}

ModelRepository::ModelRepository(std::string directory,
                                 std::vector<BundleLocation> bundles,
                                 Loader loader)
    : directory_(std::move(directory)), loader_(std::move(loader)) {
  for (BundleLocation& bundle : bundles) {
    versions_.push_back({.location = std::move(bundle)});
  }
}

absl::Status ModelRepository::LoadAll(const std::function<bool()>& stop) {
  std::vector<std::string> failures;
  std::vector<BundleLocation> found;
  bool any_ready = false;
  for (ModelVersion version : List()) {
    found.push_back(version.location);
    if (version.state == State::kLoading) {
      if (stop()) return absl::CancelledError("loading was stopped");
      version = Load(version.location, loader_);
      Put(version);
    }
    any_ready |= version.state == State::kReady;
    if (version.state == State::kFailed) {
      failures.push_back(absl::StrCat(version.location.directory, ": ",
                                      version.error.ToString()));
    }
  }
  SetLabels(found);  // List() says what is wrong with them
  if (any_ready) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "no model could be loaded: ", absl::StrJoin(failures, "; ")));
}

// The fingerprint first: should the bundle be replaced meanwhile, the next
// reload finds that it has changed.
ModelVersion ModelRepository::Load(const BundleLocation& location,
                                   const Loader& load) {
  // Kernels are made while loading, for as many threads as a worker has.
  omp_set_num_threads(1);
  ModelVersion version = {.location = location};
  version.fingerprint = BundleFingerprint(location.directory);
  const absl::Time start = absl::Now();
  absl::StatusOr<std::shared_ptr<const Model>> model = load(location.directory);
  const absl::Time end = absl::Now();
  version.load_time = end - start;
  version.error = model.status();
  version.state = model.ok() ? State::kReady : State::kFailed;
  if (!model.ok()) return version;
  version.ready_at = end;
  version.model = reaper_.Adopt(*std::move(model));
  return version;
}

void ModelRepository::Put(ModelVersion version) {
  const auto before = [](const ModelVersion& a, const ModelVersion& b) {
    return std::tie(a.location.name, b.location.version) <
           std::tie(b.location.name, a.location.version);
  };
  MutexLock lock(&mutex_);
  const auto place =
      std::lower_bound(versions_.begin(), versions_.end(), version, before);
  if (place == versions_.end() || before(version, *place)) {
    versions_.insert(place, std::move(version));
    return;
  }
  if (place->model != version.model) Retire(place->model);
  *place = std::move(version);
}

void ModelRepository::Retire(const std::shared_ptr<const Model>& model) {
  std::erase_if(retired_,
                [](const auto& retired) { return retired.expired(); });
  if (model != nullptr) retired_.push_back(model);
}

const ModelVersion* ModelRepository::Find(absl::string_view name,
                                          int64_t version) const {
  for (const ModelVersion& known : versions_) {
    if (known.state == State::kReady && known.location.name == name &&
        known.location.version == version) {
      return &known;
    }
  }
  return nullptr;
}

const ModelVersion* ModelRepository::FindDefault(absl::string_view name) const {
  if (const auto labels = labels_.find(name); labels != labels_.end()) {
    const auto stable = labels->second.find(kStableLabel);
    if (stable != labels->second.end()) return Find(name, stable->second);
  }
  for (const ModelVersion& known : versions_) {  // newest first
    if (known.state == State::kReady && known.location.name == name) {
      return &known;
    }
  }
  return nullptr;
}

absl::StatusOr<ModelHandle> ModelRepository::Get(
    absl::string_view name, std::optional<int64_t> version) const {
  MutexLock lock(&mutex_);
  const ModelVersion* const found =
      version ? Find(name, *version) : FindDefault(name);
  if (found == nullptr) return NotReady(name, version, versions_);
  return ToHandle(*found);
}

absl::StatusOr<ModelHandle> ModelRepository::GetLabelled(
    absl::string_view name, absl::string_view label) const {
  MutexLock lock(&mutex_);
  if (FindDefault(name) == nullptr) {
    return NotReady(name, std::nullopt, versions_);
  }
  const auto labels = labels_.find(name);
  const Labels& known = labels == labels_.end() ? Labels() : labels->second;
  const auto found = known.find(std::string(label));
  if (found != known.end()) return ToHandle(*Find(name, found->second));
  return absl::NotFoundError(absl::StrCat("model \"", name,
                                          "\" has no label \"", label,
                                          "\"; labels: ", Describe(known)));
}

std::vector<std::string> ModelRepository::NamesFor(Task task) const {
  MutexLock lock(&mutex_);
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
  MutexLock lock(&mutex_);
  std::vector<ModelVersion> versions = versions_;
  for (ModelVersion& version : versions) {
    const std::string& name = version.location.name;
    const auto labels = labels_.find(name);
    const auto error = labels_errors_.find(name);
    version.labels = labels == labels_.end()
                         ? std::vector<std::string>()
                         : LabelsOf(labels->second, version.location.version);
    version.labels_error =
        error == labels_errors_.end() ? absl::OkStatus() : error->second;
  }
  return versions;
}

}  // namespace carousel
