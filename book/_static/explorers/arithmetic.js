// What the explorers compute, without a page, so that a test can compare it
// with the package. Arrays are nested lists with the axes of the book.
{
  const range = (n) => [...Array(n).keys()];
  const filled = (shape, value, ...place) => (place.length === shape.length
    ? value(...place) : range(shape[place.length]).map((k) => filled(shape, value, ...place, k)));
  const each = (x, value) => x.map((row, i) => row.map((one, j) => value(one, i, j)));
  const total = (values) => values.reduce((sum, value) => sum + value, 0);
  const chunks = (list, size) => range(list.length / size).map((k) => list.slice(k * size, (k + 1) * size));
  const rounded = (value) => String(+value.toPrecision(3)).replace("-", "\u2212");
  const outputs = (size, kernel, stride, padding = 0) => Math.floor((size + 2 * padding - kernel) / stride) + 1;

  // The list of meetings: output (i, j) of map f met pixel (p, q) of channel c
  // through weight (u, v).
  const convolution = (x, w, b, given, stride = 1, padding = 0) => {
    const [F, C, H, W, KH, KW] = [w.length, x.length, x[0].length, x[0][0].length, w[0][0].length, w[0][0][0].length];
    const maps = [F, outputs(H, KH, stride, padding), outputs(W, KW, stride, padding)];
    const dy = given ?? filled(maps, () => 0), y = filled(maps, (f) => b[f]), dw = filled([F, C, KH, KW], () => 0), dx = filled([C, H, W], () => 0);
    const met = filled([...maps, C, KH, KW], (f, i, j, c, u, v) => (
      { f, i, j, c, u, v, p: stride * i + u - padding, q: stride * j + v - padding })).flat(5);
    for (const { f, i, j, c, u, v, p, q } of met) {
      if (x[c][p]?.[q] === undefined) continue;
      y[f][i][j] += x[c][p][q] * w[f][c][u][v];
      dw[f][c][u][v] += x[c][p][q] * dy[f][i][j];
      dx[c][p][q] += w[f][c][u][v] * dy[f][i][j];
    }
    return { y, dx, dw, db: dy.map((map) => total(map.flat())), met };
  };

  // The windows of an image, and who inherits the gradient of each: all of its
  // pixels, or of the largest the first.
  const pooling = (x, dy, size, stride, kind) => {
    const [dx, seen, won] = [0, 0, 0].map(() => filled([x.length, x[0].length], () => 0));
    const windows = dy.flatMap((row, i) => row.map((gradient, j) => {
      const pixels = filled([size, size], (u, v) => [stride * i + u, stride * j + v]).flat();
      const largest = Math.max(...pixels.map(([p, q]) => x[p][q]));
      const ties = pixels.filter(([p, q]) => x[p][q] === largest);
      const heirs = kind === "maximum" ? ties.slice(0, 1) : pixels;
      for (const [p, q] of pixels) seen[p][q] += 1;
      for (const [p, q] of heirs) {
        won[p][q] += 1;
        dx[p][q] += gradient / heirs.length;
      }
      return { i, j, pixels, ties, heirs, gradient, y: total(heirs.map(([p, q]) => x[p][q])) / heirs.length };
    }));
    return { windows, seen, won, dx, y: chunks(windows.map(({ y }) => y), dy[0].length) };
  };

  const relu = (x, dy = x) => ({
    mask: each(x, (value) => Number(value > 0)),
    y: each(x, (value) => Math.max(value, 0)),
    dx: each(x, (value, i, j) => dy[i][j] * (value > 0)),
  });

  // The softmax of logits at a temperature, the surprise at the true class, its
  // gradient, and the softmax in float32 as it is printed.
  const surprise = (logits, truth, temperature) => {
    const z = logits.map((logit) => logit / temperature), largest = Math.max(...z);
    const e = z.map((value) => Math.exp(value - largest)), all = total(e), p = e.map((value) => value / all);
    const printed = z.map((value) => Math.fround(Math.exp(Math.fround(value))));
    const sum = printed.reduce((before, value) => Math.fround(before + value), 0);
    return {
      p,
      loss: Math.log(all) + largest - z[truth],
      dy: p.map((value, k) => (value - (k === truth)) / temperature),
      naive: printed.map((value) => Math.fround(value / sum)),
    };
  };

  // The points that a ball with momentum visits in a bowl, and the two roots of
  // z² - (1 + momentum - rate curvature) z + momentum, real and imaginary parts.
  const descent = (start, curvatures, rate, momentum, steps) => {
    let velocity = start.map(() => 0);
    const points = [start];
    for (const k of range(steps)) {
      velocity = velocity.map((v, axis) => momentum * v + curvatures[axis] * points[k][axis]);
      points.push(points[k].map((value, axis) => value - rate * velocity[axis]));
    }
    return points;
  };
  const roots = (curvature, rate, momentum) => {
    const half = (1 + momentum - rate * curvature) / 2, inside = half * half - momentum, root = Math.sqrt(Math.abs(inside));
    return [1, -1].map((sign) => (inside < 0 ? [half, sign * root] : [half + sign * root, 0]));
  };

  const dense = (x, [w, b]) => ({
    y: w.map((row, k) => b[k] + total(row.map((weight, i) => weight * x[i]))),
    backward: (dy) => ({
      dx: x.map((_, i) => total(dy.map((gradient, k) => gradient * w[k][i]))),
      dw: dy.map((gradient) => x.map((value) => gradient * value)),
      db: dy,
    }),
  });

  // The network of Part I on one image: what flows between its layers, from
  // the image to y, the gradient by each, and those of the three pairs of w, b.
  const network = (x, t, [[w, b], hidden, last]) => {
    const seen = convolution(x, w, b).y, lit = seen.map((map) => relu(map).y), [{ length: height, 0: { length: width } }] = seen;
    const first = dense(lit.flat(2), hidden), open = relu([first.y]).y;
    const second = dense(open[0], last), error = second.y[0] - t, dy = [2 * error];
    const three = second.backward(dy), shut = relu([first.y], [three.dx]).dx, two = first.backward(shut[0]);
    const dlit = chunks(chunks(two.dx, width), height), dseen = seen.map((map, f) => relu(map, dlit[f]).dx), one = convolution(x, w, b, dseen);
    return {
      loss: error * error,
      flow: [x, seen, lit, [[first.y]], [open], [[second.y]]],
      back: [one.dx, dseen, dlit, [shut], [[three.dx]], [[dy]]],
      gradients: [one, two, three].map(({ dw, db }) => [dw, db]),
    };
  };

  // Numbers, nested in any way, after a step against their gradients.
  const stepped = (p, gradient, rate) => (Array.isArray(p) ? p.map((one, k) => stepped(one, gradient[k], rate)) : p - rate * gradient);

  // The numbers of a channel, a row for each image, normalized by their own mean
  // and variance or by given ones; and the three ways of each gradient.
  const normalization = (x, dy, gamma, beta, epsilon, given) => {
    const mean = (values) => total(values.flat()) / x.flat().length;
    const [mu, variance] = given || [mean(x), mean(each(x, (value) => (value - mean(x)) ** 2))];
    const scale = 1 / Math.sqrt(variance + epsilon), xhat = each(x, (value) => (value - mu) * scale);
    const shift = mean(dy), stretch = mean(each(dy, (value, n, q) => value * xhat[n][q]));
    const ways = each(dy, (value, n, q) => (given ? [value, 0, 0] : [value, -shift, -stretch * xhat[n][q]]).map((way) => gamma * scale * way));
    return { mean: mu, variance, xhat, ways, y: each(xhat, (value) => gamma * value + beta), dx: each(ways, total) };
  };

  // The least that an algorithm takes, and what it waits for.
  const roofline = (operations, bytes, peak, bandwidth) => {
    const time = Math.max(operations / peak, bytes / bandwidth);
    return { time, intensity: operations / bytes, waits: time > operations / peak ? "bytes" : "operations" };
  };

  // The bugs that no check which was spent tells from this one.
  const suspects = (results, bug, spent) => range(results.length).filter((other) => spent.every((check) => results[other][check] === results[bug][check]));

  globalThis.arithmetic = { range, filled, each, total, chunks, rounded, outputs, convolution, pooling, relu, surprise, descent, roots, network, stepped, normalization, roofline, suspects };
}
