/* SPDX-License-Identifier: MIT
 *
 * Where the teams stand in the text of config.yaml. Called by config_edit.c with text that has
 * loaded without an error. Goes through libyaml's events and not its tree, since in the tree an
 * alias has the place of its anchor.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "common/config_edit_impl.h"
#include "common/config_text.h"
#include "common/log.h"
#include "common/xmalloc.h"

/*
 * Levels: 0 the root itself, 1 its keys and values, 2 the teams' names and values, 3 a team's keys
 * and values.
 */
#define LEVELS 4

struct walk {
	struct edit_scan *scan;
	uint32_t *byte_of; /* offset of each character: libyaml's marks count characters */
	size_t level;
	size_t children[LEVELS]; /* seen so far in the collection that is open at this level */
	size_t columns[LEVELS];  /* of the first of them */
	bool block[LEVELS];      /* that collection is a block mapping */
	bool in_teams;
};

static uint32_t *
index_text(const char *s, size_t len, size_t start)
{
	uint32_t *byte_of = xreallocarray(NULL, len + 2, sizeof *byte_of);
	size_t at, n = 0;

	for (at = start; at < len; at += config_text_char(s + at, len - at))
		byte_of[n++] = (uint32_t)at;
	while (n < len + 2)
		byte_of[n++] = (uint32_t)len;
	return byte_of;
}

static size_t
offset(const struct walk *w, yaml_mark_t mark)
{
	assert(mark.index < w->scan->len + 2);
	return w->byte_of[mark.index];
}

static enum edit_kind
kind_of(const yaml_event_t *ev)
{
	const char *text;

	if (ev->type == YAML_MAPPING_START_EVENT)
		return ev->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE ? EDIT_FLOW
									       : EDIT_BLOCK;
	if (ev->type != YAML_SCALAR_EVENT || ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
	    ev->data.scalar.anchor != NULL || ev->data.scalar.tag != NULL)
		return EDIT_OTHER;
	text = (const char *)ev->data.scalar.value;
	return text[0] == '\0' || strcmp(text, "~") == 0 || strcasecmp(text, "null") == 0
	    ? EDIT_NULL
	    : EDIT_OTHER;
}

static void
add_entry(struct walk *w, const yaml_event_t *ev)
{
	struct edit_scan *scan = w->scan;
	struct edit_entry *entry;

	scan->entries = xreallocarray(scan->entries, scan->nentries + 1, sizeof *entry);
	entry = &scan->entries[scan->nentries++];
	memset(entry, 0, sizeof *entry);
	entry->name = xstrdup((const char *)ev->data.scalar.value);
	entry->key = offset(w, ev->start_mark);
	entry->end = offset(w, ev->end_mark);
}

/* How far the file indents: the first keys that stand below others tell. */
static void
note_indent(struct walk *w, const yaml_event_t *ev)
{
	size_t column = ev->start_mark.column;

	w->columns[w->level] = column;
	if (w->level < 2 || !w->block[w->level] || !w->block[w->level - 1] ||
	    column <= w->columns[w->level - 1])
		return;
	if (w->scan->unit == 0)
		w->scan->unit = column - w->columns[w->level - 1];
	if (w->in_teams && w->level == 3 && w->scan->team_unit == 0)
		w->scan->team_unit = column - w->columns[2];
}

static void
root_child(struct walk *w, const yaml_event_t *ev, bool is_key)
{
	struct edit_scan *scan = w->scan;

	if (is_key) {
		w->in_teams = ev->type == YAML_SCALAR_EVENT &&
		    strcmp((const char *)ev->data.scalar.value, "teams") == 0;
		if (w->in_teams)
			scan->teams_key = offset(w, ev->start_mark);
	} else if (w->in_teams) {
		scan->teams = kind_of(ev);
		scan->teams_start = offset(w, ev->start_mark);
		scan->teams_end = offset(w, ev->end_mark);
	}
}

/* A key, a value or an entry, at the level of the collection that it is in. */
static void
child(struct walk *w, const yaml_event_t *ev)
{
	bool is_key = w->children[w->level] % 2 == 0;

	if (w->children[w->level] == 0)
		note_indent(w, ev);
	w->children[w->level]++;
	if (w->level == 0) {
		w->scan->root = kind_of(ev);
		w->scan->root_start = offset(w, ev->start_mark);
		w->scan->root_end = offset(w, ev->end_mark);
	} else if (w->level == 1 && w->scan->root == EDIT_BLOCK)
		root_child(w, ev, is_key);
	else if (w->level == 2 && w->in_teams && is_key && w->scan->teams == EDIT_BLOCK)
		add_entry(w, ev);
}

