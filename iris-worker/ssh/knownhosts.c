/* SPDX-License-Identifier: MIT
 *
 * Reading known_hosts, see knownhosts.h. libssh takes one line apart and compares a hashed name;
 * which lines are about a host and what they mean is decided here, because libssh passes over
 * @revoked and !names, and takes a key of another kind for no reason to refuse. Called by verify.c.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "iris-worker/ssh/knownhosts.h"
#include "iris-worker/ssh/knownhosts_line.h"

#define FILE_BYTES (64 * 1024 * 1024)

/* In the order in which they are asked for of a host that nothing is known about. */
static const struct algorithm {
	const char *type;  /* in known_hosts */
	const char *names; /* in the key exchange */
} algorithms[] = {
    {"ssh-ed25519", "ssh-ed25519"},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"},
    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"},
    {"ssh-rsa", "rsa-sha2-512,rsa-sha2-256"},
};
#define ALGORITHMS (sizeof algorithms / sizeof algorithms[0])

struct search {
	const char *name; /* of the host, as known_name gives it */
	ssh_key key;
	struct known *k;
	bool seen[ALGORITHMS];
	bool matched, other, revoked;
};

const char *
known_state_name(enum known_state state)
{
	static const char *const names[] = {[KNOWN_YES] = "known",
	    [KNOWN_NO] = "unknown",
	    [KNOWN_CHANGED] = "changed",
	    [KNOWN_REVOKED] = "revoked"};

	return names[state];
}

const char *
known_type(ssh_key key)
{
	const char *name = ssh_pki_key_ecdsa_name(key);

	if (name != NULL && strncmp(name, "ecdsa-", 6) == 0)
		return name;
	return ssh_key_type_to_char(ssh_key_type(key));
}

const char *
known_kind(ssh_key key)
{
	const char *type = known_type(key);

	if (strcmp(type, "ssh-ed25519") == 0)
		return "ED25519";
	return strcmp(type, "ssh-rsa") == 0 ? "RSA" : "ECDSA";
}

char *
known_fingerprint(ssh_key key)
{
	unsigned char *hash = NULL;
	size_t len;
	char *text, *copy;

	if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) != 0)
		return xstrdup("SHA256:?");
	text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
	ssh_clean_pubkey_hash(&hash);
	copy = xstrdup(text != NULL ? text : "SHA256:?");
	ssh_string_free_char(text);
	return copy;
}

