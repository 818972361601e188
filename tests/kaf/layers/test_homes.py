"""What holds for every layer, in every home: plain, Equinox and Flax. A new layer class must be added to `LAYERS`."""

import importlib
import inspect
import pkgutil

import equinox as eqx
import jax
import numpy as np
import optax
import pytest
from flax import nnx

import kaf
import kaf.layers
from kaf import Grid

KEY = jax.random.key(0)
LAYERS = {
    "kaf.layers.plain.KAF": lambda key: kaf.KAF.init(key, 4, trainable=("sigma", "centers"), residual=True),
    "kaf.layers.plain.Linear": lambda key: kaf.Linear.init(key, 4, 3),
    "kaf.layers.plain.Fixed": lambda key: kaf.layers.Fixed("relu"),
    "kaf.layers.plain.KAFNet": lambda key: kaf.KAFNet.init(key, [4, 3, 2]),
    "kaf.layers.variants.KAF2D": lambda key: kaf.KAF2D.init(key, 4),
    "kaf.layers.variants.MultiKAF": lambda key: kaf.MultiKAF.init(key, 4),
    "kaf.layers.variants.ComplexKAF": lambda key: kaf.ComplexKAF.init(key, 4, residual=True),
    "kaf.layers.variants.GatedKAF": lambda key: kaf.GatedKAF.init(key, 4),
    "kaf.layers.kan.KANLayer": lambda key: kaf.KANLayer.init(key, 4, 3, norm=True),
    "kaf.layers.kan.KAN": lambda key: kaf.KAN.init(key, [4, 3, 2]),
    "kaf.layers.equinox.KAF": lambda key: kaf.equinox.KAF.init(key, 4, trainable=("sigma", "centers"), residual=True),
    "kaf.layers.equinox.KANLayer": lambda key: kaf.equinox.KANLayer.init(key, 4, 3, norm=True),
    "kaf.layers.equinox.KAN": lambda key: kaf.equinox.KAN([4, 3, 2], key=key),
    "kaf.layers.nnx.KANLayer": lambda key: kaf.nnx.KANLayer(4, 3, rngs=nnx.Rngs(key), norm=True),
    "kaf.layers.nnx.KAN": lambda key: kaf.nnx.KAN([4, 3, 2], rngs=nnx.Rngs(key)),
    "kaf.layers.nnx.KAF": lambda key: kaf.nnx.KAF(4, rngs=nnx.Rngs(key), trainable=("sigma",), residual=True),
}
PLAIN = [name for name in LAYERS if name.split(".")[2] in ("plain", "variants", "kan")]


def test_all_layers_are_listed():
    rooms = [importlib.import_module(f"kaf.layers.{room.name}") for room in pkgutil.iter_modules(kaf.layers.__path__)]
    classes = [cls for room in rooms for _, cls in inspect.getmembers(room, inspect.isclass)]
    found = {f"{c.__module__}.{c.__qualname__}" for c in classes if c.__module__.startswith("kaf.layers.")}
    others = {"plain.Layer", "kan.Edge", "kan.PrunedAway", "plot.Figure", "equinox._OnGrids", "nnx._OnGrids"}
    assert found - {f"kaf.layers.{other}" for other in others} == set(LAYERS)


def parts_with_alpha(node):
    """The layers in a layer that have an attribute alpha, found without asking whether they say `has_alpha`."""
    if hasattr(node, "alpha"):
        return [node]
    inner = getattr(node, "layers", None) or (vars(node).values() if not isinstance(node, nnx.Module) else ())
    return [part for child in inner if hasattr(child, "__dict__") for part in parts_with_alpha(child)]


def array(alpha):
    return np.asarray(alpha[...] if isinstance(alpha, nnx.Param) else alpha)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.one_in(20)
def test_regularisation_reaches_every_alpha_and_nothing_else(name):
    model = [LAYERS[name](KEY), kaf.Linear.init(KEY, 2, 2)]
    alphas = [array(part.alpha) for part in parts_with_alpha(model[0])]
    assert bool(alphas) == ("Linear" not in name and "Fixed" not in name)
    expected = sum((alpha.astype(np.float64) ** 2).sum() for alpha in alphas)
    np.testing.assert_allclose(float(kaf.losses.l2_alpha(model)), expected, rtol=1e-5)
    decays = kaf.optim.decay_apart(alpha=2.0, weights=1.0)(model)
    leaves = zip(jax.tree.leaves(model), jax.tree.leaves(decays), strict=True)
    decayed = [np.asarray(leaf) for leaf, decay in leaves if decay == 2.0]
    assert len(decayed) == len(alphas)
    assert all(any(np.array_equal(one, alpha) for alpha in alphas) for one in decayed)


