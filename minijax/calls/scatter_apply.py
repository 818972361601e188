"""`lax.scatter_apply` on NumPy: the function of one number, on many numbers at once.

The primitive is `scatter`, whose implementation stands below the transformations; so the batch of the function comes from here.
"""

from __future__ import annotations

from ..core.jaxpr import ClosedJaxpr
from ..lowering.compile import compile_jaxpr
from ..primitives import indexing
from ..transforms.vmap import Axis, batch_jaxpr


def _applied(jaxpr: ClosedJaxpr, elements):
    batched, _ = batch_jaxpr(jaxpr, Axis(None, len(elements)), (0, None), True)
    return compile_jaxpr(batched)(elements, elements.dtype.type(0))[0]


indexing.applied = _applied
