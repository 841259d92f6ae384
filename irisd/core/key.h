/* SPDX-License-Identifier: MIT
 *
 * API keys: what opens irisd's HTTP side to a client. Their texts, their hashes and their scopes;
 * the rows are store/key.c's, the calls net/control_key.c's. A key is 256 random bits, so one pass
 * of SHA-256 is enough to store it by: there is nothing to guess that a slow hash would protect.
 */
#ifndef IRIS_CORE_KEY_H
#define IRIS_CORE_KEY_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/err.h"

enum key_scope {
	KEY_READ = 1 << 0,    /* look at teams, sessions and messages; every key may */
	KEY_MESSAGE = 1 << 1, /* send messages, and wake and sleep the sender's own sessions */
	KEY_MANAGE = 1 << 2,  /* change teams and sessions */
	KEY_APPROVE = 1 << 3, /* answer permission requests */
	KEY_ADMIN = 1 << 4,   /* all of it, and keys and the configuration */
};

#define KEY_PREFIX   "iris_"
#define KEY_TEXT_LEN 69 /* the prefix and 64 hexadecimal digits */
#define KEY_HASH_LEN 64
#define KEY_ID_LEN   12

/* A new key, and a new name for one that is no secret. */
void key_make(char text[KEY_TEXT_LEN + 1]);
void key_make_id(char id[KEY_ID_LEN + 1]);

/* What is stored of a key: its SHA-256 in hexadecimal digits. */
void key_hash(const char *text, char hash[KEY_HASH_LEN + 1]);

/*
 * "read,message" as a set of enum key_scope. -1 with ERR_INVALID that names the scopes. Every set
 * holds KEY_READ.
 */
int key_scopes_parse(const char *text, unsigned *scopes, struct err *err);
/* Their names, in the order of the enum. */
cJSON *key_scopes_json(unsigned scopes);
/* KEY_ADMIN allows everything. */
bool key_allows(unsigned scopes, enum key_scope want);

/* The set of such a list of names; what is no scope is passed over. */
unsigned key_scopes_of(const cJSON *names);

#endif
