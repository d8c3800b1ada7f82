// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "server/repository/reload_plan.h"
#include "server/repository/repository.h"

namespace carousel {
namespace {

using Failure = ReloadReport::Failure;
using Found = std::vector<BundleLocation>;
using Key = std::pair<std::string, int64_t>;

Key KeyOf(const BundleLocation& location) {
  return {location.name, location.version};
}

bool Contains(const Found& found, const std::string& name, int64_t version) {
  return std::any_of(found.begin(), found.end(), [&](const auto& location) {
    return location.name == name && location.version == version;
  });
}

}  // namespace

// Carries out the steps of one reload.
class ModelRepository::ReloadRun {
 public:
  ReloadRun(ModelRepository* repository, Found found, const Loader& load)
      : repository_(*repository), found_(std::move(found)), load_(load) {
    for (const BundleLocation& location : found_) {
      fingerprints_[KeyOf(location)] = BundleFingerprint(location.directory);
    }
  }

  absl::StatusOr<ReloadReport> Run(const std::function<bool()>& stop) {
    // Of versions that serve: what has come without a label must not be the
    // default until the others are loaded, too.
    repository_.SetLabels(found_);
    ListNew();
    ForgetErrors();
    while (true) {
      const std::vector<ModelVersion> versions = repository_.List();
      const ReloadStep step = NextReloadStep(Situations(versions), labels_set_);
      if (step.kind == ReloadStep::Kind::kDone) break;
      if (stop()) return absl::CancelledError("the reload was stopped");
      Take(step, versions);
    }
    for (const ModelVersion& version : repository_.List()) NoteIfKept(version);
    return std::move(report_);
  }

 private:
  // ListModels shows what is to come.
  void ListNew() {
    const std::vector<ModelVersion> versions = repository_.List();
    for (const BundleLocation& location : found_) {
      const bool known = std::any_of(
          versions.begin(), versions.end(),
          [&](const auto& v) { return KeyOf(v.location) == KeyOf(location); });
      if (!known) repository_.Put({.location = location});
    }
  }

  // Of what has come back as it was.
  void ForgetErrors() {
    for (ModelVersion& version : repository_.List()) {
      if (version.reload_error.ok() || !IsCurrent(version)) continue;
      version.reload_error = absl::OkStatus();
      repository_.Put(std::move(version));
    }
  }

  // What is loaded is what lies in the directory.
  bool IsCurrent(const ModelVersion& version) const {
    const auto found = fingerprints_.find(KeyOf(version.location));
    return found != fingerprints_.end() && !found->second.empty() &&
           found->second == version.fingerprint;
  }

  std::vector<VersionSituation> Situations(
      const std::vector<ModelVersion>& versions) const {
    std::vector<VersionSituation> situations;
    for (const ModelVersion& version : versions) {
      const Key key = KeyOf(version.location);
      situations.push_back(
          {.name = version.location.name,
           .wanted = fingerprints_.contains(key),
           .serving = version.state == ModelVersion::State::kReady,
           .labelled = !version.labels.empty(),
           .current = IsCurrent(version),
           .tried = tried_.contains(key)});
    }
    return situations;
  }

  void Take(const ReloadStep& step, const std::vector<ModelVersion>& versions) {
    switch (step.kind) {
      case ReloadStep::Kind::kLoad:
        return Load(versions[step.which]);
      case ReloadStep::Kind::kUnload:
        return Unload(versions[step.which]);
      case ReloadStep::Kind::kSetLabels:
        labels_set_ = true;
        return AddFailures(repository_.SetLabels(found_));
      case ReloadStep::Kind::kDone:
        return;
    }
  }

  // What was let go is freed first: the new version may need its room.
  void Load(ModelVersion before) {
    repository_.reaper_.Settle();
    tried_.insert(KeyOf(before.location));
    const bool served = before.model != nullptr;
    if (!served) {
      before.state = ModelVersion::State::kLoading;
      repository_.Put(before);
    }
    ModelVersion after = repository_.Load(before.location, load_);
    if (after.model != nullptr) {
      (served ? report_.reloaded : report_.added).push_back(after.location);
      return repository_.Put(std::move(after));
    }
    AddFailures({{before.location.name, before.location.version, after.error}});
    if (!served) return repository_.Put(std::move(after));
    before.reload_error = after.error;
    repository_.Put(std::move(before));
  }

