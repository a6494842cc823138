"""Shuffled batches of examples: `minibatches`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from scratchcnn.arrays import Array, check_array, check_generator, check_size


def check_batches(
    owner: str, x: Array, t: Array, batch_size: int, rng: np.random.Generator
) -> None:
    """Stop batches that can't be made, numbers that can't be learned."""
    check_array(owner, "x", x, "N", ...)
    check_size(owner, "batch_size", batch_size)
    check_generator(owner, rng)
    if not isinstance(t, np.ndarray) or t.shape[:1] != x.shape[:1]:
        got = t.shape if isinstance(t, np.ndarray) else type(t).__name__
        raise ValueError(
            f"{owner} wants t as an array with one target for each of the "
            f"examples, {x.shape}, got {got}"
        )
    if t.dtype.kind not in "fiub":
        raise TypeError(f"{owner} wants t as numbers, got {t.dtype}")
    if len(x) == 0:
        raise ValueError(f"{owner} wants one or more examples, got none")
    if batch_size > len(x):
        raise ValueError(
            f"{owner} wants batch_size <= {len(x)}, the number of "
            f"examples, got {batch_size}"
        )
    for name, array in ("x", x), ("t", t):
        if not np.isfinite(array).all():
            raise ValueError(f"{owner} wants {name} finite, got NaN or inf")


def deal(
    x: Array, t: Array, batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[Array, Array]]:
    """Yield shuffled batches; the last may be smaller than the others."""
    order = rng.permutation(len(x))
    for start in range(0, len(x), batch_size):
        chosen = order[start : start + batch_size]
        yield x[chosen], t[chosen]


def minibatches(
    x: Array, t: Array, batch_size: int, *, rng: np.random.Generator
) -> Iterator[tuple[Array, Array]]:
    """Shuffle the examples, and deal them out in batches.

    Parameters
    ----------
    x, t : ndarray
        Examples (N, ...) and their targets (N, ...).
    batch_size : int
        How many examples make a batch, from 1 to N.
    rng : numpy.random.Generator
        Shuffles; images and targets stay together.

    Returns
    -------
    iterator of (ndarray, ndarray)
        Every example once; the last batch may be smaller.

    Raises
    ------
    TypeError, ValueError
        At once, if the batches can't be made or a number is not finite.

    Notes
    -----
    Chapter *Training by hand*.

    Examples
    --------
    >>> x, t = np.arange(5.0), np.arange(5)
    >>> for xs, ts in minibatches(x, t, 2, rng=np.random.default_rng(0)):
    ...     print(xs, ts)
    [2. 4.] [2 4]
    [3. 0.] [3 0]
    [1.] [1]
    """
    check_batches("minibatches", x, t, batch_size, rng)
    return deal(x, t, batch_size, rng)
