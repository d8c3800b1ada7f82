// SPDX-License-Identifier: Apache-2.0

#include "model/base/thread_policy.h"

#include <pthread.h>
#include <sched.h>

namespace carousel {
namespace {

// Whoever started the process with another policy knows why.
void ChangePolicy(int from, int to) {
  if (sched_getscheduler(0) != from) return;
  const sched_param none = {};
  pthread_setschedparam(pthread_self(), to, &none);
}

}  // namespace

void InterruptNobody() { ChangePolicy(SCHED_OTHER, SCHED_BATCH); }

void InterruptOthers() { ChangePolicy(SCHED_BATCH, SCHED_OTHER); }

void GiveWay() { sched_yield(); }

}  // namespace carousel
