/* SPDX-License-Identifier: MIT
 *
 * Reading small text files for agents' prompts: bounded, regular files only, and where they are a
 * project's, only what really lies in it.
 */
#ifndef IRIS_MCP_AGENT_FILE_H
#define IRIS_MCP_AGENT_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

/*
 * The text of root/rel, malloc'ed; root is a realpath. A symbolic link is followed only where its
 * end is below root. cut (may be NULL: then it is an error) says that there is more than max bytes.
 * NULL with ERR_NOT_FOUND when there is no such file, else ERR_CONFIG, ERR_REFUSED or ERR_IO.
 */
char *agent_file_inside(const char *root, const char *rel, size_t max, bool *cut, struct err *err);

/* The same for a file of the user's own or of Iris's, wherever a link leads. */
char *agent_file_read(const char *path, size_t max, struct err *err);

#endif
