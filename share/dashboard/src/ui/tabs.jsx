/* SPDX-License-Identifier: MIT
 *
 * Tabs, as ARIA describes them: arrows move between them, and the one in focus is the one shown.
 */
import { useId, useRef } from "preact/hooks";

const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

/** @param {{label: string, tabs: {id: string, title: any}[], value: string, onChange: (id: string) => void, children: any}} props */
export function Tabs({ label, tabs, value, onChange, children }) {
	const id = useId();
	const list = useRef(null);

	function key(event) {
		const at = tabs.findIndex((t) => t.id === value);
		const ends = { Home: 0, End: tabs.length - 1 };
		const to = ends[event.key] ?? (at + (STEPS[event.key] ?? 0) + tabs.length) % tabs.length;
		if (!(event.key in ends) && !(event.key in STEPS))
			return;
		event.preventDefault();
		onChange(tabs[to].id);
		list.current.children[to].focus();
	}
	return (
		<>
			<div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={key}>
				{tabs.map((t) => (
					<button
						key={t.id}
						type="button"
						role="tab"
						id={`${id}${t.id}`}
						aria-selected={t.id === value}
						aria-controls={`${id}panel`}
						tabIndex={t.id === value ? 0 : -1}
						onClick={() => onChange(t.id)}
					>
						{t.title}
					</button>
				))}
			</div>
			<div role="tabpanel" id={`${id}panel`} aria-labelledby={`${id}${value}`} class="tab-panel">
				{children}
			</div>
		</>
	);
}
