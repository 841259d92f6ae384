/* SPDX-License-Identifier: MIT
 *
 * The list permissions.talk, see talk.h. Asked wherever somebody begins something with a team: a
 * session is wanted, begun anew, copied, stopped or interrupted. The configuration that is in force
 * now decides; what was accepted before goes on. Keeps nothing.
 */
#include <string.h>

#include "irisd/core/talk.h"

#define DENY  "deny "
#define ARROW " -> "

/*
 * * is any characters and ? is one; names are ASCII. A * is tried from its shortest on, and only the
 * last one is gone back to.
 */
static bool
like(const char *pattern, size_t len, const char *name)
{
	size_t p = 0, star = len, from = 0, n = 0;

	while (name[n] != '\0') {
		if (p < len && pattern[p] == '*') {
			star = p++;
			from = n;
		} else if (p < len && (pattern[p] == '?' || pattern[p] == name[n])) {
			p++;
			n++;
		} else if (star < len) {
			p = star + 1;
			n = ++from;
		} else {
			return false;
		}
	}
	while (p < len && pattern[p] == '*')
		p++;
	return p == len;
}

/* Whether the entry is about these two; *deny is what it says. Its form was checked. */
static bool
means(const char *entry, const char *from, const char *to, bool *deny)
{
	const char *arrow;

	*deny = strncmp(entry, DENY, strlen(DENY)) == 0;
	if (*deny)
		entry += strlen(DENY);
	arrow = strstr(entry, ARROW);
	return arrow != NULL && like(entry, (size_t)(arrow - entry), from) &&
	    like(arrow + strlen(ARROW), strlen(arrow + strlen(ARROW)), to);
}

int
talk_check(const struct irisd *d, const char *from, const char *to, struct err *err)
{
	const struct config_list *talk = &d->conf->config->permissions.talk;
	bool deny;
	size_t i;

	if (talk->n == 0)
		return 0;
	for (i = 0; i < talk->n; i++) {
		if (!means(talk->v[i], from, to, &deny))
			continue;
		if (!deny)
			return 0;
		return err_set(err, ERR_REFUSED,
		    "%s may not message, wake or interrupt team %s (permissions.talk: \"%s\"); only "
		    "the user can change that, in Iris's configuration",
		    from, to, talk->v[i]);
	}
	return err_set(err, ERR_REFUSED,
	    "no entry of permissions.talk allows %s -> %s; only the user can change that, in Iris's "
	    "configuration",
	    from, to);
}
