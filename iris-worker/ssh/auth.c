/* SPDX-License-Identifier: MIT
 *
 * Logging in with public keys, see auth.h. The order is OpenSSH's: keys of the agent that the
 * configuration names, the agent's others, then key files. A file with a passphrase is opened only
 * when the host has said that it would take the key. Called by hop.c.
 */
#include <libssh/libssh.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/xmalloc.h"
#include "iris-worker/ssh/agent.h"
#include "iris-worker/ssh/auth.h"
#include "iris-worker/ssh/say.h"

#define PASSPHRASE_ENV "IRIS_ASKPASS"

struct identity {
	char *path;   /* of the private key */
	ssh_key pub;  /* NULL: only opening the file tells */
	ssh_key cert; /* PATH-cert.pub, or NULL */
	char *base64; /* of pub, or NULL */
};

struct login {
	struct line *l;
	struct hop *h;
	struct identity ids[CONF_IDENTITIES];
	size_t n;
};

static char *passphrase;

static void
wipe(char *text)
{
	volatile char *p = text;

	while (*p != '\0')
		*p++ = '\0';
}

void
auth_take_passphrase(void)
{
	char *value = getenv(PASSPHRASE_ENV);

	if (value == NULL)
		return;
	passphrase = xstrdup(value);
	wipe(value);
	unsetenv(PASSPHRASE_ENV);
}

void
auth_wipe(void)
{
	if (passphrase == NULL)
		return;
	wipe(passphrase);
	free(passphrase);
	passphrase = NULL;
}

char *
auth_agent_path(const struct conf *c)
{
	const char *path = c->agent;

	if (path == NULL || strcmp(path, "SSH_AUTH_SOCK") == 0)
		path = getenv("SSH_AUTH_SOCK");
	else if (strcasecmp(path, "none") == 0)
		return NULL;
	else if (*path == '$' && path[1] != '{')
		path = getenv(path + 1);
	else
		return conf_expand(c, path, NULL);
	return path == NULL || *path == '\0' ? NULL : xstrdup(path);
}

/* Says that there is a passphrase. */
static int
needed_cb(const char *prompt, char *buf, size_t len, int echo, int verify, void *arg)
{
	(void)prompt;
	(void)buf;
	(void)len;
	(void)echo;
	(void)verify;
	*(bool *)arg = true;
	return -1;
}

static bool
too_open(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1 || st.st_uid != getuid() || (st.st_mode & 077) == 0)
		return false;
	say("Permissions 0%o for '%s' are too open: this private key is not used",
	    (unsigned)(st.st_mode & 0777), path);
	return true;
}

static ssh_key
open_private(const char *path)
{
	ssh_key key = NULL;
	bool needed = false;

	if (too_open(path))
		return NULL;
	if (ssh_pki_import_privkey_file(path, NULL, needed_cb, &needed, &key) == SSH_OK)
		return key;
	if (!needed)
		say("the key in %s can not be read", path);
	else if (passphrase == NULL)
		say("the key in %s has a passphrase, and there is none here: set the passphrase, "
		    "or give the key to an agent",
		    path);
	else if (ssh_pki_import_privkey_file(path, passphrase, NULL, NULL, &key) == SSH_OK)
		return key;
	else
		say("the passphrase for the key in %s is wrong", path);
	return NULL;
}

static void
load(struct login *g)
{
	const struct conf *c = &g->h->conf;
	struct identity *id;
	char *name;
	size_t i;

	for (i = 0; i < c->nidentity; i++) {
		id = &g->ids[g->n];
		memset(id, 0, sizeof *id);
		if (strcasecmp(c->identity[i], "none") == 0)
			continue;
		if ((id->path = conf_expand(c, c->identity[i], NULL)) == NULL)
			continue;
		name = xasprintf("%s.pub", id->path);
		if (ssh_pki_import_pubkey_file(name, &id->pub) != SSH_OK &&
		    ssh_pki_import_pubkey_file(id->path, &id->pub) != SSH_OK)
			id->pub = NULL;
		free(name);
		if (id->pub != NULL)
			ssh_pki_export_pubkey_base64(id->pub, &id->base64);
		name = xasprintf("%s-cert.pub", id->path);
		if (access(name, R_OK) != 0 || ssh_pki_import_cert_file(name, &id->cert) != SSH_OK)
			id->cert = NULL;
		free(name);
		g->n++;
	}
}

static void
unload(struct login *g)
{
	while (g->n > 0) {
		struct identity *id = &g->ids[--g->n];

		free(id->path);
		ssh_key_free(id->pub);
		ssh_key_free(id->cert);
		ssh_string_free_char(id->base64);
	}
}

/* One key of a file, with its certificate where cert is given. An SSH_AUTH_ value. */
static int
try_key(struct login *g, const struct identity *id, ssh_key cert)
{
	ssh_session s = g->h->session;
	ssh_key offer = cert != NULL ? cert : id->pub, key;
	int rc;

	if (offer != NULL) {
		say_debug("Offering public key: %s", id->path);
		LINE_WAIT(g->l, rc, SSH_AUTH_AGAIN, ssh_userauth_try_publickey(s, NULL, offer));
		if (rc != SSH_AUTH_SUCCESS)
			return rc;
	}
	if (access(id->path, R_OK) != 0 || (key = open_private(id->path)) == NULL)
		return SSH_AUTH_DENIED;
	if (cert != NULL && ssh_pki_copy_cert_to_privkey(cert, key) != SSH_OK) {
		ssh_key_free(key);
		return SSH_AUTH_DENIED;
	}
	LINE_WAIT(g->l, rc, SSH_AUTH_AGAIN, ssh_userauth_publickey(s, NULL, key));
	ssh_key_free(key);
	return rc;
}

