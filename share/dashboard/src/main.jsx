/* SPDX-License-Identifier: MIT
 *
 * The dashboard: a page that irisd -x web serves, and that knows nothing but /api/v1 (iris-api(7)).
 *
 * The tour, in reading order:
 *
 *	main.jsx	this file: logs in, starts what is live, draws App
 *	app.jsx		the shell: navigation, state of the connection, keys, the page of the route
 *	lib/api.js	every call of the API goes through here; errors are ApiError
 *	lib/live.js	the streams of events: WebSocket, resumed where they broke
 *	lib/store.js	what is known: signals, filled by snapshots and kept right by events
 *	lib/threads.js	the messages of pairs: pages of them, whole ones, texts as they are written
 *	lib/router.js	the route is the part behind "#"; the server knows one page
 *	ui/		what pages are made of: buttons, dialogs, tables, long lists, diffs
 *	pages/index.js	the table of the pages; a page is one file, loaded when it is first looked at
 *	styles/		plain CSS, all colours are variables in base.css
 *
 * House rules: no request to another host; no inline script or style (the CSP forbids both, the CSSOM
 * is fine); texts of others are only ever text nodes; a list that can be long is a VirtualList; every
 * error says what happened and what to do.
 */
import { render } from "preact";
import "./styles/index.css";
import { App } from "./app.jsx";
import { start } from "./lib/session.js";
import { applyTheme } from "./lib/theme.js";

applyTheme();
const root = document.getElementById("app");
root.textContent = "";
render(<App />, root);
start();
