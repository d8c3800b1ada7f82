// SPDX-License-Identifier: Apache-2.0
//
// carousel-server as it is run: flags, log, signals, exit codes.

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/integration/in_process_server.h"
#include "tests/integration/server_process.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ProcessTest : public testing::Test {
 protected:
  std::string Models() const { return "--models=" + dir_.path(); }

  // The value of `field` in a JSON log.
  static nlohmann::json Field(const std::string& log,
                              const std::string& field) {
    for (const absl::string_view line : absl::StrSplit(log, '\n')) {
      const auto json = nlohmann::json::parse(line, nullptr, false);
      if (json.is_object() && json.contains(field)) return json[field];
    }
    return nullptr;
  }

  // Runs a server that should not start; its exit code and log.
  static void ExpectFailure(std::vector<std::string> args,
                            const std::string& fragment, int exit_code = 1) {
    ServerProcess process(std::move(args));
    EXPECT_THAT(process.ReadLog(), HasSubstr(fragment));
    EXPECT_EQ(process.Wait(), exit_code);
  }

  // Scripts tell a wrong call from a failure; people see where to read on.
  static void ExpectWrongCall(std::vector<std::string> args,
                              const std::string& fragment) {
    ExpectFailure(args, fragment, 2);
    ExpectFailure(args, "see carousel-server --help", 2);
  }

  TempDir dir_;
};

// From the start to a clean end: ports from the log, a request, SIGTERM, 0.
TEST_F(ProcessTest, ServesAndStopsOnSigterm) {
  WriteModel(dir_, "en/1");
  ServerProcess process(
      {Models(), "--log_format=json", "--drain_pause=0s", "--workers=1"});
  const std::string log = process.ReadLogUntil("\"ready\"");
  ASSERT_TRUE(Field(log, "grpc_port").is_number()) << log;
  EXPECT_TRUE(Field(log, "http_port").is_number());
  EXPECT_EQ(Field(log, "workers"), 1);
  EXPECT_TRUE(Field(log, "seconds_since_start").is_number());
  EXPECT_TRUE(Field(log, "implementation").is_string());
  const auto stub = Autocomplete::NewStub(
      grpc::CreateChannel("127.0.0.1:" + Field(log, "grpc_port").dump(),
                          grpc::InsecureChannelCredentials()));
  const CompleteResult result = Complete(stub.get(), TextRequest("I wo"));
  ASSERT_TRUE(result.status.ok()) << result.status.error_message();
  EXPECT_EQ(result.response.suggestions(0).word(), "would");
  process.Signal(SIGTERM);
  EXPECT_EQ(process.Wait(), 0);
  EXPECT_THAT(process.ReadLog(),
              AllOf(HasSubstr("not ready"), HasSubstr("draining"),
                    HasSubstr("stopped")));
}

// The way to have models reloaded without an rpc.
TEST_F(ProcessTest, HangupReloadsModels) {
  WriteModel(dir_, "en/1");
  ServerProcess process({Models(), "--drain_pause=0s", "--workers=1"});
  process.ReadLogUntil(" ready ");
  WriteModel(dir_, "en/2");
  process.Signal(SIGHUP);
  EXPECT_THAT(process.ReadLogUntil(" reloaded "),
              AllOf(HasSubstr("model ready model=\"en/2\""),
                    HasSubstr("reloaded added=1 reloaded=0 removed=0 "
                              "failed=0")));
  std::filesystem::remove_all(dir_.File("en/1"));
  std::filesystem::remove(dir_.File("en/2/manifest.json"));
  process.Signal(SIGHUP);
  EXPECT_THAT(process.ReadLogUntil(" reloaded "),
              AllOf(HasSubstr("reload failed model=\"en/2\""),
                    HasSubstr("manifest.json"),
                    HasSubstr("model unloaded model=\"en/1\"")));
  process.Signal(SIGTERM);
  EXPECT_EQ(process.Wait(), 0);
}

