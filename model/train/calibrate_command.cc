// SPDX-License-Identifier: Apache-2.0
#include <omp.h>

#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/cpu.h"
#include "model/base/status_macros.h"
#include "model/bundle/bundle_files.h"
#include "model/train/bundle_path.h"
#include "model/train/calibrate.h"
#include "model/train/calibrate_forecaster.h"
#include "model/train/commands.h"
#include "model/train/threads.h"

namespace carousel {
namespace {

constexpr Flag kFlags[] = {
    {"bundle", "DIR", "", "the classifier or forecaster, .../NAME/VERSION",
     true},
    {"data", "FILE", "",
     "what a classifier's temperature is fitted to, or a forecaster's errors "
     "are measured on, as for `evaluate`; not what it was trained on",
     true},
    {"label_map", "MAP", "none", "classifier: as for `evaluate`"},
    {"time_column", "NAME", "the first", "forecaster: as for `evaluate`"},
    {"check_times", "BOOL", "true", "forecaster: as for `evaluate`"},
    {"first_row", "N", "0", "forecaster: as for `evaluate`"},
    {"out", "DIR", "", "the bundle to write, .../NAME/VERSION", true},
    {"threads", "N", "0", "0: as many CPUs as this process may use"},
    {"progress", "STYLE", "auto", "bar, lines, none, or auto: as fits stderr"},
};

constexpr int kMostThreads = 1024;

absl::Status CalibrateClassifier(const FlagValues& flags, int threads,
                                 Progress* progress) {
  CalibrateOptions options = {.bundle = flags.Get("bundle"),
                              .data = flags.Get("data"),
                              .out = flags.Get("out"),
                              .threads = threads,
                              .progress = progress};
  ASSIGN_OR_RETURN(options.labels, LabelMap::Parse(flags.Get("label_map")));
  omp_set_num_threads(1);
  ASSIGN_OR_RETURN(const Calibration calibration, MeasureCalibration(options));
  absl::PrintF("%s\n", calibration.ToJson());
  return WriteCalibrated(options, calibration);
}

absl::Status CalibrateForecaster(const FlagValues& flags, int threads,
                                 Progress* progress) {
  CalibrateForecasterOptions options = {.bundle = flags.Get("bundle"),
                                        .data = flags.Get("data"),
                                        .time_column = flags.Get("time_column"),
                                        .out = flags.Get("out"),
                                        .progress = progress};
  ASSIGN_OR_RETURN(options.check_times, flags.GetBool("check_times", true));
  ASSIGN_OR_RETURN(
      options.first_row,
      flags.GetCount("first_row", 0, std::numeric_limits<int>::max()));
  SetThreads(threads);
  ASSIGN_OR_RETURN(const ForecasterCalibration calibration,
                   MeasureForecasterCalibration(options));
  absl::PrintF("%s\n", calibration.ToJson());
  return WriteCalibratedForecaster(options, calibration);
}

absl::Status CheckFlags(Task task, const FlagValues& flags) {
  const bool is_forecaster = task == Task::kForecaster;
  for (const char* flag :
       is_forecaster ? std::vector<const char*>{"label_map"}
                     : std::vector<const char*>{"time_column", "check_times",
                                                "first_row"}) {
    if (!flags.Has(flag)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag, " is not for bundles of the task \"",
                     TaskName(task), "\""));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> RunCalibrate(const FlagValues& flags) {
  ASSIGN_OR_RETURN(const ProgressStyle style,
                   ParseProgressStyle(flags.Get("progress", "auto")));
  Progress progress(stderr, style);
  RETURN_IF_ERROR(CheckBundlePath(flags.Get("out")));
  ASSIGN_OR_RETURN(int threads, flags.GetCount("threads", 0, kMostThreads));
  if (threads == 0) threads = ReadCpuAllowance().workers;
  ASSIGN_OR_RETURN(const Manifest manifest, ReadManifest(flags.Get("bundle")));
  RETURN_IF_ERROR(CheckFlags(manifest.task(), flags));
  RETURN_IF_ERROR(manifest.task() == Task::kForecaster
                      ? CalibrateForecaster(flags, threads, &progress)
                      : CalibrateClassifier(flags, threads, &progress));
  progress.Note("wrote " + flags.Get("out"));
  return 0;
}

}  // namespace

const Command kCalibrateCommand = {
    "calibrate",
    "Makes a classifier as sure as it is right, without changing a label; or "
    "measures how sure a forecaster is.",
    kFlags, RunCalibrate};

}  // namespace carousel
