// SPDX-License-Identifier: Apache-2.0
//
// TranslateStream over a real connection, with a translator that stands still
// as long as the test wants.

#include "server/grpc/translation_call.h"

#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "carousel/v1/translation.grpc.pb.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"
#include "server/grpc/grpc_server.h"
#include "tests/testing/fake_clock.h"

namespace carousel {
namespace {

using testing::HasSubstr;

class HeldService final
    : public v1::TranslationService::WithRawCallbackMethod_TranslateStream<
          v1::TranslationService::Service> {
 public:
  explicit HeldService(const UnaryCall::Environment& environment)
      : environment_(environment) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* TranslateStream(
      grpc::CallbackServerContext* context,
      const grpc::ByteBuffer* request) override {
    return new TranslationCall(
        environment_,
        [this](const v1::TranslateRequest&, CallContext,
               TranslationStream::OnText,
               CallDone<v1::TranslateResponse> done) {
          done_ = std::move(done);
          asked_.Notify();
        },
        *request, &streams, context);
  }

  // Waits for the request, and answers it.
  void Answer() {
    asked_.WaitForNotification();
    std::move(done_)(v1::TranslateResponse(), {});
  }
  void AwaitStreams(size_t count) const {
    while (streams.size() != count) std::this_thread::yield();
  }

  LiveStreams streams;

 private:
  const UnaryCall::Environment environment_;
  absl::Notification asked_;
  CallDone<v1::TranslateResponse> done_;
};

class TranslationCallTest : public testing::Test {
 protected:
  void Ask(bool valid = true) {
    v1::TranslateStreamRequest request;
    if (valid) request.mutable_request()->set_text("a b");
    reader_ = stub_->TranslateStream(&context_, request);
  }
  bool Read() {
    v1::TranslateStreamResponse message;
    return reader_->Read(&message);
  }

  FakeClock clock_{absl::Now()};
  ServerMetrics metrics_{"test"};
  HeldService service_{{&metrics_, &clock_}};
  std::unique_ptr<GrpcServer> server_ =
      GrpcServer::Start({}, {&service_}, {}).value();
  std::unique_ptr<v1::TranslationService::Stub> stub_ =
      v1::TranslationService::NewStub(
          grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                              grpc::InsecureChannelCredentials()));
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::TranslateStreamResponse>> reader_;
};

// The figure of open streams and the log of a stop are of all streams.
TEST_F(TranslationCallTest, StreamIsKnownAsLongAsItIsOpen) {
  Ask();
  service_.AwaitStreams(1);
  service_.Answer();
  EXPECT_TRUE(Read());
  EXPECT_FALSE(Read());
  EXPECT_TRUE(reader_->Finish().ok());
  service_.AwaitStreams(0);
  EXPECT_THAT(metrics_.Render(),
              HasSubstr("carousel_streams_total{code=\"OK\",method="
                        "\"TranslationService/TranslateStream\"} 1"));
}

// What was taken in is finished.
TEST_F(TranslationCallTest, DrainedStreamIsTranslatedToItsEnd) {
  Ask();
  service_.AwaitStreams(1);
  service_.streams.Drain();
  service_.Answer();
  EXPECT_TRUE(Read());
  EXPECT_FALSE(Read());
  EXPECT_TRUE(reader_->Finish().ok());
}

TEST_F(TranslationCallTest, StreamThatIsRefusedIsForgotten) {
  Ask(/*valid=*/false);
  EXPECT_FALSE(Read());
  EXPECT_EQ(reader_->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  service_.AwaitStreams(0);
  EXPECT_THAT(metrics_.Render(),
              HasSubstr("carousel_streams_total{code=\"INVALID_ARGUMENT\""));
}

}  // namespace
}  // namespace carousel
