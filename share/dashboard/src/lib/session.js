/* SPDX-License-Identifier: MIT
 *
 * Who is logged in, from the one-time link to the logout. start() is called once, by main.jsx.
 */
import { signal } from "@preact/signals";
import { csrf, forgetLogin, get, login, logout, onUnauthorized } from "./api.js";
import { navigate } from "./router.js";
import { connect, disconnect } from "./store.js";

/**
 * phase: "starting", "out" (with why, an Error or null, and ended, whether a login has ended) or "in"
 * (with me: the key's scopes, name, expiresAt, version).
 */
export const session = signal({ phase: "starting" });

/** Whether the login may do what needs this scope. */
export function may(scope) {
	const scopes = session.value.me?.scopes ?? [];

	return scopes.includes("admin") || scopes.includes(scope);
}

function isOut(why, ended = false) {
	disconnect();
	session.value = { phase: "out", why, ended };
}

/* The token is taken out of the address before anything else: it is not to be in the history. */
function takeToken() {
	const token = location.hash.match(/^#login=([^&]+)/)?.[1];

	if (token !== undefined)
		navigate("#/", { replace: true });
	return token && decodeURIComponent(token);
}

async function enter() {
	const me = await get("/me", undefined, { quiet: true });

	session.value = { phase: "in", me };
	connect(me);
}

export async function start() {
	const token = takeToken();

	onUnauthorized((error) => {
		if (session.value.phase !== "in")
			return;
		forgetLogin();
		isOut(error, true);
	});
	/* A link that is opened in a tab that has the page already. */
	addEventListener("hashchange", () => location.hash.startsWith("#login=") && location.reload());
	try {
		if (token !== undefined)
			await login(token);
		else if (csrf() === "")
			return isOut(null);
		await enter();
	} catch (error) {
		isOut(token === undefined && error.status === 401 ? null : error);
	}
}

export async function leave() {
	await logout().catch(() => {});
	isOut(null);
}
