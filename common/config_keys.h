/* SPDX-License-Identifier: MIT
 *
 * Every key of config.yaml: one row each. From here come the parser, the defaults, the checks, what
 * `iris doctor` prints, and the test that compares iris-config(5) with the code. No include guard:
 * included with CONFIG_KEY set.
 *
 * CONFIG_KEY(section, "key", field of the section's struct in config.h, type, default, min, max,
 * "meaning")
 *
 * Types are those of enum config_type (config_table.h). min and max bound an integer's value, a
 * string's length in bytes, and the number of entries of a list. The default is written as in the
 * file; NULL: none (0, false, NULL, empty); "@": the value of the key with the same name in
 * settings.
 */
/* clang-format off */

#define MS_MAX 2147483647 /* nearly 25 days in milliseconds */

CONFIG_KEY(settings, "sessionInitTimeout", session_init_timeout, INT, "30000", 1, MS_MAX,
    "ms for claude to be ready when a session is new")
CONFIG_KEY(settings, "spawnTimeout", spawn_timeout, INT, "20000", 1, MS_MAX,
    "ms for claude to be ready when a session is resumed")
CONFIG_KEY(settings, "responseTimeout", response_timeout, INT, "120000", 1, MS_MAX,
    "ms that a running turn may be silent")
CONFIG_KEY(settings, "idleTimeout", idle_timeout, INT, "3600000", 1, MS_MAX,
    "ms after which an idle process is stopped")
CONFIG_KEY(settings, "maxProcesses", max_processes, INT, "10", 1, 1000,
    "claude processes at the same time")
CONFIG_KEY(settings, "maxStarts", max_starts, INT, "4", 1, 1000,
    "claude processes that start at the same time")
CONFIG_KEY(settings, "healthCheckInterval", health_check_interval, INT, "30000", 1, MS_MAX,
    "ms between looks at the processes")
CONFIG_KEY(settings, "httpPort", http_port, INT, "1615", 0, 65535,
    "port of MCP over HTTP; 0 = off")
CONFIG_KEY(settings, "defaultTransport", default_transport, TRANSPORT, "stdio", 0, 0,
    "how MCP clients connect when not told otherwise")
CONFIG_KEY(settings, "wonderLoggerConfig", wonder_logger_config, STR, "./wonder-logger.yaml",
    1, 4096, "accepted from Iris MCP files, without effect")
CONFIG_KEY(settings, "hotReloadConfig", hot_reload_config, BOOL, "false", 0, 0,
    "reload this file when it changes")
CONFIG_KEY(settings, "sessionMcpEnabled", session_mcp_enabled, BOOL, "false", 0, 0,
    "write an MCP configuration file for each session, with a key of its own")
CONFIG_KEY(settings, "sessionMcpPath", session_mcp_path, SUBDIR, ".claude/iris/mcp", 1, 1024,
    "directory of those files, inside the team's path")
CONFIG_KEY(settings, "permissionTimeout", permission_timeout, INT, "300000", 1, MS_MAX,
    "ms that a permission request waits for a person")
CONFIG_KEY(settings, "defaultTimeout", default_timeout, INT, "0", 0, MS_MAX,
    "ms that a sender waits when it gives no timeout; 0 = without limit")
CONFIG_KEY(settings, "maxQueue", max_queue, INT, "1000", 1, 1000000,
    "messages that may wait for one session")
CONFIG_KEY(settings, "maxQueueTotal", max_queue_total, INT, "10000", 1, 10000000,
    "messages that may wait for all sessions together")
CONFIG_KEY(settings, "messageTtl", message_ttl, INT, "0", 0, MS_MAX,
    "ms after which a message that still waits expires, when its sender gives no ttl; 0 = never")
CONFIG_KEY(settings, "cancelOnDisconnect", cancel_on_disconnect, BOOL, "false", 0, 0,
    "cancel a message when the last who waits for it is gone")
CONFIG_KEY(settings, "logLevel", log_level, LOG_LEVEL, "info", 0, 0, "least severe lines to log")
CONFIG_KEY(settings, "claudePath", claude_path, PROGRAM, "claude", 1, 4096,
    "the claude program: a name to find in PATH, or a path")
CONFIG_KEY(settings, "stopTimeout", stop_timeout, INT, "8000", 1, 600000,
    "ms that an orderly stop of claude may take before it is killed")
CONFIG_KEY(settings, "restartDelay", restart_delay, INT, "1000", 1, 3600000,
    "ms from a crash of a team's worker or claude to its next start; doubles with each crash")
CONFIG_KEY(settings, "restartBudget", restart_budget, INT, "5", 0, 1000,
    "crashes of a team in restartWindow, without an answer between them, after which it stays down")
CONFIG_KEY(settings, "restartWindow", restart_window, INT, "600000", 1, MS_MAX,
    "ms in which those crashes are counted")
CONFIG_KEY(settings, "orphanTimeout", orphan_timeout, INT, "600000", 1, MS_MAX,
    "ms that a worker waits for a new irisd when its own has died")

