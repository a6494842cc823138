// The network of Part I on an image to change: what flows, and a step.
{
  const { each, chunks, network, stepped, rounded } = arithmetic, { ARROWS, draw, colors, select, index } = explorers;
  const SIZE = 28;
  const digits = (text) => [...text].map((digit) => parseInt(digit, 32));

  // Each pixel is taken from elsewhere.
  const taken = (from) => (it) => {
    it.x = it.x.map((old) => each(old, (_, p, q) => from(old, p, q) ?? 0));
  };
  const ACTS = {
    Left: taken((x, p, q) => x[p][q + 1]), Right: taken((x, p, q) => x[p][q - 1]), Up: taken((x, p, q) => x[p + 1]?.[q]), Down: taken((x, p, q) => x[p - 1]?.[q]),
    Mirror: taken((x, p, q) => x[p][SIZE - 1 - q]), Clear: taken(() => 0),
    "One step": (it) => {
      it.parameters = stepped(it.parameters, it.result.gradients, it.rate);
      it.steps += 1;
    },
    Reset: (it) => Object.assign(it, { parameters: it.start, steps: 0 }, it.garments[it.garment]),
  };

  class NetworkExplorer extends HTMLElement {
    connectedCallback() {
      const { garments, names, rate, row, kernels, hidden: [text, unit, b], last } = JSON.parse(this.firstElementChild.textContent);
      const weights = digits(text).map((digit) => (digit - 15) * unit);
      Object.assign(this, { names, rate, row, start: [kernels, [chunks(weights, weights.length / b.length), b], last], show: 0, pen: 0, garment: 0, here: { k: 0, p: 14, column: 14, f: 0, q: 14 } });
      this.garments = garments.map(([pixels, target]) => ({ x: [chunks(digits(pixels).map((digit) => digit / 31), SIZE)], target }));
      this.insertAdjacentHTML("beforeend", `<fieldset aria-label="garment">${garments.map(([, t], k) => `<label><input type="radio" name="garment" value="${k}" ${k ? "" : "checked"} aria-label="${names[t]}, ${k + 1}"><canvas class="ink"></canvas></label>`).join("")}</fieldset>
        <p class="tools">image ${Object.keys(ACTS).map((name) => `<button type="button">${name}</button>`).join("")}</p>
        <p class="choices">${select("show", ["forward", "backward"])}${select("pen", ["draws", "erases"])}${select("target", names)}
        <b class="plus">positive</b><b class="minus">negative</b></p><div class="flow"></div><div class="said"><p role="status"></p><p></p></div>`);
      const [, choice, tools, bar] = this.children;
      choice.onchange = ({ target: { value } }) => {
        Object.assign(this, { garment: value }, this.garments[value]);
        this.update();
      };
      tools.onclick = ({ target }) => {
        ACTS[target.textContent]?.(this);
        this.update();
      };
      bar.onchange = ({ target: { name, selectedIndex } }) => {
        this[name] = selectedIndex;
        this.update();
      };
      bar.ontransitionend = () => this.paint(); // its colors are others now
      this.garments.forEach(({ x }, k) => draw(choice.querySelectorAll("canvas")[k], x, 1, ["0 0 0"]));
      ACTS.Reset(this);
      this.update();
    }

    update() {
      const { x, target, steps } = this, run = (parameters) => network(x, target, parameters), output = ({ flow }) => flow[5][0][0][0];
      this.result = run(this.parameters);
      this.querySelector("[name=target]").selectedIndex = target;
      const y = output(this.result), before = steps ? ` Steps: ${steps}; before them, y = ${rounded(output(run(this.start)))}.` : "";
      this.lastChild.firstChild.textContent = `y = ${rounded(y)}, ${this.names[Number(y > 0.5)]}; L = (y \u2212 ${target})\u00b2 = ${rounded(this.result.loss)}.${before}`;
      this.paint();
    }

    // Names, quantities, and maps of numbers and of their gradients.
    sheets() {
      const { parameters: [one, two, three], result: { flow, back, gradients: [done, dtwo, dthree] }, row } = this;
      const flat = (w) => w.map(([map]) => map), [{ length: height, 0: { length: width } }] = flow[1], maps = (w) => chunks(chunks(w[row], width), height);
      const change = stepped(flat(one[0]), flat(this.start[0][0]), 1);
      return [
        ["x", "x", flow[0], back[0]], ["w of Conv2D", "w", flat(one[0]), flat(done[0])],
        ["change of w", "w", change, change], ["b of Conv2D", "b", [[one[1]]], [[done[1]]]],
        ["y of Conv2D", "y", flow[1], back[1]], ["y of ReLU", "y", flow[2], back[2]],
        [`w of Dense, row ${row}`, "w", maps(two[0]), maps(dtwo[0])], ["b of Dense", "b", [[two[1]]], [[dtwo[1]]]],
        ["y of Dense", "y", flow[3], back[3]], ["y of the second ReLU", "y", flow[4], back[4]],
        ["w of the last Dense", "w", [three[0]], [dthree[0]]], ["b of the last Dense", "b", [[three[1]]], [[dthree[1]]]], ["y", "y", flow[5], back[5]],
      ].map(([name, quantity, ...both]) => ({ names: [name, both[0] === both[1] ? name : `d${name}`], quantity, both }));
    }

    paint() {
      const { show } = this, [black, ...signed] = colors(this, ...this.querySelectorAll(".plus, .minus"));
      this.shown = this.sheets();
      this.buttons ??= this.shown.map((_, k) => this.hang(k));
      this.shown.forEach(({ names, quantity, both }, k) => {
        const button = this.buttons[k], maps = both[show], ink = !k && !show, sizes = maps.flat(2).map(Math.abs);
        button.parentElement.dataset.quantity = show ? "dx" : quantity;
        button.previousSibling.textContent = button.ariaLabel = names[show];
        draw(button.firstChild, maps, ink || sizes.length < 2 ? 1 : Math.max(...sizes), ink ? [black] : signed);
      });
      this.say();
    }

    // Make a sheet to point at, to walk on and to draw on.
    hang(k) {
      const { both: [maps] } = this.shown[k], [{ length: rows, 0: { length: width } }] = maps, columns = maps.length * (width + 1) - 1, flow = this.querySelector(".flow");
      flow.insertAdjacentHTML("beforeend", `<div class="sheet" style="--columns: ${columns}; --rows: ${rows}; --map: ${width}"><b aria-hidden="true"></b><button type="button" role="slider" aria-valuenow="0"><canvas></canvas><i></i></button></div>`);
      const button = flow.lastChild.lastChild;
      const walk = (down, right, pressed) => {
        const { p, column } = k === this.here.k ? this.here : { p: 0, column: 0 };
        return this.point(k, p + down, column + right, pressed) || this.point(k, p, column + 2 * right); // over a gap
      };
      button.onpointerdown = button.onpointermove = ({ offsetX, offsetY, buttons }) => {
        this.point(k, Math.floor(offsetY / button.offsetHeight * rows), Math.floor(offsetX / button.offsetWidth * columns), buttons);
      };
      button.onclick = ({ detail }) => detail || walk(0, 0, true); // a key was pressed
      button.onkeydown = (event) => {
        const way = ARROWS[event.key];
        if (!way) return;
        event.preventDefault();
        walk(...way);
      };
      return button;
    }

    // Turn to a place, if there is one, and draw two by two pixels there.
    point(k, p, column, pressed) {
      const { both: [maps] } = this.shown[k], width = maps[0][0].length, f = Math.floor(column / (width + 1)), q = column % (width + 1);
      if (maps[f]?.[p]?.[q] === undefined) return false;
      this.here = { k, p, column, f, q };
      if (pressed && !k) {
        taken((x, r, s) => ((r - p) >> 1 || (s - q) >> 1 ? x[r][s] : 1 - this.pen))(this);
        this.update();
      } else {
        if (width === this.start[1][1].length) this.row = q;
        this.paint();
      }
      return true;
    }

    // Mark the place in all sheets of its form, and a window.
    say() {
      const { here: { k, p, column, f, q }, shown, buttons, start: [[w]] } = this, { both, names } = shown[k], { width, height } = buttons[k].firstChild;
      buttons.forEach(({ firstChild: canvas, lastChild: mark }, other) => {
        const seen = !other && height === shown[4].both[0][0].length;
        mark.hidden = !seen && (canvas.width !== width || canvas.height !== height);
        mark.style = `--p: ${p}; --q: ${seen ? q : column}; --size: ${seen ? w[0][0].length : 1}`;
      });
      const words = both.map((maps, side) => `${names[side]}${maps[1] ? `[${f}]` : ""}${index(height > 1 ? [p, q] : [q])} = ${rounded(maps[f][p][q])}`);
      buttons[k].ariaValueText = words[this.show];
      this.lastChild.lastChild.textContent = [...new Set(words)].join(", ");
    }
  }
  customElements.define("network-explorer", NetworkExplorer);
}
