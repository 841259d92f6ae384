/* SPDX-License-Identifier: MIT
 *
 * The text of config.yaml with the numbers of its lines; what is wrong with it stands below, and a
 * click puts the cursor there.
 */
import { useId, useLayoutEffect, useRef } from "preact/hooks";

/* Where line and column (both from 1) are in the text. */
function offsetOf(text, line, column) {
	let at = 0;

	for (let i = 1; i < line; i++) {
		const next = text.indexOf("\n", at);
		if (next === -1)
			return text.length;
		at = next + 1;
	}
	return Math.min(text.length, at + Math.max(0, (column ?? 1) - 1));
}

/** @param {{text: string, onInput: (t: string) => void, errors: object[], warnings: object[], readOnly?: boolean}} props */
export function ConfigYaml({ text, onInput, errors, warnings, readOnly }) {
	const area = useRef(null), numbers = useRef(null);
	const id = useId();
	const count = text.split("\n").length;
	const wrong = new Set(errors.map((e) => e.line));

	useLayoutEffect(() => {
		numbers.current.scrollTop = area.current.scrollTop;
	});
	function goTo({ line, column }) {
		const at = offsetOf(text, line, column);
		const el = area.current;

		el.focus();
		el.setSelectionRange(at, at);
		el.scrollTop = Math.max(0, (line - 6) * (el.scrollHeight / count));
	}
	/* Tab leaves the field, as everywhere; indentation is typed with spaces, as YAML wants it. */
	return (
		<>
			<div class={`yaml ${errors.length > 0 ? "has-error" : ""}`}>
				<div class="yaml-numbers" ref={numbers} aria-hidden="true">
					{Array.from({ length: count }, (_, i) => (
						<div key={i} class={wrong.has(i + 1) ? "wrong" : ""}>
							{i + 1}
						</div>
					))}
				</div>
				<textarea
					ref={area}
					class="yaml-text"
					aria-label="config.yaml"
					aria-invalid={errors.length > 0 || undefined}
					aria-describedby={errors.length > 0 ? id : undefined}
					spellcheck={false}
					autoComplete="off"
					autoCapitalize="off"
					wrap="off"
					readOnly={readOnly}
					value={text}
					onInput={(e) => onInput(e.currentTarget.value)}
					onScroll={() => {
						numbers.current.scrollTop = area.current.scrollTop;
					}}
				/>
			</div>
			<ul class="yaml-problems" id={id}>
				{[...errors.map((e) => ["bad", e]), ...warnings.map((e) => ["warn", e])].map(([tone, e], i) => (
					<li key={i} class={tone}>
						{e.line > 0 && (
							<button type="button" class="link-button" onClick={() => goTo(e)}>
								line {e.line}
								{e.column > 0 && `, column ${e.column}`}
							</button>
						)}
						<span>{e.message}</span>
					</li>
				))}
			</ul>
		</>
	);
}
