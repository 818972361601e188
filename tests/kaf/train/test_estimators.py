"""The estimators of scikit-learn: its own checks, and that they are at home in pipelines and searches."""

import pickle
from unittest import SkipTest

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import kaf
from kaf.sklearn import KAFClassifier, KAFRegressor

SMALL = {
    "hidden_layer_sizes": (8,),
    "centers": 8,
    "max_epochs": 25,
    "learning_rate": 0.05,
    "batch_size": 50,
    "random_state": 0,
}
# Why checks of scikit-learn do not run here.
ABSENT = ("SCIPY_ARRAY_API is not set", "pandas is not installed")


@parametrize_with_checks([KAFClassifier(early_stopping=False, **SMALL), KAFRegressor(early_stopping=False, **SMALL)])
@pytest.mark.one_in(30)
def test_checks_of_scikit_learn(estimator, check):
    try:
        check(estimator)
    except SkipTest as reason:
        assert str(reason).startswith(ABSENT)


def moons():
    x, y = make_moons(300, noise=0.1, random_state=0)
    return x, np.array(["left", "right"])[y]


@pytest.mark.parametrize("network", ["kaf", "relu", "kan"])
@pytest.mark.one_in(3)
def test_a_classifier_learns(backend, network):
    x, y = moons()
    model = KAFClassifier(network, **{**SMALL, "centers": None}).fit(x[:200], y[:200])
    assert model.score(x[200:], y[200:]) > 0.9
    assert model.classes_.tolist() == ["left", "right"]
    probabilities = model.predict_proba(x)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-6)
    right = model.decision_function(x) > 0
    assert ((probabilities[:, 1] > 0.5) == right).all() and (model.predict(x) == np.where(right, "right", "left")).all()
    assert isinstance(model.model_, kaf.KAN if network == "kan" else kaf.KAFNet)
    assert len(model.loss_curve_) == model.n_iter_ == len(model.validation_losses_)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(x), probabilities)


def test_several_classes_and_the_backend():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 2)) + np.repeat([[0, 0], [4, 0], [0, 4]], 50, 0)
    y = np.repeat([3, 7, 9], 50)
    found = {}
    for backend in ("minijax", "jax"):
        model = KAFClassifier(backend=backend, **SMALL).fit(x, y)
        assert kaf.get_backend(model.model_.layers[0].weight).name == backend
        assert model.score(x, y) > 0.95 and set(model.predict(x)) == {3, 7, 9}
        found[backend] = model.decision_function(x)
    assert found["jax"].shape == (150, 3)
    np.testing.assert_allclose(found["minijax"], found["jax"], atol=0.05)


def test_a_regressor_learns_in_the_targets_units(backend):
    rng = np.random.default_rng(0)
    x = 100 + 10 * rng.uniform(-1, 1, (300, 2))
    y = 5000 + 1000 * np.sin((x[:, 0] - 100) / 4)
    model = KAFRegressor(**SMALL).fit(x[:200], y[:200])
    assert model.score(x[200:], y[200:]) > 0.95
    assert abs(model.predict(x).mean() - 5000) < 300


def test_in_a_pipeline_and_in_a_search():
    x, y = moons()
    pipeline = make_pipeline(PCA(2), KAFClassifier(**SMALL))
    assert cross_val_score(pipeline, x, y, cv=2).min() > 0.8
    search = GridSearchCV(clone(pipeline), {"kafclassifier__hidden_layer_sizes": [(1,), (8,)]}, cv=2).fit(x, y)
    assert search.best_params_ == {"kafclassifier__hidden_layer_sizes": (8,)}


def test_early_stopping_is_the_default():
    x, y = moons()
    model = KAFClassifier(
        random_state=0, hidden_layer_sizes=(4,), batch_size=300, n_iter_no_change=2, learning_rate=0.3
    )
    model.fit(x, y)
    assert model.n_iter_ < 1000 and len(model.validation_losses_) == model.n_iter_


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"network": "mlp"}, "KAFClassifier: network must be one of kaf, relu, tanh, elu, gelu, kan; it is 'mlp'."),
        ({"max_epochs": 0}, "KAFClassifier: max_epochs must be a whole number, at least 1; it is 0."),
        ({"batch_size": 2.5}, "KAFClassifier: batch_size must be a whole number, at least 1; it is 2.5."),
        ({"n_iter_no_change": 0}, "KAFClassifier: n_iter_no_change must be a whole number, at least 1; it is 0."),
        (
            {"hidden_layer_sizes": (4, 0)},
            "KAFClassifier: hidden_layer_sizes[1] must be a whole number, at least 1; it is 0.",
        ),
        ({"validation_fraction": 1.0}, "KAFClassifier: validation_fraction must be between 0 and 1; it is 1.0."),
    ],
)
def test_parameters_that_do_not_fit(parameters, message):
    x, y = moons()
    with pytest.raises(ValueError) as e:
        KAFClassifier(**parameters).fit(x, y)
    assert str(e.value) == message
    with pytest.raises(ValueError) as e:
        KAFClassifier().fit(x, np.zeros(len(x)))
    assert str(e.value) == "KAFClassifier: y holds one class, np.float64(0.0); two are needed."
