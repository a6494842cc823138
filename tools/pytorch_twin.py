"""The same network in PyTorch, and the record of how the two compare.

``python -m tools.pytorch_twin`` compares anew and writes
book/records/pytorch.json, from which the chapter on frameworks takes its
numbers.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import DTypeLike
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from scratchcnn import (
    SGD,
    Conv2D,
    Dense,
    Layer,
    Loss,
    MaxPool2D,
    MeanSquaredError,
    Network,
    ReLU,
    Reshape,
    SoftmaxCrossEntropy,
    load,
    save,
)
from scratchcnn.arrays import Array
from scratchcnn.data.drawn import dataset
from scratchcnn.files import write_whole
from scratchcnn.models import lenet, two_class
from scratchcnn.training.weights import WEIGHTS, write_arrays

ROOT = Path(__file__).parent.parent
RECORD = ROOT / "book" / "records" / "pytorch.json"
STEPS, RATE, MOMENTUM = 10, 0.05, 0.9
Batches = list[tuple[Array, Array]]


# The twin


def counterpart(layer: Layer) -> nn.Module:
    """Return PyTorch's layer of the same kind and size."""
    match layer:
        case Conv2D(in_channels=c, out_channels=f, kernel_size=k):
            return nn.Conv2d(c, f, k, layer.stride, layer.padding)
        case Dense(in_features=d, out_features=m):
            return nn.Linear(d, m)
        case MaxPool2D(kernel_size=k, stride=s):
            return nn.MaxPool2d(k, s)
        case ReLU():
            return nn.ReLU()
        case Reshape(shape=(_,)):
            return nn.Flatten()
    raise TypeError(f"no counterpart for {layer!r}")


def twin(network: Network, path: Path) -> nn.Sequential:
    """Build the same network in PyTorch, with weights from a file."""
    theirs = nn.Sequential(*map(counterpart, network.layers))
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != WEIGHTS}
    theirs.to(torch.tensor(arrays["0.weight"]).dtype)
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    theirs.load_state_dict(tensors)  # refuses a missing or an extra name
    return theirs


def saved_twin(network: Network) -> nn.Sequential:
    """Return the twin of a network, by way of a file."""
    with tempfile.TemporaryDirectory() as folder:
        save(network, Path(folder, "weights.npz"))
        return twin(network, Path(folder, "weights.npz"))


def garments(count: int, classes: int = 10) -> tuple[Array, Array]:
    """Return drawn garments in float64, and their labels."""
    images, labels = dataset.fill(count, rng=np.random.default_rng(1))
    images, labels = images[labels < classes], labels[labels < classes]
    return images[:, None] / 255.0, labels.astype(np.int64)


def difference(ours: Array, theirs: torch.Tensor) -> float:
    """Return the largest difference, on the scale of the largest number."""
    theirs = theirs.detach().numpy()
    assert ours.shape == theirs.shape
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


# Layer by layer


def compare_layers(
    network: Network, loss: Loss, x: Array, t: Array, their_loss: nn.Module
) -> list[dict[str, Any]]:
    """Compare what each layer gives, forwards and backwards."""
    network.astype(np.float64)
    theirs = saved_twin(network)
    ys, zs = [x], [torch.tensor(x, requires_grad=True)]
    for ours, other in zip(network.layers, theirs, strict=True):
        ys.append(ours.forward(ys[-1]))
        zs.append(other(zs[-1]))
        zs[-1].retain_grad()
    loss.forward(ys[-1], t)
    their_loss(zs[-1], torch.tensor(t)).backward()
    dys = [loss.backward()]
    for ours in reversed(network.layers):
        dys.insert(0, ours.backward(dys[0]))
    rows: list[dict[str, Any]] = [{"name": "", "layer": "input"}]
    for ours, (name, other) in zip(
        network.layers, theirs.named_children(), strict=True
    ):
        row: dict[str, Any] = {"name": name, "layer": type(ours).__name__}
        row["theirs"] = type(other).__name__
        for kind, q in other.named_parameters():
            row[kind] = difference(getattr(ours, kind).grad, q.grad)
        rows.append(row)
    for row, y, z, dy in zip(rows, ys, zs, dys, strict=True):
        row["shape"] = list(y.shape)
        row["output"] = difference(y, z)
        row["gradient"] = difference(dy, z.grad)
    return rows


# Step by step


def batches(dtype: DTypeLike) -> Batches:
    """Return ten batches of sixteen garments."""
    x, t = garments(STEPS * 16 // 10)
    x = x.astype(dtype)
    return list(zip(np.split(x, STEPS), np.split(t, STEPS), strict=True))


def our_steps(network: Network, pairs: Batches) -> list[float]:
    """Take a step with each batch, and return the losses before it."""
    loss = SoftmaxCrossEntropy()
    optimizer = SGD(network.parameters(), RATE, momentum=MOMENTUM)
    losses = []
    for x, t in pairs:
        losses.append(loss.forward(network.forward(x), t))
        network.backward(loss.backward())
        optimizer.step()
    return losses


def their_steps(network: nn.Module, pairs: Batches) -> torch.Tensor:
    """Do the same in PyTorch."""
    loss = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(network.parameters(), RATE, momentum=MOMENTUM)
    losses = []
    for x, t in pairs:
        value = loss(network(torch.tensor(x)), torch.tensor(t))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.detach())
    return torch.stack(losses)


