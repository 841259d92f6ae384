/* SPDX-License-Identifier: MIT
 *
 * Values merged into the text of config.yaml: what changes is exactly what the patch changes, byte
 * by byte; and for any file and any patch, what comes out says what was wanted and has every comment
 * that was beside it, or is refused. IRIS_SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <yaml.h>

#include "common/config_check.h"
#include "common/config_merge.h"
#include "common/config_render.h"
#include "common/config_tree.h"
#include "common/json.h"
#include "common/xmalloc.h"

static char *
merge(const char *text, const char *patch, struct err *e)
{
	cJSON *p = json_parse(patch, strlen(patch), e);
	char *out;

	if (p == NULL)
		fail_msg("%s: %s", e->msg, patch);
	out = config_merge("config.yaml", text, strlen(text), p, e);
	cJSON_Delete(p);
	return out;
}

static void
expect(const char *before, const char *patch, const char *after)
{
	struct err e;
	char *out = merge(before, patch, &e);

	if (out == NULL)
		fail_msg("%s\n%s\n%s", e.msg, patch, before);
	assert_string_equal(out, after);
	free(out);
}

static void
expect_refused(const char *before, const char *patch, enum err_code code, const char *part)
{
	struct err e;
	char *out = merge(before, patch, &e);

	if (out != NULL)
		fail_msg("not refused: %s\n%s", patch, out);
	assert_int_equal(e.code, code);
	if (strstr(e.msg, part) == NULL)
		fail_msg("\"%s\" is not in: %s", part, e.msg);
}

static void
test_values(void **state)
{
	(void)state;
	expect("settings:\n  maxProcesses:   5   # five\n", "{\"settings\":{\"maxProcesses\":6}}",
	    "settings:\n  maxProcesses:   6   # five\n");
	expect("settings:\n  hotReloadConfig: True # yes\n",
	    "{\"settings\":{\"hotReloadConfig\":false}}",
	    "settings:\n  hotReloadConfig: false # yes\n");
	expect("settings:\n  claudePath: 'a''b'\n", "{\"settings\":{\"claudePath\":\"${X:-c}\"}}",
	    "settings:\n  claudePath: \"${X:-c}\"\n");
	expect("a:\n    x: 1\n    y:\n    z: 2\n", "{\"a\":{\"y\":\"null\"}}",
	    "a:\n    x: 1\n    y: \"null\"\n    z: 2\n");
	expect("a: [1, 2] # list\n", "{\"a\":\"b\"}", "a: b # list\n");
	expect("a: |\n  one\n\n  two\n\nb: 1\n", "{\"a\":\"x\"}", "a: x\n\nb: 1\n");
	expect("a: x\nb: 1\n", "{\"a\":\"one\\n\\n  two\\n\"}", "a: |\n  one\n\n    two\nb: 1\n");
	expect("a: x # why\n", "{\"a\":\"one\\ntwo\"}", "a: \"one\\ntwo\" # why\n");
	expect("a:\n  plain\n  folded # c\nb: 1\n", "{\"a\":\"x\"}", "a:\n  x # c\nb: 1\n");
	/* What is the same already is not touched, however it is written. */
	expect("a: 'x'\nb: 0x1\nc: \"5\"\nd: ~\n", "{\"a\":\"x\",\"b\":\"0x1\",\"c\":5,\"d\":null}",
	    "a: 'x'\nb: 0x1\nc: \"5\"\nd: ~\n");
}

static void
test_lists(void **state)
{
	const char *list = "a:\n- one # 1\n- two # 2\n# between\n- three # 3\nb: 1\n";

	(void)state;
	expect(list, "{\"a\":[\"one\",\"2\",\"three\"]}",
	    "a:\n- one # 1\n- \"2\"\n# between\n- three # 3\nb: 1\n");
	expect(
	    list, "{\"a\":[\"one\",\"three\"]}", "a:\n- one # 1\n# between\n- three # 3\nb: 1\n");
	expect(list, "{\"a\":[\"one\",\"two\",\"three\",\"four: 4\"]}",
	    "a:\n- one # 1\n- two # 2\n# between\n- three # 3\n- \"four: 4\"\nb: 1\n");
	expect(list, "{\"a\":[]}", "a: []\nb: 1\n");
	expect(list, "{\"a\":\"x\"}", "a: x\nb: 1\n");
	expect("a: [x, y]\n", "{\"a\":[\"x\",\"Bash(a, b)\"]}", "a: [x, \"Bash(a, b)\"]\n");
	expect("a: x # c\nb: 1\n", "{\"a\":[\"yy\",\"z\"]}", "a: # c\n  - yy\n  - z\nb: 1\n");
	expect("a: [] # c\nb: 1\n", "{\"a\":[\"v\"]}", "a: [v] # c\nb: 1\n");
}

