// SPDX-License-Identifier: Apache-2.0
//
// What the kernel says about this process.

#ifndef CAROUSEL_SERVER_METRICS_PROCESS_H_
#define CAROUSEL_SERVER_METRICS_PROCESS_H_

#include <cstdint>

#include "absl/time/time.h"

namespace carousel {

// When the kernel started this process, to 10 ms: earlier than main(), by the
// time that loading the shared libraries took.
absl::Time ProcessStartTime();

// What cannot be read is 0.
int64_t ProcessResidentBytes();
int64_t ProcessOpenFiles();
double ProcessCpuSeconds();

}  // namespace carousel

#endif  // CAROUSEL_SERVER_METRICS_PROCESS_H_
