/* SPDX-License-Identifier: MIT
 *
 * The keywords of ssh_config(5) that iris-ssh knows, one table for the command line and the files.
 * Called by args.c and conf_file.c; opens nothing itself.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/paths.h"
#include "common/xmalloc.h"
#include "iris-worker/ssh/conf.h"

#define SYSTEM_FILE     "/etc/ssh/ssh_config"
#define CONNECT_TIMEOUT 120 /* seconds: the time in which sshd wants a login */

enum kind { TEXT, REST, NUMBER, TIME, YESNO, PORT, IDENTITY, STRICT, FAMILY, AGENT, NOTHING };

struct keyword {
	const char *name;
	enum kind kind;
	size_t offset;  /* of the member, for all kinds that have one */
	bool file_only; /* not from the command line */
};

#define AT(member) offsetof(struct conf, member)

static const struct keyword keywords[] = {
    {"AddressFamily", FAMILY, AT(family), false},
    {"BatchMode", NOTHING, 0, false},
    {"Ciphers", TEXT, AT(ciphers), false},
    {"ClearAllForwardings", NOTHING, 0, false},
    {"Compression", YESNO, AT(compression), false},
    {"ConnectTimeout", TIME, AT(connect_timeout), false},
    {"ControlMaster", NOTHING, 0, false},
    {"ControlPath", NOTHING, 0, false},
    {"ControlPersist", NOTHING, 0, false},
    {"EscapeChar", NOTHING, 0, false},
    {"ExitOnForwardFailure", YESNO, AT(exit_on_failure), false},
    {"ForwardAgent", AGENT, AT(forward_agent), false},
    {"GlobalKnownHostsFile", REST, AT(global_hosts), false},
    {"HostKeyAlgorithms", TEXT, AT(hostkeys), false},
    {"HostKeyAlias", TEXT, AT(alias), false},
    {"HostName", TEXT, AT(host), false},
    {"IdentitiesOnly", YESNO, AT(identities_only), false},
    {"IdentityAgent", TEXT, AT(agent), false},
    {"IdentityFile", IDENTITY, 0, false},
    {"KbdInteractiveAuthentication", NOTHING, 0, false},
    {"KexAlgorithms", TEXT, AT(kex), false},
    {"LogLevel", NOTHING, 0, false},
    {"MACs", TEXT, AT(macs), false},
    {"NumberOfPasswordPrompts", NOTHING, 0, false},
    {"PasswordAuthentication", NOTHING, 0, false},
    {"PermitLocalCommand", NOTHING, 0, false},
    {"Port", PORT, AT(port), false},
    {"ProxyCommand", REST, AT(proxy), true},
    {"ProxyJump", TEXT, AT(jump), false},
    {"PubkeyAcceptedAlgorithms", TEXT, AT(pubkeys), false},
    {"RemoteCommand", NOTHING, 0, false},
    {"RequestTTY", NOTHING, 0, false},
    {"RevokedHostKeys", REST, AT(revoked_hosts), false},
    {"ServerAliveCountMax", NUMBER, AT(alive_max), false},
    {"ServerAliveInterval", TIME, AT(alive_interval), false},
    {"StrictHostKeyChecking", STRICT, AT(strict), false},
    {"User", TEXT, AT(user), false},
    {"UserKnownHostsFile", REST, AT(user_hosts), false},
};

static const size_t integers[] = {AT(port), AT(strict), AT(identities_only), AT(compression),
    AT(forward_agent), AT(alive_interval), AT(alive_max), AT(connect_timeout), AT(exit_on_failure),
    AT(family)};
static const size_t texts[] = {AT(name), AT(host), AT(user), AT(alias), AT(agent), AT(user_hosts),
    AT(global_hosts), AT(jump), AT(proxy), AT(ciphers), AT(macs), AT(kex), AT(hostkeys),
    AT(pubkeys), AT(revoked_hosts)};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int *
integer_at(struct conf *c, size_t offset)
{
	return (int *)(void *)((char *)c + offset);
}

static char **
text_at(struct conf *c, size_t offset)
{
	return (char **)(void *)((char *)c + offset);
}

void
conf_init(struct conf *c)
{
	size_t i;

	memset(c, 0, sizeof *c);
	for (i = 0; i < COUNT(integers); i++)
		*integer_at(c, integers[i]) = -1;
}

void
conf_release(struct conf *c)
{
	size_t i;

	for (i = 0; i < COUNT(texts); i++)
		free(*text_at(c, texts[i]));
	for (i = 0; i < c->nidentity; i++)
		free(c->identity[i]);
	conf_init(c);
}

static int
number(const char *text, long max, const char **end)
{
	char *e;
	long v;

	errno = 0;
	v = strtol(text, &e, 10);
	*end = e;
	if (errno != 0 || e == text || !isdigit((unsigned char)*text) || v > max)
		return -1;
	return (int)v;
}

