"""The doctor: right programs are healthy, wrong ones have a name."""

import json
import time
from collections import Counter
from functools import partial
from importlib import import_module
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest

from scratchcnn import Dense, MaxPool2D, Network, ReLU
from scratchcnn.doctor import CAUSES, KINDS, Diagnosis, diagnose, diagnosis
from scratchcnn.doctor.diagnosis import known
from scratchcnn.training import gradient_step
from tests.doctor.programs import STYLES, WRONG
from tests.doctor.styles import loops

RIGHT = [*STYLES, "oracle", "one_image", "pytorch"]
NAMES = {one.cause.name for kind in KINDS for one in known(kind)[1]}


@pytest.mark.parametrize("kind", KINDS)
def test_the_package_is_healthy(kind):
    found = diagnose(KINDS[kind].right(), kind)
    assert found.healthy, str(found)
    assert found.agreeing
    assert found.probes > 0


@pytest.mark.parametrize("style", RIGHT)
@pytest.mark.parametrize("kind", KINDS)
def test_every_right_program_is_healthy_whatever_its_style(kind, style):
    try:
        module = import_module(f"tests.doctor.styles.{style}")
    except pytest.skip.Exception as missing:
        pytest.skip(str(missing))
    program = getattr(module, KINDS[kind].name, None)
    if program is None:
        assert style not in STYLES
        return
    found = diagnose(program, kind)
    assert found.healthy, str(found)


@pytest.fixture(scope="module")
def diagnoses():
    """Return what the doctor says of every wrong program."""
    return [(wrong, diagnose(wrong.program(), wrong.kind)) for wrong in WRONG]


def test_each_cause_is_known_and_made_in_two_other_styles():
    made = Counter(wrong.cause for wrong in WRONG)
    assert {*made} == NAMES
    assert min(made.values()) >= 2
    assert len(NAMES) >= 60
    outside = {cause.name for cause in CAUSES} - NAMES
    assert outside == {
        "evaluated in between",
        "rounding divided by rounding",
        "sums as narrow as the numbers",
        "test images used to choose",
        "tied weights let in",
    }


def test_nine_of_ten_mistakes_are_named_first(diagnoses):
    first = [
        any(one.causes[:1] == [wrong.cause] for one in found.findings)
        for wrong, found in diagnoses
    ]
    assert np.mean(first) >= 0.9


def test_each_mistake_is_among_the_first_three(diagnoses):
    for wrong, found in diagnoses:
        named = [cause for one in found.findings for cause in one.causes]
        assert wrong.cause in named, f"{wrong.style}: {found}"
        assert all(len(one.causes) <= 3 for one in found.findings)


def test_a_finding_says_what_and_where_and_what_to_read():
    class Careless(KINDS["conv2d"].right()):
        def backward(self, dy):
            dx = super().backward(dy)
            self.weight.grad *= 2
            return np.delete(dx, -1, axis=2) if self.stride[0] > 1 else dx

    (dx, dw) = diagnose(Careless, "conv2d").findings
    assert (dx.results[0], dw.results) == ("dx", ["dw"])
    assert "with a stride, and only there" in dx.where
    assert "has shape" in dx.what
    assert dw.what == "is 2 times the right one"
    assert dw.where == "in every probe"
    assert dw.read == "chapter Convolution, backward, equation conv-dw"
    assert dw.mine.shape == dw.right.shape == (1, 1, 2, 2)
    assert "Conv2D(1, 1, 2)" in dw.probe


def test_two_mistakes_are_two_findings():
    class Twice(loops.Conv2D):
        def backward(self, dy):
            dx = super().backward(dy)
            self.weight.grad /= len(dy)
            self.bias.grad[...] = dy.mean(axis=(0, 2, 3))
            w = self.weight.value
            self.weight.value = w[:, :, ::-1, ::-1]
            kept = [p.grad.copy() for p in (self.weight, self.bias)]
            dx = super().backward(dy)
            self.weight.grad[...], self.bias.grad[...] = kept
            self.weight.value = w
            return dx

    found = diagnose(Twice, "conv2d")
    assert [(one.results[0], one.causes[0]) for one in found.findings] == [
        ("dx", "kernel not flipped"),
        ("dw", "mean taken twice"),
        ("db", "bias averaged over pixels and batch"),
    ]
    text = str(found)
    for one in found.findings:
        assert one.causes[0] in text
        assert one.why in text
    assert "exhibit C of the bug gallery" in text


