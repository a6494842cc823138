// Pooling: who wins a window, and who gets its gradient.
{
  const { filled, outputs, pooling } = arithmetic;
  const { Explorer, sheet, written, index, sum } = explorers;
  const SIZES = [1, 2, 3], KINDS = ["maximum", "average"];
  const output = ({ i, j }) => `y${index([i, j])}`;

  class PoolingExplorer extends Explorer {
    begin(data) { Object.assign(this, { ...data, keep: KINDS[0], window: 2, stride: 2, size: "" }); }

    array(name) { return { x: this.x, dy: this.gradients[0] }[name]; }

    compute() {
      this.shape(...[this.x.length, this.x[0].length].map((size) => outputs(size, this.window, this.stride)));
      this.result = pooling(this.x, this.gradients[0], this.window, this.stride, this.keep);
    }

    choices() { return { keep: KINDS, window: SIZES, stride: SIZES }; }

    lines() {
      const { y, dx, seen, won } = this.result;
      const more = (p, q) => ({ kind: !seen[p][q] ? "leftover" : won[p][q] && this.keep === "maximum" ? "winner" : "" });
      return [
        [[sheet("x", this.x, { more })], [sheet("y", y)]],
        [[sheet("dx", dx, { more })], [sheet("dy", this.gradients[0])]],
      ];
    }

    seeY(i, j) {
      const { pixels, ties, heirs, gradient, y } = this.result.windows[i * this.result.y[0].length + j];
      const values = pixels.map(([p, q]) => this.x[p][q]), wins = this.keep === "maximum", size = pixels.length, first = `x${index(heirs[0])}`;
      return {
        lit: [...pixels.map((place) => ["x", place]), ...heirs.map((place) => ["dx", place])],
        boards: [{
          title: "its window", quantity: "x",
          rows: filled([this.window, this.window], (u, v) => {
            const place = pixels[u * this.window + v], tied = ties.includes(place);
            const low = wins ? (place === heirs[0] ? "wins" : tied ? "ties" : "") : `\u00f7 ${size}`;
            return { top: index(place), big: written(values[u * this.window + v]), low, off: wins && !tied, from: ["x", place] };
          }),
        }],
        words: wins
          ? `y = max(${values.map(written).join(", ")}) = ${written(y)}; ${ties.length > 1 ? `of the ${ties.length} that tie, the first, ${first},` : first} gets dy = ${written(gradient)}`
          : `y = (${sum(values.map((value) => [value]))}) / ${size} = ${written(y)}; each pixel gets ${written(gradient)} / ${size}`,
      };
    }

    seeX(p, q) {
      const among = (places) => places.some((place) => `${place}` === `${[p, q]}`);
      const seen = this.result.windows.filter(({ pixels }) => among(pixels)), won = seen.filter(({ heirs }) => among(heirs));
      const shares = won.map(({ gradient, heirs }) => [gradient / heirs.length]);
      return {
        lit: [...seen.map(({ i, j }) => ["y", [i, j]]), ...won.map(({ i, j }) => ["dy", [i, j]])],
        words: `seen by ${seen.map(output).join(", ") || "no window"}, ${this.keep === "maximum" ? "wins" : "shares"} ${won.map(output).join(", ") || "none"}: dx = ${shares.length > 1 ? `${sum(shares)} = ` : ""}${written(this.result.dx[p][q])}`,
      };
    }
  }
  customElements.define("pooling-explorer", PoolingExplorer);
}
