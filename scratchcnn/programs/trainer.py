"""A program that trains: ``python -m scratchcnn.programs.trainer``."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import numpy as np

from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.data import fashion_mnist
from scratchcnn.data.fashion_mnist import FashionMNIST, Split
from scratchcnn.evaluation.accuracy import accuracy
from scratchcnn.evaluation.baselines import constant_loss, majority_accuracy
from scratchcnn.layer import Layer
from scratchcnn.programs.options import (
    NETWORKS,
    PROGRAM,
    Settings,
    choose_augment,
    choose_loss,
    choose_optimizer,
    choose_schedule,
    command_line,
)
from scratchcnn.training.averaging import Averaged, averages
from scratchcnn.training.checkpoints import Checkpoint
from scratchcnn.training.loop import History, train
from scratchcnn.training.weights import save

MEASURED = 5000  # training images, for the statistics of averaged weights


def divide(data: FashionMNIST, held_out: int) -> tuple[Split, Split]:
    """Return what is trained on and what is tested on.

    Raises
    ------
    ValueError
        If no image would be left to train on.
    """
    x, labels = data.train
    n = len(x) - held_out
    if n < 1:
        raise ValueError(
            f"{PROGRAM} wants --validation < {len(x)}, the number of "
            f"training images, got {held_out}"
        )
    if held_out == 0:
        return data.train, data.test
    return Split(x[:n], labels[:n]), Split(x[n:], labels[n:])


def checksum(*splits: Split) -> int:
    """Return a number that is another one for other images or labels."""
    total = 0
    for array in (array for split in splits for array in split):
        total = zlib.crc32(np.ascontiguousarray(array).data, total)
    return total


class Trainer:
    """Everything that the settings ask for, ready to run.

    Parameters
    ----------
    settings : Settings
        What was decided.
    data : FashionMNIST
        The images.

    Raises
    ------
    TypeError, ValueError
        If the settings can't be used, or not together.

    Notes
    -----
    Chapter *The trainer*.
    """

    def __init__(self, settings: Settings, data: FashionMNIST) -> None:
        settings.check()
        self.settings, self.stand_in = settings, data.stand_in
        self.trained, self.tested = divide(data, settings.validation)
        self.rng = np.random.default_rng(settings.seed)
        network = NETWORKS[settings.network](rng=self.rng)
        self.network = network if settings.plain else accelerate(network)
        self.optimizer = choose_optimizer(network, settings)
        if settings.average:
            count = math.ceil(len(self.trained.images) / settings.batch_size)
            start = round((1 - settings.average) * settings.epochs * count)
            self.optimizer = Averaged(self.optimizer, start=start)
        self.binary = settings.network == "two_class"
        self.loss = choose_loss(settings)

    def averages(self) -> AbstractContextManager[None]:
        """Return what puts the averages in, if there are any, for a while."""
        if not isinstance(self.optimizer, Averaged):
            return nullcontext()
        x = self.trained.images[:MEASURED]
        return averages(self.optimizer, self.network, x)

    def checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint, if the settings name one.

        Raises
        ------
        ValueError
            If it would replace another, or --resume comes without one.
        """
        settings = self.settings
        settings.check_files()
        if settings.checkpoint is None:
            return None
        splits = [self.trained, self.tested][: 2 if settings.validation else 1]
        data = {"stand_in": self.stand_in, "checksum": checksum(*splits)}
        return Checkpoint(
            settings.checkpoint,
            self.network,
            self.optimizer,
            self.rng,
            settings={**settings.fixed(), **data},
        )

    def end_epoch(self, checkpoint: Checkpoint, history: History) -> None:
        """Save the checkpoint, after each epoch."""
        checkpoint.save(history)

    def score(self, network: Layer) -> float:
        """Return the share of the held-out images that it gets right.

        Raises
        ------
        FloatingPointError
            If its outputs are no numbers.
        """
        try:
            with np.errstate(over="ignore", invalid="ignore"), self.averages():
                return accuracy(network, self.loss, *self.tested)
        except ValueError as error:
            raise FloatingPointError(
                f"the network has diverged, {error}: try a smaller "
                f"learning_rate than {self.settings.rate}"
            ) from error

    def run(self) -> History:
        """Train behind a progress bar, and return how it went."""
        x, labels = self.trained
        t = labels[:, None].astype(np.float32) if self.binary else labels
        settings, checkpoint = self.settings, self.checkpoint()
        end = partial(self.end_epoch, checkpoint) if checkpoint else None
        return train(
            self.network,
            self.loss,
            self.optimizer,
            x,
            t,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            rng=self.rng,
            schedule=choose_schedule(settings),
            augment=choose_augment(settings),
            score=self.score if settings.validation else None,
            after_epoch=end,
            history=checkpoint.restore() if checkpoint else None,
            progress=not settings.quiet,
        )


def table(history: History) -> list[str]:
    """Return lines: the loss of each epoch, and the score if there is one."""
    lines = ["epoch  loss    accuracy" if history.scores else "epoch  loss"]
    for i, loss in enumerate(history.losses):
        scores = "".join(f"  {s:.4f}" for s in history.scores[i : i + 1])
        lines.append(f"{i + 1:5}  {loss:.4f}{scores}")
    return lines


def advice(trainer: Trainer, history: History) -> list[str]:
    """Return a line if the network has learned nothing of the images."""
    guess = constant_loss(trainer.trained.labels)
    if history.losses[-1] < guess:
        return []
    return [
        f"The last loss is not below {guess:.4f}, that of the best constant "
        "guess: try a smaller --learning-rate, or more --epochs."
    ]


def report(trainer: Trainer, history: History) -> list[str]:
    """Return lines: how it went, and how well the network does."""
    kind = "validation" if trainer.settings.validation else "test"
    count = sum(p.value.size for p in trainer.network.parameters())
    labels = trainer.trained.labels, trainer.tested.labels
    return [
        f"{len(labels[0]):,} training images",
        f"Network {trainer.settings.network}, {count:,} parameters",
        *table(history),
        f"Accuracy on {len(labels[1]):,} {kind} images:",
        f"  majority guess  {majority_accuracy(*labels):.4f}",
        f"  network         {trainer.score(trainer.network):.4f}",
        *advice(trainer, history),
    ]


def train_and_report(settings: Settings) -> str:
    """Check, load the images, train, save the network, and then report."""
    settings.check()
    settings.check_files()
    data = fashion_mnist.load(settings.classes, data_dir=settings.data)
    trainer = Trainer(settings, data)
    history = trainer.run()
    if settings.save:
        with trainer.averages():
            save(trainer.network, settings.save)
    title = f"{', '.join(data.names)} (seed {settings.seed})"
    if data.stand_in:
        title += ": drawn stand-ins, not Fashion-MNIST"
    lines = [title, *report(trainer, history)]
    if settings.save:
        lines.append(f"Network: {settings.save}")
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program, and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        The options; by default, those of the command line.

    Notes
    -----
    Chapter *The trainer*.
    """
    return command_line().serve(
        lambda **options: train_and_report(Settings(**options)), argv
    )


if __name__ == "__main__":
    raise SystemExit(main())
