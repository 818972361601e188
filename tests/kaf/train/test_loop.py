"""Training: the same loss curve on both backends, and all options of training."""

import time
from importlib import import_module

import jax
import numpy as np
import optax
import pytest
from flax import nnx
from sklearn.datasets import load_digits

import kaf
import minijax
from kaf import KAFNet, fit, get_backend, losses, optim, use_backend


def digits():
    data = load_digits()
    order = np.random.default_rng(0).permutation(len(data.target))
    x, y = (data.data / 8 - 1).astype(np.float32)[order], data.target.astype(np.int32)[order]
    return x[:1437], y[:1437], x[1437:], y[1437:]


def moons(n=200, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    t = rng.uniform(0, np.pi, n)
    x = np.stack([np.cos(t) * (1 - 2 * y) + y, np.sin(t) * (1 - 2 * y) + 0.5 * y], -1)
    return (x + rng.normal(0, 0.2, x.shape)).astype(np.float32), y.astype(np.int32)


def test_same_loss_curve_on_both_backends():
    x, y, _, _ = digits()
    curves = {}
    for name in ("minijax", "jax"):
        with use_backend(name):
            curves[name] = fit(KAFNet.init(0, [64, 32, 10]), x, y, epochs=1, batch_size=64).loss_curve
    assert curves["minijax"].shape == (23,) and curves["minijax"].dtype == np.float32
    assert curves["minijax"][-1] < curves["minijax"][0]
    np.testing.assert_allclose(curves["minijax"], curves["jax"], rtol=1e-4)


@pytest.mark.one_in(2)
def test_digits(backend):
    x, y, x_test, y_test = digits()
    start = time.perf_counter()
    result = fit(KAFNet.init(0, [64, 32, 10]), x, y, epochs=15, batch_size=64)
    elapsed = time.perf_counter() - start
    assert float(losses.accuracy(result.model(x_test), y_test)) > 0.95
    assert get_backend(result.model.layers[0].weight) is backend
    assert 0 < result.seconds <= elapsed < 60


@pytest.mark.parametrize("activation", ["kaf", "relu", "tanh"])
@pytest.mark.one_in(2)
def test_binary(backend, activation):
    x, y = moons()
    model = KAFNet.init(0, [2, 6, 1], activation)
    result = fit(model, x, y, loss="binary_cross_entropy", epochs=60, batch_size=50, optimizer=optim.adam(0.02))
    assert result.epoch_losses[-1] < 0.6 * result.epoch_losses[0]
    assert float(losses.accuracy(result.model(x), y)) > 0.85


def test_what_the_result_holds(backend):
    x, y = moons(130)
    model = KAFNet.init(0, [2, 4, 1])
    calls = []
    result = fit(
        model,
        x,
        y,
        loss=losses.binary_cross_entropy,
        epochs=3,
        batch_size=50,
        callback=lambda epoch, loss: calls.append((epoch, loss)),
    )
    assert result.loss_curve.shape == (9,)  # batches of 50, 50 and 30
    expected = np.average(result.loss_curve.astype(np.float64).reshape(3, 3), axis=1, weights=[50, 50, 30])
    np.testing.assert_allclose(result.epoch_losses, expected, rtol=1e-6)
    assert [epoch for epoch, _ in calls] == [0, 1, 2]
    np.testing.assert_array_equal(np.float32([loss for _, loss in calls]), result.epoch_losses)
    assert result.interrupted is False
    # Training leaves the given model as it is.
    assert not np.array_equal(np.asarray(result.model.layers[0].weight), np.asarray(model.layers[0].weight))


def test_the_first_loss_is_that_of_the_model_as_given(backend):
    x, y = moons(40)
    model = KAFNet.init(0, [2, 4, 1])
    curve = fit(model, x, y, loss="binary_cross_entropy", epochs=1, batch_size=40, l2_alpha=0.01).loss_curve
    # Without the l2 term, which the losses of other networks do not have: curves of several networks are drawn together.
    expected = losses.binary_cross_entropy(model(x), y)
    assert losses.l2_alpha(model) > 1
    # One batch holds all examples: their order changes only the last bits of the sum.
    np.testing.assert_allclose(curve[0], float(expected), rtol=1e-5)


@pytest.mark.one_in(7)
def test_l2_alpha_keeps_alpha_small(backend):
    x, y = moons(100)
    model = KAFNet.init(0, [2, 4, 1])
    size = {}
    for weight in (0.0, 1.0):
        result = fit(model, x, y, loss="binary_cross_entropy", epochs=10, optimizer=optim.adam(0.02), l2_alpha=weight)
        size[weight] = float(losses.l2_alpha(result.model))
    assert size[1.0] < 0.5 * size[0.0]


def test_the_seed_decides_the_batches(backend):
    x, y = moons(100)
    curve = lambda seed: (
        fit(KAFNet.init(0, [2, 4, 1]), x, y, loss="binary_cross_entropy", epochs=2, batch_size=20, seed=seed).loss_curve
    )
    np.testing.assert_array_equal(curve(3), curve(3))
    assert not np.array_equal(curve(3), curve(4))


def test_no_epochs(backend):
    x, y = moons(20)
    model = KAFNet.init(0, [2, 4, 1])
    result = fit(model, x, y, loss="binary_cross_entropy", epochs=0)
    assert result.loss_curve.shape == result.epoch_losses.shape == (0,)
    np.testing.assert_array_equal(np.asarray(result.model(x)), np.asarray(model(x)))


@pytest.mark.parametrize("name", ["minijax", "jax"])
@pytest.mark.one_in(5)
def test_the_model_is_carried_over_to_the_backend_asked_for(backend, name):
    x, y = moons(40)
    model = KAFNet.init(0, [2, 4, 1])
    result = fit(model, x, y, loss="binary_cross_entropy", epochs=1, backend=name)
    assert get_backend(result.model.layers[0].weight).name == name
    assert get_backend() is backend
    with pytest.raises(ValueError, match="there is no backend 'torch'"):
        fit(model, x, y, loss="binary_cross_entropy", epochs=1, backend="torch")


def test_a_backend_object_and_arrays_of_the_backend_do_too(backend):
    x, y = moons(40)
    x, y = backend.np.asarray(x), backend.np.asarray(y)
    result = fit(KAFNet.init(0, [2, 4, 1]), x, y, loss="binary_cross_entropy", epochs=1, backend=backend)
    assert np.isfinite(result.loss_curve).all()


def test_interruption_returns_what_was_trained(backend):
    x, y = moons(60)

    def stop(epoch, loss):
        if epoch == 1:
            raise KeyboardInterrupt

    model = KAFNet.init(0, [2, 4, 1])
    arguments = {"loss": "binary_cross_entropy", "batch_size": 20, "seed": 1}
    stopped = fit(model, x, y, epochs=50, callback=stop, **arguments)
    assert stopped.interrupted is True
    assert stopped.loss_curve.shape == (6,) and stopped.epoch_losses.shape == (2,)
    whole = fit(model, x, y, epochs=2, **arguments)
    np.testing.assert_array_equal(stopped.loss_curve, whole.loss_curve)
    np.testing.assert_array_equal(np.asarray(stopped.model(x)), np.asarray(whole.model(x)))


def test_an_error_of_the_callback_is_not_swallowed(backend):
    x, y = moons(20)

    def fail(epoch, loss):
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="the disk is full"):
        fit(KAFNet.init(0, [2, 4, 1]), x, y, loss="binary_cross_entropy", epochs=1, callback=fail)


