/* SPDX-License-Identifier: MIT
 *
 * The difference of two texts, or a unified diff that somebody else has made, line by line, with signs
 * as well as colours. Long stretches without a change are left out.
 */
import { diffLines } from "diff";

const AROUND = 3;

/* {sign, text, old?, new?} for each line; runs of equal lines are cut to those near a change. */
function linesOf(before, after, around) {
	const lines = [];
	let a = 1, b = 1;

	for (const part of diffLines(before, after)) {
		const texts = part.value.replace(/\n$/, "").split("\n");
		for (const text of texts)
			lines.push({
				sign: part.added ? "+" : part.removed ? "-" : " ",
				text,
				old: part.added ? undefined : a++,
				new: part.removed ? undefined : b++,
			});
	}
	const near = (i) => around === Infinity ||
		lines.slice(Math.max(0, i - around), i + around + 1).some((l) => l.sign !== " ");
	const shown = [];
	for (let i = 0; i < lines.length; i++)
		if (near(i))
			shown.push(lines[i]);
		else if (shown.length > 0 && shown.at(-1).sign !== "@" && i < lines.length - 1)
			shown.push({ sign: "@", text: "⋯" });
	if (shown.at(-1)?.sign === "@")
		shown.pop();
	return shown;
}

const fromUnified = (text) =>
	text.replace(/\n$/, "").split("\n").map((line) => ({
		sign: /^(@@|---|\+\+\+)/.test(line) ? "@" : " +-".includes(line[0]) ? line[0] : " ",
		text: /^(@@|---|\+\+\+)/.test(line) ? line : line.slice(1),
	}));

const KINDS = { "+": "added", "-": "removed", " ": "same", "@": "hunk" };

/**
 * Either before and after, or unified. whole: nothing is left out.
 * @param {{before?: string, after?: string, unified?: string, label?: string, whole?: boolean}} props
 */
export function Diff({ before, after, unified, label = "Changes", whole }) {
	const lines = unified === undefined ? linesOf(before ?? "", after ?? "", whole ? Infinity : AROUND) : fromUnified(unified);

	if (lines.length === 0)
		return <p class="muted">No difference.</p>;
	return (
		<div class="code diff" role="region" aria-label={label} tabIndex={0}>
			{lines.map((l, i) => (
				<div key={i} class={`diff-line ${KINDS[l.sign]}`}>
					<span class="diff-sign" aria-hidden={l.sign === " " || l.sign === "@"}>
						{l.sign === "@" ? "" : l.sign}
					</span>
					<span class="diff-text">{l.text || " "}</span>
				</div>
			))}
		</div>
	);
}
