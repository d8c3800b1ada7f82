// SPDX-License-Identifier: Apache-2.0
//
// Suggests what comes next in each TEXT.
//
//   complete TEXT...
//
// The server is $CAROUSEL_SERVER, else 127.0.0.1:50051.

#include <cstdlib>
#include <iostream>

#include "client/cpp/client.h"

namespace {

int Fail(const absl::Status& status) {
  std::cerr << absl::StatusCodeToString(status.code()) << ": "
            << status.message() << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: complete TEXT...\n";
    return 2;
  }
  const char* server = std::getenv("CAROUSEL_SERVER");
  const auto client =
      carousel::Client::Connect(server == nullptr ? "127.0.0.1:50051" : server);
  if (!client.ok()) return Fail(client.status());
  for (int i = 1; i < argc; ++i) {
    const auto response = (*client)->Complete(
        argv[i], {.max_suggestions = 5, .timeout = absl::Seconds(2)});
    if (!response.ok()) return Fail(response.status());
    for (const auto& suggestion : response->suggestions()) {
      std::cout << suggestion.probability() << "  " << suggestion.word()
                << "\n";
    }
  }
  return 0;
}
