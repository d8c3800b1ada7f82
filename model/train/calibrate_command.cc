// SPDX-License-Identifier: Apache-2.0
#include <omp.h>

#include <cstdio>
#include <string>

#include "absl/strings/str_format.h"
#include "model/base/cpu.h"
#include "model/base/status_macros.h"
#include "model/train/bundle_path.h"
#include "model/train/calibrate.h"
#include "model/train/commands.h"

namespace carousel {
namespace {

constexpr Flag kFlags[] = {
    {"bundle", "DIR", "", "the classifier, .../NAME/VERSION", true},
    {"data", "FILE", "",
     "what to fit the temperature to, as for `evaluate`; not what it was "
     "trained on",
     true},
    {"label_map", "MAP", "none", "as for `evaluate`"},
    {"out", "DIR", "", "the bundle to write, .../NAME/VERSION", true},
    {"threads", "N", "0", "0: as many CPUs as this process may use"},
    {"progress", "STYLE", "auto", "bar, lines, none, or auto: as fits stderr"},
};

constexpr int kMostThreads = 1024;

absl::StatusOr<int> RunCalibrate(const FlagValues& flags) {
  ASSIGN_OR_RETURN(const ProgressStyle style,
                   ParseProgressStyle(flags.Get("progress", "auto")));
  Progress progress(stderr, style);
  CalibrateOptions options = {.bundle = flags.Get("bundle"),
                              .data = flags.Get("data"),
                              .out = flags.Get("out"),
                              .progress = &progress};
  RETURN_IF_ERROR(CheckBundlePath(options.out));
  ASSIGN_OR_RETURN(options.labels, LabelMap::Parse(flags.Get("label_map")));
  ASSIGN_OR_RETURN(options.threads, flags.GetCount("threads", 0, kMostThreads));
  if (options.threads == 0) options.threads = ReadCpuAllowance().workers;
  omp_set_num_threads(1);
  ASSIGN_OR_RETURN(const Calibration calibration, MeasureCalibration(options));
  absl::PrintF("%s\n", calibration.ToJson());
  RETURN_IF_ERROR(WriteCalibrated(options, calibration));
  progress.Note("wrote " + options.out);
  return 0;
}

}  // namespace

const Command kCalibrateCommand = {
    "calibrate",
    "Makes a classifier as sure as it is right, without changing a label.",
    kFlags, RunCalibrate};

}  // namespace carousel
