// SPDX-License-Identifier: Apache-2.0
//
// `carousel reload`: what came of it.

#include <string>

#include "client/cli/cli.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_fixture.h"

namespace carousel {
namespace {

using testing::StartsWith;

absl::Status ReloadSome(v1::ReloadModelsResponse& response) {
  const auto set = [](const char* name, int64_t version, v1::ModelSpec* spec) {
    spec->set_name(name);
    spec->set_version(version);
  };
  set("en", 2, response.add_added());
  set("en", 1, response.add_removed());
  v1::ReloadFailure* failure = response.add_failed();
  set("en", 3, failure->mutable_model());
  failure->mutable_error()->set_code(15);
  failure->mutable_error()->set_message("cut off");
  failure = response.add_failed();
  failure->mutable_model()->set_name("fr");
  failure->mutable_error()->set_code(3);
  failure->mutable_error()->set_message("labels.json: no");
  return absl::OkStatus();
}

class ReloadCommandTest : public CliTest {
 protected:
  ReloadCommandTest() : CliTest({.reload_models = ReloadSome}) {}
};

// A script that rolls a version out must learn that it did not go well.
TEST_F(ReloadCommandTest, ReloadSaysWhatCameOfItAndFailsIfAnythingDid) {
  const CliResult result = Run({"reload"});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_EQ(result.out,
            "added    en/2\n"
            "removed  en/1\n"
            "failed   en/3         DATA_LOSS: cut off\n"
            "failed   fr (labels)  INVALID_ARGUMENT: labels.json: no\n");
  EXPECT_EQ(result.err,
            "carousel: DATA_LOSS: 2 failed; the first: en/3: cut off\n");
  EXPECT_THAT(Run({"reload", "--json"}).out,
              StartsWith("{\"added\":[{\"name\":\"en\",\"version\":\"2\""));
}

TEST(ReloadWithoutChangeTest, NothingHasChanged) {
  FakeServer server({.reload_models = [](v1::ReloadModelsResponse&) {
    return absl::OkStatus();
  }});
  const CliResult result = Carousel({"--server=" + server.address(), "reload"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out, "no version has changed\n");
}

// It read the same version again; and what the server says is no control
// character.
TEST(ReloadOutputTest, WhatWasReloadedIsShownAndErrorsArePrintable) {
  FakeServer server({.reload_models = [](v1::ReloadModelsResponse& response) {
    response.add_reloaded()->set_name("en");
    response.mutable_reloaded(0)->set_version(4);
    v1::ReloadFailure* failure = response.add_failed();
    failure->mutable_model()->set_name("fr");
    failure->mutable_model()->set_version(1);
    failure->mutable_error()->set_code(15);
    failure->mutable_error()->set_message("\x1b[31m");
    return absl::OkStatus();
  }});
  const CliResult result = Carousel({"--server=" + server.address(), "reload"});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_EQ(result.out,
            "reloaded  en/4\n"
            "failed    fr/1  DATA_LOSS: \uFFFD[31m\n");
  EXPECT_EQ(result.err.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace carousel
