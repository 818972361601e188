"""Derivatives checked against differences, along one random direction (`jax.test_util`).

The functions compute on the host with NumPy, in the dtypes of the arguments: in float32 a difference over 1e-4 has about three
digits, which is what the tolerances allow.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..core.traces import get_aval
from ..foundation.config import config
from ..foundation.dtypes import canonicalize_dtype, float0
from ..foundation.pytrees import tree_leaves, tree_map
from .derivatives import jvp, linearize, vjp

STEP = 1e-4
# {dtype: the relative and absolute error that is allowed}
SLOPE_TOLERANCE = {
    **{"bfloat16": 1e-1, "float16": 1e-2, "float32": 2e-3, "float64": 1e-5},
    **{"complex64": 1e-3, "complex128": 1e-5},
}

Tolerance = float | dict | None


def _dtype(x):
    return x.dtype if hasattr(x, "dtype") else get_aval(x).dtype


def _is_number(x) -> bool:
    return isinstance(x, (bool, int, float, complex)) and not isinstance(x, np.generic)


def _like(x, values):
    """NumPy's `values` in the dtype of x; a Python number if x is one, so that a weak type stays weak."""
    values = np.asarray(values, _dtype(x))
    return values.item() if _is_number(x) else values


def _each(function: Callable, *trees):
    return tree_map(lambda x, *more: _like(x, function(np.asarray(x), *map(np.asarray, more))), *trees)


def _random_like(rng: np.random.RandomState, x):
    def draw():
        return np.asarray(rng.randn(*np.shape(x)), _dtype(x))

    return _like(
        x, draw() + np.asarray(1j, _dtype(x)) * draw() if np.issubdtype(_dtype(x), np.complexfloating) else draw()
    )


def _scaled(tree, factor: float):
    return tree_map(lambda x: _like(x, np.multiply(np.asarray(x), np.asarray(factor, _dtype(x)))), tree)


def _difference(x, y):
    # inf - inf is 0 here: a function that is constantly infinite has the derivative 0.
    with np.errstate(invalid="ignore"):
        return np.where(np.equal(x, y), np.zeros_like(x), np.subtract(x, y))


def _central_difference(f: Callable, primals, tangents, step: float):
    moved = _scaled(tangents, step)
    ahead, behind = (f(*_each(move, primals, moved)) for move in (operator.add, operator.sub))
    return _scaled(
        tree_map(lambda x, y: _like(x, _difference(np.asarray(x), np.asarray(y))), ahead, behind), 0.5 / step
    )


def _allowed(dtype, tolerance: Tolerance) -> float:
    given = {} if tolerance is None else tolerance
    if not isinstance(given, dict):
        return given
    named = {**SLOPE_TOLERANCE, **{np.dtype(key).name: value for key, value in given.items()}}
    return named.get(canonicalize_dtype(dtype).name, 0)


def _check_close(xs, ys, atol: Tolerance, rtol: Tolerance, message: str):
    def check(x, y):
        x, y = np.asarray(x), np.asarray(y)
        assert x.shape == y.shape, f"{message}: shapes {x.shape} and {y.shape} differ."
        if x.dtype == float0 and y.dtype == float0:
            return
        absolute, relative = (max(_allowed(a.dtype, tol) for a in (x, y)) for tol in (atol, rtol))
        x, y = (a.astype(np.float32) if a.dtype.char == "E" else a for a in (x, y))
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(x, y, atol=absolute * x.size, rtol=relative * y.size, err_msg=message)

    tree_map(check, xs, ys)


def _check_dtypes(xs, ys, message: str):
    def check(x, y):
        found, expected = (_dtype(v) if config.jax_enable_x64 else canonicalize_dtype(_dtype(v)) for v in (x, y))
        assert found == expected, f"{message}: dtypes {found} and {expected} differ."

    tree_map(check, xs, ys)


def _inner_product(xs, ys) -> float:
    pairs = zip(tree_leaves(xs), tree_leaves(ys), strict=True)
    return sum(np.real(np.dot(np.conj(np.asarray(x)).reshape(-1), np.asarray(y).reshape(-1))) for x, y in pairs)


