/* SPDX-License-Identifier: MIT
 *
 * A value of JSON as text with a little colour; its texts are text nodes. Long ones can be scrolled.
 */
const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const COLOURED = 20000;

function* parts(text) {
	let at = 0;

	for (const m of text.matchAll(TOKEN)) {
		yield text.slice(at, m.index);
		at = m.index + m[0].length;
		const kind = m[2] ? "key" : m[1] ? "string" : "atom";
		yield (
			<span key={m.index} class={`json-${kind}`}>
				{m[1] ?? m[0]}
			</span>
		);
		yield m[2] ?? "";
	}
	yield text.slice(at);
}

/** @param {{value: any, label?: string}} props */
export function JsonView({ value, label = "JSON" }) {
	const text = JSON.stringify(value, null, 2) ?? "";

	return (
		<pre class="code json" tabIndex={0} role="region" aria-label={label}>
			{text.length > COLOURED ? text : [...parts(text)]}
		</pre>
	);
}
