"""`difference_of_squares`: x - y of two squares, as exact as XLA computes it.

The derivative of arcsin is rsqrt(1 - x^2), by equations `square`, `sub` and `rsqrt`. XLA rounds 1 - x^2 once. NumPy rounds x^2
first, and near 1 the difference then has half of the digits, or fewer:

    x = jnp.float32(0.9998)
    1 - jnp.square(x), (1 - x) * (1 + x)  # 0.00039995, 0.00039994

But the root of a square that was rounded is the number itself (S. Boldo, "Stupid is as stupid does: taking the square root of the
square of a floating-point number", 2015). So no digit is lost yet: x - y is (p - q) (p + q), with the roots p and q. Only a rule
that knows that both operands are squares may subtract so. To all but NumPy the equation is a `sub`, and as that it is printed.
"""

from __future__ import annotations

import numpy as np

from ..core.avals import Zero
from .arithmetic import neg_p, sub_p
from .basis import NOT_LINEAR, zero_like
from .families import COMPLEX, FLOAT, broadcast_like, elementwise


def difference_of_squares(x, y):
    if x.dtype.char not in "fd":
        return np.subtract(x, y)
    p, q = np.sqrt(x), np.sqrt(y)
    return (p - q) * (p + q)


def _jvp(primals, tangents):
    out, (gx, gy) = difference_of_squares_p.bind(*primals), tangents
    if type(gx) is Zero and type(gy) is Zero:
        return out, zero_like(out)
    if type(gx) is not Zero and type(gy) is not Zero:
        return out, sub_p.bind(gx, gy)
    return out, broadcast_like(neg_p.bind(gy) if type(gx) is Zero else gx, out)


difference_of_squares_p = elementwise(
    "difference_of_squares", difference_of_squares, FLOAT + COMPLEX, arity=2, jvp=_jvp, transpose=NOT_LINEAR
)
difference_of_squares_p.name = sub_p.name
