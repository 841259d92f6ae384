/* SPDX-License-Identifier: MIT
 *
 * Adds and removes teams in the text of config.yaml: finds one place, replaces what stands there,
 * loads the result, writes it. Called by iris and by irisd's web role through irisd. What belongs
 * to a team is its lines from the name to the last value, and comments right below that are
 * indented deeper than the name; comments above a team stay.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/config_edit.h"
#include "common/config_edit_impl.h"
#include "common/config_file.h"
#include "common/config_impl.h"
#include "common/config_text.h"
#include "common/nearest.h"
#include "common/xmalloc.h"

/* One edit on its way: the file as it is, and the single place that changes. */
struct edit {
	struct config_file file;
	const char *path;       /* of the file */
	struct config_text old; /* its text, or what a new one begins with */
	struct config *before;
	struct edit_scan scan;
	const char *nl; /* the file's line end */
	bool open_line; /* the text's last line has no end, and the insertion comes below it */
	size_t at;      /* replace this many bytes here ... */
	size_t del;
	char *ins; /* ... by these, to be freed */
	struct err *e;
};

static const char head[] =
    "# Iris: the teams on this machine. Every key is described in iris-config(5);\n"
    "# `iris team add NAME PATH` adds to this file and keeps comments.\n"
    "\n";

/* --- the file --------------------------------------------------------------------------------- */

static void
edit_free(struct edit *x)
{
	free(x->old.s);
	free(x->ins);
	config_free(x->before);
	config_edit_scan_free(&x->scan);
	config_file_release(&x->file);
}

static int
edit_open(struct edit *x, const char *path, bool may_make, struct err *e)
{
	const char *lf;

	memset(x, 0, sizeof *x);
	x->path = path;
	x->e = e;
	if (config_file_read(&x->file, path, e) == -1)
		return -1;
	if (!x->file.exists && !may_make)
		return err_set(
		    e, ERR_NOT_FOUND, "%s: can not be opened: there is no such file", path);
	x->old = x->file.text;
	if (!x->file.exists)
		x->old.len = strlen(head);
	x->old.s = xmalloc(x->old.len + 1);
	memcpy(x->old.s, x->file.exists ? x->file.text.s : head, x->old.len + 1);
	if ((x->before = config_parse(path, x->old.s, x->old.len, e)) == NULL)
		return -1;
	lf = strchr(x->old.s, '\n');
	x->nl = lf != NULL && lf > x->old.s && lf[-1] == '\r' ? "\r\n" : "\n";
	config_edit_scan(&x->scan, x->old.s, x->old.len);
	return 0;
}

static int
refuse(const struct edit *x, size_t at, const char *what)
{
	size_t line, col;

	config_text_position(x->old.s, at, &line, &col);
	return err_set(x->e, ERR_CONFIG, "%s:%zu:%zu: %s; please edit the file by hand", x->path,
	    line, col, what);
}

/*
 * The same teams in the same order, but for the one called name: that must be there after adding,
 * not after removing.
 */
static bool
differs_only_by(
    const struct config *before, const struct config *after, const char *name, bool added)
{
	const struct config *more = added ? after : before, *less = added ? before : after;
	size_t i, j = 0;

	if (more->nteams != less->nteams + 1)
		return false;
	for (i = 0; i < more->nteams; i++) {
		if (strcmp(more->teams[i].name, name) == 0)
			continue;
		if (j == less->nteams || strcmp(more->teams[i].name, less->teams[j++].name) != 0)
			return false;
	}
	return j == less->nteams;
}

static int
edit_apply(struct edit *x, const char *name, bool added)
{
	size_t inslen = strlen(x->ins), len = x->old.len - x->del + inslen;
	char *text = xmalloc(len + 1);
	struct config *after;
	int rv = -1;

	memcpy(text, x->old.s, x->at);
	memcpy(text + x->at, x->ins, inslen);
	memcpy(text + x->at + inslen, x->old.s + x->at + x->del, x->old.len - x->at - x->del);
	text[len] = '\0';
	after = config_parse(x->path, text, len, x->e);
	if (after == NULL) {
		if (x->e != NULL)
			x->e->code = ERR_INVALID;
		err_prefix(x->e, "team \"%s\" can not be %s, nothing is changed: ", name,
		    added ? "added" : "removed");
	} else if (!differs_only_by(x->before, after, name, added))
		refuse(x, x->at, "the teams are written in a form that can not be edited safely");
	else
		rv = config_file_write(&x->file, text, len, x->e);
	config_free(after);
	free(text);
	return rv;
}

