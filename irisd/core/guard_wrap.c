/* SPDX-License-Identifier: MIT
 *
 * Commands that start others, for guard.c: what sudo, env, sh -c, ssh and so on run is judged as if
 * it stood alone; guard_each.c has xargs, find and their like. What an interpreter such as python or
 * awk runs is not read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/guard_private.h"

enum {
	WRAP_ENV = 1,   /* NAME=value may come before the command */
	WRAP_TEXT = 2,  /* the rest is given to a shell */
	WRAP_C = 4,     /* -c TEXT, as well */
	WRAP_FAR = 8,   /* the files are not those of this host */
	WRAP_LONG = 16, /* long options have values, but for the well-known */
	WRAP_ONLY_C = 32,
	WRAP_EARLY = 64 /* -c is its own only before the command */
};

/* sub: what must come first; opts: short options with values; skip: operands before the command */
struct wrapper {
	const char *name, *sub, *opts;
	size_t skip;
	unsigned int flags;
};

static const struct wrapper wrappers[] = {
    {"sudo", NULL, "CDghpRrTtUua", 0, WRAP_ENV},
    {"doas", NULL, "Cu", 0, WRAP_ENV},
    {"pkexec", NULL, "", 0, 0},
    {"run0", NULL, "ugD", 0, 0},
    {"env", NULL, "uCSP", 0, WRAP_ENV},
    {"nice", NULL, "n", 0, 0},
    {"nohup", NULL, "", 0, 0},
    {"timeout", NULL, "ks", 1, 0},
    {"gtimeout", NULL, "ks", 1, 0},
    {"time", NULL, "fo", 0, 0},
    {"stdbuf", NULL, "ioe", 0, 0},
    {"setsid", NULL, "", 0, 0},
    {"ionice", NULL, "cnpPu", 0, 0},
    {"chrt", NULL, "TPD", 1, 0},
    {"taskset", NULL, "", 1, 0},
    {"exec", NULL, "a", 0, 0},
    {"command", NULL, "", 0, 0},
    {"builtin", NULL, "", 0, 0},
    {"busybox", NULL, "", 0, 0},
    {"toybox", NULL, "", 0, 0},
    {"unbuffer", NULL, "", 0, 0},
    {"caffeinate", NULL, "tw", 0, 0},
    {"strace", NULL, "aeEIoOpPsSuUX", 0, 0},
    {"ltrace", NULL, "aeFlonopsuxX", 0, 0},
    {"gosu", NULL, "", 1, 0},
    {"su-exec", NULL, "", 1, 0},
    {"setpriv", NULL, "", 0, WRAP_LONG},
    {"setarch", NULL, "", 1, 0},
    {"linux32", NULL, "", 0, 0},
    {"linux64", NULL, "", 0, 0},
    {"numactl", NULL, "CNimp", 0, 0},
    {"prlimit", NULL, "op", 0, 0},
    {"choom", NULL, "np", 0, 0},
    {"cgexec", NULL, "g", 0, 0},
    {"cpulimit", NULL, "elpP", 0, 0},
    {"chronic", NULL, "", 0, 0},
    {"fakeroot", NULL, "bils", 0, 0},
    {"firejail", NULL, "", 0, 0},
    {"entr", NULL, "", 0, WRAP_TEXT},
    {"systemd-run", NULL, "puEtM", 0, 0},
    {"systemd-inhibit", NULL, "", 0, 0},
    {"unshare", NULL, "", 0, 0},
    {"proxychains4", NULL, "f", 0, 0},
    {"torsocks", NULL, "", 0, 0},
    {"dbus-run-session", NULL, "", 0, 0},
    {"xvfb-run", NULL, "ens", 0, 0},
    {"script", NULL, "cEIOBTomt", 1, WRAP_C | WRAP_ONLY_C},
    {"flock", NULL, "wEc", 1, WRAP_C},
    {"su", NULL, "cgGsw", 1, WRAP_C | WRAP_ONLY_C},
    {"runuser", NULL, "cgGsuw", 0, WRAP_C},
    {"sg", NULL, "c", 1, WRAP_C | WRAP_ONLY_C},
    {"watch", NULL, "nq", 0, WRAP_TEXT},
    {"eval", NULL, "", 0, WRAP_TEXT},
    {"nix-shell", NULL, "pIAE", 0, WRAP_C | WRAP_ONLY_C},
    {"ssh", NULL, "BbcDEeFIiJLlmOopQRSWw", 1, WRAP_TEXT | WRAP_FAR},
    {"mosh", NULL, "p", 1, WRAP_FAR},
    {"vagrant", "ssh", "c", 0, WRAP_C | WRAP_ONLY_C | WRAP_FAR},
    {"gcloud", "ssh", "", 0, WRAP_C | WRAP_ONLY_C | WRAP_FAR},
    {"chroot", NULL, "", 1, WRAP_FAR},
    {"machinectl", "shell", "", 1, WRAP_FAR},
    {"lxc", "exec", "", 1, WRAP_FAR},
    {"incus", "exec", "", 1, WRAP_FAR},
    {"nsenter", NULL, "tSG", 0, WRAP_FAR},
    {"docker", "exec", "euw", 1, WRAP_FAR | WRAP_LONG},
    {"docker", "run", "eupvwhmlcapV", 1, WRAP_FAR | WRAP_LONG},
    {"podman", "exec", "euw", 1, WRAP_FAR | WRAP_LONG},
    {"podman", "run", "eupvwhmlcapV", 1, WRAP_FAR | WRAP_LONG},
    {"nerdctl", "exec", "euw", 1, WRAP_FAR | WRAP_LONG},
    {"docker-compose", "exec", "euw", 1, WRAP_FAR | WRAP_LONG},
    {"docker-compose", "run", "eupvw", 1, WRAP_FAR | WRAP_LONG},
    {"poetry", "run", "", 0, 0},
    {"pipenv", "run", "", 0, 0},
    {"uv", "run", "", 0, 0},
    {"pdm", "run", "", 0, 0},
    {"hatch", "run", "", 0, 0},
    {"conda", "run", "np", 0, 0},
    {"dotenv", "run", "", 0, 0},
    {"direnv", "exec", "", 1, 0},
    {"mise", "exec", "", 0, 0},
    {"mise", "x", "", 0, 0},
    {"asdf", "exec", "", 0, 0},
    {"rbenv", "exec", "", 0, 0},
    {"pyenv", "exec", "", 0, 0},
    {"bundle", "exec", "", 0, 0},
    {"npm", "exec", "cp", 0, WRAP_C | WRAP_EARLY},
    {"npm", "x", "cp", 0, WRAP_C | WRAP_EARLY},
    {"npx", NULL, "pc", 0, WRAP_C | WRAP_EARLY},
    {"pnpm", "exec", "", 0, 0},
    {"pnpm", "dlx", "", 0, 0},
    {"yarn", "exec", "", 0, 0},
    {"yarn", "dlx", "p", 0, 0},
    {"bun", "x", "", 0, 0},
    {"bunx", NULL, "p", 0, 0},
    {"pnpx", NULL, "", 0, 0},
    {"tmux", "new-session", "censtxyF", 0, WRAP_TEXT},
    {"tmux", "new", "censtxyF", 0, WRAP_TEXT},
    {"tmux", "new-window", "censtF", 0, WRAP_TEXT},
    {"tmux", "split-window", "celtF", 0, WRAP_TEXT},
    {"tmux", "run-shell", "cdt", 0, WRAP_TEXT},
    {"screen", NULL, "SceghpstT", 0, 0},
};

