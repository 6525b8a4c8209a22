// Brings new lines of the log while the page is looked at. Without it one reloads.
"use strict";
(() => {
  const EVERY_MS = 3000;
  const lines = document.getElementById("lines");
  if (!lines) return;

  // Something is being read or copied: it stays as it is.
  const isBusy = () => {
    const selection = document.getSelection();
    return (selection && !selection.isCollapsed && lines.contains(selection.anchorNode)) || lines.contains(document.activeElement);
  };

  const refresh = async () => {
    if (document.hidden || isBusy()) return;
    try {
      const answer = await fetch(lines.dataset.live, {
        credentials: "same-origin", redirect: "error", cache: "no-store", headers: { "X-Turnpike-Live": "1" },
      });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body;
      if (isBusy() || lines.innerHTML === fresh.innerHTML) return;
      const scroll = lines.querySelector(".scroll");
      const left = scroll ? scroll.scrollLeft : 0;
      lines.replaceChildren(...[...fresh.childNodes].map((node) => document.importNode(node, true)));
      const now = lines.querySelector(".scroll");
      if (now) now.scrollLeft = left;
    } catch {
      // The box is out of reach: the next time, or a reload.
    }
  };

  setInterval(refresh, EVERY_MS);
  document.addEventListener("visibilitychange", refresh);
})();
