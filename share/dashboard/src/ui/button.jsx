/* SPDX-License-Identifier: MIT
 *
 * Buttons. One whose onClick answers a promise is busy until that has settled, and can not be
 * pressed twice; an error of it becomes a toast.
 */
import { useRef, useState } from "preact/hooks";
import { Icon } from "./icons.jsx";
import { toast } from "./toast.jsx";

function usePending(onClick) {
	const [busy, setBusy] = useState(false);
	const now = useRef(false);

	async function press(event) {
		if (now.current)
			return;
		const result = onClick?.(event);
		if (!(result instanceof Promise))
			return;
		now.current = true;
		setBusy(true);
		try {
			await result;
		} catch (error) {
			toast.error(error);
		}
		now.current = false;
		setBusy(false);
	}
	return [busy, press];
}

/** @param {{kind?: "primary"|"danger"|"quiet"|"", icon?: string, small?: boolean}} props */
export function Button({ kind = "", icon, small, children, onClick, class: more = "", disabled, ...rest }) {
	const [busy, press] = usePending(onClick);

	return (
		<button
			type="button"
			class={`button ${kind} ${small ? "small" : ""} ${more}`}
			aria-busy={busy || undefined}
			disabled={disabled}
			onClick={press}
			{...rest}
		>
			{icon && <Icon name={icon} />}
			{children}
		</button>
	);
}

/** A button that is only an icon; label is what it is called, and its hint. */
export function IconButton({ icon, label, ...rest }) {
	return (
		<Button kind="quiet icon-only" icon={icon} aria-label={label} title={label} {...rest} />
	);
}

/** Copies text; where the browser does not let it, says so. */
export function CopyButton({ text, label = "Copy" }) {
	const [done, setDone] = useState(false);

	async function copy() {
		try {
			await navigator.clipboard.writeText(text);
		} catch {
			throw new Error("The browser does not let this page copy. Select the text and copy it by hand.");
		}
		setDone(true);
		setTimeout(() => setDone(false), 2000);
	}
	return (
		<Button small icon={done ? "check" : "copy"} onClick={copy}>
			{done ? "Copied" : label}
		</Button>
	);
}
