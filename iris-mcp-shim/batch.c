/* SPDX-License-Identifier: MIT
 *
 * Lists of messages on their way, see batch.h. Called by the relay alone.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/rpc.h"
#include "common/xmalloc.h"
#include "iris-mcp-shim/batch.h"

void
batches_init(struct batches *all)
{
	TAILQ_INIT(all);
}

static void
forget(struct batches *all, struct batch *b)
{
	size_t i;

	TAILQ_REMOVE(all, b, entry);
	for (i = 0; i < BATCH_MAX; i++)
		free(b->ids[i]);
	free(b->text);
	free(b);
}

void
batches_release(struct batches *all)
{
	while (!TAILQ_EMPTY(all))
		forget(all, TAILQ_FIRST(all));
}

const char *
batch_first(const char *line, size_t len)
{
	const char *first = line + strspn(line, " \t"), *p;
	size_t n, count = 0;

	if (*first != '[' || json_check(line, len, NULL) == -1)
		return NULL;
	for (p = first + 1; (n = json_raw_element(&p)) > 0; p += n)
		count++;
	return count > 0 && count <= BATCH_MAX ? first + 1 : NULL;
}

struct batch *
batch_new(struct batches *all)
{
	struct batch *b = xcalloc(1, sizeof *b);

	b->open = 1;
	TAILQ_INSERT_TAIL(all, b, entry);
	return b;
}

void
batch_expect(struct batch *b, struct slice id)
{
	size_t i;

	for (i = 0; b->ids[i] != NULL; i++)
		assert(i + 1 < BATCH_MAX);
	b->ids[i] = xstrndup(id.ptr, id.len);
	b->open++;
}

void
batch_add(struct batch *b, const char *line, size_t len)
{
	b->text = xrealloc(b->text, b->len + len + 2);
	b->text[b->len] = b->len == 0 ? '[' : ',';
	memcpy(b->text + b->len + 1, line, len);
	b->len += len + 1;
	b->text[b->len] = '\0';
}

void
batch_answer(struct batch *b, struct slice id, const char *line, size_t len)
{
	char *raw, *error;

	if (b->len + len < RPC_LINE_MAX) {
		batch_add(b, line, len);
		return;
	}
	raw = xstrndup(id.ptr, id.len);
	error = rpc_error_code(raw, RPC_INTERNAL_ERROR,
	    "the answers to this list are too long together; ask for this by itself", NULL);
	batch_add(b, error, strlen(error));
	free(error);
	free(raw);
}

char *
batch_less(struct batches *all, struct batch *b)
{
	char *text;

	if (--b->open > 0)
		return NULL;
	if (b->text != NULL)
		batch_add(b, "", 0);
	text = b->text;
	if (text != NULL)
		text[b->len - 1] = ']';
	b->text = NULL;
	forget(all, b);
	return text;
}

struct batch *
batches_take(struct batches *all, struct slice id)
{
	struct batch *b;
	size_t i;

	TAILQ_FOREACH (b, all, entry)
		for (i = 0; i < BATCH_MAX; i++) {
			if (b->ids[i] == NULL ||
			    !slice_equal(id, (struct slice){b->ids[i], strlen(b->ids[i])}))
				continue;
			free(b->ids[i]);
			b->ids[i] = NULL;
			return b;
		}
	return NULL;
}
