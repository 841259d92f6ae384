/* SPDX-License-Identifier: MIT
 *
 * The files of the dashboard, and the description of the API: read once, when the web process
 * starts, from where they were installed, and served out of memory by their exact names. No path of a
 * request ever reaches a file system.
 */
#ifndef IRIS_WEB_STATIC_H
#define IRIS_WEB_STATIC_H

#include <stdbool.h>

#include "irisd/web/http.h"

/* Once, before there are requests. What is not there is not served. */
void static_load(void);

/* Answer with the file of this path; false when there is none. */
bool static_answer(struct http *h);

#endif
