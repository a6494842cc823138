// What scrolls sideways can be scrolled with the keyboard too.
const letKeyboardScroll = () => {
  for (const box of document.querySelectorAll(
    "mjx-container, div.math, .highlight > pre, .listing, table.table, .cell_output",
  )) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
};
window.addEventListener("load", () => {
  const ready = window.MathJax?.startup?.promise ?? Promise.resolve();
  ready.then(letKeyboardScroll);
  window.addEventListener("resize", letKeyboardScroll);
});
