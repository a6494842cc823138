"""DepthwiseConv2D: loops, full kernels, holes, PyTorch.

What all kinds of convolution have in common is in `test_convolutions`.
"""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.convolutions.cost import direct_flops, least_bytes, sizes_of
from scratchcnn.inspection.receptive_field import receptive_field
from scratchcnn.layers.convolution import Conv2D
from scratchcnn.layers.depthwise_convolution import (
    DepthwiseConv2D,
    extent,
    pixels_seen,
)
from scratchcnn.layers.network import Network
from tests.cases import case_of, laid_out, pairs
from tests.comparing import assert_all_close, assert_close
from tests.gradients import (
    assert_adjoint,
    assert_as_in_torch,
    assert_measured,
    stated_gradients,
)
from tests.reference import (
    conv_db,
    conv_forward,
    depthwise_dw,
    depthwise_dx,
    depthwise_forward,
    positions,
    with_holes,
    zero_padded,
)

# Kernel, stride, padding, dilation and image: plain, with lines that no
# kernel reaches, with holes as wide as the stride and wider, and with
# kernels that reach from padding to padding.
FORMS = [
    ((3, 3), (1, 1), (0, 0), (1, 1), (5, 6)),
    ((3, 2), (2, 1), (0, 2), (1, 1), (6, 3)),
    ((2, 3), (3, 2), (1, 1), (1, 1), (7, 8)),
    ((1, 1), (2, 3), (2, 1), (4, 5), (4, 4)),
    ((3, 3), (1, 1), (2, 2), (2, 2), (5, 4)),
    ((2, 3), (2, 1), (0, 3), (2, 3), (6, 5)),
    ((3, 2), (1, 2), (4, 0), (4, 1), (1, 5)),
    ((2, 2), (1, 1), (0, 0), (3, 4), (4, 5)),
]
FORM = pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation", "size"), FORMS
)


def form_of(layer):
    return layer.stride, layer.padding, layer.dilation


def example(rng, kernel, stride, padding, dilation, size, *, n=2, c=3):
    layer = DepthwiseConv2D(
        c, kernel, stride=stride, padding=padding, dilation=dilation, rng=rng
    )
    lengths = (
        positions(length + 2 * p, d * (k - 1) + 1, s)
        for length, k, s, p, d in zip(
            size, kernel, stride, padding, dilation, strict=True
        )
    )
    return case_of(layer, rng, (n, c, *size), (n, c, *lengths))


@st.composite
def examples(draw, most_stride=3, most_dilation=3):
    """Draw a case of any form and size, in any layout in memory."""
    n, c = draw(st.tuples(*[st.integers(1, 3)] * 2))
    kernel, stride = draw(pairs(1, 3)), draw(pairs(1, most_stride))
    padding, extra = draw(pairs(0, 2)), draw(pairs(0, 4))
    dilation = draw(pairs(1, most_dilation))
    size = [
        max(1, d * (k - 1) + 1 - 2 * p + e)
        for k, d, p, e in zip(kernel, dilation, padding, extra, strict=True)
    ]
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    case = example(rng, kernel, stride, padding, dilation, size, n=n, c=c)
    return laid_out(draw, case)


# The equations


@pytest.mark.equation("depthwise-forward")
@given(examples())
def test_forward(case):
    layer, x, _ = case
    w, b = layer.weight.value, layer.bias.value
    wanted = depthwise_forward(x, w, b, *form_of(layer))
    assert_close(layer.forward(x), wanted)


@pytest.mark.equation("depthwise-dx")
@given(examples())
def test_dx(case):
    layer, x, dy = case
    layer.forward(x)
    w, size = layer.weight.value, x.shape[2:]
    wanted = depthwise_dx(w, dy, size, *form_of(layer))
    assert_close(layer.backward(dy), wanted)


@pytest.mark.equation("depthwise-dw")
@given(examples())
def test_dw(case):
    layer, x, dy = case
    stated_gradients(layer, x, dy)
    wanted = depthwise_dw(x, dy, layer.kernel_size, *form_of(layer))
    assert_close(layer.weight.grad, wanted)


@pytest.mark.equation("depthwise-db")
@given(examples())
def test_db(case):
    layer, x, dy = case
    stated_gradients(layer, x, dy)
    assert_close(layer.bias.grad, conv_db(dy))


