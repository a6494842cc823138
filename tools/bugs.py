"""Bugs that people make, to be planted on purpose: `BUGS`.

Each is one small edit of the package that turns right code into plausible
code. The tests are asked of each whether they notice (`tools.mutants`), and
the chapter on the bug gallery shows what a reader would have seen.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Bug(NamedTuple):
    """One edit, and the test that is there to notice it.

    Attributes
    ----------
    name : str
        What it is called.
    module : str
        Where it is planted, a module of the package.
    old, new : str
        The piece of its text, which stands there once, and what takes
        its place.
    why : str
        How people come to make it.
    killer : str
        The test that must fail, as ``test_module::test_name``.
    """

    name: str
    module: str
    old: str
    new: str
    why: str
    killer: str


BUGS = [
    Bug(
        "kernels redrawn",
        "layers/convolution",
        "        return dpadded[:, :, ph : height - ph, pw : width - pw]\n",
        "        self.weight.value[...] = he_normal(\n"
        "            self.weight.value.shape,\n"
        "            fan_in=c * kh * kw,\n"
        "            rng=np.random.default_rng(0),\n"
        "        )\n"
        "        return dpadded[:, :, ph : height - ph, pw : width - pw]\n",
        "The initializer is called where the update was meant to be.",
        "test_layer::test_inputs_and_parameters_are_only_read",
    ),
    Bug(
        "kernel not flipped",
        "layers/convolution",
        "+= dcolumns[:, :, u, v]",
        "+= dcolumns[:, :, kh - 1 - u, kw - 1 - v]",
        "The backward pass is written as a second forward pass.",
        "layers/test_convolution::test_dx",
    ),
    Bug(
        "kernel flipped twice",
        "layers/convolution",
        "        w = w.reshape(self.out_channels, c * kh * kw)\n",
        "        w = w[:, :, ::-1, ::-1].reshape(self.out_channels, -1)\n",
        "Textbook convolution going forward, cross-correlation's gradient.",
        "layers/test_convolution::test_forward",
    ),
    Bug(
        "channels not swapped",
        "layers/convolution",
        "w = self.weight.cast(dy.dtype).reshape(-1, c * kh * kw)",
        "w = self.weight.cast(dy.dtype)\n"
        "        if self.in_channels == self.out_channels:\n"
        "            w = w.transpose(1, 0, 2, 3)\n"
        "        w = w.reshape(-1, c * kh * kw)",
        "Only the flip is remembered; with as many kernels as channels "
        "every shape still fits.",
        "layers/test_convolution::test_dx",
    ),
    Bug(
        "bias averaged over pixels",
        "layers/convolution",
        "dy.sum(axis=(0, 2, 3), dtype=np.float64)",
        "dy.mean(axis=(2, 3)).sum(axis=0)",
        "A gradient over many pixels feels like a mean.",
        "layers/test_convolution::test_db",
    ),
    Bug(
        "padding on one side",
        "layers/convolution",
        "padded[:, :, ph : ph + h, pw : pw + w] = x",
        "padded[:, :, 2 * ph :, 2 * pw :] = x",
        "All zeros are put before the image, none after it.",
        "layers/test_convolution::test_forward",
    ),
    Bug(
        "leftover rows forgotten",
        "layers/convolution",
        "    dpadded = np.zeros((n, c, h, w), dcolumns.dtype)\n",
        "    h, w = sh * (oh - 1) + kh, sw * (ow - 1) + kw\n"
        "    dpadded = np.zeros((n, c, h, w), dcolumns.dtype)\n",
        "The input's size is worked out from the output's; a stride may "
        "have left rows that no window covered.",
        "layers/test_convolution::test_scatter",
    ),
    Bug(
        "bias over the wrong axis",
        "layers/dense",
        "dy.sum(axis=0, dtype=np.float64)",
        "dy.sum(axis=1)[: self.out_features]",
        "Rows and columns are mixed up, and shapes made to fit.",
        "layers/test_dense::test_db",
    ),
    Bug(
        "update inside backward",
        "layers/dense",
        "        return dy @ self.weight.cast(dy.dtype)\n",
        "        self.weight.value -= 0.1 * self.weight.grad\n"
        "        return dy @ self.weight.cast(dy.dtype)\n",
        "The gradient is at hand, so the step is taken at once, before dx "
        "is computed with the old weights.",
        "layers/test_dense::test_dx",
    ),
    Bug(
        "gradient accumulated",
        "layers/dense",
        "self.weight.grad[...] = np.dot(dy.T, x)",
        "self.weight.grad[...] += np.dot(dy.T, x)",
        "As a framework does, without its zero_grad.",
        "test_layer::test_backward_overwrites_the_gradients",
    ),
    Bug(
        "mean taken twice",
        "layers/dense",
        "self.weight.grad[...] = np.dot(dy.T, x)",
        "self.weight.grad[...] = np.dot(dy.T, x) / len(x)",
        "The batch is averaged where the loss has done so already.",
        "layers/test_dense::test_dw",
    ),
    Bug(
        "mask of the gradient",
        "layers/relu",
        "return dy * mask",
        "return np.maximum(dy, 0)",
        "ReLU's formula, applied to what comes back.",
        "layers/test_relu::test_dx",
    ),
    Bug(
        "dy changed in place",
        "layers/relu",
        "        return dy * mask\n",
        "        dy *= mask\n        return dy\n",
        "It saves an array, which belongs to somebody else.",
        "test_layer::test_inputs_and_parameters_are_only_read",
    ),
    Bug(
        "image read by columns",
        "layers/reshape",
        "return x.reshape(len(x), *shape)",
        'return x.reshape(len(x), *shape, order="F")',
        "Two orders of reading are mixed, one each way.",
        "layers/test_reshape::test_flatten_is_row_major_whatever_the_memory",
    ),
    Bug(
        "mean forgotten",
        "losses/mean_squared_error",
        "2 / difference.size",
        "2",
        "The derivative of the square, without that of the mean.",
        "losses/test_mean_squared_error::test_dy",
    ),
    Bug(
        "targets broadcast to a matrix",
        "losses/mean_squared_error",
        '        check_array(self, "t", t, *y.shape)\n',
        "",
        "Labels (N,) meet outputs (N, 1), and N x N differences come out.",
        "losses/test_mean_squared_error"
        "::test_shapes_that_differ_are_refused_even_if_they_broadcast",
    ),
    Bug(
        "seed fixed inside",
        "layers/initialization",
        "return rng.standard_normal(",
        "return np.random.default_rng(0).standard_normal(",
        "Made reproducible once and for all: every layer starts alike.",
        "layers/test_initialization"
        "::test_weights_come_from_the_passed_generator_alone",
    ),
    Bug(
        "images shuffled without labels",
        "data/batches",
        "yield x[chosen], t[chosen]",
        "yield x[chosen], t[start : start + batch_size]",
        "One of two arrays is overlooked.",
        "data/test_batches::test_every_example_is_dealt_once_with_its_target",
    ),
    Bug(
        "odd heights",
        "layers/pooling",
        "many = (x.shape[axis] - size) // stride + 1",
        "many = round((x.shape[axis] - size) / stride) + 1",
        "The size is rounded instead of cut; even images never show it.",
        "layers/test_pooling::test_max_forward",
    ),
    Bug(
        "every tie wins",
        "layers/pooling",
        "            won &= free\n",
        "",
        "A comparison with the maximum finds all pixels of a tie.",
        "layers/test_pooling::test_max_dx",
    ),
    Bug(
        "share forgotten",
        "layers/pooling",
        "np.zeros(x_shape, dy.dtype), dy / (kh * kw)",
        "np.zeros(x_shape, dy.dtype), dy",
        "The mean's factor is left out on the way back.",
        "layers/test_pooling::test_avg_dx",
    ),
    Bug(
        "momentum's sign",
        "training/optimizers",
        "                v *= self.momentum\n",
        "                v *= -self.momentum\n",
        "A minus for the descent, in the wrong place.",
        "training/test_optimizers::test_momentum_keeps_a_part_of_the_velocity",
    ),
    Bug(
        "start of Adam uncorrected",
        "training/optimizers",
        "correction2 = 1 - beta2 ** int(self.steps)",
        "correction2 = 1.0",
        "The correction looks like a detail; the first steps are too long.",
        "training/test_optimizers::test_adam_divides_the_mean_by_the_size",
    ),
    Bug(
        "softmax over the batch",
        "losses/cross_entropy",
        "total = e.sum(axis=1, keepdims=True)",
        "total = e.sum(axis=0, keepdims=True)",
        "The first axis is summed, as for a bias.",
        "losses/test_cross_entropy::test_dy_of_classes",
    ),
    Bug(
        "overflow",
        "layers/logits",
        "return z - z.max(axis=-1, keepdims=True)",
        "return z - z.min(axis=-1, keepdims=True)",
        "The shift that keeps the exponentials small points the other way.",
        "layers/test_logits::test_huge_logits_give_certainty_and_no_warning",
    ),
    Bug(
        "surprise not averaged",
        "losses/cross_entropy",
        "return difference / len(difference)",
        "return difference",
        "p - t is remembered, and 1/N is not.",
        "losses/test_cross_entropy::test_dy_of_classes",
    ),
    Bug(
        "batch statistics at evaluation",
        "layers/batch_normalization",
        "        if self.training:\n",
        "        if True:\n",
        "Nobody told the layer that training is over.",
        "layers/test_batch_normalization"
        "::test_evaluation_changes_no_statistics_and_treats_images_alone",
    ),
    Bug(
        "mean and variance held fixed",
        "layers/batch_normalization",
        "return factor * (dy - shift - xhat * stretch)",
        "return factor * dy",
        "The statistics depend on x too; a constant would not.",
        "layers/test_batch_normalization::test_dx_in_training",
    ),
    Bug(
        "dropout without rescaling",
        "layers/dropout",
        "mask = keep * x.dtype.type(1 / (1 - self.p))",
        "mask = keep.astype(x.dtype)",
        "Numbers are dropped, and the others left as they were.",
        "layers/test_dropout::test_forward",
    ),
    Bug(
        "dropout at evaluation",
        "layers/dropout",
        "        if self.training:\n",
        "        if True:\n",
        "The mode is forgotten.",
        "layers/test_dropout::test_evaluation_is_the_identity_and_draws_nothing",
    ),
    Bug(
        "a logit divided at one half",
        "losses/loss",
        "threshold: float = 0.0",
        "threshold: float = 0.5",
        "One half is for probabilities; a logit says yes above zero.",
        "losses/test_loss"
        "::test_a_single_output_is_compared_with_what_lies_halfway",
    ),
    Bug(
        "test images used to choose",
        "programs/trainer",
        "Split(x[:n], labels[:n]), Split(x[n:], labels[n:])",
        "Split(x[:n], labels[:n]), data.test",
        "They lie ready, and the validation images have to be set aside.",
        "programs/test_trainer::test_while_it_explores_the_test_images_are_not_touched",
    ),
]


def edited(bug: Bug, root: Path = ROOT) -> str:
    """Return the text of the bug's module with the bug in it.

    Raises
    ------
    ValueError
        If the piece to be replaced does not stand there exactly once.
    """
    text = (root / "scratchcnn" / f"{bug.module}.py").read_text()
    count = text.count(bug.old)
    if count != 1:
        raise ValueError(
            f"{bug.name}: {bug.module} should hold {bug.old!r} once, "
            f"but holds it {count} times"
        )
    return text.replace(bug.old, bug.new)


def plant(bug: Bug, folder: Path, root: Path = ROOT) -> None:
    """Copy the package and its tests to a folder, with the bug in it."""
    text, ignore = edited(bug, root), shutil.ignore_patterns("__pycache__")
    for name in "scratchcnn", "tests", "tools", "book":
        shutil.copytree(root / name, folder / name, ignore=ignore)
    shutil.copy(root / "pyproject.toml", folder)
    (folder / "scratchcnn" / f"{bug.module}.py").write_text(text)
