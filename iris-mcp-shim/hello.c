/* SPDX-License-Identifier: MIT
 *
 * The params of iris/hello, see hello.h: who the client is, and where a person could be shown
 * something. Called by the relay alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/call.h"
#include "common/json.h"
#include "common/uuid.h"
#include "iris-mcp-shim/hello.h"

#define TERMINAL_VALUE_MAX 4096 /* bytes of a variable that irisd is told of */

/* Where a window could be opened for the person who sits at this client. */
static cJSON *
terminal_env(void)
{
	static const char *const names[] = {"TMUX", "DISPLAY", "WAYLAND_DISPLAY", "TERM_PROGRAM",
	    "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"};
	cJSON *env = json_new();
	const char *value;
	size_t i;

	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		value = getenv(names[i]);
		if (value != NULL && strlen(value) < TERMINAL_VALUE_MAX &&
		    json_utf8_valid(value, strlen(value)))
			json_put_str(env, names[i], value);
	}
	return env;
}

/*
 * A client that shakes hands again has ids that it had before: to irisd, which knows a call that is
 * repeated by its id, it is another one. irisd counts in the same way on a connection.
 */
cJSON *
hello_params(const char *cwd, const char *instance, unsigned handshakes)
{
	const char *session = getenv("CLAUDE_CODE_SESSION_ID");
	cJSON *params = call_hello_params("shim");
	char name[UUID_LEN + 16];

	if (handshakes > 1)
		snprintf(name, sizeof name, "%s.%u", instance, handshakes - 1);
	else
		snprintf(name, sizeof name, "%s", instance);
	json_put_str(params, "cwd", cwd);
	json_put_str(params, "instance", name);
	json_put(params, "env", terminal_env());
	if (session != NULL && session[0] != '\0' && json_utf8_valid(session, strlen(session)))
		json_put_str(params, "claudeSession", session);
	return params;
}
