/* SPDX-License-Identifier: MIT
 *
 * Judges for guard.c what deletes, or changes modes and owners, outside of the project: rm -r, find
 * -delete, rsync --delete, shred, chmod -R and the like.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/guard_private.h"

static void
report_where(const struct guard_command *c, const char *kind, const char *does, const char *arg)
{
	const char *why = guard_where_why(guard_where(c, arg));
	char text[120];

	if (why == NULL)
		return;
	snprintf(text, sizeof(text), "%s %s", does, why);
	guard_report(c, kind, text);
}

/* Whether the path is a repository's .git, or what is in one. */
static bool
repository(const struct guard_command *c, const char *arg)
{
	char *path = guard_path(c->dir, arg);
	size_t len = strlen(path);
	bool yes =
	    (len >= 5 && strcmp(path + len - 5, "/.git") == 0) || strstr(path, "/.git/") != NULL;

	free(path);
	return yes;
}

/* A pattern that takes all in its directory. */
static bool
takes_all(const char *arg)
{
	const char *slash = strrchr(arg, '/');

	slash = slash == NULL ? arg : slash + 1;
	return *slash != '\0' && slash[strspn(slash, "." GUARD_SPECIAL)] == '\0' &&
	    strpbrk(slash, GUARD_SPECIAL) != NULL;
}

static void
judge_rm(const struct guard_command *c)
{
	bool recursive =
	    c->found || guard_option(c, 'r', "--recursive", 3) || guard_option(c, 'R', NULL, 0);
	bool rest = false;
	size_t i;

	/* Options count behind operands, too. */
	for (i = guard_operand(c, 1, &rest); i < c->argc; i = guard_operand(c, i + 1, &rest)) {
		if (recursive && repository(c, c->argv[i]))
			guard_report(c, "rewriteHistory", "deletes a repository of git");
		if (recursive || takes_all(c->argv[i]))
			report_where(c, "deleteOutside", "deletes", c->argv[i]);
	}
}

/* All operands: shred, truncate, srm, rmdir -p. */
static void
judge_operands(const struct guard_command *c, const char *does)
{
	bool rest = false;
	size_t i;

	for (i = guard_operand(c, 1, &rest); i < c->argc; i = guard_operand(c, i + 1, &rest))
		report_where(c, "deleteOutside", does, c->argv[i]);
}

static void
judge_truncate(const struct guard_command *c)
{
	size_t i;

	for (i = 1; i < c->argc; i++) {
		if (strcmp(c->argv[i], "-s") == 0 || strcmp(c->argv[i], "-r") == 0 ||
		    strcmp(c->argv[i], "--size") == 0)
			i++;
		else if (c->argv[i][0] != '-')
			report_where(c, "deleteOutside", "empties a file", c->argv[i]);
	}
}

/* -delete, and -exec of what deletes single files, which find makes recursive. */
static void
judge_find(const struct guard_command *c)
{
	static const char *const execs[] = {"-exec", "-execdir", "-ok", "-okdir", NULL};
	static const char *const deletes[] = {"rm", "unlink", "shred", "rmdir", NULL};
	struct guard_args starts = {.v = NULL};
	bool hit = false;
	size_t i;

	for (i = 1; i < c->argc; i++)
		if (strcmp(c->argv[i], "-delete") == 0 ||
		    (i + 1 < c->argc && guard_in(c->argv[i], execs) &&
			guard_in(c->argv[i + 1], deletes)))
			hit = true;
	if (!hit)
		return;
	guard_find_starts(c->argv, c->argc, &starts);
	for (i = 0; i < starts.n; i++)
		report_where(c, "deleteOutside", "deletes", starts.v[i]);
	guard_args_free(&starts);
}

/* Whether it names another host: "host:path", "host::module", rsync://. */
static bool
remote(const char *arg)
{
	size_t n = strcspn(arg, ":/");

	return (arg[n] == ':' && n > 0) || strncmp(arg, "rsync://", 8) == 0;
}

static void
judge_rsync(const struct guard_command *c)
{
	const char *last = NULL;
	bool deletes = false, rest = false;
	size_t i;

	for (i = 1; i < c->argc; i++)
		if (strncmp(c->argv[i], "--del", 5) == 0)
			deletes = true;
	for (i = guard_operand(c, 1, &rest); i < c->argc; i = guard_operand(c, i + 1, &rest))
		last = c->argv[i];
	if (!deletes || last == NULL)
		return;
	if (remote(last))
		guard_report(c, "deleteOutside", "deletes on another host");
	else
		report_where(c, "deleteOutside", "deletes", last);
}

static void
judge_mv(const struct guard_command *c)
{
	size_t i;

	if (c->argc < 3 || strcmp(c->argv[c->argc - 1], "/dev/null") != 0)
		return;
	for (i = 1; i + 1 < c->argc; i++)
		if (c->argv[i][0] != '-')
			report_where(c, "deleteOutside", "deletes", c->argv[i]);
}

