/* SPDX-License-Identifier: MIT
 *
 * The page Costs: what turns have cost, by day, by team and by pair. The figures are Claude Code's
 * own, as irisd has added them up for each day; nothing is estimated here.
 */
import { useEffect, useState } from "preact/hooks";
import { get } from "../lib/api.js";
import { count, day, money, plural, short } from "../lib/format.js";
import { age, FINAL, listen } from "../lib/store.js";
import { Button, Card, Empty, ErrorBox, Money, Select, Spinner, Table, TeamName } from "../ui/index.js";
import { CostChart } from "./costs-chart.jsx";

const DAY = 86400000;
const RANGES = [
	{ value: "1", label: "Today" },
	{ value: "7", label: "7 days" },
	{ value: "30", label: "30 days" },
	{ value: "90", label: "90 days" },
	{ value: "all", label: "All" },
];
const KEPT = "iris.costs.days";
const REFRESH = 3000;
const PAIRS = 50;

const SUMS = ["messages", "inputTokens", "outputTokens", "cacheReadTokens", "cacheCreationTokens", "costUsd"];

/* The noon of a day is the same day also where clocks are put forward or back. */
const daysBack = (n) => day(new Date(`${day(Date.now())}T12:00:00`).getTime() - (n - 1) * DAY);

/** Rows with the same of() as one, with the sums of their figures. */
export function group(items, of) {
	const groups = new Map();

	for (const item of items) {
		const key = of(item);
		let g = groups.get(key);
		if (!g)
			groups.set(key, (g = { key, day: item.day, team: item.team, from: item.from, ...Object.fromEntries(SUMS.map((s) => [s, 0])) }));
		for (const s of SUMS)
			g[s] += item[s];
	}
	return [...groups.values()];
}

const dearest = (rows) => rows.sort((a, b) => b.costUsd - a.costUsd || b.messages - a.messages);

