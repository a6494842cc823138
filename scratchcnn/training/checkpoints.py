"""A training run that can be interrupted: `Checkpoint`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.arrays import check_generator
from scratchcnn.layer import Layer, held
from scratchcnn.training.loop import History
from scratchcnn.training.optimizers import Optimizer
from scratchcnn.training.run_text import (
    RunText,
    damaged,
    description,
    differences,
    read_run,
    rehearse,
)
from scratchcnn.training.weights import (
    array_faults,
    copy_arrays,
    named_arrays,
    read_arrays,
    stop_unfit,
    write_arrays,
)

CHECKPOINT = "scratchcnn-checkpoint"
RUN = "run"  # the name of the array that holds a text


def optimizer_text(optimizer: Optimizer) -> str:
    """Return a text that says all but the learning rate of an optimizer.

    If it lets another one take its steps, that is in the text as well.
    """
    settings = {
        name: optimizer_text(value) if isinstance(value, Optimizer) else value
        for name, value in vars(optimizer).items()
        if isinstance(value, (int, float, tuple, Optimizer))
        and name != "learning_rate"
    }
    return description(optimizer, settings)


class Checkpoint:
    """A file that holds all that the rest of a training run depends on.

    Parameters
    ----------
    path : path
        The file, a .npz; its folder must exist.
    network : Layer
        What is trained.
    optimizer : Optimizer
        What trains it.
    rng : numpy.random.Generator
        What `train` shuffles with. Generators in the network's layers,
        such as a Dropout's, are found and saved too.
    settings : mapping, optional
        Whatever else must be the same when the run is resumed, such as
        the batch size: names, and values that JSON knows.

    Raises
    ------
    TypeError
        If `rng` is no generator, or JSON does not know a setting.
    ValueError
        If a setting has the name of something that is compared anyway.
    FileNotFoundError
        If the folder of `path` does not exist.

    Notes
    -----
    Chapter *Checkpoints*. The settings of each layer, as
    `Layer.settings` shows them, must be the same too; so a number that
    changes in the course of a training is a buffer, or has a name with
    an underscore in front.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> layer = Dense(1, 1, rng=rng)
    >>> optimizer = SGD(layer.parameters(), 0.1)
    >>> checkpoint = Checkpoint("run.npz", layer, optimizer, rng)
    >>> checkpoint.restore()  # nothing yet
    >>> checkpoint.save(History(losses=[0.5]))
    >>> checkpoint.restore().losses
    [0.5]
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        network: Layer,
        optimizer: Optimizer,
        rng: np.random.Generator,
        *,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        check_generator("Checkpoint", rng)
        self.path = Path(path)
        if not self.path.parent.is_dir():
            raise FileNotFoundError(
                f"Checkpoint wants {path} in a folder that exists"
            )
        self.network, self.optimizer, self.rng = network, optimizer, rng
        self.settings = dict(settings or {})
        self.fixed()  # stops settings that can't be saved

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the live arrays of network and optimizer, by name."""
        pieces = {
            "network": named_arrays(self.network),
            "optimizer": self.optimizer.state(),
        }
        return {
            f"{piece}/{name}": array
            for piece, arrays in pieces.items()
            for name, array in arrays.items()
        }

    def generators(self) -> dict[str, np.random.Generator]:
        """Return every distinct generator of the run, by name."""
        found = {"rng": self.rng}
        for path, layer in self.network.walk():
            for attribute, value in vars(layer).items():
                name = f"network/{path}{attribute}"
                for place, rng in held(value, np.random.Generator, name):
                    if not any(rng is known for known in found.values()):
                        found[place] = rng
        return found

    def fixed(self) -> dict[str, Any]:
        """Return what must be the same when the run is resumed."""
        layers = {
            f"network/{path}": description(layer, layer.settings())
            for path, layer in self.network.walk()
        }
        kinds = {
            name: generator.bit_generator.state["bit_generator"]
            for name, generator in self.generators().items()
        }
        own = {"optimizer": optimizer_text(self.optimizer), **layers, **kinds}
        if taken := sorted(own.keys() & self.settings.keys()):
            raise ValueError(f"Checkpoint wants other settings than {taken}")
        return dict(json.loads(json.dumps({**own, **self.settings})))

    def save(self, history: History) -> None:
        """Write the file whole or not at all; for `train`'s after_epoch.

        Raises
        ------
        OSError
            If it can't be written; the one before it is as it was.
        """
        states = {
            name: generator.bit_generator.state
            for name, generator in self.generators().items()
        }
        rate = self.optimizer.learning_rate
        run = RunText(self.fixed(), rate, history, states)
        text = np.array(run.write())
        write_arrays(self.path, CHECKPOINT, {**self.arrays(), RUN: text})

    def read(self) -> tuple[RunText, dict[str, npt.NDArray[Any]]]:
        """Return what the file holds, if all of it fits; change nothing.

        Raises
        ------
        DataError, ValueError, OSError
            As `restore` does.
        """
        saved = read_arrays(self.path, CHECKPOINT)
        run = read_run(self.path, saved.pop(RUN, None))
        stop_unfit(self.path, differences(self.fixed(), run.fixed))
        stop_unfit(self.path, array_faults(saved, self.arrays()))
        for name, generator in self.generators().items():
            try:
                rehearse(generator, run.generators.get(name))
            except ValueError as error:
                why = f"the state of {name}: {error}"
                raise damaged(self.path, why) from None
        return run, saved

    def restore(self) -> History | None:
        """Put everything back as it was saved, in place.

        Returns
        -------
        History or None
            For `train`'s history; None if there is no file yet.

        Raises
        ------
        DataError
            If the file is cut short, damaged, no checkpoint, or newer
            than this version.
        ValueError
            If it is of another network, optimizer or other settings.
        OSError
            If it can't be read.

        Notes
        -----
        Whatever is raised, nothing has changed.
        """
        try:
            run, saved = self.read()
        except FileNotFoundError:
            return None
        copy_arrays(saved, self.arrays())
        self.optimizer.learning_rate = run.learning_rate
        for name, generator in self.generators().items():
            generator.bit_generator.state = run.generators[name]
        return run.history
