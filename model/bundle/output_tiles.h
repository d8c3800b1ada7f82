// SPDX-License-Identifier: Apache-2.0
//
// How the output rows of a language model are cut into tiles.

#ifndef CAROUSEL_MODEL_BUNDLE_OUTPUT_TILES_H_
#define CAROUSEL_MODEL_BUNDLE_OUTPUT_TILES_H_

#include <cstdint>
#include <vector>

#include "model/text/vocabulary.h"

namespace carousel {

// The first rank of each tile: as many ranks as fit, so that all tokens that
// are folded alike lie in one tile, and whoever sees a tile sees every spelling
// of its words. (More of them than a tile holds are cut all the same.)
std::vector<int32_t> TileBegins(const Vocabulary& vocabulary);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BUNDLE_OUTPUT_TILES_H_