/* --- adding ----------------------------------------------------------------------------------- */

struct buf {
	char *s;
	size_t len;
};

static void
put(struct buf *b, const char *s, size_t len)
{
	b->s = xrealloc(b->s, b->len + len + 1);
	memcpy(b->s + b->len, s, len);
	b->len += len;
	b->s[b->len] = '\0';
}

static void
put_line(struct buf *b, size_t indent, const char *key, const char *value, const char *nl)
{
	while (indent-- > 0)
		put(b, " ", 1);
	put(b, key, strlen(key));
	put(b, ":", 1);
	if (value[0] != '\0')
		put(b, " ", 1);
	put(b, value, strlen(value));
	put(b, nl, strlen(nl));
}

/* name: of the key in the section. */
static int
put_field(const struct edit *x, struct buf *b, size_t indent, const char *section, const char *name,
    const struct config_edit_field *f)
{
	const struct config_key *key = config_key_find(section, name);
	char *quoted;

	if (key == NULL || key->type == CONFIG_ENV || key->type == CONFIG_LIST ||
	    key->type == CONFIG_TEAM_PATHS)
		return err_set(
		    x->e, ERR_INVALID, "\"%s\" is not a key that can be set here", f->key);
	if (key->type == CONFIG_BOOL)
		quoted = xstrdup(strcmp(f->value, "true") == 0 ? "true" : "false");
	else
		quoted =
		    config_edit_quote(f->value, key->type == CONFIG_INT ? EDIT_QUOTE_NUMBER : 0);
	if (quoted == NULL)
		return err_set(x->e, ERR_INVALID, "the value of \"%s\" is not valid UTF-8", f->key);
	put_line(b, indent, name, quoted, x->nl);
	free(quoted);
	return 0;
}

static int
put_team(const struct edit *x, struct buf *b, size_t indent, const char *name,
    const struct config_edit_team *team)
{
	static const char within[] = "remoteOptions.";
	char *quoted = config_edit_quote(name, 0);
	size_t i, unit = x->scan.team_unit, n = strlen(within);
	const struct config_edit_field *f;
	bool options = false;
	int rv = 0;

	put_line(b, indent, quoted, "", x->nl);
	free(quoted);
	for (i = 0; rv == 0 && i < team->nfields; i++) {
		f = &team->fields[i];
		if (f->value == NULL)
			continue;
		if (strncmp(f->key, within, n) != 0) {
			rv = put_field(x, b, indent + unit, "teams", f->key, f);
			continue;
		}
		if (!options)
			put_line(b, indent + unit, "remoteOptions", "", x->nl);
		options = true;
		rv = put_field(x, b, indent + 2 * unit, "remoteOptions", f->key + n, f);
	}
	return rv;
}

/* True when x->at is the end of a line without an end. */
static bool
ends_open(const struct edit *x)
{
	return x->at == x->old.len && x->at > x->scan.start && x->old.s[x->at - 1] != '\n';
}

/* Below the last team, with a blank line between when the last two have one. */
static size_t
place_after_teams(struct edit *x, struct buf *b)
{
	const struct edit_entry *last = &x->scan.entries[x->scan.nentries - 1];
	size_t line = edit_line_start(&x->scan, last->key);

	x->at = edit_entry_end(&x->scan, last);
	while (x->scan.nentries > 1 && line > edit_entry_end(&x->scan, last - 1) &&
	    !edit_is_blank(&x->scan, line) &&
	    edit_is_comment(&x->scan, edit_line_start(&x->scan, line - 1)))
		line = edit_line_start(&x->scan, line - 1);
	x->open_line = ends_open(x);
	if (x->scan.nentries > 1 && edit_blank_above(&x->scan, line) && !last->ends_in_text)
		put(b, x->nl, strlen(x->nl));
	return last->key - edit_line_start(&x->scan, last->key);
}

