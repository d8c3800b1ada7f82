// SPDX-License-Identifier: Apache-2.0
//
// The models that a server has: which versions there are, which are ready, and
// a handle on the one that a request asks for.

#ifndef CAROUSEL_SERVER_REPOSITORY_REPOSITORY_H_
#define CAROUSEL_SERVER_REPOSITORY_REPOSITORY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "model/bundle/model.h"
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

// Thread-safe. Every version in the directory is loaded; a request that names
// no version gets the newest that is ready.
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

  // A ready version of `name`: the one asked for, or the newest. NOT_FOUND,
  // saying which there are, for any other name or version.
  absl::StatusOr<ModelHandle> Get(
      absl::string_view name,
      std::optional<int64_t> version = std::nullopt) const;

  // The names of the models for `task` that are ready, sorted.
  std::vector<std::string> NamesFor(Task task) const;

  // Every version, sorted by name, newest first.
  std::vector<ModelVersion> List() const;

 private:
  ModelRepository(std::vector<BundleLocation> bundles, Loader loader);

  const Loader loader_;

  // The list itself is fixed after construction. The lock is held for looking
  // up and swapping, never for loading.
  mutable absl::Mutex mutex_;
  std::vector<ModelVersion> versions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace carousel

#endif  // CAROUSEL_SERVER_REPOSITORY_REPOSITORY_H_
