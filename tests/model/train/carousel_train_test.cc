// SPDX-License-Identifier: Apache-2.0
//
// The program itself: exit codes and output, as a shell sees them.

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "model/bundle/manifest.h"
#include "model/onednn/matmul.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::HasSubstr;
using testing::Not;

class CarouselTrainTest : public testing::Test {
 protected:
  pid_t Start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     std::string(CAROUSEL_BIN_DIR) + "/carousel-train");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    const int flags = O_CREAT | O_TRUNC | O_WRONLY;
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out_.c_str(), flags,
                                     0600);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err_.c_str(), flags,
                                     0600);
    pid_t child = 0;
    EXPECT_EQ(
        posix_spawn(&child, argv[0], &files, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&files);
    return child;
  }

  static int Wait(pid_t child) {
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  int Run(const std::vector<std::string>& arguments) {
    return Wait(Start(arguments));
  }

  std::string Out() { return ReadFile(out_).value_or(""); }
  std::string Err() { return ReadFile(err_).value_or(""); }

  // A tiny model of a tiny text.
  std::vector<std::string> TrainArguments(const std::string& max_steps) {
    std::ofstream text(dir_.File("train.txt"));
    for (int i = 0; i < 200; ++i) {
      text << "the cat sat on the mat.\na dog ran to the red house.\n";
    }
    std::ofstream(dir_.File("dev.txt")) << "the dog sat on the mat.\n";
    std::ofstream(dir_.File("config.json")) << R"({
      "data": {"train": ["train.txt"], "dev": ["dev.txt"]},
      "model": {"embedding": 8, "hidden": 8, "layers": 1, "projection": false},
      "training": {"rows": 4, "steps": 5, "evaluate_every_steps": 20,
                   "log_every_steps": 1, "epochs": 0, "threads": 1}})";
    return {"language-model", "--config=" + dir_.File("config.json"),
            "--data_directory=" + dir_.path(), "--out=" + dir_.File("tiny/1"),
            "--set=training.max_steps=" + max_steps};
  }

  TempDir dir_;
  const std::string out_ = dir_.File("stdout");
  const std::string err_ = dir_.File("stderr");
};

TEST_F(CarouselTrainTest, HelpSucceedsAndListsTheCommands) {
  EXPECT_EQ(Run({"--help"}), 0);
  for (const char* command :
       {"language-model", "evaluate", "import", "quantize"}) {
    EXPECT_THAT(Out(), HasSubstr(command));
    EXPECT_EQ(Run({command, "--help"}), 0);
    EXPECT_THAT(Out(), HasSubstr("(default: "));
    EXPECT_EQ(Run({"--help"}), 0);
  }
}

// Where OpenMP starts fewer threads than are set, oneDNN 2.6 gets other
// products in bfloat16, and tells nobody.
TEST_F(CarouselTrainTest, ThreadsBeyondOpenMpsLimitChangeNoWeights) {
  setenv("OMP_THREAD_LIMIT", "1", /*overwrite=*/1);
  std::vector<std::string> weights;
  for (const char* threads : {"1", "2"}) {
    std::vector<std::string> arguments = TrainArguments("10");
    const std::string out = dir_.File(absl::StrCat("threads", threads, "/1"));
    arguments.insert(arguments.end(),
                     {"--out=" + out, "--set=training.precision=\"bf16\"",
                      absl::StrCat("--set=training.threads=", threads)});
    arguments.erase(arguments.begin() + 3);  // the other --out
    EXPECT_EQ(Run(arguments), 0) << Err();
    weights.push_back(ReadFile(out + "/weights.safetensors").value_or(""));
  }
  unsetenv("OMP_THREAD_LIMIT");
  EXPECT_FALSE(weights[0].empty());
  EXPECT_TRUE(weights[0] == weights[1]);
}

// Scripts tell a wrong call from a failure.
TEST_F(CarouselTrainTest, WrongCallIsExitCodeTwo) {
  EXPECT_EQ(Run({}), 2);
  EXPECT_EQ(Run({"dance"}), 2);
  EXPECT_THAT(Err(), HasSubstr("unknown command \"dance\""));
  EXPECT_EQ(Run({"evaluate", "--bundle=x"}), 2);
  EXPECT_THAT(Err(), HasSubstr("--data is required"));
  EXPECT_EQ(Run({"import", "--oops=1"}), 2);
}

