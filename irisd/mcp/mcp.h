/* SPDX-License-Identifier: MIT
 *
 * The MCP server: one implementation for stdio (lines that a shim relays), in-band sessions (lines
 * in a worker's events) and, by the same calls, any other carrier. Serves both eras, chosen for
 * each message: 2026-07-28, which is stateless, and the revisions with an initialize handshake,
 * 2024-11-05 to 2025-11-25.
 *
 * A carrier embeds a struct mcp, feeds it lines and gives it a way to send some.
 */
#ifndef IRIS_MCP_MCP_H
#define IRIS_MCP_MCP_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/rpc.h"
#include "irisd/core/team.h"
#include "irisd/irisd.h"

#ifdef IRIS_MCP_FIXTURES
#define MCP_SERVER_NAME "iris-fixtures"
#else
#define MCP_SERVER_NAME "iris"
#endif
#define MCP_MODERN             "2026-07-28"
#define MCP_PRINCIPAL_MAX      64
#define MCP_MISSING_CAPABILITY (-32021) /* 2026-07-28, basic, error codes */

/* Of a session, as describe_health has it: members of an output schema's properties. */
#define MCP_HEALTH_SCHEMA                                                                          \
	"\"health\":{\"type\":\"string\",\"enum\":[\"alive\",\"unknown\",\"stopped\",\"dead\"]},"  \
	"\"healthReason\":{\"type\":\"string\"}"

struct agent;
struct elicits;
struct mcp;
struct gather;
struct mcp_call;
struct mcp_listen;
struct mcp_followed;

struct mcp_carrier {
	/* Send one line; text is malloc'ed and taken. */
	void (*send)(struct mcp *, char *text);
	/* Who speaks: the name of a team or a guest. */
	void (*who)(struct mcp *, char *name, size_t size);
	/* Lines may be sent that belong to no request. */
	bool unasked;
	/*
	 * Whether a person speaks, who may answer for what agents do: what is wanted is told, who it
	 * is goes to by, and what they may answer for (a team's name, "" for all) to team. -1 with
	 * ERR_REFUSED for an agent. NULL: never a person.
	 */
	int (*person)(
	    struct mcp *, const char *what, char *by, char *team, size_t size, struct err *);
	/*
	 * The client says that it asks as said, which is another than who() has: 0 when it may, -1
	 * with ERR_REFUSED that says what helps. NULL: it never may.
	 */
	int (*speak_as)(struct mcp *, const char *said, struct err *);
};

struct mcp {
	LIST_ENTRY(mcp) all; /* irisd.mcps */
	struct irisd *d;
	const struct mcp_carrier *carrier;
	void *arg; /* the carrier's */
	struct session
	    *session;      /* in whose turns the calls are made; NULL for a person's own client */
	char instance[64]; /* names the client across reconnections; "" when it can not reconnect */
	/* Whose answers these are: this connection's, or over HTTP the key's. */
	char principal[MCP_PRINCIPAL_MAX];
	char *dir;    /* owned: the directory that it speaks for; NULL: for none */
	unsigned can; /* in the handshake era: what the client does when asked, MCP_CAN_* */
	cJSON *env;   /* owned: what the client's program told of its terminal; or NULL */
	TAILQ_HEAD(, mcp_call) calls;
	TAILQ_HEAD(, mcp_prompt) prompts; /* of prompts/get, whose answer takes a while */
	TAILQ_HEAD(, mcp_listen) listens;
	TAILQ_HEAD(, mcp_followed) followed;
	bool tunnel;      /* it is on a team's host, and came by the team's tunnel: core/tunnel.h */
	bool greeted;     /* an initialize came */
	bool initialized; /* it has shaken hands */
};

void mcp_init(struct mcp *m, struct irisd *d, const struct mcp_carrier *carrier, void *arg);
/* The client is gone: its calls are dropped, what they have sent goes on. */
void mcp_release(struct mcp *m);
/*
 * Its connection was lost while calls wait: before mcp_release, cancel what only they wait for.
 */
void mcp_lost(struct mcp *m);
/* Answer what still waits, because irisd stops. */
void mcp_stop(struct mcp *m, const struct err *why);

/* One line from the client. */
void mcp_line(struct mcp *m, const char *line, size_t len);
/*
 * Whether what it is told leaves this machine: it is on a team's host, by a tunnel, or as the Claude
 * that irisd has started there. Such a one sees of this machine what its team needs, and no more.
 */
bool mcp_elsewhere(const struct mcp *m);
/* True for a revision with the handshake that this server speaks. */
bool mcp_speaks_legacy(const char *version);

/* --- a tools/call under way, for the files of tools ------------------------------------------- */

struct mcp_call {
	TAILQ_ENTRY(mcp_call) entry;
	struct mcp *mcp;
	char *id;    /* raw JSON, owned */
	char *first; /* that of the request it came with, which names it in keys; owned */
	char *token; /* raw JSON of the progress token, owned; NULL: the client wants no progress */
	bool modern;
	unsigned can;    /* what its client does when asked (elicit.h), MCP_CAN_* */
	uint64_t digest; /* of the arguments, where the client can be asked */
	const char *tool;
	int64_t started;  /* ms, monotonic */
	int64_t progress; /* last value sent */
	char *said;       /* last progress text, owned */
	struct event *tick;
	struct wait *wait;               /* for a message */
	char message[UUID_LEN + 1];      /* whose */
	struct agent *agent;             /* whose prompt is being made; owned */
	bool watching;                   /* a session_watch with this call as its arg */
	bool observes;                   /* it only fetches: somebody else has sent the message */
	struct gather *gather;           /* it waits for several things; owned */
	struct elicits *elicits;         /* what its client is asked; owned by elicit.c; or NULL */
	cJSON *kept;                     /* what its tool needs for the answer; owned */
	void (*undo)(struct mcp_call *); /* when it goes: forget it wherever it is waited for */
};

