// Logits, their probabilities, the gradient of the loss, and what becomes of a
// softmax that is typed in as it is printed.
{
  const { Sliders, rounded } = explorers;
  const list = (values) => `(${values.map((value) => rounded(value)).join(", ")})`;

  class LogitsExplorer extends Sliders {
    settings = {
      first: ["class 0", -6, 6, 0.1], second: ["class 1, the true", -6, 6, 0.1], third: ["class 2", -6, 6, 0.1],
      add: ["added to all", -240, 240, 1], temperature: ["temperature", 0.2, 5, 0.1],
    };

    show() {
      const { first, second, third, add, temperature } = this.values;
      const { p, dy, loss, naive } = arithmetic.surprise([first, second, third].map((logit) => logit + add), 1, temperature);
      const bar = (quantity, value, most = 1) => `<span class="bar" data-quantity="${quantity}" style="--size: ${Math.abs(value) / most || 0}; --from: ${Math.min(value, 0) / most || 0}"><i></i>${rounded(value)}</span>`;
      const most = Math.max(1, ...dy.map(Math.abs));
      const rows = p.map((_, k) => `<b>class ${k}</b>${bar("y", p[k])}${bar("dy", dy[k], most)}<span class="${Number.isNaN(naive[k]) ? "broken" : ""}">${rounded(naive[k])}</span>`);
      const same = p.every((one, k) => rounded(one) === rounded(naive[k]));
      return {
        picture: `<div class="bars" aria-hidden="true"><b></b><b>p</b><b>dy</b><b>p, as printed</b>${rows.join("")}</div>`,
        words: `p = ${list(p)}, loss = ${rounded(loss)}, dy = ${list(dy)}; the softmax as it is printed, in float32, gives ${same ? "the same" : list(naive)}`,
      };
    }
  }
  customElements.define("logits-explorer", LogitsExplorer);
}
