// A convolution, forward and backward: one list of meetings, read three ways.
{
  const { range, filled, each, total, outputs, convolution } = arithmetic;
  const { Explorer, sheet, written, index, sum } = explorers;
  const SIZES = [0, 1, 2, 3], MOST_ON_BOARD = 36;
  // The name of a part of an array, which needs no indices that are always 0.
  const part = (name, place, whole) => (whole.every((size) => size === 1) ? name : `${name}[${place.join(", ")}]`);

  class ConvolutionExplorer extends Explorer {
    begin(data) {
      const [image, kernel] = [data.images, data.weights].map((all) => Object.keys(all)[0]);
      Object.assign(this, { image, kernel, stride: 1, padding: 0, channels: 1, kernels: 1, size: "" }, data);
      this.backward = data.at[0] !== "y";
      this.out = this.backward ? "dy" : "y";
    }

    array(name) { return { x: this.images[this.image], dy: this.gradients, ...this.weights[this.kernel] }[name]; }

    compute() {
      this.channels = Math.min(this.channels, this.array("x").length);
      this.x = this.array("x").slice(0, this.channels);
      this.w = this.array("w").slice(0, this.kernels).map((kernel) => kernel.slice(0, this.channels));
      this.b = this.array("b").slice(0, this.kernels);
      this.K = this.w[0][0].length;
      this.padding = Math.min(this.padding, this.K - 1);
      const maps = [this.x[0].length, this.x[0][0].length].map((size) => outputs(size, this.K, this.stride, this.padding));
      this.shape(...maps, this.kernels);
      this.result = convolution(this.x, this.w, this.b, this.gradients, this.stride, this.padding);
    }

    choices() {
      return {
        image: Object.keys(this.images), kernel: Object.keys(this.weights), stride: SIZES.slice(1), padding: SIZES.slice(0, this.K),
        channels: range(this.array("x").length).map((c) => c + 1), kernels: [1, 2],
      };
    }

    lines() {
      const { x, w, b, gradients, channels: C, kernels: F, K, stride: S, padding: P, result: { y, dx, dw, db } } = this;
      const [H, W, OH, OW] = [x[0].length, x[0][0].length, y[0].length, y[0][0].length];
      const covered = (many) => S * (many - 1) + K - P;
      const kind = (p, q) => (x[0][p]?.[q] === undefined ? "frame" : p >= covered(OH) || q >= covered(OW) ? "leftover" : "");
      const named = (name, place, whole, array, more) => sheet(name, array, { title: part(name, place, whole), before: place, more });
      const maps = (name, array, more) => array.map((map, k) => named(name, [k], [array.length], map, more));
      const framed = maps("x", x.map((map) => filled([H + 2 * P, W + 2 * P], (r, s) => map[r - P]?.[s - P] ?? 0)), (r, s, [c]) => (
        { place: [c, r - P, s - P], kind: kind(r - P, s - P) }));
      // With the zeros that a stride leaves between them.
      const apart = maps("dy", gradients.map((map) => filled([S * (OH - 1) + 1, S * (OW - 1) + 1], (r, s) => map[r / S]?.[s / S] ?? 0)), (r, s, [f]) => (
        r % S || s % S ? { place: undefined, kind: "between" } : { place: [f, r / S, s / S] }));
      // A row of sheets for each kernel, and below them the biases.
      const sets = (prefix, array, biases) => Object.assign([
        ...each(array, (one, f, c) => named(`${prefix}w`, [f, c], [F, C], one)).flat(),
        sheet(`${prefix}b`, [biases], { more: (_, f) => ({ place: [f] }) }),
      ], { columns: C });
      const last = this.backward ? apart : maps("y", y), forward = [framed, sets("", w, b), last];
      return this.backward ? [forward, [maps("dx", dx, (p, q) => ({ kind: kind(p, q) })), sets("d", dw, db)]] : [forward];
    }

    // Meetings with something in common, each with its numbers.
    meetings(common) {
      return this.result.met.filter((one) => Object.keys(common).every((key) => one[key] === common[key])).map(({ f, i, j, c, u, v, p, q }) => ({
        f, u, v, at: index([i, j]), output: `${part("y", [f], [this.kernels])}${index([i, j])}`,
        pixel: this.x[c][p]?.[q] ?? 0, weight: this.w[f][c][u][v], gradient: this.gradients[f][i][j],
        lit: [["x", [c, p, q]], ["w", [f, c, u, v]], [this.out, [f, i, j]]],
      }));
    }

    times(gradient) { return this.backward ? `\u00b7 ${written(gradient)}` : ""; }

    seeY(f, i, j) {
      const met = this.meetings({ f, i, j }), { backward, K, seen } = this, [{ gradient }] = met;
      const factors = met.map(({ pixel, weight }) => [backward ? gradient : pixel, weight]);
      return {
        lit: met.flatMap(({ lit }) => (backward ? [...lit, ["dx", lit[0][1]]] : [...lit, ["b", [f]]])),
        boards: this.x.map((_, c) => ({
          title: part(backward ? "to dx" : "products", [c], [this.channels]),
          quantity: backward ? "dx" : "y",
          rows: filled([K, K], (u, v) => {
            const [one, other] = factors[(c * K + u) * K + v];
            return { big: written(one * other), low: sum([[one, other]]), from: ["w", [f, c, u, v]] };
          }),
        })),
        words: backward ? `d${seen} hands the kernel to its window, upright, times ${written(gradient)}`
          : `${seen} = ${sum([...factors, [this.b[f]]])} = ${written(this.result.y[f][i][j])}`,
      };
    }

    // The outputs that looked at a pixel, in their order, and between them the
    // places where there is none: the weights lie there turned by half.
    seeX(c, p, q) {
      const met = this.meetings({ c, p, q }), { K, channels: C, kernels: F, seen } = this;
      const by = met.map(({ output, weight }) => `${output} through ${written(weight)}`).join(", ") || "no output";
      const products = met.map(({ gradient, weight }) => [weight, gradient]);
      return {
        lit: met.flatMap(({ lit }) => lit),
        boards: range(F).map((f) => ({
          title: `${part("w", [f, c], [F, C])}, in the order of the outputs`,
          quantity: "w",
          rows: filled([K, K], (a, b) => {
            const [u, v] = [K - 1 - a, K - 1 - b], one = met.find((other) => other.f === f && other.u === u && other.v === v);
            return { top: one?.at ?? "no output", big: written(this.w[f][c][u][v]), low: one && this.times(one.gradient), off: !one, from: ["w", [f, c, u, v]] };
          }),
        })),
        words: !this.backward || !met.length ? `${seen} is seen by ${by}`
          : `d${seen} = ${sum(products)} = ${written(total(products.map(([one, other]) => one * other)))}`,
      };
    }

    seeW(f, c, u, v) {
      const met = this.meetings({ f, c, u, v }), { seen, gradients: { [f]: map } } = this;
      return {
        lit: met.flatMap(({ lit }) => lit),
        boards: met.length > MOST_ON_BOARD ? [] : [{
          title: "what it met, in the order of the outputs",
          quantity: "x",
          rows: each(map, (gradient, i, j) => {
            const { at, pixel, lit } = met[i * map[0].length + j];
            return { top: at, big: written(pixel), low: this.times(gradient), from: lit[0] };
          }),
        }],
        words: this.backward ? `d${seen} = ${sum(met.map(({ gradient, pixel }) => [pixel, gradient]))} = ${written(this.result.dw[f][c][u][v])}`
          : `${seen} has met one pixel for each output`,
      };
    }

    seeB(f) {
      return {
        lit: each(this.gradients[f], (_, i, j) => [this.out, [f, i, j]]).flat(),
        words: "added to every output of its map",
      };
    }
  }
  customElements.define("convolution-explorer", ConvolutionExplorer);
}
