/* SPDX-License-Identifier: MIT
 *
 * Reads the manual pages as far as the tests compare them with the code: sections, list items with
 * their nesting, arguments of an item's head, members (.Va), literal displays.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

export const top = new URL("../..", import.meta.url).pathname;
export const source = (path) => readFileSync(join(top, path), "utf8");

/* Every .c file of a directory as one text, comments without. */
export function sources(...dirs) {
	return dirs.flatMap((dir) => readdirSync(join(top, dir)).filter((f) => f.endsWith(".c")).sort()
		.map((f) => source(join(dir, f)))).join("\n").replace(/\/\*[\s\S]*?\*\//g, "");
}

export const pageNames = () => readdirSync(join(top, "man")).sort();
export const page = (name) => source(join("man", name)).split("\n");

/* The lines of a section (.Sh), or of a subsection (.Ss) where one is named. */
export function section(lines, title, sub) {
	const find = (macro, name, from) => lines.findIndex((l, i) => i >= from && l === `.${macro} ${name}`);
	const end = (from, macros) => {
		const i = lines.findIndex((l, n) => n > from && macros.some((m) => l.startsWith(`.${m} `)));
		return i === -1 ? lines.length : i;
	};
	const start = find("Sh", title, 0);

	if (start === -1)
		throw new Error(`no section ${title}`);
	if (sub === undefined)
		return lines.slice(start + 1, end(start, ["Sh"]));
	const inner = find("Ss", sub, start);
	if (inner === -1 || inner > end(start, ["Sh"]))
		throw new Error(`no subsection ${sub} in ${title}`);
	return lines.slice(inner + 1, end(inner, ["Sh", "Ss"]));
}

/* The subsections of a section by name; what stands before the first one is "". */
export function subsections(lines) {
	const found = { "": [] };
	let current = found[""];

	for (const l of lines) {
		if (l.startsWith(".Ss "))
			current = found[l.slice(4)] = [];
		else
			current.push(l);
	}
	return found;
}

/* The items of the outermost lists: { head, body, items: those of lists within }. */
export function items(lines) {
	const found = [];
	let depth = 0, inner = [];

	const close = () => {
		if (found.length > 0)
			found.at(-1).items = items(inner);
		inner = [];
	};
	for (const l of lines) {
		if (l.startsWith(".Bl ") && ++depth === 1)
			continue;
		if (l.startsWith(".El") && --depth === 0)
			continue;
		if (depth === 1 && l.startsWith(".It")) {
			close();
			found.push({ head: l.slice(4), body: [] });
		} else if (depth > 1 || (depth === 1 && l.startsWith(".El"))) {
			inner.push(l);
		} else if (depth === 1 && found.length > 0) {
			found.at(-1).body.push(l);
		}
	}
	close();
	return found;
}

/* "Ic name Ar a Oo Ar b Oc" as { name, args: ["a", "b?"] }. */
export function call(head) {
	const words = head.split(/\s+/);
	const args = [];
	let optional = false;

	for (let i = 2; i < words.length; i++) {
		if (words[i] === "Oo")
			optional = true;
		else if (words[i] === "Oc")
			optional = false;
		else if (words[i] !== "Ar")
			args.push(optional ? `${words[i]}?` : words[i]);
	}
	return { name: words[1], args };
}

/* Members named in these lines: .Va (also within .Po, .Pq, .It), as "name" or "name?". */
export function members(lines) {
	const found = [];

	for (const l of lines) {
		const m = l.match(/^\.(?:It |Po |Pq )?Va (.*)$/);
		if (!m)
			continue;
		for (const part of m[1].split(",")) {
			const [name, mark] = part.trim().split(/\s+/);
			if (/^\w+$/.test(name ?? ""))
				found.push(mark === "?" ? `${name}?` : name);
		}
	}
	return found;
}

export const bare = (names) => names.map((n) => n.replace(/\?$/, ""));
export const sorted = (names) => [...new Set(names)].sort();

/* The lines of literal displays. */
export function literals(lines) {
	const found = [];
	let on = false;

	for (const l of lines) {
		if (/^\.Bd .*-literal/.test(l))
			on = true;
		else if (l.startsWith(".Ed"))
			on = false;
		else if (on)
			found.push(l.replaceAll("\\e", "\\").replaceAll("\\-", "-"));
		else if (l.startsWith(".Dl "))
			found.push(l.slice(4));
	}
	return found;
}

/* The functions of a C text: name -> its lines. */
export function functions(text) {
	const found = {};

	for (const m of text.matchAll(/^(\w+)\([^;]*?\)\n\{\n([\s\S]*?)\n\}/gm))
		found[m[1]] = m[2];
	return found;
}
