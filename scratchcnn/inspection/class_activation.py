"""Which places speak for a class? `class_activation_map` and `grad_cam`."""

from __future__ import annotations

import copy

import numpy as np

from scratchcnn.arrays import Array, Labels, check_array, check_size
from scratchcnn.inspection.features import activations
from scratchcnn.inspection.saliency import saliency
from scratchcnn.layers.dense import Dense
from scratchcnn.layers.global_pooling import GlobalAvgPool2D
from scratchcnn.layers.network import Network


def class_activation_map(network: Network, x: Array) -> Array:
    """Return a map for each class, whose mean is its logit without bias.

    Parameters
    ----------
    network : Network
        Ends with `GlobalAvgPool2D` and `Dense`. It is copied, so nothing
        of it changes, and the copy works in evaluation mode.
    x : ndarray
        Images, (N, C, H, W).

    Returns
    -------
    ndarray
        (N, K, MH, MW): one map for each of K classes, of the size of the
        last feature maps.

    Raises
    ------
    TypeError, ValueError
        If x is none of the network's inputs, or if the network ends in
        another way.

    Notes
    -----
    Chapter *A map for an answer*; Zhou et al., "Learning deep features
    for discriminative localization" (2016).

    Examples
    --------
    >>> head = Dense(2, 1, rng=np.random.default_rng(0))
    >>> head.weight.value[...] = [[1, -1]]
    >>> network = Network([ReLU(), layers.GlobalAvgPool2D(), head])
    >>> class_activation_map(network, np.array([[[[3.0, 1]], [[0, 2]]]]))
    array([[[[ 3., -1.]]]])
    """
    outputs = activations(copy.deepcopy(network), x)
    pool, head = network.layers[-2:][0], network.layers[-1]
    if not isinstance(pool, GlobalAvgPool2D) or not isinstance(head, Dense):
        raise ValueError(
            "class_activation_map wants a network that ends with "
            f"GlobalAvgPool2D and Dense, got {network!r}"
        )
    maps = (x, *outputs)[-3]
    weights = head.weight.cast(maps.dtype)
    found: Array = np.einsum("kc,ncpq->nkpq", weights, maps)
    return found


def grad_cam(network: Network, x: Array, classes: Labels, layer: int) -> Array:
    """Weigh feature maps by how one logit of each image grows with them.

    Parameters
    ----------
    network : Network
        Maps images to logits (N, K). It is copied, so nothing of it
        changes, and the copy works in evaluation mode.
    x : ndarray
        Images, (N, C, H, W).
    classes : ndarray
        Which logit of each, integers from 0 to K - 1, (N,).
    layer : int
        Whose output is taken for the maps, as `Network.summary` counts
        them; not the last.

    Returns
    -------
    ndarray
        (N, MH, MW), of the size of the maps; nowhere negative.

    Raises
    ------
    TypeError, ValueError
        If x is none of the network's inputs, if there is not one class
        for each image, or if the layer gives no maps.

    Notes
    -----
    Chapter *A map for an answer*; Selvaraju et al., "Grad-CAM: visual
    explanations from deep networks via gradient-based localization"
    (2017).

    Examples
    --------
    >>> head = Dense(4, 1, rng=np.random.default_rng(0))
    >>> head.weight.value[...] = [[1, 1, -2, 0]]
    >>> network = Network([ReLU(), Flatten(), head])
    >>> x = np.array([[[[3.0, 1]], [[0, 2]]]])
    >>> grad_cam(network, x, np.array([0]), layer=0)
    array([[[3., 0.]]])
    """
    network = copy.deepcopy(network)
    outputs = activations(network, x)
    if check_size("grad_cam", "layer", layer, 0) > len(outputs) - 2:
        raise ValueError(
            f"grad_cam wants layer <= {len(outputs) - 2}, got {layer}"
        )
    maps = outputs[layer]
    check_array("grad_cam", "the layer's output", maps, len(x), "C", "H", "W")
    slopes = saliency(Network(network.layers[layer + 1 :]), maps, classes)
    weights = slopes.mean(axis=(2, 3), dtype=np.float64).astype(maps.dtype)
    return np.maximum(np.einsum("nc,ncpq->npq", weights, maps), 0)
