// Batch normalization: two images, and what one does to the other.
{
  const { Explorer, sheet, written, index, sum } = explorers;
  const MODES = ["training", "evaluation"], WAYS = ["directly", "through \u03bc", "through v"];

  class BatchnormExplorer extends Explorer {
    begin(data) { Object.assign(this, { mode: MODES[0], mate: Object.keys(data.mates)[0] }, data); }

    array(name) { return name === "x" ? [this.image, this.mates[this.mate]] : this.dy; }

    compute() {
      this.x = this.array("x");
      this.apart = this.mode === MODES[1];
      this.result = arithmetic.normalization(this.x, this.dy, this.gamma, this.beta, this.epsilon, this.apart && this.running);
    }

    choices() { return { mate: Object.keys(this.mates), mode: MODES }; }

    lines() {
      const { mean, variance, xhat, y, dx } = this.result, editable = () => ({ editable: true });
      const one = (name, title, value) => sheet(name, (this.apart ? "running " : "") + title, [[value]], [], () => ({ place: [0] }));
      return [
        [[sheet("x", "x", this.x, [], editable)], [one("m", "\u03bc", mean), one("v", "v", variance)], [sheet("h", "x\u0302", xhat)], [sheet("y", "y", y)]],
        [[sheet("dx", "dx", dx)], [sheet("dy", "dy", this.dy, [], editable)]],
      ];
    }

    // What a number meets, all places or its own.
    company(names, place) {
      const all = (name) => this.x.flatMap((row, n) => row.map((_, q) => [name, [n, q]]));
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
