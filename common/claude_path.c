/* SPDX-License-Identifier: MIT
 *
 * See claude_path.h. Looks at files and runs nothing.
 */
#include <errno.h>
#include <stdio.h>

#include "common/claude_path.h"
#include "common/compat.h"
#include "common/paths.h"
#include "common/spawn.h"

static const char *const install_dirs[] = {
    "~/.local/bin", "~/.claude/local", "/usr/local/bin", "/opt/homebrew/bin", NULL};

int
claude_path_search(const char *name, const char *path, const char *home, char *out, size_t size)
{
	char denied[PATHS_MAX] = "", dir[PATHS_MAX];
	size_t i;

	if (spawn_search(name, path, out, size) == 0)
		return 0;
	if (errno == EACCES)
		compat_strlcpy(denied, out, sizeof denied);
	for (i = 0; install_dirs[i] != NULL; i++) {
		if (install_dirs[i][0] == '~' && home == NULL)
			continue;
		if (install_dirs[i][0] == '~')
			snprintf(dir, sizeof dir, "%s%s", home, install_dirs[i] + 1);
		else
			compat_strlcpy(dir, install_dirs[i], sizeof dir);
		if (spawn_search(name, dir, out, size) == 0)
			return 0;
		if (errno == EACCES && denied[0] == '\0')
			compat_strlcpy(denied, out, sizeof denied);
	}
	compat_strlcpy(out, denied, size);
	errno = denied[0] != '\0' ? EACCES : ENOENT;
	return -1;
}
