// SPDX-License-Identifier: Apache-2.0

#include "server/app/flags.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/reflection.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::Optional;

class FlagsTest : public testing::Test {
 protected:
  static absl::StatusOr<ServerConfig> Parse(std::vector<std::string> args) {
    args.insert(args.begin(), "carousel-server");
    std::vector<char*> argv;
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    return ParseFlags(static_cast<int>(args.size()), argv.data());
  }

  // --config= of a file with this content.
  std::string File(const std::string& json) {
    EXPECT_THAT(WriteFileAtomically(dir_.File("c.json"), json), IsOk());
    return "--config=" + dir_.File("c.json");
  }

  TempDir dir_;
  absl::FlagSaver saver_;
};

// Without flags the server is as config.h says.
TEST_F(FlagsTest, DefaultsAreThoseOfTheConfig) {
  const auto config = Parse({});
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->grpc_address, "0.0.0.0:50051");
  EXPECT_EQ(config->drain_pause, absl::Seconds(5));
}

TEST_F(FlagsTest, PrecisionIsOfTheCommandLine) {
  const auto config = Parse({"--precision=bf16", "--force_precision"});
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->precision, "bf16");
  EXPECT_TRUE(config->force_precision);
  EXPECT_THAT(Parse({"--precision=fast"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--precision=fast")));
}

// A file sets flags of every type; the command line has the last word, wherever
// it stands.
TEST_F(FlagsTest, CommandLineWinsOverTheFile) {
  const std::string file =
      File(R"({"workers": 3, "reflection": false, "drain_pause": "250ms",
               "models": "/from/file", "max_text_bytes": 100})");
  const auto config = Parse({"--models=/from/line", file});
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->models, "/from/line");
  EXPECT_EQ(config->workers, 3);
  EXPECT_FALSE(config->reflection);
  EXPECT_EQ(config->drain_pause, absl::Milliseconds(250));
  EXPECT_EQ(config->max_text_bytes, 100);
}

// "--config FILE" is as good as "--config=FILE".
TEST_F(FlagsTest, ConfigPathMayStandApart) {
  File(R"({"workers": 5})");
  const auto config = Parse({"--config", dir_.File("c.json")});
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->workers, 5);
}

// A typing error in the file must not be served for months.
TEST_F(FlagsTest, UnknownNameInTheFileIsAnError) {
  for (const char* json : {R"({"wrokers": 3})", R"({"help": true})",
                           R"({"config": "other.json"})"}) {
    EXPECT_THAT(Parse({File(json)}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("c.json"),
                               HasSubstr("is not a flag of the server"))));
  }
}

// Values of the wrong type are named with their flag.
TEST_F(FlagsTest, WrongValueInTheFileIsAnError) {
  for (const char* json : {R"({"workers": "many"})", R"({"workers": null})",
                           R"({"workers": [1]})", R"({"workers": 1.5})"}) {
    EXPECT_THAT(Parse({File(json)}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("\"workers\": ")))
        << json;
  }
}

// Half a file, an array, nothing at all.
TEST_F(FlagsTest, FileThatIsNotAnObjectIsAnError) {
  for (const char* json : {"", "[]", "{", "workers=3", "\xff"}) {
    EXPECT_THAT(Parse({File(json)}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("expected a JSON object")));
  }
}

TEST_F(FlagsTest, MissingFileIsAnError) {
  EXPECT_THAT(Parse({"--config=" + dir_.File("none")}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
}

// Each way to write a flag; the last one counts.
TEST_F(FlagsTest, FlagsAreWrittenInSeveralWays) {
  const auto config =
      Parse({"-workers", "2", "--workers=4", "--noreflection", "--allow_reload",
             "--allow_explain=true", "--models", "/a=b"});
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->workers, 4);
  EXPECT_FALSE(config->reflection);
  EXPECT_TRUE(config->allow_reload);
  EXPECT_TRUE(config->allow_explain);
  EXPECT_EQ(config->models, "/a=b");
}

// The process goes on: who called says what is to be done.
TEST_F(FlagsTest, WhatIsNoFlagIsAnErrorThatShowsIt) {
  for (const auto& [argument, error] :
       {std::pair("--wrokers=3", "\"--wrokers=3\": no such flag"),
        {"--noworkers", "\"--noworkers\": no such flag"},
        {"--nosuch", "\"--nosuch\": no such flag"},
        {"--", "\"--\": no such flag"},
        {"-", "\"-\": no such flag"},
        {"", "\"\": expected --name=value"},
        {"--undefok=x", "no such flag"},
        {"--workers", "\"--workers\": expected a value, found none"},
        {"--workers=many", "\"--workers=many\": "},
        {"--reflection=perhaps", "\"--reflection=perhaps\": "}}) {
    EXPECT_THAT(Parse({argument}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(error)))
        << argument;
  }
}

std::optional<std::string> Answer(std::vector<std::string> args) {
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  return AnswerOfCommandLine(static_cast<int>(args.size()), argv.data());
}

TEST_F(FlagsTest, HelpTellsWhatIsServedAndEachFlagWithItsDefault) {
  const auto help = Answer({"carousel-server", "--workers=2", "--help"});
  ASSERT_TRUE(help.has_value());
  EXPECT_THAT(*help, AllOf(HasSubstr("completion, sentiment, translation and"),
                           HasSubstr("  --grpc_address=0.0.0.0:50051\n"
                                     "      host:port for gRPC; port 0"),
                           Not(HasSubstr("flagfile"))));
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(*help, '\n'))) {
    EXPECT_LE(line.size(), 80u) << line;
  }
  EXPECT_THAT(Answer({"carousel-server", "--version"}),
              Optional(HasSubstr("carousel ")));
  EXPECT_EQ(Answer({"carousel-server", "--workers=2"}), std::nullopt);
}

// "carousel-server model/zoo" would silently serve something else.
TEST_F(FlagsTest, LooseArgumentIsAnError) {
  EXPECT_THAT(Parse({"model/zoo"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("\"model/zoo\": expected --name=value")));
}

// What the flags say is checked as a whole.
TEST_F(FlagsTest, SettingOutOfBoundsIsAnError) {
  EXPECT_THAT(Parse({"--max_queue_tokens=0"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--max_queue_tokens=0")));
}

}  // namespace
}  // namespace carousel