/*
 * End the call; structured (taken) becomes structuredContent and, as text, the one content block.
 */
void mcp_call_done(struct mcp_call *c, cJSON *structured);
/* The same for a tool whose result is text: one block, and nothing besides. */
void mcp_call_text(struct mcp_call *c, const char *text);
/*
 * The same for any content: a list of blocks (taken), and the text of structuredContent, or NULL.
 */
void mcp_call_content(struct mcp_call *c, cJSON *content, const char *structured, bool failed);
/*
 * Its client can not do what the call needs, one of MCP_CAN_*: end it with the error that
 * 2026-07-28 has for that (-32021), before that with an error result.
 */
void mcp_call_missing(struct mcp_call *c, unsigned can);
/*
 * End it with an error result; extra (taken, may be NULL) is the object that error, code and tool
 * are put in.
 */
void mcp_call_failed(struct mcp_call *c, const struct err *why, cJSON *extra);

/*
 * Begin to tell progress: at once what describe says, again when it changes, and every MCP_TICK_MS.
 */
#define MCP_TICK_MS 10000
void mcp_call_progress(struct mcp_call *c, const char *text);

/* Milliseconds since the call came. */
int64_t mcp_call_duration(const struct mcp_call *c);

/*
 * The key of what this call sends to whom (NULL: it sends once), malloc'ed: the same when the call is
 * repeated, and no other sender's, since an instance is no secret. NULL for a client that can not
 * reconnect.
 */
char *mcp_call_key(const struct mcp_call *c, const char *from, const char *to);

/* Who calls; -1 with ERR_REFUSED when the argument fromTeam says otherwise. */
int mcp_call_from(struct mcp_call *c, const cJSON *args, char *name, size_t size, struct err *err);

/*
 * The team that the argument names, and who calls; NULL when the call was ended with the reason.
 */
struct team *mcp_call_team(
    struct mcp_call *c, const cJSON *args, const char *argument, char *from, size_t size);
/* The same, for a call that may start a process: refused while irisd is being stopped. */
struct team *mcp_call_team_to_start(
    struct mcp_call *c, const cJSON *args, const char *argument, char *from, size_t size);

/* --- tools ------------------------------------------------------------------------------------ */

enum mcp_param_type {
	MCP_STRING,
	MCP_INTEGER,
	MCP_BOOL,
	MCP_OBJECT,
	MCP_LIST,    /* of strings */
	MCP_STRINGS, /* one string, or a list of them */
};

#define MCP_LIST_MAX 100 /* strings in a list */

struct mcp_param {
	const char *name;
	enum mcp_param_type type;
	bool required;
	int64_t min,
	    max; /* of an integer; of a string's length in bytes, also of those in a list */
	const char *description;
	const char *choices; /* what a string may be, with blanks between; NULL: anything */
};

#define MCP_PARAMS_MAX 10 /* with the empty one at the end */

/* How long the answer may take, over HTTP, where each call that waits has a thread. */
enum mcp_waits {
	MCP_WAITS,      /* as long as a turn or a person takes */
	MCP_AT_ONCE,    /* it is there at once */
	MCP_ENDS_WAITS, /* until something has ended that others may wait for */
};

struct mcp_tool {
	const char *name, *title, *description;
	struct mcp_param params[MCP_PARAMS_MAX];
	const char *output; /* JSON Schema of structuredContent; NULL: text only */
	bool read_only, destructive, idempotent;
	bool person; /* for people only: over HTTP the key needs the scope "approve" */
	enum mcp_waits waits;
	bool large; /* answers may be long: ask Claude Code not to cut them */
	/* Ends the call, now or later, by mcp_call_done or mcp_call_failed. */
	void (*fn)(struct mcp_call *, const cJSON *args);
};

/* One table a file, ended by a tool without a name. */
extern const struct mcp_tool mcp_tools_message[];
extern const struct mcp_tool mcp_tools_team[];
extern const struct mcp_tool mcp_tools_session[];
extern const struct mcp_tool mcp_tools_renew[];
extern const struct mcp_tool mcp_tools_query[];
extern const struct mcp_tool mcp_tools_many[];
extern const struct mcp_tool mcp_tools_log[];
extern const struct mcp_tool mcp_tools_agent[];
extern const struct mcp_tool mcp_tools_misc[];
extern const struct mcp_tool mcp_tools_permission[];
#ifdef IRIS_MCP_FIXTURES
extern const struct mcp_tool mcp_tools_fixtures[]; /* tests/conformance; in no program that ships */
extern const struct mcp_tool mcp_tools_fixtures_elicit[];
#endif

const struct mcp_tool *mcp_tool_find(const char *name);

/* The list of all tools as in a tools/list result; made once, kept. */
const char *mcp_tools_json(void);

/* Check arguments against the table: ERR_INVALID that says which argument and what it should be. */
int mcp_tool_check(const struct mcp_tool *t, const cJSON *args, struct err *err);

/* The text for a client's model about this server. */
extern const char mcp_instructions[];

#endif
