/* SPDX-License-Identifier: MIT
 *
 * The configuration: config.yaml, read, expanded, checked and turned into plain C structs with
 * every default filled in. Owns what it returns; called by irisd at start and on reload, and by
 * iris (team, doctor). A struct config never changes after config_load: a reload loads a second
 * one and swaps the pointer.
 *
 * The keys, their types, defaults and limits are the table in config_keys.h; iris-config(5)
 * describes them.
 */
#ifndef IRIS_COMMON_CONFIG_H
#define IRIS_COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* The values of the enumerated keys. Each has a NULL-terminated array of names, in this order. */
enum config_transport { CONFIG_TRANSPORT_STDIO, CONFIG_TRANSPORT_HTTP };
enum config_log_level { CONFIG_LOG_DEBUG, CONFIG_LOG_INFO, CONFIG_LOG_WARN, CONFIG_LOG_ERROR };
enum config_grant { CONFIG_GRANT_YES, CONFIG_GRANT_NO, CONFIG_GRANT_ASK, CONFIG_GRANT_FORWARD };
enum config_action { CONFIG_ACTION_OFF, CONFIG_ACTION_LOG, CONFIG_ACTION_ASK, CONFIG_ACTION_DENY };
enum config_permission_mode {
	CONFIG_MODE_DEFAULT,
	CONFIG_MODE_ACCEPT_EDITS,
	CONFIG_MODE_PLAN,
	CONFIG_MODE_DONT_ASK,
	CONFIG_MODE_AUTO,
	CONFIG_MODE_BYPASS_PERMISSIONS,
};

extern const char *const config_transport_names[];
extern const char *const config_log_level_names[];
extern const char *const config_grant_names[];
extern const char *const config_action_names[];
extern const char
    *const config_permission_mode_names[]; /* as claude --permission-mode takes them */

struct config_list {
	char **v;
	size_t n;
};

struct config_env {
	char *name;
	char *value;
};

struct config_env_list {
	struct config_env *v;
	size_t n;
};

/* Strings are never NULL and times are milliseconds, unless the comment says so. */
struct config_settings {
	int64_t session_init_timeout; /* claude start to initialize answered, new session */
	int64_t spawn_timeout;        /* the same, for a session that is resumed */
	int64_t response_timeout; /* silence of a running turn, reset by every line from claude */
	int64_t idle_timeout;     /* an idle process is stopped after this */
	int64_t max_processes;
	int64_t max_starts; /* of them, those that are not ready yet */
	int64_t health_check_interval;
	int64_t http_port;
	int default_transport;      /* enum config_transport */
	char *wonder_logger_config; /* as written; Iris does not use it */
	bool hot_reload_config;
	bool session_mcp_enabled;
	char *session_mcp_path; /* relative to a team's path */
	int64_t permission_timeout;
	int64_t default_timeout; /* a sender that gives none waits so long; 0 = without limit */
	int64_t max_queue;       /* messages that may wait per session */
	int64_t max_queue_total; /* and for all sessions together */
	int64_t message_ttl;     /* ms; 0: none */
	bool cancel_on_disconnect;
	int64_t restart_delay, restart_window; /* ms */
	int64_t restart_budget;                /* crashes */
	int64_t orphan_timeout;                /* ms */
	int log_level;                         /* enum config_log_level */
	char *claude_path;                     /* a name for PATH, or an absolute path */
	int64_t stop_timeout; /* an orderly stop of claude may take so long before KILL */
};

struct config_dashboard {
	bool enabled;
	char *host;
	int64_t http;       /* port, 0 = off */
	int64_t https;      /* port, 0 = off */
	int64_t rate_limit; /* requests a second of one key, 0 = any number */
	bool selfsigned;
	char *cert_path; /* absolute, or NULL */
	char *key_path;  /* absolute, or NULL */
	struct config_list names;
	char
	    *spawn_script_path; /* absolute, or NULL; unwritten: scripts/spawn.sh beside the file */
};

struct config_database {
	char *path; /* absolute, or relative to IRIS_HOME */
	bool in_memory;
};

struct config_webhooks {
	struct config_list allow; /* hosts, "hooks.example.org" or "*.example.org" (url.h) */
	bool loopback;            /* this machine, by whatever port, need not be among them */
};