// A person who presses Ctrl-C twice does not want to wait for load balancers.
TEST_F(ProcessTest, SecondSignalCutsThePause) {
  WriteModel(dir_, "en/1");
  ServerProcess process({Models(), "--drain_pause=1h"});
  process.ReadLogUntil(" ready ");
  process.Signal(SIGINT);
  process.ReadLogUntil("not ready");
  process.Signal(SIGINT);
  EXPECT_EQ(process.Wait(), 0);
}

// Every line of the JSON log is an object, whatever the paths hold.
TEST_F(ProcessTest, JsonLogIsJson) {
  const std::string odd = dir_.File("quote\"\nnewline\xff");
  ServerProcess process({"--models=" + odd, "--log_format=json"});
  const std::string log = process.ReadLog();
  EXPECT_EQ(process.Wait(), 1);
  for (const absl::string_view line :
       absl::StrSplit(log, '\n', absl::SkipEmpty())) {
    EXPECT_TRUE(nlohmann::json::accept(line)) << line;
  }
}

// Flags may come from a file.
TEST_F(ProcessTest, ConfigFileSetsFlags) {
  WriteModel(dir_, "models/en/1");
  std::ofstream(dir_.File("config.json"))
      << R"({"models": ")" << dir_.File("models")
      << R"(", "drain_pause": "0s", "workers": 1})";
  ServerProcess process({"--config=" + dir_.File("config.json")});
  EXPECT_THAT(process.ReadLogUntil(" ready "), HasSubstr("workers=1"));
  process.Signal(SIGTERM);
  EXPECT_EQ(process.Wait(), 0);
}

// Each failure to start: exit code 1 and the reason.
TEST_F(ProcessTest, MissingModelsDirectoryFails) {
  ExpectFailure({"--models=" + dir_.File("none")}, "No such file");
}

TEST_F(ProcessTest, EmptyModelsDirectoryFails) {
  ExpectFailure({Models()}, "no bundle in");
}

TEST_F(ProcessTest, OnlyBadBundlesFail) {
  WriteModel(dir_, "en/1");
  std::filesystem::resize_file(dir_.File("en/1/weights.safetensors"), 10);
  ExpectFailure({Models()}, "weights.safetensors");
}

TEST_F(ProcessTest, UnknownFlagFails) {
  ExpectWrongCall({Models(), "--wrokers=3"}, "wrokers");
}

TEST_F(ProcessTest, BadFlagValueFails) {
  ExpectWrongCall({Models(), "--workers=many"}, "workers");
  ExpectWrongCall({Models(), "--max_text_bytes=0"}, "--max_text_bytes=0");
}

TEST_F(ProcessTest, HelpSucceedsAndServesNothing) {
  ServerProcess process({"--help"});
  EXPECT_EQ(process.ReadLog(), "");
  EXPECT_EQ(process.Wait(), 0);
}

TEST_F(ProcessTest, BadAddressFails) {
  WriteModel(dir_, "en/1");
  ExpectFailure({Models(), "--grpc_address=nonsense"}, "nonsense");
  ExpectFailure({Models(), "--http_address=nonsense"}, "nonsense");
}

// One bad version does not keep the others from being served.
TEST_F(ProcessTest, BadBundleBesideAGoodOneIsReported) {
  WriteModel(dir_, "en/1");
  WriteModel(dir_, "en/2");
  std::filesystem::remove(dir_.File("en/2/vocabulary.txt"));
  ServerProcess process({Models(), "--drain_pause=0s"});
  EXPECT_THAT(process.ReadLogUntil(" ready "),
              AllOf(HasSubstr("model failed model=\"en/2\""),
                    HasSubstr("vocabulary.txt")));
  process.Signal(SIGTERM);
  EXPECT_EQ(process.Wait(), 0);
}

}  // namespace
}  // namespace carousel