static void
test_entries(void **state)
{
	(void)state;
	expect("# top\nsettings: # s\n  a: 1\n  # about b\n  b: 2\n    # deeper\n# end\n",
	    "{\"settings\":{\"c\":true,\"b\":null}}",
	    "# top\nsettings: # s\n  a: 1\n  # about b\n  c: true\n# end\n");
	expect("settings:\n  a: 1\n", "{\"settings\":{\"a\":null}}", "settings: {}\n");
	expect("settings: {} # s\nteams:\n",
	    "{\"settings\":{\"a\":1},\"teams\":{\"t\":{\"path\":\"/\"}}}",
	    "settings: # s\n  a: 1\nteams:\n  t:\n    path: /\n");
	expect("", "{\"settings\":{\"a\":1}}", "settings:\n  a: 1\n");
	expect("# only this", "{\"settings\":{\"a\":1}}", "# only this\n\nsettings:\n  a: 1");
	expect("a: 1\n...\n", "{\"b\":{\"c\":2}}", "a: 1\n\nb:\n  c: 2\n...\n");
	expect("a: 1\n", "{\"a\":null}", "{}\n");
	/* The end of the line of a text that keeps it. */
	expect("a: |+\r\n  x\r\nb: 1\r\n", "{\"a\":\"null\"}", "a: \"null\"\r\nb: 1\r\n");
	expect("a:\r\n   b: 1\r\n", "{\"a\":{\"c\":{\"d\":1}}}",
	    "a:\r\n   b: 1\r\n   c:\r\n      d: 1\r\n");
	expect("teams:\n  a:\n    path: x\n\n  # second\n  b:\n    path: y\n",
	    "{\"teams\":{\"c\":{\"path\":\"z\"}}}",
	    "teams:\n  a:\n    path: x\n\n  # second\n  b:\n    path: y\n\n  c:\n    path: z\n");
	expect("a: 1\n", "{\"a\":{}}", "a: {}\n");
	expect("a: 1\n", "{}", "a: 1\n");
}

static void
test_brackets(void **state)
{
	(void)state;
	expect("a: {b: 1, c: 2} # c\n", "{\"a\":{\"b\":null}}", "a: {c: 2} # c\n");
	expect("a: {b: 1, c: 2} # c\n", "{\"a\":{\"c\":null,\"d\":\"x, y\"}}",
	    "a: {b: 1, d: \"x, y\"} # c\n");
	expect("a: {b: 1}\n", "{\"a\":{\"b\":null}}", "a: {}\n");
	expect("a: {b: 1, # one\n    c: 2}\n", "{\"a\":{\"c\":3}}", "a: {b: 1, # one\n    c: 3}\n");
	expect(
	    "{\"a\": {}, \"b\": 1}", "{\"a\":{\"c\":\"d\"}}", "{\"a\": {\"c\": \"d\"}, \"b\": 1}");
	expect("{\n  \"a\": 1,\n  \"b\": {\n    \"c\": 2\n  }\n}\n",
	    "{\"b\":{\"d\":[\"x\"]},\"e\":true}",
	    "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": 2,\n    \"d\": [\"x\"]\n  },\n  \"e\": true\n}\n");
}