/* For ssh teams. Paths are local ones, absolute. */
struct config_remote {
	char *identity;   /* or NULL */
	char *passphrase; /* or NULL; a secret: never log it */
	int64_t port;     /* 0 = ssh's own choice */
	bool strict_host_key_checking;
	int64_t connect_timeout;       /* ms */
	int64_t reconnect_timeout;     /* ms */
	int64_t linger_timeout;        /* ms */
	int64_t server_alive_interval; /* seconds */
	int64_t server_alive_count_max;
	bool compression;
	bool forward_agent;
	struct config_list extra_ssh_args;
};

/* Rules as Claude Code writes them: "Tool", "Tool(what)"; core/rule.h. */
struct config_rules {
	struct config_list allow, deny, ask;
};

/* What the guard does about each kind of command; core/guard.h. All are enum config_action. */
struct config_guard {
	int delete_outside, force_push, rewrite_history, sql, disk, modes, secrets, iris;
	struct config_list commands; /* "ACTION WORD ...": the user's own */
};

struct config_permissions {
	struct config_rules rules;
	struct config_list talk;   /* "[deny] FROM -> TO", the first that matches decides */
	struct config_list notify; /* program and arguments; empty: none */
	struct config_guard guard;
};

/*
 * Timeouts, claude_path and session_mcp_* hold the value that applies: the team's own, else that of
 * settings.
 */
struct config_team {
	char *name;
	size_t line;      /* in the config file, where the name stands */
	char *path_given; /* as written, after ${} expansion */
	char *path; /* local: absolute, symlinks resolved if it exists; remote: as path_given */
	bool path_missing; /* local and not a directory when the file was loaded */
	char *description;
	char *color;  /* "#RRGGBB" or NULL */
	char *remote; /* "ssh [args] host", or NULL: a local team */
	struct config_remote remote_options;
	bool ssh2;         /* Iris MCP: use the built-in ssh client */
	char *claude_path; /* local: as settings.claude_path; remote: as written */
	bool enable_reverse_mcp;
	int64_t reverse_mcp_port;
	bool allow_http;
	int grant_permission;      /* enum config_grant */
	int permission_mode;       /* enum config_permission_mode */
	struct config_rules rules; /* besides those for all teams */
	struct config_list allowed_tools;
	struct config_list disallowed_tools;
	char *append_system_prompt;  /* or NULL */
	char *model;                 /* or NULL: claude's own choice */
	struct config_env_list env;  /* set in claude's environment */
	char *mcp_config;            /* absolute for local teams, or NULL */
	char *mcp_config_script;     /* absolute, or NULL */
	struct config_list add_dirs; /* absolute for local teams */
	bool session_mcp_enabled;
	char *session_mcp_path;
	int64_t session_init_timeout;
	int64_t spawn_timeout;
	int64_t response_timeout;
	int64_t idle_timeout;
};

struct config {
	char *path; /* as given to config_load */
	char *dir;  /* the directory of path, absolute: relative paths in the file start there */
	struct config_settings settings;
	struct config_dashboard dashboard;
	struct config_database database;
	struct config_permissions permissions;
	struct config_webhooks webhooks;
	struct config_team *teams; /* in the order of the file */
	size_t nteams;
	struct config_list
	    warnings; /* "PATH:LINE:COL: unknown key ..."; to be logged, never fatal */
};

/*
 * Read, expand and check the file. NULL with err filled when anything in it is wrong: ERR_CONFIG
 * and "PATH:LINE:COL: what is wrong, what was expected"; ERR_NOT_FOUND when there is no such file.
 * Nothing is taken over from a file with an error.
 */
struct config *config_load(const char *path, struct err *e);

/* What an empty file at path would give: all defaults, no teams. For a start without a file. */
struct config *config_default(const char *path);

void config_free(struct config *c);

/* NULL when there is no such team. Names are case-sensitive. */
const struct config_team *config_find_team(const struct config *c, const char *name);

/* The local team whose path is dir or the nearest one above it, or NULL; dir is a realpath. */
const struct config_team *config_team_of_dir(const struct config *c, const char *dir);

/*
 * 0, or -1 with ERR_INVALID and the rule: 1..100 of A-Z a-z 0-9 _ . - and no '-' or '.' in front.
 */
int config_check_team_name(const char *name, struct err *e);

#endif
