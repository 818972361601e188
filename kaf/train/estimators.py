"""Estimators of scikit-learn: `KAFClassifier` and `KAFRegressor` train a network of KAFs or a KAN on standardised features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy

from ..backend import get_backend, get_tree_backend, use_backend
from ..functional.grid import Grid
from ..layers.kan import KAN
from ..layers.plain import ACTIVATIONS, KAFNet
from .loop import TrainResult, fit
from .optim import adam

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data
except ModuleNotFoundError as e:
    raise ImportError("kaf.sklearn needs scikit-learn, which is not installed: pip install 'minijax[kaf]'") from e

# How many rows are predicted at a time.
_BATCH = 4096


class _Estimator(BaseEstimator):
    """The parameters of both estimators, and what they do alike.

    network              "kaf", "relu", "tanh", "elu" or "gelu", for layers with these activations between them; or "kan"
    hidden_layer_sizes   how many units each hidden layer has
    centers, boundary    the grid of the activations (see `kaf.Grid`); None: 20 centres on [-3, 3], for a KAN 8 on [-2, 2]
    learning_rate        Adam's
    l2_alpha             the weight of the sum of alpha^2 in the loss
    max_epochs           the most passes over the data
    early_stopping       whether `validation_fraction` of the rows are held out, and training ends when `n_iter_no_change` epochs
                         in a row have not lowered their loss; None: `kaf.fit` decides how many
    batch_size           rows for each step
    backend              "minijax" or "jax"; None: the chosen one (see `kaf.use_backend`)
    random_state         a seed of the weights, of the order of the rows and of the held-out rows, or a RandomState

    After `fit`: `model_` is the network, `n_iter_` the number of epochs, `loss_curve_` the mean loss of each,
    `validation_losses_` those of the held-out rows, and `mean_` and `scale_` standardise features.
    """

    def __init__(
        self,
        network: str = "kaf",
        hidden_layer_sizes: Sequence[int] = (32,),
        centers: int | None = None,
        boundary: float | None = None,
        learning_rate: float = 5e-3,
        l2_alpha: float = 1e-4,
        max_epochs: int = 1000,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = None,
        batch_size: int = 64,
        backend: str | None = None,
        random_state: Any = None,
    ):
        self.network = network
        self.hidden_layer_sizes = hidden_layer_sizes
        self.centers = centers
        self.boundary = boundary
        self.learning_rate = learning_rate
        self.l2_alpha = l2_alpha
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.batch_size = batch_size
        self.backend = backend
        self.random_state = random_state

    def _train(self, x: numpy.ndarray, y: numpy.ndarray, outputs: int, loss: str) -> None:
        self._check_parameters()
        self.mean_ = x.mean(0)
        scale = x.std(0)
        # By rounding, a constant column can have a standard deviation of about its last bit.
        self.scale_ = numpy.where(scale > 1e-12 * numpy.abs(self.mean_), scale, 1.0)
        seed = int(check_random_state(self.random_state).randint(2**31))
        with use_backend(get_backend().name if self.backend is None else self.backend):
            result = self._fit(self._standardised(x), y, self._network(seed, x.shape[1], outputs), loss, seed)
        self.model_, self.n_iter_ = result.model, len(result.epoch_losses)
        self.loss_curve_, self.validation_losses_ = result.epoch_losses, result.validation_losses

    def _fit(self, x, y, model, loss: str, seed: int) -> TrainResult:
        held_out = round(self.validation_fraction * len(x)) if self.early_stopping else 0
        stopping: dict[str, Any] = {}
        if 0 < held_out < len(x):
            steps = -(-(len(x) - held_out) // self.batch_size)
            patience = self.n_iter_no_change or max(20, -(-400 // steps))
            stopping = {"validation": float(self.validation_fraction), "patience": int(patience)}
        return fit(
            model,
            x,
            y,
            loss=loss,
            epochs=int(self.max_epochs),
            batch_size=int(self.batch_size),
            optimizer=adam(self.learning_rate),
            seed=seed,
            l2_alpha=self.l2_alpha,
            **stopping,
        )

    def _network(self, seed: int, inputs: int, outputs: int):
        sizes = [inputs, *map(int, self.hidden_layer_sizes), outputs]
        size, boundary = (8, 2.0) if self.network == "kan" else (20, 3.0)
        grid = Grid(self.centers or size, self.boundary or boundary)
        return KAN.init(seed, sizes, grid) if self.network == "kan" else KAFNet.init(seed, sizes, self.network, grid)

    def _check_parameters(self) -> None:
        name = type(self).__name__
        if self.network not in (*ACTIVATIONS, "kan"):
            raise ValueError(f"{name}: network must be one of {', '.join(ACTIVATIONS)}, kan; it is {self.network!r}.")
        counts = {"max_epochs": self.max_epochs, "batch_size": self.batch_size}
        if self.n_iter_no_change is not None:
            counts["n_iter_no_change"] = self.n_iter_no_change
        counts |= {f"hidden_layer_sizes[{i}]": size for i, size in enumerate(self.hidden_layer_sizes)}
        for parameter, value in counts.items():
            if not isinstance(value, Integral) or value < 1:
                raise ValueError(f"{name}: {parameter} must be a whole number, at least 1; it is {value!r}.")
        if not (isinstance(self.validation_fraction, Real) and 0 < self.validation_fraction < 1):
            raise ValueError(
                f"{name}: validation_fraction must be between 0 and 1; it is {self.validation_fraction!r}."
            )

    def _standardised(self, x: numpy.ndarray) -> numpy.ndarray:
        limit = numpy.finfo(numpy.float32).max
        return numpy.clip((x - self.mean_) / self.scale_, -limit, limit).astype(numpy.float32)

    def _outputs(self, x: Any) -> numpy.ndarray:
        """The outputs of the network, float64 [n, outputs]. In float64, so that a row's output depends on this row alone."""
        check_is_fitted(self)
        x = validate_data(self, x, reset=False, dtype=numpy.float64)
        backend = get_tree_backend(self.model_)
        with use_backend(backend.name), backend.library.enable_x64(True):
            model = backend.tree_util.tree_map(lambda leaf: numpy.asarray(leaf, numpy.float64), self.model_)
            x = self._standardised(x).astype(numpy.float64)
            parts = [numpy.asarray(model(x[i : i + _BATCH])) for i in range(0, len(x), _BATCH)]
        return numpy.concatenate(parts)


