/* SPDX-License-Identifier: MIT
 *
 * What is shown in the place of content: nothing yet, something went wrong, not there yet.
 */
import { Button } from "./button.jsx";
import { Icon } from "./icons.jsx";

/** Nothing is there: title says so, children what to do about it. */
export function Empty({ title, icon, children, actions }) {
	return (
		<div class="empty">
			{icon && <Icon name={icon} size={28} />}
			<p class="empty-title">{title}</p>
			{children && <div class="empty-text">{children}</div>}
			{actions && <div class="actions">{actions}</div>}
		</div>
	);
}

/** What happened, and what to do. retry: a function that tries again. */
export function ErrorBox({ error, title = "That did not work", retry }) {
	return (
		<div class="error-box" role="alert">
			<Icon name="warning" />
			<div>
				<strong>{title}</strong>
				<p>{error.message}</p>
				{error.advice && <p>{error.advice}</p>}
			</div>
			{retry && (
				<Button small icon="reboot" onClick={retry}>
					Try again
				</Button>
			)}
		</div>
	);
}

export function Spinner({ label = "Loading" }) {
	return (
		<p class="spinner" role="status">
			<span class="spin" aria-hidden="true" />
			{label}…
		</p>
	);
}
