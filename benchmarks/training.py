"""Time training against PyTorch, and against one image at a time.

``python -m benchmarks.training`` writes ``training.json`` beside itself.
It needs PyTorch, and a few minutes.
"""

from __future__ import annotations

import os
import sys

from benchmarks.timing import MALLOC, THREADS, fix_environment

if __name__ == "__main__":
    fix_environment(2 if "--two-threads" in sys.argv else 1)

import json
import subprocess
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.designs import PatchStage, TilePoolStage, TileStage
from benchmarks.one_at_a_time import LoopedMaxPool2D, OneByOneConv2D
from benchmarks.timing import (
    alternate,
    environment,
    ratio,
    summary,
    write_json,
)
from scratchcnn import (
    SGD,
    Conv2D,
    Dense,
    Flatten,
    Layer,
    Loss,
    MaxPool2D,
    MeanSquaredError,
    Network,
    ReLU,
    SoftmaxCrossEntropy,
    accelerate,
)
from scratchcnn.compiler.convolution import BiasStage, ConvStage, MaxPoolStage
from scratchcnn.compiler.stage import ReLUStage
from scratchcnn.layers import DepthwiseConv2D

BATCHES = 1, 32, 256
TWO_THREADS = os.environ.get(THREADS[0]) == "2"
# One thread's time is what the processor spent on us; two threads' time is
# the clock on the wall, so nothing else should run.
CLOCK = time.perf_counter if TWO_THREADS else time.process_time
Runs = dict[str, Callable[[], object]]


def two_class(conv: Any = Conv2D, pool: Any = MaxPool2D) -> Network:
    """Build the network of Part I with max pooling, its weights fixed."""
    rng = np.random.default_rng(0)
    return Network(
        [
            conv(1, 4, 3, rng=rng),
            ReLU(),
            pool(2),
            Flatten(),
            Dense(676, 32, rng=rng),
            ReLU(),
            Dense(32, 1, rng=rng),
        ]
    )


def lenet(conv: Any = Conv2D, pool: Any = MaxPool2D) -> Network:
    """Build a network in the manner of LeNet, its weights fixed."""
    rng = np.random.default_rng(0)
    return Network(
        [
            conv(1, 8, 5, padding=2, rng=rng),
            ReLU(),
            pool(2),
            conv(8, 16, 5, rng=rng),
            ReLU(),
            pool(2),
            Flatten(),
            Dense(400, 64, rng=rng),
            ReLU(),
            Dense(64, 10, rng=rng),
        ]
    )


NETWORKS = {"two-class": two_class, "LeNet-like": lenet}


def in_torch(layer: Layer) -> torch.nn.Module:
    """Return PyTorch's layer for one of ours, with the same weights."""
    nn = torch.nn
    if isinstance(layer, Network):
        return nn.Sequential(*map(in_torch, layer.layers))
    if isinstance(layer, Conv2D):
        sizes = layer.in_channels, layer.out_channels, layer.kernel_size
        module: Any = nn.Conv2d(*sizes, padding=layer.padding)
    elif isinstance(layer, DepthwiseConv2D):
        c, form = layer.channels, {"padding": layer.padding}
        module = nn.Conv2d(c, c, layer.kernel_size, groups=c, **form)
    elif isinstance(layer, Dense):
        module = nn.Linear(layer.in_features, layer.out_features)
    elif isinstance(layer, MaxPool2D):
        return nn.MaxPool2d(layer.kernel_size)
    else:
        return {ReLU: nn.ReLU, Flatten: nn.Flatten}[type(layer)]()
    with torch.no_grad():
        weight = layer.weight.value.reshape(module.weight.shape)
        module.weight.copy_(torch.from_numpy(weight))
        module.bias.copy_(torch.from_numpy(layer.bias.value))
    return module


def batch(name: str, n: int) -> tuple[Any, Any]:
    """Draw images and targets for a network."""
    rng = np.random.default_rng(1)
    x = rng.random((n, 1, 28, 28), np.float32)
    if name == "two-class":
        return x, rng.integers(0, 2, (n, 1)).astype(np.float32)
    return x, rng.integers(0, 10, n)


def our_step(network: Layer, loss: Loss, x: Any, t: Any) -> Any:
    """Return a function that does one step of training."""
    optimizer = SGD(network.parameters(), 0.01)

    def step() -> float:
        value = loss.forward(network.forward(x), t)
        network.backward(loss.backward())
        optimizer.step()
        return value

    return step


def torch_step(network: Any, name: str, x: Any, t: Any, layout: Any) -> Any:
    """Return a function that does the same in PyTorch."""
    network = network.to(memory_format=layout)
    x = torch.from_numpy(x).contiguous(memory_format=layout)
    t = torch.from_numpy(t)
    two = name == "two-class"
    loss = torch.nn.MSELoss() if two else torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)

    def step() -> float:
        value = loss(network(x), t)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return float(value.detach())

    return step


def loss_of(name: str) -> Loss:
    """Return the loss that a network is trained with."""
    two = name == "two-class"
    return MeanSquaredError() if two else SoftmaxCrossEntropy()


