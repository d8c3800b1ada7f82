// SPDX-License-Identifier: Apache-2.0

#include "server/grpc/listen_address.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace carousel {
namespace {

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

bool HasScheme(const std::string& address) {
  return absl::StartsWith(address, "unix:") ||
         absl::StartsWith(address, "unix-abstract:") ||
         absl::StartsWith(address, "vsock:");
}

// 0, or the errno of what failed.
int TryToBind(const addrinfo& address) {
  const int fd = socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  // As gRPC does: connections of a server that has ended do not matter.
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const int error =
      bind(fd, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  close(fd);
  return error;
}

}  // namespace

absl::Status CheckListenAddress(const std::string& address) {
  if (HasScheme(address)) return absl::OkStatus();
  const std::string name = absl::StrCat("gRPC address \"", address, "\": ");
  const size_t colon = address.rfind(':');
  absl::string_view host = absl::string_view(address).substr(0, colon);
  const bool has_brackets =
      absl::StartsWith(host, "[") && absl::EndsWith(host, "]");
  if (has_brackets) host = host.substr(1, host.size() - 2);
  int port = -1;
  if (colon == std::string::npos || host.empty() ||
      has_brackets != absl::StrContains(host, ':') ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 ||
      port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, "expected host:port or [IPv6]:port, with a port up to 65535"));
  }
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(std::string(host).c_str(),
                                absl::StrCat(port).c_str(), &hints, &found);
  if (error != 0) {
    return absl::InvalidArgumentError(absl::StrCat(name, gai_strerror(error)));
  }
  const AddressList list(found, freeaddrinfo);
  int reason = EADDRNOTAVAIL;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    const int its = TryToBind(*a);
    if (its == 0) {
      if (reason != EADDRINUSE) reason = 0;
    } else if (its == EADDRINUSE || reason != 0) {
      reason = its;
    }
  }
  if (reason == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      "cannot listen for gRPC on \"", address, "\": ", std::strerror(reason)));
}

}  // namespace carousel
