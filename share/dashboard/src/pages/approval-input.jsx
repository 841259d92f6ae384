/* SPDX-License-Identifier: MIT
 *
 * What a tool is to be given, so that a person can judge it: a command as a command, an edit as a
 * diff, the rest as JSON. Whatever a form leaves out is shown below it, and characters that can not be
 * seen, or that turn the order of others around, are shown by their numbers: nothing is hidden.
 */
import { plural } from "../lib/format.js";
import { Diff, JsonView, Text } from "../ui/index.js";
import { areQuestions, QUESTION_TOOL, Questions } from "./approval-questions.jsx";

const FORMS = {
	Bash: { shown: ["command", "description"], needed: ["command"], Form: Command },
	Edit: { shown: ["file_path", "old_string", "new_string"], Form: Edit },
	MultiEdit: { shown: ["file_path", "edits"], needed: ["file_path"], fits: areEdits, Form: Edits },
	Write: { shown: ["file_path", "content"], Form: Write },
	NotebookEdit: { shown: ["notebook_path", "new_source"], Form: Notebook },
	WebFetch: { shown: ["url", "prompt"], Form: Fetch },
	Read: { shown: ["file_path"], Form: Path },
	[QUESTION_TOOL]: { shown: ["questions"], needed: [], fits: areQuestions, Form: Questions },
};

/* Longer ones are shown as plain text: as many rows of a diff would hold the page up. */
const DIFF_LINES = 5000;

/* Controls but tab and line feed; spaces of no width; marks that turn the order around; tags. */
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]/gu;

const isText = (...values) => values.every((v) => typeof v === "string");

/** A text with what can not be seen in it as ⟨U+202E⟩. */
export const reveal = (text) =>
	text.replace(UNSEEN, (c) => `⟨U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);

/* The same for all texts of a value, names of members as well. */
function revealed(value) {
	if (typeof value === "string")
		return reveal(value);
	if (Array.isArray(value))
		return value.map(revealed);
	if (value === null || typeof value !== "object")
		return value;
	return Object.fromEntries(Object.entries(value).map(([k, v]) => [reveal(k), revealed(v)]));
}

function File({ name }) {
	return (
		<p class="approval-file">
			<code>{name}</code>
		</p>
	);
}

function Code({ label, children }) {
	return (
		<pre class="code" tabIndex={0} role="region" aria-label={label}>
			{children}
		</pre>
	);
}

function Command({ input }) {
	return (
		<>
			{isText(input.description) && <Text>{input.description}</Text>}
			<Code label="Command">{input.command}</Code>
		</>
	);
}

function Edit({ input }) {
	return (
		<>
			<File name={input.file_path} />
			<Diff whole before={input.old_string} after={input.new_string} label={`Changes of ${input.file_path}`} />
		</>
	);
}

function Edits({ input }) {
	return (
		<>
			<File name={input.file_path} />
			{input.edits.map((e, i) => (
				<div key={i} class="approval-edit">
					<p class="muted small">
						Change {i + 1} of {input.edits.length}
						{e.replace_all && ", wherever it stands"}
					</p>
					<Diff whole before={e.old_string} after={e.new_string} label={`Change ${i + 1} of ${input.file_path}`} />
				</div>
			))}
		</>
	);
}

function Write({ input }) {
	const lines = input.content.split("\n").length;

	return (
		<>
			<File name={input.file_path} />
			<p class="muted small">The file will have this text, {plural(lines, "line")}; what is in it now is lost.</p>
			{lines > DIFF_LINES || input.content === "" ? (
				<Code label={`New content of ${input.file_path}`}>{input.content || "(nothing)"}</Code>
			) : (
				<Diff whole before="" after={input.content} label={`New content of ${input.file_path}`} />
			)}
		</>
	);
}

function Notebook({ input }) {
	return (
		<>
			<File name={input.notebook_path} />
			<Code label="New source of the cell">{input.new_source}</Code>
		</>
	);
}

function Fetch({ input }) {
	return (
		<>
			<File name={input.url} />
			<Text>{input.prompt}</Text>
		</>
	);
}

function Path({ input }) {
	return <File name={input.file_path} />;
}

const EDIT = { old_string: isText, new_string: isText, replace_all: (v) => typeof v === "boolean" };

const isEdit = (e) => e !== null && typeof e === "object" && isText(e.old_string, e.new_string) &&
	Object.entries(e).every(([k, v]) => Object.hasOwn(EDIT, k) && EDIT[k](v));

function areEdits({ edits }) {
	return Array.isArray(edits) && edits.every(isEdit);
}

/* An input that is not as the form expects it is shown as JSON: a form could leave something out. */
function formOf(tool, input) {
	const form = Object.hasOwn(FORMS, tool) ? FORMS[tool] : null;

	if (!form || input === null || typeof input !== "object" || Array.isArray(input))
		return null;
	if (!(form.needed ?? form.shown).every((k) => isText(input[k])))
		return null;
	return form.fits && !form.fits(input) ? null : form;
}

/** Whether it is a question to the person, which has a form to answer it. */
export const isQuestion = (tool, input) => tool === QUESTION_TOOL && formOf(tool, input) !== null;

/** @param {{tool: string, input: object}} props given, onGive: what a person has answered to questions */
export function ApprovalInput({ tool, input, ...answer }) {
	const form = formOf(tool, input);
	const seen = revealed(input);
	const isShown = ([k, v]) => form.shown.includes(k) && (isText(v) || form.fits);
	const rest = form && Object.entries(seen).filter((entry) => !isShown(entry));

	return (
		<>
			{form ? <form.Form input={seen} {...answer} /> : <JsonView value={seen} label={`Input of ${tool}`} />}
			{rest?.length > 0 && <JsonView value={Object.fromEntries(rest)} label={`More of the input of ${tool}`} />}
			{JSON.stringify(seen) !== JSON.stringify(input) && (
				<p class="approval-unseen">There are characters in it that can not be seen; they stand here as ⟨U+…⟩.</p>
			)}
		</>
	);
}