def test_optax_trains_as_well():
    x, y = moons(60)
    arguments = {"loss": "binary_cross_entropy", "epochs": 3, "backend": "jax"}
    model = KAFNet.init(0, [2, 4, 1])
    theirs = fit(model, x, y, optimizer=optax.adam(0.01), **arguments)
    ours = fit(model, x, y, optimizer=optim.adam(0.01), **arguments)
    np.testing.assert_allclose(ours.loss_curve, theirs.loss_curve, rtol=1e-5)


def test_validation_and_the_best_epoch(backend):
    x, y = moons(120)
    arguments = {"loss": "binary_cross_entropy", "epochs": 6, "batch_size": 32, "optimizer": optim.adam(0.05)}
    model, calls = KAFNet.init(0, [2, 4, 1]), []
    whole = fit(model, x, y, validation=(x[:50], y[:50]), callback=lambda *given: calls.append(given), **arguments)
    assert whole.validation_losses.shape == (6,) and whole.validation_losses.dtype == np.float32
    # The last loss is that of the returned model, without the l2 term.
    expected = float(losses.binary_cross_entropy(whole.model(x[:50]), y[:50]))
    np.testing.assert_allclose(whole.validation_losses[-1], expected, rtol=1e-5)
    assert whole.best_epoch == int(np.argmin(whole.validation_losses)) and whole.stopped_early is False
    found = np.float32([given[2] for given in calls])
    assert [given[0] for given in calls] == list(range(6)) and np.array_equal(found, whole.validation_losses)
    # Examples that are held out change only the batches of the training.
    assert np.array_equal(whole.loss_curve, fit(model, x, y, **arguments).loss_curve)


