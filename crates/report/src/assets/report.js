// The search box: names of municipalities, regions and indicators, found in the list that search-<language>.js holds.
"use strict";
(() => {
  const field = document.getElementById("search");
  const found = document.getElementById("found");
  const names = globalThis.klimaladeNames;
  if (!field || !found || !names) return;
  const up = document.body.dataset.up;
  const bare = (text) => text.toLowerCase().replace(/aa/g, "å").replace(/[^\p{L}\p{N}]+/gu, " ").trim();
  let chosen = -1;

  const close = () => {
    found.hidden = true;
    chosen = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };
  const choose = (at) => {
    const all = [...found.children];
    if (!all.length) return;
    chosen = (at + all.length) % all.length;
    all.forEach((item, number) => item.setAttribute("aria-selected", String(number === chosen)));
    field.setAttribute("aria-activedescendant", all[chosen].id);
    all[chosen].scrollIntoView({ block: "nearest" });
  };
  const show = () => {
    const asked = bare(field.value);
    if (!asked) return close();
    const begins = [];
    const holds = [];
    for (const entry of names) {
      const name = bare(entry[0]);
      if (name.startsWith(asked) || entry[3] === asked) begins.push(entry);
      else if (name.includes(asked)) holds.push(entry);
    }
    found.replaceChildren(
      ...[...begins, ...holds].slice(0, 12).map(([name, kind, address], number) => {
        const item = document.createElement("li");
        item.id = `found-${number}`;
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", "false");
        // No link within: an option may hold nothing that can be pressed by itself.
        item.dataset.to = up + address;
        item.textContent = `${name} `;
        const small = document.createElement("small");
        small.textContent = kind;
        item.append(small);
        return item;
      }),
    );
    found.hidden = !found.children.length;
    field.setAttribute("aria-expanded", String(!found.hidden));
    chosen = -1;
  };
  field.addEventListener("input", show);
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); choose(chosen + 1); }
    else if (event.key === "ArrowUp") { event.preventDefault(); choose(chosen - 1); }
    else if (event.key === "Escape") close();
  });
  field.form.addEventListener("submit", (event) => {
    event.preventDefault();
    const item = found.children[Math.max(chosen, 0)];
    if (item) location.href = item.dataset.to;
  });
  found.addEventListener("click", (event) => {
    const item = event.target.closest("li");
    if (item) location.href = item.dataset.to;
  });
  document.addEventListener("click", (event) => { if (!field.form.contains(event.target)) close(); });
})();
