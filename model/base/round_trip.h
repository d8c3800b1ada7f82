// SPDX-License-Identifier: Apache-2.0
//
// Floats where doubles are written, in JSON for instance.

#ifndef CAROUSEL_MODEL_BASE_ROUND_TRIP_H_
#define CAROUSEL_MODEL_BASE_ROUND_TRIP_H_

namespace carousel {

// The number with the fewest digits that is `value` as a float: 0.1f is 0.1 to
// people, not 0.10000000149. What is not finite stays as it is.
double RoundTrip(float value);

}  // namespace carousel

#endif  // CAROUSEL_MODEL_BASE_ROUND_TRIP_H_
