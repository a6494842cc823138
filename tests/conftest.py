"""Settings and fixtures that all tests share."""

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from threading import RLock
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import Phase, settings
from tqdm import tqdm

# The processes that share the tests begin after this, with a thread each.
for library in "OMP", "OPENBLAS", "MKL":
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# The lock of tqdm itself is one with all forked processes, and a process that
# is killed while it holds it stops the others forever.
tqdm.set_lock(RLock())

settings.register_profile(
    "the same every time", derandomize=True, deadline=None, max_examples=50
)
settings.register_profile(
    "without shrinking",
    settings.get_profile("the same every time"),
    phases=[Phase.explicit, Phase.generate],
)
settings.register_profile(
    "fuzz", deadline=None, max_examples=2000, print_blob=True
)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "the same every time")
settings.load_profile(PROFILE)
Case = TypeVar("Case")


@pytest.fixture
def rng() -> np.random.Generator:
    """Return random numbers that are the same for every test."""
    return np.random.default_rng(20)


@pytest.fixture
def thinned() -> Callable[[Iterable[Case]], Iterator[Case]]:
    """Return what picks every seventh case of a long sweep; to fuzz, each."""
    stride = 1 if PROFILE == "fuzz" else 7
    return lambda cases: islice(cases, 0, None, stride)
