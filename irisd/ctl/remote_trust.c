/* SPDX-License-Identifier: MIT
 *
 * remote trust: shows the key that a host has, and has it recorded when a person says that it is
 * the host's own: on the terminal, by --fingerprint, or blindly by --yes. A key that has changed
 * takes --fingerprint. The record itself is irisd's, which takes it from persons alone.
 */
#include <stdio.h>
#include <string.h>

#include "common/config.h"
#include "common/json.h"
#include "common/remote.h"
#include "irisd/ctl/remote.h"
#include "irisd/ctl/term.h"

#define FINGERPRINT_LEN 50 /* "SHA256:" and 32 bytes in base64, without padding */

/* Whose key it is: a team's host, or a host by its name. */
struct target {
	const char *name;
	bool host;
	bool interrupted;
};

static int
check_fingerprint(const char *given, struct err *err)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	if (strlen(given) == FINGERPRINT_LEN && strncmp(given, "SHA256:", 7) == 0 &&
	    strspn(given + 7, digits) == FINGERPRINT_LEN - 7)
		return 0;
	return err_set(err, ERR_INVALID,
	    "--fingerprint is \"%.80s\"; expected SHA256: and 43 letters, as \"ssh-keygen -lf\" "
	    "prints it",
	    given);
}

static int
ask(struct ctl *c, struct target *t, const char *record, cJSON **result, struct err *err)
{
	cJSON *params = json_new();
	char doing[160];

	json_put_str(params, t->host ? "host" : "team", t->name);
	json_put_str_opt(params, "record", record);
	snprintf(doing, sizeof doing, "asking %.100s for its key", t->name);
	return ctl_remote_ask(
	    c, true, "iris/remote.trust", params, doing, &t->interrupted, result, err);
}

/* What is no team's name, or none that irisd knows, is a host. */
static int
ask_first(struct ctl *c, struct target *t, cJSON **result, struct err *err)
{
	struct err no_team;

	t->host = config_check_team_name(t->name, NULL) == -1;
	if (!t->host) {
		if (ask(c, t, NULL, result, &no_team) == 0)
			return 0;
		*err = no_team;
		if (t->interrupted || no_team.code != ERR_NOT_FOUND)
			return -1;
		t->host = true;
	}
	if (remote_check_dest(t->name, err) == -1)
		return err_prefix(err, "\"%.100s\" is no team and no host: ", t->name);
	if (ask(c, t, NULL, result, err) == 0)
		return 0;
	return config_check_team_name(t->name, NULL) == 0
	    ? err_prefix(err, "there is no team \"%.100s\"; as a host: ", t->name)
	    : -1;
}

/* The one to record: the given one, else the one that most hosts are known by. */
static const cJSON *
choose(const cJSON *keys, const char *given)
{
	const char *type, *fingerprint;
	const cJSON *k, *best = NULL;

	cJSON_ArrayForEach (k, keys) {
		type = json_str(k, "type");
		if ((fingerprint = json_str(k, "fingerprint")) == NULL)
			continue;
		if (given != NULL && strcmp(fingerprint, given) == 0)
			return k;
		if (given == NULL &&
		    (best == NULL || (type != NULL && strstr(type, "25519") != NULL)))
			best = k;
	}
	return best;
}

static void
print_text(FILE *f, const char *text)
{
	term_print(f, text != NULL ? text : "?", false);
}

/* Where a host keeps the public half of a key of this type. */
static const char *
key_file(const char *type)
{
	if (type != NULL && strstr(type, "25519") != NULL)
		return "/etc/ssh/ssh_host_ed25519_key.pub";
	if (type != NULL && (strstr(type, "ecdsa") != NULL || strstr(type, "ECDSA") != NULL))
		return "/etc/ssh/ssh_host_ecdsa_key.pub";
	return "/etc/ssh/ssh_host_rsa_key.pub";
}

static void
print_key(const cJSON *key)
{
	fputs("    ", stderr);
	print_text(stderr, json_str(key, "type"));
	fputs("  ", stderr);
	fputs(term_on(stderr, TERM_BOLD), stderr);
	print_text(stderr, json_str(key, "fingerprint"));
	fprintf(stderr, "%s\n", term_off(stderr));
}

static void
print_unknown(const char *host, const cJSON *key)
{
	fputs("The key of ", stderr);
	print_text(stderr, host);
	fputs(" is not known yet:\n\n", stderr);
	print_key(key);
	fprintf(stderr,
	    "\nCompare it with what the host itself says, at its console or by who runs it:\n\n"
	    "    ssh-keygen -lf %s\n\n",
	    key_file(json_str(key, "type")));
}

