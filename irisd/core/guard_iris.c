/* SPDX-License-Identifier: MIT
 *
 * Judges for guard.c what would change what Iris allows: its configuration, database and socket,
 * its daemon, answers to its requests, and the permissions that Claude Code itself reads. Also
 * where commands write to: what a redirection does is judged here.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/guard_private.h"

/* Whether path is in Iris's home, or holds permissions of Claude Code. */
static const char *
kept(const struct guard_command *c, const char *path)
{
	const char *iris = c->run->g->place->iris;
	size_t n = iris == NULL ? 0 : strlen(iris), len = strlen(path);
	static const char *const files[] = {"/.claude/settings.json",
	    "/.claude/settings.local.json", "/managed-settings.json", "/.iris/config.yaml",
	    "/.iris/iris.db", "/.claude.json", NULL};
	size_t i;

	if (!c->far && n > 0 && strncmp(path, iris, n) == 0 && (path[n] == '\0' || path[n] == '/'))
		return "changes what Iris keeps";
	for (i = 0; files[i] != NULL; i++)
		if (len >= strlen(files[i]) && strcmp(path + len - strlen(files[i]), files[i]) == 0)
			return "changes what may be done without asking";
	return NULL;
}

/*
 * A pipe or the memory of another process, a Claude or a person's shell: what is written there
 * passes for what they were told. Symlinks are not followed: /proc/self is one.
 */
static bool
is_others(const char *path)
{
	size_t len = strlen(path);

	return strncmp(path, "/proc/", 6) == 0 && strncmp(path, "/proc/self/", 11) != 0 &&
	    (strstr(path, "/fd/") != NULL || strcmp(path + len - 4, "/mem") == 0);
}

void
guard_iris_write(const struct guard_command *c, const char *arg)
{
	const char *why = NULL;
	char *paths[2];
	size_t i;

	if (strlen(arg) > 4096)
		return;
	paths[0] = guard_path(c->dir, arg);
	paths[1] = c->far ? xstrdup(paths[0]) : guard_real(c->run->g, c->dir, arg, true);
	if (is_others(paths[0]))
		why = "writes to another process";
	for (i = 0; i < 2; i++) {
		if (why == NULL)
			why = kept(c, paths[i]);
		free(paths[i]);
	}
	if (why != NULL)
		guard_report(c, "iris", why);
}

static void
writes(const struct guard_command *c, const char *arg)
{
	guard_disk_write(c, arg);
	guard_iris_write(c, arg);
	guard_secret_write(c, arg);
}

void
guard_redirect(const struct guard_command *c, enum shell_op op, const char *arg)
{
	if (op == SHELL_READ || op == SHELL_RDWR)
		guard_secret_read(c, arg);
	if (op != SHELL_READ)
		writes(c, arg);
	if (strncmp(arg, "/dev/tcp/", 9) == 0 || strncmp(arg, "/dev/udp/", 9) == 0)
		guard_secret_send(c, arg + 9);
}

/* Options that say where to: dd of=, curl -o, cp -t, tar -C. */
static void
judge_output(const struct guard_command *c)
{
	static const struct {
		const char *name, *option;
	} options[] = {
	    {"curl", "-o"},
	    {"curl", "--output"},
	    {"wget", "-O"},
	    {"wget", "-P"},
	    {"cp", "-t"},
	    {"mv", "-t"},
	    {"ln", "-t"},
	    {"install", "-t"},
	    {"tar", "-C"},
	    {"bsdtar", "-C"},
	    {"unzip", "-d"},
	    {"sort", "-o"},
	};
	static const char target[] = "--target-directory=";
	size_t i, k;

	for (i = 1; i < c->argc; i++) {
		if (strcmp(c->name, "dd") == 0 && strncmp(c->argv[i], "of=", 3) == 0)
			writes(c, c->argv[i] + 3);
		else if (strncmp(c->argv[i], target, strlen(target)) == 0)
			writes(c, c->argv[i] + strlen(target));
		for (k = 0; i > 1 && k < sizeof(options) / sizeof(options[0]); k++)
			if (strcmp(c->name, options[k].name) == 0 &&
			    strcmp(c->argv[i - 1], options[k].option) == 0)
				writes(c, c->argv[i]);
	}
}

