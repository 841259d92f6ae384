/* SPDX-License-Identifier: MIT
 *
 * What the files of a build tell about a project: name, version, language, dependencies. They are
 * looked through for a few keys, not parsed as their own tools would; what is written in an unusual
 * way is missed, never invented. Pure: texts in, variables out.
 */
#ifndef IRIS_MCP_AGENT_MANIFEST_H
#define IRIS_MCP_AGENT_MANIFEST_H

#include <cjson/cJSON.h>

#include "common/err.h"

struct manifest {
	cJSON *vars; /* projectName, version, language, testCommand: the first found counts */
	cJSON *dependencies; /* lists of names */
	cJSON *dev;
};

struct manifest_kind {
	const char *file;
	/* -1 with err when the file can not be understood at all. */
	int (*read)(struct manifest *, const char *text, struct err *);
};

/* In the order in which they count, ended by one without a file. */
extern const struct manifest_kind manifest_kinds[];

/* framework and testingFramework, from the dependencies of all of them. */
void manifest_frameworks(struct manifest *m);

/* Put a variable unless it is there; an empty or NULL value is none. */
void manifest_var(struct manifest *m, const char *name, const char *value);

#endif