static void
test_masks(void **state)
{
	const char *text = "teams:\n  a:\n    env:\n      A: one\n      B: two\n"
			   "    remoteOptions: {passphrase: p, port: 22}\n";

	(void)state;
	expect(text,
	    "{\"teams\":{\"a\":{\"env\":{\"A\":\"********\",\"B\":\"3\"},"
	    "\"remoteOptions\":{\"passphrase\":\"********\"}}}}",
	    "teams:\n  a:\n    env:\n      A: one\n      B: \"3\"\n"
	    "    remoteOptions: {passphrase: p, port: 22}\n");
	expect_refused(
	    text, "{\"teams\":{\"a\":{\"env\":{\"C\":\"********\"}}}}", ERR_INVALID, "C: ");
	/* Only where something is secret. */
	expect("teams:\n  a:\n    path: x\n", "{\"teams\":{\"a\":{\"path\":\"********\"}}}",
	    "teams:\n  a:\n    path: \"********\"\n");
}

static void
test_refused(void **state)
{
	(void)state;
	expect_refused("a: &x {b: 1}\nc: *x\n", "{\"a\":{\"b\":2}}", ERR_CONFIG,
	    "config.yaml:1:4: this value has an anchor");
	expect_refused("a: &x {b: 1}\nc: *x\n", "{\"c\":{\"b\":2}}", ERR_CONFIG,
	    "config.yaml:2:4: this is written as an alias");
	expect("a: &x {b: 1}\nc: *x\n", "{\"c\":5}", "a: &x {b: 1}\nc: 5\n");
	expect("a: &x {b: 1}\nc: *x\n", "{\"c\":{\"b\":1}}", "a: &x {b: 1}\nc: *x\n");
	expect_refused(
	    "a: &x {b: 1}\nc: *x\n", "{\"a\":null}", ERR_CONFIG, "edit the file by hand");
	expect_refused("? a\n: 1\n", "{\"a\":2}", ERR_CONFIG, "config.yaml:1:3: ");
	expect_refused("- a\n", "{\"a\":2}", ERR_CONFIG, "config.yaml:1:1: ");
	expect_refused("a: [\n", "{\"a\":2}", ERR_CONFIG, "config.yaml:2:");
	expect_refused("a: 1\na: 2\n", "{\"b\":2}", ERR_CONFIG, "config.yaml:2:1: ");
	expect_refused("a: 1\n", "[]", ERR_INVALID, "no object");
}

/* --- any file, any patch ---------------------------------------------------------------------- */

static uint64_t seed;

