/* SPDX-License-Identifier: MIT
 *
 * Judges git for guard.c: pushes that overwrite or delete what others have, and what loses commits
 * or work that is not committed. Aliases that are given with -c are followed; those of a
 * configuration file are not known.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/guard_private.h"

/* c is the subcommand: argv[0] is "push" and so on. dir is where git runs. */
struct subcommand {
	const char *name;
	void (*judge)(const struct guard_command *c);
};

static void
lost(const struct guard_command *c, const char *why)
{
	guard_report(c, "rewriteHistory", why);
}

static bool
has(const struct guard_command *c, const char *word)
{
	size_t i;

	for (i = 1; i < c->argc; i++)
		if (strcmp(c->argv[i], word) == 0)
			return true;
	return false;
}

/* The first operand; "" where there is none. */
static const char *
first(const struct guard_command *c)
{
	bool rest = false;
	size_t i = guard_operand(c, 1, &rest);

	return i < c->argc ? c->argv[i] : "";
}

/* A letter among short options, those in skip having a value: "-o force" is no -f. */
static bool
letter(const struct guard_command *c, char wanted, const char *skip)
{
	const char *p;
	size_t i;

	for (i = 1; i < c->argc && strcmp(c->argv[i], "--") != 0; i++) {
		if (c->argv[i][0] != '-' || c->argv[i][1] == '-')
			continue;
		for (p = c->argv[i] + 1; *p != '\0'; p++) {
			if (*p == wanted)
				return true;
			if (strchr(skip, *p) != NULL) {
				if (p[1] == '\0')
					i++;
				break;
			}
		}
	}
	return false;
}

static void
judge_push(const struct guard_command *c)
{
	bool rest = false;
	size_t i, n = 0;

	if (letter(c, 'n', "o") || guard_option(c, '\0', "--dry-run", 5))
		return;
	if (letter(c, 'f', "o") || guard_option(c, '\0', "--force-with-lease", 6) ||
	    guard_option(c, '\0', "--force", 5))
		guard_report(c, "forcePush", "overwrites what others have");
	if (guard_option(c, '\0', "--mirror", 3) || guard_option(c, '\0', "--prune", 4))
		guard_report(c, "forcePush", "deletes what is not here");
	if (letter(c, 'd', "o") || guard_option(c, '\0', "--delete", 4))
		guard_report(c, "forcePush", "deletes a branch of others");
	for (i = guard_operand(c, 1, &rest); i < c->argc; i = guard_operand(c, i + 1, &rest)) {
		if (c->argv[i][0] == '+')
			guard_report(c, "forcePush", "overwrites what others have");
		else if (n++ > 0 && c->argv[i][0] == ':' && c->argv[i][1] != '\0')
			guard_report(c, "forcePush", "deletes a branch of others");
	}
}

static void
judge_reset(const struct guard_command *c)
{
	if (guard_option(c, '\0', "--hard", 4))
		lost(c, "loses work that is not committed");
}

static void
judge_rebase(const struct guard_command *c)
{
	static const char *const goes_on[] = {"--abort", "--continue", "--skip", "--quit",
	    "--edit-todo", "--show-current-patch", "-h", "--help", NULL};
	size_t i;

	for (i = 1; i < c->argc; i++)
		if (guard_in(c->argv[i], goes_on))
			return;
	lost(c, "rewrites commits");
}

static void
judge_rewriting(const struct guard_command *c)
{
	if (!has(c, "--analyze"))
		lost(c, "rewrites commits");
}

static void
judge_checkout(const struct guard_command *c)
{
	const char *what = first(c);

	if (letter(c, 'f', "bB") || guard_option(c, '\0', "--force", 4) ||
	    guard_option(c, '\0', "--discard-changes", 5))
		lost(c, "loses work that is not committed");
	if (letter(c, strcmp(c->argv[0], "switch") == 0 ? 'C' : 'B', "bc") ||
	    guard_option(c, '\0', "--force-create", 8))
		lost(c, "lets a branch begin elsewhere, and its commits go");
	if (strcmp(c->argv[0], "checkout") == 0 &&
	    (has(c, "--") || strcmp(what, ".") == 0 || strncmp(what, "./", 2) == 0 || has(c, ".")))
		lost(c, "loses work that is not committed");
}

