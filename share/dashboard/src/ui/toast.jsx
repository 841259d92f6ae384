/* SPDX-License-Identifier: MIT
 *
 * Short words about what was done, at the edge of the page, read out by screen readers. Errors stay
 * until they are closed.
 */
import { signal } from "@preact/signals";
import { Icon } from "./icons.jsx";

const SHOWN = 5000;
const MOST = 4;

const toasts = signal([]);
let next = 0;

function add(kind, text, advice) {
	const id = ++next;

	toasts.value = [...toasts.value.slice(1 - MOST), { id, kind, text, advice }];
	if (kind !== "error")
		setTimeout(() => close(id), SHOWN);
}

function close(id) {
	toasts.value = toasts.value.filter((t) => t.id !== id);
}

export const toast = {
	/** @param {string} text */
	ok: (text) => add("ok", text),
	/** @param {Error} error */
	error: (error) => add("error", error.message, error.advice),
};

export function Toasts() {
	return (
		<div class="toasts" aria-live="polite" role="status">
			{toasts.value.map((t) => (
				<div key={t.id} class={`toast ${t.kind}`}>
					<Icon name={t.kind === "ok" ? "check" : "warning"} />
					<p>
						{t.text}
						{t.advice && <span class="muted"> {t.advice}</span>}
					</p>
					<button type="button" class="button quiet icon-only" aria-label="Dismiss" onClick={() => close(t.id)}>
						<Icon name="close" />
					</button>
				</div>
			))}
		</div>
	);
}
