"""Whom the doctor knows, and how each is examined: `KINDS`."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.arrays import Array
from scratchcnn.doctor.experiments import (
    Examine,
    Probe,
    examine_draws,
    examine_dropout,
    examine_function,
    examine_layer,
    examine_loss,
    examine_optimizer,
    examine_random_layer,
    examine_refusal,
    examine_start,
)
from scratchcnn.doctor.loops import (
    WAYS,
    examine_descent,
    examine_divergence,
    examine_network,
    examine_residual,
    examine_step,
)


class Kind(NamedTuple):
    """What the package has under a name, and the probes for it.

    Attributes
    ----------
    module, name : str
        Where it is, ``"layers/dense"``, and what it is called there.
    experiments : list of (callable, list of Probe)
        What is done, and with which probes.
    pages : list of str
        The titles of the chapters; of two, the second is on going back.
    equations : dict
        The label of the equation behind each result.
    axes : dict
        What the axes of each result are called, a letter an axis.
    """

    module: str
    name: str
    experiments: list[tuple[Examine, list[Probe]]]
    pages: list[str]
    equations: dict[str, str]
    axes: dict[str, str]

    def right(self) -> Any:
        """Return the package's own."""
        path = f"scratchcnn.{self.module.replace('/', '.')}"
        return getattr(import_module(path), self.name)

    def chapter(self, result: str) -> str:
        """Return where a result is derived."""
        if result.startswith("the precision") or "filled in" in result:
            return "chapter What a layer is"
        going_back = result.startswith("d")
        page = f"chapter {self.pages[-1 if going_back else 0]}"
        parts = result.replace(",", "").split()
        label = [self.equations[p] for p in parts if p in self.equations]
        return f"{page}, equation {label[0]}" if label else page

    def probes(self) -> list[tuple[Examine, Probe]]:
        """Return every probe, after the experiment that it is for."""
        return [(do, one) for do, probes in self.experiments for one in probes]


def ties(x: Array) -> Array:
    """Round random numbers, so that many are equal and some are zero."""
    return np.round(x)


def thousands(x: Array) -> Array:
    """Make numbers large."""
    return 1000 * x


def raised(x: Array) -> Array:
    """Make numbers large, and leave them close together."""
    return 1000 + x