def compare_steps() -> dict[str, Any]:
    """Train both for ten steps, in float64, and compare."""
    network = lenet(rng=np.random.default_rng(0))
    network.astype(np.float64)
    theirs = saved_twin(network)
    losses = our_steps(network, batches(np.float64))
    other = their_steps(theirs, batches(np.float64))
    weights = zip(network.parameters(), theirs.parameters(), strict=True)
    return {
        "losses": losses,
        "loss": difference(np.array(losses), other),
        "weights": max(difference(p.value, q) for p, q in weights),
    }


# Two processes


def train_share(rank: int, folder: Path) -> None:
    """Train on every second image of each batch: one process of two."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=(folder / "meeting").as_uri(),
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=120),
    )
    network = lenet(rng=np.random.default_rng(rank))
    theirs = twin(network, folder / "before.npz")
    parallel = DistributedDataParallel(theirs)
    share = [(x[rank::2], t[rank::2]) for x, t in batches(np.float32)]
    losses = their_steps(parallel, share)
    dist.all_reduce(losses)
    if rank == 0:
        arrays = {k: v.numpy() for k, v in theirs.state_dict().items()}
        write_arrays(folder / "after.npz", WEIGHTS, arrays)
        np.save(folder / "losses.npy", losses.numpy() / 2)
    dist.destroy_process_group()


def train_in_two_processes(folder: Path, timeout: float = 180) -> None:
    """Start both, wait for both, and leave none behind."""
    loopback = socket.if_nameindex()[0][1]  # they meet on this machine
    environment = os.environ | {"GLOO_SOCKET_IFNAME": loopback}
    command = [sys.executable, "-m", "tools.pytorch_twin", str(folder)]
    processes = [
        subprocess.Popen([*command, rank], cwd=ROOT, env=environment)
        for rank in "01"
    ]
    try:
        assert [p.wait(timeout) for p in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def compare_processes() -> dict[str, Any]:
    """Train two processes on halves, one on the whole, and ours."""
    network = lenet(rng=np.random.default_rng(0))
    home = lenet(rng=np.random.default_rng(1))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(network, folder / "before.npz")
        whole = twin(network, folder / "before.npz")
        train_in_two_processes(folder)
        halves = np.load(folder / "losses.npy")
        load(home, folder / "after.npz")
    pairs = batches(np.float32)
    losses = their_steps(whole, pairs)
    ours = np.array(our_steps(network, pairs))
    weights = zip(home.parameters(), whole.parameters(), strict=True)
    return {
        "losses": halves.tolist(),
        "whole": losses.tolist(),
        "loss": difference(halves, losses),
        "loss_ours": difference(ours, losses),
        "weights": max(difference(p.value, q) for p, q in weights),
    }


# The record


def compare_two_classes() -> list[dict[str, Any]]:
    """Compare the network of Part I, on its loss."""
    x, labels = garments(4, classes=2)
    return compare_layers(
        two_class(rng=np.random.default_rng(0)),
        MeanSquaredError(),
        x,
        labels[:, None].astype(np.float64),
        nn.MSELoss(),
    )


def compare_ten_classes() -> list[dict[str, Any]]:
    """Compare the network of Part II, on its loss."""
    network = lenet(rng=np.random.default_rng(0))
    loss, theirs = SoftmaxCrossEntropy(), nn.CrossEntropyLoss()
    return compare_layers(network, loss, *garments(1), theirs)


def kernel(dtype: torch.dtype) -> str:
    """Ask PyTorch's profiler which function computes a convolution."""
    convolution = nn.Conv2d(1, 8, 5, dtype=dtype)
    with torch.profiler.profile() as profile:
        convolution(torch.ones((2, 1, 28, 28), dtype=dtype))
    names = [event.key for event in profile.key_averages()]
    return [name for name in names if "conv" in name][-1]  # the innermost


def rounded(found: Any) -> Any:
    """Return it with three digits of each difference, six of a loss."""
    match found:
        case dict():
            return {key: rounded(value) for key, value in found.items()}
        case list():
            return [rounded(value) for value in found]
        case float():
            return float(f"{found:.6g}" if found > 1e-3 else f"{found:.2g}")
    return found


def compare() -> dict[str, Any]:
    """Return all that is recorded."""
    return {
        "torch": torch.__version__.partition("+")[0],
        "kernels": [kernel(torch.float32), kernel(torch.float64)],
        "two_classes": compare_two_classes(),
        "ten_classes": compare_ten_classes(),
        "steps": compare_steps(),
        "processes": compare_processes(),
    }


if __name__ == "__main__":
    if len(sys.argv) == 3:
        train_share(int(sys.argv[2]), Path(sys.argv[1]))
    else:
        torch.set_num_threads(1)
        record = json.dumps(rounded(compare()), indent=1)
        write_whole(RECORD, record.encode() + b"\n")
