// SPDX-License-Identifier: Apache-2.0
//
// `carousel forecast` against a server that goes on with the last value.

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/cli.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/client/fake_server.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Result {
  int exit_code;
  std::string out;
  std::string err;
};

class ForecastCommandTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(WriteFileAtomically(
                    file_, "day,load,heat\n2016-07-01,1,-3\n2016-07-02,2,-4\n"),
                IsOk());
  }

  Result Carousel(std::vector<std::string> arguments,
                  const std::string& input = "", bool terminal = false) {
    arguments.insert(arguments.begin(), "--server=" + server_.address());
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    Console console{in, out, err, false, terminal};
    const int exit_code = RunCli(arguments, console);
    return {exit_code, out.str(), err.str()};
  }

  absl::Status Continue(const v1::ForecastRequest& request,
                        v1::ForecastResponse& response) {
    requests_.push_back(request);
    if (!has_quantiles_ && request.quantiles_size() > 0) {
      return absl::FailedPreconditionError("the model has no quantiles");
    }
    for (const v1::Series& series : request.history()) {
      v1::SeriesForecast* forecast = response.add_series();
      forecast->set_name(series.name());
      const double last = *series.values().rbegin();
      forecast->add_values(last);
      for (const double level : request.quantiles()) {
        v1::ForecastQuantile* quantile = forecast->add_quantiles();
        quantile->set_level(level);
        quantile->add_values(last + level);
      }
    }
    if (request.timestamps_size() > 0) {
      response.add_timestamps()->set_seconds(
          request.timestamps().rbegin()->seconds() + 86400);
    }
    return absl::OkStatus();
  }

  TempDir dir_;
  const std::string file_ = dir_.File("series.csv");
  bool has_quantiles_ = true;
  std::vector<v1::ForecastRequest> requests_;
  FakeServer server_{{.forecast = [this](const v1::ForecastRequest& request,
                                         v1::ForecastResponse& response) {
    return Continue(request, response);
  }}};
};

TEST_F(ForecastCommandTest, PrintsATableOfEachSeries) {
  const Result result = Carousel({"forecast", file_});
  EXPECT_EQ(result.exit_code, kExitOk) << result.err;
  EXPECT_EQ(result.out,
            "time          load     0.1     0.9\n"
            "2016-07-03  2.0000  2.1000  2.9000\n\n"
            "time           heat      0.1      0.9\n"
            "2016-07-03  -4.0000  -3.9000  -3.1000\n");
  EXPECT_EQ(result.err, "");
}

TEST_F(ForecastCommandTest, SendsWhatTheFlagsSay) {
  const Result result =
      Carousel({"forecast", "-", "--model=m", "--horizon=3", "--column=heat",
                "--time_column=t", "--quantiles=0.5,0.25"},
               "load,t,heat\r\nx,1,5\r\nx,2,6\r\n");
  EXPECT_EQ(result.exit_code, kExitOk) << result.err;
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].model().name(), "m");
  EXPECT_EQ(requests_[0].horizon(), 3);
  ASSERT_EQ(requests_[0].history_size(), 1);
  EXPECT_EQ(requests_[0].history(0).name(), "heat");
  EXPECT_THAT(requests_[0].history(0).values(), ElementsAre(5, 6));
  EXPECT_THAT(requests_[0].quantiles(), ElementsAre(0.5, 0.25));
  EXPECT_THAT(requests_[0].timestamps(), IsEmpty());  // times are numbers
}

TEST_F(ForecastCommandTest, JsonIsTheResponseAndTheInput) {
  const Result result = Carousel(
      {"forecast", file_, "--json", "--quantiles=none", "--column=load"});
  EXPECT_EQ(result.exit_code, kExitOk) << result.err;
  EXPECT_EQ(result.out,
            "{\"input\":\"" + file_ +
                "\",\"series\":[{\"name\":\"load\",\"values\":[2],"
                "\"quantiles\":[]}],\"timestamps\":[\"2016-07-03T00:00:00Z\"]"
                "}\n");
}

