/* SPDX-License-Identifier: MIT
 *
 * install and uninstall: Iris's entry in Claude Code's user-scope file, as `claude mcp add-json
 * --scope user` writes it, with alwaysLoad (otherwise Claude hides the tools behind its tool
 * search). Shows the change and asks first; the writing itself is in clientfile.c. Never touches
 * another entry.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/ctl/client.h"
#include "irisd/ctl/clientfile.h"
#include "irisd/ctl/ctl.h"
#include "irisd/ctl/term.h"

#define CONTEXT        2 /* lines around a change */
#define LINE_MAX_SHOWN 160

/* --- showing a change ------------------------------------------------------------ */

static size_t
line_len(const char *s)
{
	size_t n = strcspn(s, "\n");

	return s[n] == '\n' ? n + 1 : n;
}

static void
print_line(FILE *f, char mark, const char *s, size_t len)
{
	char *safe;

	if (len > 0 && s[len - 1] == '\n')
		len--;
	safe = term_escape(s, len > LINE_MAX_SHOWN ? LINE_MAX_SHOWN : len, false);
	fprintf(f, "%s%c%s%s%s\n",
	    term_on(f,
		mark == '+'       ? TERM_GREEN
		    : mark == '-' ? TERM_RED
				  : TERM_PLAIN),
	    mark, safe, len > LINE_MAX_SHOWN ? "..." : "", mark == ' ' ? "" : term_off(f));
	free(safe);
}

static void
print_range(FILE *f, char mark, const char *s, const char *end)
{
	while (s < end) {
		print_line(f, mark, s, line_len(s));
		s += line_len(s);
	}
}

/* Back by at most n lines, not before start. */
static const char *
lines_back(const char *start, const char *s, int n)
{
	while (s > start && n-- > 0)
		for (s--; s > start && s[-1] != '\n'; s--)
			continue;
	return s;
}

/*
 * The one place where old and new differ, with some lines around it. To standard error: it belongs
 * to the question.
 */
static void
print_change(const char *path, const char *old, const char *new)
{
	const char *a = old, *b = new, *aend = old + strlen(old), *bend = new + strlen(new), *p;
	int i;

	while (a < aend && line_len(a) == line_len(b) && memcmp(a, b, line_len(a)) == 0) {
		a += line_len(a);
		b += line_len(b);
	}
	for (;;) {
		const char *x = lines_back(a, aend, 1), *y = lines_back(b, bend, 1);
		if (x == aend || y == bend || aend - x != bend - y ||
		    memcmp(x, y, (size_t)(aend - x)) != 0)
			break;
		aend = x;
		bend = y;
	}
	fprintf(stderr, "%s", term_on(stderr, TERM_BOLD));
	term_print(stderr, path, false);
	fprintf(stderr, "%s\n", term_off(stderr));
	print_range(stderr, ' ', lines_back(old, a, CONTEXT), a);
	print_range(stderr, '-', a, aend);
	print_range(stderr, '+', b, bend);
	for (p = bend, i = 0; i < CONTEXT && *p != '\0'; i++, p += line_len(p))
		print_line(stderr, ' ', p, line_len(p));
}

/* --- install ------------------------------------------------------------ */

/* The configuration that a new user begins with. */
static int
make_config(const struct ctl *c, bool *made, struct err *err)
{
	static const char text[] =
	    "# Iris: which projects work together. Every key is described in iris-config(5).\n"
	    "# \"iris team add NAME PATH\" adds a project here and keeps these comments.\n"
	    "\n"
	    "settings:\n"
	    "  maxProcesses: 10       # Claude processes at the same time\n"
	    "  idleTimeout: 3600000   # ms after which an idle one is stopped; its conversation is "
	    "kept\n"
	    "\n"
	    "teams: {}\n";
	ssize_t n;
	int fd;

	*made = false;
	if (paths_make(&c->paths, err) == -1)
		return -1;
	if (access(c->paths.config, F_OK) == 0)
		return 0;
	fd = open(c->paths.config, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1)
		return err_sys(err, ERR_IO, "can not make %s", c->paths.config);
	n = write(fd, text, sizeof text - 1);
	if (close(fd) == -1 || n != (ssize_t)sizeof text - 1)
		return err_sys(err, ERR_IO, "can not write %s", c->paths.config);
	*made = true;
	return 0;
}

