/* SPDX-License-Identifier: MIT
 *
 * What rules have to know of a single command of the shell: its text in one way of writing it, the
 * programs that only run another one, those that do more than their first words say, and those
 * whose arguments are files. Tables, mostly; called by rule_bash.c and rule_any.c.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/rule_private.h"

/* --- texts ------------------------------------------------------------------------------------ */

struct text {
	char *s;
	size_t len, room;
};

static void
add(struct text *t, const char *s, size_t len)
{
	if (t->room - t->len <= len) {
		t->room = 2 * (t->len + len) + 64;
		t->s = xrealloc(t->s, t->room);
	}
	memcpy(t->s + t->len, s, len);
	t->len += len;
	t->s[t->len] = '\0';
}

static bool
is_safe(char c)
{
	return ((unsigned char)c & 0x80) != 0 ||
	    (c != '\0' &&
		strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-^",
		    c) != NULL);
}

/* What is quoted has a \, "$x" has its quotes; so $x, '$x' and "$x" are three texts. */
static void
add_word(struct text *t, const struct shell_word *w)
{
	bool quoted = false;
	size_t i;

	if (t->len > 0)
		add(t, " ", 1);
	if (w->len == 0)
		add(t, "''", 2);
	for (i = 0; i < w->len; i++) {
		if (quoted && w->marks[i] != SHELL_REST) {
			add(t, "\"", 1);
			quoted = false;
		}
		if (w->marks[i] == SHELL_MADE_QUOTED) {
			add(t, "\"", 1);
			quoted = true;
		}
		if (w->marks[i] == SHELL_QUOTED && !is_safe(w->text[i]))
			add(t, "\\", 1);
		add(t, w->text + i, 1);
	}
	if (quoted)
		add(t, "\"", 1);
}

static void
add_redirect(struct text *t, const struct shell_redirect *r)
{
	static const char *const ops[] = {[SHELL_READ] = "<",
	    [SHELL_WRITE] = ">",
	    [SHELL_APPEND] = ">>",
	    [SHELL_RDWR] = "<>",
	    [SHELL_DUP] = ">&",
	    [SHELL_HERE] = "<<"};
	char *op =
	    r->fd != -1 ? xasprintf(" %d%s", r->fd, ops[r->op]) : xasprintf(" %s", ops[r->op]);

	add(t, op, strlen(op));
	free(op);
	add_word(t, &r->target);
}

char *
rule_command_text(const struct shell_command *c, size_t first, bool all)
{
	struct text t = {xstrdup(""), 0, 1};
	size_t i;

	for (i = 0; all && i < c->n_assigns; i++)
		add_word(&t, &c->assigns[i]);
	for (i = first; i < c->n_words; i++)
		add_word(&t, &c->words[i]);
	for (i = 0; all && i < c->n_redirects; i++)
		add_redirect(&t, &c->redirects[i]);
	return t.s;
}

/* The text as a shell reads it; as it is where that would be no single command. */
static char *
read_text(const char *raw)
{
	struct shell *sh = shell_read(raw);
	char *text;

	text = sh->n == 1 && !sh->partial && sh->v[0].kind == SHELL_SIMPLE
	    ? rule_command_text(&sh->v[0], 0, true)
	    : xstrdup(raw);
	shell_free(sh);
	return text;
}

void
rule_command_make(struct rule_command *r, const char *spec)
{
	size_t n = strlen(spec);
	const char *star;

	/* "x:*" is another way to write "x *". */
	r->raw = n > 2 && strcmp(spec + n - 2, ":*") == 0 ? xasprintf("%.*s *", (int)(n - 2), spec)
							  : xstrdup(spec);
	r->text = read_text(r->raw);
	n = strlen(r->text);
	star = strchr(r->text, '*');
	r->wild = star != NULL;
	r->bare = n > 2 && star == r->text + n - 1 && star[-1] == ' ' && star[-2] != '\\';
}

void
rule_command_release(struct rule_command *r)
{
	free(r->raw);
	free(r->text);
}

bool
rule_command_like(const struct rule_command *r, const char *text)
{
	size_t n = strlen(r->text);

	if (!r->wild)
		return strcmp(r->text, text) == 0;
	if (r->bare && strlen(text) == n - 2 && memcmp(text, r->text, n - 2) == 0)
		return true;
	return rule_like(r->text, text);
}

