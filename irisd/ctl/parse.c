/* SPDX-License-Identifier: MIT
 *
 * Turns the command line into a struct ctl: finds the command (one word or two), and reads options
 * as getopt_long does: anywhere, -x VALUE, -xVALUE, --name VALUE, --name=VALUE, unique beginnings
 * of names, "--" ends them. Called by main(); prints nothing, allocates only the operand array's
 * place in argv.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/nearest.h"
#include "irisd/ctl/ctl.h"

#define WORD_MAX  64
#define YEARS_MAX 100

/* Where the scan of argv stands. Operands are moved to the front of argv, as getopt_long does. */
struct scan {
	char **argv;
	int argc;
	int at;
	int noperands;
};

static void
set_global(struct ctl *c, size_t i)
{
	bool *flags[] = {&c->json, &c->no_color, &c->quiet, &c->verbose, &c->help, &c->version};

	*flags[i] = true;
}

/* ". Did you mean x?" for the nearest of the names, or nothing. */
static void
suggest(struct err *err, const char *want, const char *const *names, size_t n, const char *dashes)
{
	const char *near[1];
	size_t len = strlen(err->msg);

	if (nearest_names(want, names, n, near, 1) == 1)
		snprintf(
		    err->msg + len, sizeof err->msg - len, "; did you mean %s%s?", dashes, near[0]);
}

static size_t
count_options(const struct ctl_option *o)
{
	size_t n = 0;

	while (o != NULL && o[n].name != NULL)
		n++;
	return n;
}

/*
 * The index of the option with that long name or its unique beginning: of the command, or, plus
 * CTL_OPTIONS_MAX, of the global ones. -1: none, -2: several.
 */
static int
find_long(const struct ctl *c, const char *name, size_t len)
{
	const struct ctl_option *tables[2] = {c->cmd ? c->cmd->options : NULL, ctl_global_options};
	int found = -1, t;
	size_t i;

	for (t = 0; t < 2; t++) {
		for (i = 0; tables[t] != NULL && tables[t][i].name != NULL; i++) {
			int here = (int)i + t * CTL_OPTIONS_MAX;
			if (strncmp(tables[t][i].name, name, len) != 0)
				continue;
			if (tables[t][i].name[len] == '\0')
				return here;
			found = found == -1 ? here : -2;
		}
	}
	return found;
}

static int
find_letter(const struct ctl *c, char letter)
{
	const struct ctl_option *tables[2] = {c->cmd ? c->cmd->options : NULL, ctl_global_options};
	size_t i;
	int t;

	for (t = 0; t < 2; t++)
		for (i = 0; tables[t] != NULL && tables[t][i].name != NULL; i++)
			if (tables[t][i].letter == letter)
				return (int)i + t * CTL_OPTIONS_MAX;
	return -1;
}

static const struct ctl_option *
option_at(const struct ctl *c, int i)
{
	return i >= CTL_OPTIONS_MAX ? &ctl_global_options[i - CTL_OPTIONS_MAX]
				    : &c->cmd->options[i];
}

static void
set_option(struct ctl *c, int i, const char *value)
{
	if (i >= CTL_OPTIONS_MAX)
		set_global(c, (size_t)(i - CTL_OPTIONS_MAX));
	else
		c->opt[i] = value;
}

static int
unknown_option(const struct ctl *c, const char *name, size_t len, struct err *err)
{
	const char *names[2 * CTL_OPTIONS_MAX];
	char want[WORD_MAX];
	size_t n = 0, i;

	for (i = 0; i < count_options(c->cmd ? c->cmd->options : NULL); i++)
		names[n++] = c->cmd->options[i].name;
	for (i = 0; i < count_options(ctl_global_options); i++)
		names[n++] = ctl_global_options[i].name;
	snprintf(want, sizeof want, "%.*s", (int)(len < WORD_MAX ? len : WORD_MAX - 1), name);
	err_set(err, ERR_INVALID, "unknown option --%s", want);
	suggest(err, want, names, n, "--");
	return -1;
}

