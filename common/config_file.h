/* SPDX-License-Identifier: MIT
 *
 * config.yaml as a file that is replaced as a whole: read, and written again unless somebody else
 * has changed it meanwhile. The file that a link leads to is what changes, the link stays; the mode
 * is kept, and the old text stays as PATH.bak. Called by config_edit.c and by irisd.
 */
#ifndef IRIS_COMMON_CONFIG_FILE_H
#define IRIS_COMMON_CONFIG_FILE_H

#include <stdbool.h>

#include "common/config_text.h"

struct config_file {
	const char *path;        /* as given, for messages; not owned */
	char *target;            /* what it leads to; owned */
	struct config_text text; /* "" while there is no file */
	bool exists;
};

/*
 * 0, or -1: ERR_CONFIG for what is no file, is too large, or is a link that leads nowhere; ERR_IO.
 * No file is no error.
 */
int config_file_read(struct config_file *f, const char *path, struct err *e);
void config_file_release(struct config_file *f);

/* New files can be made where it is. */
bool config_file_writable(const struct config_file *f);

/*
 * Write text in place of what was read, which stays as PATH.bak. -1 with ERR_IO, also when the file
 * is not what was read any more, or another program of Iris is about to write it; ERR_LIMIT.
 */
int config_file_write(const struct config_file *f, const char *text, size_t len, struct err *e);
/*
 * Put back what was read, after config_file_write of text; or remove the file when there was none. -1
 * with ERR_IO, also when it is not that text any more.
 */
int config_file_restore(const struct config_file *f, const char *text, size_t len, struct err *e);

#endif
