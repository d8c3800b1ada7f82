// SPDX-License-Identifier: Apache-2.0
//
// The command line of carousel-server.

#ifndef CAROUSEL_SERVER_APP_FLAGS_H_
#define CAROUSEL_SERVER_APP_FLAGS_H_

#include "absl/status/statusor.h"
#include "server/app/config.h"

namespace carousel {

// Reads the flags; where --config=FILE is given, the JSON object in that file
// first, so that the command line has the last word. INVALID_ARGUMENT for a
// setting that makes no sense, naming it and, if so, the file. Unknown flags
// and
// --help end the process with a message, as is Abseil's way.
absl::StatusOr<ServerConfig> ParseFlags(int argc, char** argv);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_APP_FLAGS_H_
