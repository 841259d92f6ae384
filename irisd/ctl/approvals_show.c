/* SPDX-License-Identifier: MIT
 *
 * How a permission request is shown whole: who asks and why, what would be remembered, every member
 * of the input, and the difference that a change of a file would make. What an agent has written
 * stands behind a bar or the mark of a difference, so that no text can look like ours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/diff.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/ctl/approvals.h"
#include "irisd/ctl/term.h"

#define FIELD_COLUMNS 12
#define HOPS_MAX      16  /* messages of a chain that are asked for */
#define SHORT_TEXT    120 /* bytes that still stand beside a name */

/* "  name        value"; nothing without a value. */
static void
field(const char *name, const char *value)
{
	size_t n;

	if (value == NULL)
		return;
	printf("  %s", term_on(stdout, TERM_DIM));
	term_print(stdout, name, false);
	fputs(term_off(stdout), stdout);
	for (n = term_columns(name); n < FIELD_COLUMNS || n == 0; n++)
		putchar(' ');
	if (term_columns(name) >= FIELD_COLUMNS)
		putchar(' ');
	term_print(stdout, value, false);
	putchar('\n');
}

/* The beginning of a line that an agent has written. */
static void
bar(void)
{
	printf("  %s%s%s ", term_on(stdout, TERM_DIM), term.utf8 ? "│" : "|", term_off(stdout));
}

static void
head(const char *text)
{
	printf("\n%s%s%s\n", term_on(stdout, TERM_BOLD), text, term_off(stdout));
}

/* A member that has its value beside its name. */
static void
beside(const char *name, const char *value)
{
	bar();
	fputs(term_on(stdout, TERM_CYAN), stdout);
	term_print(stdout, name, false);
	printf("%s: ", term_off(stdout));
	term_print(stdout, value, false);
	putchar('\n');
}

/* A text of any length below its name. */
static void
below(const char *name, const char *text)
{
	const char *nl;
	char *safe;

	beside(name, "");
	for (;; text = nl + 1) {
		nl = strchr(text, '\n');
		safe = term_escape(text, nl != NULL ? (size_t)(nl - text) : strlen(text), true);
		bar();
		printf("    %s\n", safe);
		free(safe);
		if (nl == NULL || nl[1] == '\0')
			break;
	}
}

static void
diff_cb(char mark, const char *text, size_t len, void *arg)
{
	enum term_style style = mark == '+' ? TERM_GREEN
	    : mark == '-'                   ? TERM_RED
	    : mark == '@'                   ? TERM_CYAN
					    : TERM_PLAIN;
	char *safe = term_escape(text, len, true);

	(void)arg;
	printf("  %s", term_on(stdout, style));
	if (mark == '@')
		printf("@@ %s @@", safe);
	else
		printf("%c%s", mark, safe);
	printf("%s\n", style == TERM_PLAIN ? "" : term_off(stdout));
	free(safe);
}

void
approvals_print_diff(const char *a, const char *b)
{
	struct diff_sum sum = diff_unified(a, strlen(a), b, strlen(b), diff_cb, NULL);

	if (sum.removed + sum.added == 0)
		printf("  nothing would change\n");
	else
		printf("  %s%zu line%s removed, %zu added%s%s\n", term_on(stdout, TERM_DIM),
		    sum.removed, sum.removed == 1 ? "" : "s", sum.added,
		    sum.rough ? "; too different to be told line by line" : "", term_off(stdout));
}

/* --- where it comes from ------------------------------------------------------------------ */

static cJSON *
message(struct ctl *c, const char *id)
{
	cJSON *params = json_new(), *m = NULL;
	struct err err;

	json_put_str(params, "id", id);
	return ctl_call(c, false, "iris/message.show", params, APPROVALS_TIMEOUT, &m, &err) == 0
	    ? m
	    : NULL;
}

/* "person -> middle -> last", from the message in whose turn it is asked back to the first. */
static char *
chain(struct ctl *c, const cJSON *first)
{
	char *text, *more, *parent = xstrdup_null(json_str(first, "parent"));
	cJSON *m;
	int i;

	text = xasprintf("%s -> %s", approvals_text(first, "from"), approvals_text(first, "to"));
	for (i = 0; i < HOPS_MAX && parent != NULL; i++) {
		m = message(c, parent);
		free(parent);
		parent = xstrdup_null(json_str(m, "parent"));
		more = xasprintf("%s -> %s", m != NULL ? approvals_text(m, "from") : "...", text);
		cJSON_Delete(m);
		free(text);
		text = more;
	}
	free(parent);
	return text;
}

static void
print_message(struct ctl *c, const cJSON *p)
{
	const char *id = json_str(p, "message");
	char *path, *text;
	cJSON *m;

	if (id == NULL)
		return;
	field("message", id);
	if ((m = message(c, id)) == NULL)
		return;
	path = chain(c, m);
	field("chain", path);
	free(path);
	if (json_str(m, "message") != NULL) {
		text = xstrdup(json_str(m, "message"));
		term_cut(text, term_width() > 40 ? (size_t)term_width() - 16 : 40);
		field("text", text);
		free(text);
	}
	cJSON_Delete(m);
}

