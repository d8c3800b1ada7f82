// SPDX-License-Identifier: Apache-2.0

#include "model/onednn/cell.h"

#include "absl/strings/str_cat.h"

namespace carousel {

int GateCount(Cell cell) {
  switch (cell) {
    case Cell::kTanhRnn:
    case Cell::kReluRnn:
      return 1;
    case Cell::kLstm:
      return 4;
    case Cell::kGru:
      return 3;
  }
  return 0;
}

bool HasMemory(Cell cell) { return cell == Cell::kLstm; }

absl::string_view CellName(Cell cell) {
  switch (cell) {
    case Cell::kTanhRnn:
      return "rnn_tanh";
    case Cell::kReluRnn:
      return "rnn_relu";
    case Cell::kLstm:
      return "lstm";
    case Cell::kGru:
      return "gru";
  }
  return "";
}

absl::StatusOr<Cell> ParseCell(absl::string_view name) {
  for (Cell cell : {Cell::kTanhRnn, Cell::kReluRnn, Cell::kLstm, Cell::kGru}) {
    if (CellName(cell) == name) return cell;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("cell \"", name,
                   "\": expected \"rnn_tanh\", \"rnn_relu\", \"lstm\" or "
                   "\"gru\""));
}

}  // namespace carousel
