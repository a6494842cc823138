"""How deep may a network be? One experiment, with and without a way around.

``python -m tools.depth FILE`` trains networks of 3, 9, 15 and 21 convolutions,
of four kinds, and a linear model, and writes what it has found after each run:
started again, it goes on where it was stopped. `make depth` calls it. Rules
and runs are those of `tools.ablation`: every network gets the learning rate
that suits *it*, found on validation images, with other seeds than those that
count.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.timing import fix_environment

if __name__ == "__main__":
    fix_environment()

import numpy as np

from scratchcnn import (
    BatchNorm2D,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    Network,
    ReLU,
    accelerate,
)
from scratchcnn.layers import Residual
from tools.ablation import Axis, Setup, Variants, main

# In wide steps: between two rates at which a deep network learns nothing, a
# walk in small ones would not know where to go.
RATE = Axis("rate", tuple(0.05 * 4.0**k for k in range(-6, 5)))
DEPTHS = 3, 9, 15, 21
SEEDS, TRIALS = range(10), range(100, 102)
KINDS = {  # whether there is batch normalization, and a way around
    "plain": (False, False),
    "normalized": (True, False),
    "around": (False, True),
    "residual": (True, True),
}


@dataclass(frozen=True)
class Deep(Setup):
    """How one network of many convolutions is made and trained."""

    rate: float = 0.0125
    budget: str = "few, few times"
    convolutions: int = 3
    around: bool = False

    def ready(self, channels: int) -> list[Layer]:
        """Return what stands between two convolutions."""
        norm = [BatchNorm2D(channels)] if self.normalized else []
        return [*norm, ReLU()]

    def block(self, channels: int, rng: np.random.Generator) -> list[Layer]:
        """Return two convolutions, with a way around them or without."""
        layers: list[Layer] = []
        for _ in range(2):
            conv = Conv2D(channels, channels, 3, padding=1, rng=rng)
            layers += [*self.ready(channels), conv]
        if not self.around:
            return layers
        conv.weight.value[...] = 0  # at first there is only the way around
        return [Residual(Network(layers))]

    def build(self, rng: np.random.Generator) -> Layer:
        """Return convolutions on maps of 14, of 7 and of 4 pixels."""
        if self.linear:
            return super().build(rng)
        layers: list[Layer] = []
        for before, after in (1, 8), (8, 12), (12, 16):
            layers += self.ready(before) if layers else []
            conv = Conv2D(before, after, 3, stride=2, padding=1, rng=rng)
            layers.append(conv)
            for _ in range(self.convolutions // 6):
                layers += self.block(after, rng)
        end = [*self.ready(16), Flatten(), Dense(16 * 4 * 4, 10, rng=rng)]
        return accelerate(Network([*layers, *end]))


VARIANTS: Variants = {
    f"{kind}, {count}": (
        Deep(convolutions=count, normalized=normalized, around=around),
        (RATE,),
    )
    for kind, (normalized, around) in KINDS.items()
    for count in DEPTHS
    if count > 3 or not around
}
VARIANTS["linear"] = Deep(linear=True), (RATE,)

if __name__ == "__main__":
    main(VARIANTS, SEEDS, TRIALS)
