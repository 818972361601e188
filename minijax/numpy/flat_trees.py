"""A pytree of arrays as one vector, and back (`jax.flatten_util`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from .. import lax
from ..core.traces import Array
from ..foundation import dtypes
from ..foundation.pytrees import tree_flatten, tree_unflatten
from ..primitives.elementwise import convert_element_type
from .util import as_array


@dataclass(frozen=True)
class _Unravel:
    """The way back. Equal trees have equal ways back, so that one can be a static argument of `jit`.

    dtypes: of the leaves, or None if all leaves have one dtype: then a vector of any dtype becomes leaves of that dtype, as
    tangents in other precisions ask for.
    """

    treedef: Any
    shapes: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...]
    dtypes: tuple | None
    vector_dtype: Any

    def __call__(self, flat: Array) -> Any:
        if not self.shapes:
            return tree_unflatten(self.treedef, [])
        flat = as_array(flat)
        total = list(accumulate(self.sizes))[-1]
        if flat.shape[:1] != (total,) or flat.size != total:
            raise ValueError(f"unravel takes a vector of {total} elements, but got an array of shape {flat.shape}.")
        leaves = [x.reshape(shape) for x, shape in zip(lax.split(flat.reshape(-1), self.sizes), self.shapes)]
        if self.dtypes is not None:
            if flat.dtype != self.vector_dtype:
                raise TypeError(
                    f"unravel function given array of dtype {flat.dtype}, but expected dtype {self.vector_dtype}"
                )
            leaves = [convert_element_type(x.real if _drops(x, d) else x, d) for x, d in zip(leaves, self.dtypes)]
        return tree_unflatten(self.treedef, leaves)


def _drops(x: Array, dtype) -> bool:
    """Whether a conversion to `dtype` takes the real part of x: here no part is lost, so that nobody needs the warning."""
    return x.dtype.kind == "c" and dtype.kind != "c"


def ravel_pytree(pytree: Any) -> tuple[Array, Callable[[Array], Any]]:
    """(the leaves of a pytree one after another in a vector, the function that makes the pytree of such a vector).

    The vector has the dtype that the leaves promote to, float32 if there are none (`jax.flatten_util.ravel_pytree`).

    >>> import minijax.numpy as jnp
    >>> flat, unravel = ravel_pytree({"a": jnp.arange(2.0), "b": jnp.ones((1, 2))})
    >>> flat
    Array([0., 1., 1., 1.], dtype=float32)
    >>> unravel(2 * flat)["b"]
    Array([[2., 2.]], dtype=float32)
    """
    leaves, treedef = tree_flatten(pytree)
    if not leaves:
        return lax.full((0,), 0, "float32"), _Unravel(treedef, (), (), None, None)
    arrays = [as_array(x) for x in leaves]
    shapes, sizes = tuple(x.shape for x in arrays), tuple(x.size for x in arrays)
    own = tuple(x.dtype for x in arrays)
    dtype = dtypes.result_type(*own)
    same = all(d == dtype for d in own)
    vectors = [lax.reshape(x, (x.size,)) if same else convert_element_type(x, dtype).ravel() for x in arrays]
    flat = lax.concatenate(vectors, 0)
    return flat, _Unravel(treedef, shapes, sizes, None if same else own, dtype)