/* tar --remove-files */
static void
judge_tar(const struct guard_command *c)
{
	size_t i;

	if (!guard_option(c, '\0', "--remove-files", 8))
		return;
	for (i = 2; i < c->argc; i++)
		if (c->argv[i][0] != '-')
			report_where(c, "deleteOutside", "deletes", c->argv[i]);
}

void
guard_delete(const struct guard_command *c)
{
	static const char *const deletes[] = {"shred", "srm", "rimraf", NULL};

	if (strcmp(c->name, "rm") == 0 || strcmp(c->name, "grm") == 0 ||
	    (c->found && strcmp(c->name, "unlink") == 0))
		judge_rm(c);
	else if (strcmp(c->name, "find") == 0)
		judge_find(c);
	else if (strcmp(c->name, "rsync") == 0)
		judge_rsync(c);
	else if (strcmp(c->name, "mv") == 0)
		judge_mv(c);
	else if (strcmp(c->name, "truncate") == 0)
		judge_truncate(c);
	else if (guard_in(c->name, deletes))
		judge_operands(c, "deletes");
	else if (strcmp(c->name, "rmdir") == 0 && guard_option(c, 'p', "--parents", 3))
		judge_operands(c, "deletes");
	else if (strcmp(c->name, "tar") == 0)
		judge_tar(c);
}

/* Whether a mode lets everybody write: 777, a+w, o=rw, +w is not. */
static bool
for_everybody(const char *mode)
{
	size_t n = strspn(mode, "01234567");
	const char *p, *end, *op;

	if (mode[n] == '\0' && n >= 3)
		return ((mode[n - 1] - '0') & 2) != 0;
	for (p = mode; *p != '\0'; p = *end == ',' ? end + 1 : end) {
		end = p + strcspn(p, ",");
		op = p + strcspn(p, "+-=,");
		if (op < end && *op != '-' &&
		    (memchr(p, 'a', (size_t)(op - p)) != NULL ||
			memchr(p, 'o', (size_t)(op - p)) != NULL) &&
		    memchr(op, 'w', (size_t)(end - op)) != NULL)
			return true;
	}
	return false;
}

static bool
set_user_id(const char *mode)
{
	size_t n = strspn(mode, "01234567");
	const char *p, *end, *op;

	if (mode[n] == '\0' && n >= 4)
		return ((mode[n - 4] - '0') & 4) != 0;
	for (p = mode; *p != '\0'; p = *end == ',' ? end + 1 : end) {
		end = p + strcspn(p, ",");
		op = p + strcspn(p, "+-=,");
		if (op < end && *op != '-' && memchr(op, 's', (size_t)(end - op)) != NULL &&
		    (op == p || strcspn(p, "ua") < (size_t)(op - p)))
			return true;
	}
	return false;
}

/* The operand that is the mode or owner; it may begin with "-", as in "chmod -w". */
static size_t
mode_at(const struct guard_command *c)
{
	size_t i;

	for (i = 1; i < c->argc; i++) {
		if (c->argv[i][0] != '-')
			return i;
		if (strcmp(c->argv[i], "--") == 0)
			return i + 1;
		if (c->argv[i][1] != '-' &&
		    strspn(c->argv[i] + 1, "RvcfHLPh") + 1 != strlen(c->argv[i]))
			return i;
		if (strncmp(c->argv[i], "--reference", 11) == 0)
			return i;
	}
	return c->argc;
}

static void
judge_chmod(const struct guard_command *c)
{
	bool recursive = guard_option(c, 'R', "--recursive", 5), world;
	size_t at = mode_at(c), i;
	enum guard_where where;

	if (at >= c->argc)
		return;
	world = strcmp(c->name, "chmod") == 0 && for_everybody(c->argv[at]);
	if (strcmp(c->name, "chmod") == 0 && set_user_id(c->argv[at]))
		guard_report(c, "modes", "sets the user id of what runs it");
	if (recursive && world)
		guard_report(c, "modes", "lets everybody write");
	for (i = at + 1; i < c->argc && (recursive || world); i++) {
		if (c->argv[i][0] == '-')
			continue;
		where = guard_where(c, c->argv[i]);
		if (where != GUARD_ALL)
			report_where(c, "modes", "changes", c->argv[i]);
	}
}

void
guard_modes(const struct guard_command *c)
{
	static const char *const changes[] = {"chmod", "chown", "chgrp", NULL};
	size_t i;

	if (guard_in(c->name, changes)) {
		judge_chmod(c);
	} else if (strcmp(c->name, "setfacl") == 0) {
		if (guard_option(c, 'R', "--recursive", 5))
			guard_report(c, "modes", "changes who may read and write, recursively");
	} else if (strcmp(c->name, "setcap") == 0) {
		guard_report(c, "modes", "gives a program privileges");
	} else if (strcmp(c->name, "install") == 0) {
		for (i = 1; i + 1 < c->argc; i++)
			if (strcmp(c->argv[i], "-m") == 0 && set_user_id(c->argv[i + 1]))
				guard_report(c, "modes", "sets the user id of what runs it");
	}
}
