// Leads from a mistake to its line in the text. Without it the link leads to the text, and the line's number is there to read.
"use strict";
(() => {
  const text = document.getElementById("text");
  if (!text) return;
  document.querySelectorAll("a[data-line]").forEach((link) => {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const lines = text.value.split("\n");
      const line = Math.min(Number(link.dataset.line), lines.length);
      const from = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
      text.focus();
      text.setSelectionRange(from, from + lines[line - 1].length);
      text.scrollTop = (text.scrollHeight / lines.length) * Math.max(0, line - 4);
    });
  });
})();
