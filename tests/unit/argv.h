/* SPDX-License-Identifier: MIT
 *
 * For tests that start programs: an argument list from string literals, which posix_spawn wants without const.
 */
#ifndef IRIS_UNIT_ARGV_H
#define IRIS_UNIT_ARGV_H

#include <stddef.h>
#include <stdint.h>

#define ARGV(...) ((char *const *)(uintptr_t)(const char *const[]){__VA_ARGS__, NULL})

#endif