VECTORS = [
    Probe("sizes that all differ", (3, 5), shape=(2, 3)),
    Probe("as many outputs as inputs", (4, 4), shape=(3, 4)),
    Probe("as many examples as outputs", (3, 5), shape=(5, 3)),
    Probe("all sizes equal", (3, 3), shape=(3, 3)),
    Probe("a batch of one", (2, 3), shape=(1, 2)),
    Probe("read-only inputs that lie by columns", (3, 2), shape=(5, 3)),
    Probe("float32", (3, 5), shape=(2, 3), dtype="float32"),
]
ANY = [
    Probe("vectors", shape=(3, 5)),
    Probe("images", shape=(2, 3, 5, 4)),
    Probe("ties and zeros", shape=(4, 7), change=ties),
    Probe("a batch of one", shape=(1, 5)),
    Probe("read-only inputs that lie by columns", shape=(3, 4, 2)),
    Probe("float32", shape=(3, 5), dtype="float32"),
]
CONVOLUTIONS = [
    Probe("sizes that all differ", (3, 5, (3, 2)), shape=(2, 3, 7, 4)),
    Probe(
        "as many kernels as channels",
        (2, 2, 3),
        {"padding": 1},
        (3, 2, 5, 5),
        "padding",
    ),
    Probe("kernels of one pixel", (3, 3, 1), shape=(2, 3, 2, 3)),
    Probe(
        "one channel and one kernel",
        (1, 1, 2),
        {},
        (1, 1, 4, 4),
        "a batch of one",
    ),
    Probe("a stride", (2, 3, 3), {"stride": 2}, (2, 2, 7, 5)),
    Probe(
        "unequal strides",
        (2, 3, (2, 3)),
        {"stride": (2, 1)},
        (2, 2, 6, 5),
        "a stride",
    ),
    Probe(
        "leftover rows",
        (1, 2, 3),
        {"stride": 2},
        (2, 1, 8, 6),
        "a stride, lines left over",
    ),
    Probe(
        "padding and leftover columns",
        (2, 3, 2),
        {"stride": (3, 2), "padding": (2, 0)},
        (2, 2, 8, 5),
        "a stride, padding, lines left over",
    ),
    Probe(
        "unequal padding",
        (2, 3, 3),
        {"padding": (1, 2)},
        (2, 2, 4, 3),
        "padding",
    ),
    Probe("a batch of one", (2, 3, 2), shape=(1, 2, 4, 3)),
    Probe(
        "read-only inputs that lie by columns", (2, 3, 2), shape=(3, 2, 4, 3)
    ),
    Probe(
        "float32",
        (2, 3, 2),
        {"padding": 1},
        (2, 2, 4, 3),
        "padding",
        dtype="float32",
    ),
]
DEPTHWISE = [
    Probe("sizes that all differ", (3, (3, 2)), shape=(2, 3, 7, 4)),
    Probe("kernels of one pixel", (3, 1), shape=(2, 3, 2, 4)),
    Probe("one channel", (1, 2), shape=(2, 1, 4, 4)),
    Probe(
        "unequal strides, lines left over",
        (2, 3),
        {"stride": (2, 1)},
        (3, 2, 8, 5),
        "a stride, lines left over",
    ),
    Probe(
        "unequal padding", (2, 3), {"padding": (1, 2)}, (3, 2, 4, 3), "padding"
    ),
    Probe("holes", (2, 3), {"dilation": 2}, (3, 2, 6, 5), "a dilation"),
    Probe(
        "unequal holes",
        (2, (2, 3)),
        {"dilation": (3, 1)},
        (3, 2, 6, 5),
        "a dilation",
    ),
    Probe(
        "holes, a stride and padding",
        (3, 2),
        {"stride": 2, "padding": (0, 1), "dilation": (1, 3)},
        (2, 3, 5, 6),
        "a dilation, a stride, padding",
    ),
    Probe("a batch of one", (2, 2), shape=(1, 2, 4, 3)),
    Probe("read-only inputs that lie by columns", (2, 2), shape=(3, 2, 4, 3)),
    Probe("float32", (3, 2), shape=(2, 3, 4, 5), dtype="float32"),
]
POOLS = [
    Probe("windows side by side", (2,), shape=(2, 3, 4, 6)),
    Probe("leftover rows", (2,), shape=(2, 3, 5, 7)),
    Probe("windows that are no squares", ((3, 2),), shape=(2, 1, 6, 4)),
    Probe(
        "windows that overlap", (3,), {"stride": 2}, (2, 2, 7, 7), "overlaps"
    ),
    Probe(
        "windows of stride one", (2,), {"stride": 1}, (2, 2, 4, 3), "overlaps"
    ),
    Probe("gaps between windows", (2,), {"stride": 3}, (1, 2, 8, 5), "gaps"),
    Probe("ties", (2,), shape=(2, 3, 6, 4), traits="ties", change=ties),
    Probe(
        "ties and overlaps",
        (3,),
        {"stride": (1, 2)},
        (2, 1, 5, 5),
        "ties, overlaps",
        change=ties,
    ),
    Probe("read-only inputs that lie by columns", (2,), shape=(3, 2, 4, 6)),
    Probe("float32", (2,), shape=(2, 3, 4, 6), dtype="float32"),
]
MAPS = [
    Probe("sizes that all differ", shape=(2, 3, 5, 4)),
    Probe("all sizes equal", shape=(3, 3, 3, 3)),
    Probe("maps of one pixel", shape=(2, 4, 1, 1)),
    Probe("a batch of one", shape=(1, 2, 3, 4)),
    Probe("read-only inputs that lie by columns", shape=(3, 2, 4, 2)),
    Probe("float32", shape=(2, 3, 4, 2), dtype="float32"),
]
TRANSPOSED = [
    Probe("sizes that all differ", (3, 5, (3, 2)), shape=(2, 3, 4, 6)),
    Probe(
        "as many channels as before",
        (2, 2, 3),
        {"padding": 1},
        (3, 2, 4, 4),
        "padding",
    ),
    Probe("kernels of one pixel", (3, 2, 1), shape=(2, 3, 2, 4)),
    Probe(
        "kernels side by side", (2, 3, 2), {"stride": 2}, (2, 2, 3, 4), "even"
    ),
    Probe(
        "kernels that overlap",
        (2, 3, 3),
        {"stride": 2},
        (2, 2, 3, 4),
        "a stride, overlaps",
    ),
    Probe(
        "gaps between kernels", (2, 1, 2), {"stride": 3}, (2, 2, 3, 2), "even"
    ),
    Probe(
        "unequal strides and padding",
        (2, 3, (4, 3)),
        {"stride": (2, 1), "padding": (1, 0)},
        (2, 2, 3, 4),
        "a stride, padding, overlaps",
    ),
    Probe("a batch of one", (2, 3, 2), shape=(1, 2, 4, 3)),
    Probe(
        "read-only inputs that lie by columns", (2, 3, 2), shape=(3, 2, 4, 3)
    ),
    Probe(
        "float32",
        (2, 3, 4),
        {"stride": 2, "padding": 1},
        (2, 2, 4, 3),
        "a stride, padding, overlaps",
        dtype="float32",
    ),
]
BLURS = [
    Probe("a stride of two", shape=(2, 3, 5, 6)),
    Probe("a stride of one", (1,), shape=(2, 1, 4, 3)),
    Probe("unequal strides", ((2, 3),), shape=(2, 3, 6, 7)),
    Probe("images of one pixel", (2,), shape=(2, 3, 1, 1)),
    Probe("a batch of one", (2,), shape=(1, 2, 4, 6)),
    Probe("read-only inputs that lie by columns", (2,), shape=(3, 2, 5, 4)),
    Probe("float32", (2,), shape=(2, 3, 4, 6), dtype="float32"),
]
SHAPES = [
    Probe("vectors to images", ((2, 3, 4),), shape=(5, 24)),
    Probe("images to images", ((3, 2, 2),), shape=(2, 3, 4, 1)),
    Probe("a size of -1", ((2, -1),), shape=(3, 4, 2)),
    Probe("a batch of one", ((2, 3),), shape=(1, 6)),
    Probe("read-only inputs that lie by columns", ((4, -1),), shape=(3, 2, 4)),
    Probe("float32", ((4, 2),), shape=(3, 8), dtype="float32"),
]
FLAT = [
    Probe("images", shape=(2, 3, 4, 5)),
    Probe("one channel", shape=(3, 1, 2, 2)),
    Probe("a batch of one", shape=(1, 2, 3, 2)),
    Probe("read-only inputs that lie by columns", shape=(3, 2, 2, 2)),
    Probe("float32", shape=(2, 2, 3, 2), dtype="float32"),
]
STEADY = {"momentum": 0.25, "epsilon": 0.5}
CHANNELS = [
    Probe("sizes that all differ", (3,), STEADY, (2, 3, 5, 4)),
    Probe("the usual settings", (2,), shape=(3, 2, 2, 2)),
    Probe("a batch of one", (2,), STEADY, (1, 2, 3, 2)),
    Probe("read-only inputs that lie by columns", (2,), STEADY, (3, 2, 2, 3)),
    Probe("float32", (3,), STEADY, (2, 3, 2, 4), dtype="float32"),
    Probe("evaluation", (3,), STEADY, (2, 3, 5, 4), training=False),
    Probe(
        "one image in evaluation",
        (2,),
        STEADY,
        (1, 2, 3, 3),
        "evaluation",
        training=False,
    ),
]
MANY = (40, 500)
DROPS = [
    Probe("a half dropped", (0.5,), shape=MANY),
    Probe("a quarter dropped", (0.25,), shape=MANY),
    Probe("nothing dropped", (0.0,), shape=MANY),
    Probe("evaluation", (0.25,), shape=MANY, training=False),
    Probe("float32", (0.25,), shape=MANY, dtype="float32"),
    Probe(
        "float32 in evaluation",
        (0.25,),
        {},
        MANY,
        "evaluation",
        training=False,
        dtype="float32",
    ),
]
OUTPUTS = [
    Probe("one output", targets="numbers", shape=(3, 1)),
    Probe("several outputs", targets="numbers", shape=(5, 3)),
    Probe("images for outputs", targets="numbers", shape=(2, 3, 2)),
    Probe("a batch of one", targets="numbers", shape=(1, 2)),
    Probe("float32", targets="numbers", shape=(5, 3), dtype="float32"),
]
ANSWERS = [
    Probe("one output", targets="answers", shape=(7, 1)),
    Probe("several outputs", targets="answers", shape=(5, 3)),
    Probe("answers of any probability", targets="numbers", shape=(4, 2)),
    Probe("large logits", targets="answers", shape=(7, 1), change=thousands),
    Probe("a batch of one", targets="answers", shape=(1, 1)),
    Probe("float32", targets="answers", shape=(5, 3), dtype="float32"),
]
CLASSES = [
    Probe("more examples than classes", targets="classes", shape=(7, 3)),
    Probe("more classes than examples", targets="classes", shape=(3, 5)),
    Probe("as many classes as examples", targets="classes", shape=(4, 4)),
    Probe("large logits", targets="classes", shape=(5, 3), change=thousands),
    Probe("a batch of one", targets="classes", shape=(1, 4)),
    Probe("float32", targets="classes", shape=(5, 3), dtype="float32"),
]
SHARES = [
    *(one._replace(args=(0.3,), traits="smoothing") for one in CLASSES),
    Probe("no smoothing", (0.0,), targets="classes", shape=(7, 3)),
    Probe(
        "logits far from zero",
        (0.3,),
        {},
        (4, 3),
        "smoothing",
        raised,
        targets="classes",
    ),
    Probe(
        "a large share", (0.75,), {}, (5, 4), "smoothing", targets="classes"
    ),
]
PLAIN = [
    Probe("plain descent", (0.5,), shape=(2, 3)),
    Probe("a factor", (0.5,), shape=(2, 3)),
    Probe("weight decay", (0.5,), {"weight_decay": 0.25}, (2, 3)),
]
VELOCITY = [
    Probe("momentum", (0.5,), {"momentum": 0.75}, (2, 3)),
    Probe(
        "momentum and another rate",
        (0.5,),
        {"momentum": 0.75},
        (2, 3),
        "momentum",
    ),
    Probe(
        "nesterov",
        (0.5,),
        {"momentum": 0.75, "nesterov": True},
        (2, 3),
        "momentum",
    ),
    Probe(
        "momentum and weight decay",
        (0.5,),
        {"momentum": 0.75, "weight_decay": 0.25},
        (2, 3),
        "momentum, weight decay",
    ),
]
MEANS = [
    Probe("the usual settings", shape=(2, 3)),
    Probe("another rate", (0.5,), shape=(2, 3)),
    Probe("a factor", (0.5,), shape=(2, 3)),
    Probe("other betas", (0.5,), {"betas": (0.5, 0.75)}, (2, 3)),
    Probe("a large epsilon", (0.5,), {"epsilon": 0.5}, (2, 3)),
    Probe("weight decay", (0.5,), {"weight_decay": 0.25}, (2, 3)),
]
ROWS = [
    Probe("more rows than columns", shape=(5, 3)),
    Probe("as many rows as columns", shape=(4, 4)),
    Probe("large logits", shape=(3, 5), change=thousands),
    Probe("one row", shape=(1, 4)),
    Probe("three axes", shape=(2, 3, 4)),
    Probe("float32", shape=(3, 5), dtype="float32"),
]
HOW = {"learning_rate": 0.5, "epochs": 2}
STEPS = [Probe("a small network", shape=(5, 2))]
RUNS = [
    Probe("a batch left over", (), {**HOW, "batch_size": 4}, (10, 1)),
    Probe("batches of one size", (), {**HOW, "batch_size": 5}, (10, 1)),
]


