// SPDX-License-Identifier: Apache-2.0
//
// `carousel complete` on a terminal: suggestions while you type.

#ifndef CAROUSEL_CLIENT_CLI_INTERACTIVE_H_
#define CAROUSEL_CLIENT_CLI_INTERACTIVE_H_

#include "absl/status/status.h"
#include "client/cpp/client.h"

namespace carousel {

// Reads keys from standard input until the person leaves; finished lines stay
// on standard output. A server that does not answer is shown, not returned:
// typing goes on. FAILED_PRECONDITION: standard input is not a terminal.
absl::Status CompleteWhileTyping(const CompleteOptions& options,
                                 Client& client);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_INTERACTIVE_H_
