"""Figures to touch: elements of the page, and the data that they begin with.

A cell that calls `explorer` stands before the one that draws a figure. The
page shows the element in the figure's place; in print, and where no script
runs, the figure is what there is.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
from IPython.display import HTML, display

from scratchcnn import Network

DIGITS = np.array(list("0123456789abcdefghijklmnopqrstuv"))


def explorer(name: str, **data: Any) -> None:
    """Put an explorer into the place of the next figure.

    Parameters
    ----------
    name
        Which one: ``convolution``, say, for ``<convolution-explorer>``.
    data
        What it begins with: arrays and what else JSON can hold.
    """
    text = json.dumps(data, default=np.ndarray.tolist).replace("</", r"<\/")
    script = f'<script type="application/json">{text}</script>'
    tag = f"{name}-explorer"
    display(HTML(f'<{tag} class="explorer">{script}</{tag}>'))


def tenths(image: np.ndarray) -> np.ndarray:
    """Return a garment (28, 28) as 14 by 14 digits, from 0 to 9."""
    blocks = image.reshape(14, 2, 14, 2).mean(axis=(1, 3))
    return np.rint(9 * blocks).astype(int)


def digits(numbers: np.ndarray) -> str:
    """Return integers from 0 to 31 as one character each."""
    return "".join(DIGITS[numbers.ravel()])


def compact(network: Network) -> tuple[Network, dict[str, Any]]:
    """Round the network of Part I, so that a page can hold it.

    The weights of its first dense layer become multiples of a fifteenth of
    the largest.

    Returns
    -------
    Network
        The rounded network, in float64; the given one is not changed.
    dict
        What an explorer needs to make the same one.
    """
    rounded = copy.deepcopy(network)
    rounded.astype(np.float64)
    values = [p.value for p in rounded.parameters()]
    kernels, weights, last = values[:2], values[2], values[4:]
    unit = float(np.abs(weights).max() / 15)
    numbers = np.rint(weights / unit).astype(int)
    weights[...] = numbers * unit
    hidden = [digits(numbers + 15), unit, values[3]]
    return rounded, {"kernels": kernels, "hidden": hidden, "last": last}
