/* SPDX-License-Identifier: MIT
 *
 * Have a person edit a text in the editor of their choice.
 */
#ifndef IRIS_CTL_EDITOR_H
#define IRIS_CTL_EDITOR_H

#include "common/err.h"

/*
 * The text as it is when the editor ($VISUAL, $EDITOR, or vi) has ended, malloc'ed; NULL with err.
 * It lies meanwhile in a file below dir with this name, readable by its owner alone.
 */
char *editor_run(const char *dir, const char *name, const char *text, struct err *err);

#endif
