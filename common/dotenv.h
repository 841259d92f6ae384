/* SPDX-License-Identifier: MIT
 *
 * The .env file beside config.yaml: KEY=VALUE lines for ${KEY} in the configuration. Called by
 * config.c only. The values never enter this process's environment, nor a child's.
 */
#ifndef IRIS_COMMON_DOTENV_H
#define IRIS_COMMON_DOTENV_H

#include "common/err.h"

struct dotenv;

/*
 * Read the file at path; an empty set when there is none. NULL with ERR_CONFIG and "PATH:LINE:COL:
 * ..." when a line is wrong or when others may write the file. *warning, to be freed, is set when
 * anyone may read it, else NULL.
 */
struct dotenv *dotenv_load(const char *path, char **warning, struct err *e);

/* The value, or NULL. Valid as long as d. The last line of a name counts. */
const char *dotenv_get(const struct dotenv *d, const char *name);

void dotenv_free(struct dotenv *d);

#endif
