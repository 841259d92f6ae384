/* SPDX-License-Identifier: MIT
 *
 * A list of any length of which only what can be seen is drawn. Rows may have any height and may
 * change it: they are measured, and what is being read stays where it is when rows above it grow or
 * new ones come before it. With stick, a list that is at its end stays at its end.
 */
import { useLayoutEffect, useMemo, useReducer, useRef } from "preact/hooks";

const OVERSCAN = 400;
const FIRST = 30;

/* tops[i] is where row i begins; tops[n] is the height of all. */
function topsOf(items, itemKey, heights, estimate) {
	const tops = new Float64Array(items.length + 1);

	for (let i = 0; i < items.length; i++)
		tops[i + 1] = tops[i] + (heights.get(itemKey(items[i], i)) ?? estimate);
	return tops;
}

/* The row at a height: the last whose top is not below it. */
function rowAt(tops, y) {
	let low = 0, high = tops.length - 2;

	while (low < high) {
		const mid = (low + high + 1) >> 1;
		if (tops[mid] <= y)
			low = mid;
		else
			high = mid - 1;
	}
	return Math.max(0, low);
}

/**
 * @param {{items: any[], itemKey: (item, i: number) => string, render: (item, i: number) => any,
 *	estimate?: number, stick?: boolean, onNearStart?: () => void, onNearEnd?: () => void,
 *	target?: string, label: string, class?: string, itemRole?: string, role?: string, before?: any}} props
 * target: the key of a row to show; each new value is gone to once. before: stands above the first row.
 */
export function VirtualList({ items, itemKey, render, estimate = 60, stick = false, onNearStart, onNearEnd, target,
	label, class: more = "", role = "list", itemRole = "listitem", before, ...rest }) {
	const [, redraw] = useReducer((n) => n + 1, 0);
	const box = useRef(null), inner = useRef(null), lead = useRef(null);
	const s = useRef({ heights: new Map(), anchor: null, atEnd: stick, range: [0, 0], seen: new Set(), own: -1 }).current;

	/* What the observers below call is always of the last drawing. */
	if (s.items !== items) {
		s.items = items;
		s.tops = topsOf(items, itemKey, s.heights, estimate);
	}
	s.measure = measure;
	s.resized = resized;

	const leadHeight = () => lead.current?.offsetHeight ?? 0;

	function range() {
		const el = box.current;
		if (!el)
			return stick ? [Math.max(0, items.length - FIRST), items.length] : [0, Math.min(FIRST, items.length)];
		const y = el.scrollTop - leadHeight();
		return [rowAt(s.tops, y - OVERSCAN), Math.min(items.length, rowAt(s.tops, y + el.clientHeight + OVERSCAN) + 1)];
	}

	/* What is at the upper edge, and how far into it: to be found there again. */
	function remember() {
		const el = box.current;
		const y = el.scrollTop - leadHeight();
		const i = rowAt(s.tops, y);
		s.atEnd = el.scrollHeight - el.scrollTop - el.clientHeight < 24;
		s.anchor = items.length > 0 ? { key: itemKey(items[i], i), index: i, offset: y - s.tops[i] } : null;
	}

	function indexOf(key, guess) {
		return guess < items.length && itemKey(items[guess], guess) === key
			? guess : items.findIndex((item, n) => itemKey(item, n) === key);
	}

	/* What was scrolled by this list itself is not where the reader went. */
	function scrollTo(y) {
		box.current.scrollTop = y;
		s.own = box.current.scrollTop;
	}

	/* Puts the view back to where the reader was, and the rows to where they are. */
	function restore() {
		const el = box.current;
		inner.current.style.height = `${s.tops[items.length]}px`;
		for (const row of inner.current.children)
			row.style.top = `${s.tops[Number(row.dataset.index)]}px`;
		if (stick && s.atEnd)
			scrollTo(el.scrollHeight);
		else if (s.anchor) {
			const i = indexOf(s.anchor.key, s.anchor.index);
			const to = i === -1 ? -1 : s.tops[i] + s.anchor.offset + leadHeight();
			if (i !== -1 && Math.abs(to - el.scrollTop) > 1)
				scrollTo(to);
		}
	}

	function look() {
		const [from, to] = range();
		if (from !== s.range[0] || to !== s.range[1])
			redraw();
		if (box.current.scrollTop < OVERSCAN)
			onNearStart?.();
		if (to >= items.length)
			onNearEnd?.();
	}

	/* The list may be gone when its last scrolling is told. */
	function scrolled() {
		if (!box.current)
			return;
		if (Math.abs(box.current.scrollTop - s.own) > 1)
			remember();
		look();
	}

	/* A row is as high as it is, from before the next picture on. */
	function measure() {
		let changed = false;
		for (const row of inner.current.children) {
			const height = row.getBoundingClientRect().height;
			if (height > 0 && s.heights.get(row.dataset.key) !== height) {
				s.heights.set(row.dataset.key, height);
				changed = true;
			}
		}
		if (!changed)
			return;
		s.tops = topsOf(items, itemKey, s.heights, estimate);
		restore();
		look();
	}

	function resized() {
		restore();
		look();
	}

	function goTo() {
		if (target === undefined || target === s.target)
			return;
		const i = items.findIndex((item, n) => itemKey(item, n) === target);
		if (i === -1)
			return;
		s.target = target;
		s.atEnd = false;
		s.anchor = { key: target, index: i, offset: -Math.min(80, box.current.clientHeight / 4) };
	}

	const watcher = useMemo(() => new ResizeObserver(() => s.measure()), []);

	useLayoutEffect(() => {
		for (const row of s.seen)
			if (!row.isConnected) {
				watcher.unobserve(row);
				s.seen.delete(row);
			}
		for (const row of inner.current.children)
			if (!s.seen.has(row)) {
				watcher.observe(row);
				s.seen.add(row);
			}
		goTo();
		restore();
		measure();
		look();
	});
	useLayoutEffect(() => {
		const sizes = new ResizeObserver(() => s.resized());
		sizes.observe(box.current);
		return () => {
			sizes.disconnect();
			watcher.disconnect();
		};
	}, []);

	s.range = range();
	const rows = [];
	for (let i = s.range[0]; i < s.range[1]; i++) {
		const key = itemKey(items[i], i);
		rows.push(
			<div key={key} class="virtual-row" data-key={key} data-index={i} role={itemRole}
				aria-setsize={items.length} aria-posinset={i + 1} style={{ top: `${s.tops[i]}px` }}>
				{render(items[i], i)}
			</div>,
		);
	}
	return (
		<div class={`virtual ${more}`} ref={box} onScroll={scrolled} tabIndex={0} role="group" aria-label={label} {...rest}>
			{before && <div ref={lead}>{before}</div>}
			<div class="virtual-inner" ref={inner} role={role} aria-label={label}>
				{rows}
			</div>
		</div>
	);
}
