// What the pages do beyond being read; without this script they can be read.
const root = document.currentScript.dataset.root;
const created = (tag, properties) => Object.assign(document.createElement(tag), properties);
const all = (selector) => [...document.querySelectorAll(selector)];

// Light, dark, or as the system has it.
const themes = { auto: "as the system has them", light: "light", dark: "dark" };
const button = document.querySelector(".theme-button");
const showTheme = (theme) => {
  document.documentElement.dataset.theme = theme;
  button.ariaLabel = `Colors: ${themes[theme]}`;
};
showTheme(document.documentElement.dataset.theme);
button.addEventListener("click", () => {
  const names = Object.keys(themes);
  const here = names.indexOf(document.documentElement.dataset.theme);
  const theme = names[(here + 1) % names.length];
  localStorage.setItem("theme", theme);
  showTheme(theme);
});

// The current chapter is in view among the contents.
const contents = document.querySelector("#contents");
const current = contents.querySelector("[aria-current]");
if (current && getComputedStyle(contents).position === "sticky") {
  contents.scrollTop = current.offsetTop - contents.clientHeight / 4;
}

// On a phone a wide formula shrinks a little; what still scrolls sideways can
// be scrolled with the keyboard too.
const SMALLEST = 0.72, OVERHANG = 4;
const fit = () => {
  for (const box of all("div.math > .wide")) {
    const formula = box.firstElementChild;
    formula.style.fontSize = "";
    const scale = box.clientWidth / formula.scrollWidth;
    if (scale < 1) {
      const size = parseFloat(getComputedStyle(formula).fontSize);
      formula.style.fontSize = `${size * Math.max(SMALLEST, scale * 0.99)}px`;
    }
  }
  for (const box of all(".wide, .highlight > pre, .listing, .scroll")) {
    // Glyphs hang over by a pixel or two, which is nothing to scroll for.
    box.style.overflowX = "";
    const excess = box.checkVisibility() ? box.scrollWidth - box.clientWidth : 0;
    if (excess > OVERHANG) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
    if (excess > 0 && excess <= OVERHANG) box.style.overflowX = "clip";
  }
};
fit();
document.fonts.ready.then(fit);
window.addEventListener("resize", fit);
document.addEventListener("toggle", fit, true);

// Pointing at a quantity lights it up in every formula and listing.
const letters = { "mjx-c1D465": "x", "mjx-c1D464": "w", "mjx-c1D466": "y", "mjx-c1D44F": "b" };
for (const [name, letter] of Object.entries(letters)) {
  for (const glyph of all(`.${name}`)) {
    const symbol = glyph.parentElement;
    let whole = symbol;
    while (whole.parentElement.matches("mjx-base, mjx-mover, mjx-msub, mjx-texatom:has(> :only-child)")) whole = whole.parentElement;
    const before = whole.previousElementSibling;
    const gradient = before?.matches("mjx-texatom") && before.querySelector(".mjx-c64");
    symbol.dataset.quantity = gradient ? `d${letter}` : letter;
  }
}
for (const name of all("div.highlight .n")) {
  if (/^d?[xwyb]$/.test(name.textContent)) name.dataset.quantity = name.textContent;
}
let lit;
document.addEventListener("pointerover", (event) => {
  const quantity = event.target.closest("[data-quantity]")?.dataset.quantity;
  if (quantity === lit) return;
  lit = quantity;
  all(".lit").forEach((element) => element.classList.remove("lit"));
  all(`[data-quantity="${quantity}"]`).forEach((element) => element.classList.add("lit"));
});

// Code can be copied, without its line numbers.
for (const block of all("div.highlight")) {
  const copy = created("button", { className: "copy", type: "button", textContent: "Copy" });
  copy.addEventListener("click", async () => {
    const code = block.querySelector("pre, .listing").cloneNode(true);
    code.querySelectorAll(".linenos, .gp").forEach((part) => part.remove());
    await navigator.clipboard.writeText(code.textContent.trimEnd());
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  });
  block.append(copy);
}

