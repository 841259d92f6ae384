/* SPDX-License-Identifier: MIT
 *
 * The page Processes: what runs for Iris, what it takes of the machine (told by the topic host every
 * 2 s while this page is open), and sleep and wake.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { get, path, post } from "../lib/api.js";
import { bytes, dateTime, duration, plural } from "../lib/format.js";
import { useStream } from "../lib/live.js";
import { href } from "../lib/router.js";
import { may } from "../lib/session.js";
import { pairKey, pool, sessions, teams } from "../lib/store.js";
import { Badge, Button, Card, CopyButton, Dialog, Empty, ErrorBox, IconButton, Spinner, StateBadge, Table, TeamName, toast } from "../ui/index.js";
import { wakeTeam } from "./overview-team.jsx";

const HISTORY = 60;
const RANK = { irisd: 0, web: 1, tls: 2, worker: 3, claude: 4 };
const ABOUT = {
	irisd: "the supervisor",
	web: "HTTP and this dashboard",
	tls: "the line of https",
	worker: "keeps the Claudes of its team",
};

const shellWord = (w) => (/^[\w@%+=:,./-]+$/.test(w) ? w : `'${w.replaceAll("'", "'\\''")}'`);

/*
 * The processes with what they take: the list tells argv and session, the stream the figures. CPU is
 * what was used since the figure before, in percent of one core. A pid that the list does not have, or
 * that went away, makes the list be loaded again.
 */
function useProcesses() {
	const [state, setState] = useState({ items: null, host: null, error: null });
	const [history, setHistory] = useState([]);
	const known = useRef(new Map());
	const before = useRef(new Map());
	const loading = useRef(false);

	async function load() {
		if (loading.current)
			return;
		loading.current = true;
		try {
			const [{ items }, stats] = await Promise.all([get("/processes", { limit: 500 }), get("/stats")]);
			known.current = new Map(items.map((p) => [p.pid, p]));
			setState((s) => ({ items: items.map((p) => ({ ...p, percent: s.items?.find((q) => q.pid === p.pid)?.percent })),
				host: stats.host ?? s.host, error: null }));
		} catch (error) {
			setState((s) => ({ ...s, error }));
		}
		loading.current = false;
	}
	useEffect(() => {
		load();
	}, []);
	useStream(["host"], (e) => {
		if (e.type !== "host")
			return;
		const items = e.processes.map((p) => {
			const old = before.current.get(p.pid);
			const percent = old && e.at > old.at ? Math.max(0, (100 * (p.cpu - old.cpu)) / (e.at - old.at)) : undefined;
			return { ...known.current.get(p.pid), ...p, percent };
		});
		before.current = new Map(e.processes.map((p) => [p.pid, { at: e.at, cpu: p.cpu }]));
		if (items.length !== known.current.size || items.some((p) => !known.current.has(p.pid)))
			load();
		setState((s) => ({ ...s, items, host: e.host }));
		if (items.some((p) => p.percent !== undefined))
			setHistory((h) => [...h.slice(1 - HISTORY), {
				rss: items.reduce((n, p) => n + (p.rss ?? 0), 0),
				percent: items.reduce((n, p) => n + (p.percent ?? 0), 0),
				load: e.host.load[0],
				used: e.host.memTotal - e.host.memAvailable,
			}]);
	}, load);
	return { ...state, history, load };
}

/* The last two minutes as a line; its words are in the figure beside it. */
function Spark({ values, max }) {
	const top = Math.max(max ?? 0, ...values, 1e-9);
	const points = values.map((v, i) => `${(100 * i) / Math.max(1, values.length - 1)},${27 - (24 * v) / top}`);

	return (
		<svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" aria-hidden="true">
			{points.length > 1 && (
				<>
					<polygon points={`0,28 ${points.join(" ")} 100,28`} />
					<polyline points={points.join(" ")} />
				</>
			)}
		</svg>
	);
}

function Gauge({ title, value, note, children }) {
	return (
		<div class="gauge">
			<span class="figure-title">{title}</span>
			<span class="figure-value num">{value}</span>
			<span class="figure-note num">{note}</span>
			{children}
		</div>
	);
}

function Gauges({ items, host, history }) {
	const { active = 0, max = 0, waiting = 0, queued = 0 } = pool.value ?? {};
	const sum = (of) => items.reduce((n, p) => n + (of(p) ?? 0), 0);
	const last = history.at(-1);

	return (
		<div class="gauges">
			<Gauge
				title="Pool"
				value={
					<>
						{active}
						<small> of {max} places</small>
					</>
				}
				note={waiting + queued > 0 ? `${waiting} waiting, ${queued} queued` : "nothing waits"}
			>
				<span class="meter" aria-hidden="true">
					<span style={{ width: `${max > 0 ? Math.min(100, (100 * active) / max) : 0}%` }} />
				</span>
			</Gauge>
			<Gauge title="Memory of Iris" value={bytes(sum((p) => p.rss))} note={plural(items.length, "process", "processes")}>
				<Spark values={history.map((h) => h.rss)} />
			</Gauge>
			<Gauge title="CPU of Iris" value={last ? `${last.percent.toFixed(last.percent < 10 ? 1 : 0)} %` : "…"} note="of one core">
				<Spark values={history.map((h) => h.percent)} max={10} />
			</Gauge>
			<Gauge
				title="This machine"
				value={
					<>
						{host ? host.load[0].toFixed(2) : "…"}
						<small> load</small>
					</>
				}
				note={host && `${plural(host.cpus, "core")}, ${bytes(host.memAvailable)} free`}
			>
				<Spark values={history.map((h) => h.load)} max={host?.cpus} />
			</Gauge>
		</div>
	);
}

