"""Arithmetic of the terms of Taylor series, in which a symbolic `Zero` costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from ...core.avals import Zero
from ...primitives.basis import zero_like
from ...transforms.jvp import without_zeros


def zero_series(x, order: int) -> list:
    """The terms of a constant."""
    return [zero_like(x)] * order


def fill_series(primals: Sequence, series: Sequence, order: int) -> list:
    return [zero_series(x, order) if terms is None else terms for x, terms in zip(primals, series, strict=True)]


def scaled(number: float, x):
    return x if type(x) is Zero or number == 1 else -x if number == -1 else x * number


def product(x, y):
    return x if type(x) is Zero else y if type(y) is Zero else x * y


def total(terms: Sequence, like):
    """The sum of the terms; a symbolic zero like `like` if there are none to sum."""
    terms = without_zeros(terms)
    return reduce(lambda x, y: x + y, terms) if terms else zero_like(like)


def difference(x, y):
    return x if type(y) is Zero else -y if type(x) is Zero else x - y


def convolution(u: Sequence, w: Sequence, k: int, times: Callable = product):
    """The k-th term of the product of two series."""
    return total([times(u[j], w[k - j]) for j in range(k + 1)], u[0])


def square_term(v: Sequence, k: int, first: int = 0):
    """The k-th term of v v, where the terms before `first` count as 0. Each product of two different terms is computed once."""
    terms = [scaled(2, product(v[j], v[k - j])) for j in range(first, (k + 1) // 2)]
    if k % 2 == 0 and k // 2 >= first:
        terms.append(product(v[k // 2], v[k // 2]))
    return total(terms, v[0])


def integral(c: Sequence, u: Sequence, k: int):
    """The k-th term of a function v with v' = c u': the sum of j/k u_j c_(k-j)."""
    return total([scaled(j / k, product(u[j], c[k - j])) for j in range(1, k + 1)], u[0])