/* Show, ask. 0: go on. */
static int
agree(struct ctl *c, const struct clientfile *f, const char *new, const char *question,
    struct err *err)
{
	if (!c->quiet && !c->json)
		print_change(f->path, f->text, new);
	if (ctl_opt(c, "yes") != NULL)
		return 0;
	if (!ctl_can_ask())
		return err_set(err, ERR_INVALID,
		    "there is no terminal to ask on; --yes makes the change without asking");
	return ctl_confirm(question) ? 0 : err_set(err, ERR_CANCELLED, "nothing was changed");
}

static void
print_done(struct ctl *c, const struct clientfile *f, const char *status, bool made_config)
{
	cJSON *tree;

	if (c->json) {
		tree = json_new();
		json_put_str(tree, "status", status);
		json_put_str(tree, "file", f->path);
		json_put_str_opt(tree, "backup", f->backup[0] != '\0' ? f->backup : NULL);
		json_put_str(tree, "config", c->paths.config);
		json_put_bool(tree, "configMade", made_config);
		ctl_print_json(tree);
		return;
	}
	if (strcmp(status, "unchanged") == 0)
		printf("Iris is registered with Claude Code already, in ");
	else if (strcmp(status, "absent") == 0)
		printf("Iris is not registered with Claude Code in ");
	else
		printf("Iris is %s%s%s ", term_on(stdout, TERM_GREEN),
		    strcmp(status, "removed") == 0 ? "removed from" : "registered in",
		    term_off(stdout));
	term_print(stdout, f->path, false);
	putchar('\n');
	if (f->backup[0] != '\0') {
		printf("the old file is ");
		term_print(stdout, f->backup, false);
		putchar('\n');
	}
	if (made_config) {
		printf("new: ");
		term_print(stdout, c->paths.config, false);
		putchar('\n');
	}
	if (strcmp(status, "removed") != 0 && strcmp(status, "absent") != 0)
		printf("\nNext:  iris team add NAME PATH   for each project\n"
		       "       iris doctor               when something does not work\n"
		       "Claude Code sessions that run now see Iris after a restart, or /mcp.\n"
		       "Other programs:  iris install --print all\n");
}

int
ctl_install_run(struct ctl *c, struct err *err)
{
	char shim[PATHS_MAX], *value = NULL, *new = NULL;
	struct clientfile f = {0};
	bool made = false, same;
	int rv = -1;

	if (paths_program("iris-mcp-shim", shim, sizeof shim, err) == -1)
		return -1;
	if (ctl_opt(c, "print") != NULL)
		return client_print(ctl_opt(c, "print"), shim, c->json, err);
	value = client_entry(shim);
	if (clientfile_open(&f, err) == -1)
		goto out;
	if ((new = clientfile_with(&f, value, &same, err)) == NULL)
		goto out;
	if (!same && agree(c, &f, new, "Write this?", err) == -1)
		goto out;
	if (!same && clientfile_change(&f, value, err) == -1)
		goto out;
	if (make_config(c, &made, err) == -1)
		goto out;
	print_done(c, &f, same ? "unchanged" : "installed", made);
	rv = 0;
out:
	clientfile_close(&f);
	free(value);
	free(new);
	return rv;
}

int
ctl_uninstall_run(struct ctl *c, struct err *err)
{
	struct clientfile f = {0};
	char *new = NULL;
	bool same;
	int rv = -1;

	if (clientfile_open(&f, err) == -1)
		goto out;
	if ((new = clientfile_with(&f, NULL, &same, err)) == NULL)
		goto out;
	if (!same && agree(c, &f, new, "Write this?", err) == -1)
		goto out;
	if (!same && clientfile_change(&f, NULL, err) == -1)
		goto out;
	print_done(c, &f, same ? "absent" : "removed", false);
	rv = 0;
out:
	clientfile_close(&f);
	free(new);
	return rv;
}