static int
parse_long(struct ctl *c, struct scan *s, const char *arg, struct err *err)
{
	size_t len = strcspn(arg, "=");
	const struct ctl_option *o;
	const char *value = "";
	int i;

	if ((i = find_long(c, arg, len)) == -1)
		return unknown_option(c, arg, len, err);
	if (i == -2)
		return err_set(err, ERR_INVALID, "--%.*s is the beginning of several options",
		    (int)(len < WORD_MAX ? len : WORD_MAX), arg);
	o = option_at(c, i);
	if (o->arg == NULL && arg[len] == '=')
		return err_set(err, ERR_INVALID, "option --%s takes no value", o->name);
	if (o->arg != NULL && arg[len] == '=') {
		value = arg + len + 1;
	} else if (o->arg != NULL) {
		if (s->at == s->argc)
			return err_set(
			    err, ERR_INVALID, "option --%s needs a value: %s", o->name, o->arg);
		value = s->argv[s->at++];
	}
	set_option(c, i, value);
	return 0;
}

static int
parse_letters(struct ctl *c, struct scan *s, const char *arg, struct err *err)
{
	const struct ctl_option *o;
	int i;

	for (; *arg != '\0'; arg++) {
		if ((i = find_letter(c, *arg)) == -1)
			return err_set(err, ERR_INVALID, "unknown option -%c",
			    isprint((unsigned char)*arg) ? *arg : '?');
		o = option_at(c, i);
		if (o->arg == NULL) {
			set_option(c, i, "");
			continue;
		}
		if (arg[1] == '\0' && s->at == s->argc)
			return err_set(
			    err, ERR_INVALID, "option -%c needs a value: %s", *arg, o->arg);
		set_option(c, i, arg[1] != '\0' ? arg + 1 : s->argv[s->at++]);
		return 0;
	}
	return 0;
}

/* Options up to the first operand (before the command is known) or up to the end. */
static int
parse_options(struct ctl *c, struct scan *s, bool to_end, struct err *err)
{
	while (s->at < s->argc) {
		char *arg = s->argv[s->at];
		if (strcmp(arg, "--") == 0) {
			s->at++;
			while (s->at < s->argc)
				s->argv[s->noperands++] = s->argv[s->at++];
			return 0;
		}
		if (arg[0] != '-' || arg[1] == '\0') {
			if (!to_end)
				return 0;
			s->argv[s->noperands++] = arg;
			s->at++;
			continue;
		}
		s->at++;
		if ((arg[1] == '-' ? parse_long(c, s, arg + 2, err)
				   : parse_letters(c, s, arg + 1, err)) == -1)
			return -1;
	}
	return 0;
}

static size_t
first_word(const char *name)
{
	return strcspn(name, " ");
}

/* How many of the words a and b (b may be NULL) name the command: 0, 1 or 2. */
static int
match_command(const struct ctl_command *cmd, const char *a, const char *b)
{
	size_t len = first_word(cmd->name);

	/* Where the other name is that of the family, a second word names one of the family. */
	if (cmd->alias != NULL && strcmp(cmd->alias, a) == 0 &&
	    (b == NULL || strlen(a) != len || strncmp(cmd->name, a, len) != 0))
		return 1;
	if (strlen(a) != len || strncmp(cmd->name, a, len) != 0)
		return 0;
	if (cmd->name[len] == '\0')
		return 1;
	return b != NULL && strcmp(cmd->name + len + 1, b) == 0 ? 2 : 0;
}

static int
unknown_command(const char *a, const char *b, struct err *err)
{
	static char families[64][WORD_MAX];
	const char *names[64];
	size_t n = 0, i, len, wlen = strlen(a);
	bool family = false;

	for (i = 0; i < ctl_ncommands; i++) {
		len = first_word(ctl_commands[i].name);
		family |= ctl_commands[i].name[len] != '\0' && len == wlen &&
		    strncmp(ctl_commands[i].name, a, len) == 0;
	}
	for (i = 0; i < ctl_ncommands; i++) {
		const char *name = ctl_commands[i].name;
		len = first_word(name);
		if (family && (len != wlen || strncmp(name, a, len) != 0))
			continue;
		snprintf(families[n], WORD_MAX, "%.*s", family ? WORD_MAX - 1 : (int)len,
		    family ? name + len + 1 : name);
		names[n] = families[n];
		n++;
	}
	if (family && b == NULL) {
		err_set(err, ERR_INVALID, "iris %s needs a word after it: ", a);
		for (i = 0; i < n; i++) {
			len = strlen(err->msg);
			snprintf(
			    err->msg + len, sizeof err->msg - len, "%s%s", i ? ", " : "", names[i]);
		}
		return -1;
	}
	err_set(err, ERR_INVALID, "unknown command \"%s%.*s%s\"", family ? a : "", family ? 1 : 0,
	    " ", family ? b : a);
	suggest(err, family ? b : a, names, n, "");
	return -1;
}

