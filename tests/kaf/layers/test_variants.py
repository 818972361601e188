"""The relatives of the KAF, each against its formula in float64 NumPy; both backends."""

import numpy as np
import pytest
from kaf_jaxprs import sizes_in

import kaf
from kaf import KAF, KAF2D, ComplexKAF, GatedKAF, Grid, KANLayer, MultiKAF, num_parameters

EPS = np.finfo(np.float32).eps


def inputs(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-4, 4, shape).astype(np.float32)


def gauss(x, grid, sigma):
    c = np.linspace(-grid.boundary, grid.boundary, grid.size)
    return np.exp(-0.5 * ((np.asarray(x, np.float64)[..., None] - c) / sigma) ** 2)


def close(found, expected, factor=100):
    found = np.asarray(found)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=factor * EPS * np.abs(expected).max())


def layers():
    return {
        "KAF": KAF.init(0, 4),
        "KAF, all trained": KAF.init(0, 4, trainable=("sigma", "centers"), residual=True),
        "KAF2D": KAF2D.init(0, 4),
        "MultiKAF": MultiKAF.init(0, 4),
        "ComplexKAF": ComplexKAF.init(0, 4),
        "GatedKAF": GatedKAF.init(0, 4),
        "KANLayer": KANLayer.init(0, 4, 3),
    }


NAMES = list(layers())


# -- All of them ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.one_in(10)
def test_a_batch_is_its_examples_under_jit_and_vmap(backend, name):
    layer, x = layers()[name], inputs(6, 4)
    whole = np.asarray(layer(x))
    for found in (
        backend.jit(lambda layer, x: layer(x))(layer, x),
        backend.vmap(layer)(x),
        np.stack([np.asarray(layer(row)) for row in x]),
        np.asarray(layer(x.reshape(2, 3, 4))).reshape(whole.shape),
    ):
        close(found, whole)
    assert np.isnan(np.asarray(layer(np.full((1, 4), np.nan, np.float32)))).all()
    assert layer(inputs(0, 4)).shape == (0, *whole.shape[1:])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.one_in(6)
def test_gradients_reach_every_parameter(backend, name):
    layer, x = layers()[name], inputs(32, 4)
    loss = lambda layer: (backend.np.abs(layer(x)) ** 2).sum()
    value, grads = backend.value_and_grad(loss)(layer)
    flat, tree = backend.tree_util.tree_flatten(layer)
    gradients = [np.asarray(g) for g in backend.tree_util.tree_leaves(grads)]
    # Along the gradient the loss grows by its square.
    step = 1e-3 / np.sqrt(sum((g.astype(float) ** 2).sum() for g in gradients))
    losses = []
    for sign in (1, -1):
        moved = [np.asarray(p) + sign * step * g for p, g in zip(flat, gradients, strict=True)]
        losses.append(float(loss(backend.tree_util.tree_unflatten(tree, [m.astype(np.float32) for m in moved]))))
    slope = (losses[0] - losses[1]) / (2 * step)
    np.testing.assert_allclose(slope, sum((g.astype(float) ** 2).sum() for g in gradients), rtol=0.02)
    assert all(g.any() for g in gradients)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.one_in(3)
def test_both_backends_make_and_compute_the_same(name):
    results = {}
    for library in ("minijax", "jax"):
        with kaf.use_backend(library):
            results[library] = np.asarray(layers()[name](inputs(6, 4)))
    close(results["minijax"], results["jax"])


def test_l2_alpha_finds_them_all(backend):
    for name, layer in layers().items():
        parts = [layer.real, layer.imag] if name == "ComplexKAF" else [layer.kaf] if name == "GatedKAF" else [layer]
        expected = sum((np.asarray(part.alpha, np.float64) ** 2).sum() for part in parts)
        np.testing.assert_allclose(float(kaf.losses.l2_alpha(layer)), expected, rtol=1e-5)


# -- KAF: what can be trained besides alpha -------------------------------------------------------------------------------


