/* SPDX-License-Identifier: MIT
 *
 * Commands that start others, for guard.c: what sudo, env, xargs, find -exec, sh -c, ssh and so on
 * run is judged as if it stood alone. What an interpreter such as python or awk runs is not read.
 */
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
	WRAP_ONLY_C = 32
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
    {"ssh", NULL, "BbcDEeFIiJLlmOopQRSWw", 1, WRAP_TEXT | WRAP_FAR},
    {"chroot", NULL, "", 1, WRAP_FAR},
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
    {"bundle", "exec", "", 0, 0},
    {"npx", NULL, "pc", 0, 0},
    {"bunx", NULL, "p", 0, 0},
    {"pnpx", NULL, "", 0, 0},
    {"tmux", "new-session", "censtxyF", 0, WRAP_TEXT},
    {"tmux", "new", "censtxyF", 0, WRAP_TEXT},
    {"tmux", "new-window", "censtF", 0, WRAP_TEXT},
    {"tmux", "split-window", "celtF", 0, WRAP_TEXT},
    {"tmux", "run-shell", "cdt", 0, WRAP_TEXT},
    {"screen", NULL, "SceghpstT", 0, 0},
};

static const char *const shells[] = {
    "sh", "bash", "zsh", "dash", "ksh", "ash", "fish", "mksh", "rbash", NULL};

/* The command argv[from..], in c's place. */
static void
judge_rest(const struct guard_command *c, size_t from, bool far)
{
	struct guard_command sub = *c;

	if (from >= c->argc || c->run->g->depth >= GUARD_DEPTH_MAX)
		return;
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
	    "--unit", "--property", "--command", "--shell", "--role", "--type", NULL};
	static const char *const without[] = {"--rm", "--tty", "--interactive", "--detach",
	    "--privileged", "--init", "--read-only", "--no-deps", "--publish-all", "--clear-groups",
	    "--no-new-privs", "--quiet", "--no-TTY", NULL};

	if (strchr(a, '=') != NULL)
		return false;
	if (strcmp(a, "--user") == 0 && strcmp(w->name, "systemd-run") == 0)
		return false;
	return (w->flags & WRAP_LONG) != 0 ? !guard_in(a, without) : guard_in(a, with);
}

