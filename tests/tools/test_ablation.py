"""The experiment: its settings are found, its runs are kept."""

import json
from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest

from tools import ablation
from tools.ablation import DECAY, RATE, Axis, Runs, Setup, best, key


def hill(name, top):
    """Return a score that is highest where a setting is `top`."""

    def score(setups):
        return [-abs(np.log(getattr(setup, name) / top)) for setup in setups]

    return score


@pytest.mark.parametrize("top", [RATE.values[1], 0.05, 0.8, RATE.values[-2]])
def test_a_search_walks_until_its_best_lies_inside(top):
    assert best(Setup(), RATE, hill("rate", top)).rate == pytest.approx(top)


@pytest.mark.parametrize("top", [1e-9, 1e9])
def test_a_best_at_the_edge_of_a_grid_is_refused(top):
    with pytest.raises(ValueError, match="grid of rate ends"):
        best(Setup(), RATE, hill("rate", top))


def test_a_setting_may_be_best_where_the_next_would_be_to_do_without():
    found = best(Setup(), DECAY, lambda setups: [-s.decay for s in setups])
    assert found.decay == 0
    with pytest.raises(ValueError, match="grid of decay ends"):
        best(Setup(), DECAY, lambda setups: [s.decay for s in setups])


def test_settings_that_depend_on_each_other_are_sought_around_again():
    axes = Axis("rate", (0, 1, 2, 3, 4)), Axis("decay", (0, 1, 2, 3, 4))

    def score(setups):  # the best rate depends on the decay
        return [
            -((s.rate - s.decay) ** 2) - 2 * (s.decay - 3) ** 2 for s in setups
        ]

    found = ablation.chosen(Setup(rate=1, decay=1), axes, score)
    assert (found.rate, found.decay) == (3, 3)


def test_variants_of_one_seed_begin_with_the_same_weights():
    def weights(setup):
        network = setup.build(np.random.default_rng(3))
        return [p.value for p in network.parameters() if p.value.ndim > 1]

    for other in Setup(dropped=0.5), Setup(normalized=True):
        for a, b in zip(weights(Setup()), weights(other), strict=True):
            np.testing.assert_array_equal(a, b)
    plain, residual = (
        weights(Setup(blocks="plain")),
        weights(Setup(blocks="residual")),
    )
    base = [*plain[:1], plain[3], *plain[6:]]
    for a, b in zip(
        [*weights(Setup()), *plain], [*base, *residual], strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_blocks_differ_in_the_way_around_them_alone():
    x = np.random.default_rng(0).random((2, 1, 28, 28), np.float32)
    outputs = {}
    for blocks in "", "plain", "residual":
        network = Setup(blocks=blocks).build(np.random.default_rng(3))
        for p in network.parameters():
            if p.value.shape[-1] == 3:
                p.value[...] = 0
        outputs[blocks] = network(x)
    np.testing.assert_allclose(outputs["residual"], outputs[""], rtol=1e-5)
    assert np.ptp(outputs["plain"]) == 0


def test_every_setting_that_is_changed_is_in_the_name_of_a_run():
    changes = {
        "rate": 0.1, "momentum": 0.5, "decay": 0.0, "falling": False,
        "normalized": True, "dropped": 0.1, "moved": True, "linear": True,
        "smoothed": 0.1, "blocks": "plain", "budget": "all",
    }  # fmt: skip
    assert changes.keys() == vars(Setup()).keys()
    names = {
        key(replace(Setup(), **{k: v}), 0, True) for k, v in changes.items()
    }
    assert len(names | {key(Setup(), 0, True), key(Setup(), 1, True)}) == 13


class Here:
    """A pool that runs at once, and counts."""

    calls = 0

    def submit(self, function, *arguments):
        """Return what any network would have done."""
        self.calls += 1
        future = Future()
        future.set_result({"right": 0.5, "seen": 1.0, "loss": 1.0})
        return future


def test_runs_that_are_done_are_not_made_again(tmp_path):
    file, pool = tmp_path / "record.json", Here()
    first = Runs(file, pool).many([Setup()], [0, 1], test=False)
    assert json.loads(file.read_text())["runs"].keys() == {
        "seed=0 validation", "seed=1 validation",
    }  # fmt: skip
    again = Runs(file, pool).many([Setup()], [0, 1, 2], test=False)
    assert pool.calls == 3
    assert again[0][:2] == first[0]
