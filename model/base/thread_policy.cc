// SPDX-License-Identifier: Apache-2.0

#include "model/base/thread_policy.h"

#include <pthread.h>
#include <sched.h>

namespace carousel {
namespace {

void SetPolicy(int policy) {
  const sched_param none = {};
  pthread_setschedparam(pthread_self(), policy, &none);
}

}  // namespace

void InterruptNobody() { SetPolicy(SCHED_BATCH); }

void InterruptOthers() { SetPolicy(SCHED_OTHER); }

}  // namespace carousel
