"""Can a gradient be trusted? `check_layer` and `check_loss`."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np

from scratchcnn.arrays import (
    ARRAYS,
    Array,
    check_array,
    check_generator,
    check_size,
    kind,
)
from scratchcnn.layer import Layer
from scratchcnn.losses.loss import Loss

H = float(np.cbrt(np.finfo(np.float64).eps))
ROUNDING = 10 * H**2  # times f: ten times the usual rounding of f / H


def central_difference(
    f: Callable[[], float], array: Array, direction: Array, h: float = H
) -> float:
    """Measure how fast f() changes as `array` moves along `direction`.

    ``(f at array + h * direction - f at array - h * direction)
    / (2 * h)``. The array is moved in place, then restored exactly.

    Parameters
    ----------
    f : callable
        Takes no argument, reads `array`, returns a number.
    array, direction : ndarray
        Of the same shape; the array of float64, for which `h` is made.
    h : float
        How far to go to each side; by default, the cube root of the
        float64 machine epsilon, which chapter *Trusting a gradient*
        derives.

    Returns
    -------
    float
        An estimate of the inner product of `direction` and df/d(array).

    Raises
    ------
    TypeError, ValueError
        If `array` is no array of float64, or the shapes differ.
    """
    if type(array) not in ARRAYS or array.dtype != np.float64:
        raise TypeError(
            "central_difference wants array as an array of float64, got "
            f"{kind(array)}"
        )
    if np.shape(direction) != array.shape:
        raise ValueError(
            f"central_difference wants direction of shape {array.shape}, "
            f"got {np.shape(direction)}"
        )
    start = array.copy()
    try:
        array[...] = start + h * direction
        ahead = f()
        array[...] = start - h * direction
        behind = f()
    finally:
        array[...] = start
    return (ahead - behind) / (2 * h)


def worst_error(
    f: Callable[[], float],
    pairs: list[tuple[Array, Array]],
    rng: np.random.Generator,
    directions: int = 3,
    *,
    rounding: float = 0.0,
) -> float:
    """Compare gradients of f with central differences, along random lines.

    Parameters
    ----------
    f : callable
        Takes no argument, reads the arrays, returns a number.
    pairs : list of (ndarray, ndarray)
        Each array, and the gradient df/d(array) that is to be checked.
    rng : numpy.random.Generator
        Draws the directions.
    directions : int
        How many lines to try through each array, at least one.
    rounding : float
        What rounding may leave of a gradient that is zero: where neither
        is larger than this, they count as equal.

    Returns
    -------
    float
        The largest ``|numeric - exact| / max(|numeric|, norm(gradient))``
        over all arrays and lines; 0 where everything is zero.

    Raises
    ------
    TypeError, ValueError
        If an array is not of float64, a gradient has another shape than
        its array, there is no direction, or `rng` is not a Generator.
    """
    check_generator("worst_error", rng)
    check_size("worst_error", "directions", directions)
    worst = 0.0
    for array, gradient in pairs:
        check_array("worst_error", "gradient", gradient, *array.shape)
        for _ in range(directions):
            direction = rng.standard_normal(array.shape)
            numeric = central_difference(f, array, direction)
            exact = float(np.vdot(direction, gradient))
            if not np.isfinite([numeric, exact]).all():
                return float("inf")
            scale = max(abs(numeric), float(np.linalg.norm(gradient)))
            if scale > rounding:
                worst = max(worst, abs(numeric - exact) / scale)
    return worst


def check_layer(layer: Layer, x: Array, *, rng: np.random.Generator) -> float:
    """Check the backward pass of a layer, or network, at the point x.

    The layer is copied, so nothing of it changes, and the copy works in
    float64. Its output is projected on a random array of its shape, and
    the gradients of this one number by x and by every parameter are
    compared with central differences.

    Parameters
    ----------
    layer : Layer
        The layer whose `backward` is to be checked.
    x : ndarray
        A batch for its `forward`, of shape (N, ...), not empty.
    rng : numpy.random.Generator
        Draws the projection and the directions.

    Returns
    -------
    float
        The worst relative error; about 1e-9 or less where all is right.

    Raises
    ------
    TypeError, ValueError
        If x is not a floating-point array of that shape, or is empty, or
        `rng` is not a Generator.

    Notes
    -----
    Chapter *Trusting a gradient*. Near a kink, as ReLU's at zero, no
    derivative exists, and a large error says nothing. Where `backward`
    does without dL/dx, the parameters alone are checked.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> layer = Dense(3, 2, rng=rng)
    >>> check_layer(layer, rng.standard_normal((4, 3)), rng=rng) < 1e-8
    True
    """
    check_array("check_layer", "x", x, "N", ...)
    check_generator("check_layer", rng)
    if x.size == 0:
        raise ValueError(
            f"check_layer wants one or more numbers in x, got shape {x.shape}"
        )
    layer.parameters()  # stops what is shared, which a copy would separate
    layer, x = copy.deepcopy(layer), x.astype(np.float64)
    layer.astype(np.float64)
    trial = copy.deepcopy(layer)
    y = trial.forward(x)
    r = rng.standard_normal(y.shape)
    dx = trial.backward(r.copy())

    def projected() -> float:
        return float(np.vdot(r, copy.deepcopy(layer).forward(x)))

    values = [p.value for p in layer.parameters()]
    gradients = [p.grad for p in trial.parameters()]
    pairs = [*zip(values, gradients, strict=True)]
    if layer.input_gradient:
        pairs.insert(0, (x, dx))
    rounding = ROUNDING * float(np.linalg.norm(y))
    return worst_error(projected, pairs, rng, rounding=rounding)


def check_loss(
    loss: Loss, y: Array, t: Array, *, rng: np.random.Generator
) -> float:
    """Check the backward pass of a loss at outputs y and targets t.

    Parameters
    ----------
    loss : Loss
        The loss whose `backward` is to be checked; it is copied.
    y, t : ndarray
        What its `forward` takes; y is taken to float64.
    rng : numpy.random.Generator
        Draws the directions.

    Returns
    -------
    float
        The worst relative error of dL/dy; about 1e-9 or less where all
        is right.

    Raises
    ------
    TypeError
        If y is not a floating-point array, or `rng` not a Generator.

    Notes
    -----
    Chapter *Trusting a gradient*.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y, t = rng.standard_normal((2, 4, 3))
    >>> check_loss(MeanSquaredError(), y, t, rng=rng) < 1e-8
    True
    """
    check_array("check_loss", "y", y, ...)
    check_generator("check_loss", rng)
    loss, y = copy.deepcopy(loss), y.astype(np.float64)
    rounding = ROUNDING * abs(loss.forward(y, t))
    dy = loss.backward()
    return worst_error(
        lambda: loss.forward(y, t), [(y, dy)], rng, rounding=rounding
    )
