"""Layers: parameters, shapes, pytrees, and the same network on both backends."""

import jax
import numpy as np
import pytest

import kaf
from kaf import KAF, Grid, KAFNet, Linear, get_backend, num_parameters, ridge_alpha, use_backend
from kaf.functional import kaf as phi
from kaf.layers import ACTIVATIONS, Fixed

EPS = np.finfo(np.float32).eps


def parameters(backend, model):
    return [np.asarray(leaf) for leaf in backend.tree_util.tree_leaves(model)]


# -- KAF ---------------------------------------------------------------------------------------------------------------


def test_the_layer_is_the_function(backend):
    grid = Grid(10, 2.0, "code")
    layer = KAF.init(backend.random.key(1), 4, grid)
    x = np.linspace(-3, 3, 20, dtype=np.float32).reshape(5, 4)
    np.testing.assert_array_equal(np.asarray(layer(x)), np.asarray(phi(x, layer.alpha, grid.centers, grid.sigma)))
    assert get_backend(layer.alpha) is backend
    assert layer(np.zeros((0, 4), np.float32)).shape == (0, 4)


@pytest.mark.parametrize(
    "units, shape", [(4, (4, 20)), ((), (20,)), ((3, 1, 1), (3, 1, 1, 20)), (0, (0, 20)), (np.int64(2), (2, 20))]
)
@pytest.mark.parametrize("init", ["random", "relu"])
@pytest.mark.one_in(2)
def test_shape_of_alpha(backend, units, shape, init):
    alpha = KAF.init(0, units, init=init).alpha
    assert (alpha.shape, alpha.dtype) == (shape, np.float32)
    assert get_backend(alpha) is backend


def test_random_units_differ_fitted_ones_are_equal(backend):
    random = np.asarray(KAF.init(0, 5).alpha)
    assert len({row.tobytes() for row in random}) == 5
    fitted = np.asarray(KAF.init(0, 5, init="elu").alpha)
    np.testing.assert_array_equal(fitted, np.tile(ridge_alpha("elu").alpha, (5, 1)))
    own = np.asarray(KAF.init(0, 5, init=np.tanh).alpha)
    np.testing.assert_array_equal(own, np.tile(ridge_alpha("tanh").alpha, (5, 1)))


def test_errors_name_the_shapes(backend):
    with pytest.raises(ValueError, match=r"x has shape \(5, 3\), alpha \(4, 20\), centers \(20,\)\.$"):
        KAF.init(0, 4)(np.zeros((5, 3)))
    with pytest.raises(ValueError) as e:
        Linear.init(0, 5, 2)(np.zeros((3, 4)))
    assert str(e.value) == "Linear: the last axis of x must have 5 features; x has shape (3, 4), weight (5, 2)."
    with pytest.raises(ValueError, match=r"x has shape \(\), weight \(5, 2\)"):
        Linear.init(0, 5, 2)(1.0)
    with pytest.raises(ValueError, match="there is no function 'swish'"):
        KAF.init(0, 4, init="swish")


# -- Linear ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before, variance", [(None, 2 / 500), ("tanh", 2 / 500), ("relu", 2 / 300), ("elu", 2 / 300)])
def test_linear_initialisation(backend, before, variance):
    layer = Linear.init(0, 300, 200, before)
    weight = np.asarray(layer.weight)
    assert (weight.shape, weight.dtype) == ((300, 200), np.float32)
    # The standard deviation of 60,000 numbers is known to 1/sqrt(120,000); four times that.
    assert abs(weight.std() / np.sqrt(variance) - 1) < 4 / np.sqrt(120_000)
    np.testing.assert_array_equal(np.asarray(layer.bias), np.zeros(200, np.float32))


def test_linear(backend):
    layer = Linear(backend.np.asarray([[1.0, 2.0], [3.0, 4.0]]), backend.np.asarray([10.0, 20.0]))
    np.testing.assert_array_equal(np.asarray(layer([1.0, 1.0])), [14.0, 26.0])
    np.testing.assert_array_equal(np.asarray(layer([[1.0, 0.0], [0.0, 1.0]])), [[11.0, 22.0], [13.0, 24.0]])


# -- KAFNet ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sizes, activation, grid, count",
    [
        ([30, 20, 1], "kaf", None, 1041),
        ([30, 20, 1], "relu", None, 641),
        ([30, 20, 1], "kaf", Grid(10), 841),
        ([64, 32, 32, 10], "kaf", None, 64 * 32 + 32 + 32 * 32 + 32 + 32 * 10 + 10 + 2 * 32 * 20),
        ([5, 2], "kaf", None, 12),
    ],
)
@pytest.mark.one_in(6)
def test_number_of_parameters(backend, sizes, activation, grid, count):
    net = KAFNet.init(0, sizes, activation, grid=grid)
    assert num_parameters(net) == count
    assert num_parameters(backend.tree_util.tree_map(np.asarray, net)) == count


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.one_in(15)
def test_a_batch_is_its_examples(backend, activation):
    net = KAFNet.init(3, [4, 6, 5, 2], activation)
    x = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    batch = np.asarray(net(x))
    assert (batch.shape, batch.dtype) == ((8, 2), np.float32)
    one_by_one = np.stack([np.asarray(net(row)) for row in x])
    # The matrix products sum 4 to 6 terms in another order.
    np.testing.assert_allclose(one_by_one, batch, rtol=0, atol=40 * EPS * max(1, np.abs(batch).max()))
    np.testing.assert_allclose(np.asarray(backend.vmap(net)(x)), batch, rtol=0, atol=40 * EPS * np.abs(batch).max())
    assert net(np.zeros((0, 4), np.float32)).shape == (0, 2)
    assert np.isnan(np.asarray(net(np.full(4, np.nan, np.float32)))).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("init", ["random", "elu"])
