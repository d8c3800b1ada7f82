// SPDX-License-Identifier: Apache-2.0
//
// The command line of carousel-server.

#ifndef CAROUSEL_SERVER_APP_FLAGS_H_
#define CAROUSEL_SERVER_APP_FLAGS_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/app/config.h"

namespace carousel {

// What is to be printed in place of serving: for --help (-h) the flags, for
// --version the version. Nothing if neither stands there.
std::optional<std::string> AnswerOfCommandLine(int argc, char** argv);

// Reads the flags; where --config=FILE is given, the JSON object in that file
// first, so that the command line has the last word. INVALID_ARGUMENT for a
// setting that makes no sense and for what is no flag of the server, naming it
// and, if so, the file.
absl::StatusOr<ServerConfig> ParseFlags(int argc, char** argv);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_APP_FLAGS_H_
