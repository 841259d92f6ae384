/* SPDX-License-Identifier: MIT
 *
 * The shell around the pages: navigation with the number of requests that wait, the state of the
 * connection, the keys, the login page. A page that fails while it is drawn is replaced by what has
 * happened; the shell stays.
 */
import { Component } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { connection } from "./lib/live.js";
import { href, navigate, route } from "./lib/router.js";
import { leave, may, session } from "./lib/session.js";
import { loadError, loaded, pending, reload, status } from "./lib/store.js";
import { switchTheme, theme } from "./lib/theme.js";
import { pages } from "./pages/index.js";
import ApprovalModal from "./pages/approval-modal.jsx";
import { Dialog, Empty, ErrorBox, Icon, IconButton, Spinner, Toasts } from "./ui/index.js";

const CHORD = 1500;

class Boundary extends Component {
	state = { error: null };

	componentDidCatch(error) {
		this.setState({ error });
	}

	render({ children }, { error }) {
		return error ? (
			<ErrorBox
				title="This page could not be drawn"
				error={error}
				retry={() => this.setState({ error: null })}
			/>
		) : (
			children
		);
	}
}

/* A page's file is loaded when it is first looked at. */
const modules = new Map();

function Page({ page, rest, query }) {
	const [, draw] = useState(0);
	const known = modules.get(page.path);

	useEffect(() => {
		document.title = `${page.title} · Iris`;
		if (known)
			return;
		page.load()
			.then((m) => modules.set(page.path, { Page: m.default }))
			.catch((error) => modules.set(page.path, { error }))
			.finally(() => draw((n) => n + 1));
	}, [page]);
	if (known?.error)
		return (
			<ErrorBox
				title="This page could not be loaded"
				error={new Error("A newer version of Iris may have taken the place of the one that this page is of.")}
				retry={() => location.reload()}
			/>
		);
	if (!known)
		return <Spinner />;
	if (!may(page.scope))
		return (
			<Empty title={`This login may not see ${page.title.toLowerCase()}`} icon="approvals">
				It needs the scope “{page.scope}”. Log in again: <code>iris dashboard --scope {page.scope}</code>
			</Empty>
		);
	return <known.Page rest={rest} query={query} />;
}

const WORDS = {
	connected: ["ok", "Live"],
	connecting: ["warn", "Connecting"],
	lost: ["bad", "Connection lost, trying again"],
};

function Connection() {
	const [tone, words] = WORDS[connection.value];

	return (
		<p class="connection" role="status" title={words}>
			<span class={`dot ${tone}`} />
			<span class="connection-text">{words}</span>
		</p>
	);
}

function Nav({ current }) {
	return (
		<nav class="nav" aria-label="Pages">
			{pages.map((p) => {
				const badge = p.path === "approvals" ? pending.value.length : 0;
				return (
					<a key={p.path} href={href(p.path)} aria-current={p === current ? "page" : undefined}>
						<Icon name={p.icon} size={18} />
						<span class="nav-title">{p.title}</span>
						<span class="nav-short" aria-hidden="true">
							{p.short ?? p.title}
						</span>
						{badge > 0 && (
							<span class="nav-badge">
								{badge}
								<span class="sr-only"> waiting</span>
							</span>
						)}
					</a>
				);
			})}
		</nav>
	);
}

const THEME_WORDS = { auto: "as the system", light: "light", dark: "dark" };

function Tools({ onHelp }) {
	return (
		<div class="tools">
			<IconButton icon="theme" label={`Colours: ${THEME_WORDS[theme.value]}`} onClick={switchTheme} />
			<IconButton icon="help" label="Keys and help" onClick={onHelp} />
			<IconButton icon="logout" label="Log out" onClick={leave} />
		</div>
	);
}

function Help({ onClose }) {
	const keys = [
		...pages.map((p) => [["g", p.key], p.title]),
		[["/"], "Search or filter on this page"],
		[["?"], "This help"],
		[["Esc"], "Close a dialog"],
	];

	return (
		<Dialog title="Keys" onClose={onClose}>
			<dl class="keys">
				{keys.map(([chord, what]) => (
					<div key={what}>
						<dt>
							{chord.map((k) => (
								<kbd key={k}>{k}</kbd>
							))}
						</dt>
						<dd>{what}</dd>
					</div>
				))}
			</dl>
			<p class="muted">
				Iris {session.value.me?.version ?? status.value?.version}. The manual: <code>man iris</code>, <code>man iris-api</code>.
			</p>
		</Dialog>
	);
}

/*
 * The search of the page. Where there is no room for it beside what is shown, as for the list of
 * conversations on a phone, it is what the page begins with.
 */
