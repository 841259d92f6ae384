/* SPDX-License-Identifier: MIT
 *
 * The raw floor of tests/bench: answers each line of standard input that has an "id" with a canned
 * result of that id, padded to as many bytes as the argument says. Linked statically, parses
 * nothing, knows nothing: what a request costs that only passes through two pipes and one process.
 * Started by bench-client; not an MCP server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 65536

static char in[LINE_MAX_BYTES], out[2 * LINE_MAX_BYTES];

static int
answer(const char *line, size_t size)
{
	const char *id = strstr(line, "\"id\":");
	size_t len, done = 0;
	ssize_t n;

	if (id == NULL)
		return 0;
	id += strlen("\"id\":");
	len = (size_t)snprintf(out, sizeof out,
	    "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":{\"floor\":\"", (int)strcspn(id, ",}"),
	    id);
	while (len + 4 < size)
		out[len++] = 'x';
	memcpy(out + len, "\"}}\n", 4);
	len += 4;
	while (done < len) {
		if ((n = write(STDOUT_FILENO, out + done, len - done)) <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

int
main(int argc, char *argv[])
{
	size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, len = 0;
	char *line, *nl;
	ssize_t n;

	if (size > LINE_MAX_BYTES)
		size = LINE_MAX_BYTES;
	while (len < sizeof in - 1 && (n = read(STDIN_FILENO, in + len, sizeof in - 1 - len)) > 0) {
		len += (size_t)n;
		in[len] = '\0';
		for (line = in; (nl = strchr(line, '\n')) != NULL; line = nl + 1) {
			*nl = '\0';
			if (answer(line, size) == -1)
				return 1;
		}
		len -= (size_t)(line - in);
		memmove(in, line, len);
	}
	return 0;
}
