/* SPDX-License-Identifier: MIT
 *
 * One-time links, see login.h. A list, the newest first. Hashes are compared, not tokens: how long
 * that takes tells nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/key.h"
#include "irisd/core/login.h"

struct logins {
	struct logins *next;
	char hash[KEY_HASH_LEN + 1];
	struct login what;
	int64_t until; /* ms, monotonic */
};

/* Those that are over, and those beyond max. */
static void
sweep(struct logins **all, int64_t now, int max)
{
	struct logins **at = all, *l;
	int n = 0;

	while ((l = *at) != NULL) {
		if (l->until > now && n < max) {
			n++;
			at = &l->next;
			continue;
		}
		*at = l->next;
		free(l);
	}
}

void
login_make(
    struct logins **all, const struct login *what, int64_t now, char token[LOGIN_TOKEN_LEN + 1])
{
	struct logins *l = xcalloc(1, sizeof *l);
	char text[KEY_TEXT_LEN + 1];

	sweep(all, now, LOGINS_MAX - 1);
	key_make(text);
	memcpy(token, text + strlen(KEY_PREFIX), LOGIN_TOKEN_LEN + 1);
	key_hash(token, l->hash);
	l->what = *what;
	l->until = now + LOGIN_MS;
	l->next = *all;
	*all = l;
}

bool
login_take(struct logins **all, const char *token, int64_t now, struct login *what)
{
	char hash[KEY_HASH_LEN + 1];
	struct logins **at, *l;

	sweep(all, now, LOGINS_MAX);
	key_hash(token, hash);
	for (at = all; (l = *at) != NULL; at = &l->next) {
		if (strcmp(l->hash, hash) != 0)
			continue;
		*what = l->what;
		*at = l->next;
		free(l);
		return true;
	}
	return false;
}

void
login_release(struct logins **all)
{
	sweep(all, 0, 0);
}
