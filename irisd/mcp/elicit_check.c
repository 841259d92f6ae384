/* SPDX-License-Identifier: MIT
 *
 * Whether what a client answers is an answer, see elicit.h: the action and, for a form that was
 * accepted, its fields against the schema that the tool has asked with. Such schemas are flat
 * (2025-11-25, elicitation, requested schema), and the tool's own, so only what they may hold is
 * looked at. Fields that were not asked for are passed over.
 */
#include <string.h>

#include "common/json.h"
#include "irisd/mcp/elicit_private.h"

/* One of a list of texts, or of {const: text}. */
static bool
among(const cJSON *list, const cJSON *value)
{
	const cJSON *it, *text;

	cJSON_ArrayForEach (it, list) {
		text = cJSON_IsObject(it) ? json_get(it, "const") : it;
		if (cJSON_Compare(text, value, true))
			return true;
	}
	return false;
}

static bool
is_choice(const cJSON *schema, const cJSON *value)
{
	static const char *const names[] = {"enum", "oneOf", "anyOf"};
	const cJSON *list;
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++)
		if ((list = json_arr(schema, names[i])) != NULL && !among(list, value))
			return false;
	return true;
}

static bool
is_list(const cJSON *schema, const cJSON *value)
{
	const cJSON *items = json_obj(schema, "items"), *it;

	if (!cJSON_IsArray(value))
		return false;
	cJSON_ArrayForEach (it, value)
		if (!cJSON_IsString(it) || !is_choice(items, it))
			return false;
	return true;
}

/* As far as a double holds every integer. */
static bool
is_integer(const cJSON *value)
{
	double n = value->valuedouble;

	return cJSON_IsNumber(value) && n >= -9007199254740992.0 && n <= 9007199254740992.0 &&
	    (double)(int64_t)n == n;
}

static bool
fits(const cJSON *schema, const cJSON *value)
{
	const char *type = json_str(schema, "type");

	if (type == NULL)
		return false;
	if (strcmp(type, "string") == 0)
		return cJSON_IsString(value) && is_choice(schema, value);
	if (strcmp(type, "boolean") == 0)
		return cJSON_IsBool(value);
	if (strcmp(type, "number") == 0)
		return cJSON_IsNumber(value);
	if (strcmp(type, "integer") == 0)
		return is_integer(value);
	return strcmp(type, "array") == 0 && is_list(schema, value);
}

static int
check_form(const cJSON *schema, const cJSON *content, struct err *err)
{
	const cJSON *it, *value;

	cJSON_ArrayForEach (it, json_arr(schema, "required"))
		if (json_get(content, it->valuestring) == NULL)
			return err_set(err, ERR_INVALID, "content lacks %.100s", it->valuestring);
	cJSON_ArrayForEach (it, json_obj(schema, "properties"))
		if ((value = json_get(content, it->string)) != NULL && !fits(it, value))
			return err_set(err, ERR_INVALID, "content.%.100s is not what was asked for",
			    it->string);
	return 0;
}

static int
check_elicitation(const cJSON *params, const cJSON *answer, struct err *err)
{
	const char *action = json_str(answer, "action");

	if (action != NULL && (strcmp(action, "decline") == 0 || strcmp(action, "cancel") == 0))
		return 0;
	if (action == NULL || strcmp(action, "accept") != 0)
		return err_set(err, ERR_INVALID, "action must be accept, decline or cancel");
	return check_form(json_obj(params, "requestedSchema"), json_obj(answer, "content"), err);
}

int
elicit_check(const struct elicit_kind *k, const cJSON *params, const cJSON *answer, struct err *err)
{
	if (!cJSON_IsObject(answer))
		return err_set(err, ERR_INVALID, "it must be an object");
	if (k->can == MCP_CAN_ELICIT)
		return check_elicitation(params, answer, err);
	if (k->can == MCP_CAN_SAMPLE && json_obj(answer, "content") == NULL &&
	    json_arr(answer, "content") == NULL)
		return err_set(err, ERR_INVALID, "it has no content");
	if (k->can == MCP_CAN_ROOTS && json_arr(answer, "roots") == NULL)
		return err_set(err, ERR_INVALID, "it has no roots");
	return 0;
}
