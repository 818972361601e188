"""The Flax NNX module, and the same parameters in all three homes: plain, Equinox, Flax."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import kaf
from kaf import KAF, Grid, KAFNet, use_backend

KEY = jax.random.key(0)
OPTIONS = {
    "plain": {},
    "all trained": {"trainable": ("sigma", "centers"), "residual": True},
    "relu": {"kernel": "relu", "grid": Grid(10, 2.0, "code")},
    "channels": {"axis": 1},
}


def same(found, expected):
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


# -- NNX ------------------------------------------------------------------------------------------------------------------


def test_parameters_and_values():
    layer = kaf.nnx.KAF(4, rngs=nnx.Rngs(0))
    assert isinstance(layer.alpha, nnx.Param) and layer.alpha.shape == (4, 20)
    same(layer.alpha[...], KAF.init(nnx.Rngs(0).params(), 4).alpha)
    x = jnp.linspace(-3, 3, 20).reshape(5, 4)
    same(layer(x), layer.to_layer()(x))
    params = nnx.state(layer, nnx.Param)
    assert [leaf.shape for leaf in jax.tree.leaves(params)] == [(4, 20)]
    rich = kaf.nnx.KAF(4, rngs=nnx.Rngs(0), **OPTIONS["all trained"])
    assert sorted(leaf.shape for leaf in jax.tree.leaves(nnx.state(rich, nnx.Param))) == [(4,), (4,), (4, 20), (20,)]


def test_jit_split_and_merge():
    layer = kaf.nnx.KAF(4, rngs=nnx.Rngs(0))
    x = jnp.linspace(-3, 3, 20).reshape(5, 4)
    np.testing.assert_allclose(nnx.jit(lambda layer, x: layer(x))(layer, x), layer(x), rtol=1e-6, atol=1e-6)
    graph, state = nnx.split(layer)
    same(nnx.merge(graph, state)(x), layer(x))


def test_trains_in_a_network_with_optax():
    class Net(nnx.Module):
        def __init__(self, rngs):
            self.first, self.last = nnx.Linear(3, 8, rngs=rngs), nnx.Linear(8, 2, rngs=rngs)
            self.kaf = kaf.nnx.KAF(8, rngs=rngs)

        def __call__(self, x):
            return self.last(self.kaf(self.first(x)))

    net = Net(nnx.Rngs(0))
    optimizer = nnx.Optimizer(net, optax.adam(1e-2), wrt=nnx.Param)
    x = jax.random.normal(KEY, (64, 3))
    y = jnp.sin(x[:, :2]) * x[:, 2:]
    before = np.asarray(net.kaf.alpha[...])

    @nnx.jit
    def step(net, optimizer):
        value, grads = nnx.value_and_grad(lambda net: ((net(x) - y) ** 2).mean())(net)
        optimizer.update(net, grads)
        return value

    losses = [float(step(net, optimizer)) for _ in range(80)]
    assert losses[-1] < 0.2 * losses[0]
    assert np.abs(np.asarray(net.kaf.alpha[...]) - before).max(-1).all()


# -- One set of parameters in three homes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("library", ["jax", "minijax"])
@pytest.mark.one_in(3)
def test_from_home_to_home(name, library):
    with use_backend(library) as backend:
        layer = KAF.init(backend.random.key(3), 4, **OPTIONS[name])
        shape = (5, 4, 3) if name == "channels" else (5, 3, 4)
        x = np.random.default_rng(0).uniform(-3, 3, shape).astype(np.float32)
        value = np.asarray(layer(x))
    in_equinox = kaf.equinox.KAF.from_layer(layer)
    in_flax = kaf.nnx.KAF.from_layer(in_equinox.to_layer())
    back = in_flax.to_layer()
    for home in (in_equinox, in_flax, back):
        np.testing.assert_allclose(home(x), value, rtol=0, atol=1e-5 * np.abs(value).max())
        assert (home.grid, home.kernel, home.axis, home.method) == (layer.grid, layer.kernel, layer.axis, layer.method)
    for field in ("alpha", "log_sigma", "centers", "linear"):
        first, last = getattr(layer, field), getattr(back, field)
        assert (first is None) == (last is None)
        if first is not None:
            assert isinstance(last, jax.Array)
            same(last, first)


def test_a_tree_of_labels_that_optax_calls_says_what_to_do(backend):
    net = KAFNet.init(0, [3, 4, 1])
    labels = backend.tree_util.tree_map(lambda leaf: "slow", net)
    transforms = {"slow": optax.sgd(1e-2), "fast": optax.sgd(0.1)}
    with pytest.raises(TypeError, match="kaf: a KAFNet was given where an array is needed.*lambda params: labels"):
        optax.multi_transform(transforms, labels).init(net)
    if backend.name == "jax":
        optimizer = optax.multi_transform(transforms, lambda params: labels)
        updates, _ = optimizer.update(net, optimizer.init(net), net)
        same(updates.layers[0].weight, -1e-2 * net.layers[0].weight)


# -- Optax ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: optax.adam(0.05), lambda: optax.sgd(0.01, momentum=0.9)], ids=["adam", "sgd"])
@pytest.mark.one_in(2)
def test_optax_optimizes_both_backends(backend, make):
    x = np.linspace(-2, 2, 64, dtype=np.float32)[:, None]
    layer = KAF.init(0, 1, trainable=("sigma",), residual=True)
    optimizer = make()
    to_numpy = lambda tree: jax.tree.map(np.asarray, tree)
    # To optax the parameters are a pytree of arrays; what it returns are JAX's.
    state = optimizer.init(to_numpy(dict(zip("ABC", backend.tree_util.tree_leaves(layer)))))
    tree = backend.tree_util.tree_structure(layer)
    step = backend.jit(backend.value_and_grad(lambda layer: ((layer(x) - np.sin(2 * x)) ** 2).mean()))
    losses = []
    for _ in range(60):
        value, grads = step(layer)
        losses.append(float(value))
        params = dict(zip("ABC", map(np.asarray, backend.tree_util.tree_leaves(layer))))
        gradients = dict(zip("ABC", map(np.asarray, backend.tree_util.tree_leaves(grads))))
        updates, state = optimizer.update(gradients, state, params)
        moved = to_numpy(optax.apply_updates(params, updates))
        layer = backend.tree_util.tree_unflatten(tree, [backend.np.asarray(moved[name]) for name in "ABC"])
    assert losses[-1] < 0.1 * losses[0]