def test_trained_bandwidth_centers_and_linear_part_start_as_the_plain_layer(backend):
    x = inputs(10, 4)
    plain = KAF.init(0, 4)
    rich = KAF.init(0, 4, trainable=("sigma", "centers"), residual=True)
    close(rich(x), np.asarray(plain(x)), 200)
    assert num_parameters(rich) == 4 * 20 + 4 + 20 + 4
    linear = KAF(plain.alpha, linear=np.float32([1, 2, 3, 4]))
    close(linear(x), np.asarray(plain(x)) + x * [1, 2, 3, 4])


def test_channels(backend):
    x = inputs(2, 3, 5, 6)
    layer = KAF.init(0, 3, trainable=("sigma",), residual=True, axis=1)
    layer = KAF(layer.alpha, log_sigma=np.log(np.float32([0.4, 0.5, 0.9])), linear=np.float32([1, -1, 2]), axis=1)
    last = KAF(layer.alpha, log_sigma=layer.log_sigma, linear=layer.linear)
    expected = np.moveaxis(np.asarray(last(np.moveaxis(x, 1, -1))), -1, 1)
    close(layer(x), expected)
    close(KAF(layer.alpha, log_sigma=layer.log_sigma, linear=layer.linear, axis=-3)(x), expected)


def test_what_may_be_trained(backend):
    with pytest.raises(ValueError) as e:
        KAF.init(0, 4, trainable=("sigma", "alpha"))
    assert str(e.value) == 'KAF: trainable may hold "sigma" and "centers"; it holds alpha.'


# -- Two inputs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [2, 10, 40])
@pytest.mark.one_in(2)
def test_kaf2d(backend, size):
    layer = KAF2D.init(0, 6, Grid(size))
    x = inputs(50, 6)
    sigma = np.sqrt(2) * layer.grid.step
    np.testing.assert_allclose(1 / (2 * layer.sigma**2), 1 / (4 * layer.grid.step**2), rtol=1e-12)
    K = gauss(x, layer.grid, sigma)
    # Unit k goes with unit k + H/2.
    expected = np.einsum("nhi,hij,nhj->nh", K[:, :3], np.asarray(layer.alpha, np.float64), K[:, 3:])
    close(layer(x), expected, 200)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: KAF2D.init(0, 5), "KAF2D: units come in pairs, so their number must be even; it is 5."),
        (
            lambda: KAF2D.init(0, 4)(inputs(3, 6)),
            "KAF2D: the last axis of x must have 4 units; x has shape (3, 6), alpha (2, 10, 10).",
        ),
        (
            lambda: KANLayer.init(0, 4, 2)(inputs(3, 6)),
            "KANLayer: the last axis of x must have 4 features; x has shape (3, 6), alpha (4, 2, 8).",
        ),
        (lambda: MultiKAF.init(0, 4, kernels=()), "MultiKAF: at least one kernel is needed."),
    ],
)
def test_errors(backend, call, message):
    with pytest.raises(ValueError) as e:
        call()
    assert str(e.value) == message


# -- Several kernels ------------------------------------------------------------------------------------------------------


def test_multikaf(backend):
    layer = MultiKAF.init(0, 4, kernels=("gauss", "relu"))
    mu = np.float32([[0.2, 0.8], [1, 0], [0, 1], [0.5, -0.5]])
    layer = MultiKAF(layer.alpha, mu, layer.kernels)
    x = inputs(30, 4)
    c = np.linspace(-3, 3, 20)
    kernels = [gauss(x, Grid(), Grid().sigma), np.maximum(x[..., None].astype(float) - c, 0)]
    expected = sum(mu[:, m] * (np.asarray(layer.alpha, np.float64) * K).sum(-1) for m, K in enumerate(kernels))
    close(layer(x), expected)


# -- Complex numbers ------------------------------------------------------------------------------------------------------


