"""Special functions of `jax.lax`: gamma functions, incomplete ones, Bessel functions."""

from __future__ import annotations

from ..core.traces import Array
from ..core.types import ArrayLike
from ..primitives import bessel, gamma, incomplete  # noqa: F401  (rows, which the tables below name)
from ..primitives.basis import registry
from .tables import made

_made = {
    **made("bessel_i0e bessel_i1e digamma lgamma", 1),
    **made("igamma igamma_grad_a igammac polygamma random_gamma_grad zeta", 2),
}
globals().update(_made)


def betainc(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> Array:
    """The regularized incomplete beta function I_x(a, b), element by element (`jax.lax.betainc`).

    It has no derivative by a and b.

    >>> betainc(1., 2., 0.5)
    Array(0.75, dtype=float32, weak_type=True)
    """
    return registry["regularized_incomplete_beta"].bind(a, b, x)


__all__ = [*_made, "betainc"]
