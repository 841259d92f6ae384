/* SPDX-License-Identifier: MIT
 *
 * The pages. path is the first part of the route, key the letter that goes there after "g", scope what
 * a login must allow to see it. load answers the module of the page, whose default export is the
 * component: it gets rest (the further parts of the route) and query (URLSearchParams).
 */
export const pages = [
	{ path: "", title: "Overview", icon: "overview", key: "o", scope: "read", load: () => import("./overview.jsx") },
	{ path: "conversations", title: "Conversations", short: "Talks", icon: "conversations", key: "c", scope: "read",
		load: () => import("./conversations.jsx") },
	{ path: "processes", title: "Processes", icon: "processes", key: "p", scope: "read", load: () => import("./processes.jsx") },
	{ path: "approvals", title: "Approvals", icon: "approvals", key: "a", scope: "approve", load: () => import("./approvals.jsx") },
	{ path: "logs", title: "Logs", icon: "logs", key: "l", scope: "read", load: () => import("./logs.jsx") },
	{ path: "config", title: "Configuration", short: "Config", icon: "config", key: "s", scope: "admin",
		load: () => import("./config.jsx") },
	{ path: "costs", title: "Costs", icon: "costs", key: "m", scope: "read", load: () => import("./costs.jsx") },
];