@pytest.mark.parametrize("patience", [1, 3])
@pytest.mark.one_in(7)
def test_early_stopping_returns_the_best_model(backend, patience):
    x, y = moons(60)
    # The labels of the validation examples are wrong, so training makes the validation loss larger.
    held_out = (x, 1 - y)
    arguments = {"loss": "binary_cross_entropy", "batch_size": 20, "validation": held_out}
    model = KAFNet.init(0, [2, 4, 1])
    stopped = fit(model, x, y, epochs=50, patience=patience, **arguments)
    assert stopped.stopped_early is True and stopped.interrupted is False
    assert len(stopped.epoch_losses) == stopped.best_epoch + 1 + patience < 50
    best = fit(model, x, y, epochs=stopped.best_epoch + 1, **arguments)
    np.testing.assert_array_equal(np.asarray(stopped.model(x)), np.asarray(best.model(x)))
    rising = stopped.validation_losses[stopped.best_epoch :]
    assert (rising[1:] >= rising[0]).all()


def test_a_share_is_held_out_by_the_seed(backend):
    x, y = moons(100)
    seen = []
    loss = lambda outputs, targets: seen.append(outputs.shape[0]) or losses.binary_cross_entropy(outputs, targets)
    curves = {}
    for seed in (0, 1):
        result = fit(KAFNet.init(0, [2, 4, 1]), x, y, loss=loss, epochs=2, batch_size=75, validation=0.25, seed=seed)
        curves[seed] = result.validation_losses
        assert result.loss_curve.shape == (2,)
    assert set(seen) == {75, 25}
    assert not np.array_equal(curves[0], curves[1])


def test_many_examples_are_validated_in_parts(backend):
    x, y = moons(2100)
    result = fit(KAFNet.init(0, [2, 4, 1]), x[:40], y[:40], loss="binary_cross_entropy", epochs=1, validation=(x, y))
    expected = float(losses.binary_cross_entropy(result.model(x), y))
    np.testing.assert_allclose(result.validation_losses, [expected], rtol=1e-5)


@pytest.mark.one_in(4)
def test_decay_of_alpha_apart(backend):
    x, y = moons(100)
    model, size = KAFNet.init(0, [2, 4, 1]), {}
    for decay in (0.0, 1.0):
        optimizer = optim.adam(0.02, weight_decay=optim.decay_apart(alpha=decay))
        arguments = {"loss": "binary_cross_entropy", "epochs": 20, "l2_alpha": 0.0}
        size[decay] = float(losses.l2_alpha(fit(model, x, y, optimizer=optimizer, **arguments).model))
    assert size[1.0] < 0.5 * size[0.0]


def test_what_is_no_array_stays_in_its_place(backend):
    """A model may hold values that are not trained: integers here, functions in Equinox's modules."""
    x, y = moons(40)
    net = KAFNet.init(0, [2, 4, 1])
    model = KAFNet((kaf.Linear(np.eye(2, dtype=np.int32), np.zeros(2, np.int32)), *net.layers))
    result = fit(model, x, y, loss="binary_cross_entropy", epochs=2, optimizer=optim.adam(weight_decay=0.1))
    assert np.array_equal(np.asarray(result.model.layers[0].weight), np.eye(2)) and result.loss_curve.shape == (2,)


def test_infinities_that_cancel_are_seen(backend):
    x = np.zeros((4, 2))
    x[1] = [np.inf, -np.inf]
    with pytest.raises(ValueError, match=r"fit: x\[1\] is NaN or infinite"):
        fit(KAFNet.init(0, [2, 4, 1]), x, x[:, 0])
    x = np.full((40, 2), 3e38, np.float32)  # Their sum is no float32.
    result = fit(KAFNet.init(0, [2, 4, 1]), x, x[:, 0] > 0, loss=lambda outputs, _: (outputs**2).mean() * 0, epochs=1)
    assert result.loss_curve.shape == (1,)


