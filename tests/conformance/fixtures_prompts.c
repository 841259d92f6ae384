/* SPDX-License-Identifier: MIT
 *
 * The prompts that the official conformance suite gets, as one more family of the table of all
 * prompts (irisd/mcp/prompts.c): see fixtures.c.
 */
#include <stdlib.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/mcp/prompts.h"
#include "tests/conformance/fixtures.h"

static void
fn_simple(struct mcp_prompt *p, const cJSON *args)
{
	cJSON *messages = cJSON_CreateArray();

	(void)args;
	prompt_says_text(messages, "This is a simple prompt for testing.");
	prompt_done(p, messages);
}

static void
fn_arguments(struct mcp_prompt *p, const cJSON *args)
{
	cJSON *messages = cJSON_CreateArray();
	char *text = xasprintf("Prompt with arguments: arg1='%s', arg2='%s'",
	    json_str(args, "arg1"), json_str(args, "arg2"));

	prompt_says_text(messages, text);
	free(text);
	prompt_done(p, messages);
}

static void
fn_resource(struct mcp_prompt *p, const cJSON *args)
{
	cJSON *messages = cJSON_CreateArray(), *block = json_new(), *resource = json_new();

	json_put_str(resource, "uri", json_str(args, "resourceUri"));
	json_put_str(resource, "mimeType", "text/plain");
	json_put_str(resource, "text", "Embedded resource content for testing.");
	json_put_str(block, "type", "resource");
	json_put(block, "resource", resource);
	prompt_says(messages, block);
	prompt_says_text(messages, "Please process the embedded resource above.");
	prompt_done(p, messages);
}

static void
fn_image(struct mcp_prompt *p, const cJSON *args)
{
	cJSON *messages = cJSON_CreateArray(), *block = json_new();

	(void)args;
	json_put_str(block, "type", "image");
	json_put_str(block, "data", fixture_png);
	json_put_str(block, "mimeType", "image/png");
	prompt_says(messages, block);
	prompt_says_text(messages, "Please analyze the image above.");
	prompt_done(p, messages);
}

static void
complete_places(struct completion *c)
{
	completion_offer(c, "paris");
	completion_offer(c, "park");
	completion_offer(c, "party");
}

#define FIXTURE(n, d, f) .name = (n), .title = (n), .description = (d), .fn = (f)

const struct prompt prompts_fixtures[] = {
    {FIXTURE("test_simple_prompt", "Fixture: one text.", fn_simple)},
    {FIXTURE("test_prompt_with_arguments", "Fixture: a text with arguments.", fn_arguments),
	.args = {{"arg1", "First test argument", true, complete_places},
	    {"arg2", "Second test argument", true, NULL}}},
    {FIXTURE("test_prompt_with_embedded_resource", "Fixture: an embedded resource.", fn_resource),
	.args = {{"resourceUri", "URI of the resource to embed", true, NULL}}},
    {FIXTURE("test_prompt_with_image", "Fixture: an image.", fn_image)},
    {0},
};
