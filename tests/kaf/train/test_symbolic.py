"""Symbols: each function of the library is known again, formulas are what they print, and what pruning costs."""

import dataclasses

import numpy as np
import pytest
import sympy

import kaf
from kaf import KAN, Grid
from kaf.cli.main import main
from kaf.experiments import symbols
from kaf.symbolic import LIBRARY, Suggestion, pruning_costs, suggest_symbolic, symbolic_formula

X = np.random.default_rng(0).uniform(0.5, 2.5, 300)
# {name: (a, b)} for which the function is defined on X, and looks like no other.
ARGUMENTS = {
    "x": (1.0, 0.0),
    "1/x": (1.0, 0.5),
    "sqrt": (2.0, -0.9),
    "log": (2.0, -0.9),
    "sin": (3.0, 0.4),
    "tanh": (2.0, -3.0),
}


def values(text, **arguments):
    """The text as SymPy reads it, at points."""
    names = list(arguments)
    return sympy.lambdify(sympy.symbols(names), sympy.sympify(text), "numpy")(*arguments.values()) + np.zeros(len(X))


@pytest.mark.parametrize("name", LIBRARY)
@pytest.mark.one_in(12)
def test_a_function_of_the_library_is_known_again(name):
    a, b = ARGUMENTS.get(name, (1.5, -2.2))
    wanted = Suggestion(name, a, b, 2.5, -1.0, 1.0)
    best, second, *_ = suggest_symbolic(wanted, X)
    assert best.name == name and best.r2 > 0.99999 and best.r2 >= second.r2 - 1e-6
    np.testing.assert_allclose(best(X), wanted(X), atol=0.02 * wanted(X).std())


@pytest.mark.parametrize("name", LIBRARY)
def test_an_expression_is_the_function(name):
    for a, b, c in [(1.3, 0.25, 2.0), (-1.3, 4.0, -0.5), (0.7, 0.0, 1.0)]:
        suggestion = Suggestion(name, a, b, c, 0.75, 1.0)
        expected = suggestion(X)
        there = np.isfinite(expected)
        with np.errstate(all="ignore"):
            found = values(suggestion.expression("t", digits=9), t=X)
        np.testing.assert_allclose(found[there], expected[there], rtol=1e-6, atol=1e-6)


def test_noise_does_not_prefer_what_is_complex():
    rng = np.random.default_rng(1)
    best, *_ = suggest_symbolic(lambda x: 3 * x + 0.05 * rng.normal(size=x.shape), X)
    assert best.name == "x"


def test_a_constant_edge():
    best, *others = suggest_symbolic(lambda x: np.full(x.shape, 2.0), X)
    assert (best.name, best.c, best.d, others) == ("x", 0.0, 2.0, []) and best.expression() == "2.0"


def test_the_formula_of_a_network_is_what_it_prints():
    x = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    net = KAN.init(0, [2, 2, 1])
    formula = symbolic_formula(net, x, digits=9)
    assert set(formula.edges) == {(0, i, o) for i in range(2) for o in range(2)} | {(1, 0, 0), (1, 1, 0)}
    x = x[: len(X)]
    np.testing.assert_allclose(values(formula.text[0], x1=x[:, 0], x2=x[:, 1]), formula(x)[:, 0], rtol=1e-5, atol=1e-5)
    network = np.asarray(net(x.astype(np.float32)))[:, 0]
    np.testing.assert_allclose(1 - ((formula(x)[:, 0] - network) ** 2).mean() / network.var(), formula.r2[0], atol=0.02)
    assert formula.r2[0] > 0.95


def test_pruned_edges_are_not_in_the_formula_and_names_are():
    x = np.random.default_rng(0).uniform(-1, 1, (200, 3)).astype(np.float32)
    first = KAN.init(0, [3, 1], Grid(8, 1.0)).layers[0]
    net = KAN((dataclasses.replace(first, mask=((True,), (False,), (True,))),))
    formula = symbolic_formula(net, x, names=["mass", "speed", "time"], library=["x", "x^2", "sin"])
    assert set(formula.edges) == {(0, 0, 0), (0, 2, 0)}
    assert "mass" in formula.text[0] and "time" in formula.text[0] and "speed" not in formula.text[0]


def test_what_there_is_not():
    for call, message in [
        (
            lambda: suggest_symbolic(np.sin, X, ["cosh"]),
            f"suggest_symbolic: there is no function 'cosh'; choose from {', '.join(LIBRARY)}.",
        ),
        (
            lambda: suggest_symbolic(np.sin, np.ones(5)),
            "suggest_symbolic: the samples must hold two different numbers or more.",
        ),
    ]:
        with pytest.raises(ValueError) as e:
            call()
        assert str(e.value) == message


# -- Few edges ------------------------------------------------------------------------------------------------------------


def points():
    x = np.random.default_rng(0).uniform(-1, 1, (200, 4)).astype(np.float32)
    return x, (np.sin(3 * x[:, 0]) + x[:, 1] ** 2).astype(np.float32)


