/* SPDX-License-Identifier: MIT
 *
 * The form in which a person is asked for a permission, see forward.h. What an agent has written
 * stands at its end, each line behind a mark, with what could hide or turn a part of it escaped: it
 * can not pass for a line of irisd's.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/message.h"
#include "irisd/core/team.h"
#include "irisd/mcp/forward.h"

#define HEAD_MAX      3072
#define QUESTION_TOOL "AskUserQuestion"
#define MARK          "  | "

const char forward_allow[] = "allow once";
const char forward_remember[] = "allow and remember";
const char forward_deny[] = "deny";

/* What is beyond max bytes is only counted. */
struct text {
	char *buf;
	size_t len, max, total;
};

static void
text_init(struct text *t, size_t max)
{
	*t = (struct text){.buf = xmalloc(max + 1), .max = max};
	t->buf[0] = '\0';
}

static void
put(struct text *t, const char *s, size_t len)
{
	/* A character is there whole or not at all; and nothing after the first that is not. */
	if (t->total == t->len && len <= t->max - t->len) {
		memcpy(t->buf + t->len, s, len);
		t->len += len;
		t->buf[t->len] = '\0';
	}
	t->total += len;
}

__attribute__((format(printf, 2, 3))) static void
putf(struct text *t, const char *fmt, ...)
{
	char *s;
	va_list ap;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	put(t, s, strlen(s));
	free(s);
}

/* One character of valid UTF-8: its length. */
static size_t
decode(const char *s, uint32_t *c)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4, i;

	*c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return i;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	return n;
}

