/* SPDX-License-Identifier: MIT
 *
 * The rules that were remembered, and the audit: two tabs of the page Approvals.
 */
import { useEffect, useState } from "preact/hooks";
import { all, del, get, path, post } from "../lib/api.js";
import { dateTime, duration, plural } from "../lib/format.js";
import { age, teams } from "../lib/store.js";
import { Button, ConfirmDialog, Dialog, Empty, ErrorBox, Input, Select, Spinner, StateBadge, Table, TimeAgo, toast } from "../ui/index.js";
import { reveal } from "./approval-input.jsx";

const LASTING = [
	{ value: "", label: "until I revoke it" },
	{ value: "86400000", label: "for a day" },
	{ value: "2592000000", label: "for 30 days" },
	{ value: "31536000000", label: "for a year" },
];

function Listing({ rows, empty, ...rest }) {
	return rows.length === 0 ? empty : (
		<div class="card">
			<Table rows={rows} {...rest} />
		</div>
	);
}

function AddRule({ onClose, onDone }) {
	const [rule, setRule] = useState("");
	const [team, setTeam] = useState("");
	const [lasting, setLasting] = useState("");
	const [error, setError] = useState(null);

	async function submit() {
		try {
			await post("/rules", { rule: rule.trim(), team: team || undefined, expires: lasting ? Number(lasting) : undefined });
			toast.ok(`Remembered: ${rule.trim()}`);
			onDone();
			onClose();
		} catch (e) {
			setError(e);
		}
	}
	return (
		<Dialog
			title="Allow something from now on"
			onClose={onClose}
			onSubmit={submit}
			actions={
				<>
					<Button onClick={onClose}>Cancel</Button>
					<Button kind="primary" type="submit" disabled={rule.trim() === ""}>
						Remember
					</Button>
				</>
			}
		>
			<Input
				label="Rule"
				class="mono-field"
				placeholder="Bash(npm test:*)"
				hint="As in Claude Code: Bash(git status:*), Edit(src/**), WebFetch(domain:example.org)"
				value={rule}
				onInput={setRule}
			/>
			<Select
				label="For"
				options={[{ value: "", label: "all teams" }, ...[...teams.value.keys()].map((t) => ({ value: t, label: t }))]}
				value={team}
				onInput={setTeam}
			/>
			<Select label="How long" options={LASTING} value={lasting} onInput={setLasting} />
			{error && <ErrorBox title="The rule was not taken" error={error} />}
		</Dialog>
	);
}

function untilOf(r) {
	if (r.state === "revoked")
		return r.revokedAt ? <TimeAgo at={r.revokedAt} /> : "–";
	return r.expiresAt ? <TimeAgo at={r.expiresAt} /> : "it is revoked";
}

export function Rules() {
	const [{ list, error }, setState] = useState({});
	const [dialog, setDialog] = useState(null);
	const close = () => setDialog(null);
	const load = () => all("/rules").then((l) => setState({ list: l.reverse() })).catch((e) => setState({ error: e }));

	useEffect(() => {
		load();
	}, [age.value]);
	if (error)
		return <ErrorBox title="The rules could not be loaded" error={error} retry={load} />;
	if (!list)
		return <Spinner label="Loading the rules" />;
	const add = (
		<Button icon="plus" onClick={() => setDialog({ add: true })}>
			Add a rule
		</Button>
	);
	return (
		<>
			{list.length > 0 && <div class="actions approval-filters">{add}</div>}
			<Listing
				caption="Rules that allow something without asking"
				rows={list}
				rowKey={(r) => r.id}
				empty={
					<Empty icon="approvals" title="No rule was remembered" actions={add}>
						<p>An answer with “from now on” makes one. Those of the configuration are on its own page.</p>
					</Empty>
				}
				columns={[
					{ key: "rule", title: "Rule", cell: (r) => <code>{reveal(r.rule)}</code> },
					{ key: "team", title: "For", cell: (r) => r.team ?? "all teams" },
					{ key: "state", title: "State", cell: (r) => <StateBadge state={r.state} /> },
					{ key: "by", title: "By", cell: (r) => r.by },
					{ key: "at", title: "Since", cell: (r) => <TimeAgo at={r.createdAt} /> },
					{ key: "until", title: "Until", cell: untilOf },
					{
						key: "do",
						title: "",
						cell: (r) => r.state === "active" && (
							<Button small kind="danger" onClick={() => setDialog({ revoke: r })}>
								Revoke
							</Button>
						),
					},
				]}
			/>
			{dialog?.add && <AddRule onClose={close} onDone={load} />}
			{dialog?.revoke && (
				<ConfirmDialog
					title="Revoke this rule?"
					confirm="Revoke"
					onClose={close}
					onConfirm={async () => {
						await del(path`/rules/${dialog.revoke.id}`);
						await load();
					}}
				>
					<p>
						<code>{reveal(dialog.revoke.rule)}</code> will be asked about again.
					</p>
				</ConfirmDialog>
			)}
		</>
	);
}

