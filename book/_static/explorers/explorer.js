// What the explorers of layers are made of: sheets of numbers to point at and
// to edit, boards that show what meets there, and a line that says it in words.
{
  const { filled, each } = arithmetic;
  const LARGE = 60, MOST_TERMS = 18, PACE = 1100;
  const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

  const PARTS = `<p class="choices"></p><div></div><div class="line boards"></div><p class="sum" role="status"></p>
    <p class="tools"><button type="button" class="play">Play</button><button type="button">Step</button>
    <button type="button">Reset</button><label><span></span><input type="number" step="any"></label><small>by keyboard: arrows walk, Enter edits</small></p>`;

  const written = (value) => {
    const size = Math.abs(value), digits = size < 1e-5 ? 0 : size < 0.005 ? value.toPrecision(1) : value.toFixed(2);
    return (size < 1e5 ? String(+digits) : value.toExponential(1).replace("+", "")).replaceAll("-", "\u2212");
  };
  const index = (place) => `(${place.map(written).join(", ")})`;
  // Products, each a list of its factors, as a sum: 2 · 2 − 1 · 1 + 3 · (−1).
  const sum = (terms) => {
    const pieces = terms.slice(0, MOST_TERMS).map((factors) => {
      const texts = factors.map((value, k) => (value < 0 && k ? `(${written(value)})` : written(k ? value : Math.abs(value))));
      return `${factors[0] < 0 ? "\u2212" : "+"} ${texts.join(" \u00b7 ")}`;
    });
    if (terms.length > MOST_TERMS) pieces.push("+ \u2026");
    return pieces.join(" ").replace(/^\+ |(?<=^\u2212) /, "");
  };
  const select = (name, values, chosen) => `<label>${name} <select name="${name}" ${values.length < 2 ? "disabled" : ""}>${
    values.map((value) => `<option ${value === chosen ? "selected" : ""}>${value}</option>`).join("")}</select></label>`;
  const keyOf = (name, place) => `${name}(${place})`;

  // A layer has `begin(data)`, `compute()`, `choices()`, `lines()` of groups of
  // sheets, `seeX(...place)` for what is to be seen at x and dx, and an array of
  // each name that can be edited. A cell to point at has a name and a place.
  class Explorer extends HTMLElement {
    connectedCallback() {
      this.insertAdjacentHTML("beforeend", PARTS);
      [, this.bar, this.sheets, this.boards, this.status] = this.children;
      this.field = this.querySelector("input");
      this.querySelectorAll("button").forEach((button, k) => {
        button.onclick = () => [() => this.play(!this.timer), () => this.step(), () => this.reset()][k]();
      });
      const listen = (type, act) => this.sheets.addEventListener(type, (event) => {
        const cell = this.where.get(event.target.closest("[role=gridcell]"));
        if (cell?.place) act(cell, event);
      });
      listen("pointerover", (cell, { pointerType }) => {
        if (pointerType === "mouse" && document.activeElement !== this.field) this.point(cell, false, false);
      });
      this.sheets.onpointerleave = () => {
        if (!this.cells.has(this.kept)) return;
        this.key = this.kept;
        this.paint();
      };
      listen("click", (cell) => this.point(cell, true));
      this.sheets.onkeydown = (event) => this.press(event);
      this.field.oninput = () => this.edit();
      this.field.onkeydown = ({ key }) => {
        if (["Enter", "Escape"].includes(key)) this.cells.get(this.key).focus();
      };
      this.bar.onchange = ({ target: { name, selectedIndex } }) => {
        this[name] = this.choices()[name][selectedIndex];
        this.update();
        this.bar.querySelector(`[name=${name}]`).focus();
      };
      this.reset();
    }

    reset() {
      this.play(false);
      this.begin(JSON.parse(this.firstElementChild.textContent));
      this.key = this.kept = keyOf(...this.at);
      this.update();
    }

    // Start with the gradients of the page, repeated as far as needed.
    shape(height, width, many = 1) {
      if (`${[height, width, many]}` === this.size) return;
      this.size = `${[height, width, many]}`;
      this.gradients = filled([many, height, width], (f, i, j) => this.dy[f][i % this.dy[f].length][j % this.dy[f][0].length]);
    }

    edit() {
      const { name, place } = this.here, value = this.field.valueAsNumber;
      if (Number.isNaN(value)) return;
      place.slice(0, -1).reduce((part, k) => part[k], this.array(name))[place.at(-1)] = value;
      this.update();
    }

    press(event) {
      const { key, target } = event, row = target.parentElement, rows = [...row.parentElement.children];
      const [down, right] = ARROWS[key] ?? [0, 0];
      const to = rows[rows.indexOf(row) + down]?.children[[...row.children].indexOf(target) + right];
      const typed = /^[-\d.]$/.test(key) && !event.ctrlKey && !event.metaKey;
      if (ARROWS[key] && to) {
        to.focus();
        if (this.where.get(to).place) this.point(this.where.get(to), true);
      } else if (typed || ["Enter", " "].includes(key)) {
        this.point(this.where.get(target));
        if (key !== " ") {
          this.field.focus();
          this.field.select();
        }
      }
      if (ARROWS[key] || ["Enter", " "].includes(key)) event.preventDefault(); // what is typed goes into the field
    }

    // What is seen, with the name that it has going forward.
    get seen() { return this.here.label.replace("d", ""); }

    // Turn to a cell, to come back to it unless only a pointer passes by; if
    // something shall move, it moves to its new place.
    point(cell, moving = false, keep = true) {
      this.play(false);
      this.key = keyOf(cell.name, cell.place);
      if (keep) this.kept = this.key;
      this.paint(moving);
    }

    step() {
      const walk = [...this.where.values()].filter(({ name, place, kind }) => name === this.here.name && place && kind !== "frame");
      this.point(walk[(walk.indexOf(this.here) + 1) % walk.length], true);
    }

    play(on) {
      clearTimeout(this.timer);
      this.timer = undefined;
      if (on) {
        this.step();
        this.timer = setTimeout(() => this.play(true), PACE);
      }
      this.querySelector(".play").textContent = this.timer ? "Pause" : "Play";
      this.status.ariaLive = this.timer ? "off" : "polite";
    }

    // Compute anew; where the sizes have changed, build the sheets anew.
    update() {
      this.compute();
      const lines = this.lines(), sheets = lines.flat(2);
      const form = JSON.stringify(sheets.map(({ title, rows }) => [title, rows.length, rows[0].length]));
      if (form !== this.form) this.build(lines);
      this.where = new Map();
      this.cells = new Map();
      const elements = [...this.sheets.querySelectorAll("[role=gridcell]")];
      for (const { title, rows } of sheets) {
        const most = Math.max(...rows.flat().map(({ value }) => Math.abs(value)));
        for (const cell of rows.flat()) {
          const made = elements.shift();
          this.where.set(made, cell);
          if (cell.place) this.cells.set(keyOf(cell.name, cell.place), made);
          const text = written(cell.value);
          made.classList.toggle("changed", form === this.form && text !== made.textContent);
          made.textContent = text;
          made.style.setProperty("--share", Math.abs(cell.value) / most || 0);
          made.style.setProperty("--length", text.length);
          made.dataset.kind = cell.kind ?? "";
          cell.editable = cell.kind !== "frame" && this.array(cell.name);
          cell.label = title + index(cell.place?.slice(-2) ?? []);
          made.ariaLabel = `${cell.label} is ${text}${cell.kind ? `, ${cell.kind}` : ""}`;
        }
      }
      this.form = form;
      this.bar.innerHTML = Object.entries(this.choices()).map(([name, values]) => select(name, values, this[name])).join("");
      if (!this.cells.has(this.key)) this.key = keyOf(this.at[0], this.at[1].map(() => 0));
      this.paint();
    }

    build(lines) {
      this.tallest = 0;
      this.boards.style.minHeight = "";
      const row = (cells) => `<div role="row">${'<span role="gridcell"></span>'.repeat(cells.length)}</div>`;
      const grid = ({ title, rows, quantity }) => `<div class="sheet${rows.flat().length > LARGE ? " large" : ""}" data-quantity="${quantity}">
        <b aria-hidden="true">${title}</b><div role="grid" aria-label="${title}">${rows.map(row).join("")}</div></div>`;
      const group = (sheets) => `<div class="group" style="--columns: ${sheets.columns}">${sheets.map(grid).join("")}</div>`;
      this.sheets.innerHTML = lines.map((groups) => `<div class="line">${groups.map(group).join("")}</div>`).join("");
    }

    paint(moving) {
      const here = this.cells.get(this.key), { name, place, label, editable, value } = this.here = this.where.get(here);
      const of = name.replace("d", ""), { lit, boards = [], words } = this[`see${of.toUpperCase()}`](...place);
      const chosen = new Set([...lit, [of, place], [`d${of}`, place]].map((one) => keyOf(...one)));
      for (const [key, cell] of this.cells) {
        cell.classList.toggle("on", chosen.has(key));
        cell.classList.toggle("here", cell === here);
      }
      for (const grid of this.sheets.querySelectorAll("[role=grid]")) {
        const stop = grid.contains(here) ? here : grid.querySelector("[tabindex='0']") ?? grid.querySelector("span");
        for (const cell of grid.querySelectorAll("span")) cell.tabIndex = cell === stop ? 0 : -1;
      }
      this.status.textContent = words;
      this.field.previousSibling.textContent = `${label} = `;
      this.field.disabled = !editable;
      if (document.activeElement !== this.field) this.field.value = +value.toFixed(4);
      const box = ({ top = "", big, low = "", off }) => `<span class="${off ? "off" : ""}"><small>${top}</small><strong>${big}</strong><small>${low}</small></span>`;
      // The line below says the same.
      this.boards.innerHTML = boards.map(({ title, quantity, rows }) => `<div class="board" data-quantity="${quantity}" aria-hidden="true"><b>${title}</b>${
        rows.map((row) => `<div>${row.map(box).join("")}</div>`).join("")}</div>`).join("");
      if (moving && !matchMedia("(prefers-reduced-motion: reduce)").matches) boards.flatMap(({ rows }) => rows.flat()).forEach(({ from }, k) => this.fly(from, this.boards.querySelectorAll("span")[k]));
      this.tallest = Math.max(this.tallest, this.boards.offsetHeight);
      this.boards.style.minHeight = `${this.tallest}px`;
    }

    // Let a number fly from its sheet to its place on a board.
    fly(from, to) {
      const [a, b] = [this.cells.get(keyOf(...from)), to].map((box) => box.getBoundingClientRect());
      to.animate([{ transform: `translate(${a.x - b.x}px, ${a.y - b.y}px)` }, {}], 600);
    }
  }

  // A sheet of an array, whose cells are named and placed by their indices.
  const sheet = (name, array, { title = name, before = [], more = () => ({}) } = {}) => ({
    title,
    quantity: name,
    rows: each(array, (value, p, q) => ({ name, place: [...before, p, q], value, ...more(p, q, before) })),
  });

  // Draw maps side by side, with as much color as a number is of the limit.
  const draw = (canvas, maps, limit, colors) => {
    const [[{ length: width }]] = maps, columns = maps.length * (width + 1) - 1, image = new ImageData(columns, maps[0].length);
    const [plus, minus] = colors.map((color) => color.match(/[\d.]+/g).slice(0, 3));
    maps.forEach((map, f) => each(map, (value, p, q) => {
      image.data.set([...(value < 0 ? minus : plus), 255 * Math.abs(value) / limit], 4 * (p * columns + f * (width + 1) + q));
    }));
    Object.assign(canvas, { width: columns, height: image.height }).getContext("2d").putImageData(image, 0, 0);
  };
  const colors = (...elements) => elements.map((element) => getComputedStyle(element).color);
  globalThis.explorers = { ARROWS, Explorer, sheet, draw, colors, select, written, index, sum };
}
