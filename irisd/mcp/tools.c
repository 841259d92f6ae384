/* SPDX-License-Identifier: MIT
 *
 * The table of all tools, and what is made from it: the list that clients get, with JSON Schemas,
 * and the check of arguments. One truth for both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/nearest.h"
#include "common/xmalloc.h"
#include "irisd/mcp/mcp.h"

static const struct mcp_tool *const families[] = {
    mcp_tools_message,
    mcp_tools_team,
    mcp_tools_session,
    mcp_tools_renew,
    mcp_tools_query,
    mcp_tools_many,
    mcp_tools_log,
    mcp_tools_agent,
    mcp_tools_misc,
    mcp_tools_permission,
#ifdef IRIS_MCP_FIXTURES
    mcp_tools_fixtures,
    mcp_tools_fixtures_elicit,
#endif
};

#define PARAMS_TEXT 256 /* bytes for the names of a tool's arguments, or of an argument's choices */

#define NFAMILIES (sizeof families / sizeof families[0])

const struct mcp_tool *
mcp_tool_find(const char *name)
{
	const struct mcp_tool *t;
	size_t i;

	for (i = 0; i < NFAMILIES; i++)
		for (t = families[i]; t->name != NULL; t++)
			if (strcmp(t->name, name) == 0)
				return t;
	return NULL;
}

/* The names of a table's choices, one after the other; NULL at their end. */
static const char *
next_choice(const char **rest, size_t *len)
{
	const char *p = *rest + strspn(*rest, " ");

	*len = strcspn(p, " ");
	*rest = p + *len;
	return *len > 0 ? p : NULL;
}

static bool
is_choice(const char *choices, const char *value)
{
	const char *p;
	size_t len;

	while ((p = next_choice(&choices, &len)) != NULL)
		if (strlen(value) == len && strncmp(p, value, len) == 0)
			return true;
	return false;
}

/* The same as a person would list them, in buf. */
static const char *
join_choices(const char *choices, char *buf, size_t size)
{
	const char *p;
	size_t len, used = 0;

	while ((p = next_choice(&choices, &len)) != NULL && used < size)
		used += (size_t)snprintf(
		    buf + used, size - used, "%s%.*s", used > 0 ? ", " : "", (int)len, p);
	return buf;
}

static cJSON *
string_schema(const struct mcp_param *p)
{
	const char *rest = p->choices, *name;
	cJSON *o = json_new(), *list;
	size_t len;
	char *one;

	json_put_str(o, "type", "string");
	if (p->choices == NULL) {
		json_put_int(o, "minLength", p->min);
		json_put_int(o, "maxLength", p->max);
		return o;
	}
	list = cJSON_CreateArray();
	while ((name = next_choice(&rest, &len)) != NULL) {
		one = xstrndup(name, len);
		cJSON_AddItemToArray(list, cJSON_CreateString(one));
		free(one);
	}
	json_put(o, "enum", list);
	return o;
}

static cJSON *
list_schema(const struct mcp_param *p)
{
	cJSON *o = json_new();

	json_put_str(o, "type", "array");
	json_put(o, "items", string_schema(p));
	json_put_int(o, "minItems", 1);
	json_put_int(o, "maxItems", MCP_LIST_MAX);
	return o;
}

static cJSON *
param_schema(const struct mcp_param *p)
{
	cJSON *o = NULL, *either;

	switch (p->type) {
	case MCP_STRING:
		o = string_schema(p);
		break;
	case MCP_INTEGER:
		o = json_new();
		json_put_str(o, "type", "integer");
		json_put_int(o, "minimum", p->min);
		json_put_int(o, "maximum", p->max);
		break;
	case MCP_BOOL:
	case MCP_OBJECT:
		o = json_new();
		json_put_str(o, "type", p->type == MCP_BOOL ? "boolean" : "object");
		break;
	case MCP_LIST:
		o = list_schema(p);
		break;
	case MCP_STRINGS:
		o = json_new();
		either = cJSON_CreateArray();
		cJSON_AddItemToArray(either, string_schema(p));
		cJSON_AddItemToArray(either, list_schema(p));
		json_put(o, "anyOf", either);
		break;
	}
	json_put_str(o, "description", p->description);
	return o;
}