/* Commands that write to their operands, or to the last of them. */
static void
judge_writer(const struct guard_command *c)
{
	static const char *const all[] = {"tee", "rm", "mv", "touch", "truncate", "shred", "unlink",
	    "sponge", "vi", "vim", "nvim", "nano", "emacs", "ed", "ex", "rmdir", "patch", "mkfifo",
	    "mknod", NULL};
	static const char *const last[] = {"cp", "ln", "install", "rsync", "scp", NULL};
	static const char *const in_place[] = {
	    "sed", "perl", "ruby", "gsed", "yq", "jq", "awk", NULL};
	static const char *const modes[] = {"chmod", "chown", NULL};
	bool rest = false, every = guard_in(c->name, all);
	size_t i, end = 0;

	if (guard_in(c->name, in_place))
		every = guard_option(c, 'i', "--in-place", 4);
	judge_output(c);
	for (i = guard_operand(c, 1, &rest); i < c->argc; i = guard_operand(c, i + 1, &rest)) {
		end = i;
		if (every)
			writes(c, c->argv[i]);
	}
	if (guard_in(c->name, last) && end > 0)
		writes(c, c->argv[end]);
	if (guard_in(c->name, modes) && end > 0)
		guard_iris_write(c, c->argv[end]);
}

static bool
says(const struct guard_command *c, size_t from, const char *const *words)
{
	size_t i;

	for (i = from; i < c->argc; i++)
		if (guard_in(c->argv[i], words))
			return true;
	return false;
}

/* The program itself: a noun, and what may be done to it. */
static void
judge_program(const struct guard_command *c)
{
	static const struct {
		const char *noun;
		const char *harmless[6]; /* NULL first: none */
	} nouns[] = {
	    {"approvals", {"list", "show", "--help", "-h", NULL}},
	    {"permission", {"list", "show", "--help", "-h", NULL}},
	    {"permissions", {"list", "show", "--help", "-h", NULL}},
	    {"key", {"list", "--help", "-h", NULL}},
	    {"audit", {"show", "verify", "export", "--help", "-h", NULL}},
	    {"config", {"check", "path", "show", "--help", "-h", NULL}},
	    {"stop", {"--help", "-h", NULL}},
	    {"restart", {"--help", "-h", NULL}},
	    {"uninstall", {"--help", "-h", NULL}},
	    {"dashboard", {"--help", "-h", NULL}},
	};
	bool rest = false;
	size_t i = guard_operand(c, 1, &rest), k;

	if (i >= c->argc)
		return;
	for (k = 0; k < sizeof(nouns) / sizeof(nouns[0]); k++) {
		if (strcmp(c->argv[i], nouns[k].noun) != 0)
			continue;
		if (i + 1 >= c->argc && nouns[k].harmless[2] != NULL)
			continue;
		if (i + 1 >= c->argc || !guard_in(c->argv[i + 1], nouns[k].harmless))
			guard_report(c, "iris", "changes what Iris allows");
	}
	if (strcmp(c->argv[i], "team") == 0 && i + 1 < c->argc)
		for (k = i + 2; k < c->argc; k++)
			if (strncmp(c->argv[k], "-g", 2) == 0 ||
			    strncmp(c->argv[k], "--grant", 7) == 0 ||
			    strncmp(c->argv[k], "--perm", 6) == 0 ||
			    strncmp(c->argv[k], "--allow", 7) == 0)
				guard_report(c, "iris", "changes what Iris allows");
}

/* kill of irisd by name, or by what pidof says. */
static void
judge_kill(const struct guard_command *c)
{
	static const char *const daemons[] = {"irisd", "iris-worker", "iris-mcp-shim",
	    "irisd.service", "irisd.socket", "iris.irisd", NULL};
	static const char *const ends[] = {
	    "stop", "kill", "disable", "mask", "restart", "bootout", "unload", "remove", NULL};
	const struct guard_run *run = c->run;
	size_t self = (size_t)(c->sc - run->sh->v), i, j;

	if (strcmp(c->name, "pkill") == 0 || strcmp(c->name, "killall") == 0) {
		for (i = 1; i < c->argc; i++)
			if (strstr(c->argv[i], "irisd") != NULL ||
			    strncmp(c->argv[i], "iris-", 5) == 0 || strcmp(c->argv[i], "iris") == 0)
				guard_report(c, "iris", "ends Iris");
	} else if (strcmp(c->name, "systemctl") == 0 || strcmp(c->name, "launchctl") == 0) {
		if (says(c, 1, ends) && says(c, 1, daemons))
			guard_report(c, "iris", "ends Iris");
	} else if (strcmp(c->name, "kill") == 0) {
		for (i = c->sc->pipe_from < c->sc->inner && c->sc->pipe_to > c->sc->pipe_from
			 ? c->sc->pipe_from
			 : c->sc->inner;
		     i < self; i++)
			for (j = 1; j < run->args[i].n; j++)
				if (strstr(run->args[i].v[j], "irisd") != NULL ||
				    strstr(run->args[i].v[j], "iris-worker") != NULL)
					guard_report(c, "iris", "ends Iris");
	}
}

