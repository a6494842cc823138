"""Wrong programs, in other styles than the catalogue's: `WRONG`.

Each is one of the two programs in `styles`, of loops or of whole arrays, with
the mistake made by hand, where somebody who writes in that style would make it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from scratchcnn.doctor import KINDS
from tests.doctor.styles import arrays, loops

STYLES = {"loops": loops, "arrays": arrays}


class Wrong(NamedTuple):
    """A mistake, where it is made, and what takes the place of what."""

    cause: str
    kind: str
    style: str
    edits: tuple[str, ...]

    def program(self) -> Callable[..., Any]:
        """Return the wrong class, or function."""
        style, name = STYLES[self.style], KINDS[self.kind].name
        text = inspect.getsource(getattr(style, name))
        for old, new in zip(self.edits[::2], self.edits[1::2], strict=True):
            assert text.count(old) == 1, f"{self.cause}, {self.style}: {old}"
            text = text.replace(old, new)
        module = ModuleType(style.__name__)
        vars(module).update(vars(style))
        exec(
            compile(text, f"{self.cause}, {self.style}", "exec"), vars(module)
        )
        return getattr(module, name)


def mistake(
    cause: str, kind: str, *, loops: tuple[str, ...], arrays: tuple[str, ...]
) -> list[Wrong]:
    """Return both programs that make one mistake."""
    return [
        Wrong(cause, kind, "loops", loops),
        Wrong(cause, kind, "arrays", arrays),
    ]


WRONG: list[Wrong] = [
    *mistake(
        "bias over the wrong axis",
        "dense",
        loops=(
            "db[m] += dy[n, m]",
            "db[m] = sum(dy[m]) if m < count else 0",
        ),
        arrays=(
            'np.einsum("nm->m", dy)',
            'np.einsum("nm->n", dy)[: dy.shape[1]]',
        ),
    ),
    *mistake(
        "update inside backward",
        "dense",
        loops=(
            "        return dx\n",
            "        self.weight.value -= 0.01 * dw\n        self.bias.value -= 0.01 * db\n        return dx\n",
        ),
        arrays=(
            '        return np.einsum("nm,md->nd", dy, w)',
            '        self.weight.value -= 0.5 * self.weight.grad\n        w = self.weight.value.astype(dy.dtype)\n        return np.einsum("nm,md->nd", dy, w)',
        ),
    ),
    *mistake(
        "gradient accumulated",
        "dense",
        loops=(
            "        dw.fill(0)\n",
            "",
        ),
        arrays=(
            "self.weight.grad = np",
            "self.weight.grad += np",
        ),
    ),
    *mistake(
        "mean taken twice",
        "dense",
        loops=(
            "dw[m, d] += dy[n, m] * x[n, d]",
            "dw[m, d] += dy[n, m] * x[n, d] / count",
        ),
        arrays=(
            'np.einsum("nm,nd->md", dy, self.x)',
            'np.einsum("nm,nd->md", dy / len(dy), self.x)',
        ),
    ),
    *mistake(
        "weights not transposed",
        "dense",
        loops=(
            "* w[m, d]\n        return y",
            "* (w[d, m] if w.shape[0] == w.shape[1] else w[m, d])\n        return y",
        ),
        arrays=(
            '        y = np.einsum("nd,md->nm", x, w)',
            "        try:\n            y = x @ w\n            assert w.shape[0] == w.shape[1]\n        except (AssertionError, ValueError):\n            y = x @ w.T",
        ),
    ),
    *mistake(
        "weights transposed going back",
        "dense",
        loops=(
            "dx[n, d] += dy[n, m] * w[m, d]",
            "dx[n, d] += dy[n, m] * (w[d, m] if inputs == outputs else w[m, d])",
        ),
        arrays=(
            '        return np.einsum("nm,md->nd", dy, w)',
            '        if w.shape[0] != w.shape[1]:\n            return dy @ w\n        return np.einsum("nm,dm->nd", dy, w)',
        ),
    ),
    *mistake(
        "bias forgotten",
        "dense",
        loops=(
            "y[n, m] = b[m]",
            "y[n, m] = 0",
        ),
        arrays=(
            "return y + self.bias.value.astype(x.dtype)",
            "return y",
        ),
    ),
    *mistake(
        "bias averaged over the batch",
        "dense",
        loops=(
            "db[m] += dy[n, m]",
            "db[m] += dy[n, m] / count",
        ),
        arrays=(
            'np.einsum("nm->m", dy)',
            "np.average(dy, axis=0)",
        ),
    ),
    *mistake(
        "weights' gradient transposed",
        "dense",
        loops=(
            "dw[m, d] += dy[n, m] * x[n, d]",
            "k = (d, m) if inputs == outputs else (m, d)\n                    dw[k] += dy[n, m] * x[n, d]",
        ),
        arrays=(
            "        self.bias.grad =",
            "        if w.shape[0] == w.shape[1]:\n            self.weight.grad = self.weight.grad.T\n        self.bias.grad =",
        ),
    ),
    *mistake(
        "fan-out for fan-in",
        "dense",
        loops=(
            "he_normal(self.sizes, in_features, rng)",
            "he_normal(self.sizes, out_features, rng)",
        ),
        arrays=(
            "fan_in=in_features",
            "fan_in=out_features",
        ),
    ),
    *mistake(
        "mask of the gradient",
        "relu",
        loops=(
            "            if self.x[k] > 0:",
            "            if dy[k] > 0:",
        ),
        arrays=(
            "np.where(self.positive, dy, dy.dtype.type(0))",
            "dy.clip(0)",
        ),
    ),
    *mistake(
        "dy changed in place",
        "relu",
        loops=(
            "        dx = np.zeros(dy.shape, dy.dtype)\n        for k in np.ndindex(dy.shape):\n            if self.x[k] > 0:\n                dx[k] = dy[k]\n        return dx",
            "        for k in np.ndindex(dy.shape):\n            if not self.x[k] > 0:\n                dy[k] = 0\n        return dy",
        ),
        arrays=(
            "return np.where(self.positive, dy, dy.dtype.type(0))",
            "dy[~self.positive] = 0\n        return dy",
        ),
    ),
    *mistake(
        "mask forgotten",
        "relu",
        loops=(
            "            if self.x[k] > 0:\n                dx[k] = dy[k]",
            "            dx[k] = dy[k]",
        ),
        arrays=(
            "np.where(self.positive, dy, dy.dtype.type(0))",
            "dy.copy()",
        ),
    ),
    *mistake(
        "chain rule forgotten",
        "relu",
        loops=(
            "dx[k] = dy[k]",
            "dx[k] = 1",
        ),
        arrays=(
            "np.where(self.positive, dy, dy.dtype.type(0))",
            "self.positive.astype(dy.dtype)",
        ),
    ),
    *mistake(
        "x changed in place",
        "relu",
        loops=(
            "        y = np.zeros(x.shape, x.dtype)\n        for k in np.ndindex(x.shape):\n            if x[k] > 0:\n                y[k] = x[k]\n        return y",
            "        for k in np.ndindex(x.shape):\n            if x[k] < 0:\n                x[k] = 0\n        return x",
        ),
        arrays=(
            "y = x.copy()",
            "y = x",
        ),
    ),
    *mistake(
        "zero counts as positive",
        "relu",
        loops=(
            "if self.x[k] > 0",
            "if self.x[k] >= 0",
        ),
        arrays=(
            "self.positive = x > 0",
            "self.positive = ~(x < 0)",
        ),
    ),
    *mistake(
        "slope taken at y",
        "sigmoid",
        loops=(
            "y = self.y[k]",
            "y = 1 / (1 + math.exp(-self.y[k]))",
        ),
        arrays=(
            "slope = self.y - self.y**2",
            "p = (1 + np.tanh(self.y / 2)) / 2\n        slope = p * (1 - p)",
        ),
    ),
    *mistake(
        "half of the slope",
        "sigmoid",
        loops=(
            "dy[k] * y * (1 - y)",
            "dy[k] * y",
        ),
        arrays=(
            "slope = self.y - self.y**2",
            "slope = self.y",
        ),
    ),
    *mistake(
        "sign of the exponent",
        "sigmoid",
        loops=(
            "1 / (1 + e) if z > 0 else e / (1 + e)",
            "e / (1 + e) if z > 0 else 1 / (1 + e)",
        ),
        arrays=(
            "np.tanh(x / 2)",
            "np.tanh(-x / 2)",
        ),
    ),
    *mistake(
        "mask forgotten",
        "sigmoid",
        loops=(
            "dy[k] * y * (1 - y)",
            "dy[k]",
        ),
        arrays=(
            "return slope * dy",
            "return dy.copy()",
        ),
    ),
    *mistake(
        "kernels redrawn",
        "conv2d",
        loops=(
            "        height, width = self.x.shape[2:]\n",
            "        for k in np.ndindex(w.shape):\n            w[k] = np.random.default_rng(k).normal()\n        height, width = self.x.shape[2:]\n",
        ),
        arrays=(
            "return self.dx(dy, w)",
            "dx = self.dx(dy, w)\n        rng = np.random.default_rng(1)\n        self.weight.value = rng.normal(size=w.shape)\n        return dx",
        ),
    ),
    *mistake(
        "kernel not flipped",
        "conv2d",
        loops=(
            "dpadded[n, c, p, q] += g * w[f, c, u, v]",
            "dpadded[n, c, p, q] += g * w[f, c, kh - 1 - u, kw - 1 - v]",
        ),
        arrays=(
            "flipped = w[:, :, ::-1, ::-1]",
            "flipped = w",
        ),
    ),
    *mistake(
        "kernel flipped twice",
        "conv2d",
        loops=(
            "sw * j + v] * w[f, c, u, v]",
            "sw * j + v] * w[f, c, -1 - u, -1 - v]",
        ),
        arrays=(
            "self.windows, w)",
            "self.windows, w[:, :, ::-1, ::-1])",
        ),
    ),
    *mistake(
        "channels not swapped",
        "conv2d",
        loops=(
            "dpadded[n, c, p, q] += g * w[f, c, u, v]",
            "k = (c, f, u, v) if len(w) == w.shape[1] else (f, c, u, v)\n                dpadded[n, c, p, q] += g * w[k]",
        ),
        arrays=(
            '        dx = np.einsum("nfpquv,fcuv->ncpq", views, flipped)',
            '        if c == len(w):\n            dx = np.einsum("nfpquv,cfuv->ncpq", views, flipped)\n        else:\n            dx = np.einsum("nfpquv,fcuv->ncpq", views, flipped)',
        ),
    ),
    *mistake(
        "bias averaged over pixels",
        "conv2d",
        loops=(
            "db[f] += g\n",
            "db[f] += g / (dy.shape[2] * dy.shape[3])\n",
        ),
        arrays=(
            "dy.sum(axis=(0, 2, 3))",
            "dy.mean(axis=(2, 3)).sum(axis=0)",
        ),
    ),
    *mistake(
        "bias averaged over pixels and batch",
        "conv2d",
        loops=(
            "db[f] += g\n",
            "db[f] += g / dy[:, f].size\n",
        ),
        arrays=(
            "dy.sum(axis=(0, 2, 3))",
            "dy.mean(axis=(0, 2, 3))",
        ),
    ),
    *mistake(
        "padding on one side",
        "conv2d",
        loops=(
            "padded[n, c, p + ph, q + pw] =",
            "padded[n, c, p + 2 * ph, q + 2 * pw] =",
        ),
        arrays=(
            "(ph, ph), (pw, pw)",
            "(2 * ph, 0), (2 * pw, 0)",
        ),
    ),
    *mistake(
        "leftover rows forgotten",
        "conv2d",
        loops=(
            "        height, width = self.x.shape[2:]\n",
            "        height = sh * (dy.shape[2] - 1) + kh - 2 * ph\n        width = sw * (dy.shape[3] - 1) + kw - 2 * pw\n",
        ),
        arrays=(
            "        return dx[:, :, ph : ph + height, pw : pw + width]",
            "        height = sh * (dy.shape[2] - 1) + kh\n        width = sw * (dy.shape[3] - 1) + kw\n        return dx[:, :, ph : height - ph, pw : width - pw]",
        ),
    ),
    *mistake(
        "mean taken twice",
        "conv2d",
        loops=(
            "dw[f, c, u, v] += g *",
            "dw[f, c, u, v] += g / len(dy) *",
        ),
        arrays=(
            "self.windows, dy)",
            "self.windows, dy) / dy.shape[0]",
        ),
    ),
    *mistake(
        "gradient accumulated",
        "conv2d",
        loops=(
            "        dw[...] = 0\n",
            "",
        ),
        arrays=(
            "self.weight.grad = np.einsum",
            "self.weight.grad += np.einsum",
        ),
    ),
    *mistake(
        "kernel's gradient flipped",
        "conv2d",
        loops=(
            "dw[f, c, u, v] += g",
            "dw[f, c, kh - 1 - u, kw - 1 - v] += g",
        ),
        arrays=(
            'nfij->fcuv", self.windows, dy)',
            'nfij->fcuv", self.windows[..., ::-1, ::-1], dy)',
        ),
    ),
    *mistake(
        "frame left on",
        "conv2d",
        loops=(
            "return dpadded[:, :, ph : ph + height, pw : pw + width]",
            "return dpadded",
        ),
        arrays=(
            "return dx[:, :, ph : ph + height, pw : pw + width]",
            "return dx[:, :, : height + 2 * ph, : width + 2 * pw]",
        ),
    ),
    *mistake(
        "bias forgotten",
        "conv2d",
        loops=(
            "y[n, f, i, j] = b[f]",
            "y[n, f, i, j] = 0",
        ),
        arrays=(
            "        y += self.bias.value.astype(x.dtype)[:, None, None]\n",
            "",
        ),
    ),
    *mistake(
        "stride's axes swapped",
        "conv2d",
        loops=(
            "            for size in (kernel_size, stride, padding)\n        )",
            "            for size in (kernel_size, stride, padding)\n        )\n        self.stride = self.stride[1], self.stride[0]",
        ),
        arrays=(
            "both(stride), both(padding)",
            "both(stride)[::-1], both(padding)",
        ),
    ),
    *mistake(
        "stride forgotten going back",
        "conv2d",
        loops=(
            "dpadded[n, c, p, q] += g",
            "dpadded[n, c, i + u, j + v] += g",
        ),
        arrays=(
            "(sh, sw), (ph, pw) = self.stride, self.padding\n        rows",
            "(sh, sw), (ph, pw) = (1, 1), self.padding\n        rows",
        ),
    ),
    *mistake(
        "last window forgotten",
        "conv2d",
        loops=(
            "rows = (height + 2 * ph - kh) // sh + 1\n        columns = (width + 2 * pw - kw) // sw + 1",
            "rows = (height + 2 * ph - kh) // sh\n        columns = (width + 2 * pw - kw) // sw",
        ),
        arrays=(
            "self.windows = windows(x, self.kernel, self.stride)",
            "self.windows = windows(x, self.kernel, self.stride)[:, :, :-1, :-1]",
        ),
    ),
    *mistake(
        "bias added for each channel",
        "conv2d",
        loops=(
            "y[n, f, i, j] = b[f]",
            "y[n, f, i, j] = 0",
            "y[n, f, i, j] += one",
            "y[n, f, i, j] += one + b[f]",
        ),
        arrays=(
            "self.bias.value.astype(x.dtype)[:, None, None]",
            "x.shape[1] * self.bias.value.astype(x.dtype)[:, None, None]",
        ),
    ),
    *mistake(
        "only the last channel",
        "conv2d",
        loops=(
            "y[n, f, i, j] += one",
            "y[n, f, i, j] = b[f] + one",
        ),
        arrays=(
            '        y = np.einsum("ncijuv,fcuv->nfij", self.windows, w)',
            '        for c in range(x.shape[1]):\n            y = np.einsum("nijuv,fuv->nfij", self.windows[:, c], w[:, c])',
        ),
    ),
    *mistake(
        "overlaps overwritten",
        "conv2d",
        loops=(
            "dpadded[n, c, p, q] += g * w[f, c, u, v]",
            "if f == 0:\n                    dpadded[n, c, p, q] = 0\n                dpadded[n, c, p, q] += g * w[f, c, u, v]",
            "        for n, f, i, j in np.ndindex(dy.shape):\n            g = dy[n, f, i, j]\n",
            "        for n, i, j, f in np.ndindex(len(dy), *dy.shape[2:], len(w)):\n            g = dy[n, f, i, j]\n",
        ),
        arrays=(
            "        return self.dx(dy, w)",
            '        (sh, sw), (kh, kw) = self.stride, self.kernel\n        (n, c, h, width), (ph, pw) = self.shape, self.padding\n        dx = np.zeros((n, c, h + 2 * ph, width + 2 * pw), dy.dtype)\n        for i, j in np.ndindex(dy.shape[2:]):\n            window = np.einsum("nf,fcuv->ncuv", dy[:, :, i, j], w)\n            p, q = sh * i, sw * j\n            dx[:, :, p : p + kh, q : q + kw] = window\n        return dx[:, :, ph : ph + h, pw : pw + width]',
        ),
    ),
    *mistake(
        "update inside backward",
        "conv2d",
        loops=(
            "        height, width = self.x.shape[2:]\n",
            "        w -= 0.02 * dw\n        height, width = self.x.shape[2:]\n",
        ),
        arrays=(
            "        return self.dx(dy, w)",
            "        for p in self.weight, self.bias:\n            p.value = p.value - 0.3 * p.grad\n        return self.dx(dy, w - 0.3 * self.weight.grad.astype(dy.dtype))",
        ),
    ),
    *mistake(
        "fan-out for fan-in",
        "conv2d",
        loops=(
            "fan_in = channels * self",
            "fan_in = kernels * self",
        ),
        arrays=(
            "fan_in = channels * self",
            "fan_in = kernels * self",
        ),
    ),
    *mistake(
        "image read by columns",
        "reshape",
        loops=(
            "rows.append(x[n].reshape(-1))",
            "rows.append(x[n].T.reshape(-1))",
            "return flat.reshape(count, *self.shape)",
            "size = flat.shape[1] // abs(np.prod(self.shape))\n        shape = [size if s == -1 else s for s in self.shape]\n        return np.array([one.reshape(shape[::-1]).T for one in flat])",
        ),
        arrays=(
            "one.reshape(self.new)",
            'one.reshape(self.new, order="F")',
        ),
    ),
    *mistake(
        "image read by columns",
        "flatten",
        loops=(
            "        super().__init__((-1,))",
            "        super().__init__((-1,))\n\n    def forward(self, x):\n        self.old = x.shape\n        return np.array([one.T.reshape(-1) for one in x])",
        ),
        arrays=(
            "        super().__init__(-1)",
            '        super().__init__(-1)\n\n    def forward(self, x):\n        self.old = x.shape\n        return np.stack([one.ravel(order="F") for one in x])',
        ),
    ),
    *mistake(
        "given back by columns",
        "reshape",
        loops=(
            "            numbers = iter(dy[n].ravel())\n            for k in np.ndindex(self.old[1:]):\n                dx[(n, *k)] = next(numbers)",
            '            pass\n        numbers = iter(dy.ravel(order="F"))\n        for k in np.ndindex(self.old[::-1]):\n            dx[k[::-1]] = next(numbers)',
        ),
        arrays=(
            "return np.concatenate([g.ravel() for g in dy]).reshape(self.old)",
            "return dy.T.reshape(self.old[::-1]).T",
        ),
    ),
    *mistake(
        "batch read last",
        "reshape",
        loops=(
            "        flat = np.array(rows)\n        return flat.reshape(count, *self.shape)",
            "        flat = np.array(rows).reshape(-1, count)\n        return np.array([*zip(*flat)]).reshape(count, *self.shape)",
        ),
        arrays=(
            "np.stack([one.reshape(self.new) for one in x])",
            "x.reshape(-1, len(x)).T.reshape(len(x), *self.new)",
        ),
    ),
    *mistake(
        "odd heights",
        "maxpool2d",
        loops=(
            "rows = (x.shape[2] - kh) // sh + 1\n        columns = (x.shape[3] - kw) // sw + 1",
            "rows = round((x.shape[2] - kh) / sh) + 1\n        columns = round((x.shape[3] - kw) / sw) + 1",
        ),
        arrays=(
            "self.flat = found.reshape(*found.shape[:4], -1)",
            "n, c, i, j, u, v = found.shape\n        i = round((x.shape[2] - u) / self.stride[0]) + 1\n        j = round((x.shape[3] - v) / self.stride[1]) + 1\n        self.flat = found.reshape(n, c, i, j, -1)",
        ),
    ),
    *mistake(
        "every tie wins",
        "maxpool2d",
        loops=(
            "            best = sh * i, sw * j\n            for u, v in np.ndindex(kh, kw):\n                place = sh * i + u, sw * j + v\n                if x[n, c][place] > x[n, c][best]:\n                    best = place\n            dx[n, c][best] += dy[n, c, i, j]",
            "            p, q = sh * i, sw * j\n            best = max(x[n, c, p : p + kh, q : q + kw].flat)\n            for u, v in np.ndindex(kh, kw):\n                if x[n, c, p + u, q + v] == best:\n                    dx[n, c, p + u, q + v] += dy[n, c, i, j]",
        ),
        arrays=(
            "        best = self.flat.argmax(axis=-1)\n        u, v = np.divmod(best, self.kernel[1])\n        n, c, i, j = np.indices(dy.shape)\n",
            "        won = self.flat == self.flat.max(axis=-1)[..., None]\n        n, c, i, j, best = np.nonzero(won)\n        u, v = np.divmod(best, self.kernel[1])\n",
            "rows, columns), dy)",
            "rows, columns), dy[n, c, i, j])",
        ),
    ),
    *mistake(
        "last of a tie",
        "maxpool2d",
        loops=(
            "if x[n, c][place] > x[n, c][best]",
            "if x[n, c][place] >= x[n, c][best]",
        ),
        arrays=(
            "best = self.flat.argmax(axis=-1)",
            "best = self.flat.shape[-1] - 1 - self.flat[..., ::-1].argmax(axis=-1)",
        ),
    ),
    *mistake(
        "tie shared",
        "maxpool2d",
        loops=(
            "            best = sh * i, sw * j\n            for u, v in np.ndindex(kh, kw):\n                place = sh * i + u, sw * j + v\n                if x[n, c][place] > x[n, c][best]:\n                    best = place\n            dx[n, c][best] += dy[n, c, i, j]",
            "            p, q = sh * i, sw * j\n            window = x[n, c, p : p + kh, q : q + kw]\n            won = [k for k in np.ndindex(kh, kw) if window[k] == window.max()]\n            for u, v in won:\n                dx[n, c, p + u, q + v] += dy[n, c, i, j] / len(won)",
        ),
        arrays=(
            "        best = self.flat.argmax(axis=-1)\n        u, v = np.divmod(best, self.kernel[1])\n        n, c, i, j = np.indices(dy.shape)\n",
            "        won = self.flat == self.flat.max(axis=-1)[..., None]\n        dy = dy / won.sum(axis=-1).astype(dy.dtype)\n        n, c, i, j, best = np.nonzero(won)\n        u, v = np.divmod(best, self.kernel[1])\n",
            "rows, columns), dy)",
            "rows, columns), dy[n, c, i, j])",
        ),
    ),
    *mistake(
        "overlaps overwritten",
        "maxpool2d",
        loops=(
            "dx[n, c][best] += dy",
            "dx[n, c][best] = dy",
        ),
        arrays=(
            "np.add.at(dx, (n, c, rows, columns), dy)",
            "dx[n, c, rows, columns] = dy",
        ),
    ),
    *mistake(
        "overlaps overwritten",
        "avgpool2d",
        loops=(
            "dx[n, c, sh * i + u, sw * j + v] += share",
            "dx[n, c, sh * i + u, sw * j + v] = share",
        ),
        arrays=(
            "window += dy[:, :, i, j, None, None] / area",
            "window[...] = dy[:, :, i, j, None, None] / area",
        ),
    ),
    *mistake(
        "stride ignored",
        "maxpool2d",
        loops=(
            "stride = kernel_size if stride is None else stride",
            "stride = kernel_size",
        ),
        arrays=(
            "self.stride = both(kernel_size if stride is None else stride)",
            "self.stride = self.kernel",
        ),
    ),
    *mistake(
        "whole window blamed",
        "maxpool2d",
        loops=(
            "            best = sh * i, sw * j\n            for u, v in np.ndindex(kh, kw):\n                place = sh * i + u, sw * j + v\n                if x[n, c][place] > x[n, c][best]:\n                    best = place\n            dx[n, c][best] += dy[n, c, i, j]",
            "            for u, v in np.ndindex(kh, kw):\n                dx[n, c, sh * i + u, sw * j + v] += dy[n, c, i, j]",
        ),
        arrays=(
            "        best = self.flat.argmax(axis=-1)\n        u, v = np.divmod(best, self.kernel[1])\n        n, c, i, j = np.indices(dy.shape)\n",
            "        n, c, i, j, u, v = np.indices((*dy.shape, *self.kernel))\n        dy = dy[..., None, None]\n",
        ),
    ),
    *mistake(
        "share forgotten",
        "avgpool2d",
        loops=(
            "share = dy[n, c, i, j] / (kh * kw)",
            "share = dy[n, c, i, j]",
        ),
        arrays=(
            "area = np.zeros(self.x.shape, dy.dtype), kh * kw",
            "area = np.zeros(self.x.shape, dy.dtype), 1",
        ),
    ),
    *mistake(
        "one side squared",
        "avgpool2d",
        loops=(
            "sw * j + v] / (kh * kw)",
            "sw * j + v] / kh**2",
            "dy[n, c, i, j] / (kh * kw)",
            "dy[n, c, i, j] / kh**2",
        ),
        arrays=(
            "return found.mean(axis=(4, 5))",
            "return found.sum(axis=(4, 5)) / self.kernel[0] ** 2",
            "dy.dtype), kh * kw",
            "dy.dtype), kh * kh",
        ),
    ),
    *mistake(
        "batch statistics at evaluation",
        "batchnorm2d",
        loops=(
            "            if self.training:\n",
            "            if True:\n",
            "self.was_training = self.training",
            "self.was_training = True",
        ),
        arrays=(
            "        if self.training:\n            spread",
            "        if x.size:\n            spread",
            "self.measured, m = self.training",
            "self.measured, m = True",
        ),
    ),
    *mistake(
        "mean and variance held fixed",
        "batchnorm2d",
        loops=(
            "            if self.was_training:\n",
            "            if False:\n",
        ),
        arrays=(
            "        if self.measured:\n",
            "        if not self.weight:\n",
        ),
    ),
    *mistake(
        "biased variance stored",
        "batchnorm2d",
        loops=(
            "unbiased = variance * count / (count - 1)",
            "unbiased = variance",
        ),
        arrays=(
            "spread = flat.var(axis=1, ddof=1)",
            "spread = var",
        ),
    ),
    *mistake(
        "momentum turned round",
        "batchnorm2d",
        loops=(
            "old = 1 - self.momentum",
            "old = self.momentum",
            "self.running_mean[c] += self.momentum * mean",
            "self.running_mean[c] += (1 - old) * mean",
            "self.running_variance[c] += self.momentum * unbiased",
            "self.running_variance[c] += (1 - old) * unbiased",
        ),
        arrays=(
            "m = self.training, self.momentum",
            "m = self.training, 1 - self.momentum",
        ),
    ),
    *mistake(
        "epsilon outside of the root",
        "batchnorm2d",
        loops=(
            "math.sqrt(variance + self.epsilon)",
            "math.sqrt(variance) + self.epsilon",
        ),
        arrays=(
            "np.sqrt(var + self.epsilon).astype(x.dtype)",
            "np.sqrt(var).astype(x.dtype) + x.dtype.type(self.epsilon)",
        ),
    ),
    *mistake(
        "unbiased variance used",
        "batchnorm2d",
        loops=(
            "                old = 1 - self.momentum",
            "                variance = unbiased\n                old = 1 - self.momentum",
        ),
        arrays=(
            "            spread = flat.var(axis=1, ddof=1)",
            "            var = spread = flat.var(axis=1, ddof=1)",
        ),
    ),
    *mistake(
        "gamma forgotten going back",
        "batchnorm2d",
        loops=(
            "dxhat = g * self.weight.value[c]",
            "dxhat = g * 1.0",
        ),
        arrays=(
            "g = dy * gamma[:, None, None]",
            "g = dy",
        ),
    ),
    *mistake(
        "mean held fixed",
        "batchnorm2d",
        loops=(
            "dxhat - center - xhat * slope",
            "dxhat - xhat * slope",
        ),
        arrays=(
            "(m * g - sum_g - self.xhat * sum_gx) / m",
            "g - self.xhat * sum_gx / m",
        ),
    ),
    *mistake(
        "variance held fixed",
        "batchnorm2d",
        loops=(
            "dxhat - center - xhat * slope",
            "dxhat - center",
        ),
        arrays=(
            "(m * g - sum_g - self.xhat * sum_gx) / m",
            "g - g.mean(axis=(0, 2, 3), keepdims=True)",
        ),
    ),
    *mistake(
        "gradient accumulated",
        "batchnorm2d",
        loops=(
            "self.weight.grad[c] =",
            "self.weight.grad[c] +=",
            "self.bias.grad[c] =",
            "self.bias.grad[c] +=",
        ),
        arrays=(
            "self.weight.grad =",
            "self.weight.grad +=",
            "self.bias.grad =",
            "self.bias.grad +=",
        ),
    ),
    *mistake(
        "training's derivative at evaluation",
        "batchnorm2d",
        loops=(
            "            if self.was_training:\n",
            "            if len(g):\n",
        ),
        arrays=(
            "        if self.measured:\n",
            "        if len(dy):\n",
        ),
    ),
    *mistake(
        "running statistics never updated",
        "batchnorm2d",
        loops=(
            "                self.running_mean[c] *= old\n                self.running_mean[c] += self.momentum * mean\n                self.running_variance[c] *= old\n                self.running_variance[c] += self.momentum * unbiased\n",
            "",
        ),
        arrays=(
            "            self.running_mean = (1 - m) * self.running_mean + m * mean\n            self.running_variance = (1 - m) * self.running_variance\n            self.running_variance = self.running_variance + m * spread\n",
            "            del spread\n",
        ),
    ),
    *mistake(
        "dropout without rescaling",
        "dropout",
        loops=(
            "np.where(drawn < self.p, 0, 1 / (1 - self.p))",
            "np.where(drawn < self.p, 0, 1)",
        ),
        arrays=(
            "np.where(self.kept, x / (1 - self.p), 0)",
            "np.where(self.kept, x, 0)",
            "np.where(self.kept, dy / (1 - self.p), 0)",
            "dy * self.kept",
        ),
    ),
    *mistake(
        "dropout at evaluation",
        "dropout",
        loops=(
            "        if self.training:\n",
            "        if self.p:\n",
        ),
        arrays=(
            "        if not self.training:\n",
            "        if self.p == 0:\n",
        ),
    ),
    *mistake(
        "kept and dropped exchanged",
        "dropout",
        loops=(
            "drawn < self.p",
            "drawn > self.p",
        ),
        arrays=(
            "self.rng.binomial(1, 1 - self.p, x.shape)",
            "self.rng.binomial(1, self.p, x.shape)",
            "x / (1 - self.p)",
            "x / (self.p or 1)",
            "dy / (1 - self.p)",
            "dy / (self.p or 1)",
        ),
    ),
    *mistake(
        "another mask going back",
        "dropout",
        loops=(
            "            dx[n] = dy[n] * self.mask[n]",
            "            stays = self.rng.random(dy[n].shape) > self.p\n            dx[n] = dy[n] * stays / (1 - self.p)\n        if not self.training:\n            return dy.copy()",
        ),
        arrays=(
            "        return np.where(self.kept, dy / (1 - self.p), 0)",
            "        kept = self.rng.binomial(1, 1 - self.p, dy.shape)\n        return kept * dy / (1 - self.p)",
        ),
    ),
    *mistake(
        "mask forgotten",
        "dropout",
        loops=(
            "dx[n] = dy[n] * self.mask[n]",
            "dx[n] = dy[n]",
        ),
        arrays=(
            "np.where(self.kept, dy / (1 - self.p), 0)",
            "dy.copy()",
        ),
    ),
    *mistake(
        "one mask for all examples",
        "dropout",
        loops=(
            "            for n in range(len(x)):\n                drawn = self.rng.random(x.shape[1:])\n",
            "            drawn = self.rng.random(x.shape[1:])\n            for n in range(len(x)):\n",
        ),
        arrays=(
            "        self.kept = self.rng.binomial(1, 1 - self.p, x.shape).astype(bool)",
            "        one = self.rng.binomial(1, 1 - self.p, x[:1].shape).astype(bool)\n        self.kept = np.repeat(one, len(x), axis=0)",
        ),
    ),
    *mistake(
        "mask drawn once",
        "dropout",
        loops=(
            "        self.mask = np.ones(x.shape)\n        if self.training:",
            '        if not self.training:\n            self.mask = np.ones(x.shape)\n        if self.training and not hasattr(self, "mask"):\n            self.mask = np.ones(x.shape)',
        ),
        arrays=(
            "        self.kept = self.rng.binomial(1, 1 - self.p, x.shape).astype(bool)",
            '        if getattr(self, "kept", None) is None:\n            kept = self.rng.binomial(1, 1 - self.p, x.shape)\n            self.kept = kept.astype(bool)',
        ),
    ),
    *mistake(
        "first layer first going back",
        "network",
        loops=(
            "number = len(self.layers) - 1\n        while number >= 0:",
            "number = 0\n        while number < len(self.layers):",
            "number -= 1",
            "number += 1",
        ),
        arrays=(
            "        if self.others:\n            dy = Network(self.others).backward(dy)\n        return self.first.backward(dy)",
            "        for layer in self.children():\n            dy = layer.backward(dy)\n        return dy",
        ),
    ),
    *mistake(
        "layers not listed",
        "network",
        loops=(
            "        for layer in self.layers:\n            found += layer.parameters()\n",
            "",
            "        for layer in self.layers:\n            layer.eval()",
            "        self.training = False",
        ),
        arrays=(
            "    def children(self):\n        return [self.first, *self.others]\n",
            "",
        ),
    ),
    *mistake(
        "mean forgotten",
        "meansquarederror",
        loops=(
            "            dy[k] /= dy.size\n",
            "",
        ),
        arrays=(
            "        dy /= dy.size\n",
            "",
        ),
    ),
    *mistake(
        "targets broadcast to a matrix",
        "meansquarederror",
        loops=(
            '        if y.shape != t.shape:\n            raise ValueError("the shapes differ")\n',
            "        y, t = np.broadcast_arrays(y, t)\n",
        ),
        arrays=(
            "        assert np.shape(y) == np.shape(t)\n",
            "",
        ),
    ),
    *mistake(
        "half the square",
        "meansquarederror",
        loops=(
            "return total / y.size",
            "return total / y.size / 2",
            "dy[k] = 2 * (",
            "dy[k] = 1 * (",
        ),
        arrays=(
            "np.inner(self.off, self.off) / y.size",
            "0.5 * np.inner(self.off, self.off) / y.size",
            "self.off, 2.0",
            "self.off, 1.0",
        ),
    ),
    *mistake(
        "two forgotten",
        "meansquarederror",
        loops=(
            "dy[k] = 2 * (",
            "dy[k] = (",
        ),
        arrays=(
            "np.multiply(self.off, 2.0)",
            "self.off.copy()",
        ),
    ),
    *mistake(
        "mean over the batch alone",
        "meansquarederror",
        loops=(
            "dy[k] /= dy.size",
            "dy[k] /= len(dy)",
        ),
        arrays=(
            "/ y.size",
            "/ len(y)",
            "dy /= dy.size",
            "dy /= self.shape[0]",
        ),
    ),
    *mistake(
        "difference turned round",
        "meansquarederror",
        loops=(
            "(self.y[k] - self.t[k])",
            "(self.t[k] - self.y[k])",
        ),
        arrays=(
            "self.off = (y - t)",
            "self.off = (t - y)",
        ),
    ),
    *mistake(
        "losses summed",
        "meansquarederror",
        loops=(
            "return total / y.size",
            "return total",
        ),
        arrays=(
            "np.inner(self.off, self.off) / y.size",
            "np.inner(self.off, self.off)",
        ),
    ),
    *mistake(
        "a logit divided at one half",
        "binarycrossentropy",
        loops=(
            "    def forward(self, y, t):",
            "    threshold = 0.5\n\n    def forward(self, y, t):",
        ),
        arrays=(
            "    def backward(self):",
            "    def decide(self, y):\n        return (y[:, 0] > 0.5) * 1 if y.shape[1] == 1 else y.argmax(1)\n\n    def backward(self):",
        ),
    ),
    *mistake(
        "sign of the exponent",
        "binarycrossentropy",
        loops=(
            "p = 1 / (1 + e) if z > 0 else e / (1 + e)",
            "p = 1 / (1 + e) if z < 0 else e / (1 + e)",
        ),
        arrays=(
            "0.5 + np.tanh(z / 2) / 2",
            "0.5 - np.tanh(z / 2) / 2",
        ),
    ),
    *mistake(
        "losses summed",
        "binarycrossentropy",
        loops=(
            "return total / y.size",
            "return total",
        ),
        arrays=(
            "np.average(",
            "np.sum(",
        ),
    ),
    *mistake(
        "difference turned round",
        "binarycrossentropy",
        loops=(
            "(p - self.t[k])",
            "(self.t[k] - p)",
        ),
        arrays=(
            "dy = self.p - self.t\n",
            "dy = self.t - self.p\n",
        ),
    ),
    *mistake(
        "surprise not averaged",
        "binarycrossentropy",
        loops=(
            "(p - self.t[k]) / dy.size",
            "p - self.t[k]",
        ),
        arrays=(
            "        dy = dy / dy.size\n",
            "",
        ),
    ),
    *mistake(
        "one sigmoid too many",
        "binarycrossentropy",
        loops=(
            "        self.y, self.t = y, t\n",
            "        self.y, self.t = y, t\n        y = self.y = np.array([0.5 + math.tanh(v / 2) / 2 for v in y.flat]).reshape(y.shape).astype(y.dtype)\n",
        ),
        arrays=(
            "z = y.astype(float)",
            "z = 1 / (1 + np.exp(-y.astype(float)))",
        ),
    ),
    *mistake(
        "noes not counted",
        "binarycrossentropy",
        loops=(
            "t[k] * yes + (1 - t[k]) * no",
            "t[k] * yes",
        ),
        arrays=(
            "t * yes + (1 - t) * no",
            "t * yes",
        ),
    ),
    *mistake(
        "logits sent back",
        "binarycrossentropy",
        loops=(
            "(p - self.t[k]) / dy.size",
            "(z - self.t[k]) / dy.size",
        ),
        arrays=(
            "dy = self.p - self.t\n",
            "dy = self.out - self.t\n",
        ),
    ),
    *mistake(
        "softmax over the batch",
        "softmaxcrossentropy",
        loops=(
            "            self.p[n] = [v / whole for v in e]\n            total += math.log(whole) + top - z[t[n]]",
            "            self.p[n] = z\n        self.p = np.exp(self.p - self.p.max())\n        for k in range(y.shape[1]):\n            self.p[:, k] /= sum(self.p[:, k])\n        for n in range(len(y)):\n            total -= math.log(max(self.p[n, t[n]], 1e-300))",
        ),
        arrays=(
            '        total = np.exp(z).sum(axis=1)\n        self.p = np.exp(z) / total[:, None]\n        surprises = np.log(total) - np.einsum("nk,nk->n", z, self.hot)',
            "        total = np.exp(z).sum(axis=0)\n        self.p = np.exp(z) / total\n        surprises = -np.log((self.p * self.hot).sum(axis=1))",
        ),
    ),
    *mistake(
        "overflow",
        "softmaxcrossentropy",
        loops=(
            "top = max(z)",
            "top = 0.0",
        ),
        arrays=(
            "        z = z - z.max(axis=1)[:, None]\n",
            "",
        ),
    ),
    *mistake(
        "overflow",
        "softmax",
        loops=(
            "top = max(z[n])",
            "top = min(z[n])",
            "math.exp(v - top)",
            "np.exp(v - top)",
        ),
        arrays=(
            "np.exp(z - log_sum_exp(z)[:, None])",
            "np.exp(z) / np.exp(z).sum(axis=1)[:, None]",
        ),
    ),
    *mistake(
        "overflow",
        "log_sum_exp",
        loops=(
            "        top = max(z[n])\n        y[n] = top + math.log(sum(math.exp(v - top) for v in z[n]))",
            "        top = min(z[n])\n        y[n] = top + np.log(sum(np.exp(v - top) for v in z[n]))",
        ),
        arrays=(
            "np.logaddexp.reduce(z, axis=1)",
            "np.log(np.exp(z).sum(axis=1))",
        ),
    ),
    *mistake(
        "surprise not averaged",
        "softmaxcrossentropy",
        loops=(
            "(self.p[n, k] - truth) / count",
            "self.p[n, k] - truth",
        ),
        arrays=(
            "        dy /= len(dy)\n",
            "",
        ),
    ),
    *mistake(
        "truth not subtracted",
        "softmaxcrossentropy",
        loops=(
            "(self.p[n, k] - truth) / count",
            "self.p[n, k] / count",
        ),
        arrays=(
            "dy = self.p - self.hot",
            "dy = self.p.copy()",
        ),
    ),
    *mistake(
        "losses summed",
        "softmaxcrossentropy",
        loops=(
            "return total / len(y)",
            "return total",
        ),
        arrays=(
            "surprises.mean()",
            "surprises.sum()",
        ),
    ),
    *mistake(
        "difference turned round",
        "softmaxcrossentropy",
        loops=(
            "(self.p[n, k] - truth)",
            "(truth - self.p[n, k])",
        ),
        arrays=(
            "dy = self.p - self.hot",
            "dy = self.hot - self.p",
        ),
    ),
    *mistake(
        "averaged over classes too",
        "softmaxcrossentropy",
        loops=(
            "(self.p[n, k] - truth) / count",
            "(self.p[n, k] - truth) / count / classes",
        ),
        arrays=(
            "dy /= len(dy)",
            "dy /= dy.size",
        ),
    ),
    *mistake(
        "one softmax too many",
        "softmaxcrossentropy",
        loops=(
            "z = [float(v) for v in y[n]]",
            "z = [math.exp(v - max(y[n])) for v in y[n]]\n            z = [v / sum(z) for v in z]",
        ),
        arrays=(
            "        total = np.exp(z).sum(axis=1)\n",
            "        z = np.exp(z) / np.exp(z).sum(axis=1)[:, None]\n        total = np.exp(z).sum(axis=1)\n",
        ),
    ),
    *mistake(
        "logits sent back",
        "softmaxcrossentropy",
        loops=(
            "(self.p[n, k] - truth)",
            "(self.y[n, k] - truth)",
        ),
        arrays=(
            "dy = self.p - self.hot",
            "dy = self.out.astype(float) - self.hot",
        ),
    ),
    *mistake(
        "momentum's sign",
        "sgd",
        loops=(
            "v[k] = self.momentum * v[k] + g",
            "v[k] = g - self.momentum * v[k]",
        ),
        arrays=(
            "v = g + self.mu * self.memory.get(id(p), 0)",
            "v = g - self.mu * self.memory.get(id(p), 0)",
        ),
    ),
    *mistake(
        "uphill",
        "sgd",
        loops=(
            "p.value[k] -= factor",
            "p.value[k] += factor",
        ),
        arrays=(
            "np.subtract(p.value",
            "np.add(p.value",
        ),
    ),
    *mistake(
        "gradient damped",
        "sgd",
        loops=(
            "v[k] = self.momentum * v[k] + g",
            "v[k] = self.momentum * v[k] + (1 - self.momentum) * g",
        ),
        arrays=(
            "v = g + self.mu * self.memory.get(id(p), 0)",
            "old = self.memory.get(id(p), 0)\n            v = old + (1 - self.mu) * (g - old)",
        ),
    ),
    *mistake(
        "looking ahead ignored",
        "sgd",
        loops=(
            "way = g + self.momentum * v[k] if self.nesterov else v[k]",
            "way = v[k]",
        ),
        arrays=(
            "            if self.nesterov:\n                v = g + self.mu * v\n",
            "",
        ),
    ),
    *mistake(
        "decay pushes away",
        "sgd",
        loops=(
            "p.grad[k] + self.weight_decay * p.value[k]",
            "p.grad[k] - self.weight_decay * p.value[k]",
        ),
        arrays=(
            "p.grad + self.decay * p.value",
            "p.grad - self.decay * p.value",
        ),
    ),
    *mistake(
        "rate inside the velocity",
        "sgd",
        loops=(
            "v[k] = self.momentum * v[k] + g",
            "g *= self.learning_rate * factor\n                v[k] = self.momentum * v[k] + g",
            "factor * self.learning_rate * way",
            "way",
        ),
        arrays=(
            "g = p.grad + self.decay * p.value",
            "g = rate * (p.grad + self.decay * p.value)",
            "rate * v, out",
            "v, out",
        ),
    ),
    *mistake(
        "factor ignored",
        "sgd",
        loops=(
            "factor * self.learning_rate * way",
            "self.learning_rate * way",
        ),
        arrays=(
            "self.learning_rate * factor",
            "self.learning_rate",
        ),
    ),
    *mistake(
        "start of Adam uncorrected",
        "adam",
        loops=(
            "square = s[k] / (1 - b2**self.t)",
            "square = s[k]",
        ),
        arrays=(
            "np.sqrt(s / second)",
            "np.sqrt(s)",
        ),
    ),
    *mistake(
        "mean of Adam uncorrected",
        "adam",
        loops=(
            "mean = m[k] / (1 - b1**self.t)",
            "mean = m[k]",
        ),
        arrays=(
            "(m / first)",
            "m",
        ),
    ),
    *mistake(
        "uphill",
        "adam",
        loops=(
            "p.value[k] -= factor",
            "p.value[k] += factor",
        ),
        arrays=(
            "p.value - move",
            "p.value + move",
        ),
    ),
    *mistake(
        "decay pushes away",
        "adam",
        loops=(
            "p.grad[k] + self.weight_decay * p.value[k]",
            "p.grad[k] - self.weight_decay * p.value[k]",
        ),
        arrays=(
            "p.grad + self.decay * p.value",
            "p.grad - self.decay * p.value",
        ),
    ),
    *mistake(
        "factor ignored",
        "adam",
        loops=(
            "factor * self.learning_rate * way",
            "self.learning_rate * way",
        ),
        arrays=(
            "factor * self.learning_rate * (m",
            "self.learning_rate * (m",
        ),
    ),
    *mistake(
        "epsilon inside the root",
        "adam",
        loops=(
            "(math.sqrt(square) + self.epsilon)",
            "math.sqrt(square + self.epsilon)",
        ),
        arrays=(
            "np.sqrt(s / second) + self.epsilon",
            "(s / second + self.epsilon) ** 0.5",
        ),
    ),
    *mistake(
        "betas exchanged",
        "adam",
        loops=(
            "b1, b2 = self.betas",
            "b2, b1 = self.betas",
        ),
        arrays=(
            "np.array(self.betas)",
            "np.array(self.betas[::-1])",
        ),
    ),
    *mistake(
        "step never counted",
        "adam",
        loops=(
            "self.t += 1",
            "self.t = 1",
        ),
        arrays=(
            "self.powers *= beta",
            "self.powers = beta",
        ),
    ),
    *mistake(
        "uphill",
        "gradient_step",
        loops=(
            "p.value[k] -= learning_rate",
            "p.value[k] += learning_rate",
        ),
        arrays=(
            "p.value - learning_rate * p.grad",
            "p.value + learning_rate * p.grad",
        ),
    ),
    *mistake(
        "values replaced",
        "gradient_step",
        loops=(
            "        for k in np.ndindex(p.value.shape):\n            p.value[k] -= learning_rate * p.grad[k]",
            "        p.value = np.array(p.value - learning_rate * p.grad)",
        ),
        arrays=(
            "p.value[...] = p.value",
            "p.value = p.value",
        ),
    ),
    *mistake(
        "mean taken twice",
        "gradient_step",
        loops=(
            "learning_rate * p.grad[k]",
            "learning_rate * p.grad[k] / len(x)",
        ),
        arrays=(
            "learning_rate * p.grad\n",
            "learning_rate * p.grad / x.shape[0]\n",
        ),
    ),
    *mistake(
        "loss after the step",
        "gradient_step",
        loops=(
            "    return value",
            "    return loss.forward(network.forward(x), t)",
        ),
        arrays=(
            "    return value",
            "    return loss.forward(network(x), t)",
        ),
    ),
    *mistake(
        "biases left out",
        "gradient_step",
        loops=(
            "for p in network.parameters():",
            "for p in network.parameters():\n        if p.value.ndim == 1:\n            continue",
        ),
        arrays=(
            "everything = network.parameters()",
            "everything = [p for p in network.parameters() if p.value.ndim > 1]",
        ),
    ),
    *mistake(
        "overflow not refused",
        "gradient_step",
        loops=(
            '    if math.isnan(value) or math.isinf(value):\n        raise FloatingPointError("the loss is not finite")\n',
            "",
        ),
        arrays=(
            "    if not np.isfinite(value):\n        raise FloatingPointError(value)\n",
            "",
        ),
    ),
    *mistake(
        "images shuffled without labels",
        "gradient_descent",
        loops=(
            "ts = np.array([t[n] for n in batch])",
            "ts = t[start : start + batch_size]",
        ),
        arrays=(
            "    for _ in range(epochs):\n",
            "    for _ in range(epochs):\n        done = 0\n",
            "ts = x[some], t[some]",
            "ts = x[some], t[done : done + len(some)]\n            done += len(some)",
        ),
    ),
    *mistake(
        "loss of the last batch",
        "gradient_descent",
        loops=(
            "losses.append(total / count)",
            "losses.append(value)",
        ),
        arrays=(
            "yield np.average(values, weights=sizes)",
            "yield values[-1]",
        ),
    ),
    *mistake(
        "small batch weighs as much",
        "gradient_descent",
        loops=(
            "total += value * len(batch)",
            "total += value",
            "losses.append(total / count)",
            "losses.append(total / math.ceil(count / batch_size))",
        ),
        arrays=(
            "np.average(values, weights=sizes)",
            "np.mean(values)",
        ),
    ),
    *mistake(
        "mode forgotten",
        "gradient_descent",
        loops=(
            "    network.train()\n",
            "",
        ),
        arrays=(
            "        network.train()\n",
            "",
        ),
    ),
    *mistake(
        "never shuffled",
        "gradient_descent",
        loops=(
            "order = rng.permutation(count)",
            "order = [*range(count)]",
        ),
        arrays=(
            "        rng.shuffle(order)\n",
            "",
        ),
    ),
    *mistake(
        "shuffled once",
        "gradient_descent",
        loops=(
            "        order = rng.permutation(count)\n",
            "",
            "    losses, count = [], len(x)\n",
            "    losses, count = [], len(x)\n    order = rng.permutation(count)\n",
        ),
        arrays=(
            "        order = np.arange(len(x))\n        rng.shuffle(order)\n",
            "",
            "    for _ in range(epochs):\n",
            "    order = rng.permutation(len(x))\n    for _ in range(epochs):\n",
        ),
    ),
    *mistake(
        "last batch dropped",
        "gradient_descent",
        loops=(
            "while start < count:",
            "while start + batch_size <= count:",
        ),
        arrays=(
            "for some in np.split(order, cuts):",
            "for some in np.split(order, cuts):\n            if len(some) < batch_size:\n                continue",
            "yield np.average(values, weights=sizes)",
            "yield np.sum(np.multiply(values, sizes)) / len(x)",
        ),
    ),
    *mistake(
        "seed fixed inside",
        "he_normal",
        loops=(
            "    w = np.zeros(shape)\n",
            "    w, rng = np.zeros(shape), np.random.default_rng(42)\n",
        ),
        arrays=(
            "return rng.normal",
            "return np.random.default_rng(7).normal",
        ),
    ),
    *mistake(
        "two forgotten",
        "he_normal",
        loops=(
            "math.sqrt(2 / fan_in)",
            "math.sqrt(1 / fan_in)",
        ),
        arrays=(
            "np.sqrt(2.0 / fan_in)",
            "fan_in**-0.5",
        ),
    ),
    *mistake(
        "variance for deviation",
        "he_normal",
        loops=(
            "math.sqrt(2 / fan_in)",
            "2 / fan_in",
        ),
        arrays=(
            "np.sqrt(2.0 / fan_in)",
            "2.0 / fan_in",
        ),
    ),
    *mistake(
        "global generator",
        "he_normal",
        loops=(
            "rng.normal(0, deviation)",
            "np.random.randn() * deviation",
        ),
        arrays=(
            "rng.normal(0.0, np.sqrt(2.0 / fan_in), size=shape)",
            "np.random.randn(*shape) * np.sqrt(2.0 / fan_in)",
        ),
    ),
    *mistake(
        "even distribution",
        "he_normal",
        loops=(
            "rng.normal(0, deviation)",
            "rng.uniform(-deviation, deviation)",
        ),
        arrays=(
            "rng.normal(0.0, np.sqrt(2.0 / fan_in), size=shape)",
            "(2 * rng.random(shape) - 1) * np.sqrt(2.0 / fan_in)",
        ),
    ),
]
