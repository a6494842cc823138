"""The same garment, a little elsewhere: `move` and `shift_and_flip`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from scratchcnn.arrays import (
    Array,
    Labels,
    check_array,
    check_generator,
    check_share,
    check_size,
)


def move(
    x: Array, down: Labels, right: Labels, mirrored: npt.NDArray[np.bool_]
) -> Array:
    """Move each image by its own distance, and mirror some of them.

    Parameters
    ----------
    x : ndarray
        Images, (N, C, H, W).
    down, right : ndarray
        By how many pixels, integers, (N,); negative ones move an image
        up and to the left. What comes in from outside is zero.
    mirrored : ndarray
        Which images are mirrored left to right, after they have moved;
        booleans, (N,).

    Returns
    -------
    ndarray
        New images of the same shape and precision.

    Notes
    -----
    Chapter *More garments than there are*.
    """
    N, C, H, W = x.shape
    s = int(max(abs(down).max(initial=0), abs(right).max(initial=0)))
    padded = np.zeros((N, C, H + 2 * s, W + 2 * s), x.dtype)
    padded[:, :, s : s + H, s : s + W] = x
    windows = sliding_window_view(padded, (H, W), axis=(2, 3))
    y = windows[np.arange(N), :, s - down, s - right]
    y[mirrored] = y[mirrored, :, :, ::-1]
    return y


def shift_and_flip(
    x: Array, rng: np.random.Generator, *, shift: int = 2, flip: float = 0.5
) -> Array:
    """Move each image of a batch at random, and mirror some of them.

    Parameters
    ----------
    x : ndarray
        Images, (N, C, H, W); they are not changed.
    rng : numpy.random.Generator
        Draws the distances, then the coins.
    shift : int
        The most that an image moves, up or down as well as left or
        right; all whole numbers of pixels up to it are equally likely.
    flip : float
        How likely it is that an image is mirrored left to right.

    Returns
    -------
    ndarray
        New images of the same shape and precision.

    Raises
    ------
    TypeError, ValueError
        If x is not a floating-point array of that shape, `rng` is not a
        Generator, `shift` is not an integer from 0 to the size of an
        image, or `flip` is not from 0 to 1.

    Notes
    -----
    Chapter *More garments than there are*. To be handed to `train` as
    ``augment=shift_and_flip``.

    Examples
    --------
    >>> x = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> shift_and_flip(x, np.random.default_rng(0), shift=0, flip=1)
    array([[[[2., 1.],
             [4., 3.]]]])
    """
    check_array("shift_and_flip", "x", x, "N", "C", "H", "W")
    check_generator("shift_and_flip", rng)
    s = check_size("shift_and_flip", "shift", shift, 0)
    if s > min(x.shape[2:]):
        raise ValueError(
            f"shift_and_flip wants shift <= {min(x.shape[2:])}, the size of "
            f"the images, got {shift}"
        )
    flip = check_share("shift_and_flip", "flip", flip)
    down, right = rng.integers(-s, s + 1, (2, len(x)))
    return move(x, down, right, rng.random(len(x)) < flip)
