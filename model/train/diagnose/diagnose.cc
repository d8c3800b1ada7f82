// SPDX-License-Identifier: Apache-2.0
#include "model/train/diagnose/diagnose.h"

#include <omp.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "model/base/files.h"
#include "model/base/status_macros.h"
#include "model/train/diagnose/run_store.h"

namespace carousel {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::string_view kAll = "all";

constexpr const Experiment* kExperiments[] = {
    &kFixedPointsExperiment, &kGradientFlowExperiment, &kLongMemoryExperiment,
    &kClippingExperiment,    &kReversalExperiment,     &kAgreementExperiment};

// What computes the same again.
std::string CommandLine(absl::string_view name, const DiagnoseOptions& o) {
  std::string command = absl::StrCat("carousel-train diagnose ", name);
  if (o.full) absl::StrAppend(&command, " --full");
  if (o.seed != 1) absl::StrAppend(&command, " --seed=", o.seed);
  if (o.effort != 1) absl::StrAppend(&command, " --effort=", o.effort);
  const bool pairs = name == kReversalExperiment.name || name == kAll;
  if (pairs && !o.data.empty()) absl::StrAppend(&command, " --data=", o.data);
  const bool unit = name == kFixedPointsExperiment.name || name == kAll;
  const DiagnoseOptions defaults;
  if (unit && o.weight != defaults.weight) {
    absl::StrAppend(&command, " --weight=", o.weight);
  }
  if (unit && o.bias != defaults.bias) {
    absl::StrAppend(&command, " --bias=", o.bias);
  }
  return command;
}

class Diagnosis {
 public:
  // Files go to the folder `subfolder` of options.out; "": to options.out.
  Diagnosis(const DiagnoseOptions& options, const std::string& subfolder,
            Progress* progress, const Clock& clock)
      : options_(options),
        subfolder_(subfolder),
        progress_(progress),
        clock_(clock) {}

  // Runs it and writes its files; its part of EXPERIMENTS.md, whose figures are
  // found from options.out.
  absl::StatusOr<std::string> Run(const Experiment& experiment) {
    const absl::Time start = clock_.Now();
    ASSIGN_OR_RETURN(const std::unique_ptr<RunStore> store,
                     RunStore::Open(PathOf(experiment, ".runs.jsonl")));
    const ExperimentContext context = {
        .options = options_,
        .pool = {.experiment = experiment.name,
                 .threads = options_.threads > 0 ? options_.threads
                                                 : omp_get_num_procs(),
                 .store = store.get(),
                 .progress = progress_}};
    ASSIGN_OR_RETURN(Section section, experiment.run(context));
    RETURN_IF_ERROR(Draw(section));
    const double seconds = absl::ToDoubleSeconds(clock_.Now() - start);
    RETURN_IF_ERROR(WriteFileAtomically(PathOf(experiment, ".md"),
                                        Markdown(experiment, section, "")));
    RETURN_IF_ERROR(WriteFileAtomically(
        PathOf(experiment, ".json"),
        Numbers(experiment, std::move(section.numbers)).dump(1) + "\n"));
    progress_->Note(absl::StrFormat("%s: done in %.1f s, see %s",
                                    experiment.name, seconds,
                                    PathOf(experiment, ".md")));
    return Markdown(experiment, section, subfolder_);
  }

 private:
  std::string Folder() const { return JoinPath(options_.out, subfolder_); }
  std::string PathOf(const Experiment& experiment, const char* ending) const {
    return JoinPath(Folder(), absl::StrCat(experiment.name, ending));
  }

  // What is measured is worth more than its figures: without gnuplot there are
  // none, which is said once.
  absl::Status Draw(const Section& section) {
    for (const auto& [name, figure] : section.figures) {
      const absl::Status status = DrawFigure(figure, Folder(), name);
      if (absl::IsFailedPrecondition(status)) continue;
      if (!absl::IsNotFound(status)) {
        RETURN_IF_ERROR(status);
        continue;
      }
      if (!figure_failed_) {
        progress_->Note(absl::StrCat("no figures: ", status.message()));
      }
      figure_failed_ = true;
    }
    return absl::OkStatus();
  }

