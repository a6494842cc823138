// What the pages do beyond being read; without this script they can be read.
const root = document.currentScript.dataset.root;
const all = (selector) => [...document.querySelectorAll(selector)];

// Light, dark, or as the system has it.
const themes = { auto: "as the system has them", light: "light", dark: "dark" };
const button = document.querySelector(".theme-button");
const showTheme = (theme) => {
  document.documentElement.dataset.theme = theme;
  button.setAttribute("aria-label", `Colors: ${themes[theme]}`);
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
const SMALLEST = 0.72;
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
    if (box.scrollWidth > box.clientWidth + 4) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};
fit();
document.fonts.ready.then(fit);
window.addEventListener("resize", fit);

// Code can be copied, without its line numbers.
for (const block of all("div.highlight")) {
  const copy = document.createElement("button");
  copy.className = "copy";
  copy.type = "button";
  copy.textContent = "Copy";
  copy.addEventListener("click", async () => {
    const code = block.querySelector("pre, .listing").cloneNode(true);
    code.querySelectorAll(".linenos, .gp").forEach((part) => part.remove());
    await navigator.clipboard.writeText(code.textContent.trimEnd());
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  });
  block.append(copy);
}

// A link to a solution opens it.
const openTarget = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const closed = target?.closest("details:not([open])");
  if (closed) { closed.open = true; target.scrollIntoView(); }
};
openTarget();
window.addEventListener("hashchange", openTarget);
