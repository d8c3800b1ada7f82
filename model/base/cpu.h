// SPDX-License-Identifier: Apache-2.0
//
// How many CPUs this process may really use. In a container neither the
// machine's core count nor OMP_NUM_THREADS says so.

#ifndef CAROUSEL_MODEL_BASE_CPU_H_
#define CAROUSEL_MODEL_BASE_CPU_H_

#include <string>

namespace carousel {

struct CpuAllowance {
  // CPUs in the affinity mask.
  int affinity = 1;

  // The tightest cgroup quota above this process in CPUs, e.g. 0.5; 0 = none.
  double quota = 0;

  // Workers to start: min(affinity, quota rounded up), at least 1.
  int workers = 1;
};

// Reads the affinity mask and the cgroup quota (v1 `cpu.cfs_quota_us`, v2
// `cpu.max`; of every ancestor). What cannot be read counts as no limit.
CpuAllowance ReadCpuAllowance();

// The same with the files below `root` in place of "/" and a given affinity:
// `root`/proc/self/cgroup, `root`/proc/self/mountinfo, `root`/sys/fs/cgroup/...
CpuAllowance ReadCpuAllowanceFrom(const std::string& root, int affinity);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BASE_CPU_H_