class Net(nnx.Module):
    def __init__(self, rngs):
        self.first, self.kaf = nnx.Linear(3, 4, rngs=rngs), kaf.nnx.KAF(4, rngs=rngs)
        self.last = nnx.Linear(4, 1, rngs=rngs)

    def __call__(self, x):
        return self.last(self.kaf(self.first(x)))


@pytest.mark.parametrize("how", ["in the loss", "by the optimizer"])
def test_fit_shrinks_the_alpha_of_a_flax_network(how):
    x = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    size = {}
    for weight in (0.0, 1.0):
        decay = kaf.optim.decay_apart(alpha=weight if how == "by the optimizer" else 0.0)
        optimizer = kaf.optim.adam(0.05, weight_decay=decay)
        l2 = weight if how == "in the loss" else 0.0
        net = Net(nnx.Rngs(0))
        result = kaf.fit(net, x, x[:, 0], loss="mean_squared_error", epochs=30, optimizer=optimizer, l2_alpha=l2)
        size[weight] = np.abs(array(result.model.kaf.alpha)).sum()
    assert size[1.0] < 0.5 * size[0.0]


# -- Precision ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.one_in(56)
def test_a_layer_has_the_backends_floats(name, x64):
    for library in ("jax", "minijax") if name in PLAIN else ("jax",):
        with kaf.use_backend(library) as backend, backend.library.enable_x64(x64):
            layer = LAYERS[name](backend.random.key(0))
            wanted = np.dtype("float64" if x64 else "float32")
            assert {leaf.dtype for leaf in backend.tree_util.tree_leaves(layer)} <= {wanted}
            x = np.random.default_rng(0).uniform(-4, 4, (5, 4)).astype(wanted)
            assert layer(x).dtype == (np.result_type(wanted, "complex64") if "Complex" in name else wanted)


@pytest.mark.parametrize("method", ["naive", "gridded", "loop"])
def test_float64_is_as_precise_as_it_looks(backend, method):
    rng, grid = np.random.default_rng(0), Grid()
    x, alpha = rng.uniform(-4, 4, (50, 4)), rng.normal(size=(4, 20))
    expected = (alpha * np.exp(-grid.gamma * (x[..., None] - np.linspace(-3, 3, 20)) ** 2)).sum(-1)
    with backend.library.enable_x64(True):
        np.testing.assert_allclose(np.asarray(kaf.kaf(x, alpha, grid, method=method)), expected, rtol=0, atol=1e-13)


def test_a_resized_float64_layer_stays_float64():
    with kaf.use_backend("minijax") as backend, backend.library.enable_x64(True):
        layer = kaf.KAF.init(0, 3)
        x = np.linspace(-3, 3, 30).reshape(10, 3)
        wider = layer.resize(Grid(58, 9.0))
        assert wider.alpha.dtype == np.float64
        np.testing.assert_allclose(np.asarray(wider(x)), np.asarray(layer(x)), rtol=0, atol=1e-13)


# -- Printing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.one_in(2)
def test_a_layer_prints_its_shapes_and_not_its_numbers(backend, name):
    text = repr(LAYERS[name](0))
    assert text.startswith(name.rpartition(".")[2] + "(") and len(text) < 250 and "array" not in text.lower(), text


def test_the_repr_of_a_network():
    assert repr(kaf.KAFNet.init(0, [3, 4, 1], grid=Grid(9))) == (
        "KAFNet(layers=(Linear(weight=float32[3,4], bias=float32[4]), "
        "KAF(alpha=float32[4,9], grid=Grid(size=9, boundary=3.0, rule='paper')), "
        "Linear(weight=float32[4,1], bias=float32[1])))"
    )
    assert repr(kaf.KAF([1.0, 2.0], Grid(2))) == "KAF(alpha=[1.0, 2.0], grid=Grid(size=2, boundary=3.0, rule='paper'))"
    labels = eqx.tree_at(lambda net: net.layers[0].weight, kaf.KAFNet.init(0, [1, 1]), "slow")
    assert repr(labels) == "KAFNet(layers=(Linear(weight='slow', bias=float32[1]),))"


# -- A KAN in three homes -------------------------------------------------------------------------------------------------

