/* SPDX-License-Identifier: MIT
 *
 * The tools that begin a conversation anew or take it elsewhere: session_reboot, session_delete,
 * session_fork. They touch the caller's own session with a team and no other one's.
 */
#include <stdlib.h>
#include <string.h>

#include "common/compat.h"
#include "common/json.h"
#include "irisd/core/event.h"
#include "irisd/core/fork.h"
#include "irisd/core/pool.h"
#include "irisd/core/renew.h"
#include "irisd/core/terminal.h"
#include "irisd/mcp/gather.h"
#include "irisd/mcp/params.h"

static void
undo_renew(struct mcp_call *c)
{
	renew_unwatch(c->mcp->d, c);
}

/* What reboot and delete tell of the conversation that was. */
static cJSON *
renewed(const struct mcp_call *c, const struct session *s, const struct renew_result *r)
{
	bool reboot = strcmp(c->tool, "session_reboot") == 0;
	cJSON *o = json_new();

	json_put_str(o, "from", s->row.from);
	json_put_str(o, "to", s->team->name);
	json_put_bool(o, reboot ? "hadPreviousSession" : "hadSession", r->had);
	if (r->had)
		json_put_str(o, reboot ? "oldSessionId" : "sessionId", r->old_id);
	json_put_bool(o, "processTerminated", r->stopped);
	json_put_bool(o, "transcriptRemoved", r->removed);
	json_put_str_opt(o, "transcriptProblem", r->why[0] != '\0' ? r->why : NULL);
	json_put_int(o, "queued", s->queued);
	json_put_int(o, "duration", mcp_call_duration(c));
	json_put_int(o, "timestamp", compat_now_ms());
	return o;
}

static void
deleted_cb(struct session *s, const struct renew_result *r, void *arg)
{
	struct mcp_call *c = arg;
	cJSON *o = renewed(c, s, r);

	event_session_deleted(s);
	json_put_str(o, "message",
	    r->had           ? "The conversation is deleted; the next message begins a new one."
		: r->stopped ? "There was no conversation to delete yet; its process is stopped."
			     : "There was no conversation; nothing was deleted.");
	mcp_call_done(c, o);
}

/* The new process is there, or it is not: either way the old conversation is gone. */
static void
rebooted_told(struct gather_item *it, struct session *s, const struct err *why, bool over)
{
	cJSON *o = it->g->kept;

	(void)over;
	json_put_str(o, "newSessionId", s->row.claude_id);
	json_put_str(o, "message",
	    why == NULL ? "A new conversation has begun, and its Claude is awake."
			: "A new conversation has begun; its Claude could not be started.");
	json_put_str_opt(o, "code", why != NULL ? err_name(why->code) : NULL);
	json_put_str_opt(o, "problem", why != NULL ? why->msg : NULL);
}

static void
rebooted_end(struct gather *g)
{
	cJSON *o = g->kept;
	const char *problem = json_str(o, "problem"), *code = json_str(o, "code");
	struct err err;

	g->kept = NULL;
	if (problem == NULL) {
		mcp_call_done(g->call, o);
		return;
	}
	err_set(&err, err_code_from_name(code),
	    "the old conversation is gone, but its successor did not start: %s", problem);
	mcp_call_failed(g->call, &err, o);
}

static void
rebooted_cb(struct session *s, const struct renew_result *r, void *arg)
{
	struct mcp_call *c = arg;
	struct gather *g;

	c->undo = NULL;
	g = gather_new(c, "sessions", rebooted_end);
	g->kept = renewed(c, s, r);
	gather_awake(g, gather_add(g), s, rebooted_told);
	mcp_call_progress(c, "starting the new conversation");
	pool_want(s);
	pool_slot_free(c->mcp->d);
	gather_begun(g);
}

static void
nothing_to_delete(struct mcp_call *c, const struct team *t, const char *from)
{
	static const struct renew_result none;
	cJSON *o = json_new();

	json_put_str(o, "from", from);
	json_put_str(o, "to", t->name);
	json_put_bool(o, "hadSession", none.had);
	json_put_bool(o, "processTerminated", false);
	json_put_bool(o, "transcriptRemoved", false);
	json_put_int(o, "queued", 0);
	json_put_int(o, "duration", mcp_call_duration(c));
	json_put_int(o, "timestamp", compat_now_ms());
	json_put_str(o, "message", "There was no conversation; nothing was deleted.");
	mcp_call_done(c, o);
}

