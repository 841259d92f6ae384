/* SPDX-License-Identifier: MIT
 *
 * Runs git, see gitdiff.h. What a repository can make git do, and what is done about it:
 *
 *	core.fsmonitor, core.hooksPath, diff.external,
 *	textconv, pagers		switched off by -c and by options
 *	filter.*.clean, .process	listed first (a run of "git config"), each then set to nothing
 *	submodules			only their commits are compared, nothing runs in them
 *	promised objects that miss	never fetched, and no protocol is allowed
 *	core.worktree, a bare
 *	repository in the directory	the work tree is given from outside; bare ones are refused
 *	GIT_* of irisd			the child's environment is made anew
 *
 * safe.directory is left to git: a repository of somebody else's is refused by it.
 */
#include <sys/stat.h>
#include <sys/wait.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/paths.h"
#include "common/spawn.h"
#include "common/xmalloc.h"
#include "irisd/mcp/gitdiff.h"

#define RUNNING_MAX 4  /* at once; two descriptors each */
#define WAITING_MAX 64 /* with those that run */
#define ERRORS_MAX  2048
#define FILTERS_MAX 50
#define ENV_MAX     (32 + 2 * FILTERS_MAX)

#define MORE_DIRS "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"

enum step { STEP_WAITS, STEP_BEGINS, STEP_FILTERS, STEP_DIFF };

struct pipe_end {
	int fd;
	struct event *ev; /* NULL when it has ended */
	char *buf;
	size_t len, max;
	bool full;
};

struct gitdiff {
	TAILQ_ENTRY(gitdiff) entry;
	struct irisd *d;
	enum step step;
	char *git, *dir, *top; /* owned; top has the .git */
	char *filters[FILTERS_MAX];
	int nfilters;
	pid_t pid; /* 0: none, or it was reaped */
	int status;
	struct pipe_end out, errors;
	struct event *timer;
	gitdiff_cb cb;
	void *arg;
};

static TAILQ_HEAD(, gitdiff) all = TAILQ_HEAD_INITIALIZER(all);

static void start_waiting(void);
static void next_step(struct gitdiff *g);

static void
pipe_release(struct pipe_end *p)
{
	if (p->ev != NULL) {
		event_free(p->ev);
		close(p->fd);
	}
	free(p->buf);
	memset(p, 0, sizeof *p);
}

static void
gitdiff_free(struct gitdiff *g)
{
	TAILQ_REMOVE(&all, g, entry);
	if (g->pid != 0)
		kill(-g->pid, SIGKILL);
	pipe_release(&g->out);
	pipe_release(&g->errors);
	if (g->timer != NULL)
		event_free(g->timer);
	while (g->nfilters > 0)
		free(g->filters[--g->nfilters]);
	free(g->git);
	free(g->dir);
	free(g->top);
	free(g);
}

static void
finish(struct gitdiff *g, const char *diff, bool cut, const struct err *why)
{
	gitdiff_cb cb = g->cb;
	void *arg = g->arg;
	char *text = diff != NULL ? xstrdup(diff) : NULL;

	gitdiff_free(g);
	start_waiting();
	cb(text, cut, why, arg);
	free(text);
}

/* git's own words, on one line. */
static void
git_failed(struct gitdiff *g)
{
	struct err err;
	char *s;

	if (g->errors.len > 0) {
		json_utf8_mend(g->errors.buf);
		for (s = g->errors.buf; *s != '\0'; s++)
			if ((unsigned char)*s < ' ')
				*s = ' ';
		while (s > g->errors.buf && s[-1] == ' ')
			*--s = '\0';
	}
	err_set(&err, ERR_IO, "git in %s: %s", g->dir,
	    g->errors.len > 0 ? g->errors.buf : "ended without a word");
	finish(g, NULL, false, &err);
}

static void
diff_done(struct gitdiff *g)
{
	size_t i, n = 0;

	/* A NUL is in no diff: git calls such files binary. Take out those that came all the same. */
	for (i = 0; i < g->out.len && i < GITDIFF_MAX; i++)
		if (g->out.buf[i] != '\0')
			g->out.buf[n++] = g->out.buf[i];
	while (g->out.full && n > 0 && g->out.buf[n - 1] != '\n')
		n--;
	g->out.buf[n] = '\0';
	json_utf8_mend(g->out.buf);
	finish(g, g->out.buf, g->out.full, NULL);
}

/* "scope NUL name NUL" ...: what the repository itself has configured as filters. */
static int
take_filters(struct gitdiff *g)
{
	const char *p = g->out.buf, *end = g->out.buf + g->out.len, *name;
	bool own;

	while (p < end) {
		own = strcmp(p, "local") == 0 || strcmp(p, "worktree") == 0;
		name = p + strlen(p) + 1;
		if (name >= end)
			break;
		p = name + strlen(name) + 1;
		if (!own)
			continue;
		if (g->nfilters == FILTERS_MAX)
			return -1;
		g->filters[g->nfilters++] = xstrdup(name);
	}
	return g->out.full ? -1 : 0;
}

