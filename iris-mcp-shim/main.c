/* SPDX-License-Identifier: MIT
 *
 * iris-mcp-shim: what an MCP client starts. Reads its surroundings, makes sure that nothing but
 * MCP reaches standard output, and runs the relay.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/log.h"
#include "common/paths.h"
#include "iris-mcp-shim/relay.h"

static int stdout_flags = -1;

/* The description may be shared with others: give it back as it was. */
static void
restore_stdout(void)
{
	if (stdout_flags != -1)
		fcntl(STDOUT_FILENO, F_SETFL, stdout_flags);
}

static void
end_cb(int sig)
{
	(void)sig;
	restore_stdout();
	_exit(0);
}

static void
set_signals(void)
{
	struct sigaction end = {.sa_handler = end_cb}, ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGHUP, &end, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	/* irisd may be a child of this process, and nobody here asks how it ended. */
	sigaction(SIGCHLD, &ignore, NULL);
}

/* The project that the client works in. */
static void
find_cwd(char *buf, size_t size)
{
	const char *env = getenv("CLAUDE_PROJECT_DIR");

	if (env != NULL && env[0] == '/' && compat_strlcpy(buf, env, size) < size &&
	    json_utf8_valid(buf, strlen(buf)))
		return;
	if (getcwd(buf, size) == NULL || buf[0] != '/' || !json_utf8_valid(buf, strlen(buf))) {
		log_warn("the current directory is gone or its name is not UTF-8: using /");
		compat_strlcpy(buf, "/", size);
	}
}

static void
usage(FILE *out)
{
	fputs("usage: iris-mcp-shim [--socket path | --help | --version]\n"
	      "MCP server on standard input and output: a relay to irisd, which it starts.\n"
	      "  --socket path  the end of a tunnel (enableReverseMcp): irisd runs elsewhere\n",
	    out);
}

/* MCP clients give arguments as they stand in their files: no shell has seen the ~. */
static int
set_socket(struct paths *paths, const char *given, struct err *err)
{
	const char *home = paths_user_home();
	char path[PATHS_MAX];
	int n;

	if (strncmp(given, "~/", 2) == 0 && home != NULL)
		n = snprintf(path, sizeof path, "%s%s", home, given + 1);
	else
		n = snprintf(path, sizeof path, "%s", given);
	if (n >= (int)sizeof paths->sock || n >= PATHS_SOCK_MAX)
		return err_set(err, ERR_INVALID,
		    "--socket: the path has %d bytes, a socket's has %d at most", n,
		    PATHS_SOCK_MAX - 1);
	if (path[0] != '/')
		return err_set(err, ERR_INVALID,
		    "--socket needs an absolute path, or one that begins with ~/, as in "
		    "~/.iris/remote.sock");
	compat_strlcpy(paths->sock, path, sizeof paths->sock);
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'},
	    {"socket", required_argument, NULL, 's'}, {"version", no_argument, NULL, 'V'}, {0}};
	static struct paths paths;
	const char *socket = NULL;
	char cwd[PATHS_MAX];
	struct err err;
	int c, fd;

	while ((c = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			puts("iris-mcp-shim " IRIS_VERSION);
			return 0;
		case 's':
			socket = optarg;
			break;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return 2;
	}
	/* No descriptor that is opened later may become standard output. */
	while ((fd = open("/dev/null", O_RDWR)) != -1 && fd <= STDERR_FILENO)
		continue;
	if (fd != -1)
		close(fd);
	log_init("iris-mcp-shim", LOG_INFO);
	json_init();
	set_signals();
	if ((socket == NULL && paths_init(&paths, &err) == -1) ||
	    (socket != NULL && set_socket(&paths, socket, &err) == -1)) {
		log_error("%s", err.msg);
		return err_exit_status(err.code);
	}
	find_cwd(cwd, sizeof cwd);
	if (!isatty(STDOUT_FILENO) && (stdout_flags = fcntl(STDOUT_FILENO, F_GETFL)) != -1)
		compat_set_nonblock(STDOUT_FILENO);
	c = relay_run(&paths, socket != NULL, cwd);
	restore_stdout();
	return c;
}