static const char *const shells[] = {"sh", "bash", "zsh", "dash", "ksh", "ash", "fish", "mksh",
    "rbash", "yash", "csh", "tcsh", NULL};

void
guard_rest(const struct guard_command *c, size_t from, bool far)
{
	struct guard_command sub = *c;

	if (from >= c->argc)
		return;
	if (c->run->g->depth >= GUARD_DEPTH_MAX) {
		c->run->g->cut = true;
		return;
	}
	sub.argv += from;
	sub.argc -= from;
	if (far) {
		sub.far = true;
		sub.dir = "\001";
	}
	c->run->g->depth++;
	guard_judge(&sub);
	c->run->g->depth--;
}

static void
judge_words(const struct guard_command *c, char *const *v, size_t n, bool far)
{
	char *text = guard_join(v, n, SHELL_LEN_MAX);

	guard_text(c->run->g, text, far ? "\001" : c->dir, far || c->far);
	free(text);
}

/* Whether the long option takes the next word as its value. */
static bool
long_value(const struct wrapper *w, const char *a)
{
	static const char *const with[] = {"--user", "--group", "--chdir", "--signal",
	    "--kill-after", "--adjustment", "--unset", "--max-args", "--max-procs", "--max-lines",
	    "--max-chars", "--delimiter", "--arg-file", "--interval", "--output", "--format",
	    "--host", "--prompt", "--chroot", "--class", "--classdata", "--pid", "--timeout",
	    "--unit", "--property", "--command", "--call", "--run", "--shell", "--role", "--type",
	    NULL};
	static const char *const without[] = {"--rm", "--tty", "--interactive", "--detach",
	    "--privileged", "--init", "--read-only", "--no-deps", "--publish-all", "--clear-groups",
	    "--no-new-privs", "--quiet", "--no-TTY", NULL};

	if (strchr(a, '=') != NULL)
		return false;
	if (strcmp(a, "--user") == 0 && strcmp(w->name, "systemd-run") == 0)
		return false;
	return (w->flags & WRAP_LONG) != 0 ? !guard_in(a, without) : guard_in(a, with);
}

