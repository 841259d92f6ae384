/* SPDX-License-Identifier: MIT
 *
 * The strict JSON scanner: one pass over the bytes, no memory, no recursion. It decides what is
 * JSON here (RFC 8259, with strings that are valid UTF-8 and hold no U+0000) and finds the raw
 * text of a member. It builds nothing.
 */
#include <stdint.h>
#include <string.h>

#include "common/json.h"

struct scan {
	const char *start, *p, *end;
	const char *why;
};

/*
 * The length of the UTF-8 sequence at p, or 0: RFC 3629 section 4, no overlong forms, no
 * surrogates.
 */
static size_t
utf8_len(const unsigned char *p, size_t left)
{
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	if (p[0] < 0xe0)
		return left >= 2 && (p[1] & 0xc0) == 0x80 ? 2 : 0;
	if (p[0] < 0xf0) {
		if (left < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80)
			return 0;
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
			return 0;
		return 3;
	}
	if (left < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80)
		return 0;
	if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return 4;
}

bool
json_utf8_valid(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s, *end = p + len;

	while (p < end) {
		size_t n = *p == 0 ? 0 : utf8_len(p, (size_t)(end - p));
		if (n == 0)
			return false;
		p += n;
	}
	return true;
}

void
json_utf8_mend(char *s)
{
	size_t len = strlen(s), in = 0, out = 0, n;

	while (in < len) {
		n = utf8_len((const unsigned char *)s + in, len - in);
		memmove(s + out, s + in, n);
		out += n;
		in += n > 0 ? n : 1;
	}
	s[out] = '\0';
}

size_t
json_utf8_prefix(const char *s, size_t max)
{
	size_t n = 0;

	while (max > 0 && s[n] != '\0') {
		n++;
		while (((unsigned char)s[n] & 0xc0) == 0x80)
			n++;
		max--;
	}
	return n;
}

static int
fail(struct scan *s, const char *why)
{
	s->why = why;
	return -1;
}

static void
skip_space(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static int
hex4(struct scan *s, unsigned *out)
{
	unsigned v = 0;
	int i;

	for (i = 0; i < 4; i++) {
		char c = s->p < s->end ? *s->p : '\0';
		if (c >= '0' && c <= '9')
			v = v * 16 + (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + (unsigned)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			v = v * 16 + (unsigned)(c - 'A') + 10;
		else
			return fail(s, "bad \\u escape");
		s->p++;
	}
	*out = v;
	return 0;
}

static int
scan_escape(struct scan *s)
{
	unsigned v, low;
	char c;

	s->p++;
	c = s->p < s->end ? *s->p++ : '\0';
	if (c != 'u')
		return c != '\0' && strchr("\"\\/bfnrt", c) != NULL ? 0 : fail(s, "bad escape");
	if (hex4(s, &v) == -1)
		return -1;
	if (v == 0)
		return fail(s, "\\u0000 is not accepted");
	if (v >= 0xdc00 && v <= 0xdfff)
		return fail(s, "lone surrogate");
	if (v >= 0xd800 && v <= 0xdbff) {
		if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u')
			return fail(s, "lone surrogate");
		s->p += 2;
		if (hex4(s, &low) == -1)
			return -1;
		if (low < 0xdc00 || low > 0xdfff)
			return fail(s, "lone surrogate");
	}
	return 0;
}

#define EACH(byte) (0x0101010101010101ull * (byte))

/* Past what is most of a string: ASCII without quotes, backslashes and control characters. */
static void
skip_plain(struct scan *s)
{
	uint64_t w, quote, escape, special;

	/* Eight at a time; the high bit of a byte tells, carries make it wrong only behind a hit. */
	while (s->end - s->p >= 8) {
		memcpy(&w, s->p, 8);
		quote = w ^ EACH('"');
		escape = w ^ EACH('\\');
		special = w | (w - EACH(0x20)) | (quote - EACH(1)) | (escape - EACH(1));
		if ((special & EACH(0x80)) != 0)
			break;
		s->p += 8;
	}
	while (s->p < s->end && (unsigned char)*s->p >= 0x20 && (unsigned char)*s->p < 0x80 &&
	    *s->p != '"' && *s->p != '\\')
		s->p++;
}

static int
scan_string(struct scan *s)
{
	s->p++;
	for (;;) {
		unsigned char c;
		skip_plain(s);
		if (s->p == s->end)
			return fail(s, "string without an end");
		c = (unsigned char)*s->p;
		if (c == '"') {
			s->p++;
			return 0;
		}
		if (c < 0x20)
			return fail(s, "control character in a string");
		if (c == '\\') {
			if (scan_escape(s) == -1)
				return -1;
		} else {
			size_t n = utf8_len((const unsigned char *)s->p, (size_t)(s->end - s->p));
			if (n == 0)
				return fail(s, "invalid UTF-8");
			s->p += n;
		}
	}
}

static size_t
digits(struct scan *s)
{
	const char *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (size_t)(s->p - from);
}

/* cJSON reads no more of a number than this. */
#define NUMBER_MAX 63

static int
scan_number(struct scan *s)
{
	const char *from = s->p;

	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0')
		s->p++;
	else if (digits(s) == 0)
		return fail(s, "bad number");
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (digits(s) == 0)
			return fail(s, "bad number");
	}
	if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (digits(s) == 0)
			return fail(s, "bad number");
	}
	return s->p - from > NUMBER_MAX ? fail(s, "number with too many digits") : 0;
}

