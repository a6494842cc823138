"""The whole thing as a program: ``python -m scratchcnn``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from scratchcnn.arrays import Array, check_size
from scratchcnn.data.fashion_mnist import NAMES, FashionMNIST, load
from scratchcnn.data.idx import DataError
from scratchcnn.evaluation.accuracy import accuracy
from scratchcnn.evaluation.baselines import least_squares, majority_accuracy
from scratchcnn.files import replacing
from scratchcnn.layers.network import Network
from scratchcnn.layers.reshape import Flatten
from scratchcnn.losses.mean_squared_error import MeanSquaredError
from scratchcnn.models.two_class import two_class
from scratchcnn.training.gradient_descent import gradient_descent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EPOCHS = 4
BATCH_SIZE = 8
LEARNING_RATE = 0.01
LOSS = MeanSquaredError()
FORMATS = (".png", ".svg", ".pdf")


class CommandLine(argparse.ArgumentParser):
    """Reads the options, and says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Print the message without the usage, and exit with code 2."""
        line = " ".join(message.splitlines())
        self.exit(2, f"{self.prog}: error: {line}\n")


def figure_path(text: str) -> Path:
    """Return the path of a figure, if one can be written there."""
    path = Path(text)
    if path.suffix not in FORMATS or path.is_dir():
        raise argparse.ArgumentTypeError(
            f"{text!r} should be a file that ends in {', '.join(FORMATS)}"
        )
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"{str(path.parent)!r} should be a folder that can be written to"
        ) from error
    return path


def command_line() -> CommandLine:
    """Describe the options."""
    names = ", ".join(f"{i} {name}" for i, name in enumerate(NAMES))
    parser = CommandLine(
        prog="scratchcnn",
        description="Teach a small network to tell two garments apart.",
        epilog=f"Classes: {names}. By default, 0 and 1.",
    )
    add, like = parser.add_argument, "default: %(default)s"
    add("--classes", nargs=2, type=int, default=(0, 1), metavar=("A", "B"))
    add("--epochs", type=int, default=EPOCHS, help=like)
    add("--batch-size", type=int, default=BATCH_SIZE, help=like)
    add("--learning-rate", type=float, default=LEARNING_RATE, help=like)
    add("--seed", type=int, default=0, help="for weights and shuffling")
    add("--data", metavar="FOLDER", help="where the four files are")
    add("--output", type=figure_path, default="scratchcnn.png", help=like)
    return parser


def fit(
    network: Network,
    x: Array,
    t: Array,
    options: argparse.Namespace,
    rng: np.random.Generator,
) -> list[float]:
    """Train behind a progress bar, and return the loss of each epoch."""
    from tqdm import tqdm

    epochs = gradient_descent(
        network,
        LOSS,
        x,
        t,
        learning_rate=options.learning_rate,
        epochs=options.epochs,
        batch_size=options.batch_size,
        rng=rng,
    )
    losses = []
    with tqdm(epochs, total=options.epochs, unit="epoch") as bar:
        for loss in bar:
            losses.append(loss)
            bar.set_postfix(loss=f"{loss:.4f}")
    return losses


def compare(network: Network, data: FashionMNIST, t: Array) -> None:
    """Print the network's test accuracy below those that cost less."""
    vectors = Flatten().forward(data.train.images)
    linear = Network([Flatten(), least_squares(vectors, t)])
    majority = majority_accuracy(data.train.labels, data.test.labels)
    print("Accuracy on the test images:")
    print(f"  majority guess  {majority:.4f}")
    print(f"  linear model    {accuracy(linear, LOSS, *data.test):.4f}")
    print(f"  network         {accuracy(network, LOSS, *data.test):.4f}")


def plot(losses: list[float], before: Array, after: Array) -> Figure:
    """Draw the loss of every epoch and the kernels, (F, 1, KH, KW)."""
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


def save(figure: Figure, path: Path) -> None:
    """Write a figure whole or not at all."""
    with replacing(path) as file:
        figure.savefig(file, dpi=150, format=path.suffix[1:])


def run(options: argparse.Namespace) -> None:
    """Load the images, train a network, compare it, draw it."""
    seed = check_size("scratchcnn", "--seed", options.seed, 0)
    rng = np.random.default_rng(seed)
    data = load(options.classes, data_dir=options.data)
    title = f"{' or '.join(data.names)}? (seed {seed})"
    if data.stand_in:
        title += ": drawn stand-ins, not Fashion-MNIST"
    (x, labels), tests = data.train, len(data.test.labels)
    print(
        title, f"{len(x):,} training images, {tests:,} test images", sep="\n"
    )
    t = labels[:, None].astype(x.dtype)
    network = two_class(rng=rng)
    kernels = network.parameters()[0]
    before = kernels.value.copy()
    losses = fit(network, x, t, options, rng)
    compare(network, data, t)
    figure = plot(losses, before, kernels.value)
    figure.suptitle(title)
    save(figure, options.output)
    print(f"Figure: {options.output}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program, and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The options; by default, those of the command line.

    Raises
    ------
    SystemExit
        With code 2, after one line on stderr, if an option can't be
        used, the data can't be had, or the loss overflows.

    Notes
    -----
    Chapter *The program*.
    """
    parser = command_line()
    try:
        run(parser.parse_args(argv))
    except (DataError, FloatingPointError, OSError, ValueError) as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        print(f"\n{parser.prog}: interrupted", file=sys.stderr)
        return 130
    return 0
