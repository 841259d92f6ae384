/* SPDX-License-Identifier: MIT
 *
 * The values of expressions in a template: paths through the context, and the helpers. What a
 * hostile context could make long (many members, long strings) is paid for from the budget.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/mcp/template_private.h"

void
tvalue_clear(struct tvalue *v)
{
	cJSON_Delete(v->made);
	v->made = NULL;
	v->item = NULL;
}

static int
give(struct tvalue *out, cJSON *made)
{
	out->item = out->made = made;
	return 0;
}

/* As Handlebars: also an empty string, a zero and an empty list are false. */
bool
template_true(const cJSON *item)
{
	if (item == NULL || cJSON_IsNull(item) || cJSON_IsFalse(item))
		return false;
	if (cJSON_IsString(item))
		return item->valuestring[0] != '\0';
	if (cJSON_IsNumber(item))
		return item->valuedouble < 0 || item->valuedouble > 0;
	return !cJSON_IsArray(item) || item->child != NULL;
}

static size_t
text_len(const cJSON *item)
{
	return cJSON_IsString(item) ? strlen(item->valuestring) : 16;
}

static char *
join(const cJSON *list)
{
	size_t len = 1, at = 0, n;
	const cJSON *item;
	char *s, *part;

	cJSON_ArrayForEach (item, list)
		len += cJSON_IsString(item) ? strlen(item->valuestring) + 2 : 0;
	s = xmalloc(len);
	cJSON_ArrayForEach (item, list) {
		part = cJSON_IsString(item) ? NULL : template_text(item);
		n = strlen(part != NULL ? part : item->valuestring);
		if (part != NULL)
			s = xrealloc(s, len += n + 2);
		if (at > 0) {
			memcpy(s + at, ", ", 2);
			at += 2;
		}
		memcpy(s + at, part != NULL ? part : item->valuestring, n);
		at += n;
		free(part);
	}
	s[at] = '\0';
	return s;
}

char *
template_text(const cJSON *item)
{
	if (item == NULL || cJSON_IsNull(item))
		return xstrdup("");
	if (cJSON_IsString(item))
		return xstrdup(item->valuestring);
	return cJSON_IsArray(item) ? join(item) : json_print(item);
}

/* --- paths ------------------------------------------------------------------------------------ */

static const cJSON *
member(struct trender *r, const cJSON *of, const char *name, size_t len)
{
	const cJSON *m;
	size_t seen = 0;

	if (!cJSON_IsObject(of))
		return NULL;
	cJSON_ArrayForEach (m, of) {
		seen++;
		if (strncmp(m->string, name, len) == 0 && m->string[len] == '\0')
			break;
	}
	return template_charge(r, seen) == -1 ? NULL : m;
}

static bool
is_name(const char *s, size_t n, const char *name)
{
	return strlen(name) == n && memcmp(s, name, n) == 0;
}

/* @index and its like; the innermost each counts. */
static int
eval_special(struct trender *r, const char *name, struct tvalue *out)
{
	const struct tscope *s;

	for (s = r->scope; s != NULL && s->count == 0; s = s->up)
		;
	if (s == NULL)
		return template_fail(r, "\"%.60s\" is known inside {{#each}} only", name);
	if (strcmp(name, "@index") == 0)
		return give(out, cJSON_CreateNumber(s->index));
	if (strcmp(name, "@first") == 0)
		return give(out, cJSON_CreateBool(s->index == 0));
	if (strcmp(name, "@last") == 0)
		return give(out, cJSON_CreateBool(s->index == s->count - 1));
	if (strcmp(name, "@key") == 0)
		return s->item->string != NULL ? give(out, cJSON_CreateString(s->item->string))
					       : give(out, cJSON_CreateNumber(s->index));
	return template_fail(
	    r, "\"%.60s\" is not known; there are @index, @key, @first, @last and @root", name);
}

/* One step of a path: a member, an element by its number, or the length of a list. */
static int
step(struct trender *r, const char *name, size_t len, struct tvalue *out)
{
	const cJSON *of = out->item;
	int n;

	if (!cJSON_IsArray(of)) {
		out->item = member(r, of, name, len);
	} else if (is_name(name, len, "length")) {
		n = cJSON_GetArraySize(of);
		give(out, cJSON_CreateNumber(n));
		return template_charge(r, (size_t)n);
	} else {
		n = isdigit((unsigned char)name[0]) && len < 7 ? atoi(name) : -1;
		out->item = n >= 0 ? cJSON_GetArrayItem(of, n) : NULL;
		return template_charge(r, n > 0 ? (size_t)n : 1);
	}
	return 0;
}

