// SPDX-License-Identifier: Apache-2.0

#include "model/base/cpu.h"

#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "model/base/files.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace carousel {
namespace {

constexpr char kMountV2[] =
    "25 30 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
constexpr char kMountV1[] =
    "33 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup "
    "rw,cpu,cpuacct\n"
    "34 25 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

// A root directory with the files that the kernel would show.
class CpuTest : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& content) {
    const std::string file = root_.File(path);
    ASSERT_THAT(MakeDirectories(file.substr(0, file.rfind('/'))), IsOk());
    ASSERT_THAT(WriteFileAtomically(file, content), IsOk());
  }
  void Mounts(const std::string& text) { Write("proc/self/mountinfo", text); }
  void Groups(const std::string& text) { Write("proc/self/cgroup", text); }

  CpuAllowance Read(int affinity) {
    return ReadCpuAllowanceFrom(root_.path(), affinity);
  }

  TempDir root_;
};

// Outside of containers nothing need be there.
TEST_F(CpuTest, NoFilesMeanNoQuota) {
  const CpuAllowance allowance = Read(6);
  EXPECT_EQ(allowance.affinity, 6);
  EXPECT_EQ(allowance.quota, 0);
  EXPECT_EQ(allowance.workers, 6);
}

// Docker and Kubernetes with cgroup v2.
TEST_F(CpuTest, V2QuotaIsRoundedUpToWorkers) {
  Mounts(kMountV2);
  Groups("0::/pod\n");
  Write("sys/fs/cgroup/pod/cpu.max", "150000 100000\n");
  const CpuAllowance allowance = Read(8);
  EXPECT_DOUBLE_EQ(allowance.quota, 1.5);
  EXPECT_EQ(allowance.workers, 2);
}

// The pod's limit holds for its containers, too.
TEST_F(CpuTest, V2TightestAncestorCounts) {
  Mounts(kMountV2);
  Groups("0::/slice/pod/container\n");
  Write("sys/fs/cgroup/slice/cpu.max", "200000 100000\n");
  Write("sys/fs/cgroup/slice/pod/cpu.max", "max 100000\n");
  Write("sys/fs/cgroup/slice/pod/container/cpu.max", "400000 100000\n");
  EXPECT_DOUBLE_EQ(Read(8).quota, 2);
}

// "max" is the kernel's word for no limit.
TEST_F(CpuTest, V2MaxIsNoQuota) {
  Mounts(kMountV2);
  Groups("0::/\n");
  Write("sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(Read(8).quota, 0);
}

// In a cgroup namespace the mount shows the process's own group as its root.
TEST_F(CpuTest, V2GroupIsTakenRelativeToTheMountedRoot) {
  Mounts("25 30 0:23 /docker/7 /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  Groups("0::/docker/7/inner\n");
  Write("sys/fs/cgroup/inner/cpu.max", "50000 100000\n");
  const CpuAllowance allowance = Read(8);
  EXPECT_DOUBLE_EQ(allowance.quota, 0.5);
  EXPECT_EQ(allowance.workers, 1);
}

// What is mounted is then the best that is known.
TEST_F(CpuTest, V2GroupOutsideTheMountFallsBackToTheMountPoint) {
  Mounts(kMountV2);
  Groups("0::/../other\n");
  Write("sys/fs/cgroup/cpu.max", "300000 100000\n");
  EXPECT_DOUBLE_EQ(Read(8).quota, 3);
}

// Older hosts, with two files and -1 for no limit.
TEST_F(CpuTest, V1TightestAncestorCounts) {
  Mounts(kMountV1);
  Groups("5:memory:/m\n4:cpu,cpuacct:/a/b\n1:name=systemd:/x\n");
  Write("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
  Write("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
  Write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "250000\n");
  Write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  const CpuAllowance allowance = Read(8);
  EXPECT_DOUBLE_EQ(allowance.quota, 2.5);
  EXPECT_EQ(allowance.workers, 3);
}

// Both hierarchies may be mounted at once (systemd's hybrid mode).
TEST_F(CpuTest, TighterOfV1AndV2Counts) {
  Mounts(absl::StrCat(
      kMountV1,
      "40 25 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup rw\n"));
  Groups("4:cpu,cpuacct:/\n0::/\n");
  Write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "400000\n");
  Write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  Write("sys/fs/cgroup/unified/cpu.max", "300000 100000\n");
  EXPECT_DOUBLE_EQ(Read(8).quota, 3);
}

// The kernel writes a space in a path as \040.
TEST_F(CpuTest, EscapedMountPointIsUnderstood) {
  Mounts("25 30 0:23 / /my\\040groups rw - cgroup2 cgroup2 rw\n");
  Groups("0::/\n");
  Write("my groups/cpu.max", "100000 100000\n");
  EXPECT_DOUBLE_EQ(Read(8).quota, 1);
}

// A quota above the affinity mask gives no further cores.
TEST_F(CpuTest, AffinityBoundsTheWorkers) {
  Mounts(kMountV2);
  Groups("0::/\n");
  Write("sys/fs/cgroup/cpu.max", "1600000 100000\n");
  EXPECT_EQ(Read(2).workers, 2);
}

// Damaged files must not stop the server from starting.
TEST_F(CpuTest, GarbageCountsAsNoQuota) {
  Mounts("garbage\n\n - cgroup2\n1 2 3 / /sys/fs/cgroup - cgroup2 x y\n");
  Groups("garbage\n0::/\n:::\n");
  Write("sys/fs/cgroup/cpu.max", "many few\n");
  const CpuAllowance allowance = Read(0);
  EXPECT_EQ(allowance.quota, 0);
  EXPECT_EQ(allowance.workers, 1);
}

// The real files of this machine are read without trouble.
TEST(RealCpuTest, AtLeastOneWorkerAndNoMoreThanTheMachineHas) {
  const CpuAllowance allowance = ReadCpuAllowance();
  EXPECT_GE(allowance.workers, 1);
  EXPECT_LE(allowance.workers, allowance.affinity);
  EXPECT_LE(allowance.affinity,
            static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace
}  // namespace carousel