// A link to what is folded, a solution or the cell of a number, opens it.
const openTarget = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  let closed = target?.closest("details:not([open])");
  if (!closed) return;
  for (; closed; closed = closed.parentElement.closest("details:not([open])")) closed.open = true;
  target.scrollIntoView();
};
openTarget();
window.addEventListener("hashchange", openTarget);

// The search, whose index is loaded when it is first opened.
let index;
window.searchBook = (entries) => {
  index = entries.map(([uri, chapter, anchor, title, names, text]) => ({
    uri: anchor ? `${uri}#${anchor}` : uri, chapter, title, text, top: !anchor,
    names: names.toLowerCase().split(", "), low: text.toLowerCase(),
    head: `${chapter} ${title}`.toLowerCase(),
  }));
  find();
};
const dialog = created("dialog", { ariaLabel: "Search the book" });
dialog.innerHTML = '<input type="search" aria-label="Search the book" placeholder="Search the book">'
  + '<ol aria-live="polite"></ol>';
document.body.append(dialog);
const field = dialog.querySelector("input");
const results = dialog.querySelector("ol");
const MOST = 12, AROUND = 70;

// How well an entry answers: all words have to be there, at least as beginnings.
const score = (entry, query, terms) => {
  let points = entry.names.includes(query) ? (entry.top ? 200 : 100) : 0;
  if (entry.title.toLowerCase() === query) points += 120;
  for (const term of terms) {
    const named = entry.names.some((name) => ` ${name}`.includes(` ${term}`));
    const headed = ` ${entry.head}`.includes(` ${term}`);
    const count = ` ${entry.low}`.split(` ${term}`).length - 1;
    if (!named && !headed && !count) return 0;
    points += 20 * named + 15 * headed + Math.log2(1 + count);
  }
  if (entry.low.includes(query)) points += 4;
  return points * (entry.uri.startsWith("book/api") ? 0.3 : 1);
};
const marked = (element, text, terms) => {
  const escaped = terms.map((term) => term.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  text.split(new RegExp(`\\b(${escaped.join("|")})`, "i")).forEach((piece, k) => {
    element.append(created(k % 2 ? "mark" : "span", { textContent: piece }));
  });
};
const find = () => {
  const query = field.value.trim().toLowerCase();
  const terms = query.split(/\s+/).filter(Boolean);
  results.replaceChildren();
  if (!index || !terms.length) return;
  const found = index.map((entry) => [score(entry, query, terms), entry])
    .filter(([points]) => points > 0).sort((a, b) => b[0] - a[0]).slice(0, MOST);
  for (const [, entry] of found) {
    const item = created("li");
    item.append(created("a", { href: root + entry.uri, textContent: entry.top ? entry.chapter : entry.title }));
    if (!entry.top) item.append(created("small", { textContent: ` ${entry.chapter}` }));
    const place = terms.map((term) => entry.low.indexOf(term)).find((at) => at >= 0) ?? 0;
    const from = place > AROUND ? entry.text.indexOf(" ", place - AROUND) + 1 : 0;
    const excerpt = created("p");
    marked(excerpt, (from ? "… " : "") + entry.text.slice(from, from + 3 * AROUND), terms);
    item.append(excerpt);
    results.append(item);
  }
  if (!found.length) results.textContent = "Nothing was found.";
};
const openSearch = () => {
  dialog.showModal();
  field.select();
  if (index || document.querySelector("#search-index")) return;
  document.head.append(created("script", { id: "search-index", src: `${root}_static/search-index.js` }));
};
field.addEventListener("input", find);
field.addEventListener("keydown", ({ key }) => { if (key === "Enter") results.querySelector("a")?.click(); });
results.addEventListener("click", (event) => { if (event.target.closest("a")) dialog.close(); });
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
document.querySelector(".search-button").addEventListener("click", openSearch);
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "k") {
    event.preventDefault();
    openSearch();
  }
});