/* The last thing with a text of its own, so far. The end of a block mapping has none. */
static void
note_end(struct walk *w, const yaml_event_t *ev)
{
	struct edit_entry *entry;

	if (!w->in_teams || w->level < 2 || w->scan->nentries == 0 ||
	    (ev->type != YAML_SCALAR_EVENT && ev->end_mark.index == ev->start_mark.index))
		return;
	entry = &w->scan->entries[w->scan->nentries - 1];
	entry->end = offset(w, ev->end_mark);
	entry->ends_in_text = ev->type == YAML_SCALAR_EVENT &&
	    (ev->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
		ev->data.scalar.style == YAML_FOLDED_SCALAR_STYLE);
}

static void
close_collection(struct walk *w, const yaml_event_t *ev)
{
	struct edit_scan *scan = w->scan;
	size_t empty = w->level < LEVELS && w->children[w->level] == 0;

	note_end(w, ev);
	w->level--;
	if (w->level == 0 && scan->root == EDIT_FLOW) {
		scan->root = empty ? EDIT_FLOW_EMPTY : EDIT_FLOW;
		scan->root_end = offset(w, ev->end_mark);
	}
	if (w->level == 1 && w->in_teams && scan->teams == EDIT_FLOW) {
		scan->teams = empty ? EDIT_FLOW_EMPTY : EDIT_FLOW;
		scan->teams_end = offset(w, ev->end_mark);
	}
}

static void
step(struct walk *w, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
	case YAML_ALIAS_EVENT:
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (w->level < LEVELS)
			child(w, ev);
		note_end(w, ev);
		if (ev->type == YAML_SCALAR_EVENT || ev->type == YAML_ALIAS_EVENT)
			break;
		if (++w->level < LEVELS) {
			w->children[w->level] = 0;
			w->block[w->level] = kind_of(ev) == EDIT_BLOCK;
		}
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		close_collection(w, ev);
		break;
	case YAML_DOCUMENT_END_EVENT:
		if (!ev->data.document_end.implicit)
			w->scan->doc_end = offset(w, ev->start_mark);
		break;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_START_EVENT:
		break;
	}
}

void
config_edit_scan(struct edit_scan *scan, const char *text, size_t len)
{
	struct walk w = {.scan = scan};
	yaml_parser_t parser;
	yaml_event_t ev;
	yaml_event_type_t type = YAML_NO_EVENT;

	memset(scan, 0, sizeof *scan);
	scan->s = text;
	scan->len = len;
	scan->doc_end = len;
	scan->start = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	w.byte_of = index_text(text, len, scan->start);
	if (!yaml_parser_initialize(&parser))
		fatalx("libyaml can not be started");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (type != YAML_STREAM_END_EVENT && yaml_parser_parse(&parser, &ev)) {
		type = ev.type;
		step(&w, &ev);
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&parser);
	free(w.byte_of);
	if (scan->unit == 0)
		scan->unit = 2;
	if (scan->team_unit == 0)
		scan->team_unit = scan->unit;
}

void
config_edit_scan_free(struct edit_scan *scan)
{
	size_t i;

	for (i = 0; i < scan->nentries; i++)
		free(scan->entries[i].name);
	free(scan->entries);
}

size_t
edit_line_start(const struct edit_scan *scan, size_t at)
{
	while (at > scan->start && scan->s[at - 1] != '\n')
		at--;
	return at;
}

size_t
edit_next_line(const struct edit_scan *scan, size_t at)
{
	while (at < scan->len && scan->s[at] != '\n')
		at++;
	return at < scan->len ? at + 1 : at;
}

size_t
edit_indent_at(const struct edit_scan *scan, size_t line)
{
	return strspn(scan->s + line, " ");
}

bool
edit_is_blank(const struct edit_scan *scan, size_t line)
{
	char c = scan->s[line + strspn(scan->s + line, " \t\r")];

	return line < scan->len && c == '\n';
}

bool
edit_is_comment(const struct edit_scan *scan, size_t line)
{
	return scan->s[line + edit_indent_at(scan, line)] == '#';
}

bool
edit_blank_above(const struct edit_scan *scan, size_t line)
{
	return line > scan->start && edit_is_blank(scan, edit_line_start(scan, line - 1));
}

size_t
edit_entry_end(const struct edit_scan *scan, const struct edit_entry *entry)
{
	size_t end = entry->end, column = entry->key - edit_line_start(scan, entry->key);

	if (!entry->ends_in_text || end != edit_line_start(scan, end))
		end = edit_next_line(scan, end);
	while (end < scan->len && edit_is_comment(scan, end) && edit_indent_at(scan, end) > column)
		end = edit_next_line(scan, end);
	return end;
}