/*
 * "teams:", "teams: ~ # why", "teams: {}": the value goes, the rest of the line stays, the team
 * comes below.
 */
static size_t
place_below_key(struct edit *x, struct buf *b)
{
	size_t end = edit_next_line(&x->scan, x->scan.teams_end), rest = x->scan.teams_end,
	       stop = end;

	x->at = x->scan.teams_start;
	while (rest > x->at && rest < end && strchr(" \t", x->old.s[rest]) != NULL)
		rest++;
	while (stop > rest && strchr(" \t\r\n", x->old.s[stop - 1]) != NULL)
		stop--;
	if (stop == rest)
		while (x->old.s[x->at - 1] == ' ')
			x->at--;
	x->del = end - x->at;
	put(b, x->old.s + rest, stop - rest);
	put(b, x->nl, strlen(x->nl));
	return x->scan.teams_key - edit_line_start(&x->scan, x->scan.teams_key) + x->scan.unit;
}

/* No "teams" yet: it becomes the last key of the file. */
static size_t
place_at_end(struct edit *x, struct buf *b)
{
	size_t indent = 0;

	if (x->scan.root == EDIT_BLOCK)
		indent = x->scan.root_start - edit_line_start(&x->scan, x->scan.root_start);
	x->at = x->scan.doc_end;
	if (x->scan.root == EDIT_FLOW_EMPTY || x->scan.root == EDIT_NULL) {
		x->at = x->scan.root_start;
		if (x->scan.root_end == x->at)
			x->at = edit_next_line(&x->scan, x->at);
		else
			x->del = edit_next_line(&x->scan, x->scan.root_end) - x->at;
	} else if (x->at > x->scan.start && !ends_open(x) && !edit_blank_above(&x->scan, x->at))
		put(b, x->nl, strlen(x->nl));
	x->open_line = ends_open(x);
	put_line(b, indent, "teams", "", x->nl);
	return indent + x->scan.unit;
}

static int
place(struct edit *x, struct buf *b, size_t *indent)
{
	size_t column = x->scan.teams_key - edit_line_start(&x->scan, x->scan.teams_key);

	if (x->scan.root == EDIT_FLOW)
		return refuse(x, x->scan.root_start, "the file is one { } mapping");
	if (x->scan.teams == EDIT_FLOW)
		return refuse(x, x->scan.teams_start, "the teams are written as a { } mapping");
	if (x->scan.teams == EDIT_OTHER)
		return refuse(x, x->scan.teams_key, "the teams are not written here as a mapping");
	if (x->scan.teams != EDIT_NONE &&
	    edit_indent_at(&x->scan, edit_line_start(&x->scan, x->scan.teams_key)) != column)
		return refuse(x, x->scan.teams_key, "\"teams\" does not start its line");
	if (x->scan.teams == EDIT_BLOCK)
		*indent = place_after_teams(x, b);
	else if (x->scan.teams == EDIT_NONE)
		*indent = place_at_end(x, b);
	else
		*indent = place_below_key(x, b);
	return 0;
}

/* A text that did not end in a line end still does not. */
static void
keep_missing_newline(const struct edit *x, struct buf *b)
{
	size_t nl = strlen(x->nl);

	if (x->at + x->del != x->old.len || x->old.len == x->scan.start ||
	    x->old.s[x->old.len - 1] == '\n')
		return;
	b->len -= nl;
	b->s[b->len] = '\0';
	if (x->open_line) {
		b->s = xrealloc(b->s, b->len + nl + 1);
		memmove(b->s + nl, b->s, b->len + 1);
		memcpy(b->s, x->nl, nl);
		b->len += nl;
	}
}

