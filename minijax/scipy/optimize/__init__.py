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
from .lbfgs import minimize_lbfgs


class OptimizeResults(NamedTuple):
    """The result of a minimisation (`jax.scipy.optimize.OptimizeResults`).

    x: the solution; success: whether the gradient became small enough; status: 0 then, 1 after too many steps, 2 and more if the
    line search failed (of BFGS; those of L-BFGS are in `minimize_lbfgs`). fun, jac: the function and its gradient at x; hess_inv:
    what approximates the inverse of its Hessian, if the method has it. nfev, njev, nit: how often the function and its gradient
    were computed, and the number of steps.
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

    fun: of x and `args`, a scalar. method: "BFGS", or "l-bfgs-experimental-do-not-rely-on-this", with a short memory and for
    complex x, too. options: those of `minimize_bfgs` (maxiter, norm, gtol, line_search_maxiter) or `minimize_lbfgs` (maxiter,
    norm, maxcor, ftol, gtol, maxfun, maxgrad, maxls). Raises TypeError for args that are no tuple, ValueError for
    an unknown method.

    >>> import minijax.numpy as jnp
    >>> minimize(lambda x, a: (x - a) @ (x - a), jnp.zeros(2), (2.0,), method="BFGS").x.round(4)
    Array([2., 2.], dtype=float32)
    """
    if not isinstance(args, tuple):
        raise TypeError(f"args argument to jax.scipy.optimize.minimize must be a tuple, got {args}")
    of_x = lambda x: fun(x, *args)
    if method.lower() == "bfgs":
        state, status = minimize_bfgs(of_x, x0, **(options or {}))
        inverse = state.H
    elif method.lower() == "l-bfgs-experimental-do-not-rely-on-this":
        state = minimize_lbfgs(of_x, x0, **(options or {}))
        status, inverse = state.status, None
    else:
        raise ValueError(f"Method {method} not recognized")
    return OptimizeResults(
        x=state.x,
        success=state.converged & ~state.failed,
        status=status,
        fun=state.f,
        jac=state.g,
        hess_inv=inverse,
        nfev=state.evaluations,
        njev=state.evaluations,
        nit=state.k,
    )


__all__ = ["OptimizeResults", "minimize"]
