/* SPDX-License-Identifier: MIT
 *
 * A button with a menu of further things to do: arrows move, Esc closes and gives the focus back.
 */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { IconButton } from "./button.jsx";
import { Icon } from "./icons.jsx";

/** @param {{label: string, items: ({title: string, icon?: string, danger?: boolean, onSelect: () => void}|false)[]}} props */
export function Menu({ label, icon = "more", items }) {
	const [open, setOpen] = useState(false);
	const root = useRef(null);
	const id = useId();
	const shown = items.filter(Boolean);

	useEffect(() => {
		if (!open)
			return undefined;
		const outside = (e) => !root.current.contains(e.target) && setOpen(false);
		document.addEventListener("pointerdown", outside);
		root.current.querySelector("[role=menuitem]")?.focus();
		return () => document.removeEventListener("pointerdown", outside);
	}, [open]);
	function close() {
		setOpen(false);
		root.current.querySelector("button").focus();
	}
	function key(event) {
		const list = [...root.current.querySelectorAll("[role=menuitem]")];
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		if (event.key === "Escape" && open) {
			event.stopPropagation();
			close();
		} else if (step && open) {
			event.preventDefault();
			list[(list.indexOf(document.activeElement) + step + list.length) % list.length].focus();
		} else if (event.key === "Tab")
			setOpen(false);
	}
	return (
		<div class="menu" ref={root} onKeyDown={key}>
			<IconButton
				icon={icon}
				label={label}
				aria-haspopup="menu"
				aria-expanded={open}
				aria-controls={open ? id : undefined}
				onClick={() => setOpen(!open)}
			/>
			{open && (
				<div class="menu-list" role="menu" id={id} aria-label={label}>
					{shown.map((item) => (
						<button
							key={item.title}
							type="button"
							role="menuitem"
							tabIndex={-1}
							class={item.danger ? "danger" : ""}
							onClick={() => {
								close();
								item.onSelect();
							}}
						>
							{item.icon && <Icon name={item.icon} />}
							{item.title}
						</button>
					))}
				</div>
			)}
		</div>
	);
}