static cJSON *
input_schema(const struct mcp_tool *t)
{
	cJSON *o = json_new(), *props = json_new(), *required = cJSON_CreateArray();
	const struct mcp_param *p;

	for (p = t->params; p->name != NULL; p++) {
		json_put(props, p->name, param_schema(p));
		if (p->required)
			cJSON_AddItemToArray(required, cJSON_CreateString(p->name));
	}
	json_put_str(o, "type", "object");
	json_put(o, "properties", props);
	json_put(o, "required", required);
	json_put_bool(o, "additionalProperties", false);
	return o;
}

static cJSON *
tool_json(const struct mcp_tool *t)
{
	cJSON *o = json_new(), *a = json_new(), *meta;

	json_put_str(o, "name", t->name);
	json_put_str(o, "title", t->title);
	json_put_str(o, "description", t->description);
	json_put(o, "inputSchema", input_schema(t));
	if (t->output != NULL)
		json_put_raw(o, "outputSchema", t->output, strlen(t->output));
	json_put_str(a, "title", t->title);
	json_put_bool(a, "readOnlyHint", t->read_only);
	json_put_bool(a, "destructiveHint", t->destructive);
	json_put_bool(a, "idempotentHint", t->idempotent);
	json_put_bool(a, "openWorldHint", false);
	json_put(o, "annotations", a);
	if (t->large) {
		/* Claude Code keeps longer results whole then. */
		meta = json_new();
		json_put_int(meta, "anthropic/maxResultSizeChars", 500000);
		json_put(o, "_meta", meta);
	}
	return o;
}

const char *
mcp_tools_json(void)
{
	static char *text;
	const struct mcp_tool *t;
	cJSON *list;
	size_t i;

	if (text != NULL)
		return text;
	list = cJSON_CreateArray();
	for (i = 0; i < NFAMILIES; i++)
		for (t = families[i]; t->name != NULL; t++)
			cJSON_AddItemToArray(list, tool_json(t));
	text = json_print(list);
	cJSON_Delete(list);
	return text;
}

static int
check_string(const struct mcp_tool *t, const struct mcp_param *p, const cJSON *v, struct err *err)
{
	char buf[PARAMS_TEXT];
	size_t len;

	if (!cJSON_IsString(v))
		return err_set(err, ERR_INVALID, "%s: \"%s\" must be a string (%s)", t->name,
		    p->name, p->description);
	if (p->choices != NULL && !is_choice(p->choices, v->valuestring))
		return err_set(err, ERR_INVALID,
		    "%s: \"%s\" can not be \"%.60s\"; it is one of: %s", t->name, p->name,
		    v->valuestring, join_choices(p->choices, buf, sizeof buf));
	if (p->choices != NULL)
		return 0;
	len = strlen(v->valuestring);
	if (len > 0 && len < (size_t)p->min)
		return err_set(err, ERR_INVALID,
		    "%s: \"%s\" has %zu bytes, and needs %lld; give %s", t->name, p->name, len,
		    (long long)p->min, p->description);
	if (len < (size_t)p->min)
		return err_set(err, ERR_INVALID, "%s: \"%s\" is empty; give %s", t->name, p->name,
		    p->description);
	if (len > (size_t)p->max)
		return err_set(err, ERR_INVALID,
		    "%s: \"%s\" has %zu bytes, %lld are the limit; give a shorter one (%s)",
		    t->name, p->name, len, (long long)p->max, p->description);
	return 0;
}

static int
check_list(const struct mcp_tool *t, const struct mcp_param *p, const cJSON *v, struct err *err)
{
	const cJSON *item;
	int n = cJSON_GetArraySize(v);

	if (!cJSON_IsArray(v))
		return err_set(err, ERR_INVALID, "%s: \"%s\" must be a list of strings (%s)",
		    t->name, p->name, p->description);
	if (n == 0 || n > MCP_LIST_MAX)
		return err_set(err, ERR_INVALID,
		    "%s: \"%s\" has %d entries; give 1 to %d, or leave it out", t->name, p->name, n,
		    MCP_LIST_MAX);
	cJSON_ArrayForEach (item, v)
		if (check_string(t, p, item, err) == -1)
			return -1;
	return 0;
}

