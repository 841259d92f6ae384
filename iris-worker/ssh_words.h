/* SPDX-License-Identifier: MIT
 *
 * What ssh says when it fails, made into one plain sentence: what happened, on which host, its own
 * last words, what to do. The words are those of OpenSSH's ssh; iris-ssh uses the same.
 */
#ifndef IRIS_WORKER_SSH_WORDS_H
#define IRIS_WORKER_SSH_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define SSH_WORDS_QUOTE 256 /* bytes of ssh's words in a sentence */

struct ssh_verdict {
	enum err_code code; /* ERR_LINE: it may pass by itself. ERR_HOST: a person must mend it */
	char what[640];     /* one phrase, with ssh's words in it */
	char mend[360];     /* what to do, a phrase */
};

/*
 * host: its short name. words: the last lines of ssh's stderr, as they came; may be NULL or "".
 * connected: the line had been up, so that what is on stderr may be the remote program's as well,
 * and the line is lost, whatever it says: ERR_LINE.
 */
void ssh_words_verdict(
    const char *host, bool ssh2, const char *words, bool connected, struct ssh_verdict *v);

/*
 * The same for a line whose ssh has ended with this status (-1: by a signal). 255 is ssh's own: no
 * connection, or none any more. Any other came from over there: where the line had not been up, the
 * host runs something else than it was asked to.
 */
void ssh_words_ended(const char *host, bool ssh2, const char *words, bool connected, int status,
    struct ssh_verdict *v);

/* The first as a sentence. */
void ssh_words_judge(
    const char *host, bool ssh2, const char *words, bool connected, struct err *err);

/* Keep the last lines, of those that may say why something ended: words has size bytes. */
void ssh_words_add(char *words, size_t size, const char *line, size_t len);

/* The last of them, fit for a sentence; "" when there is none. out is returned. */
const char *ssh_words_last(const char *words, char *out, size_t size);

#endif