def test_complexkaf(backend):
    layer = ComplexKAF.init(0, 4)
    z = inputs(30, 4) + 1j * inputs(30, 4, seed=1)
    found = np.asarray(layer(z.astype(np.complex64)))
    assert found.dtype == np.complex64
    close(found.real, np.asarray(layer.real(z.real.astype(np.float32))))
    close(found.imag, np.asarray(layer.imag(z.imag.astype(np.float32))))
    assert not np.array_equal(np.asarray(layer.real.alpha), np.asarray(layer.imag.alpha))
    real = np.asarray(layer(z.real.astype(np.float32)))
    close(real.imag, np.tile(np.asarray(layer.imag(np.zeros(4, np.float32))), (30, 1)))


# -- Gates ----------------------------------------------------------------------------------------------------------------


def test_gatedkaf(backend):
    layer = GatedKAF.init(0, 4, init="random")
    x = inputs(30, 4)
    inner = 0.5 * np.asarray(layer.kaf(x), np.float64) + 0.5 * x
    close(layer(x), 1 / (1 + np.exp(-inner)))
    start = GatedKAF.init(0, 4)
    inside = np.clip(x, -2.5, 2.5)
    np.testing.assert_allclose(np.asarray(start(inside)), 1 / (1 + np.exp(-inside)), rtol=0, atol=0.01)
    far = np.asarray(start(np.float32([[-50.0, 50.0, -200.0, 200.0]])))
    np.testing.assert_allclose(far, [[0, 1, 0, 1]], atol=1e-9)


# -- On every edge --------------------------------------------------------------------------------------------------------


def fast_kan(layer, x):
    """fast-kan's forward pass as its program has it: layer norm, radial basis, spline weights, silu beside them."""
    x = x.astype(np.float64)
    normed = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    normed = normed * np.asarray(layer.scale) + np.asarray(layer.shift)
    centers = np.linspace(-2, 2, 8)
    basis = np.exp(-(((normed[..., None] - centers) / (4 / 7)) ** 2))
    out = np.einsum("nik,iok->no", basis, np.asarray(layer.alpha, np.float64))
    return out + (x / (1 + np.exp(-x))) @ np.asarray(layer.base, np.float64) + np.asarray(layer.bias)


def test_kan_layer_is_fast_kans(backend):
    layer = KANLayer.init(0, 5, 3, norm=True)
    assert num_parameters(layer) == 5 * 3 * 8 + 5 * 3 + 3 + 2 * 5
    layer = KANLayer(layer.alpha, layer.base, inputs(3), inputs(5), inputs(5, seed=1))
    close(layer(inputs(40, 5)), fast_kan(layer, inputs(40, 5)), 200)


def test_kan_layer_is_a_kaf_on_each_edge(backend):
    layer = KANLayer.init(0, 5, 3, Grid(12, 3.0), base=False)
    assert (layer.base, layer.bias, layer.scale, layer.shift) == (None,) * 4
    x = inputs(40, 5)
    edges = [
        [kaf.kaf(x[:, i], layer.alpha[i, o], layer.grid.centers, layer.grid.step / np.sqrt(2)) for i in range(5)]
        for o in range(3)
    ]
    close(layer(x), np.asarray(edges, np.float64).sum(1).T, 200)


@pytest.mark.parametrize("n_in", [1, 2, 3])
@pytest.mark.one_in(4)
def test_a_kan_layer_tells_inputs_apart(backend, n_in):
    """A layer norm, which is not the default, would leave a constant of one input, and of two which one is larger."""
    layer = KANLayer.init(0, n_in, 4, base=False)
    assert layer.scale is None and layer.shift is None
    rows = np.arange(1, 6, dtype=np.float32)[:, None] * np.linspace(0.2, 0.4, n_in, dtype=np.float32)
    out = np.asarray(layer(rows))
    assert min(np.abs(a - b).max() for i, a in enumerate(out) for b in out[:i]) > 1e-2


def test_a_layer_norm_of_one_input_is_refused(backend):
    with pytest.raises(ValueError) as e:
        KANLayer.init(0, 1, 4, norm=True)
    assert str(e.value) == ("KANLayer: a layer norm of one input is a constant; give norm=False, or more inputs.")