CONFIG_KEY(dashboard, "enabled", enabled, BOOL, "true", 0, 0, "serve the dashboard")
CONFIG_KEY(dashboard, "host", host, HOST, "localhost", 1, 255,
    "address to listen at for https; http stays on 127.0.0.1")
CONFIG_KEY(dashboard, "http", http, INT, "3100", 0, 65535, "port for http; 0 = off")
CONFIG_KEY(dashboard, "https", https, INT, "0", 0, 65535, "port for https; 0 = off")
CONFIG_KEY(dashboard, "selfsigned", selfsigned, BOOL, "false", 0, 0,
    "https with a certificate that is made for it")
CONFIG_KEY(dashboard, "certPath", cert_path, PATH, NULL, 1, 4096, "certificate for https, PEM")
CONFIG_KEY(dashboard, "keyPath", key_path, PATH, NULL, 1, 4096, "its private key, PEM")
CONFIG_KEY(dashboard, "names", names, LIST, NULL, 0, 100,
    "further names by which https may be asked for")
CONFIG_KEY(dashboard, "rateLimit", rate_limit, INT, "100", 0, 100000,
    "requests a second that one key may make; 0 = any number")
CONFIG_KEY(dashboard, "spawnScriptPath", spawn_script_path, PATH, NULL, 1, 4096,
    "script that opens a terminal; scripts/spawn.sh beside this file when it exists")

CONFIG_KEY(database, "path", path, DBPATH, "iris.db", 1, 4096,
    "database file, relative to IRIS_HOME")
CONFIG_KEY(database, "inMemory", in_memory, BOOL, "false", 0, 0, "keep nothing on disk; for tests")

CONFIG_KEY(permissions, "allow", rules.allow, RULES, NULL, 0, 1000,
    "uses of tools that are allowed without asking anybody")
CONFIG_KEY(permissions, "deny", rules.deny, RULES, NULL, 0, 1000,
    "uses of tools that are refused, whatever else is said")
CONFIG_KEY(permissions, "ask", rules.ask, RULES, NULL, 0, 1000,
    "uses of tools that a person decides, whatever else is allowed")
CONFIG_KEY(permissions, "talk", talk, TALK, NULL, 0, 1000,
    "who may message, wake and interrupt whom; everybody when left out")
CONFIG_KEY(permissions, "notify", notify, LIST, NULL, 0, 100,
    "program that is told of each request, and its arguments")

CONFIG_KEY(guard, "deleteOutside", delete_outside, ACTION, "ask", 0, 0,
    "recursive deletes outside of the project, or of all of it")
CONFIG_KEY(guard, "forcePush", force_push, ACTION, "ask", 0, 0,
    "git push that overwrites or deletes what others have")
CONFIG_KEY(guard, "rewriteHistory", rewrite_history, ACTION, "ask", 0, 0,
    "git commands that lose commits or uncommitted work")
CONFIG_KEY(guard, "sql", sql, ACTION, "ask", 0, 0,
    "DROP, TRUNCATE, and DELETE or UPDATE without WHERE")
CONFIG_KEY(guard, "disk", disk, ACTION, "deny", 0, 0,
    "tools that write to disks and make file systems, and those that end the machine")
CONFIG_KEY(guard, "modes", modes, ACTION, "ask", 0, 0,
    "recursive changes of modes and owners outside of the project, and set-user-id")
CONFIG_KEY(guard, "secrets", secrets, ACTION, "ask", 0, 0,
    "secrets that are read, and files that are sent")
CONFIG_KEY(guard, "iris", iris, ACTION, "deny", 0, 0,
    "commands and edits that would change what Iris allows")
CONFIG_KEY(guard, "commands", commands, COMMANDS, NULL, 0, 1000,
    "further commands: an action and the words that they begin with")

CONFIG_KEY(webhooks, "allow", allow, LIST, NULL, 0, 1000,
    "hosts other than this machine that webhooks may go to, as names or *.DOMAIN")
CONFIG_KEY(webhooks, "loopback", loopback, BOOL, "true", 0, 0,
    "webhooks may go to any port of this machine, also where allow does not have it")

CONFIG_KEY(teamPermissions, "allow", allow, RULES, NULL, 0, 1000, "as in permissions, for this team")
CONFIG_KEY(teamPermissions, "deny", deny, RULES, NULL, 0, 1000, "as in permissions, for this team")
CONFIG_KEY(teamPermissions, "ask", ask, RULES, NULL, 0, 1000, "as in permissions, for this team")

CONFIG_KEY(teams, "path", path_given, TEAM_DIR, NULL, 1, 4096,
    "the project's directory; must be given")
CONFIG_KEY(teams, "description", description, TEXT, NULL, 0, 4096,
    "what the team knows, for those who ask it; \"Team NAME\" when left out")
CONFIG_KEY(teams, "color", color, COLOR, NULL, 1, 7, "colour in the dashboard, \"#RRGGBB\"")
CONFIG_KEY(teams, "remote", remote, STR, NULL, 1, 1024,
    "the team is on another host: \"ssh [args] host\"")
