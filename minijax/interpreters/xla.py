"""`apply_primitive`, the implementation of a primitive by its lowering (`jax.interpreters.xla`)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..api.jit import jit
from ..core.primitive import Primitive
from ..core.traces import pytype_aval_mappings
from ..foundation.left_out import absent


def apply_primitive(prim: Primitive, *args: Any, **params: Any) -> Any:
    """The result of a primitive, compiled by its lowering: `p.def_impl(partial(xla.apply_primitive, p))`.

    >>> from functools import partial
    >>> from minijax.interpreters import mlir
    >>> p = Primitive("thrice")
    >>> _ = p.def_abstract_eval(lambda x: x)
    >>> mlir.register_lowering(p, mlir.lower_fun(lambda x: 3 * x, multiple_results=False))
    >>> _ = p.def_impl(partial(apply_primitive, p))
    >>> p.bind(2.0)
    Array(6., dtype=float32, weak_type=True)
    """
    return _compiled(prim, **params)(*args)


@lru_cache(1024)
def _compiled(prim: Primitive, **params):
    return jit(lambda *args: prim.bind(*args, **params))


# JAX asks here which dtype a value of a type becomes. minijax asks `pytype_aval_mappings`, which says whether it is an array.
canonicalize_dtype_handlers = pytype_aval_mappings

__all__ = ["apply_primitive", "canonicalize_dtype_handlers"]


def __getattr__(name: str) -> Any:
    raise absent(__name__, name)
