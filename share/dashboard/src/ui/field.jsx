/* SPDX-License-Identifier: MIT
 *
 * Fields of forms: a label, the control, a hint, and what is wrong with it, tied together for screen
 * readers. Field gives its control the ids; the others are Fields with the usual controls.
 */
import { useId } from "preact/hooks";

/** @param {{label: string, hint?: any, error?: string, children: (props: object) => any}} props */
export function Field({ label, hint, error, children, class: more = "" }) {
	const id = useId();
	const about = [hint && `${id}h`, error && `${id}e`].filter(Boolean).join(" ") || undefined;

	return (
		<div class={`field ${error ? "has-error" : ""} ${more}`}>
			<label for={id}>{label}</label>
			{children({ id, "aria-describedby": about, "aria-invalid": error ? true : undefined })}
			{hint && (
				<p class="hint" id={`${id}h`}>
					{hint}
				</p>
			)}
			{error && (
				<p class="field-error" id={`${id}e`}>
					{error}
				</p>
			)}
		</div>
	);
}

/** onInput gets the value. */
export function Input({ label, hint, error, onInput, class: more, ...rest }) {
	return (
		<Field label={label} hint={hint} error={error} class={more}>
			{(props) => (
				<input
					class="input"
					autoComplete="off"
					spellcheck={false}
					onInput={(e) => onInput(e.currentTarget.value)}
					{...props}
					{...rest}
				/>
			)}
		</Field>
	);
}

export function Textarea({ label, hint, error, onInput, class: more, ...rest }) {
	return (
		<Field label={label} hint={hint} error={error} class={more}>
			{(props) => (
				<textarea class="input" onInput={(e) => onInput(e.currentTarget.value)} {...props} {...rest} />
			)}
		</Field>
	);
}

/** options: texts, or {value, label}. */
export function Select({ label, hint, error, options, onInput, class: more, value, ...rest }) {
	return (
		<Field label={label} hint={hint} error={error} class={more}>
			{(props) => (
				<select
					class="input"
					value={value}
					onChange={(e) => onInput(e.currentTarget.value)}
					{...props}
					{...rest}
				>
					{options.map((o) => {
						const { value: v, label: l } = typeof o === "object" ? o : { value: o, label: o };
						return (
							<option key={v} value={v} selected={v === value}>
								{l}
							</option>
						);
					})}
				</select>
			)}
		</Field>
	);
}

export function Check({ label, checked, onInput, hint, ...rest }) {
	const id = useId();

	return (
		<div class="check">
			<input
				type="checkbox"
				id={id}
				checked={checked}
				aria-describedby={hint ? `${id}h` : undefined}
				onChange={(e) => onInput(e.currentTarget.checked)}
				{...rest}
			/>
			<label for={id}>{label}</label>
			{hint && (
				<p class="hint" id={`${id}h`}>
					{hint}
				</p>
			)}
		</div>
	);
}
