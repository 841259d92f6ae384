/* SPDX-License-Identifier: MIT
 *
 * The dialogs about a team: ask it, add or edit it, remove it.
 */
import { useState } from "preact/hooks";
import { del, idempotencyKey, patch, path, post } from "../lib/api.js";
import { displayName } from "../lib/format.js";
import { href, navigate } from "../lib/router.js";
import { may, session } from "../lib/session.js";
import { teams } from "../lib/store.js";
import { Button, ConfirmDialog, Dialog, ErrorBox, Input, Select, Textarea, toast } from "../ui/index.js";

/** Who this login speaks as when it says nothing else. */
export const ownName = () => session.value.me?.from ?? `guest:key:${session.value.me?.name}`;

/** Whom a question may come from: this login, and, for an administrator, any team. */
export const senders = (also = []) => [
	{ value: ownName(), label: `you, as ${displayName(ownName())}` },
	...(may("admin") && !session.value.me.team
		? [...new Set([...also, ...teams.value.keys()])].filter((n) => n !== ownName()).map((n) => ({ value: n, label: displayName(n) }))
		: []),
];

/** Send a message, without waiting for its answer. key: the same for each try of the same message. */
export function ask({ from, to, message, key }) {
	return post(path`/teams/${to}/ask`, { message, timeout: -1, ...(from !== ownName() && { from }) },
		{ headers: { "Idempotency-Key": key } });
}

export function AskDialog({ to, from: first = ownName(), onClose }) {
	const [team, setTeam] = useState(to ?? teams.value.keys().next().value ?? "");
	const [from, setFrom] = useState(first);
	const [message, setMessage] = useState("");
	const [error, setError] = useState(null);
	const [key] = useState(idempotencyKey);
	const [busy, setBusy] = useState(false);

	async function send() {
		if (message.trim() === "") {
			setError(new Error("There is nothing to ask yet: write a question."));
			return;
		}
		if (busy)
			return;
		setBusy(true);
		try {
			const m = await ask({ from, to: team, message, key });
			onClose();
			navigate(href("conversations", m.from, m.to));
		} catch (e) {
			setError(e);
			setBusy(false);
		}
	}
	return (
		<Dialog
			title={to ? `Ask ${to}` : "New question"}
			onClose={onClose}
			onSubmit={send}
			actions={
				<>
					<Button onClick={onClose}>Cancel</Button>
					<Button kind="primary" icon="send" type="submit" aria-busy={busy || undefined}>
						Ask
					</Button>
				</>
			}
		>
			{!to && <Select label="To" value={team} onInput={setTeam} options={[...teams.value.keys()]} />}
			<Textarea
				label="Question"
				rows={5}
				autoFocus
				value={message}
				onInput={setMessage}
				onKeyDown={(e) => {
					if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
						e.preventDefault();
						send();
					}
				}}
				hint="Its Claude answers with its own context, tools and permissions. Ctrl+Enter asks."
			/>
			<Select
				label="From"
				value={from}
				onInput={setFrom}
				options={senders()}
				hint="Each pair has a conversation of its own, which remembers what was said."
			/>
			{error && <ErrorBox title="The question was not sent" error={error} />}
		</Dialog>
	);
}

const GRANTS = [
	{ value: "", label: "as in settings" },
	{ value: "ask", label: "ask a person" },
	{ value: "forward", label: "ask who asked" },
	{ value: "yes", label: "allow all" },
	{ value: "no", label: "deny all" },
];

const KEYS = ["path", "description", "color", "model", "remote", "grantPermission"];

/* What the form has changed, for PATCH: null takes a key out of the file. */
function changes(team, form) {
	const out = {};

	for (const key of KEYS)
		if ((form[key] ?? "") !== (team?.[key] ?? ""))
			out[key] = form[key] === "" ? null : form[key];
	return out;
}

function formErrors(form, isNew) {
	const errors = {};

	if (isNew && form.name === "")
		errors.name = "A team needs a name.";
	if (isNew && teams.value.has(form.name))
		errors.name = "There is a team of this name already.";
	if (form.path === "")
		errors.path = "A team needs a directory.";
	return errors;
}

/** With team null it adds one. */
export function TeamDialog({ team, onClose }) {
	const isNew = team === null;
	const [form, setForm] = useState(() => ({ name: "", ...Object.fromEntries(KEYS.map((k) => [k, team?.[k] ?? ""])) }));
	const [errors, setErrors] = useState({});
	const [error, setError] = useState(null);
	const [busy, setBusy] = useState(false);
	const set = (key) => (value) => setForm({ ...form, [key]: value });
	const bind = (key) => ({ value: form[key], onInput: set(key), error: errors[key] });

	async function save() {
		const wrong = formErrors(form, isNew);
		setErrors(wrong);
		setError(null);
		if (Object.keys(wrong).length > 0 || busy)
			return;
		setBusy(true);
		try {
			const given = Object.fromEntries(Object.entries(changes(team, form)).filter(([, v]) => !isNew || v !== null));
			if (isNew)
				await post("/teams", { name: form.name, ...given });
			else if (Object.keys(given).length > 0)
				await patch(path`/teams/${team.name}`, given);
			toast.ok(isNew ? `${form.name} is a team now.` : `${team.name} is changed.`);
			onClose();
		} catch (e) {
			setError(e);
			setBusy(false);
		}
	}
	return (
		<Dialog
			title={isNew ? "Add a team" : `Edit ${team.name}`}
			onClose={onClose}
			onSubmit={save}
			actions={
				<>
					<Button onClick={onClose}>Cancel</Button>
					<Button kind="primary" type="submit" aria-busy={busy || undefined}>
						{isNew ? "Add team" : "Save"}
					</Button>
				</>
			}
		>
			{isNew && <Input label="Name" {...bind("name")} autoFocus placeholder="backend" hint="How others call it." />}
			<Input
				label="Directory"
				{...bind("path")}
				placeholder="~/src/backend"
				hint={form.remote ? "On its machine." : "On the machine where Iris runs; ~ is your home."}
			/>
			<Input
				label="Description"
				{...bind("description")}
				placeholder="The orders service and its API"
				hint="Tells other teams' Claudes when to ask it."
			/>
			<div class="form-row">
				<Select label="What it may not do by itself" options={GRANTS} {...bind("grantPermission")} />
				<Input label="Model" {...bind("model")} placeholder="as Claude Code has it" />
			</div>
			<div class="form-row">
				<Input label="Machine" {...bind("remote")} placeholder="ssh user@host" hint="Empty: this one." />
				<Input label="Colour" {...bind("color")} placeholder="#5b53d0" />
			</div>
			{error && <ErrorBox title="The configuration was not changed" error={error} />}
		</Dialog>
	);
}

export function RemoveTeam({ team, onClose }) {
	async function remove() {
		await del(path`/teams/${team.name}`);
		toast.ok(`${team.name} is no team any more.`);
	}
	return (
		<ConfirmDialog title={`Remove ${team.name}?`} confirm="Remove team" onConfirm={remove} onClose={onClose}>
			<p>
				It is taken out of the configuration, and its Claude stops. Its directory and its conversations are kept: a team
				of the same name goes on with them.
			</p>
		</ConfirmDialog>
	);
}
