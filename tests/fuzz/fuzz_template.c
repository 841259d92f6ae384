/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for irisd/mcp/template: whatever the template and the context are, rendering
 * ends, stays within its bounds, and says where when it fails. The input is a template; behind its
 * first NUL, if there is one, comes a context in JSON.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/mcp/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char plain[] = "{\"a\":\"x\",\"b\":[1,\"two\",{\"c\":null}],\"d\":{\"e\":true}}";

/* Every partial is the template itself. */
static int
find(void *arg, const char *name, char **where, char **text, struct err *err)
{
	if (name[0] == 'z')
		return err_set(err, ERR_NOT_FOUND, "there is no such partial");
	*where = xstrdup(name);
	*text = xstrdup(arg);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size), *out;
	struct template t = {"t.md", text, strlen(text)};
	struct template_partials partials = {find, text};
	struct err err = {.code = ERR_NONE};
	cJSON *context = NULL;

	if (t.len < size)
		context = json_parse((const char *)data + t.len + 1, size - t.len - 1, &err);
	if (context == NULL)
		context = json_parse(plain, strlen(plain), &err);
	err.code = ERR_NONE;
	out = template_render(&t, context, &partials, &err);
	if (out != NULL && strlen(out) > TEMPLATE_OUT_MAX)
		abort();
	if (out == NULL && (err.code != ERR_CONFIG || strchr(err.msg, ':') == NULL))
		abort();
	free(out);
	free(text);
	cJSON_Delete(context);
	return 0;
}
