/* SPDX-License-Identifier: MIT
 *
 * The page Logs: what irisd, its web process and the workers have written, and what they write now.
 * Live lines are only asked for while this page is open. irisd applies the filters to the file, so that
 * the last lines that fit are found however old they are; this page applies them to what comes.
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, query as asQuery, request } from "../lib/api.js";
import { serverTime } from "../lib/clock.js";
import { useStream } from "../lib/live.js";
import { clockMs, dateTime, plural } from "../lib/format.js";
import { Button, Check, Empty, ErrorBox, Input, Select, Spinner, VirtualList } from "../ui/index.js";

const LEVELS = ["error", "warn", "info", "debug"];
const KEPT = 20000;
const LOADED = 2000;
/* As many as irisd gives at once. */
const DOWNLOADED = 5000;
const FLUSH = 100;
const TYPED = 250;
const SINCE = [
	{ value: "", label: "any time" },
	{ value: "300000", label: "5 minutes" },
	{ value: "3600000", label: "an hour" },
	{ value: "86400000", label: "a day" },
];

/* The filters as the API has them. Lines from before the page was cleared are not wanted any more. */
function asked({ levels, component, words, span, cleared }) {
	return {
		level: levels.size < LEVELS.length ? [...levels] : undefined,
		component,
		contains: words,
		since: Math.max(span === "" ? 0 : Math.round(serverTime()) - Number(span), cleared) || undefined,
	};
}

const fits = (line, { levels, component, words }) => levels.has(line.level) && (component === "" || line.component === component) &&
	(words === "" || `${line.raw ?? `${line.component} ${line.message}`}`.toLowerCase().includes(words.toLowerCase()));

/* By what a line that was loaded is known again when it also comes by the stream. */
const nameOf = (l) => [l.at, l.component, l.pid, l.message].join("\0");

function counts(lines) {
	const map = new Map();

	for (const l of lines)
		map.set(nameOf(l), (map.get(nameOf(l)) ?? 0) + 1);
	return map;
}

/*
 * The lines that fit, and those that come. What came while the page was paused is held back. Lines have
 * numbers, since nothing else tells them apart.
 */
function useLines(filter, paused) {
	const [lines, setLines] = useState(null);
	const [held, setHeld] = useState(0);
	const [error, setError] = useState(null);
	const s = useRef({ next: 0, waiting: [], timer: undefined, known: new Map() }).current;
	const number = (line) => ({ ...line, n: s.next++ });

	s.paused = paused;
	s.filter = filter;
	function flush() {
		s.timer = undefined;
		if (s.paused) {
			setHeld(s.waiting.length);
			return;
		}
		const more = s.waiting;
		s.waiting = [];
		setHeld(0);
		if (more.length > 0)
			setLines((old) => [...(old ?? []), ...more].slice(-KEPT));
	}
	/* Whether it is one of those that were loaded, each of which is so once. */
	function isKnown(line) {
		const name = nameOf(line), n = s.known.get(name) ?? 0;

		if (n > 0)
			s.known.set(name, n - 1);
		return n > 0;
	}
	/*
	 * Two connections know no order: what comes by the stream meanwhile, or just after, is in the answer
	 * or is not.
	 */
	async function load() {
		s.abort?.abort();
		s.abort = new AbortController();
		setError(null);
		try {
			const none = s.filter.levels.size === 0;
			const params = asked(s.filter);
			const { items } = none ? { items: [] } : await get("/logs", { limit: LOADED, ...params }, { signal: s.abort.signal });
			s.known = counts(items);
			s.waiting = s.waiting.filter((l) => l.at >= (params.since ?? 0) && !isKnown(l));
			setLines(items.map(number));
			flush();
		} catch (e) {
			if (e.name !== "AbortError")
				setError(e);
		}
	}
	/* fresh comes with the first hello, and when lines were missed. */
	useStream(["log"], (e) => {
		if (e.type !== "log" || isKnown(e.line))
			return;
		s.waiting.push(number(e.line));
		if (s.waiting.length > KEPT)
			s.waiting.splice(0, s.waiting.length - KEPT);
		s.timer ??= setTimeout(flush, FLUSH);
	}, load);
	useEffect(() => {
		if (lines === null)
			return undefined;
		const timer = setTimeout(load, TYPED);
		return () => clearTimeout(timer);
	}, [filter]);
	useEffect(() => {
		if (!paused)
			flush();
	}, [paused]);
	useEffect(() => () => {
		clearTimeout(s.timer);
		s.abort?.abort();
	}, []);
	return { lines, held, error, load };
}