/* "90", "90s", "2m", "1h": seconds, or -1. "none" and 0 are no limit. */
static int
seconds(const char *text)
{
	const char *end;
	int v, unit = 1;

	if (strcasecmp(text, "none") == 0)
		return 0;
	v = number(text, INT_MAX / 3600 / 1000, &end);
	if (v != -1 && *end != '\0') {
		if (strcasecmp(end, "m") == 0)
			unit = 60;
		else if (strcasecmp(end, "h") == 0)
			unit = 3600;
		else if (strcasecmp(end, "s") != 0)
			return -1;
	}
	return v == -1 ? -1 : v * unit;
}

static int
word(const char *text, const char *const *names, const int *values)
{
	size_t i;

	for (i = 0; names[i] != NULL; i++)
		if (strcasecmp(text, names[i]) == 0)
			return values[i];
	return -1;
}

static int
yesno(const char *text)
{
	static const char *const names[] = {"yes", "true", "on", "no", "false", "off", NULL};
	static const int values[] = {1, 1, 1, 0, 0, 0};

	return word(text, names, values);
}

/* The value as an integer of this kind, or -1. */
static int
value_of(enum kind kind, const char *text)
{
	static const char *const strict[] = {
	    "yes", "ask", "true", "accept-new", "no", "off", "false", NULL};
	static const int strict_value[] = {CONF_STRICT_YES, CONF_STRICT_YES, CONF_STRICT_YES,
	    CONF_STRICT_NEW, CONF_STRICT_NEW, CONF_STRICT_NEW, CONF_STRICT_NEW};
	static const char *const family[] = {"any", "inet", "inet6", NULL};
	static const int family_value[] = {AF_UNSPEC, AF_INET, AF_INET6};
	const char *end;
	int v;

	if (kind == TIME)
		return seconds(text);
	if (kind == YESNO)
		return yesno(text);
	if (kind == STRICT)
		return word(text, strict, strict_value);
	if (kind == FAMILY)
		return word(text, family, family_value);
	if (kind == AGENT) {
		v = yesno(text);
		return v == -1 && (*text == '/' || *text == '~' || *text == '$') ? 1 : v;
	}
	v = number(text, kind == PORT ? 65535 : INT_MAX, &end);
	return *end != '\0' || (kind == PORT && v == 0) ? -1 : v;
}

static int
set_value(struct conf *c, const struct keyword *k, const char *value, bool raw, struct err *err)
{
	const char *rest = value;
	char *first = NULL, **text;
	int v, rc = -1;

	if (raw || k->kind == REST)
		first = xstrdup(value);
	else
		first = conf_word(&rest);
	if (first == NULL || *first == '\0') {
		err_set(err, ERR_INVALID, "%s needs a value", k->name);
		goto out;
	}
	if (k->kind == TEXT || k->kind == REST) {
		text = text_at(c, k->offset);
		if (*text == NULL) {
			*text = first;
			first = NULL;
		}
	} else if (k->kind == IDENTITY) {
		if (c->nidentity == CONF_IDENTITIES) {
			err_set(err, ERR_LIMIT, "more than %d identity files", CONF_IDENTITIES);
			goto out;
		}
		c->identity[c->nidentity++] = first;
		first = NULL;
	} else {
		if ((v = value_of(k->kind, first)) == -1) {
			err_set(err, ERR_INVALID, "%s can not be '%.100s'", k->name, first);
			goto out;
		}
		if (*integer_at(c, k->offset) == -1)
			*integer_at(c, k->offset) = v;
	}
	rc = 0;
out:
	free(first);
	return rc;
}

int
conf_set(struct conf *c, const char *keyword, const char *value, enum conf_origin origin,
    struct err *err)
{
	size_t i;

	for (i = 0; i < COUNT(keywords); i++) {
		if (strcasecmp(keywords[i].name, keyword) != 0)
			continue;
		if (origin != CONF_FILE && keywords[i].file_only)
			return err_set(err, ERR_INVALID,
			    "%s is taken from ssh_config files only, not "
			    "from the command line",
			    keywords[i].name);
		if (keywords[i].kind == NOTHING)
			return 0;
		return set_value(c, &keywords[i], value, origin == CONF_RAW, err);
	}
	if (origin == CONF_FILE)
		return 0;
	return err_set(err, ERR_INVALID,
	    "the option '%.100s' is not one of iris-ssh's; see iris-ssh(1)", keyword);
}

/* Nothing that a shell, an option parser or a reader of lines could mistake. */
static bool
plain(const char *text)
{
	const char *p;

	if (*text == '\0' || *text == '-')
		return false;
	for (p = text; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f ||
		    strchr("'`\"$\\;&<>|(){}*?!/", *p) != NULL)
			return false;
	return true;
}

