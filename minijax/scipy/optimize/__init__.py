"""Minimisation (`jax.scipy.optimize`).

>>> import minijax.numpy as jnp
>>> result = minimize(lambda x: ((x - 1) ** 2).sum(), jnp.zeros(2), method="BFGS")
>>> result.x.round(4), result.success
(Array([1., 1.], dtype=float32), Array(True, dtype=bool))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ...core.traces import Array
from .bfgs import minimize_bfgs


class OptimizeResults(NamedTuple):
    """The result of a minimisation (`jax.scipy.optimize.OptimizeResults`).

    x: the solution; success: whether the gradient became small enough; status: 0 then, 1 after too many steps, 2 and more if the
    line search failed. fun, jac: the function and its gradient at x; hess_inv: what approximates the inverse of its Hessian. nfev,
    njev, nit: how often the function and its gradient were computed, and the number of steps.
    """

    x: Array
    success: bool | Array
    status: int | Array
    fun: Array
    jac: Array
    hess_inv: Array | None
    nfev: int | Array
    njev: int | Array
    nit: int | Array


def minimize(
    fun: Callable,
    x0: Array,
    args: tuple = (),
    *,
    method: str,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> OptimizeResults:
    """Minimise a function of a vector (`jax.scipy.optimize.minimize`).

    fun: of x and `args`, a scalar. method: "BFGS". options: maxiter, norm, gtol, line_search_maxiter, as `minimize_bfgs` has them.
    Raises TypeError for args that are no tuple, ValueError for an unknown method, NotImplementedError for
    "l-bfgs-experimental-do-not-rely-on-this".

    >>> import minijax.numpy as jnp
    >>> minimize(lambda x, a: (x - a) @ (x - a), jnp.zeros(2), (2.0,), method="BFGS").x.round(4)
    Array([2., 2.], dtype=float32)
    """
    if not isinstance(args, tuple):
        raise TypeError(f"args argument to jax.scipy.optimize.minimize must be a tuple, got {args}")
    if method.lower() == "l-bfgs-experimental-do-not-rely-on-this":
        raise NotImplementedError(f"minijax: minimize has no method {method!r}; method='BFGS' is there.")
    if method.lower() != "bfgs":
        raise ValueError(f"Method {method} not recognized")
    state, status = minimize_bfgs(lambda x: fun(x, *args), x0, **(options or {}))
    return OptimizeResults(
        x=state.x,
        success=state.converged & ~state.failed,
        status=status,
        fun=state.f,
        jac=state.g,
        hess_inv=state.H,
        nfev=state.evaluations,
        njev=state.evaluations,
        nit=state.k,
    )


__all__ = ["OptimizeResults", "minimize"]
