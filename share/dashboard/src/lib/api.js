/* SPDX-License-Identifier: MIT
 *
 * The API of irisd as functions. Every request of the dashboard is made here: it carries the CSRF
 * token that belongs to the cookie, and an answer that is no success becomes an ApiError with what
 * the problem details say. A 401 is told to onUnauthorized, whoever asked.
 */
const BASE = "/api/v1";
const CSRF = "iris.csrf";
const AGAIN = 250;

/** What to do about errors whose detail does not say it by itself. */
const ADVICE = {
	offline: "irisd or its web process is not running. Start it with: iris start",
	unauthorized: "Run \"iris dashboard\" again; it opens a new login.",
	refused: "This login may not do that; log in with more: iris dashboard --scope admin",
	limit: "Wait a moment and try again.",
	unavailable: "irisd is starting or stopping; try again in a moment.",
	timeout: "It goes on without this page; look again in a moment.",
};

export class ApiError extends Error {
	/** @param {{status: number, code: string, title?: string, detail?: string}} problem */
	constructor(problem) {
		super(problem.detail || problem.title || `HTTP ${problem.status}`);
		this.name = "ApiError";
		Object.assign(this, problem);
	}

	/** What to do next, or "" when the detail has it. More scope helps only who has too little. */
	get advice() {
		if (this.detail?.includes("\"iris ") || (this.code === "refused" && !this.detail?.includes(" scope ")))
			return "";
		return ADVICE[this.code] ?? "";
	}
}

let unauthorized = () => {};

/** @param {() => void} fn called when a request is answered 401 */
export function onUnauthorized(fn) {
	unauthorized = fn;
}

export const csrf = () => localStorage.getItem(CSRF) ?? "";

/** The members of a query that are there; lists become "a,b". */
export function query(params = {}) {
	const q = new URLSearchParams();

	for (const [name, value] of Object.entries(params))
		if (value !== undefined && value !== null && value !== "")
			q.set(name, Array.isArray(value) ? value.join(",") : String(value));
	const text = q.toString();
	return text === "" ? "" : `?${text}`;
}

/** A path of names: path`/sessions/${from}/${to}`. */
export const path = (strings, ...names) =>
	String.raw({ raw: strings }, ...names.map((n) => encodeURIComponent(n)));

async function problemOf(res) {
	const text = await res.text().catch(() => "");
	let problem = {};

	try {
		problem = JSON.parse(text);
	} catch {
		problem = { detail: text.slice(0, 300) };
	}
	return new ApiError({ code: "internal", title: res.statusText, ...problem, status: res.status });
}

/* A network that changes ends what is under way, also to this machine; what only reads is asked once more. */
async function send(url, init) {
	try {
		return await fetch(url, init);
	} catch (e) {
		if (init.method !== "GET" || e.name === "AbortError")
			throw e;
		await new Promise((resolve) => setTimeout(resolve, AGAIN));
		return fetch(url, init);
	}
}

/**
 * One request. body: an object is sent as JSON, text as it is (give headers["content-type"]).
 * Answers the Response of a success; throws ApiError otherwise.
 */
export async function request(method, url, { body, headers = {}, signal, quiet = false } = {}) {
	const all = { accept: "application/json", ...headers };
	const isText = typeof body === "string";
	let res;

	if (csrf() !== "")
		all["X-Iris-CSRF"] = csrf();
	if (body !== undefined && !isText)
		all["content-type"] ??= "application/json";
	try {
		res = await send(BASE + url, {
			method,
			headers: all,
			body: body === undefined || isText ? body : JSON.stringify(body),
			credentials: "same-origin",
			cache: "no-store",
			redirect: "error",
			signal,
		});
	} catch (e) {
		if (e.name === "AbortError")
			throw e;
		throw new ApiError({ status: 0, code: "offline", title: "irisd can not be reached",
			detail: "No answer from irisd." });
	}
	if (res.ok)
		return res;
	const error = await problemOf(res);
	if (res.status === 401 && !quiet)
		unauthorized(error);
	throw error;
}

async function json(method, url, options) {
	const res = await request(method, url, options);

	return res.status === 204 ? null : res.json();
}

/** @returns {Promise<any>} the object of the answer */
export const get = (url, params, options) => json("GET", url + query(params), options);
export const post = (url, body, options) => json("POST", url, { body: body ?? {}, ...options });
export const patch = (url, body, options) => json("PATCH", url, { body, ...options });
export const put = (url, body, options) => json("PUT", url, { body, ...options });
export const del = (url, body, options) => json("DELETE", url, { body, ...options });

/** All items of a list, page by page, at most max. */
export async function all(url, params = {}, { max = 5000, signal } = {}) {
	const items = [];
	let cursor;

	do {
		const page = await get(url, { limit: 500, ...params, cursor }, { signal });
		items.push(...page.items);
		cursor = page.nextCursor;
	} while (cursor && items.length < max);
	return items;
}

/** Random name of a request that must not be done twice. */
export function idempotencyKey() {
	const bytes = crypto.getRandomValues(new Uint8Array(16));

	return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

/** Redeem the token of a one-time link. */
export async function login(token) {
	const answer = await post("/login", { token }, { quiet: true });

	localStorage.setItem(CSRF, answer.csrf);
	return answer;
}

export async function logout() {
	try {
		await post("/logout");
	} finally {
		localStorage.removeItem(CSRF);
	}
}

export const forgetLogin = () => localStorage.removeItem(CSRF);
