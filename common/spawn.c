/* SPDX-License-Identifier: MIT
 *
 * posix_spawn with Iris's defaults, see spawn.h.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/paths.h"
#include "common/spawn.h"

extern char **environ;

/*
 * Descriptors may already have the number of another one's target (a parent started without
 * stdin), and a later dup2 would overwrite them: move such ones out of the way first. moved[] are
 * to be closed.
 */
static int
add_fds(posix_spawn_file_actions_t *fa, const int fds[3], int moved[3])
{
	int i, e, fd;

	for (i = 0; i < 3; i++) {
		moved[i] = -1;
		if (fds[i] >= 0 && fds[i] < 3 && fds[i] != i) {
			if ((moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3)) == -1)
				return errno;
		}
	}
	for (i = 0; i < 3; i++) {
		fd = moved[i] != -1 ? moved[i] : fds[i];
		if (fd == -1)
			e = posix_spawn_file_actions_addopen(
			    fa, i, "/dev/null", i == 0 ? O_RDONLY : O_WRONLY, 0);
		else
			e = posix_spawn_file_actions_adddup2(fa, fd, i);
		if (e != 0)
			return e;
	}
	return 0;
}

pid_t
spawn_process(const struct spawn *s, struct err *err)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	int e, i, moved[3] = {-1, -1, -1};
	struct stat st;
	pid_t pid = -1;

	if (s->dir != NULL && (stat(s->dir, &st) == -1 || access(s->dir, X_OK) == -1))
		return err_sys(err, ERR_DIRECTORY, "can not enter %s", s->dir);
	if (s->dir != NULL && !S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return err_sys(err, ERR_DIRECTORY, "can not enter %s", s->dir);
	}
	if ((e = posix_spawn_file_actions_init(&fa)) != 0) {
		errno = e;
		return err_sys(err, ERR_IO, "can not start %s", s->path);
	}
	if ((e = posix_spawnattr_init(&attr)) == 0) {
		if ((e = add_fds(&fa, s->fds, moved)) == 0 &&
		    (e = compat_spawn_prepare(&fa, &attr, s->dir, s->own_session)) == 0)
			e = posix_spawn(
			    &pid, s->path, &fa, &attr, s->argv, s->envp ? s->envp : environ);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&fa);
	for (i = 0; i < 3; i++)
		if (moved[i] != -1)
			close(moved[i]);
	if (e != 0) {
		errno = e;
		return err_sys(err, ERR_IO, "can not start %s", s->path);
	}
	return pid;
}

int
spawn_search(const char *name, const char *path, char *out, size_t size)
{
	char denied[PATHS_MAX] = "";
	const char *p = path;
	struct stat st;

	while (p != NULL && *p != '\0') {
		size_t n = strcspn(p, ":");
		if (n > 0 && snprintf(out, size, "%.*s/%s", (int)n, p, name) < (int)size &&
		    stat(out, &st) == 0 && S_ISREG(st.st_mode)) {
			if (access(out, X_OK) == 0)
				return 0;
			if (denied[0] == '\0')
				compat_strlcpy(denied, out, sizeof denied);
		}
		p += n;
		if (*p == ':')
			p++;
	}
	compat_strlcpy(out, denied, size);
	errno = denied[0] != '\0' ? EACCES : ENOENT;
	return -1;
}
