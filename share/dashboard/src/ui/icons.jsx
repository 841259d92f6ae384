/* SPDX-License-Identifier: MIT
 *
 * The icons: strokes on a grid of 16, drawn in the colour of the text around them.
 */
const PATHS = {
	overview: "M2 2h5v5H2zM9 2h5v5H9zM2 9h5v5H2zM9 9h5v5H9z",
	conversations: "M2 3h9v6H6l-2.5 2.5V9H2zM13 6h1v6h-1.5v2L10 12H7",
	processes: "M4 4h8v8H4zM6.5 1.5V4M9.5 1.5V4M6.5 12v2.5M9.5 12v2.5M1.5 6.5H4M1.5 9.5H4M12 6.5h2.5M12 9.5h2.5",
	approvals: "M8 1.5l5.5 2v4.2c0 3.3-2.3 5.6-5.5 6.8-3.2-1.2-5.5-3.5-5.5-6.8V3.5zM5.5 8l1.8 1.8L10.7 6.3",
	logs: "M3 3.5h10M3 6.5h7M3 9.5h10M3 12.5h5",
	config: "M2 4.5h7M12 4.5h2M2 11.5h2M7 11.5h7M10.5 3v3M5.5 10v3",
	costs: "M2.5 13.5h11M4.5 11V8M8 11V3M11.5 11V6",
	plus: "M8 3v10M3 8h10",
	close: "M4 4l8 8M12 4l-8 8",
	search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3L14 14",
	wake: "M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1",
	sleep: "M13.5 9.5A5.8 5.8 0 0 1 6.5 2.5a5.8 5.8 0 1 0 7 7z",
	send: "M14 2L2 7l5 2 2 5zM14 2L7 9",
	stop: "M4 4h8v8H4z",
	more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
	check: "M3 8.5l3.2 3L13 4.5",
	copy: "M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1",
	fork: "M4.5 2.5v6.5a2.5 2.5 0 0 0 2.5 2.5h4.5M9.5 9l2.5 2.5L9.5 14M4.5 6h4a3 3 0 0 0 3-3",
	reboot: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
	trash: "M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.7 9h6.6l.7-9M6.7 7v4M9.3 7v4",
	edit: "M3 13l.6-3L10.5 3l2.5 2.5-7 7zM9 4.5L11.5 7",
	back: "M10 3L5 8l5 5",
	down: "M3.5 6L8 10.5 12.5 6",
	right: "M6 3.5L10.5 8 6 12.5",
	theme: "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12",
	help: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM6.3 6.3c.1-1 .8-1.6 1.7-1.6s1.7.6 1.7 1.5c0 1.2-1.7 1.3-1.7 2.6M8 11.1v.1",
	logout: "M6.5 2.5h-4v11h4M10 5l3 3-3 3M13 8H6",
	tool: "M10 2.5a3.5 3.5 0 0 0-3.3 4.6L2.5 11.3l2.2 2.2 4.2-4.2A3.5 3.5 0 0 0 13.4 5l-2 2-2-.7-.7-2z",
	download: "M8 2v8M4.5 7L8 10.5 11.5 7M2.5 13.5h11",
	pause: "M5.5 3v10M10.5 3v10",
	play: "M4.5 3l8 5-8 5z",
	bell: "M8 2a4 4 0 0 0-4 4c0 4-1.5 5-1.5 5h11S12 10 12 6a4 4 0 0 0-4-4zM6.7 13.5h2.6",
	warning: "M8 2l6.5 11.5h-13zM8 6.5v3.5M8 12v.1",
	link: "M6.5 9.5l3-3M7 4.5l1.5-1.5a2.8 2.8 0 0 1 4 4L11 8.5M9 11.5L7.5 13a2.8 2.8 0 0 1-4-4L5 7.5",
	compact: "M2.5 5h11M2.5 11h11M8 1v3M8 15v-3M6.5 2.8L8 4.3l1.5-1.5M6.5 13.2L8 11.7l1.5 1.5M5 8h6",
};

/** @param {{name: keyof typeof PATHS, size?: number}} props Says nothing to screen readers. */
export function Icon({ name, size = 16 }) {
	return (
		<svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
			<path d={PATHS[name]} />
		</svg>
	);
}
