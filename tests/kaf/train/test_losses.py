"""Losses, against optax's."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import kaf
from kaf.train.losses import accuracy, binary_cross_entropy, cross_entropy, l2_alpha, mean_squared_error

EPS = np.finfo(np.float32).eps


def optax_cross_entropy(logits, labels):
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def optax_binary(logits, labels):
    return optax.sigmoid_binary_cross_entropy(logits, labels).mean()


def optax_squared(predictions, targets):
    return optax.squared_error(predictions, targets).mean()


def numbers(*shape, scale=3.0, seed=0):
    return np.random.default_rng(seed).normal(0, scale, shape).astype(np.float32)


def classes(*shape, n=4):
    return np.random.default_rng(1).integers(0, n, shape).astype(np.int32)


CASES = [
    (cross_entropy, optax_cross_entropy, numbers(16, 4), classes(16)),
    (cross_entropy, optax_cross_entropy, numbers(4), classes()),
    (cross_entropy, optax_cross_entropy, numbers(2, 3, 4), classes(2, 3)),
    (cross_entropy, optax_cross_entropy, numbers(5, 1), classes(5, n=1)),
    (cross_entropy, optax_cross_entropy, numbers(16, 4, scale=1e6), classes(16)),
    (cross_entropy, optax_cross_entropy, numbers(0, 4), classes(0)),
    (binary_cross_entropy, optax_binary, numbers(16), classes(16, n=2)),
    (binary_cross_entropy, optax_binary, numbers(16), np.random.default_rng(2).random(16, np.float32)),
    (binary_cross_entropy, optax_binary, numbers(), np.float32(1.0)),
    (binary_cross_entropy, optax_binary, numbers(16, scale=1e6), classes(16, n=2)),
    (binary_cross_entropy, optax_binary, numbers(0), classes(0, n=2)),
    (mean_squared_error, optax_squared, numbers(16), numbers(16, seed=1)),
    (mean_squared_error, optax_squared, numbers(4, 3), numbers(4, 3, seed=1)),
    (mean_squared_error, optax_squared, numbers(), numbers(seed=1)),
    (mean_squared_error, optax_squared, numbers(0), numbers(0)),
    (mean_squared_error, optax_squared, np.float32([np.nan, 1.0]), np.float32([1.0, 1.0])),
]


@pytest.mark.parametrize("ours, theirs, outputs, targets", CASES)
@pytest.mark.one_in(12)
def test_value_and_gradient(backend, ours, theirs, outputs, targets):
    value, gradient = backend.value_and_grad(ours)(outputs, targets)
    expected, expected_gradient = jax.value_and_grad(theirs)(outputs, targets)
    assert (value.shape, value.dtype) == ((), np.float32)
    scale = np.abs(outputs).max() if outputs.size else 1.0
    np.testing.assert_allclose(value, expected, rtol=8 * EPS, atol=8 * EPS * scale)
    assert gradient.shape == outputs.shape
    np.testing.assert_allclose(np.asarray(gradient), np.asarray(expected_gradient), rtol=1e-5, atol=8 * EPS)


@pytest.mark.parametrize(
    "function, outputs, targets",
    [
        (binary_cross_entropy, numbers(16, 1), classes(16, n=2)),
        (mean_squared_error, numbers(16, 1), numbers(16, seed=1)),
        (accuracy, numbers(16, 1), classes(16, n=2)),
    ],
)
def test_a_last_axis_of_one_is_dropped(backend, function, outputs, targets):
    assert float(function(outputs, targets)) == float(function(outputs[:, 0], targets))


@pytest.mark.parametrize("label", [-1, 4, 100])
def test_a_label_that_is_no_class_is_nan(backend, label):
    assert np.isnan(float(cross_entropy(numbers(3, 4), np.int32([0, label, 1]))))
    assert np.isnan(float(backend.jit(cross_entropy)(numbers(3, 4), np.int32([0, label, 1]))))


def test_infinite_logits(backend):
    logits = np.float32([[-np.inf, 0.0], [0.0, 1e30]])
    np.testing.assert_array_equal(np.asarray(cross_entropy(logits, np.int32([1, 1]))), 0.0)
    assert float(cross_entropy(logits, np.int32([0, 1]))) == np.inf


SHAPES = "have shape (16, 2), the targets (16,); they must be equal."


@pytest.mark.parametrize(
    "function, outputs, targets, error, message",
    [
        (
            cross_entropy,
            numbers(16, 4),
            classes(15),
            ValueError,
            "cross_entropy: logits must be [..., classes] for labels [...]; logits have shape (16, 4), labels (15,).",
        ),
        (
            cross_entropy,
            numbers(),
            classes(),
            ValueError,
            "cross_entropy: logits must be [..., classes] for labels [...]; logits have shape (), labels ().",
        ),
        (
            cross_entropy,
            numbers(16, 4),
            numbers(16),
            TypeError,
            "cross_entropy: labels must be integers, the numbers of the classes; their dtype is float32.",
        ),
        (binary_cross_entropy, numbers(16, 2), classes(16), ValueError, f"binary_cross_entropy: logits {SHAPES}"),
        (mean_squared_error, numbers(16, 2), numbers(16), ValueError, f"mean_squared_error: predictions {SHAPES}"),
        (
            accuracy,
            numbers(16, 4),
            classes(15),
            ValueError,
            "accuracy: logits must be [..., classes] for labels [...], or have the labels' shape; "
            "logits have shape (16, 4), labels (15,).",
        ),
    ],
)
def test_errors(backend, function, outputs, targets, error, message):
    with pytest.raises(error) as e:
        function(outputs, targets)
    assert str(e.value) == message


@pytest.mark.parametrize(
    "logits, labels, share",
    [
        ([[1.0, 0.0], [2.0, 3.0], [5.0, 4.0], [0.0, 1.0]], [0, 1, 1, 1], 0.75),
        ([[1.0, 0.0, 2.0]], [2], 1.0),
        ([3.0, -1.0, 0.0], [1, 1, 0], 2 / 3),
        ([[3.0], [-1.0]], [0, 1], 0.0),
        (np.zeros((0, 3), np.float32), np.zeros(0, np.int32), np.nan),
    ],
)
@pytest.mark.one_in(2)
def test_accuracy(backend, logits, labels, share):
    out = accuracy(logits, labels)
    assert (out.shape, out.dtype) == ((), np.float32)
    np.testing.assert_allclose(float(out), share, rtol=EPS)


def test_l2_alpha(backend):
    net = kaf.KAFNet.init(0, [3, 4, 5, 1])
    alphas = [np.asarray(layer.alpha, np.float64) for layer in net.layers if isinstance(layer, kaf.KAF)]
    assert len(alphas) == 2
    np.testing.assert_allclose(float(l2_alpha(net)), sum((a**2).sum() for a in alphas), rtol=100 * EPS)
    grads = backend.grad(l2_alpha)(net)
    np.testing.assert_allclose(np.asarray(grads.layers[1].alpha), 2 * alphas[0], rtol=EPS)
    assert not np.asarray(grads.layers[0].weight).any()
    assert l2_alpha(kaf.KAFNet.init(0, [3, 4, 1], "relu")) == 0.0
    np.testing.assert_allclose(float(l2_alpha([net, net])), 2 * float(l2_alpha(net)), rtol=4 * EPS)


def test_l2_alpha_of_a_bare_array_is_zero():
    assert l2_alpha(jnp.ones(3)) == 0.0