/* What the options say. */
struct said {
	const char *text; /* of -c, or of env's -S */
	const char *dir;  /* of env's -C, sudo's -D: where it runs */
};

/* The option with its value, which may be of use; w has the letters' meaning. */
static void
say(const struct wrapper *w, const char *option, const char *value, struct said *said)
{
	static const char *const texts[] = {"-c", "--command", "--call", "--run", NULL};
	static const char *const runs_in[] = {"sudo", "run0", NULL};
	bool env = strcmp(w->name, "env") == 0;

	if (((w->flags & WRAP_C) != 0 && guard_in(option, texts)) ||
	    (env && (strcmp(option, "-S") == 0 || strcmp(option, "--split-string") == 0)))
		said->text = value;
	else if (strcmp(option, "--chdir") == 0 || (env && strcmp(option, "-C") == 0) ||
	    (guard_in(w->name, runs_in) && strcmp(option, "-D") == 0))
		said->dir = value;
}

/* The index of the first operand from i on. */
static size_t
skip_options(const struct guard_command *c, size_t i, const struct wrapper *w, struct said *said)
{
	char name[24];
	const char *a, *p;

	for (; i < c->argc; i++) {
		a = c->argv[i];
		if (strcmp(a, "--") == 0)
			return i + 1;
		if (a[0] == '-' && a[1] == '-') {
			p = strchr(a, '=');
			if (p != NULL && (size_t)(p - a) < sizeof(name)) {
				snprintf(name, sizeof(name), "%.*s", (int)(p - a), a);
				say(w, name, p + 1, said);
			}
			if (long_value(w, a) && ++i < c->argc)
				say(w, a, c->argv[i], said);
			continue;
		}
		if (a[0] != '-') {
			if ((w->flags & WRAP_ENV) == 0 || strchr(a, '=') == NULL)
				return i;
			continue;
		}
		for (p = a + 1; *p != '\0' && strchr(w->opts, *p) == NULL; p++)
			;
		if (*p == '\0')
			continue;
		if (p[1] == '\0')
			i++;
		snprintf(name, sizeof(name), "-%c", *p);
		if (i < c->argc)
			say(w, name, p[1] != '\0' ? p + 1 : c->argv[i], said);
	}
	return i;
}

