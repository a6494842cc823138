"""The sweep: every path counts, and once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.autograd import operations
from scratchcnn.autograd.tensor import Tensor, matmul
from tests.comparing import assert_all_close, assert_close, frozen
from tests.reference import (
    reverse_sweep,
    stretched_sum,
    sum_over_paths,
)


@st.composite
def graphs(draw):
    """Draw a graph, as tensors of three numbers and their Jacobians."""
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    nodes = [Tensor(frozen(rng.standard_normal((1, 3)))) for _ in range(2)]
    jacobians = {}
    for j in range(2, draw(st.integers(3, 8))):
        a, b = (draw(st.integers(0, j - 1)) for _ in range(2))
        x, y = nodes[a].value[0], nodes[b].value[0]
        match draw(st.sampled_from(["multiply", "matmul", "relu"])):
            case "multiply":
                nodes.append(nodes[a] * nodes[b])
                jacobians[j, a] = np.diag(y)
                jacobians[j, b] = np.diag(x) + (np.diag(y) if a == b else 0)
            case "matmul":
                m = rng.standard_normal((3, 3))
                nodes.append(nodes[a] @ m)
                jacobians[j, a] = m.T
            case "relu":
                nodes.append(operations.relu(nodes[a]))
                jacobians[j, a] = np.diag((x > 0).astype(float))
    return nodes, jacobians, frozen(rng.standard_normal((1, 3)))


@pytest.mark.equation("autograd-paths")
@given(graphs())
def test_a_gradient_sums_over_all_paths(case):
    nodes, jacobians, dy = case
    end = len(nodes) - 1
    nodes[end].backward(dy)
    for i, node in enumerate(nodes):
        found = np.zeros((1, 3)) if node.grad is None else node.grad
        assert_close(found, dy @ sum_over_paths(jacobians, i, end))


@pytest.mark.equation("autograd-sweep")
@given(graphs())
def test_one_sweep_finds_them_all(case):
    nodes, jacobians, dy = case
    nodes[-1].backward(dy)
    wanted = reverse_sweep(jacobians, len(nodes) - 1, dy[0])
    for node, gradient in zip(nodes, wanted, strict=True):
        found = np.zeros((1, 3)) if node.grad is None else node.grad
        assert_close(found[0], gradient)


@given(graphs())
def test_a_second_sweep_adds_the_same_again(case):
    nodes, _, dy = case
    nodes[-1].backward(dy)
    once = [node.grad for node in nodes]
    nodes[-1].backward(dy)
    for node, gradient in zip(nodes, once, strict=True):
        if gradient is None:
            assert node.grad is None
        else:
            assert_close(node.grad, 2 * gradient)


def test_the_recording_lists_operands_after_results_and_each_once():
    a, b = Tensor(np.ones(2)), Tensor(np.ones(2))
    c = a + b
    d = c * a
    other = b + b
    e = d + c
    assert e.recording() == [e, d, c, b, a]
    assert other.recording() == [other, b]
    assert a.recording() == [a]


def test_a_chain_may_be_longer_than_python_s_stack():
    start = x = Tensor(np.ones(1))
    for _ in range(5000):
        x = x * 1
    x.backward()
    assert start.grad == 1


def test_gradients_don_t_share_memory():
    a, b = Tensor(np.ones(2)), Tensor(np.ones(2))
    dy = np.ones(2)
    c = a + b
    c.backward(dy)
    arrays = [dy, a.grad, b.grad, c.grad]
    for i, one in enumerate(arrays):
        assert not any(np.shares_memory(one, x) for x in arrays[:i])
    c.backward(frozen(dy))
    assert_all_close([dy, a.grad], [np.ones(2), np.full(2, 2.0)])


def test_backward_from_an_array_wants_dy():
    x = Tensor(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"Tensor\(2, 3\): backward from an"):
        x.backward()
    message = r"Tensor\(2, 3\) wants dy of shape \(2, 3\), got \(3, 2\)"
    with pytest.raises(ValueError, match=message):
        x.backward(np.zeros((3, 2)))
    with pytest.raises(TypeError, match="wants dy as an array of floats"):
        x.backward(np.zeros((2, 3), int))


@pytest.mark.parametrize("bad", [1.0, [1.0], np.ones(2, int), None])
def test_a_tensor_holds_floats(bad):
    with pytest.raises(TypeError, match="Tensor wants value as an array"):
        Tensor(bad)


@pytest.mark.equation("autograd-stretched")
@given(st.data())
def test_what_was_stretched_is_summed(data):
    sizes = st.lists(st.integers(1, 3), max_size=3)
    one, other = data.draw(sizes), data.draw(sizes)
    both = max(len(one), len(other))
    for i in range(1, both + 1):  # make them fit, from the last axis on
        if i <= min(len(one), len(other)) and 1 not in (one[-i], other[-i]):
            other[-i] = one[-i]
    rng = np.random.default_rng(0)
    a, b = (Tensor(rng.standard_normal(shape)) for shape in (one, other))
    y = a + b
    dy = rng.standard_normal(y.value.shape)
    y.backward(dy)
    assert_close(a.grad, stretched_sum(dy, tuple(one)))
    assert_close(b.grad, stretched_sum(dy, tuple(other)))


def test_gradients_of_a_long_batch_lose_no_digits():
    x, bias = np.ones((5000, 2), np.float16), Tensor(np.zeros(2, np.float16))
    (bias + x).backward(np.ones((5000, 2), np.float16))
    assert bias.grad.tolist() == [5000, 5000]


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int64, np.bool_])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_difference_is_numpy_s_whatever_kind_the_constant_is(dtype, kind):
    x, c = np.array([3, 1], dtype), np.array([-128, 1]).astype(kind)
    start = Tensor(x)
    y = start - c
    wanted = x - c
    assert y.value.dtype == wanted.dtype
    assert_close(y.value, wanted, tolerance=0)
    y.backward(np.array([2, -3], wanted.dtype))
    assert start.grad.tolist() == [2, -3]


@pytest.mark.parametrize("shapes", [((3,), (3, 2)), ((2, 3), (3,))])
def test_matmul_wants_matrices(shapes):
    with pytest.raises(ValueError, match="matmul wants matrices, got"):
        matmul(*map(np.ones, shapes))
