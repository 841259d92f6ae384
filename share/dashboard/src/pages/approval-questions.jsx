/* SPDX-License-Identifier: MIT
 *
 * What Claude asks of a person itself (AskUserQuestion): its questions with what there is to choose
 * from, and, while it waits, what the person chooses or writes. Who only allows it has said nothing.
 */
import { useId } from "preact/hooks";
import { Input } from "../ui/index.js";

export const QUESTION_TOOL = "AskUserQuestion";

const isText = (v) => typeof v === "string";
const has = (o, members) => o !== null && typeof o === "object" && !Array.isArray(o) &&
	Object.entries(o).every(([k, v]) => Object.hasOwn(members, k) && members[k](v));

const OPTION = { label: isText, description: isText, preview: isText };
const isOption = (o) => has(o, OPTION) && isText(o.label);
const QUESTION = { question: isText, header: isText, multiSelect: (v) => typeof v === "boolean",
	options: (v) => Array.isArray(v) && v.every(isOption) };

/** Whether all that these questions say has a place in the form. */
export const areQuestions = ({ questions }) =>
	Array.isArray(questions) && questions.length > 0 && questions.every((q) => has(q, QUESTION) && isText(q.question));

const NOTHING = { picked: [], own: "" };

/* Labels of several, and the person's own words, are one text. */
function said(question, { picked, own }) {
	const labels = picked.map((n) => question.options[n].label);

	return [...labels, own.trim()].filter(Boolean).join(", ");
}

/**
 * The input with the answers in it, as Claude Code wants it; null while there is none.
 * @param {object} input as it was asked
 * @param {object[]} given what was picked and written, by the number of the question
 */
export function withAnswers(input, given) {
	const answers = {};

	input.questions.forEach((q, i) => {
		const text = said(q, given[i] ?? NOTHING);
		if (text !== "" && !Object.hasOwn(answers, q.question))
			answers[q.question] = text;
	});
	return Object.keys(answers).length > 0 ? { ...input, answers } : null;
}

function Option({ option: o, kind, name, checked, onPick }) {
	const id = useId();

	return (
		<div class="question-option">
			{onPick ? (
				<input type={kind} id={id} name={name} checked={checked} onChange={onPick} />
			) : (
				<span class="question-mark" aria-hidden="true" />
			)}
			<label for={onPick && id}>
				<strong>{o.label}</strong>
				{o.description && <span class="muted"> {o.description}</span>}
			</label>
			{o.preview && (
				<pre class="code" tabIndex={0} role="region" aria-label={`Preview of ${o.label}`}>
					{o.preview}
				</pre>
			)}
		</div>
	);
}

function Question({ question: q, given, onGive }) {
	const name = useId();
	const pick = (n) => {
		if (!q.multiSelect)
			onGive({ picked: [n], own: "" });
		else
			onGive({ ...given, picked: given.picked.includes(n) ? given.picked.filter((i) => i !== n) : [...given.picked, n].sort() });
	};

	return (
		<fieldset class="question">
			<legend>
				{q.header && <span class="muted small">{q.header}</span>}
				<span>{q.question}</span>
				{q.multiSelect && <span class="muted small">Several may be chosen.</span>}
			</legend>
			{q.options?.map((o, n) => (
				<Option
					key={n}
					option={o}
					kind={q.multiSelect ? "checkbox" : "radio"}
					name={name}
					checked={given.picked.includes(n)}
					onPick={onGive && (() => pick(n))}
				/>
			))}
			{onGive && (
				<Input
					label={q.options?.length > 0 ? "Or in your own words" : "Your answer"}
					maxLength={4000}
					value={given.own}
					onInput={(own) => onGive({ own, picked: q.multiSelect || own === "" ? given.picked : [] })}
				/>
			)}
		</fieldset>
	);
}

/** @param {{input: object, given?: object[], onGive?: (given: object[]) => void}} props without onGive it is only shown */
export function Questions({ input, given = [], onGive }) {
	return input.questions.map((q, i) => (
		<Question
			key={i}
			question={q}
			given={given[i] ?? NOTHING}
			onGive={onGive && ((g) => onGive(input.questions.map((_, n) => (n === i ? g : (given[n] ?? NOTHING)))))}
		/>
	));
}
