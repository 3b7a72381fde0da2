(() => {
  const root = document.documentElement;
  const buttons = [...document.querySelectorAll("button[data-language]")];
  const speak = (language) => {
    root.lang = language;
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.language === language)));
  };
  buttons.forEach((button) => button.addEventListener("click", () => speak(button.dataset.language)));
  if (!(navigator.languages || []).some((language) => /^da\b/i.test(language))) speak("en");

  const box = document.getElementById("search");
  const found = document.getElementById("found");
  const rows = [...document.querySelectorAll("main tbody tr")].map((row) => [row, row.textContent.toLowerCase()]);
  const items = [...document.querySelectorAll("main section.item, main section.part")];
  const search = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const hits = new Set();
    let count = 0;
    for (const [row, text] of rows) {
      const section = row.closest("section");
      const name = section.id.toLowerCase();
      const hit = words.every((word) => text.includes(word) || name.includes(word));
      row.hidden = !hit;
      if (!hit) continue;
      count += 1;
      for (let at = section; at && at.tagName === "SECTION"; at = at.parentElement) hits.add(at);
    }
    for (const item of items) {
      item.hidden = words.length > 0 && !hits.has(item);
      const details = item.querySelector(":scope > details");
      if (details) details.open = words.length > 0;
    }
    found.textContent = words.length ? String(count) : "";
  };
  let waiting;
  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 120);
  });
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));
  const follow = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const details = target && target.querySelector(":scope > details");
    if (details) details.open = true;
  };
  addEventListener("hashchange", follow);
  follow();
})();
