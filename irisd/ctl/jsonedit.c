/* SPDX-License-Identifier: MIT
 *
 * See jsonedit.h. The scanner below is simple because the text has passed json_check: it only finds
 * where things begin and end.
 */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/ctl/jsonedit.h"

/* One member of an object, and its neighbours. All are offsets into the text. */
struct member {
	bool found;
	size_t key; /* of the opening quote */
	struct jsonedit_span value;
	size_t prev_end; /* end of the value before; of the brace, when it is the first */
	bool first, last;
	/* Of the object itself, found or not: */
	size_t open;      /* behind its brace */
	size_t close;     /* of its closing brace */
	size_t first_key; /* 0 when it is empty */
	size_t last_end;  /* end of its last value; behind the brace when it is empty */
};

struct text {
	const char *s;
	size_t len;
};

static size_t
skip_blank(const struct text *t, size_t i)
{
	while (i < t->len && strchr(" \t\r\n", t->s[i]) != NULL && t->s[i] != '\0')
		i++;
	return i;
}

static size_t
skip_string(const struct text *t, size_t i)
{
	for (i++; i < t->len && t->s[i] != '"'; i++)
		if (t->s[i] == '\\')
			i++;
	return i + 1;
}

static size_t
skip_value(const struct text *t, size_t i)
{
	size_t depth = 0;

	do {
		char c = t->s[i];
		if (c == '"') {
			i = skip_string(t, i);
		} else if (c == '{' || c == '[') {
			depth++;
			i++;
		} else if (c == '}' || c == ']') {
			depth--;
			i++;
		} else if (depth > 0) {
			i++;
		} else {
			/* A number or a word. */
			while (i < t->len && strchr(",}] \t\r\n", t->s[i]) == NULL)
				i++;
		}
	} while (depth > 0 && i < t->len);
	return i;
}

static bool
key_is(const struct text *t, size_t at, size_t end, const char *name)
{
	cJSON *key = json_parse(t->s + at, end - at, NULL);
	const char *s = cJSON_GetStringValue(key);
	bool same = s != NULL && strcmp(s, name) == 0;

	cJSON_Delete(key);
	return same;
}

/* Find name in the object that begins at at. */
static int
find_member(const struct text *t, size_t at, const char *name, struct member *m, struct err *err)
{
	size_t i, key, end, prev;

	memset(m, 0, sizeof *m);
	m->open = prev = m->last_end = at + 1;
	i = skip_blank(t, at + 1);
	while (i < t->len && t->s[i] != '}') {
		key = i;
		end = skip_string(t, i);
		i = skip_blank(t, skip_blank(t, end) + 1);
		if (m->first_key == 0)
			m->first_key = key;
		m->last = false;
		m->last_end = skip_value(t, i);
		if (key_is(t, key, end, name)) {
			if (m->found)
				return err_set(err, ERR_INVALID,
				    "the name \"%s\" is there twice; mend that first", name);
			m->found = m->last = true;
			m->key = key;
			m->value = (struct jsonedit_span){i, m->last_end - i};
			m->prev_end = prev;
			m->first = m->first_key == key;
		}
		prev = m->last_end;
		i = skip_blank(t, m->last_end);
		if (i < t->len && t->s[i] == ',')
			i = skip_blank(t, i + 1);
	}
	m->close = i;
	return 0;
}

/* Both levels. in->open is 0 when there is no outer member. */
static int
find_both(const struct text *t, const char *outer, const char *name, struct member *out,
    struct member *in, struct err *err)
{
	size_t top;

	memset(in, 0, sizeof *in);
	if (json_check(t->s, t->len, err) == -1)
		return -1;
	top = skip_blank(t, 0);
	if (t->s[top] != '{')
		return err_set(err, ERR_INVALID, "expected an object");
	if (find_member(t, top, outer, out, err) == -1)
		return -1;
	if (!out->found)
		return 0;
	if (t->s[out->value.at] != '{')
		return err_set(err, ERR_INVALID, "\"%s\" is not an object", outer);
	return find_member(t, out->value.at, name, in, err);
}

int
jsonedit_find(const char *text, size_t len, const char *outer, const char *name, bool *found,
    struct jsonedit_span *value, struct err *err)
{
	struct text t = {text, len};
	struct member out, in;

	*found = false;
	if (skip_blank(&t, 0) == len)
		return 0;
	if (find_both(&t, outer, name, &out, &in, err) == -1)
		return -1;
	*found = in.found;
	*value = in.value;
	return 0;
}

/*
 * The blanks in front of the line that at stands in, when nothing else is in front of it there; ""
 * otherwise.
 */
static char *
line_indent(const struct text *t, size_t at)
{
	size_t i = at;

	while (i > 0 && (t->s[i - 1] == ' ' || t->s[i - 1] == '\t'))
		i--;
	if (i == 0 || t->s[i - 1] != '\n')
		return xstrdup("");
	return xstrndup(t->s + i, at - i);
}