def test_half_precision(backend, tmp_path):
    """Inputs and parameters of bfloat16, a dtype that NumPy lacks; training also resumes from a checkpoint."""
    x, y = moons(40)
    model = backend.tree_util.tree_map(lambda leaf: leaf.astype("bfloat16"), KAFNet.init(0, [2, 4, 1]))
    half = np.asarray(backend.np.asarray(x).astype("bfloat16"))
    arguments = {"loss": "binary_cross_entropy", "batch_size": 20, "checkpoint": tmp_path / "c.npz"}
    first = fit(model, half, y, epochs=1, **arguments)
    result = fit(model, half, y, epochs=2, **arguments)
    assert np.asarray(result.model.layers[1].alpha).dtype == half.dtype and np.isfinite(result.loss_curve).all()
    np.testing.assert_array_equal(result.loss_curve[:2], first.loss_curve)


X, Y = moons(20)
BAD_X, BAD_Y = X.copy(), Y.astype(np.float32)
BAD_X[3, 1], BAD_Y[7] = np.inf, np.nan


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"x": X[:3]},
            "fit: x and y must hold the same number of examples, one or more; shapes (3, 2) and (20,).",
        ),
        (
            {"x": X[:0], "y": Y[:0]},
            "fit: x and y must hold the same number of examples, one or more; shapes (0, 2) and (0,).",
        ),
        ({"epochs": -1}, "fit: epochs must be at least 0 and batch_size at least 1; got -1 and 64."),
        ({"batch_size": 0}, "fit: epochs must be at least 0 and batch_size at least 1; got 1 and 0."),
        (
            {"loss": "hinge"},
            "fit: there is no loss 'hinge'; choose one of cross_entropy, binary_cross_entropy, mean_squared_error, "
            "or pass a function.",
        ),
        (
            {"loss": "cross_entropy", "y": Y + 1},
            "fit: the model has 1 classes; the labels run from 1 to 2.",
        ),
        ({"x": BAD_X}, "fit: x[3] is NaN or infinite; replace it or remove the example."),
        ({"y": BAD_Y}, "fit: y[7] is NaN or infinite; replace it or remove the example."),
        ({"y": Y.astype(str)}, "fit: y must hold numbers; its dtype is <U11."),
        (
            {"validation": (X[:3], Y)},
            "fit: the validation's x and y must hold the same number of examples, one or more; shapes (3, 2) and (20,).",
        ),
        (
            {"validation": (X, BAD_Y)},
            "fit: the validation's y[7] is NaN or infinite; replace it or remove the example.",
        ),
        (
            {"loss": "cross_entropy", "y": 0 * Y, "validation": (X, Y)},
            "fit: the model has 1 classes; the labels run from 0 to 1.",
        ),
        (
            {"validation": 1.5},
            "fit: validation must be a share between 0 and 1, or examples (x, y); it is 1.5.",
        ),
        ({"validation": 0.01}, "fit: validation=0.01 of 20 examples leaves 20 to train and 0 to hold out."),
        ({"patience": 3}, "fit: patience needs a validation loss; give validation=0.2, or validation=(x, y)."),
        ({"patience": 0, "validation": 0.2}, "fit: patience must be a number of epochs, at least 1; it is 0."),
        ({"model": kaf.layers.Fixed("relu")}, "fit: the model has no floating arrays, and so nothing to train."),
    ],
)
@pytest.mark.one_in(3)
def test_errors(backend, arguments, message):
    model = arguments.get("model") or KAFNet.init(0, [2, 4, 1])
    given = {"x": X, "y": Y, "loss": "binary_cross_entropy", "epochs": 1, **arguments, "model": model}
    with pytest.raises(ValueError) as e:
        fit(**given)
    assert str(e.value) == message


# -- Without a number of epochs ------------------------------------------------------------------------------------------