@pytest.mark.equation("depthwise-output-size")
@pytest.mark.parametrize("dilation", [1, 2, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 3])
@pytest.mark.parametrize("kernel", [1, 2, 3])
def test_the_output_has_a_pixel_for_each_place_of_the_kernel(
    kernel, padding, stride, dilation, rng
):
    layer = DepthwiseConv2D(
        1,
        kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        rng=rng,
    )
    reach = dilation * (kernel - 1) + 1
    assert extent(layer.kernel_size, layer.dilation) == (reach, reach)
    for length in range(max(1, reach - 2 * padding), 12):
        y = layer.forward(np.ones((1, 1, length, 11)))
        for size, got in zip((length, 11), y.shape[2:], strict=True):
            assert got == (size + 2 * padding - reach) // stride + 1
            assert got == positions(size + 2 * padding, reach, stride)


@pytest.mark.equation("dilation-holes")
@given(examples())
def test_a_kernel_with_holes_is_one_with_zeros_in_them(case):
    layer, x, _ = case
    wide = with_holes(layer.weight.value, layer.dilation)
    plain = DepthwiseConv2D(
        layer.channels,
        wide.shape[1:],
        stride=layer.stride,
        padding=layer.padding,
        rng=np.random.default_rng(0),
    )
    plain.weight.value, plain.bias.value = wide, layer.bias.value
    assert_close(layer.forward(x), plain.forward(x))


def row_of(dilations, kernel, stride=1):
    """Return layers of one channel without padding, weights one."""
    rng = np.random.default_rng(0)
    layers = [
        DepthwiseConv2D(
            1, (1, kernel), stride=(1, stride), dilation=(1, d), rng=rng
        )
        for d in dilations
    ]
    for layer in layers:
        layer.weight.value = np.ones((1, 1, kernel))
        layer.bias.value = np.zeros(1)
    return Network(layers)


def gradient(network, length):
    """Return the gradient of output 0 by each pixel of a row."""
    dy = np.zeros_like(network.forward(np.ones((1, 1, 1, length))))
    dy[..., 0] = 1
    return network.backward(dy)[0, 0, 0]


def every_path(dilations, kernel, stride=1):
    """Walk from output 0 to the pixels, through each choice of weights."""
    ends = []
    for choice in np.ndindex((kernel,) * len(dilations)):
        i = 0
        for u, d in zip(choice, reversed(dilations), strict=True):
            i = stride * i + d * u
        ends.append(i)
    return ends


STACKS = pytest.mark.parametrize(
    "dilations", [(1,), (1, 1, 1), (2, 2), (3, 3, 3), (1, 2, 4), (4, 1, 2)]
)


@pytest.mark.equation("dilation-doubling")
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_doubled_dilations_double_the_field(count):
    dilations = [2**k for k in range(count)]
    ends = every_path(dilations, 3)
    assert max(ends) - min(ends) + 1 == 2 ** (count + 1) - 1
    field = receptive_field(row_of(dilations, 3))
    assert field.size == (1, 2 ** (count + 1) - 1)