/* Words that name the socket or the database, in what could speak with them. */
static void
judge_words(const struct guard_command *c)
{
	static const char *const looks[] = {"ls", "stat", "test", "[", "echo", "printf", "file",
	    "grep", "rg", "git", "find", "lsof", "ss", "netstat", "cat", "head", "tail", "man",
	    "wc", "egrep", "sed", "awk", "cd", "readlink", "realpath", "basename", "dirname",
	    "which", "vim", "less", NULL};
	static const char *const databases[] = {
	    "sqlite3", "sqlite", "litecli", "python", "python3", "node", "perl", "ruby", NULL};
	static const char *const starters[] = {"sudo", "env", "timeout", "nohup", "xargs", NULL};
	size_t i;

	if (guard_in(c->name, looks) || guard_in(c->name, starters))
		return;
	for (i = 1; i < c->argc; i++) {
		if (strstr(c->argv[i], "irisd.sock") != NULL)
			guard_report(c, "iris", "speaks with Iris's socket");
		if (strstr(c->argv[i], "iris.db") != NULL && guard_in(c->name, databases))
			guard_report(c, "iris", "opens Iris's database");
	}
}

/* An answer, or what makes one possible, in a text for another program. */
static bool
answers(const char *text)
{
	static const char *const calls[] = {
	    "permissions_answer", "permission.answer", "permission.remember", "key.create", NULL};
	static const char *const verbs[] = {"allow", "deny", "remember", "revoke", NULL};
	const char *noun = strstr(text, "approvals"), *key = strstr(text, "iris key ");
	size_t i;

	for (i = 0; calls[i] != NULL; i++)
		if (strstr(text, calls[i]) != NULL)
			return true;
	for (i = 0; noun != NULL && verbs[i] != NULL; i++)
		if (strstr(noun, verbs[i]) != NULL)
			return true;
	return key != NULL && strstr(key, "create") != NULL;
}

/* What types, or has something run, where irisd does not see whose it is; and programs as a text. */
static void
judge_elsewhere(const struct guard_command *c)
{
	static const char *const names[] = {"tmux", "screen", "byobu", "zellij", "kitty", "kitten",
	    "wezterm", "xdotool", "ydotool", "osascript", "launchctl", "systemd-run", "crontab",
	    "at", "batch", "emacsclient", "nvim", "vim", "gdb", "lldb", "expect", "dbus-send",
	    "gdbus", "busctl", "curl", "wget", "python", "python3", "node", "deno", "bun", "perl",
	    "ruby", "php", "lua", NULL};
	char *text, *input;

	if (!guard_in(c->name, names))
		return;
	text = guard_join(c->argv, c->argc, SHELL_LEN_MAX);
	input = guard_stdin(c);
	if (answers(text) || (input != NULL && answers(input)))
		guard_report(c, "iris", "answers in a person's place");
	free(text);
	free(input);
}

/* Another Claude Code, without the permissions of this one. */
static void
judge_claude(const struct guard_command *c)
{
	size_t i;

	for (i = 1; i < c->argc; i++)
		if (strstr(c->argv[i], "dangerously-skip-permissions") != NULL ||
		    strncmp(c->argv[i], "bypassPermissions", 17) == 0 ||
		    strcmp(c->argv[i], "--permission-mode=bypassPermissions") == 0)
			guard_report(c, "iris", "starts a Claude that asks nobody");
}

void
guard_iris(const struct guard_command *c)
{
	if (c->sc == NULL)
		return;
	if (strcmp(c->name, "iris") == 0)
		judge_program(c);
	else if (strcmp(c->name, "claude") == 0)
		judge_claude(c);
	judge_kill(c);
	judge_words(c);
	judge_elsewhere(c);
	judge_writer(c);
}
