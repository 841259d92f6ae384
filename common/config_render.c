/* SPDX-License-Identifier: MIT
 *
 * JSON values as YAML, see config_render.h. What a person will read: plain words where no reader
 * could take them for something else, lists with one entry a line, long texts as they are.
 */
#include <stdlib.h>
#include <string.h>

#include "common/config_edit_impl.h"
#include "common/config_render.h"
#include "common/json.h"
#include "common/xmalloc.h"

void
config_buf_put(struct config_buf *b, const char *s, size_t len)
{
	b->s = xrealloc(b->s, b->len + len + 1);
	memcpy(b->s + b->len, s, len);
	b->len += len;
	b->s[b->len] = '\0';
}

void
config_buf_str(struct config_buf *b, const char *s)
{
	config_buf_put(b, s, strlen(s));
}

void
config_buf_blanks(struct config_buf *b, size_t n)
{
	while (n-- > 0)
		config_buf_put(b, " ", 1);
}

static void
put_text(struct config_buf *b, const char *text, const struct config_style *style)
{
	unsigned how = EDIT_QUOTE_VARIABLES | (style->flow ? EDIT_QUOTE_FLOW : 0) |
	    (style->json ? EDIT_QUOTE_ALWAYS : 0);
	char *quoted = config_edit_quote(text, how);

	config_buf_str(b, quoted);
	free(quoted);
}

void
config_render_key(struct config_buf *b, const char *key, const struct config_style *style)
{
	put_text(b, key, style);
	config_buf_put(b, ":", 1);
}

void
config_render_scalar(struct config_buf *b, const cJSON *value, const struct config_style *style)
{
	char *text;

	if (cJSON_IsString(value)) {
		put_text(b, value->valuestring, style);
		return;
	}
	text = json_print(value);
	config_buf_str(b, text);
	free(text);
}

bool
config_render_is_empty(const cJSON *value)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, value)
		if (cJSON_IsArray(value) || !cJSON_IsNull(item))
			return false;
	return cJSON_IsObject(value) || cJSON_IsArray(value);
}

void
config_render_flow(struct config_buf *b, const cJSON *value, const struct config_style *given)
{
	struct config_style style = *given;
	bool object = cJSON_IsObject(value), first = true;
	const cJSON *item;

	style.flow = true;
	if (!object && !cJSON_IsArray(value)) {
		config_render_scalar(b, value, &style);
		return;
	}
	config_buf_put(b, object ? "{" : "[", 1);
	cJSON_ArrayForEach (item, value) {
		if (object && cJSON_IsNull(item))
			continue;
		if (!first)
			config_buf_put(b, ", ", 2);
		first = false;
		if (object) {
			config_render_key(b, item->string, &style);
			config_buf_put(b, " ", 1);
		}
		config_render_flow(b, item, &style);
	}
	config_buf_put(b, object ? "}" : "]", 1);
}

/* Printable, and with no line that begins or ends in a way that a | would not keep. */
static bool
fits_block_text(const char *s)
{
	size_t len = strlen(s);
	const char *p;
	unsigned code;

	if (strchr(s, '\n') == NULL || strchr(" \t\n", s[0]) != NULL ||
	    (len > 1 && s[len - 1] == '\n' && s[len - 2] == '\n'))
		return false;
	for (p = s; *p != '\0'; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f ||
		    config_edit_needs_escape(p, &code))
			return false;
	return true;
}

bool
config_render_text(
    struct config_buf *b, size_t indent, const cJSON *value, const struct config_style *style)
{
	const char *s = value->valuestring, *end, *last;
	size_t len;

	if (style->flow || !cJSON_IsString(value) || !fits_block_text(s))
		return false;
	len = strlen(s);
	config_buf_str(b, s[len - 1] == '\n' ? "|" : "|-");
	if (s[len - 1] == '\n')
		len--;
	for (last = s + len; s <= last; s = end + 1) {
		end = memchr(s, '\n', (size_t)(last - s));
		if (end == NULL)
			end = last;
		config_buf_str(b, style->nl);
		if (end > s)
			config_buf_blanks(b, indent);
		config_buf_put(b, s, (size_t)(end - s));
	}
	return true;
}

void
config_render_below(
    struct config_buf *b, size_t indent, const cJSON *value, const struct config_style *style)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, value) {
		if (cJSON_IsObject(value)) {
			if (!cJSON_IsNull(item))
				config_render_pair(b, indent, item->string, item, style);
			continue;
		}
		config_buf_blanks(b, indent);
		config_buf_put(b, "- ", 2);
		if (cJSON_IsObject(item) || cJSON_IsArray(item))
			config_render_flow(b, item, style);
		else
			config_render_scalar(b, item, style);
		config_buf_str(b, style->nl);
	}
}

void
config_render_pair(struct config_buf *b, size_t indent, const char *key, const cJSON *value,
    const struct config_style *style)
{
	config_buf_blanks(b, indent);
	config_render_key(b, key, style);
	if ((cJSON_IsObject(value) || cJSON_IsArray(value)) && !config_render_is_empty(value)) {
		config_buf_str(b, style->nl);
		config_render_below(b, indent + style->unit, value, style);
		return;
	}
	config_buf_put(b, " ", 1);
	if (cJSON_IsObject(value) || cJSON_IsArray(value))
		config_render_flow(b, value, style);
	else if (!config_render_text(b, indent + style->unit, value, style))
		config_render_scalar(b, value, style);
	config_buf_str(b, style->nl);
}