/* RFC 4180; a text that a spreadsheet would take for a formula is given a quote first. */
function field(value) {
	const text = String(value);
	const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;

	return /[",\r\n]/.test(safe) ? `"${safe.replaceAll("\"", "\"\"")}"` : safe;
}

function csv(items) {
	const head = ["day", "team", "from", ...SUMS];

	return [head, ...items.map((i) => head.map((name) => i[name]))]
		.map((row) => row.map(field).join(",")).join("\r\n").concat("\r\n");
}

function download(items) {
	const url = URL.createObjectURL(new Blob([csv(items)], { type: "text/csv" }));
	const a = document.createElement("a");

	a.href = url;
	a.download = `iris-costs-${day(Date.now())}.csv`;
	a.click();
	setTimeout(() => URL.revokeObjectURL(url), 1000);
}

const FIGURES = [
	{ key: "messages", title: "Messages", num: true, cell: (r) => count(r.messages) },
	{ key: "input", title: "Input", num: true, cell: (r) => <span title={count(r.inputTokens)}>{short(r.inputTokens)}</span> },
	{ key: "output", title: "Output", num: true, cell: (r) => <span title={count(r.outputTokens)}>{short(r.outputTokens)}</span> },
	{ key: "read", title: "Cache read", num: true,
		cell: (r) => <span title={count(r.cacheReadTokens)}>{short(r.cacheReadTokens)}</span> },
	{ key: "made", title: "Cache made", num: true,
		cell: (r) => <span title={count(r.cacheCreationTokens)}>{short(r.cacheCreationTokens)}</span> },
	{ key: "cost", title: "Cost", num: true, cell: (r) => <Money usd={r.costUsd} /> },
];

const TEAM = { key: "team", title: "Team", cell: (r) => <TeamName name={r.team} /> };
const FROM = { key: "from", title: "Asked by", cell: (r) => <TeamName name={r.from} /> };

function Total({ total, days }) {
	const tokens = total.inputTokens + total.outputTokens + total.cacheReadTokens + total.cacheCreationTokens;
	const figures = [
		["Cost", money(total.costUsd), days > 1 ? `${money(total.costUsd / days)} a day` : "today"],
		["Messages", count(total.messages), total.messages > 0 ? `${money(total.costUsd / total.messages)} each` : "none"],
		["Tokens", short(tokens), `${short(total.outputTokens)} written`],
		["From the cache", tokens > 0 ? `${Math.round((100 * total.cacheReadTokens) / tokens)} %` : "0 %",
			`${short(total.cacheReadTokens)} tokens`],
	];

	return (
		<dl class="cost-figures">
			{figures.map(([title, value, note]) => (
				<div key={title}>
					<dt>{title}</dt>
					<dd class="cost-value num">{value}</dd>
					<dd class="muted small">{note}</dd>
				</div>
			))}
		</dl>
	);
}

function Report({ items, total, since }) {
	const byDay = group(items, (i) => i.day).sort((a, b) => (a.day < b.day ? -1 : 1));
	const byTeam = dearest(group(items, (i) => i.team));
	const byPair = dearest(group(items, (i) => `${i.from}\0${i.team}`));
	const first = since ?? byDay[0].day;
	const days = Math.round((Date.parse(day(Date.now())) - Date.parse(first)) / DAY) + 1;

	return (
		<>
			<Total total={total} days={Math.max(1, days)} />
			<CostChart items={items} first={first} last={day(Date.now())} order={byTeam.map((t) => t.team)} />
			<Card title="By team">
				<Table caption="What each team has cost" rows={byTeam} rowKey={(r) => r.key} columns={[TEAM, ...FIGURES]} />
			</Card>
			<Card title={byPair.length > PAIRS ? `The ${PAIRS} dearest pairs of ${byPair.length}` : "By pair"}>
				<Table
					caption="What the questions of each team to another have cost"
					rows={byPair.slice(0, PAIRS)}
					rowKey={(r) => r.key}
					columns={[FROM, TEAM, ...FIGURES]}
				/>
			</Card>
		</>
	);
}

/* The answer for a range, and anew a moment after a message has ended. */
function useCosts(range) {
	const [state, setState] = useState({});

	useEffect(() => {
		const abort = new AbortController();
		let timer;
		async function load() {
			timer = undefined;
			const since = range === "all" ? undefined : daysBack(Number(range));
			try {
				const answer = await get("/costs", { since, by: "day,team,from" }, { signal: abort.signal });
				setState({ range, since, ...answer });
			} catch (error) {
				if (error.name !== "AbortError")
					setState((last) => ({ ...last, error }));
			}
		}
		load();
		const end = listen((e) => {
			if (e.type === "message" && FINAL.has(e.message.state))
				timer ??= setTimeout(load, REFRESH);
		});
		return () => {
			end();
			clearTimeout(timer);
			abort.abort();
		};
	}, [range, state.retry, age.value]);
	return [state, () => setState((last) => ({ ...last, error: undefined, retry: (last.retry ?? 0) + 1 }))];
}

export default function Costs() {
	const [range, setRange] = useState(localStorage.getItem(KEPT) ?? "30");
	const [{ items, total, since, error }, retry] = useCosts(range);

	function choose(value) {
		localStorage.setItem(KEPT, value);
		setRange(value);
	}
	return (
		<div class="costs">
			<div class="page-head">
				<h1>Costs</h1>
				<div class="actions">
					<Select label="Time" class="inline" options={RANGES} value={range} onInput={choose} />
					<Button icon="download" disabled={!items?.length} onClick={() => download(items)}>
						CSV
					</Button>
				</div>
			</div>
			{error && <ErrorBox title="The costs could not be loaded" error={error} retry={retry} />}
			{!items && !error && <Spinner label="Loading the costs" />}
			{items?.length === 0 && (
				<Empty icon="costs" title="Nothing was spent in this time">
					<p>Each answer of a team is counted here, on the day on which it came: tokens and money as Claude Code tells them.</p>
				</Empty>
			)}
			{items?.length > 0 && <Report items={items} total={total} since={since} />}
			{items?.length > 0 && (
				<p class="muted small">
					{plural(items.length, "entry", "entries")}. Money is what Claude Code reckons by the prices of the API; with a
					subscription it is no bill.
				</p>
			)}
		</div>
	);
}
