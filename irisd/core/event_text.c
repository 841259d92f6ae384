/* SPDX-License-Identifier: MIT
 *
 * What the turns that run have said so far and which tools they have used, see event.h: gathered also
 * while nobody looks, since who comes in the middle of a turn wants its beginning. Bounded, the newest
 * is kept. Owns message->said; what is left of it at the turn's end, message.c stores.
 */
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/xmalloc.h"
#include "irisd/core/event_private.h"
#include "irisd/core/message.h"

#define ROOM_FIRST     ((size_t)1024)
#define NAME_MAX_CHARS 100 /* of a tool's name */

struct said {
	char *text; /* owned, NUL-terminated; NULL: none */
	size_t len, room;
	char *tools[SAID_TOOLS_MAX]; /* owned: a JSON object each, oldest first */
	int ntools;
	size_t tool_bytes; /* of the list that they make */
};

static struct said *
said_of(struct message *m)
{
	if (m->said == NULL)
		m->said = xcalloc(1, sizeof *m->said);
	return m->said;
}

void
said_forget(struct message *m)
{
	int i;

	if (m->said == NULL)
		return;
	for (i = 0; i < m->said->ntools; i++)
		free(m->said->tools[i]);
	free(m->said->text);
	free(m->said);
	m->said = NULL;
}

/* --- text ----------------------------------------------------------------------------------------- */

/* The newest SAID_TEXT_MAX bytes of it, less some, so that not each piece moves all of it. */
static void
drop_begin(struct said *s)
{
	size_t n = s->len - SAID_TEXT_MAX * 3 / 4;

	while (n < s->len && ((unsigned char)s->text[n] & 0xc0) == 0x80)
		n++;
	s->len -= n;
	memmove(s->text, s->text + n, s->len + 1);
}

static void
add_text(struct said *s, const char *text)
{
	size_t n = strlen(text);

	if (n > SAID_TEXT_MAX / 2) {
		text += n - SAID_TEXT_MAX / 2;
		while (((unsigned char)*text & 0xc0) == 0x80)
			text++;
		n = strlen(text);
	}
	if (s->len + n + 1 > s->room) {
		s->room = s->room == 0 ? ROOM_FIRST : s->room;
		while (s->room < s->len + n + 1)
			s->room *= 2;
		s->text = xrealloc(s->text, s->room);
	}
	memcpy(s->text + s->len, text, n + 1);
	s->len += n;
	if (s->len > SAID_TEXT_MAX)
		drop_begin(s);
}

static cJSON *
event_of(const struct message *m)
{
	cJSON *o = json_new();

	json_put_str(o, "id", m->id);
	json_put_str(o, "from", m->session->row.from);
	json_put_str(o, "to", m->session->team->name);
	return o;
}

static void
send_event(const struct message *m, const char *type, cJSON *o)
{
	event_send(m->d, EVENT_TEXT, type, o, m->session->row.from, m->session->team->name);
}

void
said_delta(struct message *m, const char *text)
{
	cJSON *o;

	add_text(said_of(m), text);
	if (!event_wanted(m->d, EVENT_TEXT))
		return;
	o = event_of(m);
	json_put_str(o, "text", text);
	send_event(m, "delta", o);
}

/* --- tools ---------------------------------------------------------------------------------------- */

static void
drop_tool(struct said *s)
{
	s->tool_bytes -= strlen(s->tools[0]) + 1;
	free(s->tools[0]);
	s->ntools--;
	memmove(s->tools, s->tools + 1, (size_t)s->ntools * sizeof s->tools[0]);
}

/* Brackets of the list, and a comma behind each. */
static void
add_tool(struct said *s, const char *name, const char *input)
{
	cJSON *o = json_new();
	char *text;

	json_put_str(o, "name", name);
	json_put_str_opt(o, "input", input);
	text = json_print(o);
	cJSON_Delete(o);
	if (s->ntools == SAID_TOOLS_MAX)
		drop_tool(s);
	s->tools[s->ntools++] = text;
	s->tool_bytes += strlen(text) + 1;
	while (s->tool_bytes + 2 > SAID_TOOLS_BYTES)
		drop_tool(s);
}

void
said_tool(struct message *m, const char *name, const char *input)
{
	char *tool = xstrndup(name, json_utf8_prefix(name, NAME_MAX_CHARS)), *in = NULL;
	cJSON *o;

	if (input != NULL) {
		in = xstrndup(input, json_utf8_prefix(input, SAID_INPUT_MAX));
		log_redact(in);
	}
	add_tool(said_of(m), tool, in);
	if (event_wanted(m->d, EVENT_TEXT)) {
		o = event_of(m);
		json_put_str(o, "name", tool);
		json_put_str_opt(o, "input", in);
		send_event(m, "tool", o);
	}
	free(tool);
	free(in);
}

char *
said_tools(const struct message *m)
{
	const struct said *s = m->said;
	size_t n, len = 0;
	char *list;
	int i;

	if (s == NULL || s->ntools == 0)
		return NULL;
	list = xmalloc(s->tool_bytes + 2);
	for (i = 0; i < s->ntools; i++) {
		list[len++] = i == 0 ? '[' : ',';
		n = strlen(s->tools[i]);
		memcpy(list + len, s->tools[i], n);
		len += n;
	}
	list[len++] = ']';
	list[len] = '\0';
	return list;
}

/* --- for who comes in the middle ------------------------------------------------------------------ */

static void
tell_one(struct event_sub *sub, const struct message *m)
{
	cJSON *o = event_of(m);
	char *tools = said_tools(m);

	json_put_str(o, "text", m->said != NULL && m->said->text != NULL ? m->said->text : "");
	if (tools != NULL)
		json_put_raw(o, "tools", tools, strlen(tools));
	else
		json_put(o, "tools", cJSON_CreateArray());
	free(tools);
	event_tell(m->d, sub, EVENT_TEXT, "text", o);
}

void
said_tell_all(struct irisd *d, struct event_sub *sub)
{
	const struct session *s;
	const struct team *t;

	TAILQ_FOREACH (t, &d->teams, entry)
		TAILQ_FOREACH (s, &t->sessions, team_entry)
			if (s->current != NULL &&
			    (sub->team[0] == '\0' || strcmp(sub->team, t->name) == 0 ||
				strcmp(sub->team, s->row.from) == 0))
				tell_one(sub, s->current);
}
