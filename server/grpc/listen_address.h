// SPDX-License-Identifier: Apache-2.0
//
// Why an address cannot be listened on. gRPC only logs that it could not.

#ifndef CAROUSEL_SERVER_GRPC_LISTEN_ADDRESS_H_
#define CAROUSEL_SERVER_GRPC_LISTEN_ADDRESS_H_

#include <string>

#include "absl/status/status.h"

namespace carousel {

// Whether a socket can be bound to `address`, "host:port" ("[::1]:50051";
// port 0: any free one), at the moment: each of the addresses that the host has
// must be free, and one of them be this machine's. Those with a scheme,
// "unix:/run/carousel", are left to gRPC.
//
// INVALID_ARGUMENT if it is no host:port or the host is not known, UNAVAILABLE
// if it cannot be had, e.g. because it is in use. Blocks while a name is looked
// up.
absl::Status CheckListenAddress(const std::string& address);

}  // namespace carousel

#endif  // CAROUSEL_SERVER_GRPC_LISTEN_ADDRESS_H_
