"""Change an image a little, and the answer a lot: `adversarial`."""

from __future__ import annotations

import copy
from typing import cast

import numpy as np

from scratchcnn.arrays import (
    Array,
    Labels,
    check_array,
    check_number,
    check_size,
)
from scratchcnn.layer import Layer
from scratchcnn.losses.loss import Loss


def adversarial(
    network: Layer,
    loss: Loss,
    x: Array,
    t: Array | Labels,
    *,
    epsilon: float,
    steps: int = 1,
    size: float | None = None,
) -> Array:
    """Move images to where their loss is larger, each pixel a little.

    Every step moves each pixel by `size`, in the direction in which the
    loss grows, and then back to within `epsilon` of where it began, and
    between 0 and 1.

    Parameters
    ----------
    network : Layer
        Maps images to outputs (N, M). It is copied, so nothing of it
        changes, and the copy works in evaluation mode.
    loss : Loss
        What shall grow. It is copied, too.
    x : ndarray
        Images, (N, ...), with pixels from 0 to 1.
    t : ndarray
        Their targets, as the loss takes them.
    epsilon : float
        How far a pixel may move.
    steps : int
        One, with a size of `epsilon`, is the fast gradient sign method;
        more are projected gradient descent, uphill.
    size : float, optional
        Of a step; by default, ``epsilon`` for one step, and
        ``2.5 * epsilon / steps`` for more, so that a pixel can cross its
        range and turn around.

    Returns
    -------
    ndarray
        The moved images, of the shape and the precision of x.

    Raises
    ------
    TypeError, ValueError
        If x is none of the network's inputs or has pixels beyond 0 and
        1, if a number is out of its range, if the targets are none of
        the loss, if the network keeps dL/dx for itself, or if that is
        NaN.

    Notes
    -----
    Chapter *Fooled*; Goodfellow, Shlens and Szegedy, "Explaining and
    harnessing adversarial examples" (2015); Madry et al., "Towards deep
    learning models resistant to adversarial attacks" (2018).

    Examples
    --------
    >>> layer = Dense(2, 1, rng=np.random.default_rng(0))
    >>> layer.weight.value[...] = [[3, -4]]
    >>> x, t = np.array([[0.5, 0.5]]), np.array([[9.0]])
    >>> adversarial(layer, MeanSquaredError(), x, t, epsilon=0.25)
    array([[0.25, 0.75]])
    """
    check_array("adversarial", "x", x, "N", ...)
    epsilon = check_number("adversarial", "epsilon", epsilon)
    check_size("adversarial", "steps", steps)
    if size is None:
        size = epsilon if steps == 1 else 2.5 * epsilon / steps
    size = check_number("adversarial", "size", size)
    if not ((x >= 0) & (x <= 1)).all():
        raise ValueError(
            "adversarial wants pixels from 0 to 1, got "
            f"{x.min():g} to {x.max():g}"
        )
    if not network.input_gradient:
        raise ValueError(
            "adversarial wants a network whose backward returns dL/dx "
            f"(accelerate needs input_gradient=True), got {network!r}"
        )
    network, loss = copy.deepcopy((network, loss))
    network.eval()
    least, most = np.maximum(x - epsilon, 0), np.minimum(x + epsilon, 1)
    moved = x
    for _ in range(steps):
        loss.forward(network.forward(moved), cast(Array, t))
        uphill = np.sign(network.backward(loss.backward()))
        if np.isnan(uphill).any():
            raise ValueError("adversarial wants dL/dx to climb by, got NaN")
        moved = np.clip(moved + size * uphill, least, most)
    return moved
