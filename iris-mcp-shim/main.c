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
	fputs("usage: iris-mcp-shim [--help | --version]\n"
	      "MCP server on standard input and output: a relay to irisd, which it starts.\n",
	    out);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
	static struct paths paths;
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
	if (paths_init(&paths, &err) == -1) {
		log_error("%s", err.msg);
		return err_exit_status(err.code);
	}
	find_cwd(cwd, sizeof cwd);
	if (!isatty(STDOUT_FILENO) && (stdout_flags = fcntl(STDOUT_FILENO, F_GETFL)) != -1)
		compat_set_nonblock(STDOUT_FILENO);
	c = relay_run(&paths, cwd);
	restore_stdout();
	return c;
}