static void
judge_restore(const struct guard_command *c)
{
	bool staged = letter(c, 'S', "s") || guard_option(c, '\0', "--staged", 4);
	bool tree = letter(c, 'W', "s") || guard_option(c, '\0', "--worktree", 3);

	if (tree || !staged)
		lost(c, "loses work that is not committed");
}

static void
judge_clean(const struct guard_command *c)
{
	bool force = letter(c, 'f', "e") || guard_option(c, '\0', "--force", 4);
	enum guard_where where = guard_where(c, ".");

	if (letter(c, 'n', "e") || guard_option(c, '\0', "--dry-run", 4) || letter(c, 'i', "e"))
		return;
	if (where == GUARD_OUTSIDE || where == GUARD_NOWHERE)
		guard_report(c, "deleteOutside", "deletes files outside of the project");
	else if (force)
		lost(c, "deletes files that are not committed");
}

static void
judge_branch(const struct guard_command *c)
{
	bool force = letter(c, 'f', "u") || guard_option(c, '\0', "--force", 4);

	if (letter(c, 'D', "u") || letter(c, 'M', "u") || letter(c, 'C', "u") || force)
		lost(c, "loses a branch's commits");
}

static void
judge_stash(const struct guard_command *c)
{
	if (c->argc > 1 && (strcmp(c->argv[1], "drop") == 0 || strcmp(c->argv[1], "clear") == 0))
		lost(c, "loses stashed work");
}

static void
judge_reflog(const struct guard_command *c)
{
	if (c->argc > 1 && (strcmp(c->argv[1], "expire") == 0 || strcmp(c->argv[1], "delete") == 0))
		lost(c, "loses the way back to commits");
}

static void
judge_gc(const struct guard_command *c)
{
	size_t i;

	if (strcmp(c->argv[0], "prune") == 0 && !letter(c, 'n', ""))
		lost(c, "deletes commits that no branch has");
	for (i = 1; i < c->argc; i++)
		if (strncmp(c->argv[i], "--prune=", 8) == 0)
			lost(c, "deletes commits that no branch has");
}

/* git lfs migrate import */
static void
judge_lfs(const struct guard_command *c)
{
	if (strcmp(first(c), "migrate") == 0 && !has(c, "info"))
		lost(c, "rewrites commits");
}

static void
judge_update_ref(const struct guard_command *c)
{
	if (letter(c, 'd', "m"))
		lost(c, "loses a branch's commits");
}

static void
judge_tag(const struct guard_command *c)
{
	if (letter(c, 'd', "mFun") || guard_option(c, '\0', "--delete", 3) ||
	    letter(c, 'f', "mFun") || guard_option(c, '\0', "--force", 5))
		lost(c, "loses the name of a commit");
}

static void
judge_rm(const struct guard_command *c)
{
	if ((letter(c, 'f', "") || guard_option(c, '\0', "--force", 4)) && !has(c, "--cached"))
		lost(c, "loses work that is not committed");
}

static void
judge_worktree(const struct guard_command *c)
{
	if (strcmp(first(c), "remove") == 0 &&
	    (letter(c, 'f', "") || guard_option(c, '\0', "--force", 4)))
		lost(c, "loses work that is not committed");
}

static void
judge_index(const struct guard_command *c)
{
	if (guard_option(c, 'f', "--force", 4) || guard_option(c, '\0', "--reset", 3))
		lost(c, "loses work that is not committed");
}

/* git submodule foreach COMMAND; git bisect run COMMAND */
static void
judge_starts(const struct guard_command *c)
{
	char *text;
	size_t i;

	for (i = 1; i < c->argc; i++)
		if (strcmp(c->argv[i], "foreach") == 0 || strcmp(c->argv[i], "run") == 0)
			break;
	for (i++; i < c->argc && c->argv[i][0] == '-'; i++)
		;
	if (i >= c->argc)
		return;
	text = guard_join(c->argv + i, c->argc - i, SHELL_LEN_MAX);
	guard_text(c->run->g, text, c->dir, c->far);
	free(text);
}