static void
renew(struct mcp_call *c, const cJSON *args, bool reboot)
{
	char from[TEAM_NAME_MAX];
	struct team *t = mcp_call_team_to_start(c, args, "toTeam", from, sizeof from);
	struct session *s;
	struct err err;

	if (t == NULL)
		return;
	if ((s = session_get(t, from, reboot, &err)) == NULL) {
		if (reboot)
			mcp_call_failed(c, &err, NULL);
		else
			nothing_to_delete(c, t, from);
		return;
	}
	c->undo = undo_renew;
	if (c->mcp->session == s) {
		err_set(&err, ERR_REFUSED,
		    "this is the conversation in which you are answering; only who asks may end it");
		mcp_call_failed(c, &err, NULL);
		return;
	}
	mcp_call_progress(c, "ending the conversation");
	if (renew_start(s, json_bool(args, "force", false), reboot ? rebooted_cb : deleted_cb, c,
		&err) == -1)
		mcp_call_failed(c, &err, NULL);
}

static void
fn_reboot(struct mcp_call *c, const cJSON *args)
{
	renew(c, args, true);
}

static void
fn_delete(struct mcp_call *c, const cJSON *args)
{
	renew(c, args, false);
}

/* --- session_fork ----------------------------------------------------------------------------- */

static void
undo_fork(struct mcp_call *c)
{
	terminal_unwatch(c->mcp->d, c);
}

/* The call's own words about it are kept meanwhile in a gather without things. */
static void
forked_cb(const char *how, const char *program, const struct err *why, void *arg)
{
	struct mcp_call *c = arg;
	cJSON *o = c->gather->kept;

	c->gather->kept = NULL;
	if (why != NULL) {
		mcp_call_failed(c, why, o);
		return;
	}
	json_put_bool(o, "success", how != NULL);
	json_put_str(o, "how", how != NULL ? how : "command");
	json_put_str_opt(o, "program", program);
	if (how != NULL && strcmp(how, "script") == 0)
		json_put_str(o, "spawnScriptPath", program);
	json_put_str(o, "message",
	    how == NULL
		? "No terminal could be opened from here. Tell the person to run the command."
		: strcmp(how, "tmux") == 0 ? "Opened in a new window of this tmux session."
					   : "Opened in a terminal window.");
	json_put_int(o, "timestamp", compat_now_ms());
	mcp_call_done(c, o);
}

static void
nothing_more(struct gather *g)
{
	(void)g;
}

static void
only_told(struct mcp_call *c, cJSON *o)
{
	json_put_bool(o, "success", false);
	json_put_str(o, "how", "command");
	json_put_str(o, "message",
	    "This team is reached with iris-ssh, which has no terminal. Tell the person to run the "
	    "command with an ssh client of their own.");
	json_put_int(o, "timestamp", compat_now_ms());
	mcp_call_done(c, o);
}

static void
fork_session(struct mcp_call *c, struct session *s)
{
	const struct config_team *cfg = s->team->cfg;
	struct terminal_wish w = {.title = cfg->name,
	    .env = c->mcp->env,
	    .script = c->mcp->d->conf->config->dashboard.spawn_script_path};
	struct fork_command f;
	cJSON *o = json_new();

	fork_command_make(&f, s);
	w.dir = f.dir;
	w.argv = (const char *const *)f.argv;
	json_put_str(o, "from", s->row.from);
	json_put_str(o, "to", s->team->name);
	json_put_str(o, "sessionId", s->row.claude_id);
	json_put_str(o, "teamPath", cfg->path);
	json_put_bool(o, "remote", cfg->remote != NULL);
	json_put_str(o, "command", f.text);
	if (f.by_hand) {
		only_told(c, o);
	} else {
		c->gather = gather_new(c, "windows", nothing_more);
		c->gather->kept = o;
		c->undo = undo_fork;
		terminal_open(c->mcp->d, &w, forked_cb, c);
	}
	fork_command_release(&f);
}

