"""What a training run can be asked for: `Settings`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from scratchcnn.arrays import Array, check_number, check_size
from scratchcnn.data.augmentation import shift_and_flip
from scratchcnn.data.download import SHA256, folder_of, held
from scratchcnn.data.erasing import erase
from scratchcnn.data.fashion_mnist import NAMES, check_classes
from scratchcnn.layer import Layer
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.network import Network
from scratchcnn.losses.cross_entropy import (
    BinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from scratchcnn.losses.label_smoothing import SmoothedCrossEntropy
from scratchcnn.losses.loss import Loss
from scratchcnn.models import lenet, record, two_class
from scratchcnn.programs.command_line import (
    CommandLine,
    check_distinct,
    kept_file,
    new_file,
)
from scratchcnn.training.loop import Augment
from scratchcnn.training.optimizers import SGD, Adam, Optimizer
from scratchcnn.training.schedules import Schedule, constant, cosine, warm_up

PROGRAM = "scratchcnn.programs.trainer"
NETWORKS: dict[str, Callable[..., Network]] = {
    network.__name__: network for network in (lenet, record, two_class)
}
SCHEDULES = {"constant": constant, "cosine": cosine}
RATES = {"sgd": 0.05, "adam": 0.001}
LEAST = {"epochs": 1, "batch_size": 1, "seed": 0, "validation": 0}
MOST = 1e18  # counts stay below it, and their products in a float
CHOICES: dict[str, Iterable[str]] = {
    "network": NETWORKS,
    "optimizer": RATES,
    "schedule": SCHEDULES,
}
FREE = {"fixed": False}  # what a resumed run does not compare by name


@dataclass(frozen=True)
class Settings:
    """Every decision of a training run, and what is usual.

    Raises
    ------
    TypeError
        If `classes` are not several.

    Notes
    -----
    Chapter *What can be asked for*.
    """

    classes: tuple[int, ...] = tuple(range(len(NAMES)))
    network: str = "lenet"
    epochs: int = field(default=10, metadata=FREE)
    batch_size: int = 64
    seed: int = 0
    shift: int = 0
    flip: float = 0.0
    erase: float = 0.0
    smoothing: float = 0.0
    average: float = 0.0
    validation: int = 5000
    plain: bool = False
    optimizer: str = field(default="sgd", metadata=FREE)
    learning_rate: float | None = None
    momentum: float | None = field(default=None, metadata=FREE)
    nesterov: bool = field(default=False, metadata=FREE)
    weight_decay: float = field(default=0.0, metadata=FREE)
    schedule: str = "cosine"
    warm_up: float = 0.0
    data: str | None = field(default=None, metadata=FREE)
    checkpoint: Path | None = field(default=None, metadata=FREE)
    resume: bool = field(default=False, metadata=FREE)
    save: Path | None = field(default=None, metadata=FREE)
    quiet: bool = field(default=False, metadata=FREE)

    def __post_init__(self) -> None:
        """Freeze the classes too, which may come as a list."""
        if not np.iterable(self.classes):
            raise TypeError(
                "Settings wants classes as several integers, got "
                f"{self.classes!r}"
            )
        object.__setattr__(self, "classes", tuple(self.classes))

    @property
    def rate(self) -> float:
        """The learning rate, which is that of the optimizer if not said."""
        usual = RATES[self.optimizer]
        return usual if self.learning_rate is None else self.learning_rate

    def check(self) -> None:
        """Stop what can't be used, before anything is loaded.

        What is checked where it is used is used here, on next to nothing.

        Raises
        ------
        TypeError, ValueError
            If a setting is out of its range, or does not go with another.
        """
        for name, least in LEAST.items():
            option = "--" + name.replace("_", "-")
            size = check_size(PROGRAM, option, getattr(self, name), least)
            if name != "seed":
                check_number(PROGRAM, option, size, below=MOST)
        for name, known in CHOICES.items():
            value = getattr(self, name)
            if value not in [*known]:
                raise ValueError(
                    f"{PROGRAM} wants --{name} as one of {', '.join(known)}, "
                    f"got {value!r}"
                )
        classes = check_classes(self.classes)
        if self.network == "two_class" and len(classes) != 2:
            raise ValueError(
                f"--network {self.network} wants two --classes, got "
                f"{len(classes)}"
            )
        rng, image = np.random.default_rng(0), np.zeros((1, 1, 28, 28))
        choose_optimizer(Dense(1, 1, rng=rng), self)
        choose_schedule(self)
        choose_loss(self)
        if augment := choose_augment(self):
            augment(image, rng)
        check_number(PROGRAM, "--average", self.average, below=1)

    def check_files(self) -> None:
        """Stop files that would take each other's place.

        Raises
        ------
        ValueError
            If two are one, or one of the data, if a checkpoint would
            replace another, or if --resume comes without one.
        """
        check_distinct(checkpoint=self.checkpoint, save=self.save)
        folder = folder_of(self.data)
        for path in (held(folder, name) for name in SHA256):
            check_distinct(data=path, save=self.save)
            check_distinct(data=path, checkpoint=self.checkpoint)
        if self.resume and self.checkpoint is None:
            raise ValueError("--resume wants a --checkpoint")
        if self.checkpoint and self.checkpoint.exists() and not self.resume:
            raise ValueError(
                f"{self.checkpoint} exists: --resume it, or choose another "
                "--checkpoint"
            )

    def fixed(self) -> dict[str, Any]:
        """Return what must be the same when the run is resumed."""
        every = fields(self)
        names = [f.name for f in every if f.metadata.get("fixed", True)]
        if self.schedule != "constant" or self.warm_up or self.average:
            names.append("epochs")
        found = {name: getattr(self, name) for name in names}
        return {**found, "learning_rate": self.rate}

    def words(self) -> list[str]:
        """Return the options that ask for these settings."""
        words: list[str] = []
        for f in fields(self):
            value = getattr(self, f.name)
            if value == f.default:
                continue
            words.append("--" + f.name.replace("_", "-"))
            if f.name == "classes":
                words += map(str, value)
            elif value is not True:
                words.append(str(value))
        return words


def python_name(word: str) -> str:
    """Return the name of which this word is the spelling with hyphens."""
    return word.replace("-", "_")


def command_line() -> CommandLine:
    """Describe the options, one for each field of `Settings`."""
    names = ", ".join(f"{label} {name}" for label, name in enumerate(NAMES))
    parser = CommandLine(
        prog=PROGRAM,
        description="Train a network on the classes of Fashion-MNIST.",
        epilog=f"Classes: {names}. By default, all of them.",
    )
    add, like = parser.add_argument, "default: %(default)s"
    add("--classes", nargs="+", type=int, metavar="K")
    add("--network", type=python_name, choices=NETWORKS, help=like)
    add("--epochs", type=int, help=like)
    add("--batch-size", type=int, help=like)
    add("--seed", type=int, help="for everything random")
    add("--shift", type=int, help="by up to so many pixels")
    add("--flip", type=float, help="mirror this share of images")
    add("--erase", type=float, help="cover a part of this share of images")
    add("--smoothing", type=float, help="share of each target for all classes")
    add("--average", type=float, help="the weights of this share of steps")
    held = "train without the last so many images, and test on them; 0: "
    held += f"train on all, and use the test images ({like})"
    add("--validation", type=int, metavar="N", help=held)
    add("--plain", action="store_true", help="do not accelerate")
    add("--data", metavar="FOLDER", help="where the four files are")
    add("--quiet", action="store_true", help="show no bar")
    optimizer_options(parser)
    file_options(parser)
    parser.set_defaults(**{f.name: f.default for f in fields(Settings)})
    return parser


def optimizer_options(parser: CommandLine) -> None:
    """Describe the options of the optimizer and its schedule."""
    add, like = parser.add_argument, "default: %(default)s"
    rates = ", ".join(f"{rate} for {kind}" for kind, rate in RATES.items())
    add("--optimizer", choices=RATES, help=like)
    add("--learning-rate", type=float, help=f"default: {rates}")
    add("--momentum", type=float, help="for sgd; default: 0.9")
    add("--nesterov", action="store_true", help="for sgd")
    add("--weight-decay", type=float, help=like)
    add("--schedule", choices=SCHEDULES, help=like)
    add("--warm-up", type=float, metavar="SHARE", help=like)


def file_options(parser: CommandLine) -> None:
    """Describe the options that name files."""
    add = parser.add_argument
    kept = "save the run after each epoch"
    add("--checkpoint", type=kept_file, metavar="FILE", help=kept)
    add("--resume", action="store_true", help="go on from the checkpoint")
    trained = "save the trained network"
    add("--save", type=new_file, metavar="FILE", help=trained)


def choose_optimizer(network: Layer, settings: Settings) -> Optimizer:
    """Make the optimizer that the settings describe.

    Raises
    ------
    ValueError
        If one of them is for another optimizer, or out of its range.
    """
    parameters, kind = network.parameters(), settings.optimizer
    rate, decay = settings.rate, settings.weight_decay
    momentum = settings.momentum
    if kind == "sgd":
        return SGD(
            parameters,
            rate,
            momentum=0.9 if momentum is None else momentum,
            nesterov=settings.nesterov,
            weight_decay=decay,
        )
    if momentum is not None or settings.nesterov:
        raise ValueError("--momentum and --nesterov are for sgd, not for adam")
    return Adam(parameters, rate, weight_decay=decay)


def choose_schedule(settings: Settings) -> Schedule:
    """Make the schedule that the settings describe."""
    return warm_up(settings.warm_up, SCHEDULES[settings.schedule]())


def choose_loss(settings: Settings) -> Loss:
    """Make the loss that goes with the network's outputs.

    Raises
    ------
    ValueError
        If the smoothing is out of its range, or there is a single output.
    """
    if settings.network == "two_class":
        if settings.smoothing:
            raise ValueError(
                "--smoothing is for an output for each class, and --network "
                "two_class has one for both"
            )
        return BinaryCrossEntropy()
    if settings.smoothing:
        return SmoothedCrossEntropy(settings.smoothing)
    return SoftmaxCrossEntropy()


def choose_augment(settings: Settings) -> Augment | None:
    """Make what changes the images of a batch, if they are changed."""
    shift, flip, share = settings.shift, settings.flip, settings.erase

    def augment(x: Array, rng: np.random.Generator) -> Array:
        if shift or flip:
            x = shift_and_flip(x, rng, shift=shift, flip=flip)
        return erase(x, rng, share=share) if share else x

    return augment if shift or flip or share else None
