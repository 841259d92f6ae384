/* SPDX-License-Identifier: MIT
 *
 * ${VAR} and ${VAR:-default} in the values of config.yaml. Called for every value that the loader
 * uses, before it is checked, so that the check sees what the program will see. Looks in the
 * environment, then in .env.
 *
 * As in sh, the default also stands in for an empty value. "$${" is a literal "${". Nothing nests.
 */
#include <stdlib.h>
#include <string.h>

#include "common/config_impl.h"
#include "common/config_text.h"
#include "common/xmalloc.h"

#define EXPANDED_MAX ((size_t)256 * 1024)

struct expand {
	const struct config_reader *r;
	struct config_at at;
	char *out;
	size_t len;
	size_t size;
};

static int
append(struct expand *x, const char *s, size_t len)
{
	if (x->len + len >= EXPANDED_MAX)
		return config_fail(x->r, x->at.node,
		    "%s: longer than 256 KiB with its variables replaced", x->at.where);
	if (x->len + len >= x->size) {
		x->size = 2 * (x->len + len) + 64;
		x->out = xrealloc(x->out, x->size);
	}
	memcpy(x->out + x->len, s, len);
	x->len += len;
	x->out[x->len] = '\0';
	return 0;
}

static size_t
name_length(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");

	return s[0] >= '0' && s[0] <= '9' ? 0 : n;
}

/* The environment can hold any bytes; what ends up in messages and JSON must be UTF-8. */
static int
append_value(struct expand *x, const char *name, const char *value)
{
	size_t len = strlen(value), at, n;

	for (at = 0; at < len; at += n)
		if ((n = config_text_char(value + at, len - at)) == 0)
			return config_fail(x->r, x->at.node,
			    "%s: the value of variable %s is not valid UTF-8", x->at.where, name);
	return append(x, value, len);
}

static const char *
look_up(const struct config_reader *r, const char *name)
{
	const char *value = getenv(name);

	if (value == NULL && r->env != NULL)
		value = dotenv_get(r->env, name);
	return value;
}

/* ":-text", with no further variable in it. */
static bool
is_default(const char *s, size_t len)
{
	size_t i;

	for (i = 2; i + 1 < len; i++)
		if (s[i] == '$' && s[i + 1] == '{')
			return false;
	return len >= 2 && s[0] == ':' && s[1] == '-';
}

/* body: what stands between the braces, len bytes. */
static int
append_variable(struct expand *x, const char *body, size_t len)
{
	size_t namelen = name_length(body);
	const char *value;
	char *name, shown[CONFIG_SHOWN];
	int rv = -1;

	name = xstrndup(body, namelen);
	value = look_up(x->r, name);
	if (namelen == 0 || (namelen < len && !is_default(body + namelen, len - namelen)))
		config_fail(x->r, x->at.node,
		    "%s: \"${%s}\" is not a variable; expected ${NAME} or ${NAME:-default}, "
		    "or $${ for a literal ${",
		    x->at.where, config_show(body, len, shown));
	else if (namelen < len && (value == NULL || value[0] == '\0'))
		rv = append(x, body + namelen + 2, len - namelen - 2);
	else if (value == NULL)
		config_fail(x->r, x->at.node,
		    "%s: the variable %.100s is not set; set it in the environment or in %s/.env, "
		    "or write ${%.100s:-default}",
		    x->at.where, name, x->r->dir, name);
	else
		rv = append_value(x, name, value);
	free(name);
	return rv;
}

static int
expand(struct expand *x, const char *s)
{
	const char *dollar, *close;

	while ((dollar = strstr(s, "${")) != NULL) {
		if (dollar > s && dollar[-1] == '$') {
			if (append(x, s, (size_t)(dollar - 1 - s)) == -1 ||
			    append(x, "${", 2) == -1)
				return -1;
			s = dollar + 2;
			continue;
		}
		if (append(x, s, (size_t)(dollar - s)) == -1)
			return -1;
		if ((close = strchr(dollar, '}')) == NULL)
			return config_fail(x->r, x->at.node,
			    "%s: \"${\" without \"}\"; expected ${NAME} or ${NAME:-default}, "
			    "or $${ for a literal ${",
			    x->at.where);
		if (append_variable(x, dollar + 2, (size_t)(close - dollar - 2)) == -1)
			return -1;
		s = close + 1;
	}
	return append(x, s, strlen(s));
}

char *
config_expand(const struct config_reader *r, struct config_at at)
{
	struct expand x = {.r = r, .at = at};
	const char *text = (const char *)at.node->data.scalar.value;

	if (strlen(text) != at.node->data.scalar.length) {
		config_fail(r, at.node, "%s: holds a NUL character", at.where);
		return NULL;
	}
	if (append(&x, "", 0) == -1 || expand(&x, text) == -1) {
		free(x.out);
		return NULL;
	}
	return x.out;
}
