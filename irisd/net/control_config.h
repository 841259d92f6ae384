/* SPDX-License-Identifier: MIT
 *
 * Changes of config.yaml on behalf of a caller: for control_config.c and control_team_edit.c. A
 * change is checked, written and read again as one: irisd has the new configuration afterwards, or
 * the old one, and then so has the file.
 */
#ifndef IRIS_NET_CONTROL_CONFIG_H
#define IRIS_NET_CONTROL_CONFIG_H

#include "common/config_file.h"
#include "irisd/net/control.h"

/* Changing the configuration is for persons, and for keys that allow it. -1 with ERR_REFUSED. */
int control_config_may(struct control *c, struct err *err);

/* The file as it is now; to be released in any case. -1 also when it is no text. */
int control_config_read(struct control *c, struct config_file *f, struct err *err);

/*
 * Write text over the file and have irisd read it; diff gets what irisd_reload has. -1: nothing has
 * changed.
 */
int control_config_use(
    struct irisd *d, const struct config_file *f, const char *text, cJSON *diff, struct err *err);

#endif
