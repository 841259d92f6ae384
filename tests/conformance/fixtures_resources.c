/* SPDX-License-Identifier: MIT
 *
 * The resources that the official conformance suite reads, as one more family of the table of all
 * resources (irisd/mcp/resources.c): see fixtures.c.
 */
#include <stdlib.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/mcp/resources.h"
#include "tests/conformance/fixtures.h"

static cJSON *
content(const char *key, const char *value)
{
	cJSON *o = json_new();

	json_put_str(o, key, value);
	return o;
}

static cJSON *
read_text(struct mcp *m, const struct resource *r, int64_t *ttl)
{
	(void)m;
	(void)r;
	(void)ttl;
	return content("text", "This is the content of the static text resource.");
}

static cJSON *
read_binary(struct mcp *m, const struct resource *r, int64_t *ttl)
{
	(void)m;
	(void)r;
	(void)ttl;
	return content("blob", fixture_png);
}

static cJSON *
read_template(struct mcp *m, const struct resource *r, int64_t *ttl)
{
	char *data = xasprintf("Data for ID: %s", r->values[0]);
	cJSON *o = json_new();

	(void)m;
	(void)ttl;
	json_put_str(o, "id", r->values[0]);
	json_put_bool(o, "templateTest", true);
	json_put_str(o, "data", data);
	free(data);
	return resource_json(o);
}

static cJSON *
read_watched(struct mcp *m, const struct resource *r, int64_t *ttl)
{
	(void)m;
	(void)r;
	(void)ttl;
	return content("text", "This is the content of the watched resource.");
}

#define FIXTURE(u, t, d, f)                                                                        \
	{                                                                                          \
		.kind = RESOURCE_FIXED, .uri = (u), .name = (u), .title = (u), .description = (d), \
		.type = (t), .read = (f)                                                           \
	}

const struct resource_row resources_fixtures[] = {
    FIXTURE("test://static-text", "text/plain", "Fixture: a text.", read_text),
    FIXTURE("test://static-binary", "image/png", "Fixture: an image.", read_binary),
    FIXTURE("test://template/{id}/data", "application/json", "Fixture: by id.", read_template),
    FIXTURE("test://watched-resource", "text/plain", "Fixture: can be followed.", read_watched),
    {0},
};