def test_same_key_same_network_on_both_backends(activation, init):
    found = {}
    x = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    for name in ("minijax", "jax"):
        with use_backend(name) as backend:
            net = KAFNet.init(backend.random.key(5), [4, 6, 2], activation, init=init)
            found[name] = parameters(backend, net), np.asarray(net(x))
    (ours, our_output), (theirs, their_output) = found["minijax"], found["jax"]
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=4 * EPS, atol=0)  # erfinv's last bits
    np.testing.assert_allclose(our_output, their_output, rtol=0, atol=100 * EPS * max(1, np.abs(ours[2]).sum(-1).max()))


def test_weights_follow_what_the_kaf_starts_as(backend):
    he = np.asarray(KAFNet.init(0, [9, 100, 1], init="relu").layers[0].weight)
    glorot = np.asarray(KAFNet.init(0, [9, 100, 1], init="random").layers[0].weight)
    np.testing.assert_allclose(he / glorot, np.sqrt((2 / 9) / (2 / 109)), rtol=4 * EPS)
    of_relu = KAFNet.init(0, [9, 100, 1], "relu")
    np.testing.assert_array_equal(np.asarray(of_relu.layers[0].weight), he)


def test_a_key_is_used_once(backend):
    net = KAFNet.init(0, [4, 4, 4, 4], activation="kaf", grid=Grid(4))
    arrays = [leaf for leaf in parameters(backend, net) if leaf.shape == (4, 4)]
    scaled = {np.round(a / a.flat[0], 4).tobytes() for a in arrays}
    assert len(arrays) == len(scaled) == 5


@pytest.mark.parametrize("activation", ["relu", "tanh", "elu", "gelu"])
def test_fixed_activations_are_jaxs(backend, activation):
    x = np.float32([-2.0, -0.5, 0.0, 0.5, 2.0])
    theirs = getattr(jax.nn, activation)(x)
    np.testing.assert_allclose(np.asarray(Fixed(activation)(x)), np.asarray(theirs), rtol=0, atol=4 * EPS)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"sizes": [3, 2], "activation": "swish"},
            "KAFNet: there is no activation 'swish'; choose one of kaf, relu, tanh, elu, gelu.",
        ),
        (
            {"sizes": [3]},
            "KAFNet: sizes must hold the sizes of the input, of the hidden layers and of the output; got [3].",
        ),
    ],
)
def test_network_errors(backend, arguments, message):
    with pytest.raises(ValueError) as e:
        KAFNet.init(0, **arguments)
    assert str(e.value) == message


# -- Pytrees -----------------------------------------------------------------------------------------------------------


def test_parameters_are_leaves_the_grid_is_static(backend):
    net = KAFNet.init(0, [3, 4, 2])
    leaves, treedef = backend.tree_util.tree_flatten(net)
    assert [leaf.shape for leaf in leaves] == [(3, 4), (4,), (4, 20), (4, 2), (2,)]
    again = backend.tree_util.tree_unflatten(treedef, leaves)
    assert isinstance(again, KAFNet) and again.layers[1].grid == Grid()
    other = KAFNet.init(0, [3, 4, 2], grid=Grid(rule="code"))
    assert backend.tree_util.tree_structure(other) != treedef


def test_gradients_are_models(backend):
    net = KAFNet.init(0, [3, 4, 1])
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    grads = backend.jit(backend.grad(lambda net: (net(x) ** 2).mean()))(net)
    assert isinstance(grads, KAFNet)
    for leaf, gradient in zip(parameters(backend, net), parameters(backend, grads), strict=True):
        assert gradient.shape == leaf.shape and gradient.any()

    # One entry of alpha, by the difference quotient in float64.
    def loss(alpha):
        first, activation, last = (parameters(backend, layer) for layer in net.layers)
        grid = Grid()
        s = x @ first[0].astype(np.float64) + first[1]
        h = (alpha * np.exp(-grid.gamma * (s[..., None] - grid.centers) ** 2)).sum(-1)
        return ((h @ last[0] + last[1]) ** 2).mean()

    alpha = np.asarray(net.layers[1].alpha, np.float64)
    step = np.zeros_like(alpha)
    step[1, 9] = 1e-5
    quotient = (loss(alpha + step) - loss(alpha - step)) / 2e-5
    np.testing.assert_allclose(np.asarray(grads.layers[1].alpha)[1, 9], quotient, rtol=1e-4)


def test_layers_are_frozen(backend):
    layer = KAF.init(0, 2)
    with pytest.raises(AttributeError):
        layer.alpha = None


def test_mixing_backends_in_a_call_is_an_error():
    with use_backend("minijax"):
        layer = KAF.init(0, 3)
    with pytest.raises(TypeError, match="kaf got arrays of both minijax and JAX"):
        layer(jax.numpy.ones(3))
    with pytest.raises(TypeError, match="kaf got arrays of both minijax and JAX"):
        kaf.KAFNet((layer,))(jax.numpy.ones(3))
