/* SPDX-License-Identifier: MIT
 *
 * The page Logs: what irisd, its web process and the workers have written, and what they write now.
 * Live lines are only asked for while this page is open. The filters apply to what is loaded; "since"
 * and the number of lines are the server's.
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { get, query as asQuery, request } from "../lib/api.js";
import { useStream } from "../lib/live.js";
import { clockMs, dateTime, plural } from "../lib/format.js";
import { Button, Check, Empty, ErrorBox, Input, Select, Spinner, VirtualList } from "../ui/index.js";

const LEVELS = ["error", "warn", "info", "debug"];
const KEPT = 20000;
const LOADED = 500;
const FLUSH = 100;
const SINCE = [
	{ value: "", label: "any time" },
	{ value: "300000", label: "5 minutes" },
	{ value: "3600000", label: "an hour" },
	{ value: "86400000", label: "a day" },
];
const sinceOf = (span) => (span === "" ? undefined : Date.now() - Number(span));

/*
 * The lines that there are, and those that come. What came while the page was paused is held back.
 * Lines have numbers, since nothing else tells them apart.
 */
function useLines(span, paused) {
	const [lines, setLines] = useState(null);
	const [held, setHeld] = useState(0);
	const [error, setError] = useState(null);
	const s = useRef({ next: 0, waiting: [], timer: undefined, loading: false }).current;
	const number = (line) => ({ ...line, n: s.next++ });

	s.paused = paused;
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
	async function load() {
		setError(null);
		try {
			const { items } = await get("/logs", { limit: LOADED, since: sinceOf(span) });
			s.waiting = [];
			setHeld(0);
			setLines(items.map(number));
		} catch (e) {
			setError(e);
		}
	}
	/* fresh comes with the first hello, and when lines were missed. */
	useStream(["log"], (e) => {
		if (e.type !== "log")
			return;
		s.waiting.push(number(e.line));
		if (s.waiting.length > KEPT)
			s.waiting.splice(0, s.waiting.length - KEPT);
		s.timer ??= setTimeout(flush, FLUSH);
	}, load);
	useEffect(() => {
		if (lines !== null)
			load();
	}, [span]);
	useEffect(() => {
		if (!paused)
			flush();
	}, [paused]);
	useEffect(() => () => clearTimeout(s.timer), []);
	return { lines, held, error, load, clear: () => setLines([]) };
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

async function download(span, components) {
	const res = await request("GET", `/logs${asQuery({ since: sinceOf(span), component: components, limit: 100000 })}`, {
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
	const { lines, held, error, load, clear } = useLines(span, paused);
	const wanted = words.toLowerCase();

	const components = useMemo(() => [...new Set((lines ?? []).map((l) => l.component))].sort(), [lines]);
	const shown = useMemo(() => (lines ?? []).filter((l) => levels.has(l.level) && (component === "" || l.component === component) &&
		(wanted === "" || `${l.component} ${l.message}`.toLowerCase().includes(wanted))), [lines, levels, component, wanted]);
	const render = useMemo(() => (line) => <Line line={line} wrap={wrap} />, [wrap]);

	return (
		<div class="logs">
			<div class="page-head">
				<h1>Logs</h1>
				<div class="actions">
					<Button icon={paused ? "play" : "pause"} aria-pressed={paused} onClick={() => setPaused(!paused)}>
						{paused ? "Go on" : "Pause"}
					</Button>
					<Button onClick={clear}>Clear</Button>
					<Button icon="download" onClick={() => download(span, component)}>
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
				<Empty icon="logs" title={lines.length === 0 ? "No lines" : "No line fits the filters"}>
					<p>{lines.length === 0 ? "What is written from now on appears here." : `${plural(lines.length, "line")} are loaded.`}</p>
				</Empty>
			)}
			{shown.length > 0 && (
				<VirtualList label="Log lines" class={`card log-list ${wrap ? "" : "sideways"}`} stick estimate={22} items={shown}
					itemKey={(l) => String(l.n)} render={render} />
			)}
			<p class="muted small" role="status">
				{lines && `${plural(shown.length, "line")} of ${lines.length}`}
				{paused && `; paused, ${plural(held, "new line")} held back`}
			</p>
		</div>
	);
}
