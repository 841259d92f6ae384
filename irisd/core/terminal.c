/* SPDX-License-Identifier: MIT
 *
 * A table of programs that open windows, tried one after the other, see terminal.h. One that ends
 * in good order, or still runs after a moment, has done it.
 */
#include <sys/wait.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"
#include "common/spawn.h"
#include "common/xmalloc.h"
#include "irisd/core/terminal.h"

#define MOMENT_MS 1000 /* in which a program that can not open a window ends */
#define WORDS_MAX 320  /* ssh may have many options */

extern char **environ;

/* The shim sends these and no others (iris-mcp-shim/relay.c). */
static const char *const variables[] = {"TMUX", "DISPLAY", "WAYLAND_DISPLAY", "TERM_PROGRAM",
    "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", NULL};

enum needs { ANYTHING, TMUX, DISPLAY, ITERM };

/*
 * Words: %d the directory, %t the title, %S the socket of tmux, %c the words of the command, %s the
 * command as one word for a shell.
 */
static const struct {
	const char *how, *program;
	enum needs needs;
	const char *words[10];
} programs[] = {
    /* No -c %d: tmux reads that as a format, in which #(...) is run. It starts where we are. */
    {"tmux", "tmux", TMUX, {"-S", "%S", "new-window", "-n", "%t", "%c"}},
    {"terminal", "osascript", ITERM,
	{"-e", "on run argv", "-e",
	    "tell application \"iTerm\" to tell (create window with default profile) to tell current "
	    "session to write text (item 1 of argv)",
	    "-e", "end run", "%s"}},
    {"terminal", "osascript", ANYTHING,
	{"-e", "on run argv", "-e", "tell application \"Terminal\" to do script (item 1 of argv)",
	    "-e", "end run", "%s"}},
    {"terminal", "x-terminal-emulator", DISPLAY, {"-e", "%c"}},
    {"terminal", "gnome-terminal", DISPLAY, {"--working-directory", "%d", "--", "%c"}},
    {"terminal", "konsole", DISPLAY, {"--workdir", "%d", "-e", "%c"}},
    {"terminal", "xfce4-terminal", DISPLAY, {"--working-directory", "%d", "-x", "%c"}},
    {"terminal", "kitty", DISPLAY, {"--directory", "%d", "%c"}},
    {"terminal", "alacritty", DISPLAY, {"--working-directory", "%d", "-e", "%c"}},
    {"terminal", "wezterm", DISPLAY, {"start", "--cwd", "%d", "--", "%c"}},
    {"terminal", "xterm", DISPLAY, {"-e", "%c"}},
};
#define NPROGRAMS (sizeof programs / sizeof programs[0])

struct terminal {
	TAILQ_ENTRY(terminal) entry; /* irisd.terminals */
	struct irisd *d;
	char *dir, *title, *script, *socket; /* owned; script and socket may be NULL */
	char **argv;                         /* owned, with its words */
	cJSON *env;                          /* owned */
	size_t next;                         /* of programs */
	const char *how, *program;           /* of the one that runs */
	pid_t pid;                           /* 0: none runs */
	struct event *timer;
	terminal_cb cb; /* NULL: nobody waits any more */
	void *arg;
};

static void try_next(struct terminal *t);

