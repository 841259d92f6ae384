/* SPDX-License-Identifier: MIT
 *
 * PreToolUse hooks of the host: the callbacks that initialize has named are asked, one after the
 * other, before each use of a tool, and the strictest answer counts. As with the real CLI an empty
 * answer, an error and one of another form all leave it to the permission mode, and none in time
 * refuses. A matcher is not looked at: the host's own decides for all tools.
 */
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "common/xmalloc.h"
#include "fake.h"

#define HOOKS_MAX  4
#define TIMEOUT_MS 600000

static const char stopped[] = "The user doesn't want to take this action right now. STOP what you "
			      "are doing and wait for the user to tell you how to proceed.";
static const char late[] = "PreToolUse hook did not respond before its timeout (host client may be "
			   "unreachable). The tool call was not executed.";

static struct {
	char id[64];
	int64_t timeout_ms;
} hooks[HOOKS_MAX];
static size_t nhooks;

void
hook_register(const cJSON *initialize)
{
	const cJSON *entry, *id;

	nhooks = 0;
	cJSON_ArrayForEach (entry, json_arr(json_obj(initialize, "hooks"), "PreToolUse")) {
		cJSON_ArrayForEach (id, json_arr(entry, "hookCallbackIds")) {
			if (!cJSON_IsString(id) || nhooks == HOOKS_MAX)
				continue;
			compat_strlcpy(hooks[nhooks].id, id->valuestring, sizeof hooks[0].id);
			hooks[nhooks++].timeout_ms =
			    json_int_or(entry, "timeout", TIMEOUT_MS / 1000) * 1000;
		}
	}
}

static cJSON *
callback(const char *callback_id, const char *id, const char *tool, const cJSON *input)
{
	cJSON *o = json_new(), *in = json_new();

	json_put_str(in, "session_id", fake.session);
	json_put_str(in, "transcript_path", fake.transcript);
	json_put_str(in, "cwd", fake.cwd);
	json_put_str(in, "permission_mode", fake.opt.permission_mode);
	json_put_str(in, "hook_event_name", "PreToolUse");
	json_put_str(in, "tool_name", tool);
	json_put(in, "tool_input", cJSON_Duplicate(input, true));
	json_put_str(in, "tool_use_id", id);
	json_put_str(o, "subtype", "hook_callback");
	json_put_str(o, "callback_id", callback_id);
	json_put(o, "input", in);
	json_put_str(o, "tool_use_id", id);
	return o;
}

enum hook_decision
hook_decide(const char *id, const char *tool, cJSON **input, char **refusal)
{
	enum hook_decision all = HOOK_NONE;
	const char *why, *decision, *reason;
	const cJSON *specific, *updated;
	cJSON *answer;

	*refusal = NULL;
	for (size_t i = 0; i < nhooks && all != HOOK_DENY; i++) {
		answer = control_ask_within(
		    callback(hooks[i].id, id, tool, *input), hooks[i].timeout_ms, &why);
		specific = json_obj(answer, "hookSpecificOutput");
		decision = json_str(specific, "permissionDecision");
		reason = json_str(specific, "permissionDecisionReason");
		if (why != NULL && strcmp(why, CONTROL_REFUSED) != 0) {
			all = HOOK_DENY;
			*refusal = xstrdup(strcmp(why, CONTROL_LATE) == 0 ? late : stopped);
			control_withdraw();
		} else if (decision != NULL && strcmp(decision, "deny") == 0) {
			all = HOOK_DENY;
			*refusal = xasprintf(
			    "PreToolUse:%s hook error: %s", tool, reason == NULL ? "" : reason);
		} else if (decision != NULL && strcmp(decision, "ask") == 0) {
			all = HOOK_ASK;
			updated = json_obj(specific, "updatedInput");
			if (updated != NULL) {
				cJSON_Delete(*input);
				*input = cJSON_Duplicate(updated, true);
			}
		}
		cJSON_Delete(answer);
	}
	return all;
}