static void
print_changed(const char *host, const cJSON *key)
{
	fprintf(stderr, "%sWARNING: THE KEY OF ", term_on(stderr, TERM_RED));
	print_text(stderr, host);
	fprintf(stderr, " HAS CHANGED.%s It is now:\n\n", term_off(stderr));
	print_key(key);
	fprintf(stderr,
	    "\nEither the host was set up anew, or somebody between here and there answers in its "
	    "place\nand would read and change all that is said. Ask who runs the host, or look at "
	    "its console:\n\n    ssh-keygen -lf %s\n\n",
	    key_file(json_str(key, "type")));
}

/* May this key be recorded? 0, or -1 with why not. */
static int
decide(const struct ctl *c, const char *host, const char *state, const cJSON *key,
    const char *given, struct err *err)
{
	bool changed = strcmp(state, "changed") == 0;

	if (!c->json && !c->quiet) {
		if (changed)
			print_changed(host, key);
		else
			print_unknown(host, key);
	}
	if (given != NULL)
		return 0;
	if (changed)
		return err_set(err, ERR_HOST,
		    "the key of %.200s has changed, and is %.80s now; nothing is recorded. If the host "
		    "itself shows this one, give it by --fingerprint",
		    host, json_str(key, "fingerprint"));
	if (ctl_opt(c, "yes") != NULL)
		return 0;
	if (!ctl_can_ask())
		return err_set(err, ERR_INVALID,
		    "the key of %.200s is %.80s, and there is no terminal to ask on; "
		    "--fingerprint records it when it is the given one, --yes whatever it is",
		    host, json_str(key, "fingerprint"));
	if (c->json || c->quiet)
		print_unknown(host, key);
	return ctl_confirm("Is it the same? Record it?")
	    ? 0
	    : err_set(err, ERR_CANCELLED, "nothing was recorded");
}

/* What there is to say when nothing was to be recorded, or it was. */
static void
print_end(
    const struct target *t, const char *host, const cJSON *key, const cJSON *result, bool done)
{
	const char *file = json_str(result, "file");

	printf("the key of ");
	print_text(stdout, host);
	printf(done ? " is recorded" : " is known");
	if (file != NULL) {
		printf(" in ");
		print_text(stdout, file);
	}
	printf(": ");
	print_text(stdout, json_str(key, "type"));
	putchar(' ');
	print_text(stdout, json_str(key, "fingerprint"));
	putchar('\n');
	if (done && !t->host)
		printf("\"iris remote check %s\" looks at the rest\n", t->name);
}

static int
record(struct ctl *c, struct target *t, const char *host, const cJSON *key, struct err *err)
{
	cJSON *result = NULL;

	if (ask(c, t, json_str(key, "fingerprint"), &result, err) == -1)
		return t->interrupted ? CTL_INTERRUPTED : -1;
	if (!json_bool(result, "recorded", false)) {
		cJSON_Delete(result);
		return err_set(err, ERR_HOST,
		    "%.200s shows another key now than a moment ago; nothing was recorded", host);
	}
	if (c->json) {
		ctl_print_json(result);
		return 0;
	}
	print_end(t, host, key, result, true);
	cJSON_Delete(result);
	return 0;
}

/* What the host has shown, judged. */
static int
judge(struct ctl *c, struct target *t, const cJSON *shown, const char *given, struct err *err)
{
	const char *host = json_str(shown, "host"), *state = json_str(shown, "state");
	const cJSON *keys = json_arr(shown, "keys"), *key = choose(keys, given), *first;

	if (host == NULL)
		host = t->name;
	if ((first = choose(keys, NULL)) == NULL || state == NULL)
		return err_set(err, ERR_HOST, "%.200s has shown no key", host);
	if (key == NULL)
		return err_set(err, ERR_HOST,
		    "the key of %.200s is %.80s, and not the given one; nothing is recorded. "
		    "Somebody may answer in its place",
		    host, json_str(first, "fingerprint"));
	if (strcmp(state, "known") == 0) {
		if (c->json)
			ctl_print_json(cJSON_Duplicate(shown, true));
		else
			print_end(t, host, key, shown, false);
		return 0;
	}
	if (decide(c, host, state, key, given, err) == -1)
		return -1;
	return record(c, t, host, key, err);
}

int
ctl_remote_trust_run(struct ctl *c, struct err *err)
{
	const char *given = ctl_opt(c, "fingerprint");
	struct target t = {.name = c->operand[0]};
	cJSON *shown = NULL;
	int rv;

	if (given != NULL && check_fingerprint(given, err) == -1)
		return -1;
	if (ask_first(c, &t, &shown, err) == -1)
		return t.interrupted ? CTL_INTERRUPTED : -1;
	rv = judge(c, &t, shown, given, err);
	cJSON_Delete(shown);
	return rv;
}
