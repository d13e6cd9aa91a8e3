"use strict";
// The page works without this script. With it the parts of the page stay up to date, links and
// forms do not load the page again, and the person's typing and reading reach the bot.
(() => {
	const notice = document.getElementById("notice");
	let since = document.body.dataset.since;
	let stream = null;
	let read = "";
	let lost = false;
	const gone = "The sandbox does not answer. Is it still running?";

	// One stream for this tab, and none while nobody sees it.
	function listen() {
		if (stream) stream.close();
		stream = null;
		if (document.hidden) return;
		const query = new URLSearchParams(location.search);
		query.set("since", since);
		stream = new EventSource("/sandbox/stream?" + query);
		stream.onmessage = (event) => {
			since = event.lastEventId;
			for (const [id, html] of Object.entries(JSON.parse(event.data))) renew(id, html);
			afterwards();
		};
		stream.onopen = () => {
			if (lost) tell("");
			lost = false;
		};
		stream.onerror = () => { // the browser tries again by itself
			lost = true;
			tell(gone, true);
		};
	}

	// renew changes a part of the page where it differs, so that what a person has typed, opened
	// or focused stays.
	function renew(id, html) {
		const old = document.getElementById(id);
		const fresh = old.cloneNode(false);
		const holder = document.createElement("template");
		holder.innerHTML = html;
		fresh.append(holder.content);
		children(old, fresh);
	}

	function same(a, b) {
		return a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id || "") === (b.id || "");
	}

	function children(old, fresh) {
		let at = old.firstChild;
		for (const next of [...fresh.childNodes]) {
			let found = at;
			if (next.id) {
				found = [...old.children].find((e) => e.id === next.id);
			} else {
				while (found && found.id) found = found.nextSibling;
			}
			if (found && same(found, next)) {
				if (found !== at) old.insertBefore(found, at);
				morph(found, next);
				at = found.nextSibling;
			} else {
				old.insertBefore(next, at);
			}
		}
		while (at) {
			const gone = at;
			at = at.nextSibling;
			gone.remove();
		}
	}

	function morph(old, fresh) {
		if (old.isEqualNode(fresh)) return;
		if (old.nodeType !== Node.ELEMENT_NODE) {
			old.nodeValue = fresh.nodeValue;
			return;
		}
		for (const {name, value} of [...fresh.attributes]) {
			if (old.getAttribute(name) !== value) old.setAttribute(name, value);
		}
		for (const {name} of [...old.attributes]) {
			if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
		}
		children(old, fresh);
	}

	// A webview opens in a frame over the conversation. Those that open when they arrive leave the
	// focus where it is.
	const webview = document.getElementById("webview");
	const known = new Set(); // those that have opened by themselves, or were there before
	let whose = null;
	let opener = null;

	function openWebview(link) {
		closeWebview();
		opener = link;
		const frame = document.createElement("iframe");
		frame.src = link.href;
		frame.title = link.textContent;
		webview.dataset.size = link.dataset.size;
		webview.append(frame);
		webview.open = true; // unlike show, it does not take the focus
	}

	function closeWebview() {
		if (webview.contains(document.activeElement)) opener.focus();
		webview.open = false;
		webview.querySelector("iframe")?.remove();
	}

	function openArrived() {
		const query = new URLSearchParams(location.search);
		const now = ["app", "user", "talk"].map((name) => query.get(name)).join();
		if (now !== whose) closeWebview();
		for (const link of document.querySelectorAll("[data-open]")) {
			if (now === whose && !known.has(link.href)) openWebview(link);
			known.add(link.href);
		}
		whose = now;
	}

	// afterwards does what the new state of the page asks for.
	function afterwards() {
		const {message} = document.getElementById("latest").dataset;
		if (message && message !== read && !document.hidden) {
			read = message;
			signal("read");
		}
		openArrived();
		rove();
	}

	// rove lets Tab stop at one row only. The arrow keys lead to the others.
	function rove() {
		const rows = [...document.querySelectorAll(".rows a")];
		const stop = rows.find((a) => a === document.activeElement) ||
			rows.find((a) => a.hasAttribute("aria-current")) || rows.at(-1);
		for (const a of rows) a.tabIndex = a === stop ? 0 : -1;
	}
	document.addEventListener("focusin", (event) => event.target.matches(".rows a") && rove());

	// closeMenus closes the menus without this in them. The focus does not vanish with one.
	function closeMenus(target) {
		for (const menu of document.querySelectorAll("details.menu[open]")) {
			if (menu.contains(target)) continue;
			if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
			menu.open = false;
		}
	}
	document.addEventListener("click", (event) => closeMenus(event.target));

	function signal(kind) {
		const {appId, user, conversation} = document.getElementById("say").elements;
		if (!conversation) return; // nothing was said yet
		const body = new URLSearchParams(
			{appId: appId.value, user: user.value, conversation: conversation.value, kind});
		fetch("/sandbox/signal", {method: "POST", body, headers: {Accept: "application/json"}}).catch(() => {});
	}

	// The person types, and stops when nothing came for three seconds.
	let typing = 0;
	let idle = 0;
	document.addEventListener("input", (event) => {
		if (event.target.id !== "text") return;
		if (Date.now() - typing > 5000) {
			typing = Date.now();
			signal("typing");
		}
		clearTimeout(idle);
		idle = setTimeout(stopped, 3000);
	});
	function stopped() {
		clearTimeout(idle);
		if (typing) signal("stopped");
		typing = 0;
	}

	function tell(text, bad) {
		notice.textContent = text;
		notice.classList.toggle("bad", Boolean(bad));
	}

	// told is for what shows only at the end of the log, which may be out of sight.
	const told = {
		emit: "The event happened.",
		redeliver: "The delivery was sent again.",
		unheard: "The event happened, but no webhook here has this trigger.",
	};

	// go looks at something else: the stream brings what differs.
	function go(address, replaced) {
		if (!replaced) history.pushState(null, "", address);
		const query = new URLSearchParams(location.search);
		document.getElementById("top").dataset.pane = query.get("pane") || "chat";
		closeMenus();
		tell("");
		listen();
	}

	document.addEventListener("click", (event) => {
		if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
		if (event.target.closest("[data-close]")) closeWebview();
		let link = event.target.closest("a");
		if (!link && !event.target.closest("button, input, select, textarea, summary, label, iframe, pre")) {
			const bubble = event.target.closest(".talk > li");
			if (bubble && !String(getSelection())) link = bubble.querySelector("a.pick");
		}
		if (link?.dataset.size) {
			event.preventDefault();
			openWebview(link);
			webview.querySelector("button").focus();
		} else if (link && link.origin === location.origin && link.pathname === "/" && link.target === "") {
			event.preventDefault();
			go(link.href);
		}
	});
	addEventListener("popstate", () => go(location.href, true));

	document.addEventListener("submit", async (event) => {
		const form = event.target;
		if (!form.hasAttribute("data-stay")) return;
		event.preventDefault();
		const data = new FormData(form, event.submitter);
		if (form.method === "get") {
			go("/?" + new URLSearchParams(data));
			return;
		}
		if (form.dataset.busy) return;
		const text = form.querySelector("textarea[name=text]");
		if (text && !text.value.trim()) {
			tell("Write something first.", true);
			return;
		}
		form.dataset.busy = "1";
		try {
			const body = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
			// The form may have an element of that name.
			const answer = await fetch(form.getAttribute("action"),
				{method: "POST", body, headers: {Accept: "application/json"}});
			if (!answer.ok) {
				tell(await answer.text(), true);
				return;
			}
			const {did} = await answer.json();
			tell(told[did] || "");
			if (form.hasAttribute("data-clear")) form.reset();
			if (form.id === "say") stopped();
			const scroll = form.closest("#chat")?.querySelector(".scroll");
			if (scroll) scroll.scrollTop = 0; // the end, because it is reversed: what was sent comes into view
		} catch {
			tell(gone, true);
		} finally {
			delete form.dataset.busy;
		}
	});

	// Enter sends, Shift and Enter begin a line. Arrow keys go through cards and rows.
	document.addEventListener("keydown", (event) => {
		const at = event.target;
		if (event.key === "Enter" && !event.shiftKey && !event.isComposing && (at.id === "text" || at.id === "answer")) {
			event.preventDefault();
			at.form.requestSubmit(at.form.querySelector("button:not([type]), button[type=submit]"));
		} else if (event.key === "Escape") {
			closeMenus();
			closeWebview();
		} else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && at.matches(".rows a")) {
			const row = at.parentElement;
			const next = event.key === "ArrowDown" ? row.nextElementSibling : row.previousElementSibling;
			if (next) {
				event.preventDefault();
				next.querySelector("a").focus();
			}
		} else if ((event.key === "ArrowRight" || event.key === "ArrowLeft") && at.matches(".carousel")) {
			event.preventDefault();
			at.scrollBy({left: event.key === "ArrowRight" ? 220 : -220});
		}
	});

	document.addEventListener("click", async (event) => {
		const button = event.target.closest("[data-copy]");
		if (!button) return;
		try {
			await navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent);
			tell("Copied.");
		} catch {
			tell("The browser does not let this page copy. Select the text instead.", true);
		}
	});
	document.documentElement.classList.add("live");

	document.addEventListener("visibilitychange", listen);
	addEventListener("pagehide", () => stream && stream.close());
	addEventListener("pageshow", (event) => event.persisted && listen());
	afterwards();
	listen();
})();