const AUDIT_PAGE = 100;

/* The audit is looked at in steps; each goes on with the hash of the one before. */
async function verify(onStep) {
	let step = {};

	do {
		step = await get("/audit/verify", { seq: step.seq, hash: step.hash });
		onStep(step.seq);
	} while (step.more);
	return step;
}

export function Audit() {
	const [{ rows, error }, setState] = useState({ rows: [] });
	const [result, setResult] = useState(null);
	const [loading, setLoading] = useState(true);

	/* irisd counts from the first row on; the page begins with the last. before: the oldest that is there. */
	async function load(before) {
		setLoading(true);
		try {
			const seq = before && Math.max(1, before - AUDIT_PAGE);
			const { items } = await get("/audit", { seq, limit: before ? before - seq : AUDIT_PAGE });
			setState((s) => ({ rows: [...(before ? s.rows : []), ...items.reverse()] }));
		} catch (e) {
			setState((s) => ({ ...s, error: e }));
		}
		setLoading(false);
	}
	async function check() {
		setResult({ seq: 0 });
		try {
			setResult(await verify((seq) => setResult({ seq })));
		} catch (e) {
			setResult(null);
			throw e;
		}
	}
	useEffect(() => {
		load();
	}, [age.value]);
	if (error)
		return <ErrorBox title="The audit could not be loaded" error={error} retry={() => load()} />;
	if (rows.length === 0)
		return loading ? <Spinner label="Loading the audit" /> : <Empty icon="approvals" title="No decision yet" />;
	return (
		<>
			<div class="actions approval-filters">
				<Button icon="check" onClick={check}>
					Verify
				</Button>
				{result && (
					<p role="status" class={result.good === false ? "field-error" : "muted"}>
						{result.good === undefined && `${plural(result.seq, "row")} looked at…`}
						{result.good === true && `All ${plural(result.seq, "row")} fit one another.`}
						{result.good === false && `Row ${result.seq} does not fit: ${result.why}`}
					</p>
				)}
			</div>
			<Listing
				caption="Every decision, newest first"
				rows={rows}
				rowKey={(r) => r.seq}
				columns={[
					{ key: "seq", title: "#", num: true, cell: (r) => r.seq },
					{ key: "at", title: "When", cell: (r) => <span class="num">{dateTime(r.at)}</span> },
					{ key: "decision", title: "Decision", cell: (r) => <StateBadge state={r.decision} /> },
					{ key: "who", title: "Team", cell: (r) => r.to ?? r.from ?? "–" },
					{ key: "tool", title: "Tool", cell: (r) => r.tool ?? r.kind },
					{ key: "by", title: "By", cell: (r) => r.by ?? r.via ?? "–" },
					{ key: "rule", title: "Rule or reason", cell: (r) => (r.rule ? <code>{reveal(r.rule)}</code> : (r.reason ?? "–")) },
					{ key: "took", title: "Took", num: true, cell: (r) => (r.tookMs >= 0 ? duration(r.tookMs) : "–") },
				]}
			/>
			{rows.at(-1).seq > 1 && (
				<Button aria-busy={loading || undefined} onClick={() => load(rows.at(-1).seq)}>
					Older ones
				</Button>
			)}
		</>
	);
}