/* After a refusal: what was to be used and is not there. */
static void
tell_missing(const struct login *g)
{
	size_t i;

	for (i = 0; i < g->n && !g->h->conf.identity_default; i++)
		if (g->ids[i].pub == NULL && access(g->ids[i].path, R_OK) != 0)
			say("Warning: Identity file %s not accessible: %s", g->ids[i].path,
			    strerror(errno));
}

static bool
goes_on(int rc)
{
	return rc == SSH_AUTH_DENIED || rc == SSH_AUTH_PARTIAL;
}

static int
try_files(struct login *g, const struct agent *offered)
{
	const struct identity *id;
	int rc = SSH_AUTH_DENIED;
	size_t i;

	for (i = 0; i < g->n && goes_on(rc); i++) {
		id = &g->ids[i];
		if (id->cert != NULL)
			rc = try_key(g, id, id->cert);
		if (!goes_on(rc) ||
		    (id->base64 != NULL && offered != NULL && agent_offered(offered, id->base64)))
			continue;
		if (id->pub != NULL || access(id->path, F_OK) == 0)
			rc = try_key(g, id, NULL);
	}
	return rc;
}

static int
try_agent(struct login *g, struct agent **out)
{
	const char *wanted[CONF_IDENTITIES];
	char *path = auth_agent_path(&g->h->conf);
	size_t i, n = 0;
	int fd, rc = SSH_AUTH_DENIED;

	if (path == NULL)
		return rc;
	for (i = 0; i < g->n; i++)
		if (g->ids[i].base64 != NULL)
			wanted[n++] = g->ids[i].base64;
	*out = agent_start(path, wanted, n, g->h->conf.identities_only != 0, &fd);
	if (*out == NULL) {
		say_debug("no agent at %s", path);
	} else {
		ssh_set_agent_socket(g->h->session, fd);
		LINE_WAIT(g->l, rc, SSH_AUTH_AGAIN, ssh_userauth_agent(g->h->session, NULL));
		agent_stop(*out, fd);
	}
	free(path);
	return rc;
}

static int
denied(const struct hop *h, int methods, struct err *err)
{
	static const struct {
		int method;
		const char *name;
	} names[] = {{SSH_AUTH_METHOD_PUBLICKEY, "publickey"},
	    {SSH_AUTH_METHOD_GSSAPI_MIC, "gssapi-with-mic"}, {SSH_AUTH_METHOD_PASSWORD, "password"},
	    {SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive"},
	    {SSH_AUTH_METHOD_HOSTBASED, "hostbased"}};
	char list[128] = "";
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		if ((methods & names[i].method) == 0)
			continue;
		if (*list != '\0')
			compat_strlcat(list, ",", sizeof list);
		compat_strlcat(list, names[i].name, sizeof list);
	}
	return err_set(
	    err, ERR_REFUSED, "%s@%s: Permission denied (%s).", h->conf.user, h->conf.host, list);
}

static int
login(struct login *g, int *methods)
{
	struct agent *agent = NULL;
	int rc;

	LINE_WAIT(g->l, rc, SSH_AUTH_AGAIN, ssh_userauth_none(g->h->session, NULL));
	if (rc == SSH_AUTH_SUCCESS || rc == SSH_AUTH_ERROR || rc == SSH_AUTH_AGAIN)
		return rc;
	*methods = ssh_userauth_list(g->h->session, NULL);
	if ((*methods & SSH_AUTH_METHOD_PUBLICKEY) == 0)
		return SSH_AUTH_DENIED;
	load(g);
	rc = try_agent(g, &agent);
	if (rc != SSH_AUTH_SUCCESS && ssh_is_connected(g->h->session))
		rc = try_files(g, agent);
	if (rc == SSH_AUTH_PARTIAL)
		*methods = ssh_userauth_list(g->h->session, NULL);
	if (agent != NULL)
		agent_free(agent);
	return rc;
}

int
auth_login(struct line *l, struct err *err)
{
	struct login g = {.l = l, .h = line_last(l)};
	int methods = SSH_AUTH_METHOD_PUBLICKEY, rc;
	const char *name = g.h->conf.name;

	rc = login(&g, &methods);
	if (goes_on(rc))
		tell_missing(&g);
	unload(&g);
	if (rc == SSH_AUTH_SUCCESS) {
		say_plain("Authenticated to %s using \"publickey\".", g.h->where);
		return 0;
	}
	if (goes_on(rc))
		return denied(g.h, methods, err);
	if (strstr(ssh_get_error(g.h->session), "Too many authentication failures") != NULL) {
		say("%s: Too many authentication failures", name);
		return denied(g.h, methods, err);
	}
	return err_set(err, ERR_IO, "Connection to %s closed by remote host during the login: %s",
	    name, ssh_get_error(g.h->session));
}