TEST_F(CarouselTrainTest, FailureIsExitCodeOneWithTheReason) {
  EXPECT_EQ(Run({"evaluate", "--bundle=" + dir_.File("none/1"), "--data=x"}),
            1);
  EXPECT_THAT(Err(), HasSubstr("none/1"));
  EXPECT_EQ(Run({"import", "--weights=a", "--manifest=b", "--out=c"}), 1);
  EXPECT_THAT(Err(), HasSubstr("NAME/VERSION"));
}

// What a script reads is the last line of standard output, and nothing else is
// there.
TEST_F(CarouselTrainTest, TrainsThenEvaluatesToOneLineOfJson) {
  ASSERT_EQ(Run(TrainArguments("30")), 0) << Err();
  EXPECT_EQ(Out(), "");
  ASSERT_EQ(Run({"evaluate", "--bundle=" + dir_.File("tiny/1"),
                 "--data=" + dir_.File("dev.txt"), "--threads=1"}),
            0)
      << Err();
  const auto figures = nlohmann::json::parse(Out());
  for (const char* key : {"task", "perplexity", "tokens", "words", "oov_rate",
                          "top1", "top3", "keystrokes_saved"}) {
    EXPECT_TRUE(figures.contains(key)) << key;
  }
}

// The setting is the bundle's, unless it is given.
TEST_F(CarouselTrainTest, MeasuresDocumentsWithAndWithoutTheirContext) {
  ASSERT_EQ(Run(TrainArguments("30")), 0) << Err();
  std::ofstream(dir_.File("documents"))
      << "the cat sat\nthe cat sat\n\nthe cat\n";
  std::vector<std::string> evaluate = {
      "evaluate", "--bundle=" + dir_.File("tiny/1"),
      "--data=" + dir_.File("documents"), "--context"};
  ASSERT_EQ(Run(evaluate), 0) << Err();
  auto figures = nlohmann::json::parse(Out());
  EXPECT_EQ(figures["documents"], 2);
  EXPECT_EQ(figures["with_context"]["theta"], ContextSetting().theta);
  EXPECT_NE(figures["with_context"]["perplexity"], figures["perplexity"]);
  evaluate.push_back("--cache_lambda=0");
  ASSERT_EQ(Run(evaluate), 0) << Err();
  figures = nlohmann::json::parse(Out());
  EXPECT_NEAR(figures["with_context"]["perplexity"], figures["perplexity"],
              1e-4);
  // No bundle can have what is out of the bounds.
  for (const char* flag : {"--cache_lambda", "--cache_theta"}) {
    for (const char* value : {"-0.1", "1001", "nan"}) {
      evaluate.back() = absl::StrCat(flag, "=", value);
      EXPECT_EQ(Run(evaluate), 1);
      EXPECT_THAT(Err(), HasSubstr(absl::StrCat(flag, ": with --context")));
    }
  }
  evaluate.back() = "--cache_lambda=0.96";
  EXPECT_EQ(Run(evaluate), 1);
  EXPECT_THAT(Err(), HasSubstr("expected 0 to 0.95, found 0.96"));
  evaluate.back() = "--cache_tune";
  EXPECT_EQ(Run(evaluate), 1);
  EXPECT_THAT(Err(), HasSubstr("does not go with --context"));
}

// A loss is written down and can be measured again.
TEST_F(CarouselTrainTest, QuantizesToABundleThatLosesWhatItSays) {
  if (!SupportsBF16()) GTEST_SKIP() << "not on this CPU";
  ASSERT_EQ(Run(TrainArguments("30")), 0) << Err();
  const std::string data = "--data=" + dir_.File("dev.txt");
  ASSERT_EQ(Run({"quantize", "--bundle=" + dir_.File("tiny/1"), data,
                 "--precision=bf16", "--out=" + dir_.File("tiny/2")}),
            0)
      << Err();
  EXPECT_THAT(Err(), HasSubstr("bf16 costs "));
  const auto record = nlohmann::json::parse(Out())["bf16"];
  EXPECT_EQ(record["metric"], "perplexity");
  for (const auto& [precision, figure] :
       {std::pair("f32", "f32"), std::pair("bf16", "value")}) {
    ASSERT_EQ(Run({"evaluate", "--bundle=" + dir_.File("tiny/2"), data,
                   absl::StrCat("--precision=", precision)}),
              0)
        << Err();
    EXPECT_EQ(nlohmann::json::parse(Out())["perplexity"], record[figure]);
  }
}