  void Unload(const ModelVersion& version) {
    if (version.model != nullptr) report_.removed.push_back(version.location);
    repository_.Remove(version);
  }

  // It goes on serving, and whoever runs the server should know why.
  void NoteIfKept(ModelVersion version) {
    const Key key = KeyOf(version.location);
    if (fingerprints_.contains(key)) return;
    version.reload_error = absl::FailedPreconditionError(
        version.labels.empty()
            ? "it has gone from the directory, but no other version of the "
              "model is ready"
            : absl::StrCat("it has gone from the directory, but its label \"",
                           version.labels.front(),
                           "\" could not be set to another version"));
    AddFailures({{key.first, key.second, version.reload_error}});
    repository_.Put(std::move(version));
  }

  void AddFailures(std::vector<Failure> failures) {
    std::move(failures.begin(), failures.end(),
              std::back_inserter(report_.failed));
  }

  ModelRepository& repository_;
  const Found found_;
  const Loader& load_;
  std::map<Key, std::string> fingerprints_;  // of what was found
  std::set<Key> tried_;
  bool labels_set_ = false;
  ReloadReport report_;
};

absl::StatusOr<ReloadReport> ModelRepository::Reload(
    const Loader& load, const std::function<bool()>& stop) {
  absl::StatusOr<Found> found = ScanBundles(directory_);
  if (!found.ok())
    return absl::FailedPreconditionError(found.status().message());
  return ReloadRun(this, *std::move(found), load).Run(stop);
}

void ModelRepository::Remove(const ModelVersion& version) {
  MutexLock lock(&mutex_);
  const auto place =
      std::find_if(versions_.begin(), versions_.end(), [&](const auto& known) {
        return KeyOf(known.location) == KeyOf(version.location);
      });
  Retire(place->model);
  versions_.erase(place);
  // With the model, or with a label that is no longer there: see SetLabels.
  if (const auto labels = labels_.find(version.location.name);
      labels != labels_.end()) {
    std::erase_if(labels->second, [&](const auto& label) {
      return label.second == version.location.version;
    });
  }
}

// A label that is declared for a version that lies in the directory and is not
// ready stays where it was.
std::vector<Failure> ModelRepository::SetLabels(const Found& found) {
  std::map<std::string, absl::StatusOr<Labels>> declared;
  for (const BundleLocation& location : found) {
    if (declared.contains(location.name)) continue;
    declared.emplace(location.name,
                     ReadLabels(JoinPath(directory_, location.name)));
  }
  std::vector<Failure> failures;
  MutexLock lock(&mutex_);
  std::erase_if(labels_,
                [&](const auto& l) { return !declared.contains(l.first); });
  labels_errors_.clear();
  for (const auto& [name, labels] : declared) {
    absl::Status error = labels.status();
    if (labels.ok()) error = SetLabels(name, *labels, found);
    if (error.ok()) continue;
    failures.push_back({name, 0, error});
    labels_errors_[name] = std::move(error);
  }
  return failures;
}

absl::Status ModelRepository::SetLabels(const std::string& name,
                                        const Labels& declared,
                                        const Found& found) {
  Labels labels;
  std::vector<std::string> errors;
  const Labels& before = labels_[name];
  for (const auto& [label, version] : declared) {
    const auto old = before.find(label);
    const std::string about =
        absl::StrCat("label \"", label, "\": version ", version);
    if (!Contains(found, name, version)) {
      errors.push_back(absl::StrCat(about, " is not in the directory"));
    } else if (Find(name, version) != nullptr) {
      labels[label] = version;
    } else if (old != before.end()) {
      labels[label] = old->second;
      errors.push_back(absl::StrCat(
          about, " is not ready, so it stays at version ", old->second));
    } else {
      errors.push_back(absl::StrCat(about, " is not ready"));
    }
  }
  labels_[name] = std::move(labels);
  if (errors.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrJoin(errors, "; "));
}

std::vector<std::shared_ptr<const Model>> ModelRepository::Alive() const {
  MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<const Model>> models;
  for (const ModelVersion& version : versions_) {
    if (version.model != nullptr) models.push_back(version.model);
  }
  for (const std::weak_ptr<const Model>& retired : retired_) {
    if (auto model = retired.lock()) models.push_back(std::move(model));
  }
  return models;
}

}  // namespace carousel