size_t
guard_options(const struct guard_command *c, const char *opts)
{
	const struct wrapper w = {c->name, NULL, opts, 0, 0};
	struct said said = {.text = NULL};

	return skip_options(c, 1, &w, &said);
}

/* The value of -c behind the operands, as in "su user -c TEXT". */
static const char *
late_text(const struct guard_command *c)
{
	static const char *const names[] = {"-c", "--command", "--run", NULL};
	size_t i;

	for (i = 1; i < c->argc; i++) {
		if (i + 1 < c->argc && guard_in(c->argv[i], names))
			return c->argv[i + 1];
		if (strncmp(c->argv[i], "--command=", 10) == 0)
			return c->argv[i] + 10;
	}
	return NULL;
}

/* What arrives at the standard input is a command line. */
static void
judge_stdin(const struct guard_command *c, bool far)
{
	char *text = guard_stdin(c);

	if (text != NULL)
		guard_text(c->run->g, text, far ? "\001" : c->dir, far || c->far);
	free(text);
}

/* The rest, argv[i..], as a shell gets it, which may be one itself, as in "ssh host sh -s". */
static void
judge_text(const struct guard_command *c, size_t i, bool far)
{
	if (i < c->argc)
		judge_words(c, c->argv + i, c->argc - i, far);
	else if (far)
		judge_stdin(c, far);
	if (i < c->argc && guard_in(c->argv[i], shells))
		guard_rest(c, i, far);
}

static void
unwrap(const struct guard_command *c, const struct wrapper *w)
{
	struct guard_command sub = *c;
	struct said said = {.text = NULL};
	size_t i = 1, skip;
	bool far = (w->flags & WRAP_FAR) != 0;
	char *dir = NULL;

	if (w->sub != NULL) {
		while (i < c->argc && strcmp(c->argv[i], w->sub) != 0)
			i++;
		i++;
	}
	i = skip_options(c, i, w, &said);
	for (skip = w->skip; skip > 0 && i < c->argc; skip--)
		i++;
	if (w->skip > 0 && i < c->argc && strcmp(c->argv[i], "--") == 0)
		i++;
	if (said.text == NULL && (w->flags & WRAP_C) && (w->flags & WRAP_EARLY) == 0)
		said.text = late_text(c);
	if (said.dir != NULL)
		sub.dir = dir = guard_path(c->dir, said.dir);
	if (said.text != NULL)
		guard_text(c->run->g, said.text, far ? "\001" : sub.dir, far || c->far);
	if (w->flags & WRAP_TEXT)
		judge_text(&sub, i, far);
	else if ((w->flags & WRAP_ONLY_C) == 0)
		guard_rest(&sub, i, far);
	free(dir);
}

static void
set_positional(struct guard *g, char *const *v, size_t n)
{
	struct guard_args value = {.v = NULL}, all = {.v = NULL};
	char digit;
	size_t i;

	for (i = 0; i < n && i < 10; i++) {
		digit = (char)('0' + i);
		guard_args_add(&value, xstrdup(v[i]));
		guard_set(g, &digit, 1, &value);
		if (i > 0)
			guard_args_add(&all, xstrdup(v[i]));
	}
	if (all.n > 0) {
		guard_set(g, "@", 1, &all);
	}
}