class KAFClassifier(ClassifierMixin, _Estimator):
    __doc__ = f"""A classifier of scikit-learn: a network of kernel activation functions, trained by Adam with early stopping.

    {_Estimator.__doc__.split(chr(10), 2)[2].strip()} `classes_` holds the classes.

    >>> import numpy as np
    >>> x = np.linspace(-1, 1, 40)[:, None]
    >>> model = KAFClassifier(hidden_layer_sizes=(4,), max_epochs=60, random_state=0).fit(x, abs(x[:, 0]) > 0.5)
    >>> model.predict([[0.0], [0.9]]).tolist()
    [False, True]
    """

    def fit(self, X: Any, y: Any) -> KAFClassifier:
        """Train on X [n, features] and the classes y [n]. Raises ValueError for parameters and data that do not fit."""
        x, y = validate_data(self, X, y, dtype=numpy.float64)
        check_classification_targets(y)
        self.classes_, numbers = numpy.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"KAFClassifier: y holds one class, {self.classes_[0]!r}; two are needed.")
        many = len(self.classes_) > 2
        numbers = numbers.astype(numpy.int32 if many else numpy.float32)
        self._train(x, numbers, len(self.classes_) if many else 1, "cross_entropy" if many else "binary_cross_entropy")
        return self

    def decision_function(self, X: Any) -> numpy.ndarray:
        """The logits, float64 [n, classes]; of two classes [n], positive for the second."""
        logits = self._outputs(X)
        return logits[:, 0] if logits.shape[1] == 1 else logits

    def predict_proba(self, X: Any) -> numpy.ndarray:
        """The probabilities of the classes, float64 [n, classes]."""
        logits = self._outputs(X)
        if logits.shape[1] == 1:
            logits = numpy.hstack([numpy.zeros_like(logits), logits])
        exponentials = numpy.exp(logits - logits.max(1, keepdims=True))
        return exponentials / exponentials.sum(1, keepdims=True)

    def predict(self, X: Any) -> numpy.ndarray:
        """The most probable class of each row of X [n, features]."""
        best = self.predict_proba(X).argmax(1)
        return self.classes_[best]


class KAFRegressor(RegressorMixin, _Estimator):
    __doc__ = f"""A regressor of scikit-learn: a network of kernel activation functions, trained by Adam with early stopping.

    {_Estimator.__doc__.split(chr(10), 2)[2].strip()} Targets are standardised, too.

    >>> import numpy as np
    >>> x = np.linspace(-1, 1, 100)[:, None]
    >>> model = KAFRegressor("kan", hidden_layer_sizes=(2,), random_state=0).fit(x, x[:, 0] ** 2)
    >>> bool(abs(model.predict([[0.5]])[0] - 0.25) < 0.1)
    True
    """

    def fit(self, X: Any, y: Any) -> KAFRegressor:
        """Train on X [n, features] and the numbers y [n]. Raises ValueError for parameters and data that do not fit."""
        x, y = validate_data(self, X, y, dtype=numpy.float64, y_numeric=True)
        y = y.astype(numpy.float64)
        self.target_mean_, scale = float(y.mean()), float(y.std())
        self.target_scale_ = scale if scale > 1e-12 * math.fabs(self.target_mean_) else 1.0
        self._train(x, ((y - self.target_mean_) / self.target_scale_).astype(numpy.float32), 1, "mean_squared_error")
        return self

    def predict(self, X: Any) -> numpy.ndarray:
        """The predicted numbers, float64 [n], for X [n, features]."""
        return self._outputs(X)[:, 0] * self.target_scale_ + self.target_mean_
