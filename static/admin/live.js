// Keeps the rows of a list up to date: asks for them every few seconds while the page is looked at, and changes only the cells
// that differ, so that focus, ticks, what is selected and where it is scrolled to stay. Without it one reloads.
"use strict";
(() => {
  const EVERY_MS = 5000;
  const region = () => document.getElementById("rows");
  if (!region()) return;

  // Something is being done with the rows: they wait.
  const isBusy = () => {
    const selection = document.getSelection();
    const selects = selection && !selection.isCollapsed && region().contains(selection.anchorNode);
    const focus = document.activeElement;
    return selects || (focus instanceof HTMLSelectElement && region().contains(focus));
  };

  const mendRow = (old, fresh) => {
    [...fresh.cells].forEach((cell, at) => {
      const known = old.cells[at];
      // A tick belongs to whoever ticks.
      if (!known || known.classList.contains("tickbox") || known.innerHTML === cell.innerHTML) return;
      if (known.contains(document.activeElement)) return;
      known.innerHTML = cell.innerHTML;
    });
  };

  const mend = (fresh) => {
    const [body, newBody] = [region().querySelector("tbody"), fresh.querySelector("tbody")];
    if (!body || !newBody) {
      // From nothing to something or back: nothing in it can be held on to.
      if (region().innerHTML !== fresh.innerHTML && !region().contains(document.activeElement)) region().replaceWith(fresh);
      return;
    }
    const focus = document.activeElement;
    const known = new Map([...body.rows].map((row) => [row.id, row]));
    let place = body.firstElementChild;
    for (const row of [...newBody.rows]) {
      const old = known.get(row.id);
      known.delete(row.id);
      if (!old) {
        body.insertBefore(document.importNode(row, true), place);
        continue;
      }
      mendRow(old, row);
      if (old === place) place = place.nextElementSibling;
      else body.insertBefore(old, place);
    }
    known.forEach((row) => { if (!row.contains(focus)) row.remove(); });
    if (focus && focus !== document.activeElement && document.contains(focus)) focus.focus({ preventScroll: true });
    for (const part of [".count", ".pager"]) {
      const [old, now] = [region().querySelector(part), fresh.querySelector(part)];
      if (old && now && old.innerHTML !== now.innerHTML && !old.contains(document.activeElement)) old.innerHTML = now.innerHTML;
    }
  };

  const refresh = async () => {
    if (document.hidden || isBusy()) return;
    const place = new URL(region().dataset.live, location.href);
    place.searchParams.set("part", "rows");
    try {
      // The header says that nobody did anything: an open page alone keeps nobody signed in.
      const headers = { "X-Turnpike-Live": "1" };
      const answer = await fetch(place, { credentials: "same-origin", redirect: "error", cache: "no-store", headers });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("rows");
      if (fresh && !isBusy()) mend(document.importNode(fresh, true));
    } catch {
      // The box is out of reach: the next time, or a reload.
    }
  };

  // Ticks all that are shown.
  const addTickAll = () => {
    const head = region().querySelector("th.tickbox");
    if (!head || head.querySelector("input")) return;
    const label = document.createElement("label");
    label.className = "tickarea";
    const all = document.createElement("input");
    all.type = "checkbox";
    const text = document.createElement("span");
    text.className = "unseen";
    text.textContent = "Choose all on this page";
    label.append(all, text);
    head.replaceChildren(label);
    all.addEventListener("change", () => {
      region().querySelectorAll("tbody .tickbox input").forEach((tick) => { tick.checked = all.checked; });
    });
  };

  addTickAll();
  setInterval(refresh, EVERY_MS);
  document.addEventListener("visibilitychange", refresh);
})();
