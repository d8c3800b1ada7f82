// SPDX-License-Identifier: Apache-2.0
#include <omp.h>

#include <cstdio>
#include <string>

#include "absl/strings/str_format.h"
#include "model/base/cpu.h"
#include "model/base/status_macros.h"
#include "model/train/bundle_path.h"
#include "model/train/commands.h"
#include "model/train/quantize.h"
#include "nlohmann/json.hpp"

namespace carousel {
namespace {

constexpr Flag kFlags[] = {
    {"bundle", "DIR", "", "the bundle to measure, .../NAME/VERSION", true},
    {"data", "FILE", "",
     "what to measure it on, as for `evaluate`; not what it was trained on",
     true},
    {"precision", "NAME", "int8", "int8 or bf16"},
    {"out", "DIR", "", "the bundle to write, .../NAME/VERSION", true},
    {"calibration", "FILE", "none",
     "not read: int8 takes the scale of every row of activations as it runs, "
     "so that there is nothing to calibrate"},
    {"force", "", "off", "writes the bundle whatever it loses"},
    {"threads", "N", "0", "0: as many CPUs as this process may use"},
    {"progress", "STYLE", "auto", "bar, lines, none, or auto: as fits stderr"},
};

constexpr int kMostThreads = 1024;

absl::StatusOr<QuantizeOptions> GetOptions(const FlagValues& flags) {
  QuantizeOptions options = {.bundle = flags.Get("bundle"),
                             .data = flags.Get("data"),
                             .out = flags.Get("out"),
                             .force = flags.Has("force")};
  RETURN_IF_ERROR(CheckBundlePath(options.out));
  ASSIGN_OR_RETURN(
      options.precision,
      ParsePrecision("--precision", flags.Get("precision", "int8")));
  ASSIGN_OR_RETURN(options.threads, flags.GetCount("threads", 0, kMostThreads));
  if (options.threads == 0) options.threads = ReadCpuAllowance().workers;
  return options;
}

absl::StatusOr<int> RunQuantize(const FlagValues& flags) {
  ASSIGN_OR_RETURN(const ProgressStyle style,
                   ParseProgressStyle(flags.Get("progress", "auto")));
  ASSIGN_OR_RETURN(QuantizeOptions options, GetOptions(flags));
  omp_set_num_threads(1);
  Progress progress(stderr, style);
  options.progress = &progress;
  if (flags.Has("calibration")) {
    progress.Note("--calibration is not read: there is nothing to calibrate");
  }
  ASSIGN_OR_RETURN(const PrecisionRecord record, MeasurePrecision(options));
  absl::PrintF("%s\n",
               PrecisionRecordsJson({{options.precision, record}}).dump());
  RETURN_IF_ERROR(WriteQuantized(options, record));
  progress.Note("wrote " + options.out);
  return 0;
}

}  // namespace

const Command kQuantizeCommand = {
    "quantize",
    "Measures what bf16 or int8 costs a bundle, and makes one meant for it.",
    kFlags, RunQuantize};

}  // namespace carousel
