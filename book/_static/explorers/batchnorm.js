// Batch normalization: two images, and what one does to the other.
{
  const { each, normalization } = arithmetic;
  const { Explorer, sheet, written, index, sum } = explorers;
  const MODES = ["training", "evaluation"], WAYS = ["directly", "through \u03bc", "through v"];

  class BatchnormExplorer extends Explorer {
    begin(data) { Object.assign(this, { mode: MODES[0], mate: Object.keys(data.mates)[0] }, data); }

    array(name) { return { x: [this.image, this.mates[this.mate]], dy: this.dy }[name]; }

    compute() {
      this.x = this.array("x");
      this.apart = this.mode === MODES[1];
      this.result = normalization(this.x, this.dy, this.gamma, this.beta, this.epsilon, this.apart && this.running);
    }

    choices() { return { mate: Object.keys(this.mates), mode: MODES }; }

    lines() {
      const { mean, variance, xhat, y, dx } = this.result;
      const one = (name, title, value) => sheet(name, [[value]], { title: (this.apart ? "running " : "") + title, more: () => ({ place: [0] }) });
      return [
        [[sheet("x", this.x)], [one("m", "\u03bc", mean), one("v", "v", variance)], [sheet("h", xhat, { title: "x\u0302" })], [sheet("y", y)]],
        [[sheet("dx", dx)], [sheet("dy", this.dy)]],
      ];
    }

    // What a number meets, all places or its own.
    company(names, place) {
      const all = (name) => each(this.x, (_, n, q) => [name, [n, q]]).flat();
      return this.apart ? names.map((name) => [name, place]) : [...names.flatMap(all), ["m", [0]], ["v", [0]]];
    }

    seeX(n, q) {
      const at = index([n, q]), ways = this.result.ways[n][q];
      const rows = [ways.map((way, k) => ({ top: WAYS[k], big: written(way), off: this.apart && k, from: ["dy", [n, q]] }))];
      return {
        lit: this.company(["h", "y", "dy"], [n, q]),
        boards: [{ title: `the ways to dx${at}`, quantity: "dx", rows }],
        words: `x${at} is a part of ${this.apart ? `y${at} alone` : "every y"}: dx${at} = ${sum(ways.map((way) => [way]))} = ${written(this.result.dx[n][q])}`,
      };
    }

    seeH(n, q) {
      const { mean, variance, xhat } = this.result, top = sum([[this.x[n][q]], [-mean]]);
      return { lit: this.company(["x"], [n, q]), words: `x\u0302${index([n, q])} = (${top}) / \u221a(${written(variance)} + \u03b5) = ${written(xhat[n][q])}` };
    }

    seeY(n, q) {
      const { xhat, y } = this.result, at = index([n, q]);
      return {
        lit: [...this.company(["x", "dx"], [n, q]), ["h", [n, q]]],
        words: `y${at} = ${sum([[this.gamma, xhat[n][q]], [this.beta]])} = ${written(y[n][q])}, made of ${this.apart ? `x${at} alone` : "every x"}`,
      };
    }

    seeM() { return this.measured("\u03bc", "mean"); }

    seeV() { return this.measured("v", "variance"); }

    measured(symbol, name) {
      const value = written(this.result[name]);
      return this.apart ? { lit: [], words: `${symbol} = ${value}, from training` } : { lit: this.company(["x"]), words: `${symbol} = ${value}, the ${name} of all x` };
    }
  }
  customElements.define("batchnorm-explorer", BatchnormExplorer);
}