@pytest.mark.long
def test_without_epochs_the_validation_loss_ends_the_training(backend):
    """Forty epochs are too few for this regression: R2 .8 of .99. The validation loss says when to stop."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (200, 3)).astype(np.float32)
    y = np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2]
    model, arguments = KAFNet.init(0, [3, 6, 1]), {"loss": "mean_squared_error", "optimizer": optim.adam(3e-3)}
    few, enough = fit(model, x, y, epochs=40, **arguments), fit(model, x, y, **arguments)
    held_out = 20
    assert enough.validation_losses.size == enough.epoch_losses.size
    assert enough.loss_curve.size == enough.epoch_losses.size * kaf.steps_per_epoch(200 - held_out, 64)
    # 400 steps of three to the epoch.
    if enough.stopped_early:
        assert enough.epoch_losses.size == enough.best_epoch + 1 + 134
    else:
        assert enough.epoch_losses.size == 1000
    x_new = rng.uniform(-1, 1, (500, 3)).astype(np.float32)
    y_new = np.sin(3 * x_new[:, 0]) + x_new[:, 1] * x_new[:, 2]
    error = lambda result: float(losses.mean_squared_error(result.model(x_new), y_new))
    assert error(enough) < 0.5 * error(few)


def test_what_is_given_counts_without_epochs_too(backend):
    x, y = moons(60)
    wrong = (x, 1 - y)
    arguments = {"loss": "binary_cross_entropy", "batch_size": 20}
    result = fit(KAFNet.init(0, [2, 4, 1]), x, y, validation=wrong, patience=3, **arguments)
    assert (
        result.stopped_early
        and len(result.epoch_losses) == result.best_epoch + 1 + 3
        and result.loss_curve.size % 3 == 0
    )


# -- L-BFGS ------------------------------------------------------------------------------------------------------------

LINE = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
WHOLE = {"loss": "mean_squared_error", "batch_size": 40, "l2_alpha": 1e-2}


@pytest.mark.long
def test_l_bfgs_of_optax_sees_the_whole_objective():
    """Its line search evaluates the loss with the l2 term and the penalty, as a loop by hand does."""
    y, penalty = np.sin(3 * LINE[:, 0]), lambda net: 1e-2 * (net.layers[0].weight ** 2).sum()
    with use_backend("jax"):
        net, optimizer = KAFNet.init(0, [1, 2, 1]), optax.lbfgs(memory_size=2)
        found = fit(net, LINE, y, epochs=6, optimizer=optimizer, penalty=penalty, **WHOLE)

        def objective(net):
            l2 = (net.layers[1].alpha ** 2).sum()
            return ((net(LINE)[:, 0] - y) ** 2).mean() + 1e-2 * l2 + penalty(net)

        @jax.jit
        def step(net, state):
            value, grad = jax.value_and_grad(objective)(net)
            updates, state = optimizer.update(grad, state, net, value=value, grad=grad, value_fn=objective)
            return optax.apply_updates(net, updates), state, value

        state = optimizer.init(net)
        for _ in range(6):
            net, state, value = step(net, state)
        np.testing.assert_allclose(np.asarray(found.model(LINE)), np.asarray(net(LINE)), rtol=0, atol=1e-3)
        assert float(objective(found.model)) < float(value) * 1.001
    with minijax.as_jax():
        on_minijax = import_module("optax")
    assert on_minijax is not optax
    with use_backend("minijax"):
        net, optimizer = KAFNet.init(0, [1, 2, 1]), on_minijax.lbfgs(memory_size=2)
        ours = fit(net, LINE, y, epochs=6, optimizer=optimizer, penalty=penalty, **WHOLE)
    np.testing.assert_allclose(ours.epoch_losses, found.epoch_losses, rtol=1e-4)


@pytest.mark.parametrize("library", ["equinox", "nnx"])
@pytest.mark.one_in(2)
def test_l_bfgs_trains_modules(library):
    y = np.sin(3 * LINE[:, 0])
    grid = kaf.Grid(5, 1.0)
    if library == "equinox":
        net = kaf.equinox.KANLayer.init(jax.random.key(0), 1, 1, grid, base=False)
    else:
        net = kaf.nnx.KANLayer(1, 1, grid, rngs=nnx.Rngs(0), base=False)
    arguments = {"optimizer": optax.chain(optax.clip_by_global_norm(10.0), optax.lbfgs(2)), **WHOLE, "l2_alpha": 0.0}
    losses = fit(net, LINE, y, epochs=6, **arguments).epoch_losses
    assert losses[-1] < 0.1 * losses[0]


@pytest.mark.parametrize("optimizer", [optax.lbfgs(), optax.adam(0.1)])
def test_an_optimizer_of_optax_on_minijax_is_one_clear_error(optimizer):
    with use_backend("minijax"), pytest.raises(ValueError) as e:
        fit(KAFNet.init(0, [1, 4, 1]), LINE, LINE[:, 0], optimizer=optimizer, **WHOLE)
    assert str(e.value) == (
        "fit: this optimizer is optax's, which computes with JAX, and minijax computes here: import optax within `with "
        "minijax.as_jax():`, or give backend='jax', or an optimizer of kaf.optim."
    )
