// SPDX-License-Identifier: Apache-2.0
//
// ModelCore over a directory of tiny bundles.

#ifndef CAROUSEL_TESTS_SERVER_CORE_MODELS_FIXTURE_H_
#define CAROUSEL_TESTS_SERVER_CORE_MODELS_FIXTURE_H_

#include <filesystem>
#include <latch>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "nlohmann/json.hpp"
#include "server/core/errors.h"
#include "server/core/models.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {

inline constexpr size_t kMaxTextBytes = 1000;

class ModelCoreTest : public testing::Test {
 protected:
  void Write(const std::string& path, uint64_t seed = 1) {
    std::filesystem::remove_all(dir_.File(path));
    ASSERT_THAT(WriteTinyBundle(dir_.File(path), {"the", "house", "I"}, seed),
                IsOk());
  }

  void WriteLabels(const std::string& json) {
    ASSERT_THAT(WriteFileAtomically(dir_.File("en/labels.json"), json), IsOk());
  }

  // Sets a field of a bundle's manifest.
  void SetManifest(const std::string& bundle, const std::string& field,
                   const nlohmann::json& value) {
    const std::string path = dir_.File(bundle + "/manifest.json");
    auto manifest = nlohmann::json::parse(ReadFile(path).value());
    manifest[field] = value;
    ASSERT_THAT(WriteFileAtomically(path, manifest.dump()), IsOk());
  }

  void Start(const ModelOptions& options = {}) {
    core_.reset();
    repository_ = ModelRepository::Open(dir_.path()).value();
    // That none is ready is among what is shown.
    repository_->LoadAll([] { return false; }).IgnoreError();
    engine_ = std::make_unique<Engine>(EngineOptions{.workers = 1}, clock_);
    reloader_ = std::make_unique<Reloader>([this] {
      return repository_->Reload(
          [](const std::string& path) { return LoadServed(path, {}); },
          [] { return false; });
    });
    reloader_->Start();
    core_ = std::make_unique<ModelCore>(options, repository_.get(),
                                        engine_.get(), reloader_.get());
  }
  void StartWithAll() {
    Start({.allow_reload = true,
           .allow_explain = true,
           .max_text_bytes = kMaxTextBytes});
  }

  // Waits for the answer of a method.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(void (ModelCore::*method)(const Request&,
                                                          CallContext,
                                                          CallDone<Response>)
                                    const,
                                const Request& request) {
    absl::StatusOr<Response> result = absl::UnknownError("");
    std::latch done(1);
    (core_.get()->*method)(
        request, {}, [&](absl::StatusOr<Response> response, const CallReport&) {
          result = std::move(response);
          done.count_down();
        });
    done.wait();
    return result;
  }

  v1::ListModelsResponse List() {
    return Call(&ModelCore::ListModels, v1::ListModelsRequest()).value();
  }

  static v1::ModelSpec Spec(const std::string& name) {
    v1::ModelSpec spec;
    spec.set_name(name);
    return spec;
  }
  static v1::ModelSpec Spec(const std::string& name, int64_t version) {
    v1::ModelSpec spec = Spec(name);
    spec.set_version(version);
    return spec;
  }
  static v1::ModelSpec Labelled(const std::string& name,
                                const std::string& label) {
    v1::ModelSpec spec = Spec(name);
    spec.set_label(label);
    return spec;
  }

  absl::StatusOr<v1::Model> Get(const v1::ModelSpec& spec) {
    v1::GetModelRequest request;
    *request.mutable_model() = spec;
    const auto response = Call(&ModelCore::GetModel, request);
    if (!response.ok()) return response.status();
    return response->model();
  }

  absl::StatusOr<v1::ReloadModelsResponse> Reload() {
    return Call(&ModelCore::ReloadModels, v1::ReloadModelsRequest());
  }

  absl::StatusOr<v1::ExplainResponse> Explain(
      const std::string& text, const v1::ModelSpec& spec = Spec("en")) {
    v1::ExplainRequest request;
    *request.mutable_model() = spec;
    request.set_text(text);
    return Call(&ModelCore::Explain, request);
  }

  // "TOKEN BEGIN-END" of each.
  static std::vector<std::string> Tokens(const v1::ExplainResponse& response) {
    std::vector<std::string> tokens;
    for (const v1::TextToken& token : response.tokens()) {
      tokens.push_back(absl::StrCat(token.token(), " ", token.begin(), "-",
                                    token.end(), token.known() ? "" : " ?"));
    }
    return tokens;
  }

  static std::string Resource(const absl::Status& status) {
    for (const auto& detail : ErrorDetails(status)) {
      google::rpc::ResourceInfo info;
      if (detail.UnpackTo(&info)) return info.resource_name();
    }
    return "";
  }

  TempDir dir_;
  FakeClock clock_;
  std::unique_ptr<ModelRepository> repository_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Reloader> reloader_;
  std::unique_ptr<ModelCore> core_;
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_SERVER_CORE_MODELS_FIXTURE_H_