static int
eval_path(struct trender *r, const char *path, struct tvalue *out)
{
	const struct tscope *s = r->scope;
	const char *p = path;
	size_t n;

	if (p[0] == '@' && !is_name(p, strcspn(p, "./"), "@root"))
		return eval_special(r, p, out);
	for (; strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'); p += p[2] == '/' ? 3 : 2)
		if (s->up != NULL)
			s = s->up;
	if (strncmp(p, "./", 2) == 0)
		p += 2;
	n = strcspn(p, "./");
	if (is_name(p, n, "@root")) {
		out->item = r->context;
	} else if (n == 0 || is_name(p, n, "this")) {
		out->item = s->item;
	} else {
		/* What the inner one does not have, the outer one may. */
		for (; out->item == NULL && s != NULL; s = s->up)
			out->item = member(r, s->item, p, n);
	}
	for (p += n; *p != '\0' && out->item != NULL; p += n) {
		p++;
		if ((n = strcspn(p, "./")) == 0)
			continue;
		/* A list's length has no members. */
		if (out->made != NULL)
			tvalue_clear(out);
		else if (step(r, p, n, out) == -1)
			return -1;
	}
	return template_charge(r, 1);
}

/* --- helpers ---------------------------------------------------------------------------------- */

static bool
same(const cJSON *a, const cJSON *b)
{
	if (a == NULL || b == NULL || cJSON_IsNull(a) || cJSON_IsNull(b))
		return (a == NULL || cJSON_IsNull(a)) && (b == NULL || cJSON_IsNull(b));
	if (cJSON_IsString(a) && cJSON_IsString(b))
		return strcmp(a->valuestring, b->valuestring) == 0;
	if (cJSON_IsNumber(a) && cJSON_IsNumber(b))
		return !(a->valuedouble < b->valuedouble) && !(a->valuedouble > b->valuedouble);
	return cJSON_IsBool(a) && cJSON_IsBool(b) && cJSON_IsTrue(a) == cJSON_IsTrue(b);
}

static int
help_eq(struct trender *r, const cJSON *const *args, int n, struct tvalue *out)
{
	(void)n;
	give(out, cJSON_CreateBool(same(args[0], args[1])));
	return template_charge(r, text_len(args[0]) / 16);
}

/* A list with the element, a map with the key, or a text with the part. */
static bool
includes(struct trender *r, const cJSON *in, const cJSON *what)
{
	const cJSON *item;
	size_t steps = 1;
	bool found = false;

	if (cJSON_IsString(in) && cJSON_IsString(what)) {
		template_charge(r, strlen(in->valuestring) / 16);
		return strstr(in->valuestring, what->valuestring) != NULL;
	}
	if (cJSON_IsObject(in) && cJSON_IsString(what))
		return member(r, in, what->valuestring, strlen(what->valuestring)) != NULL;
	if (cJSON_IsArray(in)) {
		cJSON_ArrayForEach (item, in) {
			steps++;
			if ((found = same(item, what)))
				break;
		}
	}
	template_charge(r, steps);
	return found;
}

static int
help_includes(struct trender *r, const cJSON *const *args, int n, struct tvalue *out)
{
	(void)n;
	return give(out, cJSON_CreateBool(includes(r, args[0], args[1])));
}

/* (hasPackage "react"), or (hasPackage dependencies "react") */
static int
help_package(struct trender *r, const cJSON *const *args, int n, struct tvalue *out)
{
	bool has;

	if (n == 2)
		has = includes(r, args[0], args[1]);
	else
		has = includes(r, json_get(r->context, "dependencies"), args[0]) ||
		    includes(r, json_get(r->context, "devDependencies"), args[0]);
	return give(out, cJSON_CreateBool(has));
}

/* ASCII: the texts are names. */
static int
change_case(struct trender *r, const cJSON *arg, int (*fn)(int), struct tvalue *out)
{
	char *s = template_text(arg), *p;

	for (p = s; *p != '\0'; p++)
		if (isascii((unsigned char)*p))
			*p = (char)fn((unsigned char)*p);
	give(out, cJSON_CreateString(s));
	free(s);
	return template_charge(r, text_len(out->item));
}

static int
help_upper(struct trender *r, const cJSON *const *args, int n, struct tvalue *out)
{
	(void)n;
	return change_case(r, args[0], toupper, out);
}

static int
help_lower(struct trender *r, const cJSON *const *args, int n, struct tvalue *out)
{
	(void)n;
	return change_case(r, args[0], tolower, out);
}

static int
help_json(struct trender *r, const cJSON *const *args, int n, struct tvalue *out)
{
	char *s = args[0] != NULL ? json_print(args[0]) : xstrdup("null");

	(void)n;
	give(out, cJSON_CreateString(s));
	free(s);
	return template_charge(r, text_len(out->item));
}

static int
help_not(struct trender *r, const cJSON *const *args, int n, struct tvalue *out)
{
	(void)r;
	(void)n;
	return give(out, cJSON_CreateBool(!template_true(args[0])));
}

/* The first that is so, so that {{or framework "no framework"}} has a default. */
static int
help_or(struct trender *r, const cJSON *const *args, int n, struct tvalue *out)
{
	int i;

	(void)r;
	for (i = 0; i < n - 1 && !template_true(args[i]); i++)
		;
	out->item = args[i];
	return 0;
}

static int
help_and(struct trender *r, const cJSON *const *args, int n, struct tvalue *out)
{
	int i;

	(void)r;
	for (i = 0; i < n - 1 && template_true(args[i]); i++)
		;
	out->item = args[i];
	return 0;
}

/* A block of code in Markdown that its text can not end: the fence is longer than any in it. */
static int
help_fenced(struct trender *r, const cJSON *const *args, int n, struct tvalue *out)
{
	char *text = template_text(args[0]), *lang = template_text(n > 1 ? args[1] : NULL), *s, *p;
	size_t longest = 2, run = 0, len = strlen(text);
	char *fence;

	for (p = text; *p != '\0'; p++) {
		run = *p == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	fence = xmalloc(longest + 2);
	memset(fence, '`', longest + 1);
	fence[longest + 1] = '\0';
	s = xasprintf("%s%.20s\n%s%s%s", fence, lang, text,
	    len > 0 && text[len - 1] == '\n' ? "" : "\n", fence);
	give(out, cJSON_CreateString(s));
	free(s);
	free(fence);
	free(lang);
	free(text);
	return template_charge(r, len / 16);
}

static const struct thelper helpers[] = {{"eq", 2, 2, help_eq}, {"includes", 2, 2, help_includes},
    {"upper", 1, 1, help_upper}, {"lower", 1, 1, help_lower}, {"json", 1, 1, help_json},
    {"hasPackage", 1, 2, help_package}, {"not", 1, 1, help_not},
    {"or", 2, TEMPLATE_ARGS_MAX, help_or}, {"and", 2, TEMPLATE_ARGS_MAX, help_and},
    {"fenced", 1, 2, help_fenced}};

const struct thelper *
template_helper(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof helpers / sizeof helpers[0]; i++)
		if (is_name(name, len, helpers[i].name))
			return &helpers[i];
	return NULL;
}

static int
eval_call(struct trender *r, const struct texpr *e, struct tvalue *out)
{
	struct tvalue values[TEMPLATE_ARGS_MAX] = {{NULL, NULL}};
	const cJSON *args[TEMPLATE_ARGS_MAX] = {NULL};
	const struct texpr *arg;
	int i, n = 0, rv = 0;

	for (arg = e->args; rv == 0 && arg != NULL; arg = arg->next) {
		rv = template_eval(r, arg, &values[n]);
		args[n] = values[n].item;
		n++;
	}
	if (rv == 0)
		rv = e->helper->fn(r, args, n, out);
	for (i = 0; i < n; i++) {
		/* "or" and "and" answer one of their values. */
		if (rv == 0 && out->made == NULL && out->item != NULL &&
		    out->item == values[i].made) {
			out->made = values[i].made;
			values[i].made = NULL;
		}
		tvalue_clear(&values[i]);
	}
	return rv;
}

int
template_eval(struct trender *r, const struct texpr *e, struct tvalue *out)
{
	out->item = NULL;
	out->made = NULL;
	if (template_charge(r, 1) == -1)
		return -1;
	switch (e->kind) {
	case TEXPR_PATH:
		return eval_path(r, e->path, out);
	case TEXPR_LITERAL:
		out->item = e->value;
		return 0;
	case TEXPR_CALL:
		return eval_call(r, e, out);
	}
	return 0;
}
