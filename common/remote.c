/* SPDX-License-Identifier: MIT
 *
 * Reads where a team's host is, see remote.h. Called for config.yaml, and again by whoever is given
 * such a text from elsewhere. What ssh would take for one of its own options, or hand to a shell of
 * its own (%h in a ProxyCommand), never passes.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/remote.h"
#include "common/xmalloc.h"

#define WORDS_MAX 100

/* ssh(1): options with a value, options without, and those that would make it another program. */
#define WITH_VALUE "BbcDEeFIiJLlmOopQRSWw"
#define WITHOUT    "46AaCfGgKkMNnqsTtVvXxYy"
#define NOT_HERE   "fGMNnOQSsTtVW"

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The next word of *p, malloc'ed; NULL at the end, or with err for an open quote. */
static char *
next_word(const char **p, struct err *err)
{
	char *word, *to, quote = '\0';

	while (is_space(**p))
		(*p)++;
	if (**p == '\0')
		return NULL;
	word = to = xmalloc(strlen(*p) + 1);
	for (; **p != '\0' && (quote != '\0' || !is_space(**p)); (*p)++) {
		if (quote == '\0' && (**p == '\'' || **p == '"'))
			quote = **p;
		else if (quote != '\0' && **p == quote)
			quote = '\0';
		else
			*to++ = **p;
	}
	*to = '\0';
	if (quote == '\0')
		return word;
	free(word);
	err_set(err, ERR_INVALID, "the quote %c is not closed", quote);
	return NULL;
}

/* A name as no shell and no option parser takes it for something else. */
static int
check_name(const char *what, const char *name, size_t len, const char *also, struct err *err)
{
	size_t i;

	if (len == 0)
		return err_set(err, ERR_INVALID, "the %s is empty", what);
	if (name[0] == '-')
		return err_set(err, ERR_INVALID,
		    "the %s \"%.*s\" begins with '-': ssh would take it for an option", what,
		    (int)(len < 100 ? len : 100), name);
	for (i = 0; i < len; i++)
		if (!is_alnum(name[i]) && (unsigned char)name[i] < 0x80 &&
		    (name[i] == '\0' || strchr(also, name[i]) == NULL))
			return err_set(err, ERR_INVALID,
			    "the %s holds the character 0x%02x, which is no part of one", what,
			    (unsigned)(unsigned char)name[i]);
	return 0;
}

static int
check_port(const char *port, struct err *err)
{
	char *end;
	long n = strtol(port, &end, 10);

	if (port[0] < '0' || port[0] > '9' || *end != '\0' || n < 1 || n > 65535)
		return err_set(err, ERR_INVALID, "the port \"%.20s\" is not 1..65535", port);
	return 0;
}

/* Splits and checks; host (may be NULL) gets the name alone, malloc'ed. */
static int
split_dest(const char *dest, char **host, struct err *err)
{
	bool uri = strncmp(dest, "ssh://", 6) == 0;
	const char *name = uri ? dest + 6 : dest, *at = strrchr(name, '@'), *end, *port = NULL;

	if (dest[0] == '-')
		return err_set(err, ERR_INVALID,
		    "the host \"%.100s\" begins with '-': ssh would take it for an option", dest);
	if (at != NULL) {
		if (check_name("user", name, (size_t)(at - name), "._-+@", err) == -1)
			return -1;
		name = at + 1;
	}
	end = name + strlen(name);
	if (uri) {
		/* An IPv6 address stands in brackets here. */
		if ((port = strrchr(name, ':')) != NULL && strchr(port, ']') == NULL)
			end = port++;
		else
			port = NULL;
		if (end > name && end[-1] == '/')
			end--;
	}
	if (check_name("host", name, (size_t)(end - name), uri ? "._-:%[]" : "._-:%", err) == -1 ||
	    (port != NULL && check_port(port, err) == -1))
		return -1;
	if (host != NULL)
		*host = xstrndup(name, (size_t)(end - name));
	return 0;
}

int
remote_check_dest(const char *dest, struct err *err)
{
	return split_dest(dest, NULL, err);
}

static void
add_arg(struct remote_spec *spec, char *word)
{
	spec->args = xreallocarray(spec->args, spec->nargs + 1, sizeof *spec->args);
	spec->args[spec->nargs++] = word;
}

/*
 * One word of options, "-4C" or "-p22" or "-p"; *wants: its value is the next word. The words of a
 * value are ssh's own affair, but for the user.
 */
