/* SPDX-License-Identifier: MIT
 *
 * Looks at lines, see sniff.h. Called by the relay for every line of either side; trusts none of
 * them.
 */
#include <string.h>

#include "common/json.h"
#include "common/rpc.h"
#include "iris-mcp-shim/sniff.h"

static struct slice
member(const char *text, size_t len, const char *name)
{
	struct slice s = {NULL, 0};

	if (text == NULL || !json_raw_member(text, len, name, &s.ptr, &s.len))
		s.ptr = NULL;
	return s;
}

static bool
usable_id(struct slice id)
{
	return id.len > 0 && id.len <= RPC_ID_MAX &&
	    (id.ptr[0] == '"' || id.ptr[0] == '-' || (id.ptr[0] >= '0' && id.ptr[0] <= '9')) &&
	    json_check(id.ptr, id.len, NULL) == 0;
}

/* As irisd writes answers, which may be long: nothing behind it needs to be looked at. */
static bool
is_result(struct slice id, const char *end)
{
	static const char next[] = ",\"result\":";

	return id.ptr != NULL && (size_t)(end - id.ptr) >= id.len + sizeof next &&
	    memcmp(id.ptr + id.len, next, sizeof next - 1) == 0;
}

void
sniff_line(const char *line, size_t len, struct sniff *s)
{
	memset(s, 0, sizeof *s);
	s->id = member(line, len, "id");
	if (is_result(s->id, line + len)) {
		s->kind = usable_id(s->id) ? SNIFF_ANSWER : SNIFF_OTHER;
		return;
	}
	s->method = member(line, len, "method");
	if (s->id.ptr == NULL)
		s->kind = s->method.ptr != NULL ? SNIFF_NOTIFICATION : SNIFF_OTHER;
	else if (!usable_id(s->id))
		s->kind = SNIFF_OTHER;
	else
		s->kind = s->method.ptr != NULL ? SNIFF_REQUEST : SNIFF_ANSWER;
}

bool
sniff_is(const struct sniff *s, const char *name)
{
	size_t n = strlen(name);

	return s->method.ptr != NULL && s->method.len == n + 2 &&
	    memcmp(s->method.ptr + 1, name, n) == 0;
}

struct slice
sniff_cancelled(const char *line, size_t len)
{
	struct slice params = member(line, len, "params");

	return member(params.ptr, params.len, "requestId");
}

struct slice
sniff_subscription(const char *line, size_t len)
{
	struct slice params = member(line, len, "params");
	struct slice meta = member(params.ptr, params.len, "_meta");

	return member(meta.ptr, meta.len, "io.modelcontextprotocol/subscriptionId");
}

bool
sniff_version(const char *line, size_t len, const char *version)
{
	struct slice result = member(line, len, "result");

	return slice_equal(member(result.ptr, result.len, "protocolVersion"),
	    (struct slice){version, strlen(version)});
}

/*
 * The last member of the whole object may be the id (the official SDKs write it there). What
 * stands behind the last comma, put in braces, is then an object with that one member; a comma
 * within a string or a nested object leaves something behind it that is none.
 */
struct slice
sniff_last_id(const char *tail, size_t len)
{
	struct slice none = {NULL, 0}, id;
	size_t at;

	while (len > 0 && strchr(" \t\r", tail[len - 1]) != NULL)
		len--;
	if (len == 0 || tail[len - 1] != '}')
		return none;
	for (at = len; at > 0; at--) {
		char probe[RPC_ID_MAX + 64];
		size_t n = len - at;
		if (tail[at - 1] != ',')
			continue;
		if (n + 2 > sizeof probe)
			break;
		probe[0] = '{';
		memcpy(probe + 1, tail + at, n);
		if (json_check(probe, n + 1, NULL) == -1)
			continue;
		id = member(probe, n + 1, "id");
		if (id.ptr != NULL && usable_id(id))
			return id;
	}
	return none;
}

bool
slice_equal(struct slice a, struct slice b)
{
	return a.ptr != NULL && b.ptr != NULL && a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}
