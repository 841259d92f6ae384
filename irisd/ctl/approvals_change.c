/* SPDX-License-Identifier: MIT
 *
 * What Write, Edit, MultiEdit and NotebookEdit would do to a file, as two texts to compare: the
 * file as it is now, and as it would be. Reads only regular files of a limited size and never waits for
 * one. Where the file can not be had, what the request itself says is compared. Called by
 * approvals_show.c; prints nothing.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/ctl/approvals.h"

#define FILE_LIMIT ((size_t)4 * 1024 * 1024)

/* The text of the file, malloc'ed; NULL with the reason in note, "" where there is no file. */
static char *
read_file(const char *path, char *note, size_t size)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char *text = NULL;
	struct stat st;
	size_t len = 0;
	ssize_t n = 0;

	note[0] = '\0';
	if (fd == -1) {
		if (errno != ENOENT)
			snprintf(note, size, "the file can not be read: %s", strerror(errno));
		return NULL;
	}
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		snprintf(note, size, "this is no regular file");
	} else if ((uintmax_t)st.st_size > FILE_LIMIT) {
		snprintf(note, size, "the file is too large to compare, %" PRIdMAX " bytes",
		    (intmax_t)st.st_size);
	} else {
		text = xmalloc(FILE_LIMIT + 1);
		while (len < FILE_LIMIT && (n = read(fd, text + len, FILE_LIMIT - len)) > 0)
			len += (size_t)n;
		text[len] = '\0';
		if (n == -1)
			snprintf(note, size, "the file can not be read: %s", strerror(errno));
		else if (!json_utf8_valid(text, len))
			snprintf(note, size, "the file is no text, %zu bytes", len);
	}
	close(fd);
	if (note[0] != '\0') {
		free(text);
		return NULL;
	}
	return text;
}

/* How often part is in text. */
static size_t
count(const char *text, const char *part)
{
	size_t n = 0, len = strlen(part);
	const char *p;

	for (p = text; len > 0 && (p = strstr(p, part)) != NULL; p += len)
		n++;
	return n;
}

/* text with the first of old, or all of them, become new; malloc'ed. */
static char *
replace(const char *text, const char *old, const char *new, bool all)
{
	size_t n = all ? count(text, old) : 1, oldlen = strlen(old), newlen = strlen(new);
	char *out = xmalloc(strlen(text) + n * newlen + 1), *o = out;
	const char *p = text, *found;

	for (; n > 0 && (found = strstr(p, old)) != NULL; n--) {
		memcpy(o, p, (size_t)(found - p));
		o += found - p;
		memcpy(o, new, newlen);
		o += newlen;
		p = found + oldlen;
	}
	memcpy(o, p, strlen(p) + 1);
	return out;
}

/* One edit of *text, which is replaced; false with the reason in note. */
static bool
edit(char **text, const cJSON *e, char *note, size_t size)
{
	const char *old = json_str(e, "old_string"), *new = json_str(e, "new_string");
	bool all = json_bool(e, "replace_all", false);
	char *done;
	size_t n;

	if (old == NULL || new == NULL) {
		snprintf(note, size, "an edit says not what it replaces");
		return false;
	}
	/* An empty text stands for that of a file without any. */
	if (old[0] == '\0' && (*text)[0] == '\0') {
		free(*text);
		*text = xstrdup(new);
		return true;
	}
	n = count(*text, old);
	if (n == 0 || (n > 1 && !all)) {
		if (n == 0)
			snprintf(note, size,
			    "the text that is to be replaced is not in the file as it is now");
		else
			snprintf(note, size,
			    "the text that is to be replaced is in the file %zu times", n);
		return false;
	}
	/* What the edits make of it has a limit as well. */
	if (strlen(*text) + n * strlen(new) > 4 * FILE_LIMIT) {
		snprintf(note, size, "the result is too large to compare");
		return false;
	}
	done = replace(*text, old, new, all);
	free(*text);
	*text = done;
	return true;
}

/* Line by line one behind the other, for edits that can not be tried on the file. */
static char *
joined(const cJSON *const *edits, size_t n, const char *name)
{
	char *all = xstrdup(""), *more;
	size_t i;

	for (i = 0; i < n; i++) {
		const char *s = json_str(edits[i], name);
		size_t len = s == NULL ? 0 : strlen(s);
		more = xasprintf(
		    "%s%s%s", all, s == NULL ? "" : s, len > 0 && s[len - 1] == '\n' ? "" : "\n");
		free(all);
		all = more;
	}
	return all;
}

static void
change_by_edits(struct approvals_change *ch, const cJSON *const *edits, size_t n, char *text)
{
	bool good = text != NULL || ch->note[0] == '\0';
	size_t i;

	if (text == NULL && good)
		snprintf(ch->note, sizeof ch->note, "a new file");
	ch->before = text != NULL ? xstrdup(text) : xstrdup("");
	if (text == NULL)
		text = xstrdup("");
	for (i = 0; i < n && good; i++)
		good = edit(&text, edits[i], ch->note, sizeof ch->note);
	if (good) {
		ch->after = text;
		return;
	}
	free(text);
	free(ch->before);
	ch->before = joined(edits, n, "old_string");
	ch->after = joined(edits, n, "new_string");
}

static void
change_by_edit(struct approvals_change *ch, const cJSON *input, char *text)
{
	const cJSON *list = json_arr(input, "edits"), *e, **edits;
	size_t n = 0;

	edits = xcalloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *edits);
	cJSON_ArrayForEach (e, list)
		edits[n++] = e;
	if (list == NULL)
		edits[n++] = input;
	change_by_edits(ch, edits, n, text);
	free(edits);
}

