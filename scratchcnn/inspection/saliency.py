"""Where does a network look? `saliency` and `occlusion`."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np

from scratchcnn.arrays import (
    Array,
    Labels,
    Pair,
    check_array,
    check_labels,
    pair,
)
from scratchcnn.evaluation.accuracy import evaluation_mode
from scratchcnn.layer import Layer


def saliency(network: Layer, x: Array, classes: Labels) -> Array:
    """Return the gradient of one logit of each image by its pixels.

    Parameters
    ----------
    network : Layer
        Maps images to logits (N, K). It is copied, so nothing of it
        changes, and the copy works in evaluation mode.
    x : ndarray
        Images, (N, C, H, W), or any other examples.
    classes : ndarray
        Which logit of each, integers from 0 to K - 1, (N,).

    Returns
    -------
    ndarray
        d(logit)/dx, of the shape of x.

    Raises
    ------
    TypeError, ValueError
        If x is none of the network's inputs, if there is not one class
        for each image, or if the network keeps dL/dx for itself.

    Notes
    -----
    Chapter *Where does the network look?*; Simonyan, Vedaldi and
    Zisserman, "Deep inside convolutional networks" (2013).

    Examples
    --------
    >>> layer = Dense(2, 2, rng=np.random.default_rng(0))
    >>> layer.weight.value[...] = [[1, 2], [3, 4]]
    >>> saliency(layer, np.ones((1, 2)), np.array([1]))
    array([[3., 4.]])
    """
    if not network.input_gradient:
        raise ValueError(
            "saliency wants a network whose backward returns dL/dx "
            f"(accelerate needs input_gradient=True), got {network!r}"
        )
    network = copy.deepcopy(network)
    network.eval()
    y = network.forward(x)
    check_array("saliency", "the network's output", y, len(x), "K")
    check_labels("saliency", "classes", classes, *y.shape)
    dy = np.zeros_like(y)
    dy[np.arange(len(y)), classes] = 1
    return network.backward(dy)


def chosen(
    network: Layer,
    x: Array,
    classes: Labels,
    score: Callable[[Array], Array] | None,
) -> Array:
    """Return the chosen logit, or score, of each image: (N,)."""
    y = network.forward(x)
    check_array("occlusion", "the network's output", y, len(x), "K")
    check_labels("occlusion", "classes", classes, *y.shape)
    y = y if score is None else score(y)
    return y[np.arange(len(y)), classes]


def occlusion(
    network: Layer,
    x: Array,
    classes: Labels,
    *,
    size: int | Pair,
    stride: int | Pair = 1,
    fill: float = 0.5,
    score: Callable[[Array], Array] | None = None,
) -> Array:
    """Cover each image bit by bit; return how far one of its logits drops.

    Parameters
    ----------
    network : Layer
        Maps images to logits (N, K); used in evaluation mode.
    x : ndarray
        Images, (N, C, H, W); they are copied.
    classes : ndarray
        Which logit of each, integers from 0 to K - 1, (N,).
    size, stride : int or (int, int)
        Of the window that is covered, and from one to the next; a pair
        is (vertical, horizontal).
    fill : float
        What all pixels of the window become.
    score : callable, optional
        Makes something else of the logits, as `softmax` does: (N, K)
        to (N, K).

    Returns
    -------
    ndarray
        (N, OH, OW), ``OH = (H - size) // stride + 1``: the logit of the
        image minus that of the image with window (i, j) covered.

    Raises
    ------
    TypeError, ValueError
        If x is none of the network's inputs, if there is not one class
        for each image, if the window is larger than an image, or if
        `fill` is not finite.

    Notes
    -----
    Chapter *Where does the network look?*; Zeiler and Fergus,
    "Visualizing and understanding convolutional networks" (2014).

    Examples
    --------
    >>> x, classes = np.array([[[[0.0, 8.0]]]]), np.array([1])
    >>> occlusion(Flatten(), x, classes, size=1, fill=0)
    array([[[0., 8.]]])
    """
    check_array("occlusion", "x", x, "N", "C", "H", "W")
    if not np.isfinite(fill):
        raise ValueError(f"occlusion wants a finite fill, got {fill}")
    kh, kw = pair("occlusion", "size", size, 1)
    sh, sw = pair("occlusion", "stride", stride, 1)
    oh, ow = (x.shape[2] - kh) // sh + 1, (x.shape[3] - kw) // sw + 1
    if min(oh, ow) < 1:
        raise ValueError(
            f"occlusion wants size <= {x.shape[2:]}, got {(kh, kw)}"
        )
    with evaluation_mode(network):
        before = chosen(network, x, classes, score)
        drops = np.empty((len(x), oh, ow), before.dtype)
        for i, j in np.ndindex(oh, ow):
            covered = x.copy()
            rows = slice(sh * i, sh * i + kh)
            covered[:, :, rows, sw * j : sw * j + kw] = fill
            after = chosen(network, covered, classes, score)
            drops[:, i, j] = before - after
    return drops
