/* SPDX-License-Identifier: MIT
 *
 * The page Configuration: config.yaml as a form or as text. Nothing is saved that irisd would not
 * load, what will change is shown first, and who has changed the file meanwhile is not overwritten.
 */
import { useEffect, useState } from "preact/hooks";
import { get, request } from "../lib/api.js";
import { plural } from "../lib/format.js";
import { href, navigate } from "../lib/router.js";
import { config as changed } from "../lib/store.js";
import { Button, ConfirmDialog, CopyButton, Dialog, Diff, ErrorBox, Icon, Spinner, Tabs, toast } from "../ui/index.js";
import { ConfigForm, treeOf } from "./config-form.jsx";
import { ConfigYaml } from "./config-yaml.jsx";

const PAUSE = 400;
const YAML = { "content-type": "application/yaml" };

/* What is there: GET /config and the schema. */
async function load() {
	const [schema, file] = await Promise.all([get("/config/schema"), get("/config")]);

	return { schema, file };
}

/* The draft of the tab that is open, as a request has it; null when nothing was changed. */
const bodyOf = (draft) =>
	draft.text !== null ? { body: draft.text, headers: YAML } : draft.changes.size > 0 ? { body: { config: treeOf(draft.changes) } } : null;

/* etag and base: of the file that the draft was begun on, and its text. */
const CLEAN = { text: null, changes: new Map(), etag: null, base: null };

const validate = async (draft, signal) => (await request("POST", "/config/validate", { ...bodyOf(draft), signal })).json();

/* What irisd says of the draft, a moment after it was changed last. */
function useCheck(draft, etag) {
	const [check, setCheck] = useState(null);

	useEffect(() => {
		const abort = new AbortController();
		if (!bodyOf(draft)) {
			setCheck(null);
			return undefined;
		}
		const timer = setTimeout(async () => {
			try {
				setCheck({ draft, ...(await validate(draft, abort.signal)) });
			} catch (error) {
				if (error.name !== "AbortError")
					setCheck({ draft, valid: false, errors: [{ message: error.message }], warnings: [] });
			}
		}, PAUSE);
		return () => {
			clearTimeout(timer);
			abort.abort();
		};
	}, [draft, etag]);
	return check;
}

/* What the reload has changed, in words. */
function saidOf({ added = [], removed = [], changed: teams = [], settings = [] }) {
	const words = [
		added.length > 0 && `added: ${added.join(", ")}`,
		removed.length > 0 && `removed: ${removed.join(", ")}`,
		teams.length > 0 && `changed: ${teams.join(", ")}`,
		settings.length > 0 && `in force: ${settings.map((s) => s.name).join(", ")}`,
	].filter(Boolean);

	return words.length > 0 ? `Saved; ${words.join("; ")}` : "Saved; nothing else has changed";
}

function Warnings({ list = [] }) {
	return list.length === 0 ? null : (
		<ul class="config-warnings" aria-label="Warnings">
			{list.map((w, i) => (
				<li key={i}>
					<Icon name="warning" />
					<span>
						{w.message}
						{w.line > 0 && <span class="muted"> (line {w.line})</span>}
					</span>
				</li>
			))}
		</ul>
	);
}

function SaveDialog({ draft, check, onClose, onSaved, onStale }) {
	const [error, setError] = useState(null);

	async function save() {
		setError(null);
		try {
			const { headers = {}, body } = bodyOf(draft);
			const res = await request("PUT", "/config", { body, headers: { ...headers, "if-match": `"${draft.etag}"` } });
			onSaved(await res.json());
		} catch (e) {
			if (e.status === 412)
				onStale();
			else
				setError(e);
		}
	}
	return (
		<Dialog
			wide
			title="Save these changes?"
			onClose={onClose}
			actions={
				<>
					<Button onClick={onClose}>Go on editing</Button>
					<Button kind="primary" onClick={save}>
						Save
					</Button>
				</>
			}
		>
			<Diff unified={check.diff} label="Changes of config.yaml" />
			<Warnings list={check.warnings} />
			<p class="muted">They are in force at once; the file as it was stays as config.yaml.bak.</p>
			{error && <ErrorBox title="Nothing was saved" error={error} />}
		</Dialog>
	);
}

/* Leaving with changes asks first: this page by its tabs and links, the browser by its own means. */
function useGuard(dirty) {
	useEffect(() => {
		if (!dirty)
			return;
		const stay = (e) => e.preventDefault();
		addEventListener("beforeunload", stay);
		return () => removeEventListener("beforeunload", stay);
	}, [dirty]);
}

/* Drafts outlive a look at another page, but not the browser's page. */
let kept = CLEAN;