char *
known_name(const struct conf *c)
{
	char *name, *p;

	if (c->alias != NULL)
		name = xstrdup(c->alias);
	else if (c->port == CONF_PORT)
		name = xstrdup(c->host);
	else
		name = xasprintf("[%s]:%d", c->host, c->port);
	for (p = name; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return name;
}

/* Whether names, the first field of a line, are about this host. libssh knows the hashed form. */
static bool
about(const char *name, const char *line, bool hashed)
{
	char *names;
	bool found;

	if (hashed)
		return true;
	names = xstrndup(line, strcspn(line, " "));
	found = conf_match(names, name);
	free(names);
	return found;
}

int
known_line_parse(const char *name, const char *text, struct known_line *l)
{
	struct ssh_knownhosts_entry *entry = NULL;
	char *copy, *p;
	bool hashed;

	memset(l, 0, sizeof *l);
	copy = xstrdup(text);
	for (p = copy; *p != '\0'; p++)
		if (*p == '\t')
			*p = ' ';
	p = copy + strspn(copy, " ");
	if (strncmp(p, "@revoked ", 9) == 0) {
		l->revoked = true;
		p += 9 + strspn(p + 9, " ");
	}
	hashed = *p == '|';
	l->pattern = strcspn(p, "*?!") < strcspn(p, " ");
	if (*p != '@' && *p != '#' && *p != '\0' && about(name, p, hashed) &&
	    ssh_known_hosts_parse_line(hashed ? name : NULL, p, &entry) == SSH_OK &&
	    entry != NULL && entry->publickey != NULL)
		l->key = ssh_key_dup(entry->publickey);
	if (entry != NULL)
		ssh_knownhosts_entry_free(entry);
	free(copy);
	return l->key != NULL ? 0 : -1;
}

static void
one_line(struct search *s, const char *text, const char *path, int number)
{
	struct known_line l;
	const char *type;
	bool same;
	size_t i;

	if (known_line_parse(s->name, text, &l) == -1)
		return;
	type = known_type(l.key);
	same = s->key != NULL && ssh_key_cmp(l.key, s->key, SSH_KEY_CMP_PUBLIC) == 0;
	if (l.revoked) {
		s->revoked = s->revoked || same;
	} else {
		for (i = 0; i < ALGORITHMS; i++)
			s->seen[i] = s->seen[i] || strcmp(algorithms[i].type, type) == 0;
		if (!s->matched && (same || !s->other)) {
			free(s->k->file);
			s->k->file = xstrdup(path);
			s->k->line = number;
		}
		s->matched = s->matched || same;
		s->other = s->other || !same;
	}
	ssh_key_free(l.key);
}

static int
one_file(struct search *s, const char *path, struct err *err)
{
	char *line = NULL;
	size_t size = 0, total = 0;
	ssize_t n;
	int number = 0, rc = -1;
	FILE *f;

	if ((f = fopen(path, "r")) == NULL) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return err_sys(err, ERR_IO, "the known hosts in %s can not be read", path);
	}
	while ((n = getline(&line, &size, f)) != -1) {
		if ((total += (size_t)n) > FILE_BYTES) {
			err_set(err, ERR_LIMIT, "%s is larger than %d bytes", path, FILE_BYTES);
			goto out;
		}
		line[strcspn(line, "\r\n")] = '\0';
		one_line(s, line, path, ++number);
	}
	rc = 0;
out:
	free(line);
	fclose(f);
	return rc;
}

static int
all_files(const struct conf *c, struct search *s, const char *list, struct err *err)
{
	const char *p = list;
	char *word, *path;
	int rc = 0;

	while (rc == 0 && (word = conf_word(&p)) != NULL) {
		path = conf_expand(c, word, err);
		free(word);
		if (path == NULL)
			return -1;
		if (strcmp(path, "none") != 0)
			rc = one_file(s, path, err);
		free(path);
	}
	return rc;
}

static char *
order(const struct search *s)
{
	char *out = xstrdup(""), *more;
	size_t i;
	int pass;

	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < ALGORITHMS; i++)
			if (s->seen[i] == (pass == 0)) {
				more = xasprintf(
				    "%s%s%s", out, *out != '\0' ? "," : "", algorithms[i].names);
				free(out);
				out = more;
			}
	return out;
}

char *
known_file(const struct conf *c, struct err *err)
{
	const char *p = c->user_hosts;
	char *word, *path;

	if ((word = conf_word(&p)) == NULL)
		return NULL;
	path = conf_expand(c, word, err);
	free(word);
	return path;
}

int
known_find(const struct conf *c, ssh_key key, struct known *k, struct err *err)
{
	struct search s = {.key = key, .k = k};
	char *name = known_name(c);
	int rc = -1;

	memset(k, 0, sizeof *k);
	s.name = name;
	if (all_files(c, &s, c->user_hosts, err) == -1 ||
	    all_files(c, &s, c->global_hosts, err) == -1)
		goto out;
	if (k->file == NULL && (k->file = known_file(c, err)) == NULL)
		goto out;
	k->algorithms = order(&s);
	if (s.revoked)
		k->state = KNOWN_REVOKED;
	else if (s.matched)
		k->state = KNOWN_YES;
	else
		k->state = s.other ? KNOWN_CHANGED : KNOWN_NO;
	rc = 0;
out:
	free(name);
	if (rc == -1)
		known_release(k);
	return rc;
}

void
known_release(struct known *k)
{
	free(k->file);
	free(k->algorithms);
	memset(k, 0, sizeof *k);
}