/* A script's name, argv[i]: the standard input, or <(..). */
static void
judge_script(const struct guard_command *c, size_t i)
{
	static const char *const inputs[] = {
	    "-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", NULL};
	const struct shell_word *w;
	char *text;
	size_t j;

	if (i >= c->argc || c->sc == NULL)
		return;
	if (guard_in(c->argv[i], inputs))
		judge_stdin(c, false);
	if (c->argv[i][0] != GUARD_UNKNOWN)
		return;
	for (j = 0; j < c->sc->n_words; j++) {
		w = &c->sc->words[j];
		if (w->len < 4 || w->marks[0] != SHELL_MADE || strncmp(w->text, "<(", 2) != 0)
			continue;
		text = guard_output(c->run->g, c->dir, w->text + 2, w->len - 3);
		if (text != NULL)
			guard_text(c->run->g, text, c->dir, c->far);
		free(text);
	}
}

/* sh -c TEXT [NAME ARGUMENT ...], or sh with what arrives at its standard input. */
static void
unwrap_shell(const struct guard_command *c)
{
	bool from_arg = false;
	size_t i;

	for (i = 1; i < c->argc; i++) {
		if (c->argv[i][0] != '-' && c->argv[i][0] != '+')
			break;
		if (strcmp(c->argv[i], "--") == 0) {
			i++;
			break;
		}
		if (c->argv[i][1] == '-')
			continue;
		if (strchr(c->argv[i], 'c') != NULL)
			from_arg = true;
		if (strchr(c->argv[i], 'o') != NULL || strchr(c->argv[i], 'O') != NULL)
			i++;
		if (strcmp(c->argv[i < c->argc ? i : 0], "-s") == 0)
			break;
	}
	if (from_arg && i < c->argc) {
		set_positional(c->run->g, c->argv + i + 1, c->argc - i - 1);
		guard_text(c->run->g, c->argv[i], c->dir, c->far);
		return;
	}
	if (i >= c->argc || strcmp(c->argv[i], "-s") == 0)
		judge_stdin(c, false);
	else
		judge_script(c, i);
}

/* Whether the subcommand is among the words; "command -v" starts nothing. */
static bool
has_sub(const struct guard_command *c, const char *sub)
{
	size_t i;

	if (sub == NULL)
		return strcmp(c->name, "command") != 0 || c->argc < 2 ||
		    (strcmp(c->argv[1], "-v") != 0 && strcmp(c->argv[1], "-V") != 0);
	for (i = 1; i < c->argc; i++)
		if (strcmp(c->argv[i], sub) == 0)
			return true;
	return false;
}

void
guard_unwrap(const struct guard_command *c)
{
	static const char *const pods[] = {"kubectl", "oc", "k", NULL};
	static const char *const fds[] = {"fd", "fdfind", NULL};
	static const char *const sources[] = {"source", ".", NULL};
	static const char *const from_stdin[] = {"at", "batch", NULL};
	size_t i;

	for (i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++) {
		if (strcmp(wrappers[i].name, c->name) == 0 && has_sub(c, wrappers[i].sub))
			unwrap(c, &wrappers[i]);
	}
	if (guard_in(c->name, shells)) {
		unwrap_shell(c);
	} else if (strcmp(c->name, "xargs") == 0) {
		guard_xargs(c);
	} else if (strcmp(c->name, "find") == 0) {
		guard_find(c);
	} else if (guard_in(c->name, fds)) {
		guard_fd(c);
	} else if (guard_in(c->name, sources)) {
		judge_script(c, 1);
	} else if (strcmp(c->name, "parallel") == 0) {
		guard_parallel(c);
	} else if (strcmp(c->name, "trap") == 0 && c->argc > 1) {
		guard_text(c->run->g, c->argv[1], c->dir, c->far);
	} else if (guard_in(c->name, pods)) {
		for (i = 1; i < c->argc && strcmp(c->argv[i], "--") != 0; i++)
			;
		guard_rest(c, i + 1, true);
	} else if (guard_in(c->name, from_stdin)) {
		judge_stdin(c, false);
	} else if (c->argv[0][0] == GUARD_UNKNOWN && c->argv[0][1] == '\0') {
		/* $SUDO rm: it may be empty, or start the rest. */
		guard_rest(c, 1, false);
	}
}
