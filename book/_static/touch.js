// The convolution on the first page: nine weights to turn, a window to move.
const figure = document.querySelector(".touch");
const [imageCanvas, mapCanvas] = figure.querySelectorAll("canvas");
const garments = JSON.parse(document.querySelector("#garments").textContent);
const kernels = {
  "left edges": [-1, 0, 1, -1, 0, 1, -1, 0, 1],
  "upper edges": [-1, -1, -1, 0, 0, 0, 1, 1, 1],
  outline: [-1, -1, -1, -1, 8, -1, -1, -1, -1],
};
const IN = 28, SIDE = 3, OUT = IN - SIDE + 1, LARGEST = 9;
const kernel = [...kernels["left edges"]];
let pixels = Object.values(garments)[0].map((value) => value / 255);
let place = [8, 6];

const under = (i, j, u, v) => pixels[(i + u) * IN + j + v];
const cells = [...Array(SIDE * SIDE).keys()].map((k) => [Math.floor(k / SIDE), k % SIDE]);
const output = (i, j) => cells.reduce((sum, [u, v], k) => sum + kernel[k] * under(i, j, u, v), 0);
const written = (value) => value.toFixed(2).replace("-", "\u2212");

// Paper, ink and the signed colors are those of the page, read again each time.
const colorOf = (name) => {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  figure.append(probe);
  const parts = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  probe.remove();
  return parts;
};
const mix = (a, b, share) => `rgb(${a.map((x, k) => Math.round(x + (b[k] - x) * share)).join()})`;
const paint = (canvas, side, color, frame, at, size) => {
  const scale = 10, pen = canvas.getContext("2d");
  canvas.width = canvas.height = side * scale;
  for (let k = 0; k < side * side; k++) {
    pen.fillStyle = color(k);
    pen.fillRect((k % side) * scale, Math.floor(k / side) * scale, scale, scale);
  }
  pen.strokeStyle = `rgb(${frame.join()})`;
  pen.lineWidth = 3;
  pen.strokeRect(at[1] * scale + 1, at[0] * scale + 1, size * scale - 2, size * scale - 2);
};

const draw = () => {
  const [paper, ink, red, blue] = ["paper", "ink", "positive", "negative"].map(colorOf);
  const map = [...Array(OUT * OUT).keys()].map((k) => output(Math.floor(k / OUT), k % OUT));
  const limit = Math.max(0.3, ...map.map(Math.abs));
  const signed = (value, most) => mix(paper, value < 0 ? blue : red, Math.min(1, Math.abs(value) / most));
  paint(imageCanvas, IN, (k) => mix(paper, ink, pixels[k]), colorOf("kernel"), place, SIDE);
  paint(mapCanvas, OUT, (k) => signed(map[k], limit), colorOf("output"), place, 1);
  const terms = cells.map(([u, v], k) => kernel[k] && under(...place, u, v) >= 0.005 && `${kernel[k]}\u00b7${under(...place, u, v).toFixed(2)}`);
  const sum = terms.filter(Boolean).join(" + ").replaceAll("+ -", "\u2212 ").replaceAll("-", "\u2212").replaceAll("1\u00b7", "");
  figure.querySelector(".sum").textContent = `y(${place}) = ${sum || 0} = ${written(output(...place))}`;
  figure.querySelectorAll(".weights button").forEach((button, k) => {
    button.textContent = `${kernel[k]}`.replace("-", "\u2212");
    button.setAttribute("aria-label", `weight ${cells[k]} is ${kernel[k]}`);
  });
};

const addButton = (home, text, act) => {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  button.addEventListener("click", () => { act(); draw(); });
  home.append(button);
  return button;
};
cells.forEach((_, k) => {
  const turn = (by) => { kernel[k] = Math.max(-LARGEST, Math.min(LARGEST, kernel[k] + by)); };
  const button = addButton(figure.querySelector(".weights"), "", () => { kernel[k] = kernel[k] >= 2 ? -2 : kernel[k] + 1; });
  button.addEventListener("keydown", (event) => {
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (by) { event.preventDefault(); turn(by); draw(); }
  });
});
const choose = figure.querySelector(".choose");
for (const [name, values] of Object.entries(garments)) addButton(choose, name, () => { pixels = values.map((value) => value / 255); });
for (const [name, weights] of Object.entries(kernels)) addButton(choose, name, () => { weights.forEach((weight, k) => { kernel[k] = weight; }); });
for (const [canvas, side, shift] of [[imageCanvas, IN, 1], [mapCanvas, OUT, 0]]) {
  const follow = (event) => {
    const box = canvas.getBoundingClientRect();
    const along = [event.clientY - box.top, event.clientX - box.left];
    place = along.map((x) => Math.max(0, Math.min(OUT - 1, Math.floor((x / box.width) * side) - shift)));
    draw();
  };
  canvas.addEventListener("pointermove", follow);
  canvas.addEventListener("pointerdown", follow);
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
draw();