static const struct subcommand subcommands[] = {
    {"push", judge_push},
    {"send-pack", judge_push},
    {"reset", judge_reset},
    {"rebase", judge_rebase},
    {"filter-branch", judge_rewriting},
    {"filter-repo", judge_rewriting},
    {"checkout", judge_checkout},
    {"switch", judge_checkout},
    {"restore", judge_restore},
    {"clean", judge_clean},
    {"branch", judge_branch},
    {"stash", judge_stash},
    {"reflog", judge_reflog},
    {"gc", judge_gc},
    {"prune", judge_gc},
    {"lfs", judge_lfs},
    {"update-ref", judge_update_ref},
    {"tag", judge_tag},
    {"rm", judge_rm},
    {"worktree", judge_worktree},
    {"checkout-index", judge_index},
    {"read-tree", judge_index},
    {"submodule", judge_starts},
    {"bisect", judge_starts},
};

/* The value of alias.NAME that was given with -c; NULL. */
static const char *
alias(const struct guard_command *c, size_t end, const char *name)
{
	size_t i, n = strlen(name);
	const char *a;

	for (i = 1; i + 1 < end; i++) {
		a = c->argv[i + 1];
		if (strcmp(c->argv[i], "-c") == 0 && strncmp(a, "alias.", 6) == 0 &&
		    strncmp(a + 6, name, n) == 0 && a[6 + n] == '=')
			return a + 7 + n;
	}
	return NULL;
}

/* An alias with what stands behind it, as git runs it. */
static void
judge_alias(const struct guard_command *c, const char *value, size_t at)
{
	char *rest = guard_join(c->argv + at + 1, c->argc - at - 1, SHELL_LEN_MAX), *text;

	text = xasprintf(
	    "%s%s %s", value[0] == '!' ? "" : "git ", value[0] == '!' ? value + 1 : value, rest);
	guard_text(c->run->g, text, c->dir, c->far);
	free(text);
	free(rest);
}

/* The index of the subcommand; *dir, malloc'ed, is where git runs. */
static size_t
find_subcommand(const struct guard_command *c, char **dir)
{
	static const char *const valued[] = {"-C", "-c", "--git-dir", "--work-tree", "--namespace",
	    "--exec-path", "--super-prefix", "--config-env", NULL};
	char *next;
	size_t i;

	*dir = xstrdup(c->dir);
	for (i = 1; i < c->argc && c->argv[i][0] == '-'; i++) {
		if (strcmp(c->argv[i], "-C") == 0 && i + 1 < c->argc) {
			next = guard_path(*dir, c->argv[i + 1]);
			free(*dir);
			*dir = next;
		}
		if (guard_in(c->argv[i], valued))
			i++;
	}
	return i;
}

/* -c remote.NAME.push=+... and remote.NAME.mirror make any push a forced one. */
static void
judge_options(const struct guard_command *c, size_t end)
{
	size_t i;

	if (strcmp(c->argv[end], "push") != 0)
		return;
	for (i = 1; i < end; i++)
		if (strncmp(c->argv[i], "remote.", 7) == 0 &&
		    (strstr(c->argv[i], ".push=+") != NULL ||
			strstr(c->argv[i], ".mirror=") != NULL))
			guard_report(c, "forcePush", "overwrites what others have");
}

void
guard_git(const struct guard_command *c)
{
	static const char *const rewriters[] = {
	    "git-filter-repo", "git-filter-branch", "bfg", NULL};
	struct guard_command sub = *c;
	const char *value;
	char *dir;
	size_t at, i;

	if (strcmp(c->name, "gh") == 0 && c->argc > 2 && strcmp(c->argv[1], "repo") == 0 &&
	    strcmp(c->argv[2], "delete") == 0)
		guard_report(c, "forcePush", "deletes a repository of others");
	if (guard_in(c->name, rewriters) && !has(c, "--help") && !has(c, "--analyze"))
		lost(c, "rewrites commits");
	if (strcmp(c->name, "git") != 0)
		return;
	at = find_subcommand(c, &dir);
	if (at < c->argc) {
		judge_options(c, at);
		if ((value = alias(c, at, c->argv[at])) != NULL)
			judge_alias(c, value, at);
		sub.argv += at;
		sub.argc -= at;
		sub.dir = dir;
		for (i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
			if (strcmp(subcommands[i].name, c->argv[at]) == 0)
				subcommands[i].judge(&sub);
	}
	free(dir);
}