  std::string Markdown(const Experiment& experiment, const Section& section,
                       const std::string& figures) const {
    std::string text = absl::StrCat("## ", experiment.title, "\n\n```\n",
                                    CommandLine(experiment.name, options_),
                                    "\n```\n\n", section.text, "\n");
    for (const auto& [name, figure] : section.figures) {
      absl::StrAppend(&text, "![", figure.title, "](",
                      JoinPath(figures, absl::StrCat(name, ".svg")), ")\n");
    }
    return text;
  }

  Json Numbers(const Experiment& experiment, Json numbers) const {
    Json json = {{"experiment", experiment.name},
                 {"command", CommandLine(experiment.name, options_)},
                 {"seed", options_.seed},
                 {"full", options_.full},
                 {"effort", options_.effort}};
    json.update(numbers);
    return json;
  }

  const DiagnoseOptions& options_;
  const std::string subfolder_;
  Progress* const progress_;
  const Clock& clock_;
  bool figure_failed_ = false;
};

// "Fixed points: where" -> "fixed-points-where", as Markdown's readers name it.
std::string Anchor(absl::string_view title) {
  std::string anchor;
  for (const char c : title) {
    if (c == ' ' || c == '-') anchor += '-';
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      anchor += absl::ascii_tolower(static_cast<unsigned char>(c));
    }
  }
  return anchor;
}

absl::Status RunEverything(const DiagnoseOptions& options, Progress* progress,
                           const Clock& clock) {
  const std::string subfolder = "experiments";
  RETURN_IF_ERROR(MakeDirectories(JoinPath(options.out, subfolder)));
  Diagnosis diagnosis(options, subfolder, progress, clock);
  std::string contents;
  std::string sections;
  int number = 0;
  for (const Experiment* experiment : kExperiments) {
    progress->Note(absl::StrCat("experiment ", ++number, " of ",
                                std::size(kExperiments), ": ",
                                experiment->name));
    ASSIGN_OR_RETURN(const std::string section, diagnosis.Run(*experiment));
    absl::StrAppend(&contents, "- [", experiment->title, "](#",
                    Anchor(experiment->title), ")\n");
    absl::StrAppend(&sections, "\n", section);
  }
  const std::string page = absl::StrCat(
      "# Experiments: what happens to gradients over time\n\n"
      "Everything here is written by one command, figures and numbers as "
      "measured:\n\n```\n",
      CommandLine(kAll, options), "\n```\n\n", contents, sections);
  return WriteFileAtomically(JoinPath(options.out, "EXPERIMENTS.md"), page);
}

}  // namespace

absl::Span<const Experiment* const> Experiments() { return kExperiments; }

std::string ExperimentNames() {
  std::string names;
  for (const Experiment* experiment : kExperiments) {
    absl::StrAppend(&names, experiment->name, "|");
  }
  return absl::StrCat(names, kAll);
}

int64_t ExperimentContext::Updates(int64_t count) const {
  return std::max<int64_t>(
      1, static_cast<int64_t>(static_cast<double>(count) * options.effort));
}

std::string MarkdownTable(const std::vector<std::string>& header,
                          const std::vector<std::vector<std::string>>& rows) {
  const auto line = [](const std::vector<std::string>& cells) {
    return absl::StrCat("| ", absl::StrJoin(cells, " | "), " |\n");
  };
  std::string table = line(header);
  absl::StrAppend(&table, line(std::vector<std::string>(header.size(), "---")));
  for (const auto& row : rows) absl::StrAppend(&table, line(row));
  return table;
}

absl::Status Diagnose(absl::string_view name, const DiagnoseOptions& options,
                      Progress* progress, const Clock& clock) {
  const auto found =
      std::find_if(std::begin(kExperiments), std::end(kExperiments),
                   [&](const Experiment* e) { return name == e->name; });
  if (found == std::end(kExperiments) && name != kAll) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected ", ExperimentNames(), ", found \"", name, "\""));
  }
  RETURN_IF_ERROR(MakeDirectories(options.out));
  if (name == kAll) return RunEverything(options, progress, clock);
  return Diagnosis(options, "", progress, clock).Run(**found).status();
}

}  // namespace carousel
