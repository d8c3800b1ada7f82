// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "client/cpp/client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cpp/client_fixture.h"

namespace carousel {
namespace {

// All that is told is the text, and the whole comes back.
TEST(ClientTranslateTest, TranslationIsToldAsItIsWritten) {
  FakeServer server({.translate = Echo});
  const auto client = ConnectTo(server.address());
  std::vector<std::string> told;
  const auto response =
      client->TranslateAloud("a cat", [&](absl::string_view more) {
        told.emplace_back(more);
        return true;
      });
  ASSERT_THAT(response, IsOk());
  EXPECT_EQ(response->text(), "a cat");
  EXPECT_EQ(told, (std::vector<std::string>{"a ", "cat"}));
  EXPECT_THAT(client->Translate("a cat")->text(), "a cat");
}

TEST(ClientTranslateTest, ListenerMayEndTheCall) {
  FakeServer server({.translate = Echo});
  const auto client = ConnectTo(server.address());
  int calls = 0;
  EXPECT_THAT(client->TranslateAloud("a cat",
                                     [&](absl::string_view) {
                                       ++calls;
                                       return false;
                                     }),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace carousel