/* The command, and how many words of argv name it. */
static int
parse_command(struct ctl *c, struct scan *s, struct err *err)
{
	const char *a = s->argv[s->at], *b = s->at + 1 < s->argc ? s->argv[s->at + 1] : NULL;
	int words = 0;
	size_t i;

	if (b != NULL && b[0] == '-')
		b = NULL;
	for (i = 0; i < ctl_ncommands && words == 0; i++)
		if ((words = match_command(&ctl_commands[i], a, b)) > 0)
			c->cmd = &ctl_commands[i];
	if (words == 0)
		return unknown_command(a, b, err);
	s->at += words;
	return 0;
}

int
ctl_parse(struct ctl *c, int argc, char **argv, struct err *err)
{
	struct scan s = {.argv = argv, .argc = argc, .at = 1};
	char usage[256];

	if (parse_options(c, &s, false, err) == -1)
		return -1;
	if (s.noperands > 0)
		return err_set(err, ERR_INVALID, "\"--\" before the command");
	if (c->version || s.at >= s.argc)
		return 0;
	if (parse_command(c, &s, err) == -1) {
		/* "iris team --help" asks for the family's help. */
		if (s.at + 1 < argc &&
		    (strcmp(argv[s.at + 1], "--help") == 0 || strcmp(argv[s.at + 1], "-h") == 0)) {
			c->help = true;
			c->operand = &argv[s.at];
			c->noperands = 1;
			return 0;
		}
		return -1;
	}
	if (parse_options(c, &s, true, err) == -1)
		return -1;
	c->operand = argv;
	c->noperands = s.noperands;
	if (c->help || c->version)
		return 0;
	if (c->noperands < c->cmd->min || (c->cmd->max >= 0 && c->noperands > c->cmd->max))
		return err_set(err, ERR_INVALID, "%s operand; usage: %s",
		    c->noperands < c->cmd->min ? "missing" : "unexpected",
		    ctl_usage(c->cmd, usage, sizeof usage));
	return 0;
}

const char *
ctl_opt(const struct ctl *c, const char *name)
{
	size_t i;

	for (i = 0; c->cmd->options != NULL && c->cmd->options[i].name != NULL; i++)
		if (strcmp(c->cmd->options[i].name, name) == 0)
			return c->opt[i];
	return NULL;
}

int
ctl_duration(const char *text, int64_t *ms, struct err *err)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	unsigned long long n;
	char *end;
	size_t i;

	errno = 0;
	n = strtoull(text, &end, 10);
	for (i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (!isdigit((unsigned char)text[0]) || errno != 0 ||
		    strcmp(end, units[i].unit) != 0)
			continue;
		if (n > (unsigned long long)(INT32_MAX / units[i].ms))
			return err_set(
			    err, ERR_INVALID, "the time %s is too long; 24 days at most", text);
		*ms = (int64_t)n * units[i].ms;
		return 0;
	}
	return err_set(err, ERR_INVALID,
	    "\"%s\" is not a time; expected milliseconds, or a number with ms, s, m or h", text);
}

int
ctl_lifetime(const char *text, const char *what, int64_t *ms, struct err *err)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	const int64_t max = YEARS_MAX * (int64_t)365 * 86400000;
	long long n;
	char *end;
	size_t i;

	errno = 0;
	n = strtoll(text, &end, 10);
	for (i = 0; i < sizeof units / sizeof units[0]; i++)
		if (isdigit((unsigned char)text[0]) && errno == 0 && n > 0 &&
		    n <= max / units[i].ms && strcmp(end, units[i].unit) == 0) {
			*ms = n * units[i].ms;
			return 0;
		}
	return err_set(err, ERR_INVALID,
	    "%s is \"%s\"; expected a number with d, h or m, %d years at most", what, text,
	    YEARS_MAX);
}

int
ctl_number(
    const char *text, const char *what, int64_t min, int64_t max, int64_t *out, struct err *err)
{
	long long n;
	char *end;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || n < min || n > max)
		return err_set(err, ERR_INVALID,
		    "%s is \"%s\"; expected a number from %" PRId64 " to %" PRId64, what, text, min,
		    max);
	*out = n;
	return 0;
}