static unsigned
rnd(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

struct out {
	char s[65536];
	size_t n;
	int comments;
};

static void
put(struct out *o, const char *s)
{
	size_t len = strlen(s);

	assert_true(o->n + len < sizeof o->s);
	memcpy(o->s + o->n, s, len + 1);
	o->n += len;
}

static void
blanks(struct out *o, unsigned n)
{
	while (n-- > 0)
		put(o, " ");
}

static const char *const words[] = {"one", "\"two # 2\"", "'th''ree'", "4", "true", "a b", "~/x",
    "\"gr\xc3\xbc\xc3\x9f\"", "http://x/y", "- 1", "\"\"", "\"${A:-b}\""};
static const char *const keys[] = {"alpha", "beta", "gamma", "delta", "eps", "zeta"};

static const char *nl = "\n";

/* Each comment has a number, so that it can be found again. */
static void
comment(struct out *o, unsigned indent, bool line)
{
	char text[32];

	if (rnd(3) != 0)
		return;
	blanks(o, line ? indent : 1 + rnd(3));
	snprintf(text, sizeof text, "# c%d.", o->comments++);
	put(o, text);
	if (line)
		put(o, nl);
}

static void
word(struct out *o)
{
	const char *w = words[rnd(sizeof words / sizeof words[0])];

	put(o, w[0] == '-' ? "minus" : w);
}

static void
flow(struct out *o, int depth)
{
	unsigned n = rnd(4), i;
	bool map = rnd(2) == 0;

	put(o, map ? "{" : "[");
	for (i = 0; i < n; i++) {
		if (i > 0)
			put(o, ", ");
		if (map) {
			put(o, keys[i]);
			put(o, ": ");
		}
		if (depth > 0 && rnd(4) == 0)
			flow(o, depth - 1);
		else
			word(o);
	}
	put(o, map ? "}" : "]");
}

static void
block(struct out *o, unsigned indent, int depth)
{
	unsigned n = 1 + rnd(5), i, j, step = 1 + rnd(4), kind, off = rnd(2) * 2;

	for (i = 0; i < n; i++) {
		if (rnd(5) == 0)
			put(o, nl);
		comment(o, indent, true);
		blanks(o, indent);
		put(o, keys[i]);
		put(o, ":");
		kind = rnd(depth > 0 ? 8 : 5);
		if (kind >= 5) {
			comment(o, 0, false);
			put(o, nl);
			block(o, indent + step, depth - 1);
			continue;
		}
		if (kind == 0) {
			comment(o, 0, false);
			put(o, nl);
			for (j = 0; j < 1 + i; j++) {
				blanks(o, indent + off);
				put(o, "- ");
				word(o);
				comment(o, 0, false);
				put(o, nl);
			}
			continue;
		}
		if (kind == 1) {
			put(o, rnd(2) == 0 ? " |" : " >-");
			put(o, nl);
			blanks(o, indent + 3);
			put(o, "some text");
			put(o, nl);
			put(o, nl);
			blanks(o, indent + 3);
			put(o, "and more");
			put(o, nl);
			continue;
		}
		if (kind != 2 || rnd(3) != 0) {
			put(o, " ");
			if (kind == 3)
				flow(o, 2);
			else
				word(o);
		}
		comment(o, 0, false);
		put(o, nl);
	}
}

static cJSON *
random_value(int depth)
{
	static const char *const texts[] = {"x", "a: b", "# no", "", "null", "5", "l1\nl2\n", "- y",
	    "l1\n\n  l3", "{a", "t\tb", "\xe2\x82\xac", "yes", "a, b", " lead", "trail "};
	cJSON *v;
	unsigned i, n;

	switch (rnd(depth > 0 ? 7 : 4)) {
	case 0:
		return json_int_item(rnd(1000));
	case 1:
		return cJSON_CreateBool(rnd(2) == 0);
	case 2:
	case 3:
		return cJSON_CreateString(texts[rnd(sizeof texts / sizeof texts[0])]);
	case 4:
		v = cJSON_CreateArray();
		for (i = 0, n = rnd(4); i < n; i++)
			cJSON_AddItemToArray(v, random_value(0));
		return v;
	default:
		v = json_new();
		for (i = 0, n = rnd(4); i < n; i++)
			json_put(v, keys[i], random_value(depth - 1));
		return v;
	}
}

/* As it comes in a call. */
static cJSON *
as_parsed(cJSON *tree)
{
	char *text = json_print(tree);
	cJSON *o = json_parse(text, strlen(text), NULL);

	assert_non_null(o);
	cJSON_Delete(tree);
	free(text);
	return o;
}

/* Goes down where the file has something, mostly. */
static cJSON *
random_patch(const cJSON *now, int depth)
{
	cJSON *p = json_new();
	unsigned i;

	for (i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const cJSON *old = json_get(now, keys[i]);

		if (rnd(3) != 0)
			continue;
		if (rnd(3) == 0)
			json_put_null(p, keys[i]);
		else if (cJSON_IsObject(old) && depth > 0 && rnd(4) != 0)
			json_put(p, keys[i], random_patch(old, depth - 1));
		else if (old != NULL && !cJSON_IsNull(old) && rnd(4) == 0)
			json_put(p, keys[i], cJSON_Duplicate(old, true));
		else
			json_put(p, keys[i], random_value(2));
	}
	return p;
}

#define NOTHING "(nothing)"

static bool
is_nothing(const cJSON *value)
{
	return cJSON_IsString(value) && strcmp(value->valuestring, NOTHING) == 0;
}

/* What the text says, by libyaml's own tree and nothing of ours: all values are texts. */
static cJSON *
plain_json(yaml_document_t *doc, int index)
{
	yaml_node_t *node = yaml_document_get_node(doc, index);
	yaml_node_pair_t *pair;
	yaml_node_item_t *item;
	cJSON *o;

	if (node == NULL)
		return json_new();
	if (node->type == YAML_SCALAR_NODE)
		return cJSON_CreateString(node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
			    node->data.scalar.length == 0
			? NOTHING
			: (char *)node->data.scalar.value);
	if (node->type == YAML_SEQUENCE_NODE) {
		o = cJSON_CreateArray();
		for (item = node->data.sequence.items.start; item < node->data.sequence.items.top;
		     item++)
			cJSON_AddItemToArray(o, plain_json(doc, *item));
		return o;
	}
	o = json_new();
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++)
		json_put(o, (char *)yaml_document_get_node(doc, pair->key)->data.scalar.value,
		    plain_json(doc, pair->value));
	return o;
}

