/* SPDX-License-Identifier: MIT
 *
 * What a tool is to be given, so that a person can judge it: a command as a command, an edit as a
 * diff, the rest as JSON. Whatever a form leaves out is shown below it: nothing is hidden.
 */
import { Diff, JsonView, Text } from "../ui/index.js";

const FORMS = {
	Bash: { shown: ["command", "description"], Form: Command },
	Edit: { shown: ["file_path", "old_string", "new_string"], Form: Edit },
	MultiEdit: { shown: ["file_path", "edits"], Form: Edits },
	Write: { shown: ["file_path", "content"], Form: Write },
	NotebookEdit: { shown: ["notebook_path", "new_source"], Form: Notebook },
	WebFetch: { shown: ["url", "prompt"], Form: Fetch },
	Read: { shown: ["file_path"], Form: Path },
};

const isText = (...values) => values.every((v) => typeof v === "string");

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
			<Diff before={input.old_string} after={input.new_string} label={`Changes of ${input.file_path}`} />
		</>
	);
}

function Edits({ input }) {
	return (
		<>
			<File name={input.file_path} />
			{input.edits.map((e, i) => (
				<Diff key={i} before={e.old_string} after={e.new_string} label={`Change ${i + 1} of ${input.file_path}`} />
			))}
		</>
	);
}

function Write({ input }) {
	return (
		<>
			<File name={input.file_path} />
			<Code label={`New content of ${input.file_path}`}>{input.content}</Code>
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

/* The form of a tool that a server of the user's has, and that is only named alike, is not taken. */
function formOf(tool, input) {
	const form = FORMS[tool];
	const edits = input.edits;

	if (!form || typeof input !== "object")
		return null;
	if (tool === "MultiEdit")
		return isText(input.file_path) && Array.isArray(edits) &&
			edits.every((e) => isText(e?.old_string, e?.new_string) && Object.keys(e).every((k) =>
				["old_string", "new_string", "replace_all"].includes(k))) ? form : null;
	const needed = tool === "Bash" ? ["command"] : form.shown;
	return needed.every((k) => isText(input[k])) ? form : null;
}

/** @param {{tool: string, input: object}} props */
export function ApprovalInput({ tool, input }) {
	const form = formOf(tool, input ?? {});

	if (!form)
		return <JsonView value={input} label={`Input of ${tool}`} />;
	const rest = Object.fromEntries(Object.entries(input).filter(([k, v]) => !form.shown.includes(k) || !(isText(v) || k === "edits")));
	return (
		<>
			<form.Form input={input} />
			{Object.keys(rest).length > 0 && <JsonView value={rest} label={`More of the input of ${tool}`} />}
		</>
	);
}
