// SPDX-License-Identifier: Apache-2.0
//
// What a client learns of a bad request besides its message.

#ifndef CAROUSEL_TESTS_SERVER_CORE_BAD_FIELD_H_
#define CAROUSEL_TESTS_SERVER_CORE_BAD_FIELD_H_

#include <string>

#include "absl/status/status.h"
#include "google/rpc/error_details.pb.h"
#include "server/core/errors.h"

namespace carousel {

// The field that a google.rpc.BadRequest names; empty without one.
inline std::string BadField(const absl::Status& status) {
  for (const auto& detail : ErrorDetails(status)) {
    google::rpc::BadRequest bad;
    if (detail.UnpackTo(&bad)) return bad.field_violations(0).field();
  }
  return "";
}

}  // namespace carousel

#endif  // CAROUSEL_TESTS_SERVER_CORE_BAD_FIELD_H_
