// SPDX-License-Identifier: Apache-2.0
//
// A directory of models that changes, and what Reload makes of it.

#ifndef CAROUSEL_TESTS_SERVER_REPOSITORY_REPOSITORY_RELOAD_FIXTURE_H_
#define CAROUSEL_TESTS_SERVER_REPOSITORY_REPOSITORY_RELOAD_FIXTURE_H_

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "server/repository/repository.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {

class RepositoryReloadTest : public testing::Test {
 protected:
  void Write(const std::string& name_and_version, uint64_t seed = 1) {
    std::filesystem::remove_all(dir_.File(name_and_version));
    ASSERT_THAT(WriteTinyBundle(dir_.File(name_and_version),
                                {"the", "house", "home"}, seed),
                IsOk());
  }

  void Remove(const std::string& path) {
    std::filesystem::remove_all(dir_.File(path));
  }

  // Cuts its weights off, and has the manifest say something else.
  void Break(const std::string& name_and_version) {
    Write(name_and_version, 7);
    const std::string weights =
        dir_.File(name_and_version + "/weights.safetensors");
    std::filesystem::resize_file(weights,
                                 std::filesystem::file_size(weights) - 1);
  }

  void WriteLabels(const std::string& name, const std::string& json) {
    ASSERT_THAT(WriteFileAtomically(dir_.File(name + "/labels.json"), json),
                IsOk());
  }

  void Start() {
    repository_ = ModelRepository::Open(dir_.path()).value();
    ASSERT_THAT(repository_->LoadAll([] { return false; }), IsOk());
  }

  // What it did, e.g. "+en/2 ~en/1 -en/3 !en/4 !en".
  std::string Reload() {
    const absl::StatusOr<ReloadReport> report = repository_->Reload(
        [this](const std::string& directory) {
          loaded_.push_back(directory);
          if (on_load_) on_load_();
          return LoadServed(directory, {});
        },
        [] { return false; });
    EXPECT_THAT(report, IsOk());
    std::string text;
    const auto add = [&](const char* mark, const auto& locations) {
      for (const BundleLocation& location : locations) {
        absl::StrAppend(&text, text.empty() ? "" : " ", mark, location.name,
                        "/", location.version);
      }
    };
    add("+", report->added);
    add("~", report->reloaded);
    add("-", report->removed);
    for (const ReloadReport::Failure& failure : report->failed) {
      absl::StrAppend(&text, text.empty() ? "" : " ", "!", failure.name);
      if (failure.version > 0) absl::StrAppend(&text, "/", failure.version);
      errors_.push_back(failure.error);
    }
    return text;
  }

  ModelVersion Version(const std::string& name, int64_t version) {
    for (const ModelVersion& known : repository_->List()) {
      if (known.location.name == name && known.location.version == version) {
        return known;
      }
    }
    ADD_FAILURE() << name << "/" << version << " is not listed";
    return {};
  }

  // The version that a request gets.
  int64_t Default(const std::string& name = "en") {
    return repository_->Get(name).value().version;
  }
  int64_t Labelled(const std::string& label) {
    return repository_->GetLabelled("en", label).value().version;
  }

  TempDir dir_;
  std::unique_ptr<ModelRepository> repository_;
  std::vector<std::string> loaded_;
  std::vector<absl::Status> errors_;
  std::function<void()> on_load_;
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_SERVER_REPOSITORY_REPOSITORY_RELOAD_FIXTURE_H_
