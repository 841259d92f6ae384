/* SPDX-License-Identifier: MIT
 *
 * Host keys: the decision, its sentences, and the line of JSON of --host-key. See verify.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/xmalloc.h"
#include "iris-worker/ssh/say.h"
#include "iris-worker/ssh/verify.h"

#define REFUSED "Host key verification failed."

char *
verify_algorithms(const struct conf *c, struct err *err)
{
	struct known k;
	char *out;

	if (c->hostkeys != NULL)
		return xstrdup(c->hostkeys);
	if (known_find(c, NULL, &k, err) == -1)
		return NULL;
	out = k.algorithms;
	k.algorithms = NULL;
	known_release(&k);
	return out;
}

static int
refuse(const struct hop *h, ssh_key key, const struct known *k, struct err *err)
{
	const char *kind = known_kind(key), *name = h->conf.name;
	char *print = known_fingerprint(key);

	if (k->listed) {
		say("Host key %s %s revoked by file %s", known_type(key), print, k->file);
	} else if (k->state == KNOWN_REVOKED) {
		say("WARNING: REVOKED HOST KEY DETECTED! %s shows the %s key %s, which is revoked "
		    "in known_hosts.",
		    name, kind, print);
	} else if (k->state == KNOWN_CHANGED) {
		say("WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! Somebody may be in "
		    "between, or the host has a new key.");
		say("%s shows the %s key %s, but %s line %d has another one.", name, kind, print,
		    k->file, k->line);
		say("If the new key is the host's, run: iris remote trust %s", name);
	} else {
		say("No %s host key is known for %s and you have requested strict checking.", kind,
		    name);
		say("It shows the %s key %s. If that is the host's, run: iris remote trust %s",
		    kind, print, name);
	}
	free(print);
	return err_set(err, ERR_REFUSED, REFUSED);
}

static int
decide(const struct hop *h, ssh_key key, const struct known *k, struct err *err)
{
	if (k->state == KNOWN_YES) {
		say_debug("Host '%s' is known and matches the %s host key.", h->conf.name,
		    known_kind(key));
		return 0;
	}
	if (k->state != KNOWN_NO || h->conf.strict != CONF_STRICT_NEW)
		return refuse(h, key, k, err);
	if (known_record(&h->conf, key, false, err) == -1) {
		say("%s: the host's key is taken, but %s", h->conf.name, err->msg);
		err_clear(err);
		return 0;
	}
	say("Permanently added '%s' (%s) to the list of known hosts.", h->conf.name,
	    known_kind(key));
	return 0;
}

static void
print_json(
    const struct hop *h, ssh_key key, const struct known *k, const char *print, bool recorded)
{
	cJSON *out = json_new(), *keys = cJSON_CreateArray(), *item = json_new();
	char *text;

	json_put_str(out, "host", h->conf.name);
	json_put_int(out, "port", h->conf.port);
	json_put_str(item, "type", known_type(key));
	json_put_str(item, "fingerprint", print);
	cJSON_AddItemToArray(keys, item);
	json_put(out, "keys", keys);
	json_put_str(out, "state", known_state_name(k->state));
	json_put_str(out, "file", k->file);
	json_put_bool(out, "recorded", recorded);
	text = json_print(out);
	puts(text);
	fflush(stdout);
	free(text);
	cJSON_Delete(out);
}

/* --host-key: print what is seen, and record it where that was asked for. */
static int
show_key(
    const struct hop *h, ssh_key key, struct known *k, const struct verify *show, struct err *err)
{
	char *print = known_fingerprint(key);
	bool recorded = false;
	int rc = 0;

	if (show->record != NULL && strcmp(show->record, print) != 0) {
		rc =
		    err_set(err, ERR_REFUSED, "%s shows the %s key %s, not %s: nothing is recorded",
			h->conf.name, known_kind(key), print, show->record);
	} else if (show->record != NULL && k->state == KNOWN_REVOKED) {
		rc = err_set(err, ERR_REFUSED,
		    "the key %s of %s is marked as revoked in %s: nothing is recorded", print,
		    h->conf.name, k->listed ? k->file : "known_hosts");
	} else if (show->record != NULL && k->state != KNOWN_YES) {
		rc = known_record(&h->conf, key, k->state == KNOWN_CHANGED, err);
		recorded = rc == 0;
		if (recorded) {
			free(k->file);
			k->file = known_file(&h->conf, NULL);
		}
	}
	print_json(h, key, k, print, recorded);
	free(print);
	return rc == -1 ? -1 : 1;
}

/* Whatever known_hosts says of it. */
static int
check_revoked(const struct hop *h, ssh_key key, struct known *k, struct err *err)
{
	char *print, *file;
	int rc = known_revoked(&h->conf, key, &file, err);

	if (rc == 1) {
		free(k->file);
		k->file = file;
		k->line = 0;
		k->state = KNOWN_REVOKED;
		k->listed = true;
		return 0;
	}
	if (rc == -1) {
		print = known_fingerprint(key);
		say("Error checking host key %s %s in revoked keys file: %s", known_type(key),
		    print, err->msg);
		free(print);
		err_set(err, ERR_REFUSED, REFUSED);
	}
	return rc;
}

int
verify_host(struct hop *h, const struct verify *show, bool last, struct err *err)
{
	ssh_key key = NULL;
	struct known k;
	char *print;
	int rc;

	if (ssh_get_server_publickey(h->session, &key) != SSH_OK)
		return err_set(err, ERR_PROTOCOL, "%s shows no host key", h->conf.name);
	print = known_fingerprint(key);
	say_debug("Server host key: %s %s", known_type(key), print);
	free(print);
	if ((rc = known_find(&h->conf, key, &k, err)) == 0) {
		if ((rc = check_revoked(h, key, &k, err)) == -1)
			say_debug("Host '%s' is not to be trusted.", h->conf.name);
		else if (show != NULL && (last || k.state != KNOWN_YES))
			rc = show_key(h, key, &k, show, err);
		else
			rc = decide(h, key, &k, err);
		known_release(&k);
	}
	ssh_key_free(key);
	return rc;
}
