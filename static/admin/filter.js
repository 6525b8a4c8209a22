// Completes property names, operators and known values in the search box: a combobox as the ARIA practices describe it.
// Without it the box is a plain one.
"use strict";
(() => {
  const box = document.querySelector("input[data-filter-keys]");
  if (!box) return;
  const keys = box.dataset.filterKeys.split(" ").filter(Boolean);
  const values = JSON.parse(box.dataset.filterValues || "{}");
  const operators = ["is", "ne", "lt", "le", "gt", "ge", "in"];
  const beginnings = ["has", "hasRoles", "not", "all"];
  const list = document.createElement("ul");
  list.id = "filter-words";
  list.className = "words";
  list.hidden = true;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Completions");
  box.parentElement.append(list);
  const state = { words: [], from: 0, chosen: -1 };
  box.setAttribute("role", "combobox");
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-controls", list.id);
  box.setAttribute("aria-expanded", "false");

  // The pieces of an expression: texts in quotes, brackets, and runs of anything else.
  const pieces = (text) => text.match(/"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[()[\]{},]|[^\s"'()[\]{},]+/g) || [];
  const quoted = (value) => `"${value.replace(/["\\]/g, "\\$&")}"`;
  const isOperator = (word) => [...operators, "eq"].includes((word || "").toLowerCase());

  // What may stand at the caret, and where the word begins that it would replace.
  const complete = () => {
    const before = box.value.slice(0, box.selectionStart);
    const word = /["']?[^\s"'()[\]{},]*$/.exec(before)[0];
    const from = before.length - word.length;
    const earlier = pieces(before.slice(0, from));
    const last = earlier[earlier.length - 1] || "";
    const inList = ["[", "{", ","].includes(last);
    const operatorAt = inList ? earlier.findLastIndex((piece) => isOperator(piece)) : earlier.length - 1;
    let words;
    if (isOperator(earlier[operatorAt]) && operatorAt > 0) {
      words = (values[earlier[operatorAt - 1]] || []).map(quoted);
    } else if (last === "" || last === "(" || ["and", "or", "not"].includes(last.toLowerCase())) {
      words = [...keys, ...beginnings];
    } else if (last.toLowerCase() === "has") {
      words = keys;
    } else if (/^["')\]}]/.test(last.slice(-1)) || last.toLowerCase() === "all" || (earlier[earlier.length - 2] || "").toLowerCase() === "has") {
      words = ["and", "or"];
    } else if (keys.includes(last)) {
      words = operators;
    } else {
      words = [];
    }
    const begin = word.replace(/^["']/, "").toLowerCase();
    const fits = (candidate) => {
      const plain = candidate.replace(/^"/, "").toLowerCase();
      return plain.startsWith(begin) || plain.startsWith(`$${begin}`);
    };
    // Words alone are looked for as words: only what begins like a filter is completed.
    const meant = begin !== "" || earlier.length > 0;
    return { from, words: meant ? words.filter((candidate) => candidate !== word && fits(candidate)).slice(0, 12) : [] };
  };

  const close = () => {
    state.words = [];
    state.chosen = -1;
    list.hidden = true;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  };
  const choose = (place) => {
    state.chosen = place;
    [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === place)));
    const item = list.children[place];
    if (item) {
      box.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    } else {
      box.removeAttribute("aria-activedescendant");
    }
  };
  const take = (place) => {
    const word = `${state.words[place]} `;
    const end = box.selectionStart;
    box.setRangeText(word, state.from, end, "end");
    box.focus();
    show();
  };
  const show = () => {
    const { from, words } = complete();
    if (words.length === 0) return close();
    state.from = from;
    state.words = words;
    list.replaceChildren(...words.map((word, at) => {
      const item = document.createElement("li");
      item.id = `filter-word-${at}`;
      item.setAttribute("role", "option");
      item.textContent = word;
      // Before the box loses the focus.
      item.addEventListener("mousedown", (event) => { event.preventDefault(); take(at); });
      return item;
    }));
    list.hidden = false;
    box.setAttribute("aria-expanded", "true");
    choose(-1);
  };

  box.addEventListener("input", show);
  box.addEventListener("blur", close);
  box.addEventListener("keydown", (event) => {
    const count = state.words.length;
    if (event.key === "ArrowDown" && event.altKey) { event.preventDefault(); return show(); }
    if (list.hidden) {
      if (event.key === "ArrowDown") { event.preventDefault(); show(); if (!list.hidden) choose(0); }
      return;
    }
    if (event.key === "ArrowDown") { event.preventDefault(); choose((state.chosen + 1) % count); }
    else if (event.key === "ArrowUp") { event.preventDefault(); choose(state.chosen <= 0 ? count - 1 : state.chosen - 1); }
    else if (event.key === "Enter" && state.chosen >= 0) { event.preventDefault(); take(state.chosen); }
    else if (event.key === "Escape") { event.preventDefault(); close(); }
  });
})();
