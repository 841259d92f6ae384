/* SPDX-License-Identifier: MIT
 *
 * Where the claude program may be: in PATH, and where its installers put it, since who starts irisd
 * (a service, a graphical editor) often has a shorter PATH than the user's shell. Called by
 * iris-worker, which runs it, and by doctor, which must come to the same result.
 */
#ifndef IRIS_COMMON_CLAUDE_PATH_H
#define IRIS_COMMON_CLAUDE_PATH_H

#include <stddef.h>

/* For messages: the directories that are searched after PATH. */
#define CLAUDE_PATH_DIRS "~/.local/bin, ~/.claude/local, /usr/local/bin, /opt/homebrew/bin"

/*
 * Search for a name without a slash. home may be NULL. As spawn_search: 0 with the path; -1 with
 * errno ENOENT, or EACCES when there is one that can not be executed (out then names the first).
 */
int claude_path_search(
    const char *name, const char *path, const char *home, char *out, size_t size);

#endif
