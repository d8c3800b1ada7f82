// SPDX-License-Identifier: Apache-2.0

#include "model/bundle/output_tiles.h"

#include "model/layers/output_layer.h"

namespace carousel {

std::vector<int32_t> TileBegins(const Vocabulary& vocabulary) {
  std::vector<int32_t> begins;
  for (int begin = 0; begin < vocabulary.size();) {
    begins.push_back(begin);
    const int end = begin + OutputLayer::kTileRows;
    if (end >= vocabulary.size()) break;
    const int alike = vocabulary.SameFolded(end).begin;
    begin = alike > begin ? alike : end;
  }
  return begins;
}

}  // namespace carousel