function Line({ line, wrap }) {
	return (
		<div class={`log-line ${line.level} ${wrap ? "wrap" : ""}`}>
			<time title={line.at ? dateTime(line.at) : undefined}>{line.at ? clockMs(line.at) : ""}</time>
			<span class="log-level">{line.level}</span>
			<span class="log-from" title={line.pid ? `pid ${line.pid}` : undefined}>
				{line.component}
			</span>
			<span class="log-text">{line.message}</span>
		</div>
	);
}

async function download(filter) {
	const res = await request("GET", `/logs${asQuery({ ...asked(filter), limit: DOWNLOADED })}`, {
		headers: { accept: "text/plain" },
	});
	const url = URL.createObjectURL(await res.blob());
	const a = document.createElement("a");

	a.href = url;
	a.download = `iris-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.log`;
	a.click();
	setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function Levels({ shown, onChange }) {
	return (
		<fieldset class="log-levels">
			<legend class="sr-only">Levels</legend>
			{LEVELS.map((l) => (
				<Check
					key={l}
					label={l}
					checked={shown.has(l)}
					onInput={(on) => onChange(new Set(on ? [...shown, l] : [...shown].filter((k) => k !== l)))}
				/>
			))}
		</fieldset>
	);
}

export default function Logs() {
	const [levels, setLevels] = useState(new Set(LEVELS));
	const [component, setComponent] = useState("");
	const [words, setWords] = useState("");
	const [span, setSpan] = useState("");
	const [paused, setPaused] = useState(false);
	const [wrap, setWrap] = useState(true);
	const [cleared, setCleared] = useState(0);
	const filter = useMemo(() => ({ levels, component, words, span, cleared }), [levels, component, words, span, cleared]);
	const { lines, held, error, load } = useLines(filter, paused);
	const programs = useRef(new Set()).current;

	const components = useMemo(() => {
		for (const l of lines ?? [])
			programs.add(l.component);
		return [...programs].sort();
	}, [lines]);
	const shown = useMemo(() => (lines ?? []).filter((l) => (l.at ?? Infinity) > cleared && fits(l, filter)), [lines, filter]);
	const render = useMemo(() => (line) => <Line line={line} wrap={wrap} />, [wrap]);

	return (
		<div class="logs">
			<div class="page-head">
				<h1>Logs</h1>
				<div class="actions">
					<Button icon={paused ? "play" : "pause"} aria-pressed={paused} onClick={() => setPaused(!paused)}>
						{paused ? "Go on" : "Pause"}
					</Button>
					<Button disabled={shown.length === 0} onClick={() => setCleared(shown.reduce((at, l) => Math.max(at, l.at ?? 0), serverTime() - 1))}>
						Clear
					</Button>
					<Button icon="download" title={`The last ${DOWNLOADED} lines that fit, as they stand in the file`} onClick={() => download(filter)}>
						Download
					</Button>
				</div>
			</div>
			<div class="actions log-filters">
				<Input label="Search" class="inline" data-search type="search" value={words} onInput={setWords} />
				<Levels shown={levels} onChange={setLevels} />
				<Select label="From" class="inline" options={[{ value: "", label: "all programs" }, ...components]} value={component}
					onInput={setComponent} />
				<Select label="Since" class="inline" options={SINCE} value={span} onInput={setSpan} />
				<Check label="Wrap lines" checked={wrap} onInput={setWrap} />
			</div>
			{error && <ErrorBox title="The log could not be loaded" error={error} retry={load} />}
			{!lines && !error && <Spinner label="Loading the log" />}
			{lines && shown.length === 0 && (
				<Empty icon="logs" title={cleared > 0 ? "Cleared" : "No line fits"}
					actions={cleared > 0 && <Button onClick={() => setCleared(0)}>Show what was there</Button>}>
					<p>What is written from now on, and fits the filters, appears here.</p>
				</Empty>
			)}
			{shown.length > 0 && (
				<VirtualList label="Log lines" class={`card log-list ${wrap ? "" : "sideways"}`} stick estimate={22} items={shown}
					itemKey={(l) => String(l.n)} render={render} />
			)}
			<p class="muted small" role="status">
				{lines && `${plural(shown.length, "line")}${shown.length === LOADED ? ", the last that fit" : ""}`}
				{paused && `; paused, ${plural(held, "new line")} held back`}
			</p>
		</div>
	);
}
