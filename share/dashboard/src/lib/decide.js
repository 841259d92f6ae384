/* SPDX-License-Identifier: MIT
 *
 * What answering permission requests takes beside the page: the answer itself, and what makes a person
 * look: a sound and the browser's notifications, each only when it was asked for.
 */
import { effect, signal } from "@preact/signals";
import { get, path, post } from "./api.js";
import { approvals, loaded, pending } from "./store.js";

const SOUND = "iris.approvals.sound";
const NOTIFY = "iris.approvals.notify";
const BEEP = [[660, 0], [880, 0.16]];

export const sound = signal(localStorage.getItem(SOUND) === "on");
export const notifies = signal(localStorage.getItem(NOTIFY) === "on");

let audio = null;

function beep() {
	audio ??= new AudioContext();
	for (const [pitch, at] of BEEP) {
		const tone = audio.createOscillator(), level = audio.createGain();
		const start = audio.currentTime + at;

		tone.frequency.value = pitch;
		level.gain.setValueAtTime(0.0001, start);
		level.gain.exponentialRampToValueAtTime(0.12, start + 0.02);
		level.gain.exponentialRampToValueAtTime(0.0001, start + 0.15);
		tone.connect(level).connect(audio.destination);
		tone.start(start);
		tone.stop(start + 0.16);
	}
}

export function setSound(on) {
	sound.value = on;
	localStorage.setItem(SOUND, on ? "on" : "off");
	if (on)
		beep();
}

/** Asks the browser the first time. */
export async function setNotifies(on) {
	const granted = on && (await Notification.requestPermission()) === "granted";

	notifies.value = granted;
	localStorage.setItem(NOTIFY, granted ? "on" : "off");
	return granted || !on;
}

const wish = (p) => (p.tool === "AskUserQuestion" ? "asks you something" : `wants to use ${p.tool}`);

/* What a tool would do is not for the lock screen: who and which tool is enough. */
function tell(p) {
	if (sound.value)
		beep();
	if (notifies.value && document.visibilityState !== "visible" && Notification.permission === "granted") {
		const note = new Notification(`${p.team} ${wish(p)}`, { tag: p.id, body: "Iris waits for your answer." });
		note.onclick = () => {
			window.focus();
			location.hash = path`#/approvals/${p.id}`;
			note.close();
		};
	}
}

/* Those that were there before the page need no call: whoever opens it sees them. Null: not loaded yet. */
let told = null;

effect(() => {
	if (!loaded.value) {
		told = null;
		return;
	}
	const fresh = pending.value.filter((p) => told !== null && !told.has(p.id));
	told = new Set([...(told ?? []), ...pending.value.map((p) => p.id)]);
	fresh.forEach(tell);
});

function know(permission) {
	approvals.value = new Map(approvals.value).set(permission.id, permission);
}

/**
 * Answer p as it was shown: its inputHash goes along. When somebody else was faster, or the request is
 * over, the error says so, and the store has what became of it.
 * @param {object} p
 * @param {{behavior: "allow"|"deny", reason?: string, updatedInput?: object, remember?: boolean, expires?: number}} decision
 */
export async function decide(p, decision) {
	try {
		const { permission, remembered } = await post(path`/approvals/${p.id}/answer`, { ...decision, inputHash: p.inputHash });

		know(permission);
		return { permission, remembered };
	} catch (error) {
		const now = await get(path`/approvals/${p.id}`).catch(() => null);
		if (now)
			know(now.permission ?? now);
		throw error;
	}
}
