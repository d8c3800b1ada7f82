// SPDX-License-Identifier: Apache-2.0
//
// One simulated user of a load, of one kind or another.

#ifndef CAROUSEL_CLIENT_LOAD_LOAD_USER_H_
#define CAROUSEL_CLIENT_LOAD_LOAD_USER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "carousel/v1/autocomplete.grpc.pb.h"
#include "carousel/v1/sentiment.grpc.pb.h"
#include "carousel/v1/translation.grpc.pb.h"
#include "client/load/load.h"
#include "client/load/tally.h"

namespace carousel {

// Thread-compatible: one thread asks and waits, gRPC's bring the answers.
class LoadUser {
 public:
  // Destroyed after Wait only.
  virtual ~LoadUser() = default;

  // Sends the next request, and with `again` another whenever one is answered,
  // until the tally is over. `start`: when it should have been sent. False: it
  // cannot be sent at this moment. Does not block.
  virtual bool Ask(absl::Time start, bool again) = 0;

  // Until everything that was sent is answered or given up.
  virtual void Wait() = 0;
};

// What the users of a load share. Outlives them.
struct LoadUserContext {
  const LoadOptions& options;
  v1::AutocompleteService::Stub* autocomplete;
  v1::SentimentService::Stub* sentiment;
  v1::TranslationService::Stub* translation;
  Tally* tally;
  uint64_t seed;
};

// The request of every user, its text left out.
template <typename Request>
Request MakeLoadRequest(const LoadOptions& options) {
  Request request;
  if (!options.model.empty()) request.mutable_model()->set_name(options.model);
  if (options.version.has_value()) {
    request.mutable_model()->set_version(*options.version);
  }
  if (!options.label.empty()) {
    request.mutable_model()->set_label(options.label);
  }
  return request;
}

// The name of a code of gRPC.
std::string CodeName(int code);

// Asks for the word after random texts, for the label of texts, or for their
// translations; at most one call is under way.
std::unique_ptr<LoadUser> MakeCallingUser(const LoadUserContext& context,
                                          uint64_t number);
std::unique_ptr<LoadUser> MakeScoringUser(const LoadUserContext& context,
                                          uint64_t number);
std::unique_ptr<LoadUser> MakeTranslatingUser(const LoadUserContext& context,
                                              uint64_t number);

// Types lines into a stream, a request for each character. In a closed loop
// each waits for the answer to the one before; in an open loop none does, and a
// request that a later one supersedes counts as "SUPERSEDED". A stream that
// breaks is opened anew; what was not answered counts as its error.
std::unique_ptr<LoadUser> MakeTypingUser(const LoadUserContext& context,
                                         uint64_t number);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_LOAD_LOAD_USER_H_
