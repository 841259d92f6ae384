/* SPDX-License-Identifier: MIT
 *
 * The tools that the official conformance suite calls, as one more family of the table of all tools
 * (irisd/mcp/tools.c). Built with -DIRIS_MCP_FIXTURES into test/irisd-fixtures, which names itself
 * "iris-fixtures"; no program that is installed has them. The protocol knows nothing of them: they
 * end their calls by what every tool ends them by.
 */
#include "common/json.h"
#include "common/log.h"
#include "irisd/mcp/mcp.h"
#include "tests/conformance/fixtures.h"

const char fixture_png[] =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0g"
    "AAAABJRU5ErkJggg==";
/* No sample of 8 bits, at 8 kHz. */
static const char wav[] = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

static void
put_text(cJSON *content, const char *text)
{
	cJSON *block = json_new();

	json_put_str(block, "type", "text");
	json_put_str(block, "text", text);
	cJSON_AddItemToArray(content, block);
}

static void
put_data(cJSON *content, const char *type, const char *mime, const char *data)
{
	cJSON *block = json_new();

	json_put_str(block, "type", type);
	json_put_str(block, "data", data);
	json_put_str(block, "mimeType", mime);
	cJSON_AddItemToArray(content, block);
}

static void
put_resource(cJSON *content, const char *uri, const char *mime, const char *text)
{
	cJSON *block = json_new(), *resource = json_new();

	json_put_str(resource, "uri", uri);
	json_put_str(resource, "mimeType", mime);
	json_put_str(resource, "text", text);
	json_put_str(block, "type", "resource");
	json_put(block, "resource", resource);
	cJSON_AddItemToArray(content, block);
}

static void
fn_text(struct mcp_call *c, const cJSON *args)
{
	(void)args;
	mcp_call_text(c, "This is a simple text response for testing.");
}

static void
fn_image(struct mcp_call *c, const cJSON *args)
{
	cJSON *content = cJSON_CreateArray();

	(void)args;
	put_data(content, "image", "image/png", fixture_png);
	mcp_call_content(c, content, NULL, false);
}

static void
fn_audio(struct mcp_call *c, const cJSON *args)
{
	cJSON *content = cJSON_CreateArray();

	(void)args;
	put_data(content, "audio", "audio/wav", wav);
	mcp_call_content(c, content, NULL, false);
}

static void
fn_resource(struct mcp_call *c, const cJSON *args)
{
	cJSON *content = cJSON_CreateArray();

	(void)args;
	put_resource(content, "test://embedded-resource", "text/plain",
	    "This is an embedded resource content.");
	mcp_call_content(c, content, NULL, false);
}

static void
fn_mixed(struct mcp_call *c, const cJSON *args)
{
	cJSON *content = cJSON_CreateArray();

	(void)args;
	put_text(content, "Multiple content types test:");
	put_data(content, "image", "image/png", fixture_png);
	put_resource(content, "test://mixed-content-resource", "application/json",
	    "{\"test\":\"data\",\"value\":123}");
	mcp_call_content(c, content, NULL, false);
}

static void
fn_error(struct mcp_call *c, const cJSON *args)
{
	struct err err;

	(void)args;
	err_set(&err, ERR_INVALID, "This tool intentionally returns an error for testing");
	mcp_call_failed(c, &err, NULL);
}

static void
fn_progress(struct mcp_call *c, const cJSON *args)
{
	(void)args;
	mcp_call_progress(c, "begun");
	mcp_call_progress(c, "half done");
	mcp_call_progress(c, "done");
	mcp_call_text(c, "Three signs of progress were sent.");
}

/* What Iris logs goes to its own log, whatever the client; the suite looks that it does. */
static void
fn_log(struct mcp_call *c, const cJSON *args)
{
	(void)args;
	log_info("fixture tool=%s", c->tool);
	mcp_call_text(c, "A line was logged.");
}

#define FIXTURE(n, d, f)                                                                           \
	{                                                                                          \
		.name = (n), .title = (n), .description = (d), .read_only = true, .fn = (f)        \
	}

const struct mcp_tool mcp_tools_fixtures[] = {
    FIXTURE("test_simple_text", "Fixture: one text block.", fn_text),
    FIXTURE("test_image_content", "Fixture: one image.", fn_image),
    FIXTURE("test_audio_content", "Fixture: one sound.", fn_audio),
    FIXTURE("test_embedded_resource", "Fixture: one embedded resource.", fn_resource),
    FIXTURE("test_multiple_content_types", "Fixture: a text, an image, a resource.", fn_mixed),
    FIXTURE("test_error_handling", "Fixture: fails.", fn_error),
    FIXTURE("test_logging_tool", "Fixture: logs.", fn_log),
    FIXTURE("test_tool_with_progress", "Fixture: tells progress.", fn_progress),
    {0},
};
