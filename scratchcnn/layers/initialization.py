"""Where weights start: He's normal distribution."""

from __future__ import annotations

import numpy as np

from scratchcnn.arrays import Array, check_generator, check_size


def he_normal(
    shape: tuple[int, ...], *, fan_in: int, rng: np.random.Generator
) -> Array:
    """Draw weights that keep the scale of a signal through a ReLU layer.

    Parameters
    ----------
    shape : tuple of int
        The shape of the array of weights.
    fan_in : int
        How many inputs are summed into one output.
    rng : numpy.random.Generator
        Where the numbers come from.

    Returns
    -------
    ndarray
        float32, of shape `shape`: independent and normal, with mean 0
        and variance 2 / fan_in.

    Raises
    ------
    TypeError
        If `rng` is not a Generator, or `fan_in` not an integer.
    ValueError
        If `fan_in` is smaller than 1.

    Notes
    -----
    Chapter *Where weights start*; He et al., "Delving deep into
    rectifiers" (2015).

    Examples
    --------
    >>> w = he_normal((3, 800), fan_in=800, rng=np.random.default_rng(0))
    >>> w.dtype, bool(abs(w.std() - 0.05) < 0.001)
    (dtype('float32'), True)
    """
    check_size("he_normal", "fan_in", fan_in)
    check_generator("he_normal", rng)
    return rng.standard_normal(shape, np.float32) * np.float32(
        np.sqrt(2 / fan_in)
    )