/* --- programs --------------------------------------------------------------------------------- */

/* What is taken off before a command is looked at (Claude Code, "Wrappers"). */
static const struct wrapper {
	const char *name;
	const char *with;  /* options of one letter that have a value, */
	const char *alone; /* and that have none */
	const char *longs; /* long ones, with a blank behind each; "x=" has a value */
	size_t operands;   /* words before the command */
	bool number;       /* -5 is an option, too */
} wrappers[] = {
    {"timeout", "ks", "v", "kill-after= signal= preserve-status foreground verbose ", 1, false},
    {"time", "", "p", "", 0, false},
    {"nice", "n", "", "adjustment= ", 0, true},
    {"nohup", "", "", "", 0, false},
    {"stdbuf", "ioe", "", "input= output= error= ", 0, false},
    {"command", "", "p", "", 0, false},
    {"builtin", "", "", "", 0, false},
    {"noglob", "", "", "", 0, false},
    {"xargs", "", "", "", 0, false},
};

/* What runs its arguments as well, in ways that are not followed word by word. */
static const char *const runners[] = {"sudo", "doas", "env", "exec", "watch", "setsid", "ionice",
    "flock", "chroot", "busybox", "strace", "parallel", "chrt", "taskset", "unbuffer", "nsenter",
    "unshare", "time", "timeout", "nice", "nohup", "stdbuf", "command", "builtin", "noglob",
    "nocorrect", "xargs", "find", "fd", "eval", NULL};

/* Those among them that no beginning of a command can allow. */
static const char *const hiders[] = {"watch", "setsid", "ionice", "flock", NULL};

static const char *const find_actions[] = {"-exec", "-execdir", "-ok", "-okdir", "-delete",
    "-fprint", "-fprint0", "-fprintf", "-fls", "-files0-from", NULL};

static const struct {
	const char *name;
	unsigned access;
} openers[] = {
    {"cat", RULE_READS},
    {"tac", RULE_READS},
    {"nl", RULE_READS},
    {"head", RULE_READS},
    {"tail", RULE_READS},
    {"less", RULE_READS},
    {"more", RULE_READS},
    {"bat", RULE_READS},
    {"grep", RULE_READS},
    {"egrep", RULE_READS},
    {"fgrep", RULE_READS},
    {"rg", RULE_READS},
    {"awk", RULE_READS},
    {"cut", RULE_READS},
    {"sort", RULE_READS},
    {"uniq", RULE_READS},
    {"wc", RULE_READS},
    {"diff", RULE_READS},
    {"cmp", RULE_READS},
    {"od", RULE_READS},
    {"xxd", RULE_READS},
    {"hexdump", RULE_READS},
    {"strings", RULE_READS},
    {"base64", RULE_READS},
    {"source", RULE_READS},
    {".", RULE_READS},
    {"scp", RULE_READS | RULE_WRITES},
    {"rsync", RULE_READS | RULE_WRITES},
    {"sed", RULE_READS | RULE_WRITES},
    {"cp", RULE_READS | RULE_WRITES},
    {"mv", RULE_READS | RULE_WRITES},
    {"ln", RULE_READS | RULE_WRITES},
    {"dd", RULE_READS | RULE_WRITES},
    {"tee", RULE_WRITES},
    {"touch", RULE_WRITES},
    {"truncate", RULE_WRITES},
    {"rm", RULE_WRITES},
    {"unlink", RULE_WRITES},
    {"install", RULE_READS | RULE_WRITES},
};

static const char *
base_name(const struct shell_word *w)
{
	const char *slash = strrchr(w->text, '/');

	return slash != NULL ? slash + 1 : w->text;
}

