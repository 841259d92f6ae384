/* SPDX-License-Identifier: MIT
 *
 * JSON as Iris must write it: no object has a member twice. JSON.parse takes the last of two, and
 * says nothing; others refuse the text.
 */
const TOKEN = /"(?:[^"\\]+|\\.)*"|[{}[\]:,]/g;
const MOST = 1 << 20; /* bytes: what is longer is one long string */

/* The value of a text. Throws also for a member that is there twice. */
export function parseStrict(text) {
	const value = JSON.parse(text), open = [];
	let last;

	for (const [token] of text.length > MOST ? [] : text.matchAll(TOKEN)) {
		if (token === "{" || token === "[") open.push(token === "{" ? new Set() : null);
		else if (token === "}" || token === "]") open.pop();
		else if (token === ":" && open.at(-1).has(last)) throw new Error(`${last} is there twice in ${text.slice(0, 2000)}`);
		else if (token === ":") open.at(-1).add(last);
		last = token;
	}
	return value;
}
