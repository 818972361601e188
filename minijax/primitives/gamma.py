"""The logarithm of the gamma function, its derivatives, and Hurwitz' zeta function: `lgamma`, `digamma`, `polygamma`, `zeta`.

zeta(x, q) is the sum of (q + k)^-x. Ten terms are added; the others are Euler and Maclaurin's integral with its corrections
(NIST Digital Library of Mathematical Functions, 25.11.5).
"""

from __future__ import annotations

import math

import numpy as np

from ..core.traces import get_aval
from . import special_functions
from .basis import NOT_LINEAR, const
from .elementwise import add_p, convert_element_type_p, mul_p
from .families import FLOAT, elementwise

TERMS = 10
# B_2j / (2j)!, for j = 1, 2, ...
BERNOULLI = (
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
    -3617 / 10670622842880000, 43867 / 5109094217170944000, -174611 / 802857662698291200000,
    77683 / 14101100039391805440000, -236364091 / 1693824136731743669452800000,
)  # fmt: skip


FACTORIALS = [*[float(math.factorial(n)) for n in range(171)], math.inf]


def _zeta(x, q):
    x, q = np.broadcast_arrays(x, q)
    total = sum((q + k) ** -x for k in range(TERMS))
    a = q + TERMS
    power = a**-x
    total = total + power * (a / (x - 1) + 0.5)
    factor, power = x, power / a
    for j, coefficient in enumerate(BERNOULLI, 1):
        total = total + coefficient * factor * power
        factor, power = factor * (x + 2 * j - 1) * (x + 2 * j), power / (a * a)
    # At a pole of the sum, an infinity; a negative base has a power for integers alone.
    total = np.where((x < 1) | ((q <= 0) & (x != np.floor(x))) | np.isnan(x + q), np.nan, total)
    pole = (q <= 0) & (q == np.floor(q))
    total = np.where(pole, np.where(x % 2 == 0, np.inf, np.nan), total)
    return np.where(x == 1, np.inf, total)


zeta = special_functions.in_float64(_zeta)


def _polygamma(m, x):
    """(-1)^(m + 1) m! zeta(m + 1, x), and digamma for m = 0; NaN for what is no order."""
    m, x = np.broadcast_arrays(m, x)
    sign = np.where(m % 2 == 0, -1.0, 1.0)
    # Orders beyond 170 have an infinite factorial.
    order = np.clip(np.nan_to_num(m), 0, len(FACTORIALS) - 1).astype(int)
    value = sign * np.array(FACTORIALS)[order] * _zeta(m + 1, x)
    value = np.where(m == 0, special_functions.digamma(x), value)
    return np.where((m < 0) | (m != np.floor(m)), math.nan, value)


polygamma = special_functions.in_float64(_polygamma)


def times(g, slope):
    """g * slope as jnp multiplies: a weak tangent beside a strong slope becomes strong first, and so its cotangent is weak."""
    if get_aval(g).weak_type and not get_aval(slope).weak_type:
        g = convert_element_type_p.bind(g, new_dtype=g.dtype, weak_type=False, sharding=None)
    return mul_p.bind(g, slope)


def _by_order(g, ans, m, x):
    raise ValueError("polygamma gradient with respect to m is not supported")


def _next_order(g, ans, m, x):
    return times(g, polygamma_p.bind(add_p.bind(m, const(get_aval(m), 1)), x))


zeta_p = elementwise(
    "zeta",
    zeta,
    FLOAT,
    jvp="the derivative of the zeta function is not among the primitives, as in JAX",
    transpose=NOT_LINEAR,
    arity=2,
)
polygamma_p = elementwise("polygamma", polygamma, FLOAT, jvp=[_by_order, _next_order], transpose=NOT_LINEAR)
digamma_p = elementwise(
    "digamma",
    special_functions.digamma,
    FLOAT,
    jvp=[lambda g, ans, x: mul_p.bind(g, polygamma_p.bind(const(x, 1), x))],
    transpose=NOT_LINEAR,
)
lgamma_p = elementwise(
    "lgamma",
    special_functions.lgamma,
    FLOAT,
    jvp=[lambda g, ans, x: mul_p.bind(g, digamma_p.bind(x))],
    transpose=NOT_LINEAR,
)