static cJSON *
read_plain(const char *text)
{
	yaml_parser_t parser;
	yaml_document_t doc;
	cJSON *o;

	assert_true(yaml_parser_initialize(&parser));
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
	assert_true(yaml_parser_load(&parser, &doc));
	o = plain_json(&doc, 1);
	yaml_document_delete(&doc);
	yaml_parser_delete(&parser);
	if (!cJSON_IsObject(o)) { /* nothing */
		cJSON_Delete(o);
		o = json_new();
	}
	return o;
}

static cJSON *
as_text(const cJSON *value)
{
	const cJSON *item;
	char *text;
	cJSON *o;

	if (cJSON_IsObject(value) || cJSON_IsArray(value)) {
		o = cJSON_IsObject(value) ? json_new() : cJSON_CreateArray();
		cJSON_ArrayForEach (item, value) {
			if (cJSON_IsArray(value))
				cJSON_AddItemToArray(o, as_text(item));
			else if (!cJSON_IsNull(item))
				json_put(o, item->string, as_text(item));
		}
		return o;
	}
	if (cJSON_IsString(value))
		return cJSON_CreateString(value->valuestring);
	text = json_print(value);
	o = cJSON_CreateString(text);
	free(text);
	return o;
}

/* RFC 7396, on trees of texts; but an empty object does not make one of nothing. */
static void
apply(cJSON *target, const cJSON *patch)
{
	const cJSON *member;
	cJSON *old;

	cJSON_ArrayForEach (member, patch) {
		old = json_get(target, member->string);
		if (cJSON_IsNull(member)) {
			/* A null that is null already stays. */
			if (old != NULL && !is_nothing(old))
				cJSON_DeleteItemFromObjectCaseSensitive(target, member->string);
		} else if (is_nothing(old) && config_render_is_empty(member) &&
		    cJSON_IsObject(member))
			continue;
		else if (cJSON_IsObject(member) && cJSON_IsObject(old))
			apply(old, member);
		else if (old != NULL)
			cJSON_ReplaceItemInObjectCaseSensitive(
			    target, member->string, as_text(member));
		else
			json_put(target, member->string, as_text(member));
	}
}

/* New entries in the top level and in some mappings below it, and no other change. */
static cJSON *
additions(const cJSON *now, int depth)
{
	const cJSON *item;
	cJSON *p = json_new();

	cJSON_ArrayForEach (item, now)
		if (cJSON_IsObject(item) && depth > 0 && rnd(2) == 0)
			json_put(p, item->string, additions(item, depth - 1));
	json_put(p, "fresh", random_value(2));
	return p;
}

/* Each line that was there, in order; but for those with brackets, which may have got more. */
static bool
has_lines(const char *before, const char *after)
{
	const char *end;
	char *line;

	for (; *before != '\0'; before = *end != '\0' ? end + 1 : end) {
		end = before + strcspn(before, "\n");
		line = xstrndup(before, (size_t)(end - before));
		if (strpbrk(line, "{[") == NULL) {
			while ((after = strstr(after, line)) != NULL &&
			    after[strlen(line)] != '\n' && after[strlen(line)] != '\r' &&
			    after[strlen(line)] != '\0')
				after++;
			if (after == NULL) {
				free(line);
				return false;
			}
			after += strlen(line);
		}
		free(line);
	}
	return true;
}