def test_a_mistake_that_nobody_knows_is_described():
    class Odd(ReLU):
        def backward(self, dy):
            return 3 * super().backward(dy)

    (one,) = diagnose(Odd, "relu").findings
    assert one.causes == []
    assert one.what == "is 3 times the right one"
    assert "No known mistake" in str(one)


class SulkyError(Exception):
    """An exception that can't say what it is."""

    def __str__(self):
        raise RuntimeError("no words")


def refuse(*arguments, **settings):
    raise SulkyError


def endless(*arguments, **settings):
    return endless(*arguments, **settings)


class Broken(MaxPool2D):
    """A layer whose backward pass does what `act` does."""

    def backward(self, dy):
        """Act."""
        return type(self).act(self, dy)


def leave(layer, dy):
    raise SystemExit(3)


def spoil(layer, dy):
    layer.kernel_size = None
    del layer.stride
    dy[...] = np.nan
    return dy


ACTS = {
    "leaves": leave,
    "refuses": refuse,
    "recurses": endless,
    "spoils": spoil,
    "returns nothing": lambda layer, dy: None,
    "returns itself": lambda layer, dy: layer,
    "returns a ragged list": lambda layer, dy: [[1], [2, 3]],
    "returns another shape": lambda layer, dy: dy[None, 1:],
    "returns integers": lambda layer, dy: dy.astype(int),
    "returns complex numbers": lambda layer, dy: dy * 1j,
    "returns truth": lambda layer, dy: dy > 0,
    "returns nan": lambda layer, dy: dy * np.nan,
    "returns an empty array": lambda layer, dy: np.zeros(0),
    "returns a list": lambda layer, dy: dy.tolist(),
}


@pytest.mark.parametrize("act", ACTS)
def test_nothing_that_a_layer_does_leaves_the_doctor(act):
    patient = type("Patient", (Broken,), {"act": ACTS[act]})
    found = diagnose(patient, "maxpool2d")
    assert not found.healthy
    assert found.written
    assert "dx" in {result for one in found.findings for result in one.results}
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert str(found)


@pytest.mark.parametrize("patient", [None, 3, "text", object, refuse, endless])
@pytest.mark.parametrize("kind", KINDS)
def test_nor_does_what_is_no_layer_at_all(kind, patient):
    found = diagnose(patient, kind)
    assert not found.healthy
    assert str(found)
    assert json.dumps(found.to_dict(), allow_nan=False)


class Huge(ReLU):
    """Goes on with numbers whose squares are no floats."""

    def forward(self, x):
        """Return y."""
        return 1e200 * super().forward(x)

    def backward(self, dy):
        """Return dx."""
        return 1e160 * super().backward(dy)


class Vague(Network):
    """Has modes that are neither true nor false."""

    def eval(self):
        """Do something else."""
        for _, layer in self.walk():
            layer.training = 2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("patient", "kind"), [(Huge, "relu"), (Vague, "network")]
)
def test_numbers_that_can_not_be_compared_do_not_leave_him_either(
    patient, kind
):
    found = diagnose(patient, kind)
    assert not found.healthy
    assert str(found)
    assert json.dumps(found.to_dict(), allow_nan=False)


def test_what_can_not_be_described_is_wrong_all_the_same(monkeypatch):
    def fail(*arguments):
        raise OverflowError

    monkeypatch.setattr(diagnosis, "contrast", fail)
    patient = type("Patient", (Broken,), {"act": ACTS["returns nan"]})
    one = diagnose(patient, "maxpool2d").findings[0]
    assert (one.results[0], one.what) == ("dx", "")


def test_what_does_not_end_is_stopped(monkeypatch):
    monkeypatch.setattr(diagnosis, "LIMIT", 0.5)

    class Slow(ReLU):
        def forward(self, x):
            while True:
                time.sleep(0)

    known("relu")
    start = time.monotonic()
    found = diagnose(Slow, "relu")
    assert time.monotonic() - start < 5
    assert "time" in found.findings[0].results
    told = str(found)
    assert "Your code does not come to an end." in told
    assert "stopped: test_diagnosis.py, line" in told
    assert "busy after 0.5 seconds" in told


