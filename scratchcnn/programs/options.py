"""What a trainer can be asked for: `command_line`."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scratchcnn.data.fashion_mnist import NAMES
from scratchcnn.layer import Layer
from scratchcnn.layers.network import Network
from scratchcnn.models.lenet import lenet
from scratchcnn.models.record import record
from scratchcnn.models.two_class import two_class
from scratchcnn.programs.two_classes import CommandLine
from scratchcnn.training.optimizers import SGD, Adam, Optimizer
from scratchcnn.training.schedules import constant, cosine

NETWORKS: dict[str, Callable[..., Network]] = {
    "lenet": lenet,
    "record": record,
    "two-class": two_class,
}
SCHEDULES = {"constant": constant, "cosine": cosine}
RATES = {"sgd": 0.05, "adam": 0.001}
HELD_OUT = 5000


def new_file(text: str) -> Path:
    """Return the path of a file, if one can be written there."""
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder, not a file")
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
        prog="scratchcnn.programs.trainer",
        description="Train a network on the classes of Fashion-MNIST.",
        epilog=f"Classes: {names}. By default, all of them.",
    )
    add, like = parser.add_argument, "default: %(default)s"
    every = range(len(NAMES))
    add("--classes", nargs="+", type=int, default=[*every], metavar="K")
    add("--network", choices=NETWORKS, default="lenet", help=like)
    add("--epochs", type=int, default=10, help=like)
    add("--batch-size", type=int, default=64, help=like)
    add("--seed", type=int, default=0, help="for everything random")
    add("--shift", type=int, default=0, help="by up to so many pixels")
    add("--flip", type=float, default=0.0, help="mirror this share of images")
    held = "train without the last so many images, and test on them; 0: "
    held += f"train on all, and use the test images ({like})"
    add("--validation", type=int, default=HELD_OUT, metavar="N", help=held)
    add("--plain", action="store_true", help="do not accelerate")
    add("--data", metavar="FOLDER", help="where the four files are")
    optimizer_options(parser)
    file_options(parser)
    return parser


def optimizer_options(parser: CommandLine) -> None:
    """Describe the options of the optimizer and its schedule."""
    add, like = parser.add_argument, "default: %(default)s"
    rates = ", ".join(f"{rate} for {kind}" for kind, rate in RATES.items())
    add("--optimizer", choices=RATES, default="sgd", help=like)
    add("--learning-rate", type=float, help=f"default: {rates}")
    add("--momentum", type=float, help="for sgd; default: 0.9")
    add("--nesterov", action="store_true", help="for sgd")
    add("--weight-decay", type=float, default=0.0, help=like)
    add("--schedule", choices=SCHEDULES, default="cosine", help=like)
    add("--warm-up", type=float, default=0.0, metavar="SHARE", help=like)


def file_options(parser: CommandLine) -> None:
    """Describe the options that name files."""
    add = parser.add_argument
    file: dict[str, Any] = {"type": new_file, "metavar": "FILE"}
    add("--checkpoint", **file, help="save the run after each epoch")
    add("--resume", action="store_true", help="go on from the checkpoint")
    add("--save", **file, help="save the trained network")


def choose_optimizer(network: Layer, options: argparse.Namespace) -> Optimizer:
    """Make the optimizer that the options describe.

    Raises
    ------
    ValueError
        If one of them is for another optimizer, or out of its range.
    """
    parameters, kind = network.parameters(), options.optimizer
    rate, decay = options.learning_rate, options.weight_decay
    rate = RATES[kind] if rate is None else rate
    momentum = options.momentum
    if kind == "sgd":
        return SGD(
            parameters,
            rate,
            momentum=0.9 if momentum is None else momentum,
            nesterov=options.nesterov,
            weight_decay=decay,
        )
    if momentum is not None or options.nesterov:
        raise ValueError("--momentum and --nesterov are for sgd, not for adam")
    return Adam(parameters, rate, weight_decay=decay)
