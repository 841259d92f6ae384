/* SPDX-License-Identifier: MIT
 *
 * The table of config_keys.h as data. Read by the loader, by iris (doctor, help) and by the tests
 * that compare the manual with the code.
 */
#ifndef IRIS_COMMON_CONFIG_TABLE_H
#define IRIS_COMMON_CONFIG_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum config_type {
	CONFIG_INT,
	CONFIG_BOOL,
	CONFIG_STR,  /* one line, not starting with '-' */
	CONFIG_TEXT, /* may have several lines */
	CONFIG_HOST,
	CONFIG_COLOR,
	CONFIG_PATH,    /* on this machine: ~ expanded, relative to the directory of the file */
	CONFIG_PROGRAM, /* the same, but a name without '/' is left for PATH */
	CONFIG_DBPATH,  /* ~ expanded; relative ones are left for IRIS_HOME */
	CONFIG_SUBDIR,  /* relative, without ".." */
	CONFIG_TEAM_DIR,
	CONFIG_TEAM_PATH,    /* as PATH, but left as written for a remote team */
	CONFIG_TEAM_PROGRAM, /* as PROGRAM, but left as written for a remote team */
	CONFIG_TEAM_PATHS,   /* list of TEAM_PATH */
	CONFIG_LIST,         /* of strings */
	CONFIG_TOOLS,        /* list, or one string with commas or spaces between */
	CONFIG_ENV,          /* mapping of names to strings */
	CONFIG_TRANSPORT,
	CONFIG_LOG_LEVEL,
	CONFIG_GRANT,
	CONFIG_MODE,
	CONFIG_ACTION,
	CONFIG_RULES,    /* list of permission rules */
	CONFIG_TALK,     /* list of "[deny] FROM -> TO" */
	CONFIG_COMMANDS, /* list of "ACTION WORD ..." */
};

struct config_key {
	const char *section; /* by its name in the file; "teamPermissions": a team's permissions */
	const char *name;
	enum config_type type;
	size_t offset;   /* of the field in the section's struct */
	const char *def; /* as written in a file; NULL: none; "@": that of settings */
	int64_t min;
	int64_t max;
	const char *doc;
};

extern const struct config_key config_keys[];
extern const size_t config_nkeys;

/* NULL when there is no such key. */
const struct config_key *config_key_find(const char *section, const char *name);

/* The names of an enumerated key's values, NULL-terminated; NULL for other types. */
const char *const *config_key_choices(const struct config_key *key);

/*
 * "1..1000", "true or false", "yes, no, ask or forward", "a string of at most 200 bytes", ... in
 * buf; returns buf.
 */
const char *config_key_expected(const struct config_key *key, char *buf, size_t size);

#endif
