"""`make_jaxpr` and `eval_shape`: both trace a function on types alone. The machine is `core/staging.py`."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from importlib import import_module
from typing import Any, Literal, overload

import numpy as np

from ..core.avals import ShapedArray
from ..core.jaxpr import ClosedJaxpr
from ..core.staging import trace_to_jaxpr
from ..core.traces import Array, Tracer, current_trace, get_aval
from ..core.types import Shape
from ..foundation.config import config
from ..foundation.dtypes import as_dtype, canonicalize_dtype
from ..foundation.pytrees import (
    tree_flatten,
    tree_unflatten,
)
from ..foundation.sharding import Sharding
from ..foundation.wrapping import wraps
from ..transforms.vmap import Axis, with_named_axes
from .arguments import (
    as_argnums,
    as_operand,
    check_argnums,
    check_callable,
    flat_function,
    merge_static,
    static_positions,
)


class ShapeDtypeStruct:
    """The shape and dtype of an array, without values (`jax.ShapeDtypeStruct`).

    >>> import minijax
    >>> import minijax.numpy as jnp
    >>> minijax.make_jaxpr(jnp.sin)(ShapeDtypeStruct((3,), 'float32')).out_avals
    [ShapedArray(float32[3])]
    """

    __slots__ = ("shape", "dtype", "weak_type", "sharding")

    def __init__(self, shape: Shape, dtype: Any, *, sharding: Sharding | None = None, weak_type: bool = False):
        if dtype is None:
            raise ValueError("ShapeDtypeStruct: dtype must be specified.")
        self.shape = tuple(shape)
        self.dtype = dtype.dtype if isinstance(dtype, Array) else as_dtype(dtype)
        self.weak_type = weak_type
        self.sharding = sharding

    @classmethod
    def like(cls, x: Any) -> ShapeDtypeStruct:
        """The shape, dtype, weak type and placement of an array, a tracer, a number or another struct."""
        aval = abstractify(x)
        placed = isinstance(x, Tracer) or getattr(x, "committed", True)
        sharding = getattr(x, "sharding", None) if placed else None
        return cls(aval.shape, aval.dtype, sharding=sharding, weak_type=aval.weak_type)

    def update(self, **changes: Any) -> ShapeDtypeStruct:
        """The same, but for the fields that are given."""
        fields = {name: changes.pop(name, getattr(self, name)) for name in self.__slots__}
        return ShapeDtypeStruct(**fields, **changes)

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: int(np.prod(self.shape, dtype=int)))

    def __len__(self):
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __eq__(self, other):
        if not isinstance(other, ShapeDtypeStruct):
            return False
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __hash__(self):
        return hash((self.shape, self.dtype, self.weak_type, self.sharding))

    def __repr__(self) -> str:
        sharding = "" if self.sharding is None else f", sharding={self.sharding}"
        weak = ", weak_type=True" if self.weak_type else ""
        return f"ShapeDtypeStruct(shape={self.shape}, dtype={self.dtype.name}{sharding}{weak})"


def abstractify(x: Any) -> ShapedArray:
    if isinstance(x, ShapeDtypeStruct):
        return ShapedArray(x.shape, canonicalize_dtype(x.dtype), x.weak_type)
    if isinstance(x, ShapedArray):
        return x
    if not isinstance(x, (Array, np.ndarray, np.generic)) and hasattr(x, "shape") and hasattr(x, "dtype"):
        # As in JAX, any object with a shape and a dtype can stand for an array.
        return ShapedArray(tuple(x.shape), canonicalize_dtype(x.dtype), getattr(x, "weak_type", False))
    return get_aval(as_operand(x))


def stage(fun: Callable, in_tree, in_avals) -> tuple:
    """(the jaxpr of a function traced on types alone, the jaxpr's constants, the tree of the results)."""
    flat, trees = flat_function(fun, in_tree)
    jaxpr, consts = trace_to_jaxpr(flat, in_avals)
    if config.jax_debug_key_reuse:
        import_module("minijax.api.key_reuse").check_key_reuse(jaxpr, consts)
    return jaxpr, consts, trees[0]


@overload
def make_jaxpr(
    fun: Callable[..., Any],
    static_argnums: int | Sequence[int] = (),
    axis_env: Sequence[tuple[Hashable, int]] | None = None,
    return_shape: Literal[False] = False,
) -> Callable[..., ClosedJaxpr]: ...
@overload
def make_jaxpr(
    fun: Callable[..., Any],
    static_argnums: int | Sequence[int] = (),
    axis_env: Sequence[tuple[Hashable, int]] | None = None,
    *,
    return_shape: Literal[True],
) -> Callable[..., tuple[ClosedJaxpr, Any]]: ...
def make_jaxpr(
    fun: Callable[..., Any],
    static_argnums: int | Sequence[int] = (),
    axis_env: Sequence[tuple[Hashable, int]] | None = None,
    return_shape: bool = False,
) -> Callable[..., Any]:
    """A function that returns the jaxpr of `fun` at the types of its arguments (`jax.make_jaxpr`).

    axis_env: (name, size) of each axis that collectives in `fun` may name, from the outermost to the innermost.

    >>> make_jaxpr(lambda x: x * 2)(3.0)
    { lambda ; a:f32[]. let b:f32[] = mul a 2.0:f32[] in (b,) }
    """
    check_callable(fun)
    static_argnums = as_argnums(static_argnums)
    if static_argnums:
        check_argnums(fun, static_argnums, "static_argnums")
    axes = [Axis(name, size) for name, size in axis_env or ()]

    def run(*args, **kwargs):
        nums = static_positions(static_argnums, len(args))
        dynamic = [x for i, x in enumerate(args) if i not in nums]
        flat, in_tree = tree_flatten((tuple(dynamic), kwargs))

        @wraps(fun)
        def of_dynamic(dynamic, kwargs):
            return fun(*merge_static(args, nums, dynamic), **kwargs)

        avals = [abstractify(x) for x in flat]
        jaxpr, consts, out_tree = with_named_axes(axes, stage, of_dynamic, in_tree, avals)
        closed_jaxpr = ClosedJaxpr(jaxpr, consts)
        if return_shape:
            return closed_jaxpr, tree_unflatten(out_tree, [struct_of(v) for v in closed_jaxpr.out_avals])
        return closed_jaxpr

    @wraps(fun)
    def make_jaxpr_f(*args, **kwargs):
        return current_trace().enter(run, args, kwargs)

    return make_jaxpr_f


def struct_of(aval: ShapedArray) -> ShapeDtypeStruct:
    return ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type)


def eval_shape(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The shapes and dtypes of `fun`'s results (`jax.eval_shape`). `fun` is traced, and computes no values. It may return a
    ShapeDtypeStruct in the place of an array.

    >>> import numpy as np
    >>> eval_shape(lambda x: x.sum(), ShapeDtypeStruct((3,), np.float32))
    ShapeDtypeStruct(shape=(), dtype=float32)
    """
    check_callable(fun)
    given: list[ShapeDtypeStruct | None] = []

    @wraps(fun)
    def of_arrays(*args, **kwargs):
        leaves, tree = tree_flatten(fun(*args, **kwargs))
        given[:] = [x if isinstance(x, ShapeDtypeStruct) else None for x in leaves]
        return tree_unflatten(tree, [x if struct is None else 0 for x, struct in zip(leaves, given)])

    shapes, tree = tree_flatten(make_jaxpr(of_arrays, return_shape=True)(*args, **kwargs)[1])
    return tree_unflatten(tree, [shape if struct is None else struct for shape, struct in zip(shapes, given)])


__all__ = ["ShapeDtypeStruct", "eval_shape", "make_jaxpr"]
