/* SPDX-License-Identifier: MIT
 *
 * Light, dark, or as the system has it; kept in this browser.
 */
import { signal } from "@preact/signals";

const KEY = "iris.theme";
const THEMES = ["auto", "light", "dark"];

/** @type {import("@preact/signals").Signal<"auto" | "light" | "dark">} */
export const theme = signal(THEMES.includes(localStorage.getItem(KEY)) ? localStorage.getItem(KEY) : "auto");

export function applyTheme() {
	document.documentElement.dataset.theme = theme.value;
}

/** The next of the three. */
export function switchTheme() {
	theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length];
	localStorage.setItem(KEY, theme.value);
	applyTheme();
}