static int
check_integer(
    const struct mcp_tool *t, const struct mcp_param *p, const cJSON *args, struct err *err)
{
	int64_t n;

	if (json_int(args, p->name, &n) == -1 || n < p->min || n > p->max)
		return err_set(err, ERR_INVALID,
		    "%s: \"%s\" must be a whole number from %lld to %lld (%s)", t->name, p->name,
		    (long long)p->min, (long long)p->max, p->description);
	return 0;
}

/* ", " between them, in buf. */
static const char *
join_params(const struct mcp_tool *t, char *buf, size_t size)
{
	const struct mcp_param *p;
	size_t len = 0;

	buf[0] = '\0';
	for (p = t->params; p->name != NULL && len < size; p++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s%s", len > 0 ? ", " : "",
		    p->name, p->required ? " (required)" : "");
	return len > 0 ? buf : "none";
}

static int
check_known(const struct mcp_tool *t, const cJSON *args, struct err *err)
{
	const char *names[MCP_PARAMS_MAX], *near;
	char buf[PARAMS_TEXT];
	const struct mcp_param *p;
	const cJSON *v;
	size_t n;

	cJSON_ArrayForEach (v, args) {
		for (p = t->params, n = 0; p->name != NULL; p++) {
			if (strcmp(p->name, v->string) == 0)
				break;
			names[n++] = p->name;
		}
		if (p->name != NULL)
			continue;
		if (nearest_names(v->string, names, n, &near, 1) == 1)
			return err_set(err, ERR_INVALID,
			    "%s: unknown argument \"%.60s\"; did you mean \"%s\"?", t->name,
			    v->string, near);
		return err_set(err, ERR_INVALID, "%s: unknown argument \"%.60s\"; it takes %s",
		    t->name, v->string, join_params(t, buf, sizeof buf));
	}
	return 0;
}

static int
check_value(const struct mcp_tool *t, const struct mcp_param *p, const cJSON *args, struct err *err)
{
	const cJSON *v = json_get(args, p->name);

	switch (p->type) {
	case MCP_STRING:
		return check_string(t, p, v, err);
	case MCP_INTEGER:
		return check_integer(t, p, args, err);
	case MCP_LIST:
		return check_list(t, p, v, err);
	case MCP_STRINGS:
		return cJSON_IsArray(v) ? check_list(t, p, v, err) : check_string(t, p, v, err);
	case MCP_BOOL:
		if (!cJSON_IsBool(v))
			return err_set(
			    err, ERR_INVALID, "%s: \"%s\" must be true or false", t->name, p->name);
		return 0;
	case MCP_OBJECT:
		if (!cJSON_IsObject(v))
			return err_set(err, ERR_INVALID, "%s: \"%s\" must be an object (%s)",
			    t->name, p->name, p->description);
		return 0;
	}
	return 0;
}

int
mcp_tool_check(const struct mcp_tool *t, const cJSON *args, struct err *err)
{
	const struct mcp_param *p;
	char buf[PARAMS_TEXT];

	if (args != NULL && !cJSON_IsObject(args))
		return err_set(err, ERR_INVALID, "%s: \"arguments\" must be an object; it takes %s",
		    t->name, join_params(t, buf, sizeof buf));
	/* First, since a misspelt name is also a missing one. */
	if (args != NULL && check_known(t, args, err) == -1)
		return -1;
	for (p = t->params; p->name != NULL; p++) {
		if (json_get(args, p->name) == NULL) {
			if (p->required)
				return err_set(err, ERR_INVALID, "%s: \"%s\" is missing: %s",
				    t->name, p->name, p->description);
			continue;
		}
		if (check_value(t, p, args, err) == -1)
			return -1;
	}
	return 0;
}