SAMPLES = np.random.default_rng(0).uniform(-1, 3, (100, 3)).astype(np.float32)
CHANGES = {
    "resize": lambda net: net.resize(Grid(30, 5.0)),
    "update_grid": lambda net: net.update_grid(SAMPLES),
    "fit_to_data": lambda net: net.fit_to_data(SAMPLES),
    "refine": lambda net: net.refine(12),
    "prune": lambda net: net.prune(SAMPLES, 0.3),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.one_in(20)
def test_a_changed_kan_is_the_same_in_each_home(change):
    plain = kaf.KAN.init(KEY, [3, 4, 2])
    in_equinox, in_flax = kaf.equinox.KAN([3, 4, 2], key=KEY), kaf.nnx.KAN.from_layer(plain)
    np.testing.assert_array_equal(in_equinox(SAMPLES), plain(SAMPLES))
    expected = CHANGES[change](plain)
    changed = CHANGES[change](in_equinox)
    assert isinstance(changed, kaf.equinox.KAN)
    assert CHANGES[change](in_flax) is None
    for home in (changed, in_flax):
        np.testing.assert_allclose(home(SAMPLES), expected(SAMPLES), rtol=0, atol=1e-5)
        assert [layer.grid for layer in home.layers] == [layer.grid for layer in expected.layers]
        assert [layer.mask for layer in home.layers] == [layer.mask for layer in expected.layers]
        edge = home.edge(1, 0, 1)
        np.testing.assert_allclose(edge(SAMPLES), expected.edge(1, 0, 1)(SAMPLES), rtol=0, atol=1e-5)
    np.testing.assert_allclose(jax.vmap(changed)(SAMPLES), expected(SAMPLES), rtol=0, atol=1e-5)
    if change != "prune":
        layers = [kaf.equinox.KANLayer.from_layer(plain.layers[0]), kaf.nnx.KANLayer.from_layer(plain.layers[0])]
        for layer in (CHANGES[change](layers[0]), CHANGES[change](layers[1]) or layers[1]):
            assert layer.grid == expected.layers[0].grid
            np.testing.assert_allclose(layer(SAMPLES), expected.layers[0](SAMPLES), rtol=0, atol=1e-5)
            np.testing.assert_allclose(layer.edge(0, 1)(SAMPLES), layer.to_layer().edge(0, 1)(SAMPLES))
    np.testing.assert_array_equal(
        kaf.equinox.KANLayer.from_layer(plain.layers[0]).scores(SAMPLES), plain.layers[0].scores(SAMPLES)
    )


@pytest.mark.parametrize("change", ["resize", "fit_to_data"])
def test_a_changed_kaf_is_the_same_in_each_home(change):
    layer, x = kaf.KAF.init(KEY, 3), 3 * SAMPLES
    in_equinox, in_flax = kaf.equinox.KAF.from_layer(layer), kaf.nnx.KAF.from_layer(layer)
    argument = Grid(40, 6.0) if change == "resize" else x
    expected, changed = getattr(layer, change)(argument), getattr(in_equinox, change)(argument)
    assert getattr(in_flax, change)(argument) is None
    for home in (changed, in_flax):
        assert home.grid == expected.grid != Grid()
        np.testing.assert_allclose(home(x), expected(x), rtol=0, atol=1e-4)


@pytest.mark.long
def test_a_flax_kan_goes_on_with_flax_optimizer_after_a_change():
    net = kaf.nnx.KAN([3, 4, 1], rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(net, optax.adam(1e-2), wrt=nnx.Param)
    y = np.sin(SAMPLES[:, :1]) + SAMPLES[:, 1:2] ** 2
    value_and_grad = nnx.jit(nnx.value_and_grad(lambda net: ((net(SAMPLES) - y) ** 2).mean()))
    losses = []
    for step in range(120):
        if step == 60:
            before = np.asarray(optimizer.opt_state[0].mu["layers"][0]["base"][...])
            net.update_grid(SAMPLES)
            fresh, params = nnx.Optimizer(net, optax.adam(1e-2), wrt=nnx.Param), nnx.state(net, nnx.Param)
            gradients = [value_and_grad(net)[1]]
            fresh.opt_state = kaf.optim.carry_over(optimizer.opt_state, fresh.opt_state, params, gradients)
            optimizer = fresh
            mu = optimizer.opt_state[0].mu["layers"][0]
            # The moments count as those of one step, of which Adam divides the mean by 0.1.
            np.testing.assert_allclose(mu["base"][...], before / (1 - 0.9**60) * 0.1, rtol=1e-5)
            assert int(optimizer.opt_state[0].count[...]) == 1 and np.asarray(mu["alpha"][...]).all()
        value, grads = value_and_grad(net)
        optimizer.update(net, grads)
        losses.append(float(value))
    assert losses[-1] < 0.3 * losses[59] < 0.1 * losses[0]