// A model that does not know its errors forecasts all the same, unless
// quantiles are what is asked for.
TEST_F(ForecastCommandTest, ModelWithoutQuantilesForecastsWithout) {
  has_quantiles_ = false;
  const Result result = Carousel({"forecast", file_, "--column=load"});
  EXPECT_EQ(result.exit_code, kExitOk);
  EXPECT_EQ(result.out, "time          load\n2016-07-03  2.0000\n");
  EXPECT_THAT(result.err, HasSubstr("without an interval: the model has no"));
  const Result asked = Carousel({"forecast", file_, "--quantiles=0.5"});
  EXPECT_EQ(asked.exit_code, kExitFailed);
  EXPECT_THAT(asked.err, HasSubstr("FAILED_PRECONDITION"));
}

// On a terminal; or, without gnuplot, the numbers and why.
TEST_F(ForecastCommandTest, TerminalHasAFigure) {
  const Result result =
      Carousel({"forecast", file_, "--column=load"}, "", /*terminal=*/true);
  EXPECT_EQ(result.exit_code, kExitOk) << result.err;
  if (result.err.empty()) {
    EXPECT_THAT(result.out, AllOf(HasSubstr("load"), HasSubstr("forecast")));
  } else {
    EXPECT_THAT(result.err, HasSubstr("gnuplot"));
    EXPECT_THAT(result.out, HasSubstr("2016-07-03  2.0000"));
  }
}

// A gap has its line, before any server is asked.
TEST_F(ForecastCommandTest, ErrorsOfTheFileHaveTheirLine) {
  const Result gap = Carousel({"forecast", "-"},
                              "t,a\n2016-07-01,1\n2016-07-02,2\n"
                              "2016-07-04,3\n");
  EXPECT_EQ(gap.exit_code, kExitFailed);
  EXPECT_THAT(gap.err, HasSubstr("input:4: a gap in time"));
  EXPECT_THAT(Carousel({"forecast", "-"}, "t,a\n1,nan\n").err,
              HasSubstr("input:2: column \"a\": expected a number"));
  EXPECT_THAT(Carousel({"forecast", "-"}, "").err,
              HasSubstr("input: expected a header"));
  EXPECT_THAT(Carousel({"forecast", dir_.File("none.csv")}).err,
              HasSubstr("NOT_FOUND"));
  EXPECT_TRUE(requests_.empty());
}

// Whether gnuplot is there or not: what it says of it is for nobody.
TEST_F(ForecastCommandTest, FigureThatCannotBeWrittenIsNamed) {
  const Result result = Carousel({"forecast", file_, "--figure=/nope/x.svg"});
  EXPECT_EQ(result.exit_code, kExitFailed);
  EXPECT_EQ(result.err,
            "carousel: FAILED_PRECONDITION: cannot write /nope/x.svg: No such "
            "file or directory\n");
}

TEST_F(ForecastCommandTest, CommandLineIsChecked) {
  EXPECT_EQ(Carousel({"forecast"}).exit_code, kExitUsage);
  EXPECT_THAT(Carousel({"forecast"}).err, HasSubstr("expected one FILE.csv"));
  EXPECT_THAT(Carousel({"forecast", file_, file_}).err,
              HasSubstr("expected one FILE.csv, or - for the input, found 2"));
  for (const char* flag :
       {"--figure=x.pdf", "--quantiles=a", "--quantiles=", "--horizon=soon"}) {
    EXPECT_EQ(Carousel({"forecast", file_, flag}).exit_code, kExitUsage)
        << flag;
  }
  EXPECT_EQ(Carousel({"score", "--horizon=3"}).exit_code, kExitUsage);
}

// As much as a request may hold, from the end.
TEST_F(ForecastCommandTest, LongFilesAreCut) {
  std::string text = "t,a\n";
  for (int i = 0; i < 70000; ++i) {
    text += std::to_string(i) + "," + std::to_string(i) + "\n";
  }
  const Result result = Carousel({"forecast", "-"}, text);
  EXPECT_EQ(result.exit_code, kExitOk) << result.err;
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].history(0).values_size(), 65536);
  EXPECT_EQ(*requests_[0].history(0).values().rbegin(), 69999);
}

}  // namespace
}  // namespace carousel
