// SPDX-License-Identifier: Apache-2.0
//
// A server on free ports in the test's own process, with a tiny model, and a
// real client connected to it.

#ifndef CAROUSEL_TESTS_INTEGRATION_IN_PROCESS_SERVER_H_
#define CAROUSEL_TESTS_INTEGRATION_IN_PROCESS_SERVER_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "carousel/v1/autocomplete.grpc.pb.h"
#include "carousel/v1/model.grpc.pb.h"
#include "grpcpp/create_channel.h"
#include "model/base/check.h"
#include "server/app/server.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/tiny_bundle.h"

namespace carousel {

using Autocomplete = v1::AutocompleteService;
using Models = v1::ModelService;

// The vocabulary of every tiny model.
inline std::vector<std::string> TinyWords() {
  return {"the", "there", "to",   "a",    "house", "home", "how", "you",
          "are", "your",  "like", "wish", "would", "I",    ".",   ","};
}

// Writes NAME/VERSION below `directory`.
inline void WriteModel(const TempDir& directory, const std::string& path,
                       uint64_t seed = 1) {
  CAROUSEL_CHECK(WriteTinyBundle(directory.File(path), TinyWords(), seed).ok());
}

// What came back.
struct CompleteResult {
  grpc::Status status;
  v1::CompleteResponse response;
  std::map<std::string, std::string> trailers;
};

inline v1::CompleteRequest TextRequest(const std::string& text) {
  v1::CompleteRequest request;
  request.set_text(text);
  return request;
}

inline CompleteResult Complete(Autocomplete::Stub* stub,
                               const v1::CompleteRequest& request) {
  grpc::ClientContext context;
  CompleteResult result;
  result.status = stub->Complete(&context, request, &result.response);
  for (const auto& [name, value] : context.GetServerTrailingMetadata()) {
    result.trailers[std::string(name.data(), name.size())] =
        std::string(value.data(), value.size());
  }
  return result;
}

class InProcessServer {
 public:
  // Serves en/1, unless `models` has been filled already.
  static ServerConfig Config(const std::string& models) {
    return {.models = models,
            .grpc_address = "127.0.0.1:0",
            .http_address = "127.0.0.1:0",
            .workers = 2,
            .drain_pause = absl::ZeroDuration()};
  }

  explicit InProcessServer(const ServerConfig& config)
      : server_(Server::Start(config, &stop_).value()) {}

  Server& server() { return *server_; }
  StopRequests& stop() { return stop_; }

  std::shared_ptr<grpc::Channel> Connect() {
    return grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->grpc_port()),
                               grpc::InsecureChannelCredentials());
  }

 private:
  StopRequests stop_;
  const std::unique_ptr<Server> server_;
};

}  // namespace carousel

#endif  // CAROUSEL_TESTS_INTEGRATION_IN_PROCESS_SERVER_H_
