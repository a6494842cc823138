// ReLU: the mask, and what it lets through either way.
{
  const { Explorer, sheet, written } = explorers;

  class ReluExplorer extends Explorer {
    begin(data) { Object.assign(this, data); }

    array(name) { return this[name]; }

    compute() { this.result = arithmetic.relu(this.x, this.dy); }

    choices() { return []; }

    lines() {
      const { mask, y, dx } = this.result;
      return [
        [[sheet("x", this.x)], [sheet("m", mask, { title: "mask" })], [sheet("y", y)]],
        [[sheet("dx", dx)], [sheet("dy", this.dy)]],
      ];
    }

    seeM(i, j) { return this.seeX(i, j); }

    seeY(i, j) { return this.seeX(i, j); }

    seeX(i, j) {
      const { mask, y, dx } = this.result, x = this.x[i][j], dy = written(this.dy[i][j]);
      return {
        lit: ["x", "m", "y", "dy", "dx"].map((name) => [name, [i, j]]),
        words: `x = ${written(x) === "0" ? arithmetic.rounded(x) : written(x)} is ${mask[i][j] ? "" : "not "}positive: y = ${written(y[i][j])}, and dx = ${dy} \u00b7 ${mask[i][j]} = ${written(dx[i][j])}`,
      };
    }
  }
  customElements.define("relu-explorer", ReluExplorer);
}