/* What the client's terminal has set; NULL: nothing, or empty. */
static const char *
variable(const struct terminal *t, const char *name)
{
	const char *value = t->env != NULL ? json_str(t->env, name) : getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* A Claude that a person starts must not take itself for the child of another one. */
static bool
inherited(const char *entry)
{
	static const char *const out[] = {"CLAUDECODE=", "CLAUDE_CODE_", "CLAUDE_BG_",
	    "CLAUDE_PROJECT_DIR=", "CLAUDE_EFFORT=", "AI_AGENT=", "IRIS_"};
	const char *const *v;
	size_t i, n;

	if (strncmp(entry, "CLAUDE_CODE_USE_", strlen("CLAUDE_CODE_USE_")) == 0 ||
	    strncmp(entry, "IRIS_HOME=", strlen("IRIS_HOME=")) == 0)
		return true;
	for (i = 0; i < sizeof out / sizeof out[0]; i++)
		if (strncmp(entry, out[i], strlen(out[i])) == 0)
			return false;
	for (v = variables; *v != NULL; v++) {
		n = strlen(*v);
		if (strncmp(entry, *v, n) == 0 && entry[n] == '=')
			return false;
	}
	return true;
}

/* Our own environment with the client's variables; malloc'ed, with its words. */
static char **
make_env(const struct terminal *t)
{
	const char *const *v;
	size_t n = 0, i;
	char **env;

	for (i = 0; environ[i] != NULL; i++)
		continue;
	env = xcalloc(i + 8, sizeof *env);
	for (i = 0; environ[i] != NULL; i++)
		if (inherited(environ[i]))
			env[n++] = xstrdup(environ[i]);
	for (v = variables; *v != NULL; v++)
		if (variable(t, *v) != NULL)
			env[n++] = xasprintf("%s=%s", *v, variable(t, *v));
	return env;
}

static void
free_words(char **words)
{
	size_t i;

	for (i = 0; words != NULL && words[i] != NULL; i++)
		free(words[i]);
	free(words);
}

cJSON *
terminal_env(const cJSON *said)
{
	const char *const *v;
	cJSON *env;

	if (said == NULL)
		return NULL;
	env = json_new();
	for (v = variables; *v != NULL; v++)
		json_put_str_opt(env, *v, json_str(said, *v));
	return env;
}

static void
terminal_free(struct terminal *t)
{
	TAILQ_REMOVE(&t->d->terminals, t, entry);
	event_free(t->timer);
	cJSON_Delete(t->env);
	free_words(t->argv);
	free(t->dir);
	free(t->title);
	free(t->script);
	free(t->socket);
	free(t);
}

static void
done(struct terminal *t, bool opened, const struct err *why)
{
	if (t->cb != NULL)
		t->cb(opened ? t->how : NULL, opened ? t->program : NULL, why, t->arg);
	terminal_free(t);
}

static void
wait_ms(struct terminal *t, int64_t ms)
{
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	evtimer_add(t->timer, &tv);
}

/* Start path with these words (taken); -1: it can not even be started. */
static int
start(struct terminal *t, const char *path, char **words, struct err *err)
{
	char **env = make_env(t);
	struct spawn s = {.path = path,
	    .argv = words,
	    .envp = env,
	    .dir = t->dir,
	    .fds = {-1, -1, -1},
	    .own_session = true};

	t->pid = spawn_process(&s, err);
	free_words(env);
	free_words(words);
	if (t->pid == -1) {
		t->pid = 0;
		return -1;
	}
	log_info("terminal started program=%s pid=%ld", path, (long)t->pid);
	wait_ms(t, MOMENT_MS);
	return 0;
}

static char **
make_words(const struct terminal *t, const char *program, const char *const *pattern)
{
	char **words = xcalloc(WORDS_MAX, sizeof *words);
	size_t n = 0, i;

	words[n++] = xstrdup(program);
	for (; *pattern != NULL; pattern++) {
		if (strcmp(*pattern, "%d") == 0)
			words[n++] = xstrdup(t->dir);
		else if (strcmp(*pattern, "%t") == 0)
			words[n++] = xstrdup(t->title);
		else if (strcmp(*pattern, "%S") == 0)
			words[n++] = xstrdup(t->socket);
		else if (strcmp(*pattern, "%s") == 0)
			words[n++] = terminal_command(t->dir, (const char *const *)t->argv);
		else if (strcmp(*pattern, "%c") != 0)
			words[n++] = xstrdup(*pattern);
		else
			for (i = 0; t->argv[i] != NULL && n < WORDS_MAX - 1; i++)
				words[n++] = xstrdup(t->argv[i]);
	}
	return words;
}

static bool
applies(const struct terminal *t, enum needs needs)
{
	const char *program = variable(t, "TERM_PROGRAM");

	switch (needs) {
	case ANYTHING:
		break;
	case TMUX:
		return t->socket != NULL;
	case DISPLAY:
		return variable(t, "DISPLAY") != NULL || variable(t, "WAYLAND_DISPLAY") != NULL;
	case ITERM:
		return program != NULL && strcmp(program, "iTerm.app") == 0;
	}
	return true;
}

static void
try_next(struct terminal *t)
{
	char path[PATHS_MAX];
	const char *dirs = getenv("PATH");
	struct err err;
	size_t i;

	while (t->next < NPROGRAMS) {
		i = t->next++;
		if (!applies(t, programs[i].needs) ||
		    spawn_search(programs[i].program, dirs != NULL ? dirs : "/usr/bin:/bin", path,
			sizeof path) == -1)
			continue;
		t->how = programs[i].how;
		t->program = programs[i].program;
		if (start(t, path, make_words(t, t->program, programs[i].words), &err) == 0)
			return;
		log_warn("terminal not started program=%s reason=%s", path, err.msg);
	}
	done(t, false, NULL);
}

/* The user's own: Iris MCP's arguments, the directory and the command as one word. */
static void
try_script(struct terminal *t)
{
	bool direct = access(t->script, X_OK) == 0;
	char **words = xcalloc(5, sizeof *words);
	struct err err;
	size_t n = 0;

	if (!direct)
		words[n++] = xstrdup("sh");
	words[n++] = xstrdup(t->script);
	words[n++] = xstrdup(t->dir);
	words[n] = terminal_command(NULL, (const char *const *)t->argv);
	t->how = "script";
	t->program = t->script;
	if (start(t, direct ? t->script : "/bin/sh", words, &err) == -1)
		done(t, false, &err);
}

/* At first: begin; then: the moment is over, and it runs. */
static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct terminal *t = arg;

	(void)fd;
	(void)what;
	if (t->pid != 0)
		done(t, true, NULL);
	else if (t->script != NULL)
		try_script(t);
	else
		try_next(t);
}