int
config_edit_add_team(
    const char *path, const char *name, const struct config_edit_team *team, struct err *e)
{
	struct edit x;
	struct buf b = {NULL, 0};
	size_t indent = 0;
	int rv = -1;

	if (config_check_team_name(name, e) == -1)
		return -1;
	if (edit_open(&x, path, true, e) == -1)
		goto out;
	if (config_find_team(x.before, name) != NULL) {
		err_set(e, ERR_INVALID, "there is a team \"%s\" already, %s:%zu", name, path,
		    config_find_team(x.before, name)->line);
		goto out;
	}
	if (place(&x, &b, &indent) == 0 && put_team(&x, &b, indent, name, team) == 0) {
		keep_missing_newline(&x, &b);
		x.ins = b.s;
		b.s = NULL;
		rv = edit_apply(&x, name, true);
	}
out:
	free(b.s);
	edit_free(&x);
	return rv;
}

/* --- removing --------------------------------------------------------------------------------- */

static int
not_found(const struct edit *x, const char *name)
{
	const char **names = xcalloc(x->before->nteams + 1, sizeof *names), *near[3];
	char shown[CONFIG_SHOWN], hint[400] = "";
	size_t n, i;

	for (i = 0; i < x->before->nteams; i++)
		names[i] = x->before->teams[i].name;
	n = nearest_names(name, names, x->before->nteams, near, 3);
	free(names);
	config_show(name, strlen(name), shown);
	if (n == 1)
		snprintf(hint, sizeof hint, "; did you mean \"%s\"?", near[0]);
	else if (n == 2)
		snprintf(hint, sizeof hint, "; did you mean \"%s\" or \"%s\"?", near[0], near[1]);
	else if (n == 3)
		snprintf(hint, sizeof hint, "; did you mean \"%s\", \"%s\" or \"%s\"?", near[0],
		    near[1], near[2]);
	return err_set(x->e, ERR_NOT_FOUND, "no team \"%s\" in %s%s", shown, x->path, hint);
}

/*
 * One blank line goes with a team, so that the others keep their distance. Never one inside a |
 * text.
 */
static void
take_blank_line(struct edit *x, size_t i)
{
	bool last = i + 1 == x->scan.nentries;
	size_t end = x->at + x->del, above = x->at == 0 ? 0 : edit_line_start(&x->scan, x->at - 1);
	size_t floor = i == 0 ? edit_next_line(&x->scan, x->scan.teams_key)
			      : edit_entry_end(&x->scan, &x->scan.entries[i - 1]);

	if (edit_blank_above(&x->scan, x->at) && above >= floor) {
		if (last || edit_is_blank(&x->scan, end)) {
			x->del += x->at - above;
			x->at = above;
		}
	} else if (i == 0 && !last && edit_is_blank(&x->scan, end))
		x->del += edit_next_line(&x->scan, end) - end;
}

static int
cut(struct edit *x, const char *name)
{
	size_t i, end;

	if (x->scan.teams != EDIT_BLOCK)
		return refuse(x,
		    x->scan.teams == EDIT_FLOW ? x->scan.teams_start : x->scan.root_start,
		    "the teams are not written one below the other");
	for (i = 0; i < x->scan.nentries; i++)
		if (strcmp(x->scan.entries[i].name, name) == 0)
			break;
	assert(i < x->scan.nentries);
	x->at = edit_line_start(&x->scan, x->scan.entries[i].key);
	if (x->at + edit_indent_at(&x->scan, x->at) != x->scan.entries[i].key)
		return refuse(x, x->scan.entries[i].key, "the team's name does not start its line");
	end = edit_entry_end(&x->scan, &x->scan.entries[i]);
	x->del = end - x->at;
	take_blank_line(x, i);
	if (end == x->old.len && x->old.s[end - 1] != '\n' &&
	    (i == 0 || !x->scan.entries[i - 1].ends_in_text)) {
		size_t nl = x->at > 1 && x->old.s[x->at - 2] == '\r' ? 2 : 1;

		x->at -= nl;
		x->del += nl;
	}
	x->ins = xstrdup("");
	return 0;
}

int
config_edit_remove_team(const char *path, const char *name, struct err *e)
{
	struct edit x;
	int rv = -1;

	if (edit_open(&x, path, false, e) == -1)
		goto out;
	if (config_find_team(x.before, name) == NULL)
		not_found(&x, name);
	else if (cut(&x, name) == 0)
		rv = edit_apply(&x, name, false);
out:
	edit_free(&x);
	return rv;
}