/* The index of the first operand from i on; *text is the value of -c, or of env's -S. */
static size_t
skip_options(const struct guard_command *c, size_t i, const struct wrapper *w, const char **text)
{
	const char *a, *p;
	char taken = w->flags & WRAP_C ? 'c' : strcmp(w->name, "env") == 0 ? 'S' : '\0';

	for (; i < c->argc; i++) {
		a = c->argv[i];
		if (strcmp(a, "--") == 0)
			return i + 1;
		if (a[0] == '-' && a[1] == '-') {
			p = strchr(a, '=');
			if (p != NULL && taken != '\0' &&
			    (strncmp(a, "--command=", 10) == 0 ||
				strncmp(a, "--split-string=", 15) == 0))
				*text = p + 1;
			if (!long_value(w, a))
				continue;
			i++;
			if (strcmp(a, "--command") == 0 && taken == 'c' && i < c->argc)
				*text = c->argv[i];
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
		if (*p == taken && i < c->argc)
			*text = p[1] != '\0' ? p + 1 : c->argv[i];
	}
	return i;
}

/* Values of -c behind the operands, as in "su user -c TEXT". */
static const char *
late_text(const struct guard_command *c, size_t from)
{
	size_t i;

	for (i = from; i + 1 < c->argc; i++)
		if (strcmp(c->argv[i], "-c") == 0 || strcmp(c->argv[i], "--command") == 0)
			return c->argv[i + 1];
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
		judge_rest(c, i, far);
}

static void
unwrap(const struct guard_command *c, const struct wrapper *w)
{
	const char *text = NULL;
	size_t i = 1, skip;
	bool far = (w->flags & WRAP_FAR) != 0;

	if (w->sub != NULL) {
		while (i < c->argc && strcmp(c->argv[i], w->sub) != 0)
			i++;
		i++;
	}
	i = skip_options(c, i, w, &text);
	for (skip = w->skip; skip > 0 && i < c->argc; skip--)
		i++;
	if (text == NULL && (w->flags & WRAP_C))
		text = late_text(c, 1);
	if (text != NULL)
		guard_text(c->run->g, text, c->dir, c->far);
	if (w->flags & WRAP_TEXT)
		judge_text(c, i, far);
	else if ((w->flags & WRAP_ONLY_C) == 0)
		judge_rest(c, i, far);
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
}

/* Operands that are files, as ls and git name them; "piped" where none is given. */
static void
add_files(const struct guard_args *a, struct guard_args *out)
{
	bool some = false;
	size_t i;

	for (i = 1; i < a->n; i++) {
		if (a->v[i][0] == '/' || a->v[i][0] == '~' || strncmp(a->v[i], "..", 2) == 0 ||
		    a->v[i][0] == GUARD_UNKNOWN) {
			guard_args_add(out, xstrdup(a->v[i]));
			some = true;
		}
	}
	if (!some)
		guard_args_add(out, xstrdup("./piped"));
}

/* What may arrive as operands from the pipeline before c. */
static void
piped(const struct guard_command *c, struct guard_args *out)
{
	static const char *const echoes[] = {"echo", "printf", NULL};
	static const char *const files[] = {"git", "grep", "rg", "fd", "ls", "ag", NULL};
	static const char *const filters[] = {"sort", "head", "tail", "uniq", "awk", "sed", "tr",
	    "cut", "xargs", "egrep", "tee", "wc", "dirname", NULL};
	const struct guard_args *a;
	size_t i, j;

	for (i = c->sc->pipe_from; i < c->sc->pipe_to && i < c->sc->pipe_from + 64; i++) {
		a = &c->run->args[i];
		if (a->n == 0)
			continue;
		if (guard_in(a->v[0], echoes)) {
			for (j = 1; j < a->n; j++)
				guard_args_add(out, xstrdup(a->v[j]));
		} else if (strcmp(a->v[0], "find") == 0) {
			guard_find_starts(a->v, a->n, out);
		} else if (guard_in(a->v[0], files) && i == c->sc->pipe_from) {
			add_files(a, out);
		} else if (!guard_in(a->v[0], filters) && strcmp(a->v[0], "grep") != 0) {
			guard_args_add(out, xstrdup("\001"));
		}
	}
	if (out->n == 0)
		guard_args_add(out, xstrdup("\001"));
}

/* s with what instead of each "{}". */
static char *
replaced(const char *s, const char *what)
{
	const char *at = strstr(s, "{}");

	if (at == NULL || strlen(s) > 8192)
		return xstrdup(s);
	return xasprintf("%.*s%s%s", (int)(at - s), s, what, at + 2);
}

/* argv[from..to] with each of the operands at its end, or instead of "{}". */
static void
judge_with(const struct guard_command *c, size_t from, size_t to, const struct guard_args *operands,
    bool replace)
{
	struct guard_command sub = *c;
	struct guard_args argv = {.v = NULL};
	size_t i, j;

	for (i = from; i < to; i++) {
		if (replace && strstr(c->argv[i], "{}") != NULL)
			for (j = 0; j < operands->n; j++)
				guard_args_add(&argv, replaced(c->argv[i], operands->v[j]));
		else
			guard_args_add(&argv, xstrdup(c->argv[i]));
	}
	for (j = 0; j < operands->n && !replace; j++)
		guard_args_add(&argv, xstrdup(operands->v[j]));
	sub.argv = argv.v;
	sub.argc = argv.n;
	if (c->run->g->depth < GUARD_DEPTH_MAX) {
		c->run->g->depth++;
		guard_judge(&sub);
		c->run->g->depth--;
	}
	guard_args_free(&argv);
}

static void
unwrap_xargs(const struct guard_command *c)
{
	static const struct wrapper xargs = {"xargs", NULL, "aEIiLlnPsd", 0, 0};
	struct guard_args operands = {.v = NULL};
	const char *text = NULL;
	size_t i = skip_options(c, 1, &xargs, &text), j;
	bool replace = false;

	if (i >= c->argc)
		return;
	for (j = 1; j < i; j++)
		if (strncmp(c->argv[j], "-I", 2) == 0 || strncmp(c->argv[j], "-i", 2) == 0)
			replace = true;
	piped(c, &operands);
	judge_with(c, i, c->argc, &operands, replace);
	guard_args_free(&operands);
}

void
guard_find_starts(char *const *argv, size_t argc, struct guard_args *out)
{
	static const char *const narrows[] = {"-name", "-iname", "-path", "-ipath", "-regex",
	    "-iregex", "-mtime", "-mmin", "-atime", "-ctime", "-newer", "-size", "-empty", "-user",
	    "-perm", "-wholename", NULL};
	static const char *const before[] = {"-H", "-L", "-P", NULL};
	size_t i, from = 1, to;
	bool narrow = false;

	while (from < argc && guard_in(argv[from], before))
		from++;
	for (to = from; to < argc && strchr("-(!", argv[to][0]) == NULL; to++)
		;
	for (i = to; i < argc; i++)
		if (guard_in(argv[i], narrows) &&
		    (i == 0 || (strcmp(argv[i - 1], "!") != 0 && strcmp(argv[i - 1], "-not") != 0)))
			narrow = true;
	if (to == from)
		guard_args_add(out, xstrdup(narrow ? "./x" : "."));
	for (i = from; i < to; i++)
		guard_args_add(out, narrow ? xasprintf("%s/x", argv[i]) : xstrdup(argv[i]));
}

static void
unwrap_find(const struct guard_command *c)
{
	static const char *const execs[] = {"-exec", "-execdir", "-ok", "-okdir", NULL};
	struct guard_args starts = {.v = NULL};
	size_t i, end;

	guard_find_starts(c->argv, c->argc, &starts);
	for (i = 1; i < c->argc; i++) {
		if (!guard_in(c->argv[i], execs))
			continue;
		for (end = i + 1; end < c->argc && strcmp(c->argv[end], ";") != 0 &&
		     strcmp(c->argv[end], "+") != 0;
		     end++)
			;
		judge_with(c, i + 1, end, &starts, true);
		i = end;
	}
	guard_args_free(&starts);
}

/* parallel COMMAND ::: ARGUMENT ... */
static void
unwrap_parallel(const struct guard_command *c)
{
	static const struct wrapper parallel = {"parallel", NULL, "jNnIaSLd", 0, 0};
	struct guard_args operands = {.v = NULL};
	const char *text = NULL;
	size_t i = skip_options(c, 1, &parallel, &text), end, j;
	bool replace = false;

	for (end = i; end < c->argc && strncmp(c->argv[end], ":::", 3) != 0; end++)
		replace = replace || strstr(c->argv[end], "{}") != NULL;
	for (j = end + 1; j < c->argc; j++)
		guard_args_add(&operands, xstrdup(c->argv[j]));
	if (operands.n == 0)
		piped(c, &operands);
	if (end == i + 1)
		judge_words(c, c->argv + i, 1, false);
	judge_with(c, i, end, &operands, replace);
	guard_args_free(&operands);
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
	static const char *const from_stdin[] = {"at", "batch", NULL};
	size_t i;

	for (i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++) {
		if (strcmp(wrappers[i].name, c->name) == 0 && has_sub(c, wrappers[i].sub))
			unwrap(c, &wrappers[i]);
	}
	if (guard_in(c->name, shells)) {
		unwrap_shell(c);
	} else if (strcmp(c->name, "xargs") == 0) {
		unwrap_xargs(c);
	} else if (strcmp(c->name, "find") == 0) {
		unwrap_find(c);
	} else if (strcmp(c->name, "parallel") == 0) {
		unwrap_parallel(c);
	} else if (strcmp(c->name, "trap") == 0 && c->argc > 1) {
		guard_text(c->run->g, c->argv[1], c->dir, c->far);
	} else if (guard_in(c->name, pods)) {
		for (i = 1; i < c->argc && strcmp(c->argv[i], "--") != 0; i++)
			;
		judge_rest(c, i + 1, true);
	} else if (guard_in(c->name, from_stdin)) {
		judge_stdin(c, false);
	} else if (c->argv[0][0] == GUARD_UNKNOWN && c->argv[0][1] == '\0') {
		/* $SUDO rm: it may be empty, or start the rest. */
		judge_rest(c, 1, false);
	}
}
