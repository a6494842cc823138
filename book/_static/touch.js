// The convolution on the first page: nine weights to turn, a window to move.
{
  const { chunks, convolution } = arithmetic, { ARROWS, colors, draw, index, sum, written } = explorers;
  const figure = document.querySelector(".touch"), [weights, line, choice] = [".weights", ".sum", ".choose"].map((name) => figure.querySelector(name));
  const canvases = [...figure.querySelectorAll("canvas")], garments = JSON.parse(document.querySelector("#garments").textContent);
  const kernels = {
    "left edges": [-1, 0, 1, -1, 0, 1, -1, 0, 1],
    "upper edges": [-1, -1, -1, 0, 0, 0, 1, 1, 1],
    outline: [-1, -1, -1, -1, 8, -1, -1, -1, -1],
  };
  const SIZE = 28, SIDE = 3, LARGEST = 9;
  let kernel = kernels["left edges"], image, place = [8, 6];
  const within = (value, least, most) => Math.max(least, Math.min(most, value));
  const take = (garment) => { image = chunks(garments[garment].map((value) => value / 255), SIZE); };

  const paint = () => {
    const [y] = convolution([image], [[chunks(kernel, SIDE)]], [0]).y, [i, j] = place, [ink, ...signed] = colors(figure, ...figure.querySelectorAll(".plus, .minus"));
    draw(canvases[0], [image], 1, [ink]);
    draw(canvases[1], [y], Math.max(0.3, ...y.flat().map(Math.abs)), signed);
    figure.style = `--p: ${i}; --q: ${j}`;
    const terms = [];
    kernel.forEach((weight, k) => {
      const u = Math.floor(k / SIDE), v = k % SIDE, pixel = image[i + u][j + v], button = weights.children[k];
      if (weight && pixel >= 0.005) terms.push(Math.abs(weight) === 1 ? [weight * pixel] : [weight, pixel]);
      button.textContent = written(weight);
      button.ariaLabel = `weight ${index([u, v])} is ${written(weight)}`;
    });
    line.textContent = `y${index(place)} = ${sum(terms) || 0} = ${written(y[i][j])}`;
  };

  const addButton = (home, text, act) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    button.onclick = () => { act(); paint(); };
    home.append(button);
    return button;
  };
  kernel.forEach((_, k) => {
    const turn = (weight) => { kernel = kernel.with(k, within(weight, -LARGEST, LARGEST)); };
    addButton(weights, "", () => turn(kernel[k] >= 2 ? -2 : kernel[k] + 1)).onkeydown = (event) => {
      const [down] = ARROWS[event.key] ?? [0];
      if (!down) return;
      event.preventDefault();
      turn(kernel[k] - down);
      paint();
    };
  });
  for (const name of Object.keys(garments)) addButton(choice, name, () => take(name));
  for (const name of Object.keys(kernels)) addButton(choice, name, () => { kernel = kernels[name]; });
  canvases.forEach((canvas, k) => {
    canvas.onpointerdown = canvas.onpointermove = ({ offsetX, offsetY }) => {
      place = [offsetY, offsetX].map((at) => within(Math.floor(at / canvas.offsetWidth * canvas.width) + k - 1, 0, SIZE - SIDE));
      paint();
    };
  });
  figure.ontransitionend = paint; // its colors are others now
  take(Object.keys(garments)[0]);
  paint();
}
