// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "model/base/cpu.h"
#include "model/base/status_macros.h"
#include "model/train/commands.h"
#include "model/train/diagnose/diagnose.h"
#include "model/train/progress.h"

namespace carousel {
namespace {

constexpr Flag kFlags[] = {
    {"experiment", "NAME", "the first argument",
     "fixed-points, gradient-flow, long-memory, clipping, reversal, agreement, "
     "or all",
     true},
    {"out", "DIR", "diagnose", "the folder of figures, numbers and words"},
    {"full", "", "off", "long-memory at T = 100, 200, 400 with three seeds"},
    {"seed", "NUMBER", "1", "of weights and batches"},
    {"threads", "NUMBER", "as many CPUs as it may use",
     "trainings at once, of one thread each"},
    {"weight", "NUMBER", "2", "fixed-points: w of the unit tanh(w x + b)"},
    {"bias", "NUMBER", "0", "fixed-points: its b"},
    {"data", "FILE", "a generated language",
     "reversal: pairs to translate, source<TAB>target"},
    {"effort", "SHARE", "1", "of the updates; less: only to see that it runs"},
    {"progress", "STYLE", "auto", "bar, lines, none, or auto: as fits stderr"},
};

constexpr int kMostThreads = 256;

absl::StatusOr<double> GetNumber(const FlagValues& flags,
                                 const std::string& name, double otherwise) {
  if (!flags.Has(name)) return otherwise;
  double number = 0;
  if (!absl::SimpleAtod(flags.Get(name), &number) ||
      !(number > -1e6 && number < 1e6)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--", name, ": expected a number, found \"", flags.Get(name), "\""));
  }
  return number;
}

absl::StatusOr<DiagnoseOptions> ReadOptions(const FlagValues& flags) {
  DiagnoseOptions options;
  options.out = flags.Get("out", options.out);
  options.full = flags.Has("full");
  options.data = flags.Get("data");
  ASSIGN_OR_RETURN(const int seed, flags.GetCount("seed", 1, 1 << 30));
  options.seed = static_cast<uint64_t>(seed);
  ASSIGN_OR_RETURN(
      options.threads,
      flags.GetCount("threads", ReadCpuAllowance().workers, kMostThreads));
  ASSIGN_OR_RETURN(options.weight, GetNumber(flags, "weight", options.weight));
  ASSIGN_OR_RETURN(options.bias, GetNumber(flags, "bias", options.bias));
  ASSIGN_OR_RETURN(options.effort, GetNumber(flags, "effort", options.effort));
  if (options.effort <= 0) {
    return absl::InvalidArgumentError("--effort: expected more than 0");
  }
  return options;
}

absl::StatusOr<int> RunDiagnose(const FlagValues& flags) {
  ASSIGN_OR_RETURN(const ProgressStyle style,
                   ParseProgressStyle(flags.Get("progress", "auto")));
  ASSIGN_OR_RETURN(const DiagnoseOptions options, ReadOptions(flags));
  Progress progress(stderr, style);
  RETURN_IF_ERROR(Diagnose(flags.Get("experiment"), options, &progress));
  return 0;
}

}  // namespace

const Command kDiagnoseCommand = {
    "diagnose",
    "Shows what happens to gradients over time, in figures and numbers.",
    kFlags, RunDiagnose, "experiment"};

}  // namespace carousel
