// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace carousel {
namespace {

// The fields of /proc/self/stat after the command (which may hold anything, so
// the last parenthesis is what counts): the first is proc(5)'s number 3.
std::vector<std::string> StatFields() {
  std::ifstream file("/proc/self/stat");
  const std::string line{std::istreambuf_iterator<char>(file), {}};
  const size_t end = line.rfind(')');
  if (end == std::string::npos) return {};
  return absl::StrSplit(line.substr(end + 1), ' ', absl::SkipEmpty());
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

absl::Time ProcessStartTime() {
  constexpr size_t kStartTime = 22 - 3;  // in ticks since the system's boot
  static const absl::Time start = [] {
    const std::vector<std::string> fields = StatFields();
    double uptime = 0;
    std::ifstream("/proc/uptime") >> uptime;
    double ticks = 0;
    if (fields.size() <= kStartTime ||
        !absl::SimpleAtod(fields[kStartTime], &ticks) || uptime <= 0) {
      return absl::Now();
    }
    const double started = ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
    return absl::Now() - absl::Seconds(uptime - started);
  }();
  return start;
}

int64_t ProcessResidentBytes() {
  int64_t total = 0;
  int64_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

int64_t ProcessOpenFiles() {
  std::error_code error;
  std::filesystem::directory_iterator files("/proc/self/fd", error);
  int64_t count = 0;
  for (; !error && files != std::filesystem::directory_iterator();
       files.increment(error)) {
    ++count;
  }
  return count;
}

double ProcessCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
}

}  // namespace carousel