def step_runs(name: str, n: int) -> Runs:
    """Return a training step in all four forms, checked to be the same."""
    build, (x, t) = NETWORKS[name], batch(name, n)
    fast, last = accelerate(build()), torch.channels_last
    first = torch.contiguous_format
    runs = {
        "default": our_step(build(), loss_of(name), x, t),
        "accelerated": our_step(fast, loss_of(name), x, t),
        "NCHW": torch_step(in_torch(build()), name, x, t, first),
        "channels last": torch_step(in_torch(build()), name, x, t, last),
    }
    for _ in range(3):
        values = [run() for run in runs.values()]
    assert np.allclose(values, values[0], rtol=1e-3), values
    return runs


def compare(runs: Runs, repeats: int = 25) -> dict[str, Any]:
    """Time functions in turn; return seconds, and ratios to PyTorch's."""
    times = alternate(runs, repeats, 0.01, CLOCK)
    return {
        "seconds": {name: summary(s) for name, s in times.items()},
        "ratios": {
            f"{ours} / {theirs}": ratio(times[ours], times[theirs])
            for ours in ("default", "accelerated")
            for theirs in ("NCHW", "channels last")
        },
    }


def steps() -> dict[str, Any]:
    """Time a training step of both networks at all batch sizes."""
    return {
        name: {str(n): compare(step_runs(name, n)) for n in BATCHES}
        for name in NETWORKS
    }


def layer_runs(layers: list[Layer], shape: tuple[int, ...]) -> Runs:
    """Return forward and backward of some layers, in all four forms."""
    rng = np.random.default_rng(1)
    x, network = rng.standard_normal(shape, np.float32), Network(layers)
    dy = rng.standard_normal(network.forward(x).shape, np.float32)
    fast = accelerate(network, input_gradient=True)

    def ours(network: Layer) -> Callable[[], object]:
        return lambda: (network.forward(x), network.backward(dy))

    def theirs(layout: Any) -> Callable[[], object]:
        form = layout if len(shape) == 4 else torch.contiguous_format
        module = in_torch(network).to(memory_format=form)
        tx = torch.from_numpy(x).contiguous(memory_format=form)
        tx.requires_grad_()
        tdy = torch.from_numpy(dy)
        return lambda: module(tx).backward(tdy)

    return {
        "default": ours(network),
        "accelerated": ours(fast),
        "NCHW": theirs(torch.contiguous_format),
        "channels last": theirs(torch.channels_last),
    }


def layers() -> dict[str, Any]:
    """Time layers alone, forward and backward, on 64 images."""
    rng = np.random.default_rng(0)
    cases: dict[str, tuple[list[Layer], tuple[int, ...]]] = {
        "Conv2D(1, 8, 5, padding=2)": (
            [Conv2D(1, 8, 5, padding=2, rng=rng)],
            (64, 1, 28, 28),
        ),
        "Conv2D(8, 16, 5)": ([Conv2D(8, 16, 5, rng=rng)], (64, 8, 14, 14)),
        "Conv2D(64, 64, 3, padding=1)": (
            [Conv2D(64, 64, 3, padding=1, rng=rng)],
            (64, 64, 14, 14),
        ),
        "DepthwiseConv2D(64, 3, padding=1)": (
            [DepthwiseConv2D(64, 3, padding=1, rng=rng)],
            (64, 64, 14, 14),
        ),
        "Conv2D(64, 64, 1)": (
            [Conv2D(64, 64, 1, rng=rng)],
            (64, 64, 14, 14),
        ),
        "ReLU, MaxPool2D(2)": ([ReLU(), MaxPool2D(2)], (64, 8, 28, 28)),
        "Dense(400, 64)": ([Dense(400, 64, rng=rng)], (64, 400)),
    }
    return {
        name: compare(layer_runs(*case), 11) for name, case in cases.items()
    }


def design(layer: Conv2D, n: int, size: int, kinds: tuple[Any, Any]) -> Any:
    """Return forward and backward of convolution, pooling and ReLU."""
    conv, pool = kinds
    x = np.zeros((layer.in_channels, size, size, n), np.float32)
    stages: list[Any] = []
    parts: list[tuple[Any, Layer]] = [
        (conv, layer),
        (pool, MaxPool2D(2)),
        (BiasStage, layer),
        (ReLUStage, ReLU()),
    ]
    for kind, one in parts:
        stages.append(kind(one, stages[-1].y if stages else x))
    values = np.random.default_rng(1).random(x.shape, np.float32)

    def run() -> Any:
        np.copyto(x, values)
        for stage in stages:
            stage.forward()
        y = stages[-1].y.copy()
        for stage in reversed(stages):
            stage.learn()
            if layer.in_channels > 1 or stage is not stages[0]:
                stage.backward()
        return y

    return run


