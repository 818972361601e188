"""`jax.scipy.cluster.vq`: the nearest of several vectors."""

from __future__ import annotations

from ... import numpy as jnp
from ...core.traces import Array
from ...core.types import ArrayLike
from ...numpy.util import check_arraylike, promote_dtypes_inexact


def vq(obs: ArrayLike, code_book: ArrayLike, check_finite: bool = True) -> tuple[Array, Array]:
    """(the place in the code book of the vector nearest to each observation, the distance) (`jax.scipy.cluster.vq.vq`).

    obs, code_book: a vector in each row, or one axis for vectors of one number. check_finite: not used.

    Raises ValueError if the two have different ranks, or more than two axes.

    >>> [x.tolist() for x in vq(jnp.array([0., 4., 9.]), jnp.array([1., 8.]))]
    [[0, 0, 1], [1.0, 3.0, 1.0]]
    """
    check_arraylike("scipy.cluster.vq.vq", obs, code_book)
    obs, code_book = promote_dtypes_inexact(obs, code_book)
    if obs.ndim != code_book.ndim:
        raise ValueError("Observation and code_book should have the same rank")
    if obs.ndim == 1:
        obs, code_book = obs[:, None], code_book[:, None]
    if obs.ndim != 2:
        raise ValueError("ndim different than 1 or 2 are not supported")
    distances = jnp.sqrt(jnp.sum(abs(obs[:, None] - code_book) ** 2, axis=-1))
    code = jnp.argmin(distances, axis=-1)
    return code, jnp.take_along_axis(distances, code[:, None], -1)[:, 0]


__all__ = ["vq"]
