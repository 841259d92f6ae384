/* SPDX-License-Identifier: MIT
 *
 * Walks from a message to the one in whose turn it was sent, up to the first, see chain.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "irisd/core/chain.h"
#include "irisd/core/message.h"

struct chain {
	char *teams[MESSAGE_HOPS_MAX + 2]; /* owned; who was asked, the last one first */
	size_t n;
};

static bool
has(const struct chain *c, const char *team)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (strcmp(c->teams[i], team) == 0)
			return true;
	return false;
}

static int
loop(const struct chain *c, const char *team, struct err *err)
{
	char text[512];
	size_t n, i;

	n = (size_t)snprintf(text, sizeof text, "%.60s", team);
	for (i = c->n; i > 0 && n < sizeof text; i--)
		n += (size_t)snprintf(text + n, sizeof text - n, " -> %.60s", c->teams[i - 1]);
	json_utf8_mend(text);
	return err_set(err, ERR_REFUSED,
	    "team %.60s has asked itself by way of others (%s), so nobody can say for whom it acts",
	    team, text);
}

/* One step up: true when m was the first. */
static int
step(struct chain *c, const struct store_message *m, bool *first, struct err *err)
{
	if (has(c, m->to))
		return loop(c, m->to, err);
	if (c->n == sizeof c->teams / sizeof c->teams[0])
		return err_set(err, ERR_REFUSED,
		    "the chain of questions that led here has more than %zu members", c->n);
	c->teams[c->n++] = xstrdup(m->to);
	*first = m->parent[0] == '\0';
	return 0;
}

int
chain_root(struct irisd *d, const char *message, char *name, size_t size, char root[UUID_LEN + 1],
    struct err *err)
{
	struct chain c = {.n = 0};
	struct store_message m;
	bool first = false;
	int rv = 0;

	compat_strlcpy(root, message, UUID_LEN + 1);
	while (rv == 0 && !first) {
		if (!store_message_load(d->store, root, &m)) {
			rv = err_set(err, ERR_NOT_FOUND,
			    "message %s, which led to this question, is not known", root);
			break;
		}
		rv = step(&c, &m, &first, err);
		if (rv == 0 && first)
			compat_strlcpy(name, m.from, size);
		else if (rv == 0)
			compat_strlcpy(root, m.parent, UUID_LEN + 1);
		store_message_release(&m);
	}
	while (c.n > 0)
		free(c.teams[--c.n]);
	return rv;
}