/* Split off what is behind the host: a port, and the brackets of an IPv6 address. */
static int
split_port(char *host, int *port)
{
	char *colon, *end;
	const char *rest;
	size_t len;

	if (*host == '[') {
		if ((end = strchr(host, ']')) == NULL || (end[1] != '\0' && end[1] != ':'))
			return -1;
		colon = end[1] == ':' ? end + 1 : NULL;
		*end = '\0';
		len = strlen(host + 1);
		if (colon != NULL)
			*port = number(colon + 1, 65535, &rest);
		memmove(host, host + 1, len + 1);
	} else {
		if ((colon = strchr(host, ':')) == NULL || strchr(colon + 1, ':') != NULL)
			return 0;
		*port = number(colon + 1, 65535, &rest);
		*colon = '\0';
	}
	return colon != NULL && (*port <= 0 || *rest != '\0') ? -1 : 0;
}

int
conf_set_destination(struct conf *c, const char *dest, bool with_port, struct err *err)
{
	char *copy = NULL, *host, *at;
	const char *start = dest;
	int port = -1, rc = -1;
	size_t len;

	if (strncasecmp(dest, "ssh://", 6) == 0) {
		start += 6;
		with_port = true;
	}
	copy = host = xstrdup(start);
	len = strlen(copy);
	if (start != dest && len > 0 && copy[len - 1] == '/')
		copy[len - 1] = '\0';
	if ((at = strrchr(copy, '@')) != NULL) {
		*at = '\0';
		host = at + 1;
		if (!plain(copy)) {
			err_set(err, ERR_INVALID, "'%.100s' is no user name", copy);
			goto out;
		}
	}
	if ((with_port && split_port(host, &port) == -1) || !plain(host)) {
		err_set(err, ERR_INVALID, "'%.100s' is no host name", dest);
		goto out;
	}
	if (at != NULL && c->user == NULL)
		c->user = xstrdup(copy);
	if (port != -1 && c->port == -1)
		c->port = port;
	free(c->name);
	c->name = xstrdup(host);
	rc = 0;
out:
	free(copy);
	return rc;
}

static int
set_default(int *value, int dflt)
{
	if (*value == -1)
		*value = dflt;
	return *value;
}

static void
default_identities(struct conf *c)
{
	static const char *const names[] = {
	    "~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"};
	size_t i;

	c->identity_default = c->nidentity == 0;
	for (i = 0; c->identity_default && i < COUNT(names); i++)
		c->identity[c->nidentity++] = xstrdup(names[i]);
}

static void
drop_none(char **text)
{
	if (*text != NULL && strcasecmp(*text, "none") == 0) {
		free(*text);
		*text = NULL;
	}
}

static int
defaults(struct conf *c, struct err *err)
{
	struct passwd *pw;
	char *host;

	set_default(&c->port, CONF_PORT);
	set_default(&c->strict, CONF_STRICT_YES);
	set_default(&c->identities_only, 0);
	set_default(&c->compression, 0);
	set_default(&c->forward_agent, 0);
	set_default(&c->alive_interval, 0);
	set_default(&c->alive_max, 3);
	set_default(&c->exit_on_failure, 0);
	set_default(&c->family, AF_UNSPEC);
	if (set_default(&c->connect_timeout, CONNECT_TIMEOUT) == 0)
		c->connect_timeout = CONNECT_TIMEOUT;
	if (c->user_hosts == NULL)
		c->user_hosts = xstrdup("~/.ssh/known_hosts ~/.ssh/known_hosts2");
	if (c->global_hosts == NULL)
		c->global_hosts = xstrdup("/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2");
	default_identities(c);
	drop_none(&c->jump);
	drop_none(&c->proxy);
	if (c->user == NULL) {
		if ((pw = getpwuid(getuid())) == NULL)
			return err_set(err, ERR_INVALID, "this user has no name; use -l");
		c->user = xstrdup(pw->pw_name);
	}
	if (c->host == NULL)
		c->host = xstrdup(c->name);
	if ((host = conf_expand(c, c->host, err)) == NULL)
		return -1;
	free(c->host);
	c->host = host;
	if (!plain(c->host) || !plain(c->user))
		return err_set(err, ERR_INVALID,
		    "the configuration of %s gives no usable host or user "
		    "name: '%.100s', '%.100s'",
		    c->name, c->host, c->user);
	return 0;
}

int
conf_complete(struct conf *c, const char *file, struct err *err)
{
	const char *home = paths_user_home();
	char path[PATHS_MAX];

	if (file != NULL && strcmp(file, "none") != 0 && conf_read(c, file, true, err) == -1)
		return -1;
	if (file == NULL) {
		if (home != NULL && paths_join(path, sizeof path, home, ".ssh/config") == 0 &&
		    conf_read(c, path, false, err) == -1)
			return -1;
		if (conf_read(c, SYSTEM_FILE, false, err) == -1)
			return -1;
	}
	return defaults(c, err);
}
