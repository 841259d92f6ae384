/* SPDX-License-Identifier: MIT
 *
 * What the files of the editor share: config_edit.c decides, config_edit_scan.c finds where things
 * stand in the text, config_edit_write.c quotes values and replaces files.
 */
#ifndef IRIS_COMMON_CONFIG_EDIT_IMPL_H
#define IRIS_COMMON_CONFIG_EDIT_IMPL_H

#include <sys/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

enum edit_kind {
	EDIT_NONE,       /* not there at all */
	EDIT_NULL,       /* nothing, ~ or null */
	EDIT_BLOCK,      /* a mapping, one key a line */
	EDIT_FLOW_EMPTY, /* {} */
	EDIT_FLOW,       /* { key: value } */
	EDIT_OTHER,      /* an alias, a list, a text */
};

/* One team. Offsets are bytes from the start of the text. */
struct edit_entry {
	char *name;
	size_t key;        /* where its name starts */
	size_t end;        /* after the last thing that belongs to its value */
	bool ends_in_text; /* the last thing is a | or > text: then end is the start of a line */
};

struct edit_scan {
	const char *s;
	size_t len;
	size_t start; /* of the first line: after a BOM */
	enum edit_kind root;
	enum edit_kind teams;
	size_t root_start, root_end;   /* the root node; root_end only for flow mappings */
	size_t teams_key;              /* where "teams" starts */
	size_t teams_start, teams_end; /* its value; teams_end not for block mappings */
	size_t doc_end;                /* where "..." starts, or the end of the text */
	size_t unit;      /* blanks per level, as the file has them; 2 when it does not show */
	size_t team_unit; /* the same, from a team's name to its keys */
	struct edit_entry *entries; /* of a block mapping, in the order of the file */
	size_t nentries;
};

/* text must be valid YAML that config_parse took. Never fails. */
void config_edit_scan(struct edit_scan *scan, const char *text, size_t len);
void config_edit_scan_free(struct edit_scan *scan);

/*
 * Lines are named by the offset of their first byte. next_line: the end of the text after the last.
 */
size_t edit_line_start(const struct edit_scan *scan, size_t at);
size_t edit_next_line(const struct edit_scan *scan, size_t at);
size_t edit_indent_at(const struct edit_scan *scan, size_t line);
bool edit_is_blank(const struct edit_scan *scan, size_t line);
bool edit_is_comment(const struct edit_scan *scan, size_t line);
bool edit_blank_above(const struct edit_scan *scan, size_t line);

/* Where a team's lines end: after its last value and the deeper comments right below it. */
size_t edit_entry_end(const struct edit_scan *scan, const struct edit_entry *entry);

/*
 * value as YAML: plain where no reader could take it for something else, else in double quotes. To
 * be freed; NULL when it is not UTF-8.
 */
enum {
	EDIT_QUOTE_NUMBER = 1,    /* digits are meant as a number */
	EDIT_QUOTE_VARIABLES = 2, /* ${NAME} is meant as a variable; else it is kept literal */
	EDIT_QUOTE_FLOW = 4,      /* it will stand between { } or [ ] */
	EDIT_QUOTE_ALWAYS = 8,    /* in quotes */
};
char *config_edit_quote(const char *value, unsigned how);
/* A character that only an escape can stand for; *code is its number. */
bool config_edit_needs_escape(const char *s, unsigned *code);

/*
 * A whole new file, on disk, beside target: *out is its name, malloc'ed. -1 with ERR_IO, and nothing
 * is left of it.
 */
int config_edit_prepare(
    const char *target, const char *text, size_t len, mode_t mode, char **out, struct err *e);
/* It is put in target's place, and *tmp is NULL then. */
int config_edit_commit(char **tmp, const char *target, struct err *e);
/* Or it is removed; NULL: there is none. */
void config_edit_drop(char *tmp);
/*
 * A rename is on the disk when its directory is, here that of path. Some file systems can not flush
 * a directory: no error.
 */
void config_edit_flush_dir(const char *path);

#endif
