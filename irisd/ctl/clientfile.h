/* SPDX-License-Identifier: MIT
 *
 * Claude Code's user-scope file (~/.claude.json, or .claude.json in $CLAUDE_CONFIG_DIR): read, and
 * written with a backup beside it. Only mcpServers.iris in it is ever changed.
 */
#ifndef IRIS_CTL_CLIENTFILE_H
#define IRIS_CTL_CLIENTFILE_H

#include <sys/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/paths.h"

struct clientfile {
	char path[PATHS_MAX];   /* as a person knows it */
	char target[PATHS_MAX]; /* what it leads to when it is a link */
	char backup[PATHS_MAX]; /* "" until one is made */
	bool exists;
	mode_t mode;
	char *text; /* owned; "" when there is no file */
	size_t len;
};

/* Read it. No file is no error. */
int clientfile_open(struct clientfile *f, struct err *err);
void clientfile_close(struct clientfile *f);

/*
 * The text with our entry set to value, or without it where value is NULL; malloc'ed. *same:
 * nothing would change, an entry that says the same in other words included.
 */
char *clientfile_with(const struct clientfile *f, const char *value, bool *same, struct err *err);

/* Read again, change, keep the old text as backup, and replace the file in one step. */
int clientfile_change(struct clientfile *f, const char *value, struct err *err);

/* The command of our entry as it is now, malloc'ed; NULL when there is no entry or it has none. */
char *clientfile_command(const struct clientfile *f);

#endif
