// Adds events to the table as they happen. Rows are gathered and put in a few times a second; there are never more than
// MOST of them. While the tab is hidden nothing is listened to, and what was missed is asked for by the number of the last
// event when it is looked at again. Without this script one follows "Newer".
"use strict";
(() => {
  const box = document.getElementById("events");
  if (!box || !box.dataset.stream || !window.EventSource || "after" in box.dataset) return;
  const MOST = 200;
  const GATHER_MS = 250;
  const SAY_MS = 10000;
  const AGAIN_MS = 30000;
  const KINDS = ["open", "update", "disconnected", "reconnected", "failed_over", "close"];
  const GOOD = { open: "good", reconnected: "good", disconnected: "warn" };
  const [state, said, pause] = ["events-state", "events-said", "events-pause"].map((id) => document.getElementById(id));
  const rows = box.querySelector("tbody");
  const template = document.getElementById("event-row");
  const now = { source: null, last: box.dataset.last, live: false, paused: false, waiting: [], timer: 0, again: 0, heard: 0, sayAt: 0, missed: 0 };

  // As the server writes them.
  const time = (at) => new Date(Date.parse(at) + Number(box.dataset.offset) * 1000).toISOString().slice(0, 19).replace("T", " ");
  const word = (text) => text || "nothing";
  const details = (event) => {
    const parts = event.reason ? [event.reason.replaceAll("_", " ")] : [];
    if (event.type === "open") {
      ["$Provider", "$Plan", "$Zone"].forEach((key) => { if (event.properties[key]) parts.push(`${key} ${event.properties[key]}`); });
    }
    Object.keys(event.previous).sort().forEach((key) => {
      parts.push(`${key}: ${word(event.previous[key])} → ${word(event.properties[key])}`);
    });
    return parts.join(", ");
  };
  const row = (event) => {
    const fresh = template.content.firstElementChild.cloneNode(true);
    const [at, kind, whose, more] = fresh.cells;
    at.textContent = time(event.at);
    const badge = kind.firstElementChild;
    badge.textContent = event.type.replaceAll("_", " ");
    if (GOOD[event.type]) badge.classList.add(GOOD[event.type]);
    const [session, device] = whose.querySelectorAll("a");
    const name = event.properties.$Hostname || event.properties.$Mac || "a device";
    session.firstElementChild.textContent = name.length > 32 ? `${name.slice(0, 32)}…` : name;
    session.href = `/admin/sessions/${encodeURIComponent(event.session)}`;
    device.href = `/admin/devices/${encodeURIComponent(event.device)}`;
    more.firstElementChild.textContent = details(event);
    fresh.className = "fresh";
    return fresh;
  };

  const show = (text) => { if (state.textContent !== text) state.textContent = text; };
  const stands = () => {
    if (now.paused) return show(now.missed ? `Paused: ${now.missed} new` : "Paused");
    show(now.source && now.source.readyState === EventSource.OPEN ? "Live, newest first" : "Connecting …");
  };
  // Says how many there were, now and then only: nobody can listen to each of them.
  const say = () => {
    if (!now.heard || now.paused || Date.now() < now.sayAt) return;
    said.textContent = now.heard === 1 ? "1 new event" : `${now.heard} new events`;
    now.heard = 0;
    now.sayAt = Date.now() + SAY_MS;
  };
  const put = () => {
    now.timer = 0;
    if (now.paused || now.waiting.length === 0) return stands();
    const fresh = now.waiting.splice(0).slice(-MOST).map(row).reverse();
    box.querySelectorAll(".fresh").forEach((old) => { old.className = ""; });
    const held = document.activeElement;
    const part = document.createDocumentFragment();
    part.append(...fresh);
    rows.prepend(part);
    while (rows.rows.length > MOST) {
      if (rows.lastElementChild.contains(held)) break;
      rows.lastElementChild.remove();
    }
    document.getElementById("events-table").hidden = false;
    document.getElementById("events-empty").hidden = true;
    say();
    stands();
  };
  const hear = (message) => {
    if (message.lastEventId) now.last = message.lastEventId;
    // Behind a `resync` come the sessions that there are: nothing has happened to them.
    if (!now.live) return;
    now.waiting.push(JSON.parse(message.data));
    now.heard += 1;
    if (now.paused) now.missed += 1;
    if (now.waiting.length > MOST) now.waiting.shift();
    if (!now.timer) now.timer = setTimeout(put, GATHER_MS);
  };
  const close = () => {
    clearTimeout(now.again);
    if (now.source) now.source.close();
    now.source = null;
  };
  const open = () => {
    close();
    if (document.hidden) return;
    const source = new EventSource(`${box.dataset.stream}${box.dataset.stream.includes("?") ? "&" : "?"}last_event_id=${encodeURIComponent(now.last)}`);
    now.source = source;
    now.live = true;
    KINDS.forEach((kind) => source.addEventListener(kind, hear));
    source.addEventListener("ready", (message) => { now.live = true; if (message.lastEventId) now.last = message.lastEventId; stands(); });
    source.addEventListener("resync", () => { now.live = false; });
    source.addEventListener("open", stands);
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return show("The connection is lost; connecting again …");
      // Signed out, or too many listen: it does not try again by itself.
      show("The stream has ended. Load the page again if it does not come back.");
      now.again = setTimeout(open, AGAIN_MS);
    });
    stands();
  };

  pause.hidden = false;
  pause.setAttribute("aria-pressed", "false");
  document.getElementById("events-newer").hidden = true;
  pause.addEventListener("click", () => {
    now.paused = !now.paused;
    pause.setAttribute("aria-pressed", String(now.paused));
    if (!now.paused) { now.missed = 0; put(); }
    stands();
  });
  setInterval(say, SAY_MS);
  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else open(); });
  addEventListener("pagehide", close);
  open();
})();
