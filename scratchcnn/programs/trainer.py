"""A program that trains: ``python -m scratchcnn.programs.trainer``."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from scratchcnn.arrays import check_size
from scratchcnn.compiler.accelerate import accelerate
from scratchcnn.data import fashion_mnist
from scratchcnn.data.augmentation import shift_and_flip
from scratchcnn.data.fashion_mnist import FashionMNIST, Split
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
    PROGRAM,
    SCHEDULES,
    Settings,
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
    check_size(PROGRAM, "--validation", held_out, 0)
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
        self.settings, self.stand_in = settings, data.stand_in
        self.trained, self.tested = divide(data, settings.validation)
        seed = check_size(PROGRAM, "--seed", settings.seed, 0)
        self.rng = np.random.default_rng(seed)
        network = NETWORKS[settings.network](rng=self.rng)
        self.network = network if settings.plain else accelerate(network)
        self.optimizer = choose_optimizer(network, settings)
        self.binary = settings.network == "two_class"
        if self.binary and len(data.names) != 2:
            raise ValueError(
                f"--network {settings.network} wants two --classes, got "
                f"{len(data.names)}"
            )
        self.loss: Loss = (
            BinaryCrossEntropy() if self.binary else SoftmaxCrossEntropy()
        )

    def checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint, if the settings name one.

        Raises
        ------
        ValueError
            If it would replace another, or --resume comes without one.
        """
        path, resume = self.settings.checkpoint, self.settings.resume
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
            settings={**self.settings.fixed(), "stand_in": self.stand_in},
        )

    def score(self, network: Layer) -> float:
        """Return the share of the held-out images that it gets right."""
        return accuracy(network, self.loss, *self.tested)

    def run(self) -> History:
        """Train behind a progress bar, and return how it went."""
        x, labels = self.trained
        t = labels[:, None].astype(np.float32) if self.binary else labels
        settings, checkpoint = self.settings, self.checkpoint()
        augment = functools.partial(
            shift_and_flip, shift=settings.shift, flip=settings.flip
        )
        schedule = SCHEDULES[settings.schedule]()
        return train(
            self.network,
            self.loss,
            self.optimizer,
            x,
            t,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            rng=self.rng,
            schedule=warm_up(settings.warm_up, schedule),
            augment=augment if settings.shift or settings.flip else None,
            score=self.score if settings.validation else None,
            after_epoch=checkpoint.save if checkpoint else None,
            history=checkpoint.restore() if checkpoint else None,
            progress=True,
        )


def report(trainer: Trainer, history: History) -> None:
    """Print the losses, the scores, and how well the network does."""
    kind = "validation" if trainer.settings.validation else "test"
    count = sum(p.value.size for p in trainer.network.parameters())
    print(f"Network {trainer.settings.network}, {count:,} parameters")
    print("epoch  loss    accuracy" if history.scores else "epoch  loss")
    for i, loss in enumerate(history.losses):
        scores = "".join(f"  {s:.4f}" for s in history.scores[i : i + 1])
        print(f"{i + 1:5}  {loss:.4f}{scores}")
    labels = trainer.trained.labels, trainer.tested.labels
    print(f"Accuracy on {len(labels[1]):,} {kind} images:")
    print(f"  majority guess  {majority_accuracy(*labels):.4f}")
    print(f"  network         {trainer.score(trainer.network):.4f}")


def train_and_report(settings: Settings) -> None:
    """Load the images, train, report, and save the network."""
    data = fashion_mnist.load(settings.classes, data_dir=settings.data)
    trainer = Trainer(settings, data)
    title = f"{', '.join(data.names)} (seed {settings.seed})"
    if data.stand_in:
        title += ": drawn stand-ins, not Fashion-MNIST"
    print(f"{title}\n{len(trainer.trained.labels):,} training images")
    report(trainer, trainer.run())
    if settings.save:
        save(trainer.network, settings.save)
        print(f"Network: {settings.save}")


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
