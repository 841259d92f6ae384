/* SPDX-License-Identifier: MIT
 *
 * The findings of `iris doctor`, in order, and the parts that examine something.
 */
#ifndef IRIS_CTL_CHECKS_H
#define IRIS_CTL_CHECKS_H

#include <stddef.h>

#include "common/config.h"
#include "irisd/ctl/ctl.h"

enum check_status { CHECK_OK, CHECK_WARN, CHECK_FAIL };

struct check {
	char *name; /* "irisd", "team backend": what was looked at */
	enum check_status status;
	char *detail; /* what was found */
	char *fix;    /* what to do; NULL when there is nothing to do */
};

struct checks {
	struct check *v;
	size_t n;
};

/* Formats are those of printf; fix is taken as it is. */
void checks_add(struct checks *l, const char *name, enum check_status status, const char *fix,
    const char *detail, ...) __attribute__((format(printf, 5, 6)));
void checks_free(struct checks *l);

/*
 * check_claude.c: every claude program that the configuration names: there, executable, version,
 * login.
 */
void check_claudes(struct checks *l, const struct config *cfg);
/* check_files.c */
void check_home(struct checks *l, const struct paths *p);
/* The local ones. */
void check_teams(struct checks *l, const struct config *cfg);
void check_notify(struct checks *l, const struct config *cfg);
/* Only when it is missing. */
void check_curl(struct checks *l);
void check_programs(struct checks *l);
void check_registration(struct checks *l);
void check_disk(struct checks *l, const struct paths *p);
/* check_remote.c: the teams on other machines, by the irisd that runs. */
void check_remotes(struct checks *l, struct ctl *c, const struct config *cfg, bool running);

#endif