static void
change_by_write(struct approvals_change *ch, const cJSON *input, char *text)
{
	const char *content = json_str(input, "content");

	if (text == NULL && ch->note[0] == '\0')
		snprintf(ch->note, sizeof ch->note, "a new file");
	ch->before = text != NULL ? text : xstrdup("");
	ch->after = xstrdup(content != NULL ? content : "");
}

/* --- notebooks ---------------------------------------------------------------------------- */

/* What a cell holds: a string or a list of strings; malloc'ed. */
static char *
cell_source(const cJSON *cell)
{
	const cJSON *s = json_get(cell, "source"), *part;
	char *all, *more;

	if (cJSON_IsString(s))
		return xstrdup(s->valuestring);
	all = xstrdup("");
	cJSON_ArrayForEach (part, s) {
		if (!cJSON_IsString(part))
			continue;
		more = xasprintf("%s%s", all, part->valuestring);
		free(all);
		all = more;
	}
	return all;
}

/* By its id, or "cell-N". */
static const cJSON *
find_cell(const cJSON *notebook, const char *id)
{
	const cJSON *cell;
	char name[32];
	int i = 0;

	cJSON_ArrayForEach (cell, json_arr(notebook, "cells")) {
		const char *own = json_str(cell, "id");
		snprintf(name, sizeof name, "cell-%d", i++);
		if (id == NULL || (own != NULL && strcmp(own, id) == 0) || strcmp(name, id) == 0)
			return cell;
	}
	return NULL;
}

static void
change_by_notebook(struct approvals_change *ch, const cJSON *input, char *text)
{
	const char *mode = json_str(input, "edit_mode"), *id = json_str(input, "cell_id"),
		   *new = json_str(input, "new_source");
	cJSON *notebook = NULL;
	const cJSON *cell;
	struct err err;

	if (text != NULL && (notebook = json_parse(text, strlen(text), &err)) == NULL)
		snprintf(ch->note, sizeof ch->note, "the file is no notebook");
	else if (text == NULL && ch->note[0] == '\0')
		snprintf(ch->note, sizeof ch->note, "there is no such file");
	cell = find_cell(notebook, id);
	if (mode != NULL && strcmp(mode, "insert") == 0)
		cell = NULL;
	else if (notebook != NULL && cell == NULL)
		snprintf(ch->note, sizeof ch->note, "the notebook has no such cell");
	ch->before = cell != NULL ? cell_source(cell) : xstrdup("");
	ch->after =
	    xstrdup(new == NULL || (mode != NULL && strcmp(mode, "delete") == 0) ? "" : new);
	cJSON_Delete(notebook);
	free(text);
}

/* --- all of them -------------------------------------------------------------------------- */

static const char *const write_told[] = {"file_path", "content", NULL};
static const char *const edit_told[] = {
    "file_path", "old_string", "new_string", "replace_all", "edits", NULL};
static const char *const notebook_told[] = {"notebook_path", "new_source", NULL};

static const struct {
	const char *tool, *path;
	const char *const *told;
	/* text is taken; NULL when there is none, and why not in ch->note. */
	void (*run)(struct approvals_change *ch, const cJSON *input, char *text);
} tools[] = {
    {"Write", "file_path", write_told, change_by_write},
    {"Edit", "file_path", edit_told, change_by_edit},
    {"MultiEdit", "file_path", edit_told, change_by_edit},
    {"NotebookEdit", "notebook_path", notebook_told, change_by_notebook},
};

/* Where it leads, when a link is on the way to it; of a file that is not there, its directory. */
static char *
real_path(const char *path)
{
	char *real = realpath(path, NULL), *dir, *slash, *whole;

	if (real == NULL && errno == ENOENT) {
		dir = xstrdup(path);
		if ((slash = strrchr(dir, '/')) != NULL && slash != dir) {
			*slash = '\0';
			if ((real = realpath(dir, NULL)) != NULL) {
				whole = xasprintf("%s/%s", real, slash + 1);
				free(real);
				real = whole;
			}
		}
		free(dir);
	}
	if (real != NULL && strcmp(real, path) == 0) {
		free(real);
		real = NULL;
	}
	return real;
}

static char *
whole_path(const char *path, const char *dir, bool remote)
{
	const char *home = getenv("HOME");

	if (strncmp(path, "~/", 2) == 0 && home != NULL && !remote)
		return xasprintf("%s%s", home, path + 1);
	return path[0] == '/' || dir == NULL ? xstrdup(path) : xasprintf("%s/%s", dir, path);
}

bool
approvals_change(struct approvals_change *ch, const char *tool, const cJSON *input, const char *dir,
    bool remote, const char *const **told)
{
	char *text = NULL;
	const char *path;
	size_t i;

	memset(ch, 0, sizeof *ch);
	for (i = 0; i < sizeof tools / sizeof tools[0]; i++)
		if (strcmp(tools[i].tool, tool) == 0)
			break;
	if (i == sizeof tools / sizeof tools[0] ||
	    (path = json_str(input, tools[i].path)) == NULL || path[0] == '\0')
		return false;
	*told = tools[i].told;
	ch->path = whole_path(path, dir, remote);
	if (remote) {
		snprintf(ch->note, sizeof ch->note,
		    "the file is on another machine; this is what the request says");
	} else if (ch->path[0] != '/') {
		snprintf(ch->note, sizeof ch->note,
		    "the team's directory is not known; this is what the request says");
	} else {
		ch->real = real_path(ch->path);
		text = read_file(ch->path, ch->note, sizeof ch->note);
	}
	tools[i].run(ch, input, text);
	return true;
}

void
approvals_change_release(struct approvals_change *ch)
{
	free(ch->path);
	free(ch->real);
	free(ch->before);
	free(ch->after);
}
