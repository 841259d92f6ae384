/* SPDX-License-Identifier: MIT
 *
 * The resources, see resources.h: what the protocol wants around them.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/mcp/mcp_private.h"
#include "irisd/mcp/resources.h"

#define LEGACY_NOT_FOUND (-32002)

static const struct resource_row *const families[] = {
    resources_iris,
#ifdef IRIS_MCP_FIXTURES
    resources_fixtures,
#endif
};

#define NFAMILIES (sizeof families / sizeof families[0])

/* --- URIs ------------------------------------------------------------------------------------- */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One segment of a path, decoded: where it ends; NULL when it is empty, too long or malformed. */
static const char *
segment(const char *p, char *out, size_t size)
{
	size_t n = 0;
	int c;

	for (; *p != '\0' && *p != '/'; p++) {
		c = (unsigned char)*p;
		if (c == '?' || c == '#')
			return NULL;
		if (c == '%') {
			if (hex(p[1]) == -1 || hex(p[2]) == -1)
				return NULL;
			c = hex(p[1]) * 16 + hex(p[2]);
			p += 2;
		}
		if (c == '\0' || n == size - 1)
			return NULL;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return n > 0 && json_utf8_valid(out, n) ? p : NULL;
}

static bool
is_template(const struct resource_row *row)
{
	return strchr(row->uri, '{') != NULL;
}

/* Whether the URI is the row's; the variables' values into r. */
static bool
fits(const struct resource_row *row, const char *uri, struct resource *r)
{
	const char *p = row->uri;
	size_t n = 0;

	memset(r, 0, sizeof *r);
	r->row = row;
	while (*p != '\0') {
		if (*p == '{') {
			assert(n < RESOURCE_VARIABLES);
			if ((uri = segment(uri, r->values[n++], TEAM_NAME_MAX)) == NULL)
				return false;
			p += strcspn(p, "}") + 1;
		} else if (*p++ != *uri++) {
			return false;
		}
	}
	return *uri == '\0';
}

int
resource_parse(const char *uri, struct resource *r)
{
	const struct resource_row *row;
	size_t i;

	for (i = 0; i < NFAMILIES; i++)
		for (row = families[i]; row->uri != NULL; row++)
			if (fits(row, uri, r))
				return 0;
	return -1;
}

bool
resource_visible(struct mcp *m, const struct resource *r)
{
	int64_t ttl = 0;
	cJSON *o = r->row->read(m, r, &ttl);
	bool there = o != NULL;

	cJSON_Delete(o);
	return there;
}

void
resource_refuse(struct mcp *m, const struct rpc_msg *msg, const char *uri, bool modern)
{
	cJSON *data = json_new();

	json_put_str(data, "uri", uri);
	m->carrier->send(m,
	    rpc_error_code(msg->id, modern ? RPC_INVALID_PARAMS : LEGACY_NOT_FOUND,
		"there is no such resource for this project; resources/list and "
		"resources/templates/list name those there are",
		data));
}

int
resource_completes(
    const char *uri, const char *variable, void (**fn)(struct completion *), struct err *err)
{
	const struct resource_row *row;
	const char *p;
	size_t i, n, len;

	for (i = 0; uri != NULL && i < NFAMILIES; i++) {
		for (row = families[i]; row->uri != NULL; row++) {
			if (strcmp(row->uri, uri) != 0)
				continue;
			for (n = 0, p = uri; (p = strchr(p, '{')) != NULL; n++) {
				len = strcspn(++p, "}");
				if (strlen(variable) != len || memcmp(p, variable, len) != 0)
					continue;
				*fn = row->complete[n];
				return 0;
			}
		}
	}
	return err_set(err, ERR_INVALID,
	    "no such template, or no such variable in it; resources/templates/list has them");
}

/* --- lists ------------------------------------------------------------------------------------ */

static bool
first_page(struct mcp *m, const struct rpc_msg *msg)
{
	if (json_get(msg->params, "cursor") == NULL)
		return true;
	m->carrier->send(m,
	    rpc_error_code(msg->id, RPC_INVALID_PARAMS,
		"no such cursor: everything is on the first page", NULL));
	return false;
}

static cJSON *
entry(const struct resource_row *row, const char *key, const char *uri, const char *name,
    const char *title, const char *description)
{
	cJSON *o = json_new();

	json_put_str(o, key, uri);
	json_put_str(o, "name", name);
	json_put_str(o, "title", title);
	json_put_str(o, "description", description);
	json_put_str(o, "mimeType", row->type);
	return o;
}

cJSON *
resource_entry(
    const struct resource_row *row, const char *uri, const char *name, const char *description)
{
	return entry(row, "uri", uri, name, name, description);
}

/* Of this user's alone, and as of now: a change is told to who asked for that. */
static void
put_caching(cJSON *result, bool modern, int64_t ttl)
{
	if (!modern)
		return;
	json_put_int(result, "ttlMs", ttl);
	json_put_str(result, "cacheScope", "private");
}

void
resources_list(struct mcp *m, const struct rpc_msg *msg, bool modern)
{
	const struct resource_row *row;
	cJSON *r, *list;
	size_t i;

	if (!first_page(m, msg))
		return;
	r = mcp_result(modern, false);
	list = cJSON_CreateArray();
	for (i = 0; i < NFAMILIES; i++) {
		for (row = families[i]; row->uri != NULL; row++) {
			if (!is_template(row))
				cJSON_AddItemToArray(list,
				    entry(row, "uri", row->uri, row->name, row->title,
					row->description));
			else if (row->list != NULL)
				row->list(row, m, list);
		}
	}
	json_put(r, "resources", list);
	put_caching(r, modern, 0);
	m->carrier->send(m, rpc_result(msg->id, r));
}

void
resources_templates(struct mcp *m, const struct rpc_msg *msg, bool modern)
{
	const struct resource_row *row;
	cJSON *r, *list;
	size_t i;

	if (!first_page(m, msg))
		return;
	r = mcp_result(modern, true);
	list = cJSON_CreateArray();
	for (i = 0; i < NFAMILIES; i++)
		for (row = families[i]; row->uri != NULL; row++)
			if (is_template(row))
				cJSON_AddItemToArray(list,
				    entry(row, "uriTemplate", row->uri, row->name, row->title,
					row->description));
	json_put(r, "resourceTemplates", list);
	m->carrier->send(m, rpc_result(msg->id, r));
}

/* --- resources/read --------------------------------------------------------------------------- */

cJSON *
resource_json(cJSON *o)
{
	cJSON *content = json_new();
	char *text = json_print(o);

	cJSON_Delete(o);
	json_put_str(content, "text", text);
	free(text);
	return content;
}

/* Takes content. */
static char *
read_result(const struct rpc_msg *msg, const char *uri, bool modern, const struct resource_row *row,
    cJSON *content, int64_t ttl)
{
	cJSON *r = mcp_result(modern, false), *list = cJSON_CreateArray();

	json_put_str(content, "uri", uri);
	json_put_str(content, "mimeType", row->type);
	cJSON_AddItemToArray(list, content);
	json_put(r, "contents", list);
	put_caching(r, modern, ttl);
	return rpc_result(msg->id, r);
}

void
resources_read(struct mcp *m, const struct rpc_msg *msg, bool modern)
{
	const char *uri = json_str(msg->params, "uri");
	struct resource r;
	cJSON *content = NULL;
	struct err err;
	int64_t ttl = 0;
	char *line;

	if (uri == NULL) {
		m->carrier->send(m,
		    rpc_error_code(msg->id, RPC_INVALID_PARAMS,
			"resources/read needs params.uri, as in iris://teams", NULL));
		return;
	}
	if (resource_parse(uri, &r) == 0)
		content = r.row->read(m, &r, &ttl);
	if (content == NULL) {
		resource_refuse(m, msg, uri, modern);
		return;
	}
	line = read_result(msg, uri, modern, r.row, content, ttl);
	/* Texts in JSON in JSON: the longest message and its answer may not fit into one line. */
	if (strlen(line) > RPC_LINE_MAX) {
		free(line);
		err_set(&err, ERR_LIMIT,
		    "the resource is longer than a line may be; message_result gives the answer alone");
		line = rpc_error(msg->id, &err, NULL);
	}
	m->carrier->send(m, line);
}
