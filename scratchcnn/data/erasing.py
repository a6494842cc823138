"""The same garment, with something in the way: `cover` and `erase`."""

from __future__ import annotations

import math

import numpy as np

from scratchcnn.arrays import (
    Array,
    Labels,
    check_array,
    check_generator,
    check_number,
    check_share,
)


def cover(
    x: Array,
    top: Labels,
    left: Labels,
    height: Labels,
    width: Labels,
    ink: Array,
) -> Array:
    """Paint over one rectangle of each image.

    Parameters
    ----------
    x : ndarray
        Images, (N, C, H, W).
    top, left, height, width : ndarray
        The rectangles, in pixels, integers, (N,); with a height or
        width of zero there is none.
    ink : ndarray
        What is seen inside of them, (N, C, H, W).

    Returns
    -------
    ndarray
        New images of the shape and precision of x.

    Notes
    -----
    Chapter *The last steps*.
    """
    i, j = (np.arange(size) for size in x.shape[2:])
    top, left, height, width = (  # in int64, for a byte would overflow
        a[:, None].astype(np.int64) for a in (top, left, height, width)
    )
    rows = (i >= top) & (i < top + height)
    columns = (j >= left) & (j < left + width)
    inside = rows[:, None, :, None] & columns[:, None, None, :]
    return np.where(inside, ink.astype(x.dtype, copy=False), x)


def erase(
    x: Array,
    rng: np.random.Generator,
    *,
    share: float = 0.5,
    area: tuple[float, float] = (0.02, 0.3),
    ratio: float = 2.5,
) -> Array:
    """Cover a random rectangle of some images with noise.

    Parameters
    ----------
    x : ndarray
        Images, (N, C, H, W), of pixels from 0 to 1; they are not
        changed.
    rng : numpy.random.Generator
        Draws N numbers each for coins, areas, ratios, rows and columns,
        in this order and whatever the settings are, and then the noise.
    share : float
        How likely it is that an image loses a rectangle.
    area : (float, float)
        The least and the greatest share of the image that it covers;
        all between them are equally likely.
    ratio : float
        How many times as high as wide, or as wide as high, it may be;
        all logarithms up to that are equally likely. A side longer than
        the image is cut.

    Returns
    -------
    ndarray
        New images of the same shape and precision.

    Raises
    ------
    TypeError, ValueError
        If x is not a floating-point array of that shape, `rng` is not a
        Generator, or a setting is out of its range.

    Notes
    -----
    Chapter *The last steps*; Zhong et al., "Random erasing data
    augmentation" (2020). Areas are rounded to whole pixels, of which
    there is at least one.

    Examples
    --------
    >>> x = np.ones((1, 1, 6, 8))
    >>> y = erase(x, np.random.default_rng(0), share=1, area=(0.25, 0.25))
    >>> int((y != x).sum())
    10
    """
    check_array("erase", "x", x, "N", "C", "H", "W")
    check_generator("erase", rng)
    share = check_share("erase", "share", share)
    if not isinstance(area, tuple):
        raise TypeError(f"erase wants area as a tuple, got {area!r}")
    shares = [check_share("erase", "area", one) for one in area]
    if len(shares) != 2 or shares != sorted(shares):
        raise ValueError(f"erase wants area as (least, greatest), got {area}")
    least, greatest = shares
    ratio = check_number("erase", "ratio", ratio, positive=True)
    H, W = x.shape[2:]
    coins, areas, ratios, rows, columns = rng.random((5, len(x)))
    pixels = H * W * (least + (greatest - least) * areas)
    high = np.exp(math.log(ratio) * (2 * ratios - 1))
    height = np.clip(np.rint(np.sqrt(pixels * high)), 1, H).astype(int)
    width = np.clip(np.rint(np.sqrt(pixels / high)), 1, W).astype(int)
    top = (rows * (H - height + 1)).astype(int)
    left = (columns * (W - width + 1)).astype(int)
    ink = rng.random(x.shape, np.float32)
    return cover(x, top, left, height * (coins < share), width, ink)