void
terminal_open(struct irisd *d, const struct terminal_wish *w, terminal_cb cb, void *arg)
{
	struct terminal *t = xcalloc(1, sizeof *t);
	const char *tmux;
	size_t n = 0;

	t->d = d;
	t->cb = cb;
	t->arg = arg;
	t->dir = xstrdup(w->dir);
	t->title = xstrdup(w->title);
	t->script = xstrdup_null(w->script);
	t->env = w->env != NULL ? cJSON_Duplicate(w->env, true) : NULL;
	while (w->argv[n] != NULL)
		n++;
	t->argv = xcalloc(n + 1, sizeof *t->argv);
	for (n = 0; w->argv[n] != NULL; n++)
		t->argv[n] = xstrdup(w->argv[n]);
	/* "socket,pid,session" */
	if ((tmux = variable(t, "TMUX")) != NULL && tmux[0] == '/')
		t->socket = xstrndup(tmux, strcspn(tmux, ","));
	t->timer = evtimer_new(d->loop.base, timer_cb, t);
	TAILQ_INSERT_TAIL(&d->terminals, t, entry);
	wait_ms(t, 0);
}

void
terminal_unwatch(struct irisd *d, void *arg)
{
	struct terminal *t;

	TAILQ_FOREACH (t, &d->terminals, entry)
		if (t->arg == arg)
			t->cb = NULL;
}

bool
terminal_reaped(struct irisd *d, pid_t pid, int status)
{
	struct terminal *t;
	struct err err;

	TAILQ_FOREACH (t, &d->terminals, entry)
		if (t->pid == pid)
			break;
	if (t == NULL)
		return false;
	evtimer_del(t->timer);
	t->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		done(t, true, NULL);
		return true;
	}
	log_warn("terminal not opened program=%s status=%d", t->program,
	    WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
	if (t->script == NULL) {
		try_next(t);
		return true;
	}
	err_set(&err, ERR_IO, "%s ended with status %d", t->script,
	    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	done(t, false, &err);
	return true;
}

void
terminal_forget_all(struct irisd *d)
{
	while (!TAILQ_EMPTY(&d->terminals))
		terminal_free(TAILQ_FIRST(&d->terminals));
}

/* A word as a shell reads it back. */
static char *
quote(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-./=:,@+";
	char *out, *p;

	if (word[0] != '\0' && word[strspn(word, plain)] == '\0')
		return xstrdup(word);
	out = p = xmalloc(4 * strlen(word) + 3);
	*p++ = '\'';
	for (; *word != '\0'; word++) {
		if (*word == '\'') {
			memcpy(p, "'\\''", 4);
			p += 4;
		} else {
			*p++ = *word;
		}
	}
	*p++ = '\'';
	*p = '\0';
	return out;
}

char *
terminal_command(const char *dir, const char *const *argv)
{
	char *text = NULL, *word, *more;

	if (dir != NULL) {
		word = quote(dir);
		text = xasprintf("cd %s &&", word);
		free(word);
	}
	for (; *argv != NULL; argv++) {
		word = quote(*argv);
		more = xasprintf("%s%s%s", text != NULL ? text : "", text != NULL ? " " : "", word);
		free(word);
		free(text);
		text = more;
	}
	return text;
}
