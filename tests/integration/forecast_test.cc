// SPDX-License-Identifier: Apache-2.0
//
// ForecastService of the whole server over a real connection.

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "carousel/v1/forecast.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/in_process_server.h"

namespace carousel {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class ForecastTest : public testing::Test {
 protected:
  ServerConfig WriteModels() {
    CAROUSEL_CHECK(WriteTinyForecaster(dir_.File("series/1")).ok());
    return InProcessServer::Config(dir_.path());
  }

  // A history that no other number has.
  static v1::ForecastRequest Request(int number) {
    v1::ForecastRequest request;
    for (const char* name : {"load", "heat"}) {
      v1::Series* series = request.add_history();
      series->set_name(name);
      for (int i = 0; i < 6 + number % 3; ++i) {
        series->add_values(10 * std::sin(number + i * i));
      }
    }
    request.add_quantiles(0.1);
    return request;
  }

  grpc::Status Ask(const v1::ForecastRequest& request,
                   v1::ForecastResponse* response) {
    grpc::ClientContext context;
    const grpc::Status status = stub_->Forecast(&context, request, response);
    trailers_.clear();
    for (const auto& [name, value] : context.GetServerTrailingMetadata()) {
      trailers_[std::string(name.data(), name.size())] =
          std::string(value.data(), value.size());
    }
    return status;
  }

  TempDir dir_;
  InProcessServer server_{WriteModels()};
  const std::unique_ptr<v1::ForecastService::Stub> stub_ =
      v1::ForecastService::NewStub(server_.Connect());
  std::map<std::string, std::string> trailers_;
};

TEST_F(ForecastTest, AnswersWithTrailers) {
  v1::ForecastResponse response;
  const grpc::Status status = Ask(Request(1), &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_THAT(response.series(), SizeIs(2));
  EXPECT_THAT(response.series(0).values(), SizeIs(3));
  EXPECT_NEAR(response.series(0).quantiles(0).values(0),
              response.series(0).values(0) - 20, 1e-3);
  EXPECT_EQ(trailers_["carousel-version"], "1");
  EXPECT_EQ(trailers_["carousel-batch"], "1");
}

// However they meet: as alone.
TEST_F(ForecastTest, ManyAtATimeAreAnsweredAsAlone) {
  constexpr int kThreads = 8;
  constexpr int kCalls = 40;
  std::vector<v1::ForecastResponse> alone(kCalls), together(kThreads * kCalls);
  for (int i = 0; i < kCalls; ++i) {
    ASSERT_TRUE(Ask(Request(i), &alone[static_cast<size_t>(i)]).ok());
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCalls; ++i) {
        grpc::ClientContext context;
        EXPECT_TRUE(
            stub_
                ->Forecast(&context, Request(i),
                           &together[static_cast<size_t>(t * kCalls + i)])
                .ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < together.size(); ++i) {
    const v1::ForecastResponse& expected = alone[i % kCalls];
    ASSERT_THAT(together[i].series(), SizeIs(2));
    for (int series = 0; series < 2; ++series) {
      for (int step = 0; step < 3; ++step) {
        EXPECT_NEAR(together[i].series(series).values(step),
                    expected.series(series).values(step), 1e-3);
      }
    }
  }
}

// The field is named as google.rpc does, and the server goes on.
TEST_F(ForecastTest, BadRequestsAreRefusedAndNothingElse) {
  v1::ForecastRequest request = Request(1);
  request.mutable_history(1)->set_values(2, NAN);
  v1::ForecastResponse response;
  grpc::Status status = Ask(request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(),
              HasSubstr("history[1].values[2]: expected a finite value"));
  EXPECT_THAT(status.error_details(), HasSubstr("google.rpc.BadRequest"));

  request = Request(1);
  request.mutable_history(0)->mutable_values()->Resize(600000, 1);
  status = Ask(request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(Ask(Request(2), &response).ok());
}

// Under their method, as those of the others.
TEST_F(ForecastTest, MetricsCountItsCalls) {
  v1::ForecastResponse response;
  ASSERT_TRUE(Ask(Request(1), &response).ok());
  EXPECT_THAT(server_.server().metrics().Render(),
              HasSubstr("ForecastService/Forecast"));
}

}  // namespace
}  // namespace carousel
