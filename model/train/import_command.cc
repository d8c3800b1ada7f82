// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/base/status_macros.h"
#include "model/bundle/writer.h"
#include "model/train/bundle_path.h"
#include "model/train/commands.h"

namespace carousel {
namespace {

constexpr Flag kFlags[] = {
    {"format", "NAME", "pytorch", "what made the weights: pytorch"},
    {"weights", "FILE", "", "a state_dict saved as safetensors", true},
    {"manifest", "FILE", "", "what the model is, see model/bundle", true},
    {"out", "DIR", "", "the bundle to write, .../NAME/VERSION", true},
};

absl::StatusOr<int> RunImport(const FlagValues& flags) {
  const std::string format = flags.Get("format", "pytorch");
  if (format != "pytorch") {
    return absl::InvalidArgumentError(
        absl::StrCat("--format: expected pytorch, found \"", format, "\""));
  }
  const std::string out = flags.Get("out");
  RETURN_IF_ERROR(CheckBundlePath(out));
  RETURN_IF_ERROR(
      ImportPyTorch(flags.Get("weights"), flags.Get("manifest"), out));
  absl::FPrintF(stderr, "wrote %s\n", out);
  return 0;
}

}  // namespace

const Command kImportCommand = {
    "import", "Makes a bundle from the weights of a PyTorch model.", kFlags,
    RunImport};

}  // namespace carousel
