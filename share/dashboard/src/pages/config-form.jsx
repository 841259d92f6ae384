/* SPDX-License-Identifier: MIT
 *
 * The configuration as a form, made from what irisd says of its keys. Only what was changed is sent:
 * the rest of the file, and every comment, stays as it is.
 */
import { useState } from "preact/hooks";
import { at, changeOf, PLACES, TEAM_PLACES, toText, withAt } from "../lib/config-form.js";
import { href } from "../lib/router.js";
import { Card, Empty, Input, Select, Textarea } from "../ui/index.js";

const TITLES = { settings: "Settings", dashboard: "Dashboard", database: "Database", permissions: "Permissions", guard: "Guard",
	webhooks: "Webhooks", teams: "Team", remoteOptions: "ssh, for a team on another machine", teamPermissions: "Permissions of the team" };

/* What stands for a secret that there is. */
const MASK = "********";

/* One key. The text is what was typed, or what the file has. */
function Key({ k, value, typed, error, onInput }) {
	const was = toText(k, value);
	const text = typed ?? was;
	const hint = (
		<>
			{k.help}
			{k.type === "integer" && k.max !== undefined && <span class="muted"> ({k.expected})</span>}
			{k.type === "list" && <span class="muted"> (one a line)</span>}
			{k.type === "mapping" && <span class="muted"> (NAME=value, one a line)</span>}
		</>
	);
	const props = {
		label: k.name, hint, error, value: text, onInput, class: typed !== undefined ? "changed" : "",
		placeholder: k.default ?? (k.inherited ? "as in settings" : "not set"),
	};

	/* What is secret does not come to the form: what is typed takes its place. */
	if (k.secret && value === MASK)
		return <Input {...props} value={typed ?? ""} placeholder="set; type to replace it" type="password" autoComplete="new-password" />;
	if (was === null)
		return <Input {...props} value="" placeholder="is edited as YAML" disabled />;
	if (k.type === "boolean" || k.type === "choice") {
		const choices = k.choices ?? ["true", "false"];
		return (
			<Select
				{...props}
				options={[
					{ value: "", label: k.default !== undefined ? `${k.default} (default)` : (k.inherited ? "as in settings" : "not set") },
					...(text !== "" && !choices.includes(text) ? [text] : []),
					...choices,
				]}
			/>
		);
	}
	if (k.type === "list" || k.type === "mapping" || k.type === "text")
		return <Textarea {...props} class={`mono-field ${props.class}`} rows={Math.min(10, Math.max(2, text.split("\n").length))} />;
	return <Input {...props} type={k.secret ? "password" : "text"} inputMode={k.type === "integer" ? "numeric" : undefined} />;
}

function Section({ section, place, config, changes, errors, words, onChange }) {
	const keys = section.keys.filter((k) => words.every((w) => `${section.name} ${k.name} ${k.help}`.toLowerCase().includes(w)));

	if (keys.length === 0)
		return null;
	return (
		<Card title={TITLES[section.name] ?? section.name} level={2} class="config-section">
			<div class="config-keys">
				{keys.map((k) => {
					const where = [...place, k.name];
					const id = where.join("\0");
					return (
						<Key
							key={id}
							k={k}
							value={at(config, where)}
							typed={changes.get(id)?.text}
							error={errors.find((e) => e.key === where.join("."))?.message}
							onInput={(text) => onChange(id, k, where, text)}
						/>
					);
				})}
			</div>
		</Card>
	);
}

/** The tree to send of what was changed. changes: id -> {k, where, text, before} */
export const treeOf = (changes) =>
	[...changes.values()].reduce((tree, { k, where, text, before }) => withAt(tree, where, changeOf(k, before, text)), {});

/** @param {{schema: object, config: object, changes: Map, errors: object[], onChanges: (m: Map) => void}} props */
export function ConfigForm({ schema, config, changes, errors, onChanges }) {
	const [filter, setFilter] = useState("");
	const [team, setTeam] = useState("");
	const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
	const names = Object.keys(config.teams ?? {});
	const base = team === "" ? [] : ["teams", team];
	const places = team === "" ? PLACES : TEAM_PLACES;

	function change(id, k, where, text) {
		const next = new Map(changes);
		const before = at(config, where);

		if (text === toText(k, before) || (text === "" && k.secret && before === MASK))
			next.delete(id);
		else
			next.set(id, { k, where, text, before });
		onChanges(next);
	}
	const sections = schema.sections.filter((s) => s.name in places);
	return (
		<>
			<div class="actions config-filter">
				<Input label="Search" class="inline" data-search type="search" value={filter} onInput={setFilter} />
				<Select
					label="Keys of"
					class="inline"
					value={team}
					onInput={setTeam}
					options={[{ value: "", label: "Iris itself" }, ...names.map((n) => ({ value: n, label: `team ${n}` }))]}
				/>
				{names.length === 0 && (
					<a href={href("")}>Add a team on the overview</a>
				)}
			</div>
			{sections.map((s) => (
				<Section key={`${team}\0${s.name}`} section={s} place={[...base, ...places[s.name]]} config={config} changes={changes}
					errors={errors} words={words} onChange={change} />
			))}
			{sections.every((s) => s.keys.every((k) => !words.every((w) => `${s.name} ${k.name} ${k.help}`.toLowerCase().includes(w)))) && (
				<Empty icon="config" title="No key fits the search" />
			)}
		</>
	);
}
