"""The program, grown: ``python -m scratchcnn.programs.trainer``."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchcnn.arrays import check_size
from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.data.augmentation import shift_and_flip
from scratchcnn.data.fashion_mnist import FashionMNIST, Split, load
from scratchcnn.data.idx import DataError
from scratchcnn.evaluation.accuracy import accuracy
from scratchcnn.evaluation.baselines import majority_accuracy
from scratchcnn.layer import Layer
from scratchcnn.losses.cross_entropy import (
    BinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from scratchcnn.losses.loss import Loss
from scratchcnn.programs.options import (
    NETWORKS,
    SCHEDULES,
    choose_optimizer,
    command_line,
)
from scratchcnn.training.checkpoints import Checkpoint
from scratchcnn.training.loop import History, train
from scratchcnn.training.schedules import warm_up
from scratchcnn.training.weights import save


def divide(data: FashionMNIST, held_out: int) -> tuple[Split, Split]:
    """Return what is trained on and what is tested on.

    Raises
    ------
    ValueError
        If no image would be left to train on.
    """
    check_size("scratchcnn.programs.trainer", "--validation", held_out, 0)
    x, labels = data.train
    n = len(x) - held_out
    if n < 1:
        raise ValueError(
            f"scratchcnn.programs.trainer wants --validation < {len(x)}, "
            f"the number of training images, got {held_out}"
        )
    if held_out == 0:
        return data.train, data.test
    return Split(x[:n], labels[:n]), Split(x[n:], labels[n:])


class Trainer:
    """Everything that the options ask for, ready to run.

    Parameters
    ----------
    options : argparse.Namespace
        What `command_line` has read.
    data : FashionMNIST
        The images.

    Raises
    ------
    TypeError, ValueError
        If the options can't be used, or not together.

    Notes
    -----
    Chapter *The program, grown*.
    """

    def __init__(
        self, options: argparse.Namespace, data: FashionMNIST
    ) -> None:
        self.options, self.stand_in = options, data.stand_in
        self.trained, self.tested = divide(data, options.validation)
        seed = check_size(
            "scratchcnn.programs.trainer", "--seed", options.seed, 0
        )
        self.rng = np.random.default_rng(seed)
        network = NETWORKS[options.network](rng=self.rng)
        self.network = network if options.plain else accelerate(network)
        self.optimizer = choose_optimizer(network, options)
        self.binary = options.network == "two-class"
        if self.binary and len(data.names) != 2:
            raise ValueError(
                "--network two-class wants two --classes, got "
                f"{len(data.names)}"
            )
        self.loss: Loss = (
            BinaryCrossEntropy() if self.binary else SoftmaxCrossEntropy()
        )

    def settings(self) -> dict[str, Any]:
        """Return what has a say in the numbers: options, and the data."""
        names = "classes network batch_size seed shift flip validation plain"
        names += " learning_rate schedule warm_up"
        chosen = {n: getattr(self.options, n) for n in names.split()}
        chosen["stand_in"] = self.stand_in
        if self.options.schedule != "constant" or self.options.warm_up:
            chosen["epochs"] = self.options.epochs
        return chosen

    def checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint, if the options name one.

        Raises
        ------
        ValueError
            If it would replace another, or --resume comes without one.
        """
        path, resume = self.options.checkpoint, self.options.resume
        if path is None:
            if resume:
                raise ValueError("--resume wants a --checkpoint")
            return None
        if path.exists() and not resume:
            raise ValueError(
                f"{path} exists: --resume it, or choose another --checkpoint"
            )
        return Checkpoint(
            path,
            self.network,
            self.optimizer,
            self.rng,
            settings=self.settings(),
        )

    def score(self, network: Layer) -> float:
        """Return the share of the held-out images that it gets right."""
        return accuracy(network, self.loss, *self.tested)

    def run(self) -> History:
        """Train behind a progress bar, and return how it went."""
        x, labels = self.trained
        t = labels[:, None].astype(np.float32) if self.binary else labels
        options, checkpoint = self.options, self.checkpoint()
        augment = functools.partial(
            shift_and_flip, shift=options.shift, flip=options.flip
        )
        schedule = SCHEDULES[options.schedule]()
        return train(
            self.network,
            self.loss,
            self.optimizer,
            x,
            t,
            epochs=options.epochs,
            batch_size=options.batch_size,
            rng=self.rng,
            schedule=warm_up(options.warm_up, schedule),
            augment=augment if options.shift or options.flip else None,
            score=self.score if options.validation else None,
            after_epoch=checkpoint.save if checkpoint else None,
            history=checkpoint.restore() if checkpoint else None,
            progress=True,
        )


def report(trainer: Trainer, history: History) -> None:
    """Print the losses, the scores, and how well the network does."""
    kind = "validation" if trainer.options.validation else "test"
    count = sum(p.value.size for p in trainer.network.parameters())
    print(f"Network {trainer.options.network}, {count:,} parameters")
    print("epoch  loss    accuracy" if history.scores else "epoch  loss")
    for i, loss in enumerate(history.losses):
        scores = "".join(f"  {s:.4f}" for s in history.scores[i : i + 1])
        print(f"{i + 1:5}  {loss:.4f}{scores}")
    labels = trainer.trained.labels, trainer.tested.labels
    print(f"Accuracy on {len(labels[1]):,} {kind} images:")
    print(f"  majority guess  {majority_accuracy(*labels):.4f}")
    print(f"  network         {trainer.score(trainer.network):.4f}")


def run(options: argparse.Namespace) -> None:
    """Load the images, train, report, and save."""
    data = load(options.classes, data_dir=options.data)
    trainer = Trainer(options, data)
    title = f"{', '.join(data.names)} (seed {options.seed})"
    if data.stand_in:
        title += ": drawn stand-ins, not Fashion-MNIST"
    print(f"{title}\n{len(trainer.trained.labels):,} training images")
    report(trainer, trainer.run())
    if options.save:
        save(trainer.network, options.save)
        print(f"Network: {options.save}")


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
        used, the data can't be had, a file can't be read or written, or
        the loss overflows.

    Notes
    -----
    Chapter *The program, grown*.
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


if __name__ == "__main__":
    raise SystemExit(main())