function toSearch(page) {
	const search = document.querySelector("[data-search]");

	if (search?.offsetParent === null) {
		navigate(href(page));
		/* After the page has been drawn. */
		setTimeout(() => search.focus());
	} else {
		/* At once: what is typed next is for it. */
		search?.focus();
	}
	return search !== null;
}

/* "g" and a letter go to a page, "/" to the search of the page, "?" to the help. */
function useKeys(onHelp) {
	const since = useRef(0);

	useEffect(() => {
		function key(event) {
			if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented)
				return;
			if (event.target.closest?.("input, textarea, select, [contenteditable], dialog"))
				return;
			const page = Date.now() - since.current < CHORD && pages.find((p) => p.key === event.key);
			since.current = event.key === "g" ? Date.now() : 0;
			if (page)
				navigate(href(page.path));
			else if (event.key === "?")
				onHelp();
			else if (event.key !== "/" || !toSearch(route.value.page))
				return;
			event.preventDefault();
		}
		document.addEventListener("keydown", key);
		return () => document.removeEventListener("keydown", key);
	}, []);
}

function Login({ why, ended }) {
	return (
		<main class="login">
			<img src="icon.svg" alt="" width="56" height="56" />
			<h1>Iris</h1>
			<p>To log in, run this on the machine where Iris runs:</p>
			<pre class="code">iris dashboard</pre>
			<p class="muted">It opens this page with a link that works once, for two minutes. There is no password.</p>
			{why && (
				<ErrorBox
					title={ended ? "You are not logged in any more" : "The login did not work"}
					error={why}
					retry={why.status === 0 ? () => location.reload() : undefined}
				/>
			)}
		</main>
	);
}

/* What needs attention above every page. IRIS_VERSION is put in by build.mjs. */
function Banner() {
	if (loadError.value)
		return <ErrorBox title="What irisd knows could not be loaded" error={loadError.value} retry={reload} />;
	if (status.value && status.value.version !== IRIS_VERSION)
		return (
			<p class="banner warn" role="status">
				Iris is now version {status.value.version}, and this page is of {IRIS_VERSION}.{" "}
				<button type="button" class="link-button" onClick={() => location.reload()}>
					Load it anew
				</button>
			</p>
		);
	if (connection.value === "lost" && loaded.value)
		return (
			<p class="banner warn" role="status">
				The connection to irisd is lost; what you see may be old. This page connects again by itself. If irisd was
				stopped: <code>iris start</code>
			</p>
		);
	return null;
}

function Shell() {
	const { page: path, rest, query } = route.value;
	const page = pages.find((p) => p.path === path);
	const [help, setHelp] = useState(false);
	const main = useRef(null);
	const drawn = useRef(false);

	useKeys(() => setHelp(true));
	useEffect(() => main.current.scrollTo?.(0, 0), [path]);
	/* Who goes to a page by its keys is on it then, and hears its title; also where what had the focus is gone. */
	useEffect(() => {
		if (drawn.current && !main.current.contains(document.activeElement))
			main.current.focus({ preventScroll: true });
		drawn.current = true;
	}, [path, rest.join("/")]);
	return (
		<div class="shell">
			<a
				class="skip"
				href="#main"
				onClick={(e) => {
					e.preventDefault();
					main.current.focus();
				}}
			>
				Skip to the content
			</a>
			<header class="side">
				<a class="brand" href={href("")}>
					<img src="icon.svg" alt="" width="26" height="26" />
					Iris
				</a>
				<Nav current={page} />
				<div class="side-foot">
					<Connection />
					<Tools onHelp={() => setHelp(true)} />
				</div>
			</header>
			<main class={`main page-${page?.path || "overview"}`} id="main" tabIndex={-1} ref={main} aria-label={page?.title}>
				<Banner />
				{!page && (
					<Empty title="There is no such page" icon="search">
						<a href={href("")}>To the overview</a>
					</Empty>
				)}
				{page && !loaded.value && !loadError.value && <Spinner />}
				{page && loaded.value && (
					<Boundary key={page.path}>
						<Page page={page} rest={rest} query={query} />
					</Boundary>
				)}
			</main>
			{loaded.value && may("approve") && <ApprovalModal />}
			{help && <Help onClose={() => setHelp(false)} />}
		</div>
	);
}

export function App() {
	const { phase, why, ended } = session.value;

	return (
		<>
			{phase === "starting" && <Spinner label="Iris" />}
			{phase === "out" && <Login why={why} ended={ended} />}
			{phase === "in" && <Shell />}
			<Toasts />
		</>
	);
}
