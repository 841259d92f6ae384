/* SPDX-License-Identifier: MIT
 *
 * RevokedHostKeys of ssh_config(5): files of public keys, one a line, that no host is known by any
 * more. Called by verify.c for each host's key, before known_hosts has a say. As with ssh, what can
 * not be read refuses every key: a list of a form that is not known here (a KRL) might hold it.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "iris-worker/ssh/knownhosts.h"

#define FILE_BYTES (64 * 1024 * 1024)
#define KRL        "SSHKRL\n"
#define BASE64     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="

/* Whether the line holds the key. -1: it holds something that may be one, and can not be told. */
static int
one_line(const char *line, size_t len, const char *base64)
{
	const char *type = line + strspn(line, " \t"), *text;
	size_t n;

	if (strlen(line) != len)
		return -1;
	if (*type == '\0' || *type == '#')
		return 0;
	n = strcspn(type, " \t");
	text = type + n + strspn(type + n, " \t");
	/* Of a certificate it is the key in it that is meant. */
	if (strstr(type, "-cert-v") != NULL && strstr(type, "-cert-v") < type + n)
		return -1;
	n = strspn(text, BASE64);
	if (n == 0 || (text[n] != '\0' && !isspace((unsigned char)text[n])))
		return -1;
	return n == strlen(base64) && strncmp(text, base64, n) == 0;
}

static int
one_file(const char *path, const char *base64, struct err *err)
{
	size_t size = 0, total = 0;
	int number = 0, rc = 0;
	char *line = NULL;
	ssize_t n;
	FILE *f;

	if ((f = fopen(path, "r")) == NULL)
		return err_sys(err, ERR_REFUSED, "the revoked keys in %s can not be read", path);
	errno = 0;
	while (rc == 0 && (n = getline(&line, &size, f)) != -1) {
		if (++number == 1 && strcmp(line, KRL) == 0) {
			rc = err_set(err, ERR_REFUSED,
			    "%s is a key revocation list (KRL), which iris-ssh does not read: use "
			    "a file of public keys, one a line, or OpenSSH's ssh",
			    path);
			break;
		}
		if ((total += (size_t)n) > FILE_BYTES) {
			rc = err_set(
			    err, ERR_REFUSED, "%s is larger than %d bytes", path, FILE_BYTES);
			break;
		}
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			line[--n] = '\0';
		if ((rc = one_line(line, (size_t)n, base64)) == -1)
			err_set(
			    err, ERR_REFUSED, "line %d of %s is no plain public key", number, path);
	}
	if (rc == 0 && !feof(f))
		rc = err_sys(err, ERR_REFUSED, "the revoked keys in %s can not be read", path);
	free(line);
	fclose(f);
	return rc;
}

int
known_revoked(const struct conf *c, ssh_key key, char **file, struct err *err)
{
	const char *p = c->revoked_hosts != NULL ? c->revoked_hosts : "";
	char *word, *path, *base64 = NULL;
	int rc = 0;

	*file = NULL;
	if (ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK)
		return err_set(err, ERR_REFUSED, "the host's key can not be read");
	while (rc == 0 && (word = conf_word(&p)) != NULL) {
		path = conf_expand(c, word, err);
		free(word);
		if (path == NULL)
			rc = -1;
		else if (strcmp(path, "none") != 0)
			rc = one_file(path, base64, err);
		if (rc == 1)
			*file = path;
		else
			free(path);
	}
	ssh_string_free_char(base64);
	return rc;
}
