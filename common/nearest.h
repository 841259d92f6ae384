/* SPDX-License-Identifier: MIT
 *
 * "Did you mean ...?": the known names that are closest to one that nobody knows. Used for
 * configuration keys, teams and commands. Owns nothing, allocates nothing.
 */
#ifndef IRIS_COMMON_NEAREST_H
#define IRIS_COMMON_NEAREST_H

#include <stddef.h>

#define NEAREST_MAX 16

/*
 * Store up to max (at most NEAREST_MAX) of names[0..n) in out, closest first, and return how many.
 * Near is: few letters changed, missing, added or swapped; or one is the beginning or a part of the
 * other. Case is ignored.
 */
size_t nearest_names(
    const char *want, const char *const *names, size_t n, const char **out, size_t max);

#endif
