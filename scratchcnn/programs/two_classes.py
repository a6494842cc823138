"""The whole thing as a program: ``python -m scratchcnn``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchcnn.arrays import Array, check_number, check_size
from scratchcnn.data import fashion_mnist
from scratchcnn.evaluation.accuracy import accuracy
from scratchcnn.evaluation.baselines import least_squares, majority_accuracy
from scratchcnn.files import replacing
from scratchcnn.layers.network import Network
from scratchcnn.layers.reshape import Flatten
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.models.two_class import two_class
from scratchcnn.programs.command_line import CommandLine, new_file
from scratchcnn.streams import progress_bar
from scratchcnn.training.gradient_descent import gradient_descent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EPOCHS = 4
BATCH_SIZE = 8
LEARNING_RATE = 0.01
LOSS = MeanSquaredError()
FORMATS = (".png", ".svg", ".pdf")


def new_figure(text: str) -> Path:
    """Return the path of a figure, if one can be written there."""
    path = new_file(text)
    if path.suffix.lower() not in FORMATS:
        raise argparse.ArgumentTypeError(
            f"{text!r} should be a file that ends in {', '.join(FORMATS)}"
        )
    return path


def command_line() -> CommandLine:
    """Describe the options."""
    names = enumerate(fashion_mnist.NAMES)
    classes = ", ".join(f"{label} {name}" for label, name in names)
    parser = CommandLine(
        prog="scratchcnn",
        description="Teach a small network to tell two garments apart.",
        epilog=f"Classes: {classes}. By default, 0 and 1.",
    )
    add, like = parser.add_argument, "default: %(default)s"
    add("--classes", nargs=2, type=int, default=(0, 1), metavar=("A", "B"))
    add("--epochs", type=int, default=EPOCHS, help=like)
    add("--batch-size", type=int, default=BATCH_SIZE, help=like)
    add("--learning-rate", type=float, default=LEARNING_RATE, help=like)
    add("--seed", type=int, default=0, help="for weights and shuffling")
    add("--data", metavar="FOLDER", help="where the four files are")
    add("--output", type=new_figure, default="scratchcnn.png", help=like)
    add("--quiet", action="store_true", help="show no bar")
    return parser


def fit(
    network: Network,
    x: Array,
    t: Array,
    *,
    epochs: int,
    quiet: bool,
    **settings: Any,
) -> list[float]:
    """Train behind a progress bar, and return the loss of each epoch."""
    losses = []
    training = gradient_descent(network, LOSS, x, t, epochs=epochs, **settings)
    with progress_bar(epochs, unit="epoch", disable=quiet) as bar:
        for loss in training:
            losses.append(loss)
            bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
            bar.update()
    return losses


def compare(
    network: Network, data: fashion_mnist.FashionMNIST, t: Array
) -> list[str]:
    """Return lines: the test accuracy below those that cost less."""
    vectors = Flatten().forward(data.train.images)
    linear = Network([Flatten(), least_squares(vectors, t)])
    majority = majority_accuracy(data.train.labels, data.test.labels)
    return [
        "Accuracy on the test images:",
        f"  majority guess  {majority:.4f}",
        f"  linear model    {accuracy(linear, LOSS, *data.test):.4f}",
        f"  network         {accuracy(network, LOSS, *data.test):.4f}",
    ]


def plot(losses: list[float], before: Array, after: Array) -> Figure:
    """Plot the loss of every epoch and the kernels, (F, 1, KH, KW)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False)[0]
    curve = left.subplots()
    curve.plot(range(1, len(losses) + 1), losses, marker=".")
    curve.set(xlabel="epoch", ylabel="mean squared error", ylim=(0, None))
    curve.xaxis.get_major_locator().set_params(integer=True)
    grid = right.subplots(2, len(after), squeeze=False)
    largest = max(np.abs(before).max(), np.abs(after).max())
    for axes, kernel in zip(grid.flat, [*before, *after], strict=True):
        image = axes.imshow(
            kernel[0], cmap="RdBu_r", vmin=-largest, vmax=largest
        )
        axes.set(xticks=[], yticks=[])
    grid[0, 0].set_ylabel("before")
    grid[1, 0].set_ylabel("after")
    right.colorbar(image, ax=grid, label="weight")
    return figure


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure whole or not at all."""
    with replacing(path) as file:
        figure.savefig(file, dpi=150, format=path.suffix[1:].lower())


def check_options(
    *, seed: int, epochs: int, batch_size: int, learning_rate: float
) -> None:
    """Stop what can't be used before anything is loaded."""
    check_size("scratchcnn", "--seed", seed, 0)
    check_size("scratchcnn", "--epochs", epochs)
    check_size("scratchcnn", "--batch-size", batch_size)
    name = "--learning-rate"
    check_number("scratchcnn", name, learning_rate, positive=True)


def tell_apart(
    *,
    classes: Sequence[int],
    data: str | None,
    output: Path,
    quiet: bool,
    seed: int,
    **settings: Any,
) -> str:
    """Load two classes, train a network, plot it, and compare it."""
    check_options(seed=seed, **settings)
    rng = np.random.default_rng(seed)
    garments = fashion_mnist.load(classes, data_dir=data)
    title = f"{' or '.join(garments.names)}? (seed {seed})"
    if garments.stand_in:
        title += ": drawn stand-ins, not Fashion-MNIST"
    (x, labels), tests = garments.train, len(garments.test.labels)
    t = labels[:, None].astype(x.dtype)
    network = two_class(rng=rng)
    kernels = network.parameters()[0]
    before = kernels.value.copy()
    losses = fit(network, x, t, rng=rng, quiet=quiet, **settings)
    figure = plot(losses, before, kernels.value)
    figure.suptitle(title)
    write_figure(figure, output)
    sizes = f"{len(x):,} training images, {tests:,} test images"
    lines = [title, sizes, *compare(network, garments, t)]
    return "\n".join([*lines, f"Figure: {output}\n"])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program, and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The options; by default, those of the command line.

    Notes
    -----
    Chapter *The program*.
    """
    return command_line().serve(tell_apart, argv)
