/* SPDX-License-Identifier: MIT
 *
 * uthash, with memory that is never NULL. By itself it ends the program when there is none, without
 * a word. To be included in its place.
 */
#ifndef IRIS_HASH_H
#define IRIS_HASH_H

#include "common/xmalloc.h"

#define uthash_malloc(size) xmalloc(size)

#include <uthash.h>

#endif
