/* SPDX-License-Identifier: MIT
 *
 * A box with a title, and what can be done with it beside the title.
 */
import { useId } from "preact/hooks";

export function Card({ title, actions, level = 2, class: more = "", children, ...rest }) {
	const id = useId();
	const H = `h${level}`;

	return (
		<section class={`card ${more}`} aria-labelledby={title ? id : undefined} {...rest}>
			{title && (
				<header class="card-head">
					<H id={id}>{title}</H>
					{actions && <div class="actions">{actions}</div>}
				</header>
			)}
			{children}
		</section>
	);
}
