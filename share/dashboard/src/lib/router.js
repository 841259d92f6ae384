/* SPDX-License-Identifier: MIT
 *
 * The route is what stands behind "#": "#/conversations/frontend/backend?m=ID". Names in it are
 * percent-encoded, so that a team may have any name.
 */
import { signal } from "@preact/signals";

function parse() {
	const [path, search = ""] = location.hash.replace(/^#/, "").split("?");
	const parts = path.split("/").filter(Boolean).map((p) => {
		try {
			return decodeURIComponent(p);
		} catch {
			return p;
		}
	});

	return { page: parts[0] ?? "", rest: parts.slice(1), query: new URLSearchParams(search) };
}

/** @type {import("@preact/signals").Signal<{page: string, rest: string[], query: URLSearchParams}>} */
export const route = signal(parse());

addEventListener("hashchange", () => {
	route.value = parse();
});

/** The address of a route, for href: href("conversations", from, to), or with {m: id} at the end. */
export function href(...parts) {
	const last = parts.at(-1);
	const params = typeof last === "object" && last !== null ? parts.pop() : {};
	const q = new URLSearchParams(Object.entries(params).filter(([, v]) => v !== undefined && v !== ""));
	const text = q.toString();

	return `#/${parts.map(encodeURIComponent).join("/")}${text && `?${text}`}`;
}

/** Go there; with replace, "back" does not come here again. */
export function navigate(to, { replace = false } = {}) {
	if (replace)
		history.replaceState(null, "", to);
	else
		history.pushState(null, "", to);
	route.value = parse();
}