/*
 * value with indent in front of every line but the first; on one line where the text has no lines.
 */
static char *
indented(const char *value, const char *indent, bool lines)
{
	size_t n = strlen(indent), len = 0, i;
	char *out = xmalloc(strlen(value) * (n + 1) + 1);

	for (i = 0; value[i] != '\0'; i++) {
		if (value[i] != '\n' || lines)
			out[len++] = value[i];
		if (value[i] != '\n')
			continue;
		if (lines) {
			memcpy(out + len, indent, n);
			len += n;
		} else {
			i += strspn(value + i + 1, " ");
		}
	}
	out[len] = '\0';
	return out;
}

/* The text with del bytes at at replaced. */
static char *
splice(const struct text *t, size_t at, size_t del, const char *ins)
{
	size_t n = strlen(ins);
	char *out = xmalloc(t->len - del + n + 1);

	memcpy(out, t->s, at);
	memcpy(out + at, ins, n);
	memcpy(out + at + n, t->s + at + del, t->len - at - del);
	out[t->len - del + n] = '\0';
	return out;
}

/*
 * Whether the object's members stand on lines of their own; an empty one goes with the object
 * around it.
 */
static bool
has_lines(const struct text *t, const struct member *m)
{
	return memchr(t->s + m->open, '\n', (m->first_key ? m->first_key : m->close) - m->open) !=
	    NULL;
}

/* One level of indentation, as the first member of the top object has it. */
static char *
unit(const struct text *t, const struct member *out)
{
	char *u = out->first_key != 0 ? line_indent(t, out->first_key) : xstrdup("  ");

	if (u[0] == '\0') {
		free(u);
		u = xstrdup("  ");
	}
	return u;
}

/*
 * "name": value behind the last member of the object m; base is the indentation of the object's
 * own line.
 */
static char *
add_member(const struct text *t, const struct member *m, bool lines, const char *base,
    const char *u, const char *name, const char *value)
{
	char *indent = xasprintf("%s%s", base, u), *body = indented(value, indent, lines), *ins,
	     *out;

	if (!lines)
		ins = xasprintf("%s\"%s\":%s", m->first_key ? "," : "", name, body);
	else if (m->first_key != 0)
		ins = xasprintf(",\n%s\"%s\": %s", indent, name, body);
	else
		ins = xasprintf("\n%s\"%s\": %s\n%s", indent, name, body, base);
	/* An empty object may have blanks between its braces: they go. */
	out = splice(t, m->last_end, m->first_key ? 0 : m->close - m->open, ins);
	free(ins);
	free(body);
	free(indent);
	return out;
}

char *
jsonedit_set(const char *text, size_t len, const char *outer, const char *name, const char *value,
    struct err *err)
{
	struct text t = {text, len};
	struct member out, in;
	char *base, *body, *u, *result, *wrapped;
	bool lines;

	if (skip_blank(&t, 0) == len)
		t = (struct text){"{}\n", 3};
	if (find_both(&t, outer, name, &out, &in, err) == -1)
		return NULL;
	lines = has_lines(&t, &out) || out.first_key == 0;
	u = unit(&t, &out);
	if (in.found) {
		base = line_indent(&t, in.key);
		body = indented(value, base, lines);
		result = splice(&t, in.value.at, in.value.len, body);
		free(body);
	} else if (out.found) {
		base = line_indent(&t, out.key);
		if (in.first_key != 0)
			lines = has_lines(&t, &in);
		result = add_member(&t, &in, lines, base, u, name, value);
	} else {
		base = xstrdup("");
		body = indented(value, u, true);
		wrapped = xasprintf("{\n%s\"%s\": %s\n}", u, name, body);
		result = add_member(&t, &out, lines, base, u, outer, wrapped);
		free(wrapped);
		free(body);
	}
	free(base);
	free(u);
	return result;
}

char *
jsonedit_remove(const char *text, size_t len, const char *outer, const char *name, struct err *err)
{
	struct text t = {text, len};
	struct member out, in;
	size_t from, to;

	if (skip_blank(&t, 0) == len)
		return xstrndup(text, len);
	if (find_both(&t, outer, name, &out, &in, err) == -1)
		return NULL;
	if (!in.found)
		return xstrndup(text, len);
	from = in.prev_end;
	to = in.value.at + in.value.len;
	if (in.first && in.last) {
		/* The only one: the braces close up. */
		from = in.open;
		to = in.close;
	} else if (in.first) {
		/* Up to the next member, whose place it takes. */
		from = in.key;
		to = skip_blank(&t, skip_blank(&t, to) + 1);
	}
	return splice(&t, from, to - from, "");
}