static void
fn_fork(struct mcp_call *c, const cJSON *args)
{
	char from[TEAM_NAME_MAX];
	struct team *t = mcp_call_team(c, args, "toTeam", from, sizeof from);
	struct session *s;
	struct err err;

	if (t == NULL)
		return;
	if (mcp_elsewhere(c->mcp)) {
		err_set(&err, ERR_REFUSED,
		    "session_fork opens a window on Iris's own machine, which is not this one; a "
		    "person there can run: iris session fork --from %.60s %.60s",
		    from, t->name);
		mcp_call_failed(c, &err, NULL);
		return;
	}
	if ((s = fork_session_of(t, from, &err)) == NULL)
		mcp_call_failed(c, &err, NULL);
	else
		fork_session(c, s);
}

#define P_FORCE                                                                                    \
	{                                                                                          \
		"force", MCP_BOOL, false, 0, 0,                                                    \
		    "interrupt the team when it is at work for you (default false)", NULL          \
	}

#define RENEWED_SCHEMA(more, required)                                                             \
	"{\"type\":\"object\",\"properties\":{\"from\":{\"type\":\"string\"},"                     \
	"\"to\":{\"type\":\"string\"}," more "\"processTerminated\":{\"type\":\"boolean\"},"       \
	"\"transcriptRemoved\":{\"type\":\"boolean\"},"                                            \
	"\"transcriptProblem\":{\"type\":\"string\"},\"queued\":{\"type\":\"integer\"},"           \
	"\"message\":{\"type\":\"string\"},\"duration\":{\"type\":\"integer\"},"                   \
	"\"timestamp\":{\"type\":\"integer\"}},\"required\":[\"from\",\"to\"," required            \
	",\"processTerminated\",\"transcriptRemoved\",\"message\",\"duration\",\"timestamp\"]}"

const struct mcp_tool mcp_tools_renew[] = {
    {.name = "session_reboot",
	.title = "Start a session over",
	.description =
	    "Reboot a session, that is, start over with a team: forget this project's conversation "
	    "with it and begin a new, empty one, awake and ready. What the team remembered of "
	    "earlier questions is lost. Messages that wait are answered in the new conversation. "
	    "Refused while the team is at work, unless force is true.",
	.params = {MCP_TO_TEAM, MCP_FROM_TEAM, P_FORCE},
	.output = RENEWED_SCHEMA("\"hadPreviousSession\":{\"type\":\"boolean\"},"
				 "\"oldSessionId\":{\"type\":\"string\"},"
				 "\"newSessionId\":{\"type\":\"string\"},",
	    "\"hadPreviousSession\",\"newSessionId\""),
	.destructive = true,
	.fn = fn_reboot},
    {.name = "session_delete",
	.title = "Delete a session",
	.description =
	    "Delete this project's conversation with a team: its process ends and its transcript is "
	    "removed. The next message begins a new conversation. Refused while the team is at work, "
	    "unless force is true.",
	.params = {MCP_TO_TEAM, MCP_FROM_TEAM, P_FORCE},
	.output = RENEWED_SCHEMA("\"hadSession\":{\"type\":\"boolean\"},"
				 "\"sessionId\":{\"type\":\"string\"},",
	    "\"hadSession\""),
	.destructive = true,
	.idempotent = true,
	.fn = fn_delete},
    {.name = "session_fork",
	.title = "Open a session in a terminal",
	.description =
	    "Open a copy of this project's conversation with a team in a terminal window, where the "
	    "person can go on with it by hand (claude --resume --fork-session in the team's "
	    "directory). The conversation itself stays as it is. Without a terminal, the command to "
	    "run is returned.",
	.params = {MCP_TO_TEAM, MCP_FROM_TEAM},
	.output =
	    "{\"type\":\"object\",\"properties\":{\"success\":{\"type\":\"boolean\"},"
	    "\"how\":{\"type\":\"string\",\"enum\":[\"script\",\"tmux\",\"terminal\","
	    "\"command\"]},\"program\":{\"type\":\"string\"},"
	    "\"spawnScriptPath\":{\"type\":\"string\"},\"from\":{\"type\":\"string\"},"
	    "\"to\":{\"type\":\"string\"},\"sessionId\":{\"type\":\"string\"},"
	    "\"teamPath\":{\"type\":\"string\"},\"remote\":{\"type\":\"boolean\"},"
	    "\"command\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"},"
	    "\"timestamp\":{\"type\":\"integer\"}},\"required\":[\"success\",\"how\",\"from\","
	    "\"to\",\"sessionId\",\"teamPath\",\"command\",\"message\",\"timestamp\"]}",
	.fn = fn_fork},
    {0},
};