def designs() -> dict[str, Any]:
    """Compare three designs on both convolutions of the LeNet-like one."""
    kinds = {
        "patches": (PatchStage, MaxPoolStage),
        "tiles": (TileStage, TilePoolStage),
        "rows": (ConvStage, MaxPoolStage),
    }
    network, results = lenet(), {}
    for n in BATCHES:
        total: dict[str, Any] = {}
        for i, size in (0, 28), (3, 14):
            layer: Any = network.layers[i]
            runs = {k: design(layer, n, size, v) for k, v in kinds.items()}
            outputs = [run() for run in runs.values()]
            for y in outputs:
                np.testing.assert_allclose(y, outputs[0], 1e-3, 1e-3)
            for name, times in alternate(runs, 15, 0.01, CLOCK).items():
                total[name] = np.add(total.get(name, 0), times)
        results[str(n)] = {
            "seconds": {k: summary(v.tolist()) for k, v in total.items()},
            "to rows": {
                k: ratio(v.tolist(), total["rows"].tolist())
                for k, v in total.items()
            },
        }
    return results


def epoch(name: str, network: Layer, size: int, images: int) -> Any:
    """Return a function that trains on so many images, batch by batch."""
    x, t = batch(name, images)
    runs = []
    for i in range(0, images, size):
        part = slice(i, i + size)
        runs.append(our_step(network, loss_of(name), x[part], t[part]))
    return lambda: [run() for run in runs]


def epochs(images: int = 1000, sample: int = 40) -> dict[str, Any]:
    """Time an epoch; one image at a time is timed on a sample of it."""
    results = {}
    for name, build in NETWORKS.items():
        fast_network = accelerate(build())
        fast = alternate(
            {
                "default, 32": epoch(name, build(), 32, images),
                "accelerated, 32": epoch(name, fast_network, 32, images),
                "accelerated, 256": epoch(name, fast_network, 256, images),
            },
            9,
            0.01,
            CLOCK,
        )
        forms = {
            "one by one": build(OneByOneConv2D, LoopedMaxPool2D),
            "one by one, vectorized pooling": build(OneByOneConv2D),
        }
        slow = {
            form: [
                seconds * images / sample
                for seconds in alternate(
                    {form: epoch(name, network, 20, sample)}, 3, 0, CLOCK
                )[form]
            ]
            for form, network in forms.items()
        }
        results[name] = {
            "seconds": {k: summary(s) for k, s in {**fast, **slow}.items()},
            "speedup": {
                f"{form} / {k}": summary(s)["median"] / summary(f)["median"]
                for form, s in slow.items()
                for k, f in fast.items()
            },
        }
    return results


def memory(n: int = 256) -> dict[str, Any]:
    """Measure the most that NumPy holds at once in a step, in bytes."""
    results: dict[str, Any] = {}
    for name, build in NETWORKS.items():
        x, t = batch(name, n)
        for form in "default", "accelerated":
            network: Layer = build()
            tracemalloc.start()
            if form == "accelerated":
                network = accelerate(network)  # type: ignore[arg-type]
            step = our_step(network, loss_of(name), x, t)
            before = tracemalloc.get_traced_memory()[0]
            step()
            step()
            peak = tracemalloc.get_traced_memory()[1] - before
            tracemalloc.stop()
            results.setdefault(name, {})[form] = peak
    return results


def operations(network: Network) -> int:
    """Count what a step must multiply and add, for one image."""
    x, total = np.zeros((1, 1, 28, 28), np.float32), 0
    for i, layer in enumerate(network.layers):
        x = layer.forward(x)
        if isinstance(layer, (Conv2D, Dense)):
            places = x[0, 0].size
            once = 2 * layer.weight.value.size * places
            total += once * (3 if i else 2)  # no dx for the first layer
    return total


def peak() -> dict[str, float]:
    """Measure how fast this machine multiplies matrices, in flop/s."""
    a = np.random.default_rng(0).random((1024, 1024), np.float32)
    out = np.empty_like(a)
    run = {"sgemm": lambda: np.matmul(a, a, out=out)}
    times = alternate(run, 15, 0.05, CLOCK)["sgemm"]
    return summary([2 * 1024**3 / seconds for seconds in times])


def second_process() -> dict[str, Any]:
    """Run the steps with two threads, in a process that begins so."""
    command = [sys.executable, "-m", "benchmarks.training", "--two-threads"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def main() -> None:
    """Run everything, and write the results."""
    if TWO_THREADS:
        torch.set_num_threads(2)
        found = {"environment": environment(), "steps": steps()}
        print(json.dumps(found | {"peak": peak()}))
        return
    torch.set_num_threads(1)
    here = environment()
    here["torch"], here["malloc"] = torch.__version__, MALLOC
    here["batches"] = list(BATCHES)
    results = {
        "environment": here,
        "peak": peak(),
        "operations": {k: operations(b()) for k, b in NETWORKS.items()},
        "steps": steps(),
        "layers": layers(),
        "designs": designs(),
        "epoch": epochs(),
        "memory": memory(),
        "two threads": second_process(),
    }
    write_json(Path(__file__).with_suffix(".json"), results)


if __name__ == "__main__":
    main()
