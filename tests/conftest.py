"""Settings and fixtures that all tests share."""

import os

import numpy as np
import pytest
from hypothesis import Phase, settings

# The processes that share the tests begin after this, with a thread each.
for library in "OMP", "OPENBLAS", "MKL":
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

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
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "the same every time")
)


@pytest.fixture
def rng() -> np.random.Generator:
    """Return random numbers that are the same for every test."""
    return np.random.default_rng(20)