static int
take_options(struct remote_spec *spec, const char *word, bool *wants, struct err *err)
{
	const char *p, *value = NULL;

	for (p = word + 1; *p != '\0' && value == NULL; p++) {
		if (strchr(NOT_HERE, *p) != NULL)
			return err_set(err, ERR_INVALID,
			    "ssh's option -%c is not for here: what the connection is used for is "
			    "set by Iris",
			    *p);
		if (strchr(WITH_VALUE, *p) != NULL)
			value = p + 1;
		else if (strchr(WITHOUT, *p) == NULL)
			return err_set(
			    err, ERR_INVALID, "ssh has no option -%c", is_alnum(*p) ? *p : '?');
	}
	*wants = value != NULL && value[0] == '\0';
	if (value != NULL && p[-1] == 'l' && !*wants &&
	    check_name("user", value, strlen(value), "._-+@", err) == -1)
		return -1;
	add_arg(spec, xstrdup(word));
	return 0;
}

static int
take_value(struct remote_spec *spec, const char *word, struct err *err)
{
	const char *option = spec->args[spec->nargs - 1];

	if (option[strlen(option) - 1] == 'l' &&
	    check_name("user", word, strlen(word), "._-+@", err) == -1)
		return -1;
	add_arg(spec, xstrdup(word));
	return 0;
}

static int
take_word(struct remote_spec *spec, const char *word, bool *wants, bool *over, struct err *err)
{
	if (*wants) {
		*wants = false;
		return take_value(spec, word, err);
	}
	if (!*over && strcmp(word, "--") == 0) {
		*over = true;
		return 0;
	}
	if (spec->dest != NULL)
		return err_set(err, ERR_INVALID,
		    "\"%.100s\" stands behind the host: options come before it, and the command is "
		    "set by Iris",
		    word);
	if (!*over && word[0] == '-' && word[1] != '\0')
		return take_options(spec, word, wants, err);
	if (split_dest(word, &spec->host, err) == -1)
		return -1;
	spec->dest = xstrdup(word);
	return 0;
}

int
remote_parse(const char *text, struct remote_spec *spec, struct err *err)
{
	const char *p = text;
	bool wants = false, over = false;
	char *word = NULL;
	int rv = -1, n;

	memset(spec, 0, sizeof *spec);
	err_clear(err);
	for (; *p != '\0'; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return err_set(err, ERR_INVALID, "it holds the control character 0x%02x",
			    (unsigned)(unsigned char)*p);
	p = text;
	for (n = 0; (word = next_word(&p, err)) != NULL; n++) {
		if (n == WORDS_MAX) {
			err_set(err, ERR_INVALID, "more than %d words", WORDS_MAX);
			goto out;
		}
		if (n == 0 && strcmp(word, "ssh") == 0) {
			free(word);
			continue;
		}
		if (take_word(spec, word, &wants, &over, err) == -1)
			goto out;
		free(word);
	}
	if (err->code != ERR_NONE)
		goto out;
	if (spec->dest == NULL) {
		err_set(err, ERR_INVALID, "no host is named");
		goto out;
	}
	if (spec->args == NULL)
		spec->args = xcalloc(1, sizeof *spec->args);
	rv = 0;
out:
	free(word);
	if (rv == -1)
		remote_release(spec);
	return rv;
}

int
remote_check_args(char *const *args, size_t n, struct err *err)
{
	struct remote_spec spec = {0};
	bool wants = false;
	int rv = -1;
	size_t i;

	for (i = 0; i < n; i++) {
		if (args[i][0] == '\0' || strpbrk(args[i], "\r\n") != NULL) {
			err_set(
			    err, ERR_INVALID, "argument %zu is empty, or more than a line", i + 1);
			goto out;
		}
		if (!wants && (args[i][0] != '-' || strcmp(args[i], "--") == 0)) {
			err_set(err, ERR_INVALID, "\"%.100s\" is no option of ssh", args[i]);
			goto out;
		}
		if (wants) {
			wants = false;
			if (take_value(&spec, args[i], err) == -1)
				goto out;
		} else if (take_options(&spec, args[i], &wants, err) == -1) {
			goto out;
		}
	}
	if (wants)
		err_set(err, ERR_INVALID, "the value of \"%.100s\" is missing", args[n - 1]);
	else
		rv = 0;
out:
	remote_release(&spec);
	return rv;
}

void
remote_release(struct remote_spec *spec)
{
	size_t i;

	for (i = 0; i < spec->nargs; i++)
		free(spec->args[i]);
	free(spec->args);
	free(spec->dest);
	free(spec->host);
	memset(spec, 0, sizeof *spec);
}

/*
 * Between single quotes fish reads \' and \\, csh !: these three stand outside of them, each behind
 * a backslash.
 */
char *
remote_quote(const char *word)
{
	char *quoted = xmalloc(strlen(word) * 4 + 3), *to = quoted;

	*to++ = '\'';
	for (; *word != '\0'; word++) {
		if (strchr("'\\!", *word) != NULL) {
			*to++ = '\'';
			*to++ = '\\';
			*to++ = *word;
			*to++ = '\'';
		} else {
			*to++ = *word;
		}
	}
	*to++ = '\'';
	*to = '\0';
	return quoted;
}