/* --- what is asked ------------------------------------------------------------------------ */

static bool
is_told(const char *const *told, const char *name)
{
	for (; told != NULL && *told != NULL; told++)
		if (strcmp(*told, name) == 0)
			return true;
	return false;
}

/* Every member that nothing else tells: the short ones beside their names, then the long ones. */
static void
print_members(const char *title, const cJSON *input, const char *const *told)
{
	const cJSON *m;
	char *text;
	int pass, n = 0;
	bool is_long;

	for (pass = 0; pass < 2; pass++)
		cJSON_ArrayForEach (m, input) {
			if (m->string == NULL || is_told(told, m->string))
				continue;
			text = cJSON_IsString(m) ? xstrdup(m->valuestring) : json_print(m);
			is_long = strlen(text) > SHORT_TEXT || strchr(text, '\n') != NULL ||
			    strcmp(m->string, "command") == 0;
			if (is_long && !cJSON_IsString(m)) {
				free(text);
				text = cJSON_Print(m);
			}
			if (is_long == (pass == 1) && n++ == 0)
				head(title);
			if (is_long && pass == 1)
				below(m->string, text);
			else if (!is_long && pass == 0)
				beside(m->string, text);
			free(text);
		}
}

static void
print_change(const struct approvals_change *ch)
{
	head("change");
	field("file", ch->path);
	field("leads to", ch->real);
	field("note", ch->note[0] != '\0' ? ch->note : NULL);
	putchar('\n');
	approvals_print_diff(ch->before, ch->after);
}

/* The team's directory, malloc'ed; NULL where it is not known. */
static char *
directory(struct ctl *c, const char *team, bool *remote)
{
	cJSON *params = json_new(), *t = NULL;
	struct err err;
	char *dir;

	*remote = false;
	json_put_str(params, "team", team);
	if (ctl_call(c, false, "iris/team.show", params, APPROVALS_TIMEOUT, &t, &err) == -1)
		return NULL;
	*remote = json_str(t, "remote") != NULL;
	dir = xstrdup_null(json_str(t, "path"));
	cJSON_Delete(t);
	return dir;
}

static void
print_input(struct ctl *c, const cJSON *p)
{
	const cJSON *input = json_get(p, "input");
	const char *const *told = NULL;
	struct approvals_change ch;
	bool remote, changes;
	char *dir, *text;

	if (!cJSON_IsObject(input)) {
		head("input");
		text = input != NULL ? json_print(input) : xstrdup("");
		below("", text);
		free(text);
		return;
	}
	dir = directory(c, approvals_text(p, "team"), &remote);
	changes = approvals_change(&ch, approvals_text(p, "tool"), input, dir, remote, &told);
	free(dir);
	print_members("input", input, told);
	if (changes) {
		print_change(&ch);
		approvals_change_release(&ch);
	}
}

static void
print_state(const cJSON *p)
{
	char state[512], clock[48];
	int64_t at;

	field("state", approvals_pending(p) ? "pending" : approvals_state(p, state, sizeof state));
	if (approvals_pending(p))
		field("refused in",
		    term_duration(
			json_int_or(p, "deadline", 0) - compat_now_ms(), state, sizeof state));
	field("reason", json_str(p, "reason"));
	field("by way of", json_str(p, "via"));
	if (json_int(p, "createdAt", &at) == 0)
		field("asked at", term_clock(at, clock, sizeof clock));
	if (json_int(p, "decidedAt", &at) == 0)
		field("ended at", term_clock(at, clock, sizeof clock));
}

void
approvals_print(struct ctl *c, const cJSON *p)
{
	const cJSON *updated = json_get(p, "updatedInput");
	char asker[256];

	printf("%s", term_on(stdout, TERM_BOLD));
	term_print(stdout, approvals_text(p, "tool"), false);
	printf("%s for team ", term_off(stdout));
	term_print(stdout, approvals_text(p, "team"), false);
	if (json_str(p, "from") != NULL || json_str(p, "asked") != NULL) {
		printf(", asked by ");
		term_print(stdout, approvals_asker(p, asker, sizeof asker), false);
	}
	putchar('\n');
	field("id", json_str(p, "id"));
	print_state(p);
	field("why", json_str(p, "why"));
	field("says", json_str(p, "description"));
	field("blocked at", json_str(p, "blockedPath"));
	if (approvals_pending(p))
		field("to remember",
		    json_str(p, "rule") ? json_str(p, "rule")
					: "nothing: it is asked about each time");
	field("input hash", json_str(p, "inputHash"));
	print_message(c, p);
	print_input(c, p);
	if (updated != NULL) {
		print_members("allowed with this input instead", updated, NULL);
	}
}