CONFIG_KEY(teams, "ssh2", ssh2, BOOL, "false", 0, 0, "use Iris's own ssh client, iris-ssh")
CONFIG_KEY(teams, "claudePath", claude_path, TEAM_PROGRAM, "@", 1, 4096,
    "the claude program of this team")
CONFIG_KEY(teams, "model", model, STR, NULL, 1, 200, "model, as claude --model takes it")
CONFIG_KEY(teams, "permissionMode", permission_mode, MODE, "default", 0, 0,
    "as claude --permission-mode takes it")
CONFIG_KEY(teams, "grantPermission", grant_permission, GRANT, "ask", 0, 0,
    "who answers permission requests: yes and no always, a person, or the team that asked")
CONFIG_KEY(teams, "allowedTools", allowed_tools, TOOLS, NULL, 0, 1000,
    "tools that need no permission, as claude --allowed-tools takes them")
CONFIG_KEY(teams, "disallowedTools", disallowed_tools, TOOLS, NULL, 0, 1000,
    "tools that are refused, as claude --disallowed-tools takes them")
CONFIG_KEY(teams, "appendSystemPrompt", append_system_prompt, TEXT, NULL, 0, 65536,
    "text added to claude's system prompt")
CONFIG_KEY(teams, "addDirs", add_dirs, TEAM_PATHS, NULL, 0, 100,
    "further directories that claude may use")
CONFIG_KEY(teams, "env", env, ENV, NULL, 0, 1000, "variables set in claude's environment")
CONFIG_KEY(teams, "mcpConfig", mcp_config, TEAM_PATH, NULL, 1, 4096,
    "file with further MCP servers for claude")
CONFIG_KEY(teams, "mcpConfigScript", mcp_config_script, PATH, NULL, 1, 4096,
    "program that writes the session's MCP configuration file instead")
CONFIG_KEY(teams, "sessionMcpEnabled", session_mcp_enabled, BOOL, "@", 0, 0, "as in settings")
CONFIG_KEY(teams, "sessionMcpPath", session_mcp_path, SUBDIR, "@", 1, 1024, "as in settings")
CONFIG_KEY(teams, "enableReverseMcp", enable_reverse_mcp, BOOL, "false", 0, 0,
    "have a tunnel from a remote team's host, for a person's own Claude there")
CONFIG_KEY(teams, "reverseMcpPort", reverse_mcp_port, INT, "1615", 1, 65535,
    "port at which a tunnel with allowHttp ends over there")
CONFIG_KEY(teams, "allowHttp", allow_http, BOOL, "false", 0, 0,
    "the tunnel ends at a port, and leads to settings.httpPort")
CONFIG_KEY(teams, "sessionInitTimeout", session_init_timeout, INT, "@", 1, MS_MAX, "as in settings")
CONFIG_KEY(teams, "spawnTimeout", spawn_timeout, INT, "@", 1, MS_MAX, "as in settings")
CONFIG_KEY(teams, "responseTimeout", response_timeout, INT, "@", 1, MS_MAX, "as in settings")
CONFIG_KEY(teams, "idleTimeout", idle_timeout, INT, "@", 1, MS_MAX, "as in settings")

CONFIG_KEY(remoteOptions, "identity", identity, PATH, NULL, 1, 4096,
    "private key file, on this machine")
CONFIG_KEY(remoteOptions, "passphrase", passphrase, TEXT, NULL, 0, 1024,
    "passphrase of that key; better in .env, as ${NAME}")
CONFIG_KEY(remoteOptions, "port", port, INT, NULL, 1, 65535, "port of the remote sshd")
CONFIG_KEY(remoteOptions, "strictHostKeyChecking", strict_host_key_checking, BOOL, "true", 0, 0,
    "refuse hosts whose key is not known; false records it, and refuses other keys from then on")
CONFIG_KEY(remoteOptions, "connectTimeout", connect_timeout, INT, "10000", 1, MS_MAX,
    "ms for the connection to be made")
CONFIG_KEY(remoteOptions, "reconnectTimeout", reconnect_timeout, INT, "600000", 1, MS_MAX,
    "ms for which a lost line is tried again before what was under way counts as failed")
CONFIG_KEY(remoteOptions, "lingerTimeout", linger_timeout, INT, "600000", 0, MS_MAX,
    "ms for which a turn may go on over there when its line is cut")
CONFIG_KEY(remoteOptions, "serverAliveInterval", server_alive_interval, INT, "30", 1, 86400,
    "seconds between signs of life")
CONFIG_KEY(remoteOptions, "serverAliveCountMax", server_alive_count_max, INT, "3", 1, 1000,
    "missed signs of life after which the connection counts as dead")
CONFIG_KEY(remoteOptions, "compression", compression, BOOL, "false", 0, 0,
    "compress the connection")
CONFIG_KEY(remoteOptions, "forwardAgent", forward_agent, BOOL, "false", 0, 0,
    "forward the ssh agent")
CONFIG_KEY(remoteOptions, "extraSshArgs", extra_ssh_args, LIST, NULL, 0, 100,
    "further arguments for ssh")

#undef MS_MAX