export default function Configuration({ query }) {
	const tab = query.get("tab") === "yaml" ? "yaml" : "form";
	const [state, setState] = useState({});
	const [draft, setDraftNow] = useState(kept);
	const [dialog, setDialog] = useState(null);
	const setDraft = (d) => setDraftNow((kept = bodyOf(d)
		? { etag: draft.etag ?? file.etag, base: draft.base ?? file.yaml, ...d } : CLEAN));
	const { schema, file, error } = state;
	const check = useCheck(draft, file?.etag);
	const dirty = bodyOf(draft) !== null;

	const reload = () => load().then(setState).catch((e) => setState((s) => ({ ...s, error: e })));
	/* The first time, and when somebody has changed the file; a draft is kept. */
	useEffect(() => {
		reload();
	}, [changed.value.revision]);
	useGuard(dirty);
	if (error)
		return <ErrorBox title="The configuration could not be loaded" error={error} retry={reload} />;
	if (!file)
		return <Spinner label="Loading the configuration" />;
	const stale = dirty && draft.etag !== file.etag;
	const current = check?.draft === draft ? check : null;
	const errors = check?.errors ?? [];
	const discard = () => setDraft(CLEAN);
	/* One draft at a time: the text of the form's changes is what irisd makes of them. */
	async function go(to) {
		if (to === "yaml" && draft.changes.size > 0) {
			const { yaml } = current?.yaml ? current : await validate(draft);
			setDraft({ text: yaml, changes: new Map() });
		} else if (to === "form" && draft.text !== null)
			return setDialog({ toForm: true });
		navigate(href("config", { tab: to === "yaml" ? "yaml" : "" }), { replace: true });
	}
	return (
		<>
			<div class="page-head">
				<div>
					<h1>Configuration</h1>
					<p class="muted small config-path">
						<code>{file.path}</code>
						{!file.exists && "It is made when you save."}
						{!file.writable && "irisd may not write it; change its mode or owner."}
						<CopyButton text={file.path} label="Copy" />
					</p>
				</div>
				<div class="actions">
					{dirty && (
						<Button onClick={() => setDialog({ discard: true })}>Discard</Button>
					)}
					<Button kind="primary" disabled={!dirty || stale || !current?.valid || !file.writable} onClick={() => setDialog({ save: true })}>
						Review and save
					</Button>
				</div>
			</div>
			{changed.value.event?.error && (
				<ErrorBox title="The file as it is now can not be loaded; what was in force stays so" error={new Error(changed.value.event.error)} />
			)}
			{stale && (
				<div class="banner warn" role="alert">
					<p>Somebody has changed config.yaml since you began.</p>
					<div class="actions">
						<Button small onClick={() => setDialog({ theirs: true })}>
							What is in it now
						</Button>
						<Button small onClick={() => setDraft({ ...draft, etag: file.etag, base: file.yaml })}>
							{draft.text === null ? "Put my changes on top of it" : "Keep my text in its place"}
						</Button>
						<Button small kind="danger" onClick={discard}>
							Discard mine
						</Button>
					</div>
				</div>
			)}
			<Tabs label="How to edit" tabs={[{ id: "form", title: "Form" }, { id: "yaml", title: "YAML" }]} value={tab} onChange={(to) => go(to).catch(toast.error)}>
				{tab === "yaml" ? (
					<ConfigYaml text={draft.text ?? file.yaml} readOnly={!file.writable} errors={(draft.text === null ? file.errors : errors) ?? []}
						warnings={(draft.text === null ? file.warnings : check?.warnings) ?? []}
						onInput={(text) => setDraft(text === file.yaml ? CLEAN : { text, changes: new Map() })} />
				) : (
					<ConfigForm schema={schema} config={file.config ?? {}} changes={draft.changes} errors={errors}
						onChanges={(changes) => setDraft({ text: null, changes })} />
				)}
			</Tabs>
			<p class="config-state" role="status">
				{dirty && !current && "Checking…"}
				{dirty && current && (current.valid ? "irisd would load this." : `irisd would not load this: ${plural(errors.length, "error")}.`)}
			</p>
			{tab === "form" && <Warnings list={dirty ? check?.warnings : file.warnings} />}
			{tab === "form" && dirty && errors.filter((e) => !e.key).map((e, i) => (
				<p key={i} class="field-error">{e.message}</p>
			))}
			{dialog?.save && current?.valid && (
				<SaveDialog
					draft={draft}
					check={current}
					onClose={() => setDialog(null)}
					onStale={() => {
						setDialog(null);
						reload();
						toast.error(new Error("Somebody else has changed config.yaml meanwhile; nothing was saved."));
					}}
					onSaved={(answer) => {
						setDialog(null);
						setDraft(CLEAN);
						setState((s) => ({ ...s, file: answer }));
						toast.ok(saidOf(answer));
					}}
				/>
			)}
			{dialog?.theirs && (
				<Dialog wide title="What was changed in the file since you began" onClose={() => setDialog(null)}>
					<Diff before={draft.base ?? file.yaml} after={file.yaml} label="What others have changed" />
					{draft.text !== null && (
						<>
							<p class="muted small">Your text against the file as it is now: − is only in the file, + is only in yours.</p>
							<Diff before={file.yaml} after={draft.text} label="From the file to yours" />
						</>
					)}
				</Dialog>
			)}
			{(dialog?.discard || dialog?.toForm) && (
				<ConfirmDialog
					title={dialog.toForm ? "Discard the text to go back to the form?" : "Discard your changes?"}
					confirm="Discard"
					onClose={() => setDialog(null)}
					onConfirm={async () => {
						discard();
						if (dialog.toForm)
							navigate(href("config"), { replace: true });
					}}
				>
					<p>The file itself is not touched.</p>
				</ConfirmDialog>
			)}
		</>
	);
}
