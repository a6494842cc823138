// The roof of a machine, and what algorithms wait for under it.
{
  const { Sliders, rounded } = explorers;
  const COLORS = { loops: "baseline", SciPy: "other", FFT: "output", Toeplitz: "kernel", im2col: "input" };
  // Decades, and their lines.
  const RIGHT = [-1, 0, 1, 2, 3], UP = [...RIGHT, 4, 5];
  const across = (power) => 148 + 90 * power, up = (power) => 212 - 38 * power;
  const text = (x, y, words, anchor = "end") => `<text x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;
  const list = (all) => all.map(({ name }) => name).join(", ");

  class RooflineExplorer extends Sliders {
    get settings() {
      return { peak: ["peak, 10\u2079/s", 0, 5, 0.01], bandwidth: ["bandwidth, 10\u2079/s", 0, 4, 0.01], run: ["run", 0, this.data.runs.length - 1, 1] };
    }

    said(name) { return name === "run" ? this.data.runs[this.values.run].name : rounded(10 ** this.power(name)); }

    // A power of ten that makes a number of two digits.
    power(name) { return Math.log10((10 ** this.values[name]).toPrecision(2)); }

    show() {
      const { run } = this.values, [peak, bandwidth] = ["peak", "bandwidth"].map((name) => this.power(name)), edge = peak - bandwidth, roof = (k) => [across(k), up(Math.min(peak, bandwidth + k))];
      const all = Object.entries(this.data.runs[run].costs).map(([name, cost]) => {
        const found = arithmetic.roofline(...cost, 10 ** (peak + 9), 10 ** (bandwidth + 9)), [x, y] = roof(Math.log10(found.intensity));
        return { name, color: `style="--color: var(--${COLORS[name]})"`, x, y, ...found };
      });
      const placed = [...all].sort((one, other) => one.x - other.x);
      const starts = [...placed.keys()].filter((k) => !k || placed[k].x - placed[k - 1].x > 64 || placed[k - 1].y - placed[k].y > 13);
      const names = starts.map((k, i) => text(placed[k].x + 6, placed[k].y + 14, list(placed.slice(k, starts[i + 1])), "start"));
      const dots = all.map(({ x, y, color }) => `<circle cx="${x}" cy="${y}" r="5" ${color}/>`);
      const grid = [
        ...RIGHT.map((k) => `<path class="level" d="M${across(k)} 22V250"/>${text(across(k), 266, (10 ** k).toLocaleString("en"), "middle")}`),
        ...UP.map((k) => `<path class="level" d="M58 ${up(k)}H418"/>${text(53, up(k) + 4, (10 ** k).toLocaleString("en"))}`),
      ];
      const rows = all.map(({ name, color, time, waits }) => `<tr><th scope="row"><i ${color}></i>${name}</th><td>${rounded(1e6 * time)} \u03bcs</td><td>${waits}</td></tr>`);
      return {
        picture: `<svg viewBox="0 0 440 288" role="img" aria-label="The roof">${grid.join("")}${text(196, 14, "10\u2079 operations a second")}${text(418, 282, "operations a byte")}<polyline points="${[-1, Math.max(-1, Math.min(edge, 3)), 3].map(roof)}"/>${dots.join("")}${names.join("")}</svg>
          <table><tr><th scope="col">algorithm</th><th scope="col">at least</th><th scope="col">waits for</th></tr>${rows.join("")}</table>`,
        words: `below ${rounded(10 ** edge)} operations a byte, an algorithm waits for bytes: ${list(all.filter(({ waits }) => waits === "bytes")) || "none"}`,
      };
    }
  }
  customElements.define("roofline-explorer", RooflineExplorer);
}