/* Its output has ended, and so has it. */
static void
step_done(struct gitdiff *g)
{
	struct err err;

	if (g->step == STEP_DIFF) {
		if (g->out.full || (WIFEXITED(g->status) && WEXITSTATUS(g->status) == 0))
			diff_done(g);
		else
			git_failed(g);
		return;
	}
	/* git config: 1 when there are none. */
	if (!WIFEXITED(g->status) || WEXITSTATUS(g->status) > 1) {
		git_failed(g);
	} else if (take_filters(g) == -1) {
		err_set(&err, ERR_LIMIT, "%s: the repository configures too many filters", g->dir);
		finish(g, NULL, false, &err);
	} else {
		pipe_release(&g->out);
		pipe_release(&g->errors);
		next_step(g);
	}
}

static void
look(struct gitdiff *g)
{
	if (g->pid == 0 && g->out.ev == NULL && g->errors.ev == NULL)
		step_done(g);
}

static void
pipe_end(struct pipe_end *p)
{
	event_free(p->ev);
	p->ev = NULL;
	close(p->fd);
}

static void
read_cb(evutil_socket_t fd, short what, void *arg)
{
	struct gitdiff *g = arg;
	struct pipe_end *p = fd == g->out.fd && g->out.ev != NULL ? &g->out : &g->errors;
	ssize_t n;

	(void)what;
	n = read(fd, p->buf + p->len, p->max - p->len);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		p->len += (size_t)n;
	p->buf[p->len] = '\0';
	if (p->len == p->max) {
		p->full = true;
		/* Enough of it; of its errors, the beginning is enough. */
		if (p == &g->out && g->pid != 0)
			kill(-g->pid, SIGKILL);
	}
	if (n <= 0 || p->full)
		pipe_end(p);
	look(g);
}

/* It is to begin, or its time is over. */
static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct timeval tv = {GITDIFF_TIMEOUT_MS / 1000, (GITDIFF_TIMEOUT_MS % 1000) * 1000};
	struct gitdiff *g = arg;
	struct err err;

	(void)fd;
	(void)what;
	if (g->step == STEP_BEGINS) {
		evtimer_add(g->timer, &tv);
		next_step(g);
		return;
	}
	err_set(&err, ERR_TIMEOUT, "git in %s took longer than %d s", g->dir,
	    GITDIFF_TIMEOUT_MS / 1000);
	finish(g, NULL, false, &err);
}

static int
pipe_open(struct gitdiff *g, struct pipe_end *p, size_t max, int *child_end)
{
	int fds[2];

	if (compat_pipe(fds) == -1)
		return -1;
	compat_set_nonblock(fds[0]);
	p->fd = fds[0];
	p->max = max;
	p->buf = xcalloc(1, max + 1);
	p->ev = event_new(g->d->loop.base, p->fd, EV_READ | EV_PERSIST, read_cb, g);
	event_add(p->ev, NULL);
	*child_end = fds[1];
	return 0;
}

static void
put_env(char **env, int *n, char *entry)
{
	if (*n < ENV_MAX)
		env[(*n)++] = entry;
	else
		free(entry);
}

