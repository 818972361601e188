"""The Equinox module: the same numbers as the plain layer, and at home where Equinox's own modules are."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import kaf
from kaf import Grid, num_parameters

KEY = jax.random.key(0)


def test_same_as_the_plain_layer():
    grid = Grid(10, 2.0, "code")
    module = kaf.equinox.KAF.init(KEY, 4, grid)
    layer = kaf.KAF.init(KEY, 4, grid)
    np.testing.assert_array_equal(module.alpha, layer.alpha)
    x = jnp.linspace(-3, 3, 20).reshape(5, 4)
    np.testing.assert_array_equal(module(x), layer(x))
    back = module.to_layer()
    assert isinstance(back, kaf.KAF) and back.grid == grid and back.alpha is module.alpha
    again = kaf.equinox.KAF.from_layer(layer)
    assert again.alpha is layer.alpha and again.grid == grid
    assert num_parameters(module) == 40


def test_grid_is_static():
    leaves, treedef = jax.tree.flatten(kaf.equinox.KAF.init(KEY, 3))
    assert [leaf.shape for leaf in leaves] == [(3, 20)]
    assert treedef != jax.tree.structure(kaf.equinox.KAF.init(KEY, 3, Grid(rule="code")))


def test_filter_jit_and_filter_grad():
    module = kaf.equinox.KAF.init(KEY, 3)
    x = jnp.ones((5, 3))
    np.testing.assert_allclose(eqx.filter_jit(module)(x), module(x), rtol=1e-5)
    grads = eqx.filter_jit(eqx.filter_grad(lambda module: (module(x) ** 2).sum()))(module)
    assert isinstance(grads, kaf.equinox.KAF) and grads.alpha.shape == (3, 20) and grads.alpha.any()
    with pytest.raises(ValueError, match=r"x has shape \(5, 4\), alpha \(3, 20\)"):
        module(jnp.ones((5, 4)))


def random_mlp(depth=2, width=8, scan=False):
    mlp = eqx.nn.MLP(3, 2, width, depth, activation=kaf.equinox.KAF.init(KEY), scan=scan, key=jax.random.key(1))
    return kaf.equinox.redraw(mlp, KEY)


def test_redraw_gives_every_unit_a_function_of_its_own():
    key = jax.random.key(1)
    kafs = [kaf.equinox.KAF.init(KEY, trainable=("sigma",)) for _ in range(2)]
    model = [eqx.nn.MLP(3, 2, 8, 2, activation=activation, key=key) for activation in kafs]
    assert len({row.tobytes() for part in model for row in np.asarray(part.activation.alpha).reshape(-1, 20)}) == 1
    drawn = kaf.equinox.redraw(model, KEY)
    alphas = np.concatenate([np.asarray(part.activation.alpha).reshape(-1, 20) for part in drawn])
    assert alphas.shape == (32, 20) and len(set(alphas.ravel().tolist())) == alphas.size
    np.testing.assert_allclose(alphas.std(), np.sqrt(0.3), rtol=0.1)
    # Nothing else has changed.
    same = jax.tree.map(lambda a, b: a is b, model, drawn)
    assert sum(not equal for equal in jax.tree.leaves(same)) == 2


def test_as_the_activation_of_an_mlp_every_unit_has_its_own_alpha():
    mlp = eqx.nn.MLP(3, 2, 8, 2, activation=kaf.equinox.KAF.init(KEY, init="tanh"), key=KEY)
    assert mlp.activation.alpha.shape == (2, 8, 20)
    np.testing.assert_array_equal(mlp.activation.alpha[1, 5], kaf.ridge_alpha("tanh").alpha)
    assert num_parameters(mlp) == (3 * 8 + 8) + (8 * 8 + 8) + (8 * 2 + 2) + 2 * 8 * 20


@pytest.mark.parametrize("scan", [False, True])
@pytest.mark.one_in(7)
def test_an_mlp_is_the_plain_network(scan):
    mlp = random_mlp(scan=scan)
    alpha, grid = mlp.activation.alpha, Grid()
    linears = [
        mlp.layers[0],
        jax.tree.map(lambda leaf: leaf[0], mlp.layers[1]) if scan else mlp.layers[1],
        mlp.layers[2],
    ]
    layers = []
    for i, linear in enumerate(linears):
        layers.append(kaf.Linear(linear.weight.T, linear.bias))
        if i < 2:
            layers.append(kaf.KAF(alpha[i], grid))
    net = kaf.KAFNet(tuple(layers))
    x = jax.random.normal(KEY, (6, 3))
    np.testing.assert_allclose(jax.vmap(mlp)(x), net(x), rtol=0, atol=1e-5)


def test_gradients_reach_every_units_alpha():
    mlp = random_mlp()
    x = jax.random.normal(KEY, (16, 3))
    grads = eqx.filter_grad(lambda mlp: (jax.vmap(mlp)(x) ** 2).mean())(mlp)
    of_alpha = np.asarray(grads.activation.alpha)
    assert of_alpha.shape == (2, 8, 20) and np.abs(of_alpha).sum(-1).all()
    assert len({row.tobytes() for row in of_alpha.reshape(16, 20)}) == 16


def test_trains_with_optax():
    mlp = random_mlp()
    x = jax.random.normal(KEY, (64, 3))
    y = jnp.sin(x[:, :2]) * x[:, 2:]
    optimizer = optax.adam(1e-2)
    parameters, static = eqx.partition(mlp, eqx.is_inexact_array)
    state = optimizer.init(parameters)

    @jax.jit
    def step(parameters, state):
        loss = lambda parameters: kaf.losses.mean_squared_error(jax.vmap(eqx.combine(parameters, static))(x), y)
        value, grads = jax.value_and_grad(loss)(parameters)
        updates, state = optimizer.update(grads, state)
        return optax.apply_updates(parameters, updates), state, value

    losses = []
    for _ in range(60):
        parameters, state, value = step(parameters, state)
        losses.append(float(value))
    assert losses[-1] < 0.2 * losses[0]


def test_serialisation(tmp_path):
    mlp = random_mlp()
    eqx.tree_serialise_leaves(tmp_path / "mlp.eqx", mlp)
    like = eqx.nn.MLP(3, 2, 8, 2, activation=kaf.equinox.KAF.init(jax.random.key(9)), key=jax.random.key(9))
    again = eqx.tree_deserialise_leaves(tmp_path / "mlp.eqx", like)
    np.testing.assert_array_equal(again.activation.alpha, mlp.activation.alpha)
    np.testing.assert_array_equal(again(jnp.ones(3)), mlp(jnp.ones(3)))


def test_l2_alpha_sees_equinox_modules():
    mlp = random_mlp()
    expected = (np.asarray(mlp.activation.alpha, np.float64) ** 2).sum()
    np.testing.assert_allclose(kaf.losses.l2_alpha(mlp), expected, rtol=1e-5)


def test_fit_trains_an_equinox_module():
    x = np.linspace(-2, 2, 64, dtype=np.float32)[:, None]
    module = kaf.equinox.KAF.init(KEY, 1)
    result = kaf.fit(module, x, np.sin(x), loss="mean_squared_error", epochs=30, optimizer=kaf.optim.adam(0.05))
    assert isinstance(result.model, kaf.equinox.KAF)
    assert result.epoch_losses[-1] < 0.1 * result.epoch_losses[0]


# -- What else a layer may have --------------------------------------------------------------------------------------------


def test_all_that_is_trained():
    module = kaf.equinox.KAF.init(KEY, 4, trainable=("sigma", "centers"), residual=True)
    assert num_parameters(module) == 4 * 20 + 4 + 20 + 4
    x = jax.random.normal(KEY, (16, 4))
    np.testing.assert_array_equal(module(x), module.to_layer()(x))
    grads = eqx.filter_grad(lambda module: (module(x) ** 2).sum())(module)
    assert all(np.asarray(leaf).any() for leaf in (grads.alpha, grads.log_sigma, grads.centers, grads.linear))


def test_a_trained_bandwidth_in_an_mlp_is_each_units_own():
    activation = kaf.equinox.KAF.init(KEY, trainable=("sigma",), residual=True)
    mlp = eqx.nn.MLP(3, 2, 8, 2, activation=activation, key=KEY)
    assert mlp.activation.log_sigma.shape == mlp.activation.linear.shape == (2, 8)
    x = jax.random.normal(KEY, (16, 3))
    grads = eqx.filter_jit(eqx.filter_grad(lambda mlp: (jax.vmap(mlp)(x) ** 2).sum()))(mlp)
    assert np.asarray(grads.activation.log_sigma).all() and np.isfinite(np.asarray(grads.activation.log_sigma)).all()


@pytest.mark.parametrize("kernel", ["relu", "rational_quadratic"])
def test_kernels_in_an_mlp(kernel):
    mlp = eqx.nn.MLP(3, 2, 8, 2, activation=kaf.equinox.KAF.init(KEY, kernel=kernel), key=KEY)
    assert np.isfinite(np.asarray(jax.vmap(mlp)(jax.random.normal(KEY, (16, 3))))).all()


def test_channels_of_a_convolution():
    conv = eqx.nn.Conv2d(2, 5, 3, key=KEY)
    network = eqx.nn.Sequential([conv, kaf.equinox.KAF.init(KEY, 5, axis=0)])
    x = jax.random.normal(KEY, (7, 2, 8, 8))
    out = jax.vmap(network)(x)
    layer = kaf.KAF(network[1].alpha)
    np.testing.assert_allclose(out, np.moveaxis(layer(np.moveaxis(jax.vmap(conv)(x), 1, -1)), -1, 1), atol=1e-5)