def test_each_thread_has_its_turn():
    inside, together = [], set()

    class Watched(ReLU):
        def forward(self, x):
            inside.append(x)
            time.sleep(0.001)
            together.add(len(inside))
            inside.pop()
            return super().forward(x)

    with ThreadPool(2) as pool:
        found = pool.map(partial(diagnose, kind="relu"), [Watched] * 2)
    assert all(one.healthy for one in found)
    assert together == {1}


def test_what_is_not_written_yet_is_told_apart():
    class Later(ReLU):
        def backward(self, dy):
            raise NotImplementedError

    found = diagnose(Later, "relu")
    assert not found.healthy
    assert not found.written
    assert diagnose(ReLU, "relu").written


def test_a_kind_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match=r"conv2d.*'conv3d'"):
        diagnose(ReLU, "conv3d")


def test_the_verdict_is_one_of_values():
    found = Diagnosis("relu", [], ["y"], 3)
    assert found.healthy
    assert found.to_dict()["healthy"] is True


def test_a_slip_of_the_pen_is_no_known_mistake():
    class Misspelled(ReLU):
        """Asks for a name that is not there."""

        def backward(self, dy):
            """Return dx."""
            return dy * postive  # noqa: F821

    class Silent(Dense):
        """Returns nothing."""

        def backward(self, dy):
            """Return nothing."""
            super().backward(dy)

    for candidate, kind, said in [
        (Misspelled, "relu", "NameError"),
        (Silent, "dense", "NoneType"),
    ]:
        found = diagnose(candidate, kind)
        assert not found.healthy
        assert all(one.causes == [] for one in found.findings)
        assert said in str(found)


def test_what_forward_does_not_keep_is_missing_and_no_mistake_in_a_formula():
    class Forgetful(Dense):
        """Keeps nothing."""

        def forward(self, x):
            """Return y."""
            y = super().forward(x)
            self.forget()
            return y

    (one,) = diagnose(Forgetful, "dense").findings
    assert (one.results, one.causes) == (["dx"], [])
    assert "does not keep" in one.why
    assert "self.keep" in str(one)


def test_where_code_has_stopped_is_told_by_file_and_line():
    class Misspelled(ReLU):
        """Asks for a name that is not there."""

        def backward(self, dy):
            """Return dx."""
            return dy * postive  # noqa: F821

    first = Misspelled.backward.__code__.co_firstlineno
    (one,) = diagnose(Misspelled, "relu").findings
    said = f"stopped: test_diagnosis.py, line {first + 2}: NameError"
    assert one.what.startswith(said)
    assert "dx is missing in every probe." in str(one)
    assert "dx, a second time" not in diagnose(Misspelled, "relu").agreeing
    assert "No known mistake" not in str(one)


def test_where_it_stops_is_told_beside_where_it_goes_wrong():
    class Sideways(Dense):
        """Multiplies without the transpose."""

        def forward(self, x):
            """Return y."""
            super().forward(x)
            return x @ self.weight.cast(x.dtype) + self.bias.cast(x.dtype)

    (one,) = diagnose(Sideways, "dense").findings
    assert one.causes[0] == "weights not transposed"
    assert "Most likely: weights not transposed." in str(one)
    assert one.what.startswith("stopped elsewhere: test_diagnosis.py, line")


def test_what_comes_back_from_a_y_of_another_shape_is_not_judged():
    class Short(KINDS["conv2d"].right()):
        """Does not count its padding."""

        def forward(self, x):
            """Return y."""
            self.y = super().forward(x)
            (ph, pw), (_, _, oh, ow) = self.padding, self.y.shape
            return self.y[:, :, : oh - ph, : ow - pw]

        def backward(self, dy):
            """Return dx."""
            whole = np.zeros_like(self.y)
            whole[:, :, : dy.shape[2], : dy.shape[3]] = dy
            return super().backward(whole)

    found = diagnose(Short, "conv2d")
    assert [one.results for one in found.findings] == [["y"]]
    assert not {"y", "dx", "dw", "db"} & {*found.agreeing}
    assert "the precision of y" in found.agreeing


