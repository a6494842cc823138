"""How the learning rate changes on the way: `cosine` and `warm_up`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from scratchcnn.arrays import check_number

Schedule: TypeAlias = Callable[[float], float]


def constant() -> Schedule:
    """Return the schedule that leaves the learning rate as it is.

    Returns
    -------
    callable
        Maps every share of the training to the factor 1.

    Notes
    -----
    Chapter *Schedules*.

    Examples
    --------
    >>> schedules.constant()(0.3)
    1.0
    """
    return lambda done: 1.0


def cosine(floor: float = 0.0) -> Schedule:
    """Return half a wave, from the factor 1 down to `floor`.

    Parameters
    ----------
    floor : float
        The factor when all is done, in [0, 1).

    Returns
    -------
    callable
        Maps the share of the training that is done, from 0 to 1, to
        ``floor + (1 - floor) * (1 + cos(pi * done)) / 2``.

    Raises
    ------
    TypeError, ValueError
        If `floor` is not a number in [0, 1).

    Notes
    -----
    Chapter *Schedules*; Loshchilov and Hutter, "SGDR: stochastic
    gradient descent with warm restarts" (2017).

    Examples
    --------
    >>> factor = schedules.cosine()
    >>> factor(0.0), round(factor(0.5), 6), factor(1.0)
    (1.0, 0.5, 0.0)
    """
    floor = check_number("cosine", "floor", floor, below=1)

    def factor(done: float) -> float:
        return floor + (1 - floor) * (1 + math.cos(math.pi * done)) / 2

    return factor


def warm_up(share: float, then: Schedule) -> Schedule:
    """Return a straight climb from 0 to 1, and another schedule after.

    Parameters
    ----------
    share : float
        How much of the training the climb takes, in [0, 1).
    then : callable
        The schedule of the rest, which sees it as 0 to 1.

    Returns
    -------
    callable
        Maps the share of the training that is done, from 0 to 1, to a
        factor on the learning rate.

    Raises
    ------
    TypeError, ValueError
        If `share` is not a number in [0, 1).

    Notes
    -----
    Chapter *Schedules*; Goyal et al., "Accurate, large minibatch SGD:
    training ImageNet in 1 hour" (2017).

    Examples
    --------
    >>> factor = schedules.warm_up(0.2, schedules.constant())
    >>> factor(0.0), factor(0.1), factor(0.6)
    (0.0, 0.5, 1.0)
    """
    share = check_number("warm_up", "share", share, below=1)

    def factor(done: float) -> float:
        if done < share:
            return done / share
        return then((done - share) / (1 - share))

    return factor
