"""What to do with a gradient: `SGD` and `Adam`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from scratchcnn.arrays import Array, check_number
from scratchcnn.layer import Parameter


class Optimizer(ABC):
    """Moves parameters, in place, by what their gradients say.

    Parameters
    ----------
    parameters : iterable of Parameter
        What is moved: one or more, each of them once.
    learning_rate : float
        The size of a step, positive.

    Attributes
    ----------
    parameters : list of Parameter
        The same, in the same order.
    learning_rate : float
        May be changed between two steps.

    Raises
    ------
    TypeError, ValueError
        If there are no parameters, the same one comes twice, or a
        setting is not a number in its range.

    Notes
    -----
    Chapter *Optimizers*.

    Examples
    --------
    >>> p = Parameter(np.zeros(2))
    >>> optimizer = SGD([p], 0.5)
    >>> p.grad[...] = [1, -2]
    >>> optimizer.step()
    >>> p.value
    array([-0.5,  1. ])
    """

    def __init__(
        self, parameters: Iterable[Parameter], learning_rate: float
    ) -> None:
        name = type(self).__name__
        self.parameters = list(parameters)
        for p in self.parameters:
            if not isinstance(p, Parameter):
                raise TypeError(f"{name} wants parameters, got {p!r}")
        arrays = {id(p.value) for p in self.parameters}
        if not 0 < len(self.parameters) == len(arrays):
            raise ValueError(
                f"{name} wants one or more distinct parameters, got "
                f"{self.parameters}"
            )
        self.learning_rate = check_number(
            name, "learning_rate", learning_rate, positive=True
        )

    @abstractmethod
    def step(self, factor: float = 1.0) -> None:
        """Change each parameter's value in place, by its grad.

        Parameters
        ----------
        factor : float
            What this step's learning rate is multiplied by, as a
            schedule has it.
        """

    @abstractmethod
    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return by name the arrays that are kept from step to step.

        They are the optimizer's own, not copies, and change only in
        place: ``state()[name][...] = saved`` restores what was saved.
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}(learning_rate={self.learning_rate:g})"


def numbered(name: str, arrays: Iterable[Array]) -> dict[str, Array]:
    """Return the arrays as ``name.0``, ``name.1`` and so on."""
    return {f"{name}.{i}": array for i, array in enumerate(arrays)}


class SGD(Optimizer):
    """Gradient descent, with momentum and weight decay if wanted.

    With ``g = p.grad + weight_decay * p.value``, a step is
    ``v = momentum * v + g`` and ``p.value -= learning_rate * v``; with
    `nesterov`, ``g + momentum * v`` takes the place of the last v.

    Parameters
    ----------
    parameters, learning_rate
        As for every `Optimizer`.
    momentum : float
        How much of the velocity v outlives a step, in [0, 1).
    nesterov : bool
        Whether the step looks ahead; wants momentum.
    weight_decay : float
        How strongly each value is pulled towards zero, at least 0.

    Attributes
    ----------
    velocity : list of ndarray
        v for each parameter, zeros at first; empty without momentum.

    Raises
    ------
    TypeError, ValueError
        As for every `Optimizer`, and for nesterov without momentum.

    Notes
    -----
    Chapter *Optimizers*; Polyak, "Some methods of speeding up the
    convergence of iteration methods" (1964); Sutskever et al., "On the
    importance of initialization and momentum in deep learning" (2013).

    Examples
    --------
    >>> p = Parameter(np.zeros(1))
    >>> optimizer = SGD([p], 0.5, momentum=0.5)
    >>> p.grad[...] = 1
    >>> for _ in range(2):
    ...     optimizer.step()
    ...     print(p.value)
    [-0.5]
    [-1.25]
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: float,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.momentum = check_number("SGD", "momentum", momentum, below=1)
        self.weight_decay = check_number("SGD", "weight_decay", weight_decay)
        self.nesterov = bool(nesterov)
        if nesterov and not momentum:
            raise ValueError("SGD wants momentum > 0 with nesterov, got 0")
        moved = self.parameters if self.momentum else []
        self.velocity = [np.zeros_like(p.value) for p in moved]

    def step(self, factor: float = 1.0) -> None:
        """Change each parameter's value in place, by its grad."""
        rate = self.learning_rate * factor
        for i, p in enumerate(self.parameters):
            g = p.grad
            if self.weight_decay:
                g = g + self.weight_decay * p.value
            if self.momentum:
                v = self.velocity[i]
                v *= self.momentum
                v += g
                g = g + self.momentum * v if self.nesterov else v
            p.value -= rate * g

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return ``velocity.0`` and so on, one for each parameter."""
        return {**numbered("velocity", self.velocity)}


class Adam(Optimizer):
    """A step of about the learning rate for every single number.

    With running means m of g and s of g**2, both corrected for their
    start at zero, ``p.value -= learning_rate * m / (sqrt(s) + epsilon)``
    where ``g = p.grad + weight_decay * p.value``.

    Parameters
    ----------
    parameters, learning_rate
        As for every `Optimizer`.
    betas : (float, float)
        How much of m and of s outlives a step, each in [0, 1).
    epsilon : float
        Keeps the quotient finite where all gradients are zero; positive.
    weight_decay : float
        How strongly each value is pulled towards zero, at least 0; part
        of g, and so divided by sqrt(s) as well.

    Attributes
    ----------
    mean, square : list of ndarray
        m and s for each parameter, uncorrected; zeros at first; at
        least float32.
    steps : ndarray
        How many steps have been taken, (), an integer.

    Raises
    ------
    TypeError, ValueError
        As for every `Optimizer`.

    Notes
    -----
    Chapter *Adam*; Kingma and Ba, "Adam: a method for stochastic
    optimization" (2015).

    Examples
    --------
    >>> p = Parameter(np.zeros(2))
    >>> p.grad[...] = [0.001, -1000]
    >>> Adam([p], 0.25).step()
    >>> p.value.round(4)
    array([-0.25,  0.25])
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        learning_rate: float = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        try:
            first, second = betas
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"Adam wants betas as two numbers, got {betas!r}"
            ) from None
        self.betas = (
            check_number("Adam", "the first beta", first, below=1),
            check_number("Adam", "the second beta", second, below=1),
        )
        self.epsilon = check_number("Adam", "epsilon", epsilon, positive=True)
        if np.float32(epsilon) == 0:
            raise ValueError(
                f"Adam wants an epsilon that float32 knows, got {epsilon}"
            )
        self.weight_decay = check_number("Adam", "weight_decay", weight_decay)
        shapes = [
            (p.value.shape, np.promote_types(p.value.dtype, np.float32))
            for p in self.parameters
        ]
        self.mean = [np.zeros(*shape) for shape in shapes]
        self.square = [np.zeros(*shape) for shape in shapes]
        self.steps = np.zeros((), np.int64)

    def step(self, factor: float = 1.0) -> None:
        """Change each parameter's value in place, by its grad."""
        self.steps += 1
        beta1, beta2 = self.betas
        correction1 = 1 - beta1 ** int(self.steps)
        correction2 = 1 - beta2 ** int(self.steps)
        rate = self.learning_rate * factor / correction1
        for p, m, s in zip(
            self.parameters, self.mean, self.square, strict=True
        ):
            g = p.grad.astype(m.dtype, copy=False)
            if self.weight_decay:
                g = g + self.weight_decay * p.value
            m *= beta1
            m += (1 - beta1) * g
            s *= beta2
            s += (1 - beta2) * g**2
            p.value -= rate * m / (np.sqrt(s / correction2) + self.epsilon)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return ``mean.0``, ``square.0`` and so on, and ``steps``."""
        arrays = numbered("mean", self.mean) | numbered("square", self.square)
        return {**arrays, "steps": self.steps}
