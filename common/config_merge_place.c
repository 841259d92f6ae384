/* SPDX-License-Identifier: MIT
 *
 * The changes of the text that a merge makes: where a value is replaced, where entries go and come,
 * in mappings of lines and in those with { }. What belongs to an entry is its lines from the key to
 * the last value, and comments right below that are indented deeper than the key; comments above it
 * stay.
 */
#include <stdlib.h>
#include <string.h>

#include "common/config_merge_impl.h"
#include "common/json.h"
#include "common/xmalloc.h"

/* --- changes ---------------------------------------------------------------------------------- */

void
merge_splice(struct merge *m, size_t at, size_t del, struct config_buf *ins)
{
	m->v = xreallocarray(m->v, m->n + 1, sizeof *m->v);
	m->v[m->n] = (struct splice){at, del, ins->s, ins->len, m->n};
	m->n++;
	ins->s = NULL;
	ins->len = 0;
}

static void
cut(struct merge *m, size_t from, size_t to)
{
	struct config_buf none = {NULL, 0};

	merge_splice(m, from, to - from, &none);
}

static int
by_place(const void *va, const void *vb)
{
	const struct splice *a = va, *b = vb;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

/* Where two changes overlap, what the first took is gone already. */
char *
merge_apply(struct merge *m, size_t *len)
{
	struct config_buf b = {NULL, 0};
	size_t at = 0, i;

	if (m->n > 0)
		qsort(m->v, m->n, sizeof *m->v, by_place);
	for (i = 0; i < m->n; i++) {
		if (m->v[i].at > at)
			config_buf_put(&b, m->t.s + at, m->v[i].at - at);
		if (m->v[i].len > 0)
			config_buf_put(&b, m->v[i].ins, m->v[i].len);
		if (m->v[i].at + m->v[i].del > at)
			at = m->v[i].at + m->v[i].del;
	}
	config_buf_put(&b, m->t.s + at, m->t.len - at);
	*len = b.len;
	return b.s;
}

/* --- places ----------------------------------------------------------------------------------- */

/* Nothing but blanks is before it in its line. */
static bool
starts_line(const struct merge *m, size_t at)
{
	size_t line = edit_line_start(&m->t, at);

	return line + edit_indent_at(&m->t, line) == at;
}

/* Behind the colon of a key; 0 when there is none that can be seen. */
static size_t
behind_colon(const struct merge *m, const struct config_node *key)
{
	size_t at = key->end + strspn(m->t.s + key->end, " \t");

	return m->t.s[at] == ':' ? at + 1 : 0;
}

/* What follows in the line of this place, blanks and the line end aside. */
static bool
line_ends(const struct merge *m, size_t at)
{
	char c = m->t.s[at + strspn(m->t.s + at, " \t\r")];

	return c == '\n' || c == '\0';
}

/* Where the lines of an entry end: after its last value and the deeper comments right below it. */
static size_t
entry_end(const struct merge *m, const struct config_node *map, size_t i)
{
	const struct config_node *key = config_node_key(map, i), *value = config_node_value(map, i);
	size_t column = key->start - edit_line_start(&m->t, key->start);
	size_t end = value->end > key->end ? value->end : key->end;

	if (!(value->keep && end == edit_line_start(&m->t, end)))
		end = edit_next_line(&m->t, end);
	while (end < m->t.len && edit_is_comment(&m->t, end) && edit_indent_at(&m->t, end) > column)
		end = edit_next_line(&m->t, end);
	return end;
}

/* The line of an entry's first comment above it, or of the entry. */
static size_t
entry_top(const struct merge *m, const struct config_node *map, size_t i)
{
	size_t line = edit_line_start(&m->t, config_node_key(map, i)->start), above;

	while (line > m->t.start) {
		above = edit_line_start(&m->t, line - 1);
		if (!edit_is_comment(&m->t, above) || (i > 0 && above < entry_end(m, map, i - 1)))
			break;
		line = above;
	}
	return line;
}

static struct config_style
style_within(const struct merge *m, const struct config_node *map)
{
	struct config_style style = m->style;

	style.flow = !map->block;
	style.json = style.flow && map->n > 0 && m->t.s[config_node_key(map, 0)->start] == '"';
	return style;
}

/* --- one value -------------------------------------------------------------------------------- */

/*
 * The lines of a list or mapping that stands below its key. Refused where they are no lines of their
 * own.
 */
static int
lines_below(const struct merge *m, const struct config_node *value, size_t *from, size_t *to)
{
	size_t start = value->start, i;

	if (value->kind == CONFIG_NODE_LIST && m->t.s[start] != '-')
		for (start = edit_line_start(&m->t, start); m->t.s[start] == ' ';)
			start++;
	if (!starts_line(m, start))
		return merge_refuse(m, value->start, "this does not start its line");
	*from = edit_line_start(&m->t, start);
	*to = value->end;
	for (i = 0; i < value->n && value->kind == CONFIG_NODE_MAP; i++)
		*to = entry_end(m, value, i);
	if (value->kind == CONFIG_NODE_LIST && *to != edit_line_start(&m->t, *to))
		*to = edit_next_line(&m->t, *to);
	return 0;
}

/* The "-" of a list's entry, which must be the first thing in its line. */
static bool
item_line(const struct merge *m, const struct config_node *item, size_t *line)
{
	size_t at = edit_line_start(&m->t, item->start), dash = at + edit_indent_at(&m->t, at);

	*line = at;
	return m->t.s[dash] == '-' && dash + 1 + strspn(m->t.s + dash + 1, " ") == item->start;
}

static size_t
item_end(const struct merge *m, const struct config_node *item)
{
	return item->keep && item->end == edit_line_start(&m->t, item->end)
	    ? item->end
	    : edit_next_line(&m->t, item->end);
}

/* Entries that the list keeps at its beginning and its end stay as they are. */
static int
set_list(struct merge *m, const struct config_node *list, const cJSON *value)
{
	size_t n = (size_t)cJSON_GetArraySize(value), first = 0, last = 0, i, from, to;
	const cJSON **new = xcalloc(n + 1, sizeof(*new)), *item;
	struct config_buf b = {NULL, 0};
	int rv = -1;

	i = 0;
	cJSON_ArrayForEach (item, value)
		new[i++] = item;
	while (first < n && first < list->n &&
	    merge_is_same(m->tree, list->item[first], new[first], false))
		first++;
	while (last < n - first && last < list->n - first &&
	    merge_is_same(m->tree, list->item[list->n - 1 - last], new[n - 1 - last], false))
		last++;
	for (i = 0; i < list->n; i++)
		if (!item_line(m, list->item[i], &from) || list->item[i]->anchor != NULL) {
			merge_refuse(m, list->item[i]->start,
			    "this entry of a list does not stand in a line of its own");
			goto out;
		}
	for (i = first; i < n - last; i++) {
		config_buf_blanks(&b, edit_indent_at(&m->t, from));
		config_buf_put(&b, "- ", 2);
		config_render_flow(&b, new[i], &m->style);
		config_buf_str(&b, m->style.nl);
	}
	if (first < list->n)
		item_line(m, list->item[first], &from);
	else
		from = item_end(m, list->item[list->n - 1]);
	to = first < list->n - last ? item_end(m, list->item[list->n - 1 - last]) : from;
	merge_splice(m, from, to - from, &b);
	rv = 0;
out:
	free(new);
	return rv;
}

/* The value that stands behind the key, or below it, goes; another that needs lines comes. */
static int
set_lines(struct merge *m, const struct config_node *key, const struct config_node *old,
    size_t colon, const cJSON *value)
{
	size_t indent = key->start - edit_line_start(&m->t, key->start) + m->style.unit;
	size_t from = old->start, to = old->end;
	struct config_buf b = {NULL, 0};

	if (old->block && old->kind != CONFIG_NODE_SCALAR) {
		if (lines_below(m, old, &from, &to) == -1)
			return -1;
		config_render_below(&b, indent, value, &m->style);
		merge_splice(m, from, to - from, &b);
		return 0;
	}
	if (line_ends(m, to))
		while (from > colon && strchr(" \t", m->t.s[from - 1]) != NULL)
			from--;
	else
		from -= from > colon;
	cut(m, from, to);
	config_render_below(&b, indent, value, &m->style);
	merge_splice(m, edit_next_line(&m->t, to), 0, &b);
	return 0;
}

/* Another value in one piece: a text, a number, or nothing in brackets. */
static int
set_word(struct merge *m, const struct config_node *key, const struct config_node *old,
    size_t colon, const cJSON *value, const struct config_style *style)
{
	size_t indent = key->start - edit_line_start(&m->t, key->start) + m->style.unit;
	struct config_buf b = {NULL, 0};
	size_t from, to;

	if (old->block && old->kind != CONFIG_NODE_SCALAR) {
		if (lines_below(m, old, &from, &to) == -1)
			return -1;
		cut(m, from, to);
		config_buf_put(&b, " ", 1);
		config_render_flow(&b, value, style);
		merge_splice(m, colon, 0, &b);
		return 0;
	}
	if (old->start == colon)
		config_buf_put(&b, " ", 1);
	if (style->flow || !line_ends(m, old->end) || !config_render_text(&b, indent, value, style))
		config_render_flow(&b, value, style);
	to = old->end;
	/* The end of its last line is a part of such a text, and stays. */
	if (old->keep && to == edit_line_start(&m->t, to)) {
		to--;
		if (to > old->start && m->t.s[to - 1] == '\r')
			to--;
	}
	merge_splice(m, old->start, to - old->start, &b);
	return 0;
}

int
merge_set(struct merge *m, const struct config_node *map, size_t i, const cJSON *value)
{
	const struct config_node *key = config_node_key(map, i), *old = config_node_value(map, i);
	bool lines = map->block && (cJSON_IsObject(value) || cJSON_IsArray(value)) &&
	    !config_render_is_empty(value);
	struct config_style style = style_within(m, map);
	size_t colon = behind_colon(m, key);

	if (colon == 0 || (map->block && !starts_line(m, key->start)))
		return merge_refuse(m, key->start, "this is not written as \"key: value\"");
	if (lines && old->kind == CONFIG_NODE_LIST && old->block && cJSON_IsArray(value))
		return set_list(m, old, value);
	if (lines && (old->kind != CONFIG_NODE_LIST || old->block))
		return set_lines(m, key, old, colon, value);
	return set_word(m, key, old, colon, value, &style);
}

/* --- entries ---------------------------------------------------------------------------------- */

/* The members of the patch that the mapping does not have; called for what merge_entries adds. */
static bool
is_new(const struct config_node *map, const cJSON *patch, const cJSON *member)
{
	return !cJSON_IsNull(member) && !merge_is_repeated(patch, member) &&
	    (map == NULL || map->kind != CONFIG_NODE_MAP ||
		config_node_find(map, member->string) == map->n);
}

/* With a blank line above each where blank is true. False: there is nothing new. */
static bool
render_new(const struct merge *m, struct config_buf *b, size_t indent,
    const struct config_node *map, const cJSON *patch, bool blank)
{
	const cJSON *member;
	bool any = false;

	cJSON_ArrayForEach (member, patch) {
		if (!is_new(map, patch, member))
			continue;
		if (blank)
			config_buf_str(b, m->style.nl);
		config_render_pair(b, indent, member->string, member, &m->style);
		any = true;
	}
	return any;
}

/*
 * One blank line goes with an entry, so that the others keep their distance. Never one inside a |
 * text.
 */
static void
cut_entry(struct merge *m, const struct config_node *map, size_t i)
{
	size_t from = edit_line_start(&m->t, config_node_key(map, i)->start);
	size_t to = entry_end(m, map, i), above;
	size_t floor = i > 0 ? entry_end(m, map, i - 1) : from;
	bool last = i + 1 == map->n;

	if (edit_blank_above(&m->t, from)) {
		above = edit_line_start(&m->t, from - 1);
		if (above >= floor && (last || edit_is_blank(&m->t, to)))
			from = above;
	} else if (i == 0 && !last && edit_is_blank(&m->t, to))
		to = edit_next_line(&m->t, to);
	cut(m, from, to);
}

/* The blank line that is above it is there already. */
static void
drop_line(const struct merge *m, struct config_buf *b)
{
	size_t nl = strlen(m->style.nl);

	b->len -= nl;
	memmove(b->s, b->s + nl, b->len + 1);
}

/* Mappings with one entry a line, below key (NULL: the root). */
static int
change_lines(struct merge *m, const struct config_node *key, const struct config_node *map,
    const bool *gone, const cJSON *patch)
{
	const struct config_node *first = config_node_key(map, 0);
	size_t i, left = 0, end, line, colon = key != NULL ? behind_colon(m, key) : 0;
	struct config_buf b = {NULL, 0};
	bool blank;

	for (i = 0; i < map->n; i++) {
		if (!starts_line(m, config_node_key(map, i)->start))
			return merge_refuse(
			    m, config_node_key(map, i)->start, "this does not start its line");
		left += !gone[i];
	}
	line = entry_top(m, map, map->n - 1);
	end = entry_end(m, map, map->n - 1);
	blank = map->n > 1 && edit_blank_above(&m->t, line) && line > entry_end(m, map, map->n - 2);
	if (key == NULL)
		end = m->tree->doc_end < m->t.len ? m->tree->doc_end : m->t.len;
	for (i = 0; i < map->n; i++)
		if (gone[i])
			cut_entry(m, map, i);
	if (render_new(m, &b, first->start - edit_line_start(&m->t, first->start), map, patch,
		blank || key == NULL)) {
		if (key == NULL && edit_blank_above(&m->t, end))
			drop_line(m, &b);
		merge_splice(m, end, 0, &b);
	} else if (left == 0) {
		if (key != NULL && colon == 0)
			return merge_refuse(m, key->start, "this is not written as \"key: value\"");
		config_buf_str(&b, key != NULL ? " {}" : "{}");
		if (key == NULL)
			config_buf_str(&b, m->style.nl);
		merge_splice(m, key != NULL ? colon : end, 0, &b);
	}
	return 0;
}

/* Between { and }: what is new follows the last that stays, in a line of its own if that has one. */
static int
change_flow(struct merge *m, const struct config_node *map, const bool *gone, const cJSON *patch)
{
	struct config_style style = style_within(m, map);
	struct config_buf b = {NULL, 0};
	size_t i, kept = map->n, from, line;
	const cJSON *member;
	bool first = true;

	for (i = 0; i < map->n; i++)
		if (!gone[i])
			kept = i;
	for (i = 0; kept < map->n && i < kept; i++)
		if (gone[i])
			cut(m, config_node_key(map, i)->start, config_node_key(map, i + 1)->start);
	from = config_node_key(map, 0)->start;
	line = edit_line_start(&m->t, from);
	if (kept < map->n) {
		from = config_node_value(map, kept)->end;
		if (from < config_node_key(map, kept)->end)
			from = config_node_key(map, kept)->end;
		line = edit_line_start(&m->t, config_node_key(map, kept)->start);
	}
	cJSON_ArrayForEach (member, patch) {
		if (!is_new(map, patch, member))
			continue;
		if (!first || kept < map->n) {
			config_buf_put(&b, ",", 1);
			if (kept < map->n && starts_line(m, config_node_key(map, kept)->start)) {
				config_buf_str(&b, m->style.nl);
				config_buf_blanks(&b, edit_indent_at(&m->t, line));
			} else
				config_buf_put(&b, " ", 1);
		}
		first = false;
		config_render_key(&b, member->string, &style);
		config_buf_put(&b, " ", 1);
		config_render_flow(&b, member, &style);
	}
	i = config_node_value(map, map->n - 1)->end;
	if (i < config_node_key(map, map->n - 1)->end)
		i = config_node_key(map, map->n - 1)->end;
	merge_splice(m, from, i > from ? i - from : 0, &b);
	return 0;
}

/* The same between brackets. */
static int
fill_flow(struct merge *m, const struct config_node *key, const struct config_node *node,
    const cJSON *patch)
{
	struct config_style style = m->style;
	size_t colon = behind_colon(m, key);
	struct config_buf b = {NULL, 0};

	if (colon == 0)
		return merge_refuse(m, key->start, "this is not written as \"key: value\"");
	style.flow = true;
	style.json = m->t.s[key->start] == '"';
	if (node->start == colon)
		config_buf_put(&b, " ", 1);
	config_render_flow(&b, patch, &style);
	merge_splice(m, node->start, node->end - node->start, &b);
	return 0;
}

/*
 * "settings:", "settings: ~ # why", "settings: {}": the value goes, the rest of the line stays, the
 * new entries come below.
 */
static int
fill_below(struct merge *m, const struct config_node *key, const struct config_node *node,
    const cJSON *patch)
{
	size_t indent = key->start - edit_line_start(&m->t, key->start) + m->style.unit;
	size_t from = node->start, colon = behind_colon(m, key);
	struct config_buf b = {NULL, 0};

	if (colon == 0 || !starts_line(m, key->start))
		return merge_refuse(m, key->start, "this is not written as \"key: value\"");
	if (line_ends(m, node->end))
		while (from > colon && strchr(" \t", m->t.s[from - 1]) != NULL)
			from--;
	else if (node->end > from)
		from -= from > colon;
	if (node->end > from)
		cut(m, from, node->end);
	render_new(m, &b, indent, NULL, patch, false);
	merge_splice(m, edit_next_line(&m->t, node->end), 0, &b);
	return 0;
}

/* The whole file says nothing yet. */
static int
fill_root(struct merge *m, const struct config_node *root, const cJSON *patch)
{
	size_t at = m->tree->doc_end < m->t.len ? m->tree->doc_end : m->t.len;
	struct config_buf b = {NULL, 0};

	if (root != NULL && root->end > root->start)
		cut(m, root->start, edit_next_line(&m->t, root->end));
	else if (at > m->t.start && !edit_blank_above(&m->t, at))
		config_buf_str(&b, m->style.nl);
	render_new(m, &b, 0, NULL, patch, false);
	merge_splice(m, at, 0, &b);
	return 0;
}

int
merge_entries(struct merge *m, const struct config_node *key, const struct config_node *node,
    const bool *gone, const cJSON *patch)
{
	bool empty = node == NULL || node->kind != CONFIG_NODE_MAP || node->n == 0;

	if (!empty && node->block)
		return change_lines(m, key, node, gone, patch);
	if (!empty)
		return change_flow(m, node, gone, patch);
	if (key == NULL)
		return fill_root(m, node, patch);
	return node->in_flow ? fill_flow(m, key, node, patch) : fill_below(m, key, node, patch);
}