KINDS = {
    "dense": Kind(
        "layers/dense",
        "Dense",
        [
            (examine_random_layer, VECTORS),
            (examine_start, [Probe("a large layer", (120, 80))]),
        ],
        ["Dense"],
        {
            "y": "dense-forward",
            "dx": "dense-dx",
            "dw": "dense-dw",
            "db": "dense-db",
        },
        {"y": "nm", "dx": "nd", "dw": "md", "db": "m"},
    ),
    "relu": Kind(
        "layers/relu",
        "ReLU",
        [(examine_layer, ANY)],
        ["ReLU"],
        {"y": "relu-forward", "dx": "relu-dx"},
        {},
    ),
    "sigmoid": Kind(
        "layers/logits",
        "Sigmoid",
        [
            (examine_layer, ANY),
            (
                examine_layer,
                [Probe("large logits", shape=(3, 2), change=thousands)],
            ),
        ],
        ["Logits"],
        {"y": "sigmoid-stable", "dx": "sigmoid-dx"},
        {},
    ),
    "conv2d": Kind(
        "layers/convolution",
        "Conv2D",
        [
            (examine_random_layer, CONVOLUTIONS),
            (examine_start, [Probe("a large layer", (7, 50, (5, 3)))]),
        ],
        ["Convolution, forward", "Convolution, backward"],
        {
            "y": "conv-forward",
            "dx": "conv-dx",
            "dw": "conv-dw",
            "db": "conv-db",
        },
        {"y": "nfij", "dx": "ncpq", "dw": "fcuv", "db": "f"},
    ),
    "depthwiseconv2d": Kind(
        "layers/depthwise_convolution",
        "DepthwiseConv2D",
        [
            (examine_random_layer, DEPTHWISE),
            (examine_start, [Probe("a large layer", (300, (5, 3)))]),
        ],
        ["Each channel for itself"],
        {
            "y": "depthwise-forward",
            "dx": "depthwise-dx",
            "dw": "depthwise-dw",
            "db": "depthwise-db",
        },
        {"y": "ncij", "dx": "ncpq", "dw": "cuv", "db": "c"},
    ),
    "reshape": Kind(
        "layers/reshape",
        "Reshape",
        [(examine_layer, SHAPES)],
        ["Reshape"],
        {"y": "reshape-index", "dx": "reshape-index"},
        {},
    ),
    "flatten": Kind(
        "layers/reshape",
        "Flatten",
        [(examine_layer, FLAT)],
        ["Reshape"],
        {"y": "reshape-index", "dx": "reshape-index"},
        {},
    ),
    "maxpool2d": Kind(
        "layers/pooling",
        "MaxPool2D",
        [(examine_layer, POOLS)],
        ["Pooling"],
        {"y": "max-pool-forward", "dx": "max-pool-dx"},
        {"y": "ncij", "dx": "ncpq"},
    ),
    "avgpool2d": Kind(
        "layers/pooling",
        "AvgPool2D",
        [(examine_layer, POOLS)],
        ["Pooling"],
        {"y": "avg-pool-forward", "dx": "avg-pool-dx"},
        {"y": "ncij", "dx": "ncpq"},
    ),
    "globalavgpool2d": Kind(
        "layers/global_pooling",
        "GlobalAvgPool2D",
        [(examine_layer, MAPS)],
        ["One number for a map"],
        {"y": "global-pool-forward", "dx": "global-pool-dx"},
        {"y": "nc", "dx": "ncpq"},
    ),
    "convtranspose2d": Kind(
        "layers/transposed_convolution",
        "ConvTranspose2D",
        [
            (examine_random_layer, TRANSPOSED),
            (
                examine_start,
                [Probe("a large layer", (7, 50, (5, 3)), {"stride": 2})],
            ),
        ],
        ["Backward is forward"],
        {
            "y": "conv-transpose-forward",
            "dx": "conv-transpose-dx",
            "dw": "conv-transpose-dw",
            "db": "conv-transpose-db",
        },
        {"y": "nfpq", "dx": "ncij", "dw": "cfuv", "db": "f"},
    ),
    "blurpool2d": Kind(
        "layers/blur_pooling",
        "BlurPool2D",
        [(examine_layer, BLURS)],
        ["Equivariance and its loss"],
        {"y": "blur-pool-forward", "dx": "blur-pool-dx"},
        {"y": "ncij", "dx": "ncpq"},
    ),
    "batchnorm2d": Kind(
        "layers/batch_normalization",
        "BatchNorm2D",
        [(examine_layer, CHANNELS)],
        ["Batch normalization"],
        {
            "y": "batchnorm-forward",
            "dx": "batchnorm-dx",
            "dw": "batchnorm-dgamma",
            "db": "batchnorm-dbeta",
            "running_mean": "batchnorm-running",
            "running_variance": "batchnorm-running",
        },
        {"y": "ncij", "dx": "ncij", "dw": "c", "db": "c"},
    ),
    "dropout": Kind(
        "layers/dropout",
        "Dropout",
        [(examine_dropout, DROPS)],
        ["Dropout"],
        {"y": "dropout-forward", "dx": "dropout-dx"},
        {},
    ),
    "network": Kind(
        "layers/network",
        "Network",
        [(examine_network, [Probe("a network inside", shape=(5, 2))])],
        ["The network"],
        {"y": "network-forward", "dx": "network-backward"},
        {},
    ),
    "residual": Kind(
        "layers/residual",
        "Residual",
        [(examine_residual, [Probe(way, shape=(5, 2)) for way in WAYS])],
        ["Residual connections"],
        {"y": "residual-forward", "dx": "residual-dx"},
        {"y": "nm", "dx": "nd"},
    ),
    "meansquarederror": Kind(
        "losses/mean_squared_error",
        "MeanSquaredError",
        [
            (examine_loss, OUTPUTS),
            (examine_refusal, [Probe("targets in a row", shape=(3, 1))]),
        ],
        ["Mean squared error"],
        {"loss": "mse-forward", "dy": "mse-dy"},
        {"dy": "nm"},
    ),
    "binarycrossentropy": Kind(
        "losses/cross_entropy",
        "BinaryCrossEntropy",
        [(examine_loss, ANSWERS)],
        ["Cross-entropy"],
        {"loss": "bce-forward", "dy": "bce-dy"},
        {"dy": "nm"},
    ),
    "softmaxcrossentropy": Kind(
        "losses/cross_entropy",
        "SoftmaxCrossEntropy",
        [(examine_loss, CLASSES)],
        ["Cross-entropy"],
        {"loss": "ce-forward", "dy": "ce-dy"},
        {"dy": "nk"},
    ),
    "smoothedcrossentropy": Kind(
        "losses/label_smoothing",
        "SmoothedCrossEntropy",
        [(examine_loss, SHARES)],
        ["Right, and how sure"],
        {"loss": "smoothing-loss", "dy": "smoothing-dy"},
        {"dy": "nk"},
    ),
    "sgd": Kind(
        "training/optimizers",
        "SGD",
        [(examine_optimizer, PLAIN + VELOCITY)],
        ["Optimizers"],
        {"step": "sgd-momentum"},
        {},
    ),
    "adam": Kind(
        "training/optimizers",
        "Adam",
        [(examine_optimizer, MEANS)],
        ["Adam"],
        {"step": "adam-step"},
        {},
    ),
    "gradient_step": Kind(
        "training/gradient_descent",
        "gradient_step",
        [
            (examine_step, STEPS),
            (
                examine_divergence,
                [Probe("a loss that is not finite", shape=(5, 2))],
            ),
        ],
        ["Training by hand"],
        {"step": "gradient-step"},
        {},
    ),
    "gradient_descent": Kind(
        "training/gradient_descent",
        "gradient_descent",
        [(examine_descent, RUNS)],
        ["Training by hand"],
        {"step": "gradient-step"},
        {},
    ),
    "he_normal": Kind(
        "layers/initialization",
        "he_normal",
        [
            (
                examine_draws,
                [Probe("many numbers", ((120, 80),), {"fan_in": 120})],
            )
        ],
        ["Where weights start"],
        {"spread": "init-he"},
        {},
    ),
    "softmax": Kind(
        "layers/logits",
        "softmax",
        [(examine_function, ROWS)],
        ["Logits"],
        {"y": "softmax"},
        {"y": "nk"},
    ),
    "log_sum_exp": Kind(
        "layers/logits",
        "log_sum_exp",
        [(examine_function, ROWS)],
        ["Logits"],
        {"y": "log-sum-exp"},
        {"y": "n"},
    ),
}
