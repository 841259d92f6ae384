/* SPDX-License-Identifier: MIT
 *
 * Texts, times and money. A text of somebody else is one text node with its white space kept: nothing
 * in it is ever taken for markup. All TimeAgo of a page share one clock, which stands while the page
 * is hidden.
 */
import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { serverTime } from "../lib/clock.js";
import { ago, dateTime, money } from "../lib/format.js";

const now = signal(Date.now());
let users = 0;
let timer;

function tick() {
	now.value = Date.now();
}

function beat() {
	clearInterval(timer);
	timer = undefined;
	if (users > 0 && document.visibilityState === "visible") {
		tick();
		timer = setInterval(tick, 1000);
	}
}

document.addEventListener("visibilitychange", beat);

/** The time, to the second, for as long as the component is there. */
export function useNow() {
	useEffect(() => {
		if (users++ === 0)
			beat();
		return () => {
			if (--users === 0)
				beat();
		};
	}, []);
	return now.value;
}

/** "3 min ago", with the whole time as its hint. */
export function TimeAgo({ at }) {
	const text = ago(at, serverTime(useNow()));

	return (
		<time dateTime={new Date(at).toISOString()} title={dateTime(at)}>
			{text}
		</time>
	);
}

export function Money({ usd }) {
	return <span class="num">{money(usd)}</span>;
}

/** A text with its white space. With clamp (lines), more of it is shown on demand. */
export function Text({ children, clamp, mono }) {
	const ref = useRef(null);
	const [all, setAll] = useState(false);
	const [cut, setCut] = useState(false);

	useLayoutEffect(() => {
		if (clamp && !all)
			setCut(ref.current.scrollHeight > ref.current.clientHeight + 2);
	}, [children, clamp, all]);
	return (
		<>
			<div
				ref={ref}
				class={`text ${mono ? "mono" : ""} ${clamp && !all ? "clamped" : ""}`}
				style={clamp && !all ? { maxHeight: `${clamp * 1.5}em` } : undefined}
				dir="auto"
			>
				{children}
			</div>
			{clamp && (cut || all) && (
				<button type="button" class="link-button" aria-expanded={all} onClick={() => setAll(!all)}>
					{all ? "Show less" : "Show all"}
				</button>
			)}
		</>
	);
}
