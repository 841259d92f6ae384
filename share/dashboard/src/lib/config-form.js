/* SPDX-License-Identifier: MIT
 *
 * Between values of the configuration and what a person types: pure. A value may stand in the file as
 * ${NAME} whatever its type is, so what does not read as a number or a word of the type stays a text,
 * and irisd, which checks it, says what is wrong with it.
 */

/** Where each section of the schema is in the file; those that are not here are of teams. */
export const PLACES = { settings: ["settings"], dashboard: ["dashboard"], database: ["database"], permissions: ["permissions"],
	guard: ["permissions", "guard"], webhooks: ["webhooks"] };

/** The same below a team. */
export const TEAM_PLACES = { teams: [], remoteOptions: ["remoteOptions"], teamPermissions: ["permissions"] };

export const at = (tree, place) => place.reduce((o, name) => (o !== null && typeof o === "object" ? o[name] : undefined), tree);

/** A copy of tree with value at place; what is missing on the way is made. */
export function withAt(tree, [name, ...rest], value) {
	const o = { ...tree };

	o[name] = rest.length === 0 ? value : withAt(o[name] ?? {}, rest, value);
	return o;
}

/** What a person sees of a value; null where a form can not show it. */
export function toText(key, value) {
	if (value === undefined || value === null)
		return "";
	if (key.type === "list")
		return typeof value === "string" ? value
			: Array.isArray(value) && value.every((v) => typeof v === "string" && !v.includes("\n")) ? value.join("\n") : null;
	if (key.type === "mapping")
		return Object.values(value).every((v) => ["string", "number", "boolean"].includes(typeof v) && !String(v).includes("\n"))
			? Object.entries(value).map(([k, v]) => `${k}=${v}`).join("\n") : null;
	return typeof value === "object" ? null : String(value);
}

/** What a person has typed, as a value for the file; null takes the key out of it. */
export function fromText(key, text) {
	const lines = () => text.split("\n").map((l) => l.trim()).filter(Boolean);

	if (text === "")
		return null;
	if (key.type === "integer")
		return /^-?\d+$/.test(text.trim()) ? Number(text.trim()) : text.trim();
	if (key.type === "boolean")
		return text === "true" ? true : text === "false" ? false : text.trim();
	if (key.type === "list")
		return lines();
	if (key.type === "mapping")
		return Object.fromEntries(lines().map((l) => {
			const i = l.indexOf("=");
			return i === -1 ? [l, ""] : [l.slice(0, i).trim(), l.slice(i + 1).trim()];
		}));
	return text;
}

/**
 * A mapping is merged member by member: those that were taken out must be said. Everything else is as
 * fromText has it.
 */
export function changeOf(key, before, text) {
	const value = fromText(key, text);

	if (key.type !== "mapping" || value === null || before === undefined || before === null)
		return value;
	return { ...Object.fromEntries(Object.keys(before).map((k) => [k, null])), ...value };
}