@pytest.mark.equation("dilation-gridding")
@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("dilation", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_one_dilation_everywhere_reads_a_grid(kernel, dilation, count):
    steps = count * (kernel - 1)
    wanted = [dilation * m for m in range(steps + 1)]
    dilations = [dilation] * count
    assert sorted(set(every_path(dilations, kernel))) == wanted
    found = gradient(row_of(dilations, kernel), wanted[-1] + 1)
    assert np.flatnonzero(found).tolist() == wanted


@pytest.mark.equation("dilation-paths")
@STACKS
@pytest.mark.parametrize("spread", [1, 3])
def test_squared_gradients_are_spread_like_paths(dilations, spread):
    network = row_of(dilations, 2)
    weights = [layer.weight.value for layer in network.layers]
    length, squares = sum(dilations) + 1, []
    for signs in np.ndindex((2, 2) * len(dilations)):
        for w, two in zip(weights, np.reshape(signs, (-1, 2)), strict=True):
            w[...] = spread * (2 * two - 1)
        squares.append(gradient(network, length) ** 2)
    counts = np.bincount(every_path(dilations, 2), minlength=length)
    wanted = spread ** (2 * len(dilations)) * counts
    assert_close(np.mean(squares, axis=0), wanted)


@pytest.mark.equation("dilation-width")
@STACKS
@pytest.mark.parametrize(("kernel", "stride"), [(2, 1), (3, 1), (3, 2)])
def test_the_variance_of_paths_is_that_of_a_box(dilations, kernel, stride):
    ends = np.array(every_path(dilations, kernel, stride))
    network = row_of(dilations, kernel, stride)
    size = receptive_field(network).size[1]
    counts = np.bincount(ends, minlength=size)
    assert_close(gradient(network, size), counts)
    squares, reach = 1, 1
    for k, d in enumerate(dilations):
        squares += (stride**k * d) ** 2 * (kernel**2 - 1)
        reach += stride**k * d * (kernel - 1)
    assert reach == size
    box = np.arange(50)
    assert np.isclose(np.var(box), (50**2 - 1) / 12)
    assert np.isclose(12 * np.var(ends) + 1, squares)


def block(case, f, rng):
    """Return a depthwise layer without bias, and one of a pixel behind it."""
    layer = case.layer
    layer.bias.value[...] = 0
    pointwise = Conv2D(layer.channels, f, 1, rng=rng)
    pointwise.astype(np.float64)
    pointwise.bias.value[...] = rng.standard_normal(f)
    return layer, pointwise


@pytest.mark.equation("depthwise-block")
@given(examples(most_dilation=1), st.integers(1, 3))
def test_a_separable_block_is_a_convolution_whose_kernels_are_products(
    case, f
):
    layer, last = block(case, f, np.random.default_rng(0))
    full = np.zeros((f, layer.channels, *layer.kernel_size))
    for i, c, u, v in np.ndindex(full.shape):
        full[i, c, u, v] = (
            last.weight.value[i, c, 0, 0] * layer.weight.value[c, u, v]
        )
    stride, padding, _ = form_of(layer)
    wanted = conv_forward(case.x, full, last.bias.value, stride, padding)
    assert_close(Network([layer, last]).forward(case.x), wanted)


def count_terms(layer, x):
    """Count the products in all sums of y, by trying them all."""
    return sum(1 for _ in np.ndindex(*layer.forward(x).shape, *looks(layer)))


def looks(layer):
    """Return the sizes of the sum in each output of a layer."""
    return layer.weight.value.shape[1:]


@pytest.mark.equation("depthwise-operations")
@FORM
@pytest.mark.parametrize("f", [1, 4])
def test_operations(kernel, stride, padding, dilation, size, f, rng):
    case = example(rng, kernel, stride, padding, (1, 1), (9, 9))
    layer, last = block(case, f, rng)
    y = layer.forward(case.x)
    n, c, oh, ow = y.shape
    full = Conv2D(c, f, kernel, stride=stride, padding=padding, rng=rng)
    each = count_terms(layer, case.x), count_terms(last, y)
    assert each == (n * c * oh * ow * np.prod(kernel), n * f * c * oh * ow)
    share = sum(each) / count_terms(full, case.x)
    np.testing.assert_allclose(share, 1 / f + 1 / np.prod(kernel))
    one = sizes_of((n, 1, 9, 9), (1, 1, *kernel), stride, padding)
    assert c * direct_flops(one) == 2 * each[0]


@pytest.mark.equation("depthwise-intensity")
@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize("item", [4, 8])
def test_intensity(channels, item, rng):
    layer = DepthwiseConv2D(channels, 3, padding=1, rng=rng)
    x = rng.standard_normal((7, channels, 6, 5))
    y, terms = layer.forward(x), count_terms(layer, x)
    padded = zero_padded(x, (1, 1))
    numbers = padded.size + layer.weight.value.size + y.size
    wanted = 2 * terms / (item * numbers)
    frame, places = (6 + 2) * (5 + 2), 6 * 5
    stated = 2 * 7 * places * 9 / (item * (7 * frame + 9 + 7 * places))
    assert np.isclose(stated, wanted)
    s = sizes_of((7, 1, 6, 5), (1, 1, 3, 3), padding=1)
    assert direct_flops(s) / least_bytes(s, item) == wanted
    assert wanted < 9 / item


# The same numbers by other ways


@given(examples(most_dilation=1))
def test_it_is_a_full_convolution_for_each_channel(case):
    layer, x, dy = case
    y, gradients = layer.forward(x), stated_gradients(layer, x, dy)
    for c in range(layer.channels):
        one = Conv2D(
            1,
            1,
            layer.kernel_size,
            stride=layer.stride,
            padding=layer.padding,
            rng=np.random.default_rng(0),
        )
        one.weight.value = layer.weight.value[c, None, None]
        one.bias.value = layer.bias.value[c, None]
        one.astype(np.float64)
        here = x[:, c, None], dy[:, c, None]
        assert_close(one.forward(here[0])[:, 0], y[:, c])
        dx, dw, db = stated_gradients(one, *here)
        mine = gradients[0][:, c, None], gradients[1][c, None, None]
        assert_all_close([dx, dw], [*mine])
        assert_close(db, gradients[2][c, None])


@FORM
def test_pixels_seen_is_a_view(kernel, stride, padding, dilation, size, rng):
    x = zero_padded(rng.standard_normal((2, 3, *size)), padding)
    seen = pixels_seen(x, kernel, stride, dilation)
    assert np.shares_memory(seen, x)
    for u, v, n, c, i, j in np.ndindex(seen.shape):
        p = stride[0] * i + dilation[0] * u
        assert (
            seen[u, v, n, c, i, j]
            == x[n, c, p, stride[1] * j + dilation[1] * v]
        )


@pytest.mark.finite_differences
@FORM
def test_gradients_are_those_that_can_be_measured(
    kernel, stride, padding, dilation, size, rng
):
    case = example(rng, kernel, stride, padding, dilation, size)
    assert_measured(*case, rng)


@pytest.mark.pytorch
@FORM
def test_agrees_with_pytorch(kernel, stride, padding, dilation, size, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    form = {"stride": stride, "padding": padding, "dilation": dilation}

    def theirs(x, w, b):
        conv2d = torch.nn.functional.conv2d
        return conv2d(x, w[:, None], b, **form, groups=3)

    case = example(rng, kernel, stride, padding, dilation, size)
    assert_as_in_torch(torch, theirs, *case)


@given(examples())
def test_without_a_bias_backward_is_the_adjoint_of_forward(case):
    case.layer.bias.value[...] = 0
    assert_adjoint(*case)


def test_a_channel_hears_of_itself_alone(rng):
    layer, x, dy = example(rng, *FORMS[0])
    y = layer.forward(x)
    other = x.copy()
    other[:, 1] += 1
    moved = (layer.forward(other) != y).any(axis=(0, 2, 3))
    assert moved.tolist() == [False, True, False]
    alone = dy * np.array([0, 1, 0])[:, None, None]
    dx, dw, db = stated_gradients(layer, x, alone)
    for gradient in dx.swapaxes(0, 1), dw, db[:, None]:
        heard = [bool(one.any()) for one in gradient]
        assert heard == [False, True, False]


def test_a_pixel_in_a_hole_gets_no_gradient(rng):
    layer, x, dy = example(rng, (2, 2), (4, 4), (0, 0), (2, 3), (7, 8))
    layer.forward(x)
    rows, columns = [1, 0, 1, 0, 1, 0, 1], [1, 0, 0, 1, 1, 0, 0, 1]
    reached = layer.backward(dy)[0, 0] != 0
    assert reached.tolist() == np.outer(rows, columns).astype(bool).tolist()


def test_sums_of_halves_may_be_larger_than_a_half(rng):
    layer = DepthwiseConv2D(1, 1, rng=rng)
    x = np.full((10_000, 1, 1, 1), 10, np.float16)
    layer.forward(x)
    layer.backward(x)
    found = layer.bias.grad.item(), layer.weight.grad.item()
    assert found == (100_000, 1_000_000)


@pytest.mark.parametrize(
    ("size", "padding", "padded"),
    [
        ((6, 9), 0, (6, 9)),
        ((9, 3), 0, (9, 3)),
        ((0, 9), 0, (0, 9)),
        ((4, 0), (1, 1), (6, 2)),
    ],
)
def test_a_kernel_has_room_with_its_holes(size, padding, padded, rng):
    layer = DepthwiseConv2D(2, (3, 2), padding=padding, dilation=3, rng=rng)
    message = f"{layer} wants images of at least (7, 4) pixels, got {padded}"
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.forward(np.zeros((1, 2, *size)))
