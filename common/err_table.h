/* SPDX-License-Identifier: MIT
 *
 * The error codes of Iris: one table for C, the protocol, --json and exit codes. Included several
 * times with another ERR_X each; no include guard.
 *
 * ERR_X(symbol, "name on the wire", JSON-RPC code, exit code, "meaning")
 *
 * JSON-RPC codes of our own lie outside -32768..-32000, which JSON-RPC 2.0 section 5.1 and MCP
 * reserve.
 */
ERR_X(INTERNAL, "internal", -32603, 70, "a fault in Iris itself; please report it")
ERR_X(INVALID, "invalid", -32602, 2, "an argument or a line is not of the expected form")
ERR_X(PROTOCOL, "protocol", -32600, 76, "the other side broke the protocol")
ERR_X(CONFIG, "config", -31001, 78, "the configuration is wrong; the text says where")
ERR_X(NOT_FOUND, "not_found", -31002, 3, "no such team, message or session")
ERR_X(REFUSED, "refused", -31003, 4, "not permitted to this caller")
ERR_X(UNAVAILABLE, "unavailable", -31004, 5, "irisd is not running or is stopping")
ERR_X(LIMIT, "limit", -31005, 6, "a limit is reached: queue, size or descriptors")
ERR_X(TIMEOUT, "timeout", -31006, 7, "it took longer than allowed")
ERR_X(CANCELLED, "cancelled", -31007, 8, "the message was cancelled")
ERR_X(EXPIRED, "expired", -31008, 9, "the message was not delivered in its time to live")
ERR_X(NO_CLAUDE, "no_claude", -31009, 10, "the claude program is missing or can not be executed")
ERR_X(LOGIN, "login", -31010, 11, "Claude Code is not logged in")
ERR_X(DIRECTORY, "directory", -31011, 12, "the team's directory is missing or can not be entered")
ERR_X(CRASHED, "crashed", -31012, 13, "the team's Claude or worker ended before it had answered")
ERR_X(AGENT, "agent", -31013, 14, "the team's Claude answered with an error")
ERR_X(UNAUTHORIZED, "unauthorized", -31015, 15, "the API key is wrong, has expired or was revoked")
ERR_X(LINE, "line", -31016, 16, "the team's host can not be reached, or the line to it was lost")
ERR_X(HOST, "host", -31017, 17, "the team's host refuses the connection, or can not be used")
ERR_X(IO, "io", -31014, 74, "reading, writing or starting something failed in the operating system")
