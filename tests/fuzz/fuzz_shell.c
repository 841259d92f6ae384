/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target for irisd/core/shell: whatever the command is, what is read of it keeps what
 * shell.h promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/xmalloc.h"
#include "irisd/core/shell.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_word(const struct shell_word *w)
{
	size_t i;

	if (strlen(w->text) != w->len || strlen(w->marks) != w->len)
		abort();
	for (i = 0; i < w->len; i++) {
		if (strchr("pq~$\".", w->marks[i]) == NULL)
			abort();
		if (w->known && w->marks[i] != SHELL_PLAIN && w->marks[i] != SHELL_QUOTED)
			abort();
	}
}

static void
check_command(const struct shell *sh, size_t at)
{
	const struct shell_command *c = &sh->v[at];
	size_t i;

	if (c->n_words + c->n_assigns + c->n_redirects == 0)
		abort();
	for (i = 0; i < c->n_words; i++)
		check_word(&c->words[i]);
	for (i = 0; i < c->n_assigns; i++)
		check_word(&c->assigns[i]);
	for (i = 0; i < c->n_redirects; i++)
		check_word(&c->redirects[i].target);
	if (c->pipe_from > c->pipe_to || c->pipe_to > at || c->inner > at ||
	    c->shell >= sh->n_parents || sh->parents[c->shell] > c->shell)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size);
	struct shell *sh = shell_read(text);
	size_t i;

	if (sh->n > SHELL_COMMANDS_MAX + 1000 || sh->n_parents > SHELL_COMMANDS_MAX)
		abort();
	for (i = 0; i < sh->n; i++)
		check_command(sh, i);
	shell_free(sh);
	free(text);
	return 0;
}
