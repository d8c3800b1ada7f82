// SPDX-License-Identifier: Apache-2.0
//
// How translations, and what they were made from, are printed.

#ifndef CAROUSEL_CLIENT_CLI_TRANSLATIONS_H_
#define CAROUSEL_CLIENT_CLI_TRANSLATIONS_H_

#include <string>

#include "carousel/v1/translation.pb.h"

namespace carousel {

// What there is beyond the text itself: of each sentence its translations with
// the scores that rank them, if there are several, and the words of the best
// one with those of the source that they looked at most.
//
//    -0.41  Comment vas-tu ?
//    -1.20  Comment allez-vous ?
//           Comment  How 93%
//           vas      are 61%, you 30%
std::string FormatDetails(const v1::TranslateResponse& response);

}  // namespace carousel

#endif  // CAROUSEL_CLIENT_CLI_TRANSLATIONS_H_
