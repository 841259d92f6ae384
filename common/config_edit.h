/* SPDX-License-Identifier: MIT
 *
 * Changes to config.yaml that leave everything else in it as the person wrote it: comments, order,
 * indentation, line ends. Called by `iris team add` and `iris team remove` and by the dashboard.
 * Works on the text, guided by the positions that libyaml gives; never prints a parsed tree.
 *
 * The new text is loaded before it is written, so that an edit can not break a file that works.
 * Written is a temporary file beside the old one, then a rename; the old text stays as PATH.bak.
 */
#ifndef IRIS_COMMON_CONFIG_EDIT_H
#define IRIS_COMMON_CONFIG_EDIT_H

#include <stddef.h>

#include "common/err.h"

/*
 * One "key: value" of a team. Values are plain text, not YAML: they are quoted and ${ is kept
 * literal.
 */
struct config_edit_field {
	const char *key;   /* of teams; "remoteOptions.KEY" for one of those, which come last */
	const char *value; /* NULL: leave this key out */
};

struct config_edit_team {
	const struct config_edit_field
	    *fields; /* scalar keys of teams.NAME; "path" must be there */
	size_t nfields;
};

/*
 * 0, or -1: ERR_INVALID for a bad name, one that exists, or fields that would not load; ERR_CONFIG
 * when the file is wrong as it is, or its form can not be edited (non-empty { } mappings); ERR_IO.
 * Makes the file when there is none.
 */
int config_edit_add_team(
    const char *path, const char *name, const struct config_edit_team *team, struct err *e);

/* 0, or -1: ERR_NOT_FOUND, naming the nearest teams; the others as above. */
int config_edit_remove_team(const char *path, const char *name, struct err *e);

#endif
