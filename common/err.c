/* SPDX-License-Identifier: MIT
 *
 * The error record and its table. Owns nothing; called from everywhere.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/json.h"

struct err_fact {
	const char *name;
	const char *meaning;
	int rpc;
	int exit_status;
};

static const struct err_fact facts[ERR_COUNT] = {
    [ERR_NONE] = {"none", "no error", 0, 0},
#define ERR_X(sym, n, r, x, t) [ERR_##sym] = {n, t, r, x},
#include "common/err_table.h"
#undef ERR_X
};

int
err_vset(struct err *e, enum err_code code, const char *fmt, va_list ap)
{
	int saved = errno;

	if (e != NULL) {
		e->code = code;
		vsnprintf(e->msg, sizeof e->msg, fmt, ap);
		/* Cut here, or by a precision: either would make the text unfit for JSON. */
		json_utf8_mend(e->msg);
	}
	errno = saved;
	return -1;
}

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, code, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_sys(struct err *e, enum err_code code, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, code, fmt, ap);
	va_end(ap);
	if (e != NULL) {
		size_t len = strlen(e->msg);
		snprintf(e->msg + len, sizeof e->msg - len, ": %s", strerror(saved));
		json_utf8_mend(e->msg);
	}
	errno = saved;
	return -1;
}

int
err_prefix(struct err *e, const char *fmt, ...)
{
	char old[ERR_MSG_MAX];
	va_list ap;
	enum err_code code;
	size_t len;

	if (e == NULL)
		return -1;
	code = e->code;
	memcpy(old, e->msg, sizeof old);
	va_start(ap, fmt);
	err_vset(e, code, fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof e->msg - len, "%s", old);
	json_utf8_mend(e->msg);
	return -1;
}

void
err_clear(struct err *e)
{
	e->code = ERR_NONE;
	e->msg[0] = '\0';
}

const char *
err_name(enum err_code code)
{
	assert(code < ERR_COUNT);
	return facts[code].name;
}

const char *
err_meaning(enum err_code code)
{
	assert(code < ERR_COUNT);
	return facts[code].meaning;
}

int
err_rpc_code(enum err_code code)
{
	assert(code < ERR_COUNT);
	return facts[code].rpc;
}

int
err_exit_status(enum err_code code)
{
	assert(code < ERR_COUNT);
	return facts[code].exit_status;
}

enum err_code
err_code_from_name(const char *name)
{
	int i;

	for (i = 1; i < ERR_COUNT; i++)
		if (strcmp(facts[i].name, name) == 0)
			return (enum err_code)i;
	return ERR_INTERNAL;
}
