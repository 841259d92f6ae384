/* SPDX-License-Identifier: MIT
 *
 * The command line, see args.h. Called by main.c, once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xmalloc.h"
#include "iris-worker/ssh/args.h"
#include "iris-worker/ssh/forward.h"
#include "iris-worker/ssh/say.h"

static const char usage_text[] =
    "usage: iris-ssh [-ACNTv] [-F file] [-i file] [-J host[,host]] [-l user] [-o option=value]\n"
    "           [-p port] [-R [address:]port:host:port] destination [command ...]\n"
    "       iris-ssh --host-key [--record fingerprint] [options] destination\n"
    "       iris-ssh --help | --version\n"
    "\n"
    "Runs a command on another host, for iris-worker. See iris-ssh(1).\n";

/* -o Key=Value or "Key Value". */
static int
option(struct conf *c, const char *text, struct err *err)
{
	char *copy = xstrdup(text), *value;
	int rc;

	value = copy + strcspn(copy, "= \t");
	if (*value == '\0') {
		free(copy);
		return err_set(err, ERR_INVALID, "-o wants name=value, not '%.100s'", text);
	}
	*value++ = '\0';
	value += strspn(value, "= \t");
	rc = conf_set(c, copy, value, CONF_ARG, err);
	free(copy);
	return rc;
}

static int
letter(int ch, struct args *a, struct line *l, struct err *err)
{
	static const struct {
		int ch;
		const char *keyword;
	} same[] = {{'J', "ProxyJump"}, {'i', "IdentityFile"}, {'l', "User"}, {'p', "Port"}};
	size_t i;

	for (i = 0; i < sizeof same / sizeof same[0]; i++)
		if (same[i].ch == ch)
			return conf_set(&a->conf, same[i].keyword, optarg, CONF_RAW, err);
	switch (ch) {
	case 'A':
		return conf_set(&a->conf, "ForwardAgent", "yes", CONF_ARG, err);
	case 'C':
		return conf_set(&a->conf, "Compression", "yes", CONF_ARG, err);
	case 'F':
		l->config = optarg;
		return 0;
	case 'N':
		a->no_command = true;
		return 0;
	case 'R':
		return forward_add(l, optarg, err);
	case 'T':
		return 0;
	case 'o':
		return option(&a->conf, optarg, err);
	case 'v':
		say_set_verbose(true);
		return 0;
	case ':':
		return err_set(err, ERR_INVALID, "-%c wants a value", optopt);
	default:
		return err_set(err, ERR_INVALID,
		    "-%c is not one of iris-ssh's options; see iris-ssh(1)", optopt);
	}
}

static void
help(int argc, char **argv)
{
	if (argc != 2)
		return;
	if (strcmp(argv[1], "--version") == 0) {
		puts("iris-ssh " IRIS_VERSION);
		exit(0);
	}
	if (strcmp(argv[1], "--help") == 0) {
		fputs(usage_text, stdout);
		exit(0);
	}
}

/* A long option, at any place before the destination. */
static bool
long_option(int argc, char **argv, struct args *a)
{
	if (optind < argc && strcmp(argv[optind], "--host-key") == 0) {
		a->host_key = true;
		optind++;
		return true;
	}
	if (optind + 1 < argc && strcmp(argv[optind], "--record") == 0) {
		a->verify.record = argv[optind + 1];
		optind += 2;
		return true;
	}
	return false;
}

static char *
join(char **words, int n)
{
	size_t len = 1;
	char *out;
	int i;

	for (i = 0; i < n; i++)
		len += strlen(words[i]) + 1;
	out = xmalloc(len);
	*out = '\0';
	for (i = 0; i < n; i++) {
		compat_strlcat(out, words[i], len);
		if (i + 1 < n)
			compat_strlcat(out, " ", len);
	}
	return out;
}

int
args_parse(int argc, char **argv, struct args *a, struct line *l, struct err *err)
{
	int ch;

	memset(a, 0, sizeof *a);
	conf_init(&a->conf);
	help(argc, argv);
	for (;;) {
		if (long_option(argc, argv, a))
			continue;
		if ((ch = getopt(argc, argv, "+:ACF:J:NR:Ti:l:o:p:v")) == -1)
			break;
		if (letter(ch, a, l, err) == -1)
			return -1;
	}
	if (a->verify.record != NULL && !a->host_key)
		return err_set(err, ERR_INVALID, "--record is for --host-key");
	if (optind >= argc) {
		fputs(usage_text, stderr);
		return err_set(err, ERR_INVALID, "no destination was given");
	}
	if (conf_set_destination(&a->conf, argv[optind++], false, err) == -1)
		return -1;
	if (optind < argc)
		a->command = join(argv + optind, argc - optind);
	if (a->no_command && a->command != NULL)
		return err_set(err, ERR_INVALID, "-N runs no command, but one was given");
	return conf_complete(&a->conf, l->config, err);
}

void
args_release(struct args *a)
{
	free(a->command);
	conf_release(&a->conf);
}