/* True when there was nothing to refuse. */
static bool
one_round(struct out *o, int round)
{
	cJSON *now, *patch, *want, *got, *nothing = json_new();
	struct config_tree *tree;
	char *text, *same, *shown;
	struct err e;
	bool done;

	o->n = 0;
	o->comments = 0;
	nl = rnd(4) == 0 ? "\r\n" : "\n";
	comment(o, 0, true);
	block(o, rnd(4) == 0 ? 1 : 0, 3);
	comment(o, 0, true);
	/* Behind a | text without a line end, nothing can come that would not give it one. */
	if (rnd(4) == 0 &&
	    strcmp(o->s + o->n - strlen(nl) - 4, nl[0] == '\r' ? "more\r\n" : "more\n") != 0)
		o->s[o->n -= strlen(nl)] = '\0';
	if ((tree = config_tree_parse("f", o->s, o->n, &e)) == NULL)
		fail_msg("round %d: %s\n%s", round, e.msg, o->s);
	now = as_parsed(config_tree_json(tree));
	config_tree_free(tree);
	same = config_merge("f", o->s, o->n, nothing, &e);
	assert_non_null(same);
	assert_string_equal(same, o->s);
	free(same);
	patch = as_parsed(random_patch(now, 3));
	shown = json_print(patch);
	text = config_merge("f", o->s, o->n, patch, &e);
	if (text != NULL) {
		want = read_plain(o->s);
		apply(want, patch);
		got = read_plain(text);
		if (!cJSON_Compare(want, got, true))
			fail_msg("round %d: not what was wanted\n%s\n--- before\n%s\n--- after\n%s",
			    round, shown, o->s, text);
		cJSON_Delete(want);
		cJSON_Delete(got);
	}
	done = text != NULL;
	if (!done && getenv("IRIS_TELL") != NULL)
		fprintf(stderr, "refused: %s\n%s\n%s\n", e.msg, shown, o->s);
	free(shown);
	free(text);
	cJSON_Delete(patch);
	patch = as_parsed(additions(now, 3));
	if ((text = config_merge("f", o->s, o->n, patch, &e)) != NULL && !has_lines(o->s, text))
		fail_msg(
		    "round %d: lines are gone\n--- before\n%s\n--- after\n%s", round, o->s, text);
	done &= text != NULL;
	free(text);
	cJSON_Delete(patch);
	cJSON_Delete(now);
	cJSON_Delete(nothing);
	return done;
}

static void
test_any(void **state)
{
	static struct out o;
	int rounds = 3000, done = 0, i;

	(void)state;
	for (i = 0; i < rounds; i++)
		done += one_round(&o, i);
	assert_int_equal(done, rounds);
}

/* Texts that are broken in any way: an answer, or an error. */
static void
test_broken(void **state)
{
	static struct out o;
	cJSON *patch;
	struct err e;
	char *text;
	int i, j;

	(void)state;
	for (i = 0; i < 2000; i++) {
		o.n = 0;
		o.comments = 0;
		nl = "\n";
		block(&o, 0, 3);
		for (j = 0; j < 3; j++)
			o.s[rnd((unsigned)o.n)] = "&*#:-{}[]|>'\"%@!?,x \n\t"[rnd(23)];
		patch = as_parsed(random_patch(NULL, 2));
		text = config_merge("f", o.s, o.n, patch, &e);
		free(text);
		cJSON_Delete(patch);
	}
}

/* All that is wrong, with places and keys. */
static void
test_check(void **state)
{
	static const char text[] = "settings:\n  maxProcesses: x\n  logLevel: loud\n"
				   "teams:\n  a:\n    path: /tmp\n    color: red\n"
				   "    remoteOptions:\n      port: 0\n  b:\n    model: y\n";
	static const char *const want[] = {"settings.maxProcesses", "settings.logLevel",
	    "teams.a.color", "teams.a.remoteOptions.port", "teams.b"};
	static const int64_t lines[] = {2, 3, 7, 9, 10};
	struct config_report r;
	const cJSON *item;
	size_t i = 0;

	(void)state;
	config_check("/tmp/none/config.yaml", text, strlen(text), &r);
	assert_false(r.valid);
	r.errors = as_parsed(r.errors);
	assert_int_equal(cJSON_GetArraySize(r.errors), 5);
	cJSON_ArrayForEach (item, r.errors) {
		assert_string_equal(json_str(item, "key"), want[i]);
		assert_int_equal(json_int_or(item, "line", 0), lines[i]);
		i++;
	}
	config_report_release(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_entries),
	    cmocka_unit_test(test_brackets),
	    cmocka_unit_test(test_masks),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_check),
	    cmocka_unit_test(test_any),
	    cmocka_unit_test(test_broken),
	};
	const char *given = getenv("IRIS_SEED");

	json_init();
	seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 2654435761u;
	seed += seed == 0;
	fprintf(stderr, "IRIS_SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