function Details({ process: p, onClose }) {
	const command = p.argv?.map(shellWord).join(" ");

	return (
		<Dialog title={`Process ${p.pid}`} wide onClose={onClose}
			actions={command && <CopyButton text={command} label="Copy the command line" />}>
			<dl class="message-facts">
				<div>
					<dt>Kind</dt>
					<dd>{p.kind}</dd>
				</div>
				{p.sessionId && (
					<div>
						<dt>Conversation</dt>
						<dd class="mono">{p.sessionId}</dd>
					</div>
				)}
				{p.remote && (
					<div>
						<dt>Machine</dt>
						<dd class="mono">{p.remote}</dd>
					</div>
				)}
				{p.startedAt && (
					<div>
						<dt>Started</dt>
						<dd>{dateTime(p.startedAt)}</dd>
					</div>
				)}
			</dl>
			{command ? (
				<pre class="code" tabIndex={0} aria-label="Command line">
					{p.argv.map(shellWord).join(" \\\n  ")}
				</pre>
			) : (
				<p class="muted">Its command line is not known.</p>
			)}
		</Dialog>
	);
}

const Whose = ({ p }) =>
	p.kind === "claude" ? (
		<a class="whose" href={href("conversations", p.from, p.team)}>
			<TeamName name={p.from} plain />
			<span class="muted" aria-label="to">
				→
			</span>
			<TeamName name={p.team} plain />
		</a>
	) : p.team ? (
		<TeamName name={p.team} />
	) : (
		<span class="muted">{ABOUT[p.kind]}</span>
	);

function columns({ onDetails, most, reload }) {
	const stateOf = (p) => sessions.value.get(pairKey(p.from, p.team))?.state ?? p.state;
	const sleep = (p) => async () => {
		await post(path`/teams/${p.team}/sleep`, { from: p.from });
		toast.ok(`${p.team} sleeps for ${p.from}.`);
		await reload();
	};

	return [
		{ key: "kind", title: "Process", cell: (p) => <Badge tone={p.kind === "claude" ? "busy" : "neutral"}>{p.kind}</Badge> },
		{ key: "whose", title: "Of", cell: (p) => <Whose p={p} /> },
		{ key: "state", title: "State", cell: (p) => p.kind === "claude" && stateOf(p) && <StateBadge state={stateOf(p)} /> },
		{ key: "pid", title: "PID", num: true, cell: (p) => p.pid },
		{ key: "rss", title: "Memory", num: true, cell: (p) => (
			<span class="amount">
				<span class="bar" style={{ width: `${(54 * (p.rss ?? 0)) / Math.max(1, most)}px` }} aria-hidden="true" />
				{bytes(p.rss)}
			</span>
		) },
		{ key: "cpu", title: "CPU", num: true, cell: (p) => (p.percent === undefined ? "…" : `${p.percent.toFixed(1)} %`) },
		{ key: "uptime", title: "Up", num: true, cell: (p) => duration(p.uptime) },
		{ key: "do", title: "", num: true, cell: (p) => (
			<span class="actions nowrap end">
				{p.kind === "claude" && may("manage") && (
					<IconButton small icon="sleep" label={`Put ${p.team} to sleep for ${p.from}`} disabled={stateOf(p) === "busy"} onClick={sleep(p)} />
				)}
				<IconButton small icon="more" label={`Details of process ${p.pid}`} onClick={() => onDetails(p)} />
			</span>
		) },
	];
}

function Asleep() {
	const list = [...teams.value.values()].filter((t) => t.status === "asleep");

	async function wakeAll() {
		const { items } = await post("/teams/wake");
		const failed = items.filter((i) => i.error);
		if (failed.length > 0)
			throw new Error(`${failed.length} of ${items.length} teams did not wake. ${failed[0].team}: ${failed[0].error.message ?? failed[0].error}`);
		toast.ok(`${plural(items.length, "team")} awake.`);
	}
	if (list.length === 0)
		return null;
	return (
		<Card
			title={`Asleep (${list.length})`}
			class="asleep"
			actions={may("manage") && list.length > 1 && (
				<Button small icon="wake" onClick={wakeAll}>
					Wake all
				</Button>
			)}
		>
			<p class="muted small">They take nothing, and wake by themselves when they are asked.</p>
			<ul>
				{list.map((t) => (
					<li key={t.name}>
						<TeamName name={t.name} />
						{may("manage") && <IconButton small icon="wake" label={`Wake ${t.name}`} onClick={() => wakeTeam(t.name)} />}
					</li>
				))}
			</ul>
		</Card>
	);
}

export default function Processes() {
	const { items, host, error, history, load } = useProcesses();
	const [details, setDetails] = useState(null);

	if (!items)
		return error ? <ErrorBox title="The processes could not be loaded" error={error} retry={load} /> : <Spinner />;
	const rows = [...items].sort((a, b) => (RANK[a.kind] ?? 9) - (RANK[b.kind] ?? 9) || (a.team ?? "").localeCompare(b.team ?? "") || a.pid - b.pid);
	return (
		<>
			<div class="page-head">
				<h1>Processes</h1>
			</div>
			<Gauges items={items} host={host} history={history} />
			{error && <ErrorBox title="The processes could not be loaded" error={error} retry={load} />}
			<Card class="processes">
				<Table
					caption="Processes of Iris"
					columns={columns({ onDetails: setDetails, most: Math.max(...items.map((p) => p.rss ?? 0)), reload: load })}
					rows={rows}
					rowKey={(p) => String(p.pid)}
					empty={<Empty title="Nothing runs" />}
				/>
			</Card>
			<Asleep />
			{details && <Details process={details} onClose={() => setDetails(null)} />}
		</>
	);
}
