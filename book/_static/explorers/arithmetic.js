// What the explorers compute, without a page, so that a test can compare it
// with the package. Arrays are nested lists with the axes of the book.
{
  const range = (n) => [...Array(n).keys()];
  const filled = (shape, value, ...place) => (place.length === shape.length
    ? value(...place) : range(shape[place.length]).map((k) => filled(shape, value, ...place, k)));
  const outputs = (size, kernel, stride, padding = 0) => Math.floor((size + 2 * padding - kernel) / stride) + 1;

  // The list of meetings: output (i, j) of map f met pixel (p, q) of channel c
  // through weight (u, v).
  const convolution = (x, w, b, dy, stride, padding) => {
    const [F, C, H, W, KH, KW] = [w.length, x.length, x[0].length, x[0][0].length, w[0][0].length, w[0][0][0].length];
    const maps = [F, outputs(H, KH, stride, padding), outputs(W, KW, stride, padding)];
    const y = filled(maps, (f) => b[f]), dw = filled([F, C, KH, KW], () => 0), dx = filled([C, H, W], () => 0);
    const met = filled([...maps, C, KH, KW], (f, i, j, c, u, v) => (
      { f, i, j, c, u, v, p: stride * i + u - padding, q: stride * j + v - padding })).flat(5);
    for (const { f, i, j, c, u, v, p, q } of met) {
      if (x[c][p]?.[q] === undefined) continue;
      y[f][i][j] += x[c][p][q] * w[f][c][u][v];
      dw[f][c][u][v] += x[c][p][q] * dy[f][i][j];
      dx[c][p][q] += w[f][c][u][v] * dy[f][i][j];
    }
    return { y, dx, dw, db: dy.map((map) => map.flat().reduce((sum, value) => sum + value, 0)), met };
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
      return { i, j, pixels, ties, heirs, gradient, y: heirs.reduce((sum, [p, q]) => sum + x[p][q], 0) / heirs.length };
    }));
    return { windows, seen, won, dx, y: dy.map((row, i) => row.map((_, j) => windows[i * row.length + j].y)) };
  };

  const relu = (x, dy) => ({
    mask: x.map((row) => row.map((value) => Number(value > 0))),
    y: x.map((row) => row.map((value) => Math.max(value, 0))),
    dx: x.map((row, i) => row.map((value, j) => dy[i][j] * (value > 0))),
  });

  globalThis.arithmetic = { range, filled, outputs, convolution, pooling, relu };
}