// What a file needs in training it needs here: its times stand last and have a
// gap.
TEST_F(CarouselTrainTest, MeasuresSeriesWhoseTimesAreNotRead) {
  std::ofstream series(dir_.File("s.csv"));
  series << "value,day\n";
  for (int i = 0; i < 60; ++i) {
    series << i % 7 << "," << (i < 30 ? i : i + 5) << "\n";
  }
  series.close();
  std::ofstream(dir_.File("config.json")) << R"({
      "data": {"file": "s.csv", "time_column": "day", "check_times": false},
      "forecaster": {"window": 4, "horizon": 2},
      "model": {"hidden": 4},
      "training": {"rows": 4, "max_steps": 2, "epochs": 0, "threads": 1}})";
  ASSERT_EQ(
      Run({"forecaster", "--config=" + dir_.File("config.json"),
           "--data_directory=" + dir_.path(), "--out=" + dir_.File("days/1")}),
      0)
      << Err();
  std::vector<std::string> evaluate = {
      "evaluate", "--bundle=" + dir_.File("days/1"),
      "--data=" + dir_.File("s.csv"), "--time_column=day"};
  EXPECT_EQ(Run(evaluate), 1);
  EXPECT_THAT(Err(), HasSubstr("a gap in time"));
  evaluate.push_back("--check_times=false");
  EXPECT_EQ(Run(evaluate), 0) << Err();
  EXPECT_THAT(Out(), Not(HasSubstr("coverage_80")));

  // Without a dev part nothing is known of its errors; then it is.
  std::vector<std::string> calibrate = {"calibrate",
                                        "--bundle=" + dir_.File("days/1"),
                                        "--data=" + dir_.File("s.csv"),
                                        "--time_column=day",
                                        "--check_times=false",
                                        "--out=" + dir_.File("days/2")};
  EXPECT_EQ(Run(calibrate), 0) << Err();
  EXPECT_THAT(Out(), HasSubstr("\"forecasts\":55"));
  evaluate[1] = "--bundle=" + dir_.File("days/2");
  EXPECT_EQ(Run(evaluate), 0) << Err();
  EXPECT_THAT(Out(), HasSubstr("\"coverage_80\":0."));
  calibrate.back() = "--out=" + dir_.File("days/3");
  calibrate.push_back("--label_map=a:b");
  EXPECT_EQ(Run(calibrate), 1);
  EXPECT_THAT(Err(), HasSubstr("--label_map is not for bundles of the task"));
}

// Ctrl-C costs nothing: the run goes on from there.
TEST_F(CarouselTrainTest, SignalStopsWithACheckpointToResumeFrom) {
  const std::vector<std::string> arguments = TrainArguments("100000000");
  const pid_t child = Start(arguments);
  const std::string metrics = dir_.File("tiny/1.run/metrics.jsonl");
  // The first line of metrics says that steps are being made.
  while (ReadFile(metrics).value_or("").empty()) {
    ASSERT_EQ(waitpid(child, nullptr, WNOHANG), 0) << Err();
    sched_yield();
  }
  kill(child, SIGINT);
  EXPECT_EQ(Wait(child), 128 + SIGINT);
  EXPECT_THAT(Err(), HasSubstr("--resume"));
  EXPECT_EQ(Run(arguments), 1);
  EXPECT_THAT(Err(), HasSubstr("holds a run already"));
  auto resume = TrainArguments("1");
  resume.push_back("--resume");
  EXPECT_EQ(Run(resume), 0) << Err();
}

}  // namespace
}  // namespace carousel
