"""Measurements of the jaxprs of kaf."""

import numpy as np


def sizes_in(jaxpr):
    """The sizes of all arrays that a jaxpr and its nested jaxprs compute."""
    for eqn in jaxpr.eqns:
        yield from ((eqn.primitive.name, int(np.prod(v.aval.shape))) for v in eqn.outvars)
        for value in eqn.params.values():
            for inner in value if isinstance(value, (tuple, list)) else [value]:
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from sizes_in(inner)