def test_under_the_penalty_few_edges_stay_strong(backend):
    x, y = points()
    left = {}
    for weight in (0.0, 0.03):
        penalty = lambda net, weight=weight: weight * kaf.losses.sparsity(net)
        optimizer = kaf.optim.adam(0.02)
        whole = {"loss": "mean_squared_error", "epochs": 200, "batch_size": 200, "l2_alpha": 0.0}
        net = kaf.fit(KAN.init(0, [4, 1], Grid(8, 1.0)), x, y, optimizer=optimizer, penalty=penalty, **whole).model
        scores = net.layers[0].scores(x)[:, 0]
        left[weight] = scores[2:].max() / scores[:2].min()
    assert left[0.03] < 0.02 < left[0.0]


def test_sparsity_by_its_formula(backend):
    net = KAN.init(0, [2, 3, 1])
    expected = [0.0, 0.0]
    for layer in net.layers:
        sizes = np.abs(np.asarray(layer.alpha, np.float64)).mean(-1) + np.abs(np.asarray(layer.base, np.float64))
        shares = sizes / sizes.sum()
        expected[0] += sizes.sum()
        expected[1] -= (shares * np.log(shares)).sum()
    np.testing.assert_allclose(float(kaf.losses.sparsity(net)), sum(expected), rtol=1e-5)
    np.testing.assert_allclose(float(kaf.losses.sparsity(net, entropy=0.5)), expected[0] + 0.5 * expected[1], rtol=1e-5)
    assert kaf.losses.sparsity(kaf.KAFNet.init(0, [2, 3, 1])) == 0.0
    masked = dataclasses.replace(net.layers[1], mask=((True,), (False,), (False,)))
    strength = np.abs(np.asarray(masked.alpha)[0]).mean() + np.abs(np.asarray(masked.base)[0, 0])
    np.testing.assert_allclose(float(kaf.losses.sparsity(masked)), strength, rtol=1e-5)
    if backend.name == "jax":
        homes = [kaf.equinox.KAN.from_layer(net), kaf.nnx.KAN.from_layer(net)]
        np.testing.assert_allclose([float(kaf.losses.sparsity(home)) for home in homes], sum(expected), rtol=1e-5)


def test_the_penalty_is_not_in_the_losses(backend):
    x, y = points()
    net = KAN.init(0, [4, 1])
    arguments = {"loss": "mean_squared_error", "epochs": 1, "batch_size": 200, "optimizer": kaf.optim.sgd(0.1)}
    without, with_it = (kaf.fit(net, x, y, penalty=penalty, **arguments) for penalty in (None, kaf.losses.sparsity))
    np.testing.assert_allclose(with_it.loss_curve, without.loss_curve, rtol=1e-5)
    assert not np.array_equal(np.asarray(with_it.model.layers[0].base), np.asarray(without.model.layers[0].base))


def test_what_pruning_costs(backend):
    x, y = points()
    net = KAN.init(0, [4, 3, 1])
    costs = pruning_costs(net, x, y, kaf.losses.mean_squared_error, (0.1, 0.5, 5.0))
    assert [cost.threshold for cost in costs] == [0.0, 0.1, 0.5]  # with 5.0 nothing would be left
    assert (costs[0].edges, costs[0].units, costs[0].inputs) == (15, 3, 4) and costs[0].net is net
    assert all(a.edges >= b.edges and a.units >= b.units for a, b in zip(costs, costs[1:]))
    for cost in costs:
        np.testing.assert_allclose(cost.loss, float(kaf.losses.mean_squared_error(cost.net(x), y)), rtol=1e-6)


# -- The experiment -------------------------------------------------------------------------------------------------------


def test_the_formulas_are_what_their_names_say():
    x = np.random.default_rng(0).uniform(-1, 1, (len(X), 2))
    for name, formula in symbols.FORMULAS.items():
        np.testing.assert_allclose(values(name, x1=x[:, 0], x2=x[:, 1]), formula(x), rtol=1e-12)


@pytest.mark.long
def test_a_formula_is_found_again():
    with kaf.use_backend("jax"):
        *_, last = symbols.attempts("tanh(2*x1 - x2)", most=3, steps=400)
    assert last.found and last.left < 1e-9
    parsed = sympy.sympify(last.formula.text[0])
    x = np.random.default_rng(0).uniform(-1, 1, (len(X), 2))
    np.testing.assert_allclose(values(str(parsed), x1=x[:, 0], x2=x[:, 1]), np.tanh(2 * x[:, 0] - x[:, 1]), atol=2e-3)


@pytest.mark.long
def test_the_command(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["experiment", "symbols", "--seeds", "1", "--epochs", "2"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and out.count("FOUND") == 3 and "wrote kaf-out/symbols.md" in out
    assert (tmp_path / "kaf-out/symbols.md").read_text().count("NOT FOUND") == 3


def test_a_formula_that_is_undefined_on_samples_is_refused():
    x = np.random.default_rng(0).uniform(-2, 2, (200, 2)).astype(np.float32)
    with pytest.raises(ValueError, match="symbolic_formula: the formula is not defined on all samples"):
        symbolic_formula(KAN.init(1, [2, 3, 1]), x, library=["log"])