static int
scan_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return fail(s, "unexpected character");
	s->p += n;
	return 0;
}

static int
scan_scalar(struct scan *s)
{
	switch (*s->p) {
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		/* Not even the beginning of one: a comment, a byte order mark. */
		if (*s->p != '-' && (*s->p < '0' || *s->p > '9'))
			return fail(s, "unexpected character");
		return scan_number(s);
	}
}

/* After '{' or ',' in an object: the name and the colon. */
static int
scan_name(struct scan *s)
{
	skip_space(s);
	if (s->p == s->end || *s->p != '"')
		return fail(s, "expected a name in quotes");
	if (scan_string(s) == -1)
		return -1;
	skip_space(s);
	if (s->p == s->end || *s->p != ':')
		return fail(s, "expected a colon");
	s->p++;
	return 0;
}

/*
 * One value of any depth, that is within so many levels. The stack holds '{' or '[' for each open
 * level.
 */
static int
scan_value(struct scan *s, size_t level)
{
	char stack[JSON_DEPTH_MAX];
	size_t depth = 0;
	bool open = true; /* a value is expected next */

	for (;;) {
		skip_space(s);
		if (s->p == s->end)
			return fail(s, "ends too early");
		if (open && (*s->p == '{' || *s->p == '[')) {
			if (depth + level == JSON_DEPTH_MAX)
				return fail(s, "nested too deeply");
			stack[depth++] = *s->p++;
			skip_space(s);
			if (s->p < s->end && *s->p == (stack[depth - 1] == '{' ? '}' : ']'))
				open = false;
			else if (stack[depth - 1] == '{' && scan_name(s) == -1)
				return -1;
			if (open)
				continue;
		} else if (open) {
			if (scan_scalar(s) == -1)
				return -1;
			open = false;
		}
		/* A value has just ended, or an empty container is about to. */
		skip_space(s);
		while (
		    depth > 0 && s->p < s->end && *s->p == (stack[depth - 1] == '{' ? '}' : ']')) {
			s->p++;
			depth--;
			skip_space(s);
		}
		if (depth == 0)
			return 0;
		if (s->p == s->end || *s->p != ',')
			return fail(s, "expected a comma or the end of a list or object");
		s->p++;
		if (stack[depth - 1] == '{' && scan_name(s) == -1)
			return -1;
		open = true;
	}
}

/* What a member's value is looked for by. */
struct want {
	const char *const *names;
	size_t n;
	struct json_slice *found;
};

static void
note(const struct want *w, const char *name, size_t namelen, const char *value, const char *end)
{
	char first = '\0';
	size_t i;

	if (namelen > 0)
		first = *name;
	for (i = 0; i < w->n; i++) {
		if (w->names[i][0] == first && w->found[i].p == NULL &&
		    strncmp(w->names[i], name, namelen) == 0 && w->names[i][namelen] == '\0') {
			while (end > value && strchr(" \t\r\n", end[-1]) != NULL)
				end--;
			w->found[i] = (struct json_slice){value, (size_t)(end - value)};
			return;
		}
	}
}

