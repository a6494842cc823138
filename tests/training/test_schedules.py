"""How the learning rate changes on the way."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.layer import Parameter
from scratchcnn.training.optimizers import SGD
from scratchcnn.training.schedules import constant, cosine, warm_up

SHARES = st.floats(0, 1)
BELOW_ONE = st.floats(0, 0.99)


@given(SHARES)
def test_constant_is_one(done):
    assert constant()(done) == 1


@pytest.mark.equation("schedule-noise")
@pytest.mark.parametrize(("rate", "curvature"), [(0.3, 1.0), (0.1, 4.0)])
def test_noise_and_pull_balance(rate, curvature, rng):
    walkers, noise = 100_000, 0.5
    p = Parameter(np.full(walkers, 2.0))
    optimizer, wanted = SGD([p], rate), 4.0
    for _ in range(12):
        drawn = rng.standard_normal(walkers)
        p.grad[...] = curvature * p.value + noise * drawn
        optimizer.step()
        wanted = (1 - rate * curvature) ** 2 * wanted + rate**2 * noise**2
        assert np.mean(p.value**2) == pytest.approx(wanted, rel=0.03)


@pytest.mark.equation("schedule-cosine")
@pytest.mark.parametrize("floor", [0.0, 0.1, 0.5])
def test_cosine_is_half_a_wave(floor):
    total = 12
    for step in range(total + 1):
        wave = math.cos(math.pi * step / total)
        wanted = floor + (1 - floor) / 2 * (1 + wave)
        assert cosine(floor)(step / total) == pytest.approx(wanted, abs=1e-15)


@given(BELOW_ONE)
def test_cosine_runs_from_one_to_its_floor(floor):
    assert cosine(floor)(0) == pytest.approx(1, abs=1e-15)
    assert cosine(floor)(0.5) == pytest.approx((1 + floor) / 2)
    assert cosine(floor)(1) == pytest.approx(floor, abs=1e-15)


@given(SHARES, SHARES, BELOW_ONE)
def test_cosine_never_rises(one, other, floor):
    early, late = sorted((one, other))
    assert cosine(floor)(early) >= cosine(floor)(late) >= 0


@pytest.mark.pytorch
def test_cosine_is_that_of_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, T_max=20, eta_min=0.03
    )
    for step in range(20):
        rate = optimizer.param_groups[0]["lr"]
        assert 0.3 * cosine(0.1)(step / 20) == pytest.approx(rate, rel=1e-12)
        optimizer.step()
        schedule.step()


@pytest.mark.equation("schedule-warm-up")
@pytest.mark.parametrize("share", [0.25, 0.5])
def test_warm_up_climbs_and_hands_over(share):
    def then(done):
        return 1 - done**2

    schedule, total = warm_up(share, then), 16
    for step in range(total + 1):
        if step < share * total:
            wanted = step / (share * total)
        else:
            rest = total - share * total
            wanted = 1 - ((step - share * total) / rest) ** 2
        assert schedule(step / total) == pytest.approx(wanted, abs=1e-15)


@given(BELOW_ONE)
def test_warm_up_is_whole_when_it_ends_and_so_is_the_rest(share):
    schedule = warm_up(share, cosine(0.1))
    assert schedule(share) == pytest.approx(1)
    assert schedule(1) == pytest.approx(0.1)


@given(SHARES)
def test_no_warm_up_changes_nothing(done):
    assert warm_up(0, cosine())(done) == cosine()(done)


@pytest.mark.parametrize("wrong", [-0.1, 1, 1.5, np.nan])
def test_floors_and_shares_are_less_than_one(wrong):
    with pytest.raises(ValueError, match=r"^cosine wants 0 <= floor < 1, got"):
        cosine(wrong)
    with pytest.raises(ValueError, match=r"^warm_up wants 0 <= share < 1, go"):
        warm_up(wrong, constant())


def test_floors_and_shares_are_numbers():
    with pytest.raises(TypeError, match=r"^cosine wants floor as a number"):
        cosine(None)
    with pytest.raises(TypeError, match=r"^warm_up wants share as a number"):
        warm_up(cosine(), constant())
