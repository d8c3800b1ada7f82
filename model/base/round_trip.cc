// SPDX-License-Identifier: Apache-2.0

#include "model/base/round_trip.h"

#include <charconv>
#include <system_error>

namespace carousel {

double RoundTrip(float value) {
  char text[32];  // a float needs 16
  const auto written = std::to_chars(text, text + sizeof(text), value);
  double shortest = 0;
  const auto read = std::from_chars(text, written.ptr, shortest);
  return written.ec == std::errc() && read.ec == std::errc() ? shortest : value;
}

}  // namespace carousel
