// SPDX-License-Identifier: Apache-2.0

#include "model/base/cpu.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "model/base/files.h"

namespace carousel {
namespace {

// A mounted cgroup hierarchy that may limit the CPU.
struct CgroupMount {
  bool v2 = false;
  std::string root;   // the group shown at the mount point
  std::string point;  // where it is mounted
};

int CpusInAffinityMask() {
  // The kernel refuses a mask smaller than its own: grow until it fits.
  for (size_t cpus = 1024; cpus <= (size_t{1} << 20); cpus *= 2) {
    std::vector<cpu_set_t> mask(cpus / CPU_SETSIZE);
    const size_t bytes = mask.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, mask.data()) == 0) {
      return std::max(1, CPU_COUNT_S(bytes, mask.data()));
    }
    if (errno != EINVAL) break;
  }
  return 1;
}

std::vector<std::string> ReadLines(const std::string& path) {
  return absl::StrSplit(ReadFile(path).value_or(""), '\n', absl::SkipEmpty());
}

// Mount points are written with spaces as \040.
std::string Unescape(absl::string_view text) {
  std::string out;
  return absl::CUnescape(text, &out) ? out : std::string(text);
}

// A line of mountinfo (proc_pid_mountinfo(5)):
//   ID PARENT DEVICE ROOT POINT OPTIONS [TAGS...] - TYPE SOURCE SUPER_OPTIONS
std::optional<CgroupMount> ParseMount(absl::string_view line) {
  const std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(line, absl::MaxSplits(" - ", 1));
  const std::vector<absl::string_view> mount =
      absl::StrSplit(halves.first, ' ');
  const std::vector<absl::string_view> system =
      absl::StrSplit(halves.second, ' ');
  if (mount.size() < 5 || system.size() < 3) return std::nullopt;
  const std::vector<absl::string_view> options = absl::StrSplit(system[2], ',');
  const bool v2 = system[0] == "cgroup2";
  const bool v1 =
      system[0] == "cgroup" && absl::c_linear_search(options, "cpu");
  if (!v1 && !v2) return std::nullopt;
  return CgroupMount{v2, Unescape(mount[3]), Unescape(mount[4])};
}

// This process's group in the v1 cpu hierarchy or in v2, from lines such as
// "4:cpu,cpuacct:/a/b" and "0::/a/b".
std::optional<std::string> GroupPath(const std::vector<std::string>& lines,
                                     bool v2) {
  for (const std::string& line : lines) {
    const std::vector<std::string> parts =
        absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    const std::vector<absl::string_view> controllers =
        absl::StrSplit(parts[1], ',');
    if (v2 ? parts[0] == "0" && parts[1].empty()
           : absl::c_linear_search(controllers, "cpu")) {
      return parts[2];
    }
  }
  return std::nullopt;
}

// The group's path below the mount point: "" or "/x/y". A group outside the
// mounted part cannot be seen: what is mounted is the best that is known.
std::string RelativeGroup(absl::string_view group, absl::string_view root) {
  root = absl::StripSuffix(root, "/");
  if (!absl::ConsumePrefix(&group, root)) return "";
  group = absl::StripSuffix(group, "/");
  const bool below = group.empty() || group.front() == '/';
  return below && group.find("/..") == group.npos ? std::string(group) : "";
}

// quota / period in CPUs; 0 for "max", -1 and whatever is not a limit.
double Ratio(absl::string_view quota, absl::string_view period) {
  int64_t q = 0, p = 0;
  if (!absl::SimpleAtoi(quota, &q) || !absl::SimpleAtoi(period, &p)) return 0;
  return q > 0 && p > 0 ? static_cast<double>(q) / static_cast<double>(p) : 0;
}

double QuotaOfDirectory(const std::string& directory, bool v2) {
  const auto read = [&](absl::string_view name) {
    return ReadFile(JoinPath(directory, name)).value_or("");
  };
  if (!v2) return Ratio(read("cpu.cfs_quota_us"), read("cpu.cfs_period_us"));
  const std::vector<std::string> fields =
      absl::StrSplit(read("cpu.max"), absl::ByAnyChar(" \n"));
  return fields.size() < 2 ? 0 : Ratio(fields[0], fields[1]);
}

// The tighter of two quotas, where 0 is none.
double Tighter(double a, double b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

}  // namespace

CpuAllowance ReadCpuAllowanceFrom(const std::string& root, int affinity) {
  CpuAllowance allowance;
  allowance.affinity = std::max(1, affinity);
  const std::vector<std::string> groups =
      ReadLines(JoinPath(root, "proc/self/cgroup"));
  for (const std::string& line :
       ReadLines(JoinPath(root, "proc/self/mountinfo"))) {
    const std::optional<CgroupMount> mount = ParseMount(line);
    if (!mount) continue;
    const std::optional<std::string> path = GroupPath(groups, mount->v2);
    if (!path) continue;
    std::string group = RelativeGroup(*path, mount->root);
    while (true) {
      const std::string directory = JoinPath(root, mount->point) + group;
      allowance.quota =
          Tighter(allowance.quota, QuotaOfDirectory(directory, mount->v2));
      if (group.empty()) break;
      group.resize(group.rfind('/'));
    }
  }
  allowance.workers = allowance.affinity;
  if (allowance.quota > 0 && allowance.quota < allowance.affinity) {
    allowance.workers =
        std::max(1, static_cast<int>(std::ceil(allowance.quota)));
  }
  return allowance;
}

CpuAllowance ReadCpuAllowance() {
  return ReadCpuAllowanceFrom("/", CpusInAffinityMask());
}

}  // namespace carousel