/* What git gets to know: where the user's own configuration is, and nothing of irisd's GIT_*. */
static void
make_env(const struct gitdiff *g, char **env)
{
	static const char *const kept[] = {
	    "HOME", "PATH", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME"};
	static const char *const fixed[] = {"LC_ALL=C", "GIT_OPTIONAL_LOCKS=0",
	    "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none", "GIT_TERMINAL_PROMPT=0"};
	const char *value;
	size_t i;
	int n = 0, j;

	for (i = 0; i < sizeof kept / sizeof kept[0]; i++)
		if ((value = getenv(kept[i])) != NULL)
			put_env(env, &n, xasprintf("%s=%s", kept[i], value));
	for (i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
		put_env(env, &n, xstrdup(fixed[i]));
	put_env(env, &n, xasprintf("GIT_WORK_TREE=%s", g->top));
	put_env(env, &n, xasprintf("GIT_CONFIG_COUNT=%d", g->nfilters));
	for (j = 0; j < g->nfilters; j++) {
		put_env(env, &n, xasprintf("GIT_CONFIG_KEY_%d=%s", j, g->filters[j]));
		put_env(env, &n, xasprintf("GIT_CONFIG_VALUE_%d=", j));
	}
	env[n] = NULL;
}

#define SAFE                                                                                       \
	"--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c",        \
	    "diff.external=", "-c", "safe.bareRepository=explicit", "-c", "core.quotePath=false"

static int
run(struct gitdiff *g, struct err *err)
{
	static const char *const filters[] = {"git", SAFE, "config", "--show-scope", "-z",
	    "--name-only", "--get-regexp", "^filter[.]", NULL};
	static const char *const diff[] = {"git", SAFE, "diff", "--no-ext-diff", "--no-textconv",
	    "--no-color", "--ignore-submodules=dirty", "HEAD", "--", ".", NULL};
	const char *const *args = g->step == STEP_FILTERS ? filters : diff;
	char *argv[32] = {NULL}, *env[ENV_MAX + 1];
	int ends[2] = {-1, -1}, i;
	struct spawn s = {.path = g->git, .argv = argv, .envp = env, .dir = g->dir};
	pid_t pid = -1;

	if (pipe_open(g, &g->out, GITDIFF_MAX + 1, &ends[0]) == -1 ||
	    pipe_open(g, &g->errors, ERRORS_MAX, &ends[1]) == -1) {
		err_sys(err, ERR_IO, "no pipe for git");
	} else {
		for (i = 0; args[i] != NULL; i++)
			argv[i] = xstrdup(args[i]);
		make_env(g, env);
		s.fds[0] = -1;
		s.fds[1] = ends[0];
		s.fds[2] = ends[1];
		pid = spawn_process(&s, err);
		for (i = 0; argv[i] != NULL; i++)
			free(argv[i]);
		for (i = 0; env[i] != NULL; i++)
			free(env[i]);
	}
	for (i = 0; i < 2; i++)
		if (ends[i] != -1)
			close(ends[i]);
	if (pid == -1)
		return -1;
	g->pid = pid;
	log_debug("git started pid=%ld dir=%s", (long)pid, g->dir);
	return 0;
}

static void
next_step(struct gitdiff *g)
{
	struct err err;

	g->step++;
	if (run(g, &err) == -1)
		finish(g, NULL, false, &err);
}

/*
 * Let as many begin as may run: from the loop, since this is called in the middle of a caller's
 * work.
 */
static void
start_waiting(void)
{
	static const struct timeval now = {0, 0};
	struct gitdiff *g;
	int running = 0;

	TAILQ_FOREACH (g, &all, entry)
		running += g->step != STEP_WAITS;
	TAILQ_FOREACH (g, &all, entry) {
		if (running == RUNNING_MAX)
			break;
		if (g->step != STEP_WAITS)
			continue;
		running++;
		g->step = STEP_BEGINS;
		evtimer_add(g->timer, &now);
	}
}

/* The directory with the .git that git will find: this one or the nearest above. */
static char *
find_top(const char *dir)
{
	char at[PATHS_MAX], path[PATHS_MAX + 8], *slash;
	struct stat st;

	compat_strlcpy(at, dir, sizeof at);
	for (;;) {
		snprintf(path, sizeof path, "%s/.git", at);
		if (lstat(path, &st) == 0)
			return xstrdup(at[0] != '\0' ? at : "/");
		if ((slash = strrchr(at, '/')) == NULL)
			return NULL;
		*slash = '\0';
	}
}

struct gitdiff *
gitdiff_start(struct irisd *d, const char *dir, gitdiff_cb cb, void *arg, struct err *err)
{
	char git[PATHS_MAX], *top;
	struct gitdiff *g;
	int n = 0;

	if (spawn_search("git", getenv("PATH"), git, sizeof git) == -1 &&
	    spawn_search("git", MORE_DIRS, git, sizeof git) == -1) {
		err_set(err, ERR_NOT_FOUND, "there is no git program in the PATH of irisd");
		return NULL;
	}
	TAILQ_FOREACH (g, &all, entry)
		n++;
	if (n >= WAITING_MAX) {
		err_set(err, ERR_LIMIT, "%d git diffs are being made already; try again later", n);
		return NULL;
	}
	if ((top = find_top(dir)) == NULL) {
		err_set(err, ERR_NOT_FOUND, "%s is in no git repository", dir);
		return NULL;
	}
	g = xcalloc(1, sizeof *g);
	g->d = d;
	g->git = xstrdup(git);
	g->dir = xstrdup(dir);
	g->top = top;
	g->cb = cb;
	g->arg = arg;
	g->timer = evtimer_new(d->loop.base, timer_cb, g);
	TAILQ_INSERT_TAIL(&all, g, entry);
	start_waiting();
	return g;
}

void
gitdiff_cancel(struct gitdiff *g)
{
	gitdiff_free(g);
	start_waiting();
}

bool
gitdiff_reaped(pid_t pid, int status)
{
	struct gitdiff *g;

	TAILQ_FOREACH (g, &all, entry) {
		if (g->pid != pid)
			continue;
		g->pid = 0;
		g->status = status;
		look(g);
		return true;
	}
	return false;
}