@pytest.mark.parametrize("name, largest", [("KANLayer", 64 * 16), ("KAF2D", 64 * 16)])
def test_no_value_has_an_axis_for_the_centers(backend, name, largest):
    layer = {"KANLayer": KANLayer.init(0, 16, 16, Grid(8)), "KAF2D": KAF2D.init(0, 16, Grid(8))}[name]
    x = inputs(64, 16)
    program = backend.make_jaxpr(backend.grad(lambda layer, x: layer(x).sum(), (0, 1)))(layer, x)
    assert max(size for _, size in sizes_in(program.jaxpr)) <= max(largest, 16 * 16 * 8)


# -- On another grid -----------------------------------------------------------------------------------------------------

RESIZED = {
    "KAF": lambda: KAF.init(0, 4),
    "KAF2D": lambda: KAF2D.init(0, 4),
    "MultiKAF": lambda: MultiKAF.init(0, 4, kernels=("gauss", "relu")),
    "ComplexKAF": lambda: ComplexKAF.init(0, 4),
    "GatedKAF": lambda: GatedKAF.init(0, 4, init="random"),
    "KANLayer": lambda: KANLayer.init(0, 4, 3, Grid(8, 3.0)),
    "KAFNet": lambda: kaf.KAFNet.init(0, [4, 5, 6, 2]),
    "KAN": lambda: kaf.KAN.init(0, [4, 3, 2], Grid(8, 3.0), spread=0.05),
}


def grids_in(layer):
    if hasattr(layer, "layers") or isinstance(layer, (ComplexKAF, GatedKAF)):
        inner = layer.layers if hasattr(layer, "layers") else vars(layer).values()
        return [grid for part in inner for grid in grids_in(part)]
    grid = getattr(layer, "grid", ())
    return [grid] if isinstance(grid, Grid) else list(grid)


@pytest.mark.parametrize("name", RESIZED)
@pytest.mark.one_in(7)
def test_every_layer_and_network_goes_to_another_grid(backend, name):
    layer, x = RESIZED[name](), inputs(100, 4) / 2
    before = np.asarray(layer(x))
    # As many centres to a step as 3.0 times the old ones have, or more, so the new functions can be near.
    resized = layer.resize(Grid(60, 3.5))
    assert type(resized) is type(layer) and set(grids_in(resized)) == {Grid(60, 3.5)}
    assert get_same_library(backend, resized)
    np.testing.assert_allclose(np.asarray(resized(x)), before, rtol=0, atol=0.02 * np.abs(before).max())
    fitted = resized.fit_to_data(x)
    assert grids_in(fitted) != grids_in(resized) and {grid.size for grid in grids_in(fitted)} == {60}
    inside = (np.abs(np.asarray(fitted(x)) - before) < 0.05 * np.abs(before).max()).mean()
    assert inside > 0.9  # what lies outside of the share that the grids cover may differ


def get_same_library(backend, layer):
    return all(isinstance(leaf, backend.np.ndarray) for leaf in backend.tree_util.tree_leaves(layer))


def test_options_of_the_kafs_of_a_network(backend):
    grids = [Grid(10), Grid.over(0.0, 4.0, 12)]
    net = kaf.KAFNet.init(0, [3, 4, 5, 1], grid=grids, trainable=("sigma",), residual=True)
    kafs = [layer for layer in net.layers if isinstance(layer, KAF)]
    assert [layer.grid for layer in kafs] == grids
    assert [(layer.log_sigma.shape, layer.linear.shape) for layer in kafs] == [((4,), (4,)), ((5,), (5,))]
    assert np.isfinite(np.asarray(net(inputs(7, 3)))).all()
    assert kaf.KAFNet.init(0, [3, 4, 1], kernel="relu").layers[1].kernel == "relu"
    for arguments, message in [
        ({"grid": grids[:1]}, "KAFNet: grid must be one for all, or hold one for each of the 2 layers; it has 1."),
        ({"activation": "relu", "residual": True}, "KAFNet: residual can be given for KAFs alone, not for relu."),
    ]:
        with pytest.raises(ValueError) as e:
            kaf.KAFNet.init(0, [3, 4, 5, 1], **arguments)
        assert str(e.value) == message
