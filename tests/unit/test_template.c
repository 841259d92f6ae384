/* SPDX-License-Identifier: MIT
 *
 * irisd/mcp/template: what each construct makes, what each mistake says and where, and that hostile
 * templates and contexts come to an end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/mcp/template.h"

#define CONTEXT                                                                                    \
	"{\"name\":\"shop\",\"empty\":\"\",\"zero\":0,\"n\":3,\"half\":0.5,\"yes\":true,"          \
	"\"no\":false,\"null\":null,\"list\":[\"a\",\"b\",\"c\"],\"none\":[],\"map\":{\"x\":1,"    \
	"\"y\":\"two\"},\"void\":{},\"html\":\"<b>&amp;\\\"\",\"deep\":{\"er\":{\"est\":\"z\"}},"  \
	"\"people\":[{\"name\":\"Ada\",\"langs\":[\"c\"]},{\"name\":\"Bob\"}],\"mixed\":[1,"       \
	"[\"p\",\"q\"],{\"k\":true},null],\"dependencies\":[\"react\",\"next\"],"                  \
	"\"devDependencies\":[\"vitest\"],\"code\":\"a ```` b\\n\"}"

struct partial {
	const char *name, *text;
};

static const struct partial partials[] = {{"plain", "<{{name}}>\n"}, {"loop", "{{> loop}}"},
    {"a/b-c_d", "nested {{> plain}}"}, {"bad", "one\ntwo {{#if x}}"}};

static int
find(void *arg, const char *name, char **where, char **text, struct err *err)
{
	size_t i;

	(void)arg;
	for (i = 0; i < sizeof partials / sizeof partials[0]; i++) {
		if (strcmp(partials[i].name, name) == 0) {
			*where = xasprintf("%s.md", name);
			*text = xstrdup(partials[i].text);
			return 0;
		}
	}
	return err_set(err, ERR_NOT_FOUND, "there is no such partial");
}

static char *
render_with(const char *context, const char *text, struct err *err)
{
	struct template t = {"t.md", text, strlen(text)};
	struct template_partials p = {find, NULL};
	cJSON *o = json_parse(context, strlen(context), err);
	char *out;

	assert_non_null(o);
	out = template_render(&t, o, &p, err);
	cJSON_Delete(o);
	return out;
}

static void
is(const char *text, const char *expected)
{
	struct err err;
	char *out = render_with(CONTEXT, text, &err);

	if (out == NULL)
		fail_msg("%s: %s", text, err.msg);
	if (strcmp(out, expected) != 0)
		fail_msg("%s\ngave     \"%s\"\nexpected \"%s\"", text, out, expected);
	free(out);
}

static void
fails(const char *text, const char *words)
{
	struct err err = {0};
	char *out = render_with(CONTEXT, text, &err);

	if (out != NULL)
		fail_msg("%s gave \"%s\"", text, out);
	if (strstr(err.msg, words) == NULL)
		fail_msg("%s: \"%s\" lacks \"%s\"", text, err.msg, words);
	assert_int_equal(err.code, ERR_CONFIG);
}

static void
test_values(void **state)
{
	(void)state;
	is("", "");
	is("no tags, one { and } and }}", "no tags, one { and } and }}");
	is("{{name}} {{ name }} {{{name}}} {{&name}}", "shop shop shop shop");
	is("{{missing}}{{null}}{{deep.no.way}}{{name.x}}{{empty}}.", ".");
	is("{{n}} {{half}} {{zero}} {{yes}} {{no}}", "3 0.5 0 true false");
	is("{{html}}", "<b>&amp;\"");
	is("{{list}} {{none}}", "a, b, c ");
	is("{{mixed}}", "1, p, q, {\"k\":true}, ");
	is("{{map}}", "{\"x\":1,\"y\":\"two\"}");
	is("{{deep.er.est}} {{deep/er/est}} {{this.name}} {{./name}} {{../name}}",
	    "z z shop shop shop");
	is("{{list.length}} {{list.1}} {{list.9}} {{list.length.x}}.", "3 b  .");
	is("\\{{name}} is {{name}}", "{{name}} is shop");
	is("a{{! not \"seen }}b{{!-- }} nor {{this}} --}}c", "abc");
	is("{{\"lit\"}} {{'li\"t'}} {{\"q\\\"q\"}} {{-3}} {{1.5}} {{true}}",
	    "lit li\"t q\"q -3 1.5 true");
}

static void
test_blocks(void **state)
{
	(void)state;
	is("{{#if name}}1{{else}}0{{/if}}{{#if empty}}1{{else}}0{{/if}}{{#if zero}}1{{else}}0{{/if}}"
	   "{{#if none}}1{{else}}0{{/if}}{{#if void}}1{{else}}0{{/if}}{{#if missing}}1{{/if}}"
	   "{{#if null}}1{{^}}0{{/if}}{{#if no}}1{{/if}}{{#if list}}1{{/if}}",
	    "10001"
	    "01");
	is("{{#unless name}}1{{else}}0{{/unless}}{{#unless no}}1{{/unless}}", "01");
	is("{{#if no}}a{{else if zero}}b{{else if yes}}c{{else}}d{{/if}}", "c");
	is("{{#if no}}a{{else if zero}}b{{else}}d{{/if}}!", "d!");
	is("{{#each list}}{{@index}}{{this}}{{#unless @last}},{{/unless}}{{/each}}", "0a,1b,2c");
	is("{{#each none}}x{{else}}nothing{{/each}}{{#each missing}}x{{/each}}", "nothing");
	is("{{#each map}}{{@key}}={{.}};{{/each}}", "x=1;y=two;");
	is("{{#each void}}x{{else}}empty{{/each}}", "empty");
	is("{{#each people}}{{name}}:{{langs}}{{#if @first}}|{{/if}}{{../name}}{{n}} {{/each}}",
	    "Ada:c|shop3 Bob:shop3 ");
	is("{{#each people}}{{#each langs}}{{this}}{{../name}}{{@root.name}}{{/each}}{{/each}}",
	    "cAdashop");
	is("{{#with deep}}{{er.est}}{{name}}{{/with}}{{#with missing}}x{{else}}none{{/with}}",
	    "zshopnone");
	is("{{#if name}}{{#if no}}x{{else}}{{#each list}}{{this}}{{/each}}{{/if}}{{/if}}", "abc");
}

static void
test_lines(void **state)
{
	(void)state;
	is("one\n{{#if yes}}\ntwo\n{{else}}\nthree\n{{/if}}\nfour\n", "one\ntwo\nfour\n");
	is("one\n  {{#each list}}  \n- {{this}}\n  {{/each}}\r\nend", "one\n- a\n- b\n- c\nend");
	is("{{! alone }}\nx\n{{!-- alone --}}", "x\n");
	is("a {{#if yes}}\nb\n{{/if}} c", "a \nb\n c");
	is("{{name}}\n{{missing}}\nx", "shop\n\nx");
	is("a  {{~name~}}  \n b {{~#if yes~}} c {{~/if}} d", "ashopbc d");
	is("x\n{{> plain}}\ny", "x\n<shop>\ny");
	is("{{#if yes}}\n{{#if yes}}\nin\n{{/if}}\n{{/if}}\nout", "in\nout");
}

static void
test_helpers(void **state)
{
	(void)state;
	is("{{#if (eq name \"shop\")}}y{{/if}}{{#if (eq n 3)}}y{{/if}}{{#if (eq n \"3\")}}n{{/if}}"
	   "{{#if (eq missing null)}}y{{/if}}{{#if (eq yes true)}}y{{/if}}{{#if (eq yes 1)}}n{{/if}}",
	    "yyyy");
	is("{{#if (includes list 'b')}}y{{/if}}{{#if (includes name 'ho')}}y{{/if}}"
	   "{{#if (includes map \"x\")}}y{{/if}}{{#if (includes list 'z')}}n{{/if}}"
	   "{{#if (includes missing 'z')}}n{{/if}}",
	    "yyy");
	is("{{upper name}} {{lower 'ABC\xc3\x84'}} {{upper list}}", "SHOP abc\xc3\x84 A, B, C");
	is("{{json list}} {{json name}} {{json missing}}", "[\"a\",\"b\",\"c\"] \"shop\" null");
	is("{{hasPackage 'react'}} {{hasPackage 'vitest'}} {{hasPackage dependencies 'vitest'}} "
	   "{{hasPackage map 'y'}}",
	    "true true false true");
	is("{{not name}} {{not missing}} {{or missing empty 'x'}} {{or name 'x'}} {{and name n}} "
	   "{{and name no 'x'}}.",
	    "false true x shop 3 false.");
	is("{{or (lower missing) (upper 'x')}} {{and (or no yes) (not no)}}", "X true");
	is("{{fenced name 'diff'}}|{{fenced code}}", "```diff\nshop\n```|`````\na ```` b\n`````");
}

static void
test_partials(void **state)
{
	(void)state;
	is("{{> a/b-c_d}}", "nested <shop>\n");
	is("{{#each people}}{{> plain}}{{/each}}", "<Ada>\n<Bob>\n");
	fails("x\n{{> none}}", "t.md:2: {{> none}}: there is no such partial");
	fails("{{> loop}}", "loop.md:1: {{> loop}} is nested too deeply");
	fails("{{> bad}}", "bad.md:2: the block \"if\" has no end");
	fails("{{> ../etc/passwd}}", "t.md:1: a partial has a name");
	fails("{{> a.b}}", "a partial has a name");
	fails("{{> }}", "a partial has a name");
}

static void
test_mistakes(void **state)
{
	(void)state;
	fails("a\nb {{name", "t.md:2: this tag does not end");
	fails("{{", "t.md:1: a name was expected");
	fails("{{}}", "a name was expected");
	fails("\n\n{{#if x}}\n", "t.md:3: the block \"if\" has no end");
	fails("{{#if x}}\n{{/each}}", "t.md:2: another block is to be closed here: \"if\"");
	fails("x{{/if}}", "t.md:1: there is no block for this end");
	fails("{{else}}", "no block for this {{else}}");
	fails("{{else if (eq a b)}}", "no block for this {{else}}");
	fails("{{#if x}}{{else}}{{else}}{{/if}}", "a second {{else}}");
	fails("{{#if x}}{{else}}{{else if y}}{{/if}}", "a second {{else}}");
	fails("{{#if x}}{{else if y}}{{else}}{{else}}{{/if}}", "a second {{else}}");
	fails("{{#table x}}{{/table}}", "unknown block");
	fails("{{#if}}{{/if}}", "a name was expected");
	fails("{{shout name}}", "\"shout\" is no helper");
	fails("{{\"x\" name}}", "is no helper");
	fails("{{(eq name n) name}}", "\"eq\" is no helper");
	fails("{{eq name}}", "the helper \"eq\" has too few or too many values");
	fails("{{upper name name}}", "too few or too many");
	fails("{{or 1 2 3 4 5 6 7 8 9}}", "too many values");
	fails("{{(eq a b}}", "this parenthesis is not closed");
	fails("{{eq a b)}}", "does not end with }}");
	fails("{{name \"open}}", "this string does not end");
	fails("{{> plain x=1}}", "does not end with }}");
	fails("{{upper x=1}}", "name=value");
	fails("{{#each x as |y|}}{{/each}}", "name=value and |name| are not known");
	fails("{{@index}}", "inside {{#each}} only");
	fails("{{#each list}}{{@odd}}{{/each}}", "\"@odd\" is not known");
	fails("{{! open", "does not end");
	fails("{{!-- open }}", "does not end");
}

static char *
repeated(const char *piece, size_t n)
{
	char *s = xmalloc(strlen(piece) * n + 1);
	size_t i;

	for (i = 0; i < n; i++)
		memcpy(s + i * strlen(piece), piece, strlen(piece));
	s[strlen(piece) * n] = '\0';
	return s;
}

/* Many of each thing that costs; all must end soon. */
static void
test_hostile(void **state)
{
	static const char *const pieces[] = {"{{", "{{#if x}}", "{{#each x}}", "{{(", "{{#if (eq (",
	    "{{else if x}}", "{{{", "{{!--", "{{~", "\\{{", "{{\"", "{{> plain}}", "{{x.y.z}}",
	    "{{#if x}}{{/if}}", "{{../", "{{json this}}", "{{#if no}}{{else if x}}"};
	static const char numbers[] = "{{#each l}}{{#each ../l}}{{#each ../l}}{{#each ../l}}"
				      "{{/each}}{{/each}}{{/each}}{{/each}}";
	static const char grow[] = "{{#each l}}{{#each ../l}}{{#each ../l}}{{json @root}}"
				   "{{/each}}{{/each}}{{/each}}";
	int64_t began = compat_mono_ms();
	struct err err;
	char *text, *context, *out;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		text = repeated(pieces[i], TEMPLATE_TEXT_MAX / strlen(pieces[i]));
		out = render_with(CONTEXT, text, &err);
		if (out == NULL)
			assert_int_equal(err.code, ERR_CONFIG);
		free(out);
		free(text);
	}
	text = repeated("1,", 20000);
	context = xasprintf("{\"l\":[%s1]}", text);
	free(text);
	assert_null(render_with(context, numbers, &err));
	assert_non_null(strstr(err.msg, "this takes too long"));
	assert_null(render_with(context, grow, &err));
	assert_non_null(strstr(err.msg, "t.md:1: "));
	assert_null(render_with(context, "{{#each l}}{{@root.l}}{{/each}}", &err));
	free(context);
	text = repeated("x", TEMPLATE_TEXT_MAX + 1);
	fails(text, "262145 bytes, 262144 are the limit");
	free(text);
	text = repeated("{{fenced name}}", TEMPLATE_TEXT_MAX / 15);
	out = render_with(CONTEXT, text, &err);
	free(out);
	free(text);
	/* Far above what it takes, also under a sanitizer; without bounds it would be hours. */
	assert_true(compat_mono_ms() - began < 30000);
}

static void
test_output_bound(void **state)
{
	char *x = repeated("x", 100000),
	     *context = xasprintf("{\"x\":\"%s\",\"l\":[1,2,3,4,5,6,7,8,9,10,11]}", x);
	struct err err;

	(void)state;
	assert_null(render_with(context, "{{#each l}}\n{{../x}}{{/each}}", &err));
	assert_string_equal(err.msg, "t.md:2: the text gets longer than 1 MiB, the limit");
	free(context);
	free(x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_blocks),
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_helpers),
	    cmocka_unit_test(test_partials),
	    cmocka_unit_test(test_mistakes),
	    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_output_bound),
	};

	json_init();
	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
