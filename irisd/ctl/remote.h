/* SPDX-License-Identifier: MIT
 *
 * What the `iris remote` commands and doctor share: a look at a team's host by irisd, and what
 * became of it. Texts of a host are escaped by those who print them.
 */
#ifndef IRIS_CTL_REMOTE_H
#define IRIS_CTL_REMOTE_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "irisd/ctl/ctl.h"

/*
 * Ask irisd something about a host, which may take as long as its time limits; with a spinner that
 * says doing. params is taken. interrupted tells of Ctrl-C, which is an error as well.
 */
int ctl_remote_ask(struct ctl *c, bool start, const char *method, cJSON *params, const char *doing,
    bool *interrupted, cJSON **result, struct err *err);

/*
 * Have irisd look at the team's host (iris/remote.check). start: an irisd is started when none
 * runs. -1 with err where it could not be looked at.
 */
int ctl_remote_check(struct ctl *c, bool start, const char *team, const char *doing,
    bool *interrupted, cJSON **result, struct err *err);

/* The step of a result that has failed; NULL when all is well. */
const cJSON *ctl_remote_failed(const cJSON *result);
/* What kind of error a failed step is. */
enum err_code ctl_remote_code(const cJSON *step);

/* The line of a team (the object "line" of a team): "lost 12 s ago, next try in 8 s". Returns buf. */
const char *ctl_line_text(const cJSON *line, char *buf, size_t size);

#endif