/* Controls, and what is not to be seen or turns the direction of writing around. */
static bool
hides(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
	    (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
	    (c >= 0xe0000 && c <= 0xe0fff);
}

/* lines: a newline begins another one behind a mark; else it is escaped as well. */
static void
put_shown(struct text *t, const char *s, bool lines)
{
	uint32_t c;
	size_t n;

	for (; *s != '\0'; s += n) {
		n = decode(s, &c);
		if (c == '\n' && lines)
			put(t, "\n" MARK, strlen("\n" MARK));
		else if (c == '\t' && lines)
			put(t, s, 1);
		else if (hides(c))
			putf(t, c < 0x100 ? "\\x%02x" : "\\u{%x}", (unsigned)c);
		else
			put(t, s, n);
	}
}

static void
put_value(struct text *t, const cJSON *value)
{
	char *json;

	put(t, "\n" MARK, strlen("\n" MARK));
	if (cJSON_IsString(value)) {
		put_shown(t, value->valuestring, true);
		return;
	}
	json = json_print(value);
	put_shown(t, json, true);
	free(json);
}

/* The input, member by member. */
static void
put_input(struct text *t, const struct store_permission *row)
{
	cJSON *input = json_parse(row->input, strlen(row->input), NULL);
	const cJSON *it;

	cJSON_ArrayForEach (it, input) {
		put(t, "\n  ", 3);
		put_shown(t, it->string, false);
		put(t, ":", 1);
		put_value(t, it);
	}
	cJSON_Delete(input);
}

/* Who has asked whom, from the person to the team that wants the permission. */
static void
put_chain(struct text *t, struct irisd *d, const struct store_permission *row)
{
	const char *names[MESSAGE_HOPS_MAX + 2];
	const struct message *m;
	size_t n = 0;

	/* A turn that no question began, or a client's own Claude. */
	if (row->message[0] == '\0')
		return;
	for (m = message_find(d, row->message); m != NULL && n < sizeof names / sizeof names[0];
	     m = message_find(d, m->parent))
		names[n++] = m->session->team->name;
	/* From whom the first question came: who is asked, or nobody in particular is. */
	if (row->asked != NULL)
		putf(t, "It works on what you have asked: ");
	else
		putf(t, "It works on: ");
	put_shown(t, row->asked != NULL ? row->asked : row->from, false);
	while (n > 0)
		putf(t, " -> %s", names[--n]);
	putf(t, "\n");
}

/* The rule that would be remembered, malloc'ed; NULL: none can be. */
static char *
rule_of(struct irisd *d, const struct store_permission *row)
{
	cJSON *o = permission_json(d, row);
	char *rule = xstrdup_null(json_str(o, "rule"));

	cJSON_Delete(o);
	return rule;
}

static bool
is_cut(const struct store_permission *row)
{
	struct text input;

	text_init(&input, FORWARD_INPUT_MAX);
	put_input(&input, row);
	free(input.buf);
	return input.total > input.len;
}

char *
forward_text(struct irisd *d, const struct store_permission *row)
{
	struct text head, input;
	char at[32], *text;

	text_init(&head, HEAD_MAX);
	text_init(&input, FORWARD_INPUT_MAX);
	put_input(&input, row);
	putf(&head, "Team %.100s asks for your permission to use ", row->to);
	put_shown(&head, row->tool, false);
	putf(&head, ".\n\n");
	put_chain(&head, d, row);
	putf(&head, "Why it must ask: ");
	put_shown(&head, row->why, false);
	putf(&head, "\nIt waits until %s, and is denied then. You can as well answer elsewhere:\n",
	    json_time(row->deadline, at, sizeof at));
	putf(&head, "iris approvals allow %s\n", row->id);
	if (input.total > input.len)
		putf(&head,
		    "The input is long. Only the first %zu of its %zu bytes are shown; all of it:\n"
		    "iris approvals show %s\n",
		    input.len, input.total, row->id);
	text = xasprintf("%s\nInput, as the team's Claude has written it:%s%s", head.buf, input.buf,
	    input.total > input.len ? "\n(cut here)" : "");
	free(head.buf);
	free(input.buf);
	return text;
}

static void
put_field(
    cJSON *properties, const char *name, const char *title, const char *description, cJSON *choices)
{
	cJSON *o = json_new();

	json_put_str(o, "type", "string");
	json_put_str(o, "title", title);
	json_put_str(o, "description", description);
	if (choices != NULL)
		json_put(o, "enum", choices);
	else
		json_put_int(o, "maxLength", FORWARD_REASON_MAX);
	json_put(properties, name, o);
}

/* --- what Claude asks of a person itself: AskUserQuestion ------------------------------------- */

#define QUESTIONS_MAX 4
#define ANSWER_MAX    (4 * FORWARD_REASON_MAX) /* bytes */

static const char *
question(const cJSON *input, int i)
{
	const cJSON *list = json_arr(input, "questions");

	return i < QUESTIONS_MAX ? json_str(cJSON_GetArrayItem(list, i), "question") : NULL;
}

static void
put_question(cJSON *properties, const cJSON *input, int i)
{
	const cJSON *q = cJSON_GetArrayItem(json_arr(input, "questions"), i), *it;
	struct text title, what;
	char name[16];

	text_init(&title, 256);
	text_init(&what, 1024);
	snprintf(name, sizeof name, "answer%d", i + 1);
	putf(&title, "Question %d: ", i + 1);
	put_shown(&title, question(input, i), false);
	putf(&what, "Your answer, in your own words or one of these:");
	cJSON_ArrayForEach (it, json_arr(q, "options")) {
		putf(&what, " [");
		put_shown(&what, json_str(it, "label") != NULL ? json_str(it, "label") : "", false);
		putf(&what, "]");
	}
	put_field(properties, name, title.buf, what.buf, NULL);
	free(title.buf);
	free(what.buf);
}

static void
put_questions(cJSON *properties, const struct store_permission *row)
{
	cJSON *input;
	int i;

	if (strcmp(row->tool, QUESTION_TOOL) != 0)
		return;
	input = json_parse(row->input, strlen(row->input), NULL);
	for (i = 0; question(input, i) != NULL; i++)
		put_question(properties, input, i);
	cJSON_Delete(input);
}

cJSON *
forward_answers(const struct store_permission *row, const cJSON *content)
{
	char name[16], text[ANSWER_MAX + 1];
	cJSON *input, *answers;
	const char *said;
	int i;

	if (strcmp(row->tool, QUESTION_TOOL) != 0)
		return NULL;
	input = json_parse(row->input, strlen(row->input), NULL);
	answers = json_new();
	for (i = 0; question(input, i) != NULL; i++) {
		snprintf(name, sizeof name, "answer%d", i + 1);
		if ((said = json_str(content, name)) == NULL || said[0] == '\0' ||
		    json_get(answers, question(input, i)) != NULL)
			continue;
		compat_strlcpy(text, said, sizeof text);
		json_utf8_mend(text);
		json_put_str(answers, question(input, i), text);
	}
	if (cJSON_GetArraySize(answers) == 0) {
		cJSON_Delete(answers);
		cJSON_Delete(input);
		return NULL;
	}
	cJSON_DeleteItemFromObjectCaseSensitive(input, "answers");
	json_put(input, "answers", answers);
	return input;
}

/* What was not seen whole is not allowed for all time. */
cJSON *
forward_schema(struct irisd *d, const struct store_permission *row)
{
	cJSON *schema = json_new(), *properties = json_new(), *required = cJSON_CreateArray();
	cJSON *choices = cJSON_CreateArray();
	char *rule = is_cut(row) ? NULL : rule_of(d, row);
	struct text what;

	text_init(&what, HEAD_MAX);
	cJSON_AddItemToArray(choices, cJSON_CreateString(forward_allow));
	putf(&what, "\"%s\" is for this use alone.", forward_allow);
	if (rule != NULL) {
		cJSON_AddItemToArray(choices, cJSON_CreateString(forward_remember));
		putf(&what, " \"%s\" adds a rule for team %.100s: ", forward_remember, row->to);
		put_shown(&what, rule, false);
	}
	cJSON_AddItemToArray(choices, cJSON_CreateString(forward_deny));
	put_field(properties, "decision", "Decision", what.buf, choices);
	put_questions(properties, row);
	put_field(properties, "reason", "Reason",
	    "Optional; when you deny it, the Claude that asked reads it.", NULL);
	cJSON_AddItemToArray(required, cJSON_CreateString("decision"));
	json_put_str(schema, "type", "object");
	json_put(schema, "properties", properties);
	json_put(schema, "required", required);
	free(what.buf);
	free(rule);
	return schema;
}