/* An object's first level, to its end. */
static int
scan_members(struct scan *s, const struct want *w)
{
	const char *name, *name_end, *value;

	s->p++;
	skip_space(s);
	if (s->p < s->end && *s->p == '}') {
		s->p++;
		return 0;
	}
	for (;;) {
		skip_space(s);
		name = s->p + 1;
		if (scan_name(s) == -1)
			return -1;
		/* Back from the colon to the quote. */
		for (name_end = s->p - 2; *name_end != '"'; name_end--)
			;
		skip_space(s);
		value = s->p;
		if (scan_value(s, 1) == -1)
			return -1;
		note(w, name, (size_t)(name_end - name), value, s->p);
		skip_space(s);
		if (s->p == s->end || (*s->p != ',' && *s->p != '}'))
			return fail(s, "expected a comma or the end of a list or object");
		if (*s->p++ == '}')
			return 0;
	}
}

static int
check(const char *buf, size_t len, const struct want *w, struct err *err)
{
	struct scan s = {buf, buf, buf + len, NULL};
	int rv;

	skip_space(&s);
	if (w->n > 0 && s.p < s.end && *s.p == '{')
		rv = scan_members(&s, w);
	else
		rv = scan_value(&s, 0);
	if (rv == 0) {
		skip_space(&s);
		if (s.p != s.end)
			rv = fail(&s, "something follows the end");
	}
	if (rv == -1)
		err_set(err, ERR_INVALID, "not valid JSON at byte %zu: %s", (size_t)(s.p - s.start),
		    s.why);
	return rv;
}

int
json_check(const char *buf, size_t len, struct err *err)
{
	static const struct want none;

	return check(buf, len, &none, err);
}

int
json_members(const char *buf, size_t len, const char *const names[], size_t n,
    struct json_slice found[], struct err *err)
{
	struct want w = {names, n, found};

	memset(found, 0, n * sizeof *found);
	return check(buf, len, &w, err);
}

/* --- the text of a member ---------------------------------------------------------------------- */

/* Past a string, whatever it holds. False when it has no end. */
static bool
skip_string(struct scan *s)
{
	for (s->p++; s->p < s->end; s->p++) {
		skip_plain(s);
		if (s->p == s->end)
			return false;
		if (*s->p == '"') {
			s->p++;
			return true;
		}
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
	}
	return false;
}

/*
 * Past a value: to the comma or bracket behind it, where brackets within it end what they begin. It
 * is not looked at any closer. False when the text ends first.
 */
static bool
skip_value(struct scan *s)
{
	size_t depth = 0;

	while (s->p < s->end) {
		switch (*s->p) {
		case '"':
			if (!skip_string(s))
				return false;
			continue;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (depth-- == 0)
				return true;
			break;
		case ',':
			if (depth == 0)
				return true;
			break;
		}
		s->p++;
	}
	return false;
}

/* at->p .. at->end is the value of a first-level member. */
static bool
find_member(const char *buf, size_t len, const char *name, size_t namelen, struct scan *at)
{
	struct scan s = {buf, buf, buf + len, NULL};

	skip_space(&s);
	if (s.p == s.end || *s.p != '{')
		return false;
	do {
		const char *from;
		bool hit;
		s.p++;
		skip_space(&s);
		from = s.p + 1;
		if (s.p == s.end || *s.p != '"' || !skip_string(&s))
			return false;
		hit = (size_t)(s.p - from) == namelen + 1 && memcmp(from, name, namelen) == 0;
		skip_space(&s);
		if (s.p == s.end || *s.p != ':')
			return false;
		s.p++;
		skip_space(&s);
		from = s.p;
		if (!skip_value(&s))
			return false;
		if (hit) {
			*at = (struct scan){buf, from, s.p, NULL};
			return s.p > from;
		}
	} while (*s.p == ',');
	return false;
}

bool
json_raw_member(const char *buf, size_t len, const char *name, const char **raw, size_t *rawlen)
{
	struct scan at;

	if (!find_member(buf, len, name, strlen(name), &at))
		return false;
	while (at.end > at.p && strchr(" \t\r\n", at.end[-1]) != NULL)
		at.end--;
	*raw = at.p;
	*rawlen = (size_t)(at.end - at.p);
	return true;
}

size_t
json_raw_element(const char **p)
{
	const char *s = *p + strspn(*p, " \t\r\n,"), *start = s;
	bool string = false;
	int depth = 0;

	*p = start;
	for (; *s != '\0'; s++) {
		if (string) {
			if (*s == '\\')
				s++;
			else if (*s == '"')
				string = false;
		} else if (*s == '"') {
			string = true;
		} else if (*s == '{' || *s == '[') {
			depth++;
		} else if (depth > 0 && (*s == '}' || *s == ']')) {
			depth--;
		} else if (depth == 0 && (*s == ',' || *s == ']')) {
			break;
		}
	}
	return (size_t)(s - start);
}