def test_what_was_only_never_reached_is_not_called_wrong():
    class Backwards(Dense):
        """Keeps its output."""

        def forward(self, x):
            """Return y."""
            y = super().forward(x)
            self.keep(y)
            return y

    (one,) = diagnose(Backwards, "dense").findings
    assert (one.results, one.causes[0]) == (
        ["dw"],
        "output kept for the input",
    )


def test_steps_that_are_wrong_in_the_same_way_are_told_together():
    def half(network, loss, x, t, learning_rate):
        value = gradient_step(network, loss, x, t, learning_rate)
        for p in network.parameters()[2:]:
            p.value += learning_rate * p.grad
        return value

    (one,) = diagnose(half, "gradient_step").findings
    assert one.results == ["the first step", "the second step"]
    assert one.causes == []


def test_a_cause_known_by_failures_alone_is_only_possible():
    class Flat(KINDS["conv2d"].right()):
        """Pads its examples and channels too."""

        def forward(self, x):
            """Return y."""
            padded = np.pad(x, max(self.padding))
            padding, self.padding = self.padding, (0, 0)
            try:
                return super().forward(padded)
            finally:
                self.padding = padding

    (one,) = diagnose(Flat, "conv2d").findings
    assert one.causes[0] == "padding on all four axes"
    assert "It may be: padding on all four axes." in str(one)
    assert "y is missing with padding" in str(one)


def test_who_returns_nothing_is_asked_for_a_return():
    class Silent(ReLU):
        """Returns nothing."""

        def forward(self, x):
            """Return nothing."""

    (one,) = diagnose(Silent, "relu").findings
    assert one.why == "Your code returned nothing: is a return missing?"


def test_a_bias_that_fits_nowhere_is_read_about_where_it_is_derived():
    class Sideways(Dense):
        """Sums over the wrong axis, whether it fits or not."""

        def backward(self, dy):
            """Return dx."""
            dx = super().backward(dy)
            self.bias.grad[...] = dy.sum(axis=1)
            return dx

    (one,) = diagnose(Sideways, "dense").findings
    assert one.causes == ["bias over the wrong axis"]
    assert one.read.startswith("chapter Dense, equation dense-db")


def test_weights_that_do_not_fit_are_not_blamed_on_the_bias():
    class Transposed(Dense):
        """Goes back through the transposed weights."""

        def backward(self, dy):
            """Return dx."""
            super().backward(dy)
            return dy @ self.weight.cast(dy.dtype).T

    (one,) = diagnose(Transposed, "dense").findings
    assert one.causes == ["weights transposed going back"]


def test_a_failure_is_no_sign_of_what_would_give_other_numbers():
    class Crossed(Dense):
        """Multiplies x and dy the other way round."""

        def backward(self, dy):
            """Return dx."""
            x = self.recall()
            self.weight.grad[...] = x.T @ dy
            self.bias.grad[...] = dy.sum(axis=0)
            return dy @ self.weight.cast(dy.dtype)

    stopped, crossed = diagnose(Crossed, "dense").findings
    assert (stopped.results, stopped.causes) == (["dx"], [])
    assert crossed.causes == ["weights' gradient transposed"]


def test_axes_that_do_not_fit_are_known_by_where_they_do_not():
    class Swapped(KINDS["conv2d"].right()):
        """Mixes up the axes of its stride, and stops where it matters."""

        def forward(self, x):
            """Return y."""
            if self.stride[0] != self.stride[1]:
                raise ValueError("could not broadcast")
            return super().forward(x)

    (one,) = diagnose(Swapped, "conv2d").findings
    assert one.causes[0] == "stride's axes swapped"


def test_precision_and_place_of_a_gradient_are_read_about_with_the_layer():
    class Wide(Dense):
        """Forgets to cast, and replaces its gradient."""

        def forward(self, x):
            """Return y."""
            y = super().forward(x)
            self.weight.grad = self.weight.grad.copy()
            return y + np.zeros(1)

    place, wide = diagnose(Wide, "dense").findings
    if "precision" in place.results[0]:
        place, wide = wide, place
    assert (wide.causes, place.causes) == (
        ["weights not cast"],
        ["gradient replaced"],
    )
    assert wide.read == place.read == "chapter What a layer is"
    assert "Yours is float64, and should be float32." in str(wide)
    assert "It is not so that dw is filled in place" in str(place)