def check_jvp(
    f: Callable,
    f_jvp: Callable,
    args: Sequence[Any],
    atol: Tolerance = None,
    rtol: Tolerance = None,
    eps: float = STEP,
    err_msg: str = "",
) -> None:
    """Raise AssertionError unless `f_jvp(args, tangents)` gives the value of f and its derivative along random tangents, as a
    central difference over 2 `eps` shows it (`jax.test_util.check_jvp`).

    atol, rtol: tolerances for each element, or {dtype: tolerance}; they grow with the number of elements.

    >>> import minijax as jax
    >>> check_jvp(jax.numpy.sin, lambda x, t: jax.jvp(jax.numpy.sin, x, t), (1.0,))
    """
    tangents = tree_map(partial(_random_like, np.random.RandomState(0)), tuple(args))
    value, tangent = f_jvp(args, tangents)
    _check_dtypes(value, tangent, f"{err_msg} tangent".strip())
    expected = f(*args)
    _check_dtypes(value, expected, f"{err_msg} primal".strip())
    slope = _central_difference(f, tuple(args), tangents, eps)
    _check_close(value, expected, atol, rtol, f"{err_msg} primal".strip())
    _check_close(tangent, slope, atol, rtol, f"{err_msg} tangent".strip())


def check_vjp(
    f: Callable,
    f_vjp: Callable,
    args: Sequence[Any],
    atol: Tolerance = None,
    rtol: Tolerance = None,
    eps: float = STEP,
    err_msg: str = "",
) -> None:
    """Raise AssertionError unless `f_vjp(*args)` gives the value of f and its pullback: the inner product of random tangents with
    the pullback of a random cotangent is that of the difference of f along the tangents with the cotangent
    (`jax.test_util.check_vjp`).

    >>> import minijax as jax
    >>> check_vjp(jax.numpy.sin, lambda x: jax.vjp(jax.numpy.sin, x), (1.0,))
    """
    draw = partial(_random_like, np.random.RandomState(0))
    value, pull_back = f_vjp(*args)
    _check_close(value, f(*args), atol, rtol, f"{err_msg} primal".strip())
    tangents = tree_map(draw, tuple(args))
    moved = _central_difference(f, tuple(args), tangents, eps)
    cotangents = tree_map(draw, value)
    pulled = _each(np.conj, pull_back(_each(np.conj, cotangents)))
    found, expected = _inner_product(tangents, pulled), _inner_product(moved, cotangents)
    _check_close(found, expected, atol, rtol, f"{err_msg} cotangent projection".strip())


def check_grads(
    f: Callable,
    args: Sequence[Any],
    order: int,
    modes: Sequence[str] = ("fwd", "rev"),
    atol: Tolerance = None,
    rtol: Tolerance = None,
    eps: float | None = None,
) -> None:
    """Raise AssertionError unless the derivatives of f up to `order` agree with differences, along one random direction
    (`jax.test_util.check_grads`).

    modes: "fwd" checks `jvp`, "rev" `vjp`, "lin" `linearize`; each nests within each.

    >>> import minijax as jax
    >>> check_grads(jax.numpy.sin, (1.0,), order=2)
    """
    checks = _Checks(tuple(modes), atol, rtol, eps or STEP)
    checks.check(f, tuple(args), order, "")


def _by_linearize(f, primals, tangents):
    value, linear = linearize(f, *primals)
    return value, linear(*tangents)


def _pulled(f, *args):
    value, pull_back = vjp(f, *args)
    return pull_back(value)


class _Checks(NamedTuple):
    """The checks of a function by several modes, each to the given order. `name`: what the function is of the user's."""

    modes: tuple[str, ...]
    atol: Tolerance
    rtol: Tolerance
    step: float

    def check(self, f: Callable, args: tuple, order: int, name: str):
        tolerances = self.atol, self.rtol, self.step
        for mode, label, forward in (("fwd", "JVP", jvp), ("lin", "LIN", _by_linearize)):
            if mode in self.modes:
                message = f"{label} of {name}" if name else label
                check_jvp(f, partial(forward, f), args, *tolerances, message)
                if order > 1:
                    self.check(partial(forward, f), (args, args), order - 1, message)
        if "rev" in self.modes:
            message = f"VJP of {name}" if name else "VJP"
            check_vjp(f, partial(vjp, f), args, *tolerances, message)
            if order > 1:
                self.check(partial(_pulled, f), args, order - 1, message)
