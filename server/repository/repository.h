// SPDX-License-Identifier: Apache-2.0
//
// The models that a server has: which versions there are, which are ready, and
// a handle on the one that a request asks for. README.md tells how they change
// while the server runs.

#ifndef CAROUSEL_SERVER_REPOSITORY_REPOSITORY_H_
#define CAROUSEL_SERVER_REPOSITORY_REPOSITORY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "model/base/mutex.h"
#include "model/bundle/model.h"
#include "server/repository/labels.h"
#include "server/repository/model_reaper.h"
#include "server/repository/scan.h"

namespace carousel {

// A request's hold on a loaded version, which lives at least as long.
struct ModelHandle {
  std::string name;
  int64_t version = 0;
  std::shared_ptr<const Model> model;
};

// A version as the repository knows it.
struct ModelVersion {
  enum class State { kLoading, kReady, kFailed };

  BundleLocation location;
  State state = State::kLoading;
  std::shared_ptr<const Model> model = {};  // kReady only
  absl::Status error = {};                  // kFailed only: why
  absl::Duration load_time = {};
  absl::Time ready_at = {};  // kReady only: since when

  // kReady only: why it could not be loaded again, or unloaded, last time.
  absl::Status reload_error = {};

  // Of its model: those that name it, sorted; and why what the directory
  // declares was not taken.
  std::vector<std::string> labels = {};
  absl::Status labels_error = {};

  // Of the manifest that it was loaded from: with the checksums in there, of
  // the whole bundle. Empty: there was none to be read.
  std::string fingerprint = {};
};

// "loading", "ready", "failed".
absl::string_view StateName(ModelVersion::State state);

// Values of series that a request, and its response, may hold: as many fit into
// a message. A forecaster is served if its window and its horizon do.
inline constexpr int64_t kMostSeriesValues = int64_t{1} << 18;

// Loads the bundle in `directory`, as Model::Load. UNIMPLEMENTED, before its
// weights are read, if no service of this server answers for its task, or
// cannot use it: a language model of subwords or with an adaptive softmax, a
// forecaster whose window or horizon has more than kMostSeriesValues.
absl::StatusOr<std::shared_ptr<const Model>> LoadServed(
    const std::string& directory, const LoadOptions& options);

// What a reload did.
struct ReloadReport {
  struct Failure {
    std::string name;
    int64_t version = 0;  // 0: the model's labels
    absl::Status error;
  };

  std::vector<BundleLocation> added = {};
  std::vector<BundleLocation> reloaded = {};
  std::vector<BundleLocation> removed = {};
  std::vector<Failure> failed = {};
};

// Thread-safe. Every version in the directory is loaded; a request that names
// no version gets the one labelled "stable", or else the newest that is ready.
// A label names a ready version at any time. Models are freed on a thread of
// the repository, never by a request.
//
//   ASSIGN_OR_RETURN(auto repository, ModelRepository::Open("model/zoo"));
//   RETURN_IF_ERROR(repository->LoadAll([] { return false; }));
//   ASSIGN_OR_RETURN(ModelHandle handle, repository->Get("autocomplete-en"));
class ModelRepository {
 public:
  using Loader = std::function<absl::StatusOr<std::shared_ptr<const Model>>(
      const std::string& directory)>;

  // Scans `directory`; every version found is kLoading, and will be loaded with
  // `loader`, or by LoadServed with `options`. Errors: as ScanBundles.
  static absl::StatusOr<std::unique_ptr<ModelRepository>> Open(
      const std::string& directory, Loader loader);
  static absl::StatusOr<std::unique_ptr<ModelRepository>> Open(
      const std::string& directory, const LoadOptions& options = {});

  // Loads what is kLoading, one version after the other, on this thread. A
  // version that fails becomes kFailed and keeps no other from being loaded.
  // `stop` is asked before each and ends the work with CANCELLED.
  //
  // FAILED_PRECONDITION, with the reason for each, if none is ready at the end.
  absl::Status LoadAll(const std::function<bool()>& stop);

  // Looks at the directory again and makes the versions and labels what lies
  // there, in the steps of reload_plan.h. `load` makes a model that is ready
  // for requests, or says why not; the version then stays as it was. Blocks.
  //
  // FAILED_PRECONDITION if the directory cannot be read or holds no bundle;
  // nothing then has changed. `stop` is asked before each step and ends the
  // work with CANCELLED. REQUIRES: not called beside itself or LoadAll.
  absl::StatusOr<ReloadReport> Reload(const Loader& load,
                                      const std::function<bool()>& stop);

  // The models that are in memory: those that are ready, and those that are
  // not served any more but still answer a request.
  std::vector<std::shared_ptr<const Model>> Alive() const;

  // A ready version of `name`: the one asked for, or the default. NOT_FOUND,
  // saying which there are, for any other name or version.
  absl::StatusOr<ModelHandle> Get(
      absl::string_view name,
      std::optional<int64_t> version = std::nullopt) const;

  // The version that the label names. NOT_FOUND, saying which there are, for
  // any other name or label.
  absl::StatusOr<ModelHandle> GetLabelled(absl::string_view name,
                                          absl::string_view label) const;

  // The names of the models for `task` that are ready, sorted.
  std::vector<std::string> NamesFor(Task task) const;

  // Every version, sorted by name, newest first.
  std::vector<ModelVersion> List() const;

 private:
  class ReloadRun;  // one call of Reload

  ModelRepository(std::string directory, std::vector<BundleLocation> bundles,
                  Loader loader);

  // What becomes of loading it.
  ModelVersion Load(const BundleLocation& location, const Loader& load);

  // Puts `version` in the place of the one of its name and number, or adds it.
  void Put(ModelVersion version);

  // Takes it out, with the labels that name it. REQUIRES: it is there.
  void Remove(const ModelVersion& version);

  // Remembers a model that is not served any more, if it is one.
  void Retire(const std::shared_ptr<const Model>& model)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Reads the labels of every model in `found`, the directory, and returns what
  // is wrong with them. Those of other models are dropped.
  std::vector<ReloadReport::Failure> SetLabels(
      const std::vector<BundleLocation>& found);
  absl::Status SetLabels(const std::string& name, const Labels& declared,
                         const std::vector<BundleLocation>& found)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ModelVersion* Find(absl::string_view name, int64_t version) const
      ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  const ModelVersion* FindDefault(absl::string_view name) const
      ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  const std::string directory_;
  const Loader loader_;
  ModelReaper reaper_;  // outlives the models below

  // The lock is held for looking up and swapping, never for loading.
  mutable Mutex mutex_;
  std::vector<ModelVersion> versions_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Labels, std::less<>> labels_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, absl::Status, std::less<>> labels_errors_
      ABSL_GUARDED_BY(mutex_);

  // Unloaded, and perhaps still held.
  std::vector<std::weak_ptr<const Model>> retired_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_REPOSITORY_REPOSITORY_H_