static bool
in_list(const char *const list[], const char *name)
{
	size_t i;

	for (i = 0; list[i] != NULL; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

/* How many words this option takes; 0 where it is not known. */
static size_t
option(const struct wrapper *w, const char *s)
{
	size_t n, len;
	const char *p;

	if (strcmp(s, "--") == 0)
		return 1;
	if (s[1] == '-') {
		n = strcspn(s + 2, "=");
		n += s[2 + n] == '=';
		for (p = w->longs; *p != '\0'; p += len + 1) {
			len = strcspn(p, " ");
			if (len == n && memcmp(p, s + 2, n) == 0)
				return 1;
		}
		return 0;
	}
	if (w->number && strspn(s + 1, "0123456789") == strlen(s + 1))
		return 1;
	if (strchr(w->with, s[1]) != NULL)
		return s[2] == '\0' ? 2 : 1;
	return s[2] == '\0' && strchr(w->alone, s[1]) != NULL ? 1 : 0;
}

static size_t
strict_wrapper(const struct shell_command *c, size_t first)
{
	const struct wrapper *w = NULL;
	size_t i, n;

	for (i = 0; i < sizeof wrappers / sizeof wrappers[0]; i++)
		if (shell_word_is(&c->words[first], wrappers[i].name))
			w = &wrappers[i];
	if (w == NULL)
		return 0;
	for (i = first + 1; i < c->n_words && c->words[i].text[0] == '-'; i += n) {
		if ((n = c->words[i].len > 1 ? option(w, c->words[i].text) : 0) == 0)
			return 0;
		if (strcmp(c->words[i].text, "--") == 0) {
			i++;
			break;
		}
	}
	i += w->operands;
	if (i >= c->n_words)
		return 0;
	for (n = first; n < i; n++)
		if (!c->words[n].known)
			return 0;
	if (w->operands > 0 &&
	    strspn(c->words[i - 1].text, "0123456789.smhd") != c->words[i - 1].len)
		return 0;
	return i - first;
}

size_t
rule_command_wrapper(const struct shell_command *c, size_t first, bool loose)
{
	if (first >= c->n_words)
		return 0;
	if (loose)
		return in_list(runners, base_name(&c->words[first])) && first + 1 < c->n_words;
	return strict_wrapper(c, first);
}

bool
rule_command_starts(const struct shell_command *c, size_t first)
{
	size_t i;

	if (first >= c->n_words)
		return false;
	if (in_list(hiders, base_name(&c->words[first])))
		return true;
	if (strcmp(base_name(&c->words[first]), "find") != 0)
		return false;
	/* What is not known could become an action. */
	for (i = first + 1; i < c->n_words; i++)
		if (!c->words[i].known || in_list(find_actions, c->words[i].text))
			return true;
	return false;
}

unsigned
rule_command_access(const struct shell_command *c, size_t first)
{
	size_t i;

	for (i = 0; first < c->n_words && i < sizeof openers / sizeof openers[0]; i++)
		if (strcmp(openers[i].name, base_name(&c->words[first])) == 0)
			return openers[i].access;
	return 0;
}

/* --- files ------------------------------------------------------------------------------------ */

bool
rule_word_plain(const struct shell_word *w)
{
	size_t i;

	for (i = 0; i < w->len; i++)
		if ((w->marks[i] != SHELL_PLAIN && w->marks[i] != SHELL_QUOTED &&
			w->marks[i] != SHELL_TILDE) ||
		    (w->marks[i] == SHELL_PLAIN && strchr("*?[()", w->text[i]) != NULL))
			return false;
	return true;
}

/* The rest of the text behind the home directory; NULL where it does not begin with that. */
static const char *
behind_home(const struct shell_word *w)
{
	static const char *const homes[] = {"$HOME/", "${HOME}/"};
	size_t i;

	if (w->marks[0] == SHELL_TILDE)
		return w->text[1] == '/' || w->text[1] == '\0' ? w->text + 1 : NULL;
	for (i = 0; i < 2; i++)
		if (strncmp(w->text, homes[i], strlen(homes[i])) == 0)
			return w->text + strlen(homes[i]) - 1;
	return NULL;
}

char *
rule_word_path(const struct shell_word *w, const struct rule_use *use, bool loose)
{
	char *text, *path = NULL;
	const char *rest;

	if (w->len == 0 || (!loose && !rule_word_plain(w)))
		return NULL;
	rest = behind_home(w);
	if (rest != NULL && (loose || w->marks[0] == SHELL_TILDE)) {
		text = xasprintf("~%s", rest);
		path = rule_path(text, use->dir, use->home);
		free(text);
	} else if (rest == NULL && w->marks[0] != SHELL_TILDE) {
		/* A quoted ~ is a name. */
		text = xasprintf("%s%s", w->text[0] == '~' ? "./" : "", w->text);
		path = rule_path(text, use->dir, NULL);
		free(text);
	}
	return path;
}
