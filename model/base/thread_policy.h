// SPDX-License-Identifier: Apache-2.0
//
// Which threads the system lets interrupt others when they wake up.

#ifndef CAROUSEL_MODEL_BASE_THREAD_POLICY_H_
#define CAROUSEL_MODEL_BASE_THREAD_POLICY_H_

namespace carousel {

// The calling thread, and those that it starts from now on, wait until a busy
// CPU is free or a time slice ends (SCHED_BATCH), and have their share of it as
// before. A server whose threads take in calls so takes in several at a time,
// and does not tear those that compute from their caches for each of them.
//
// Nothing happens where the system does not allow it, or where the process was
// started with another policy. Thread-safe.
void InterruptNobody();

// The calling thread is an ordinary one again (SCHED_OTHER).
void InterruptOthers();

// Threads that wait for the calling thread's CPU run first, if there are any.
void GiveWay();

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BASE_THREAD_POLICY_H_
