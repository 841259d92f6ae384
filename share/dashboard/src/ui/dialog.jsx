/* SPDX-License-Identifier: MIT
 *
 * Dialogs: the browser's own <dialog>, which keeps the focus inside, ends by Esc, and gives the focus
 * back to where it was. One is there while it is drawn; onClose is to stop drawing it.
 */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Button, IconButton } from "./button.jsx";
import { ErrorBox } from "./empty.jsx";

/**
 * @param {{title: string, onClose: () => void, onSubmit?: () => any, actions?: any, wide?: boolean}} props
 * With onSubmit it is a form, and Enter submits it.
 */
export function Dialog({ title, onClose, onSubmit, actions, wide, children, role }) {
	const ref = useRef(null);
	const id = useId();
	const Body = onSubmit ? "form" : "div";

	useEffect(() => {
		const before = document.activeElement;
		const dialog = ref.current;
		dialog.showModal();
		return () => {
			dialog.close();
			if (before?.isConnected)
				before.focus();
		};
	}, []);
	function submit(event) {
		event.preventDefault();
		onSubmit();
	}
	return (
		<dialog
			ref={ref}
			role={role}
			class={`dialog ${wide ? "wide" : ""}`}
			aria-labelledby={id}
			onCancel={(e) => {
				e.preventDefault();
				onClose();
			}}
			onMouseDown={(e) => e.target === ref.current && onClose()}
		>
			<Body class="dialog-body" onSubmit={onSubmit && submit} noValidate={onSubmit && true}>
				<header class="dialog-head">
					<h2 id={id}>{title}</h2>
					<IconButton icon="close" label="Close" onClick={onClose} />
				</header>
				<div class="dialog-main">{children}</div>
				{actions && <footer class="dialog-foot">{actions}</footer>}
			</Body>
		</dialog>
	);
}

/**
 * Asks before something is done. onConfirm may answer a promise; the dialog stays until it has
 * settled, and shows why when it has failed.
 */
export function ConfirmDialog({ title, confirm, danger = true, onConfirm, onClose, children }) {
	const [error, setError] = useState(null);
	const [busy, setBusy] = useState(false);

	async function go() {
		if (busy)
			return;
		setBusy(true);
		setError(null);
		try {
			await onConfirm();
			onClose();
		} catch (e) {
			setError(e);
			setBusy(false);
		}
	}
	return (
		<Dialog
			role="alertdialog"
			title={title}
			onClose={onClose}
			onSubmit={go}
			actions={
				<>
					<Button onClick={onClose}>Cancel</Button>
					<Button kind={danger ? "danger" : "primary"} type="submit" aria-busy={busy || undefined}>
						{confirm}
					</Button>
				</>
			}
		>
			{children}
			{error && <ErrorBox error={error} />}
		</Dialog>
	);
}
