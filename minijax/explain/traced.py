"""The function that is explained, as a jaxpr of its arrays."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import get_ident
from types import CodeType
from typing import Any

from ..api.arguments import as_operand, flat_function, function_name
from ..api.jit import JitFunction, jit
from ..api.make_jaxpr import ShapeDtypeStruct, abstractify
from ..core.array import to_array
from ..core.avals import ShapedArray
from ..core.primitive import Primitive
from ..core.staging import JaxprBuilder, trace_to_closed_jaxpr
from ..foundation.dtypes import float0
from ..foundation.errors import ConcretizationTypeError, TracerIntegerConversionError
from ..foundation.pytrees import flatten_axes, keystr, tree_flatten, tree_flatten_with_path, tree_leaves, tree_unflatten
from ..foundation.source_info import Origin, SourceInfo
from .running import sample


def _is_array(x: Any) -> bool:
    try:
        abstractify(x)
    except (TypeError, ValueError):
        return False
    return True


@contextmanager
def calls_noted(code: CodeType | None) -> Iterator[dict[int, Origin]]:
    """{id of an origin: the origin} of calls, in the file of that code, of functions of other files. Where such a function writes
    an equation, the call's origin is a parent of the equation's, as `kaf.kaf(x, alpha)` of what kaf's own lines write."""
    found: dict[int, Origin] = {}
    plain, thread = JaxprBuilder.write, get_ident()

    def write(trace: JaxprBuilder, primitive: Primitive, args: Sequence, params: dict, origin: Origin | None) -> Any:
        if origin is not None and origin.place is not None and get_ident() == thread:
            call = _call_in(code.co_filename, origin.place)
            if call is not None:
                found[id(call)] = call
                origin = origin._replace(parents=(*origin.parents, call))
        return plain(trace, primitive, args, params, origin)

    if code is None:
        yield found
        return
    JaxprBuilder.write = write  # type: ignore[method-assign]
    try:
        yield found
    finally:
        JaxprBuilder.write = plain  # type: ignore[method-assign]


def _call_in(file: str, place: SourceInfo) -> Origin | None:
    """The origin of the running expression of that file, unless the place is one of it."""
    frame = sys._getframe(2)
    while frame is not None and place.code.co_filename != file:
        if frame.f_code.co_filename == file:
            return Origin(SourceInfo(frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return None


class Traced:
    """The function as a jaxpr of its arrays: the jaxpr, sample arguments, and which arguments are differentiated and mapped.

    Arguments that are no arrays, such as strings and functions, are part of the program. If the function needs to know Python
    integers, as in `range(n)`, they are part of it too.
    """

    def __init__(self, fun: Callable, args: tuple, kwargs: dict, argnums, vmap, jitted: bool):
        # The jaxpr of a jitted function is one equation. So explain the function within, unless the caller wants that equation.
        inner = fun.__wrapped__ if isinstance(fun, JitFunction) else fun
        self.fun, self.unwrapped = inner, inner is not fun
        self.run = jit(inner) if jitted else inner
        self.name = function_name(inner)
        leaves, self.tree = tree_flatten((args, kwargs))
        dims = [None] * len(leaves) if vmap is None else flatten_axes("explain's vmap", self.tree, (vmap, 0))
        paths = [path for path, _ in tree_flatten_with_path((args, kwargs))[0]]
        nums = _positions(first_real(args) if argnums is None else argnums, len(args))
        try:
            self.trace(leaves, dims, paths, nums, _is_array)
        except (ConcretizationTypeError, TracerIntegerConversionError):
            # `for i in range(n)`: n must be a number while the program is traced.
            if not any(type(x) in (int, bool) for x in leaves):
                raise
            self.trace(leaves, dims, paths, nums, lambda x: type(x) not in (int, bool) and _is_array(x))

    def trace(self, leaves, dims, paths, nums, dynamic: Callable[[Any], bool]):
        places = [i for i, x in enumerate(leaves) if dynamic(x)]
        whole = [abstractify(leaves[i]) for i in places]
        dims = [dims[i] for i in places]
        for i, aval, d in zip(places, whole, dims):
            if d is not None and not -aval.ndim <= d < aval.ndim:
                name = _leaf_name(self.fun, paths[i])
                raise ValueError(
                    f"explain's vmap maps axis {d} of {name}, which is {aval.str_short(short_dtypes=True)}"
                )
        sizes = {a.shape[d] for a, d in zip(whole, dims) if d is not None}
        if len(sizes) > 1:
            raise ValueError(f"explain's vmap maps axes of different sizes: {sorted(sizes)}")
        self.size = sizes.pop() if sizes else None
        self.dims = tuple(None if d is None else d % max(len(a.shape), 1) for a, d in zip(whole, dims))
        avals = [a if d is None else a.update(shape=a.shape[:d] + a.shape[d + 1 :]) for a, d in zip(whole, self.dims)]
        self.names = [_leaf_name(self.fun, paths[i]) for i in places]
        self.given = [leaves[i] for i in places]
        self.leaves, self.places = leaves, places
        self.static = [i for i in range(len(leaves)) if i not in set(places)]
        self.differentiated = tuple(
            paths[i][0].idx == 0 and paths[i][1].idx in nums and _has_tangents(a) for i, a in zip(places, avals)
        )

        def merged(*arrays):
            args, kwargs = tree_unflatten(self.tree, self.filled(arrays))
            return self.run(*args, **kwargs)

        flat, _ = flat_function(merged, tree_flatten(tuple(self.given))[1])
        with calls_noted(getattr(inspect.unwrap(self.fun), "__code__", None)) as self.calls:
            self.jaxpr = trace_to_closed_jaxpr(flat, avals)

    def filled(self, arrays: Sequence) -> list:
        """All leaves of the arguments: these arrays, and what is no array as it was given."""
        found = list(self.leaves)
        for i, x in zip(self.places, arrays):
            found[i] = x
        return found

    def samples(self) -> list:
        """Values for one example: what was given, or random numbers where a type was."""
        found = []
        for i, (x, aval, d) in enumerate(zip(self.given, self.jaxpr.in_avals, self.dims)):
            if isinstance(x, ShapedArray | ShapeDtypeStruct):
                found.append(sample(aval, i))
            else:
                value = to_array(as_operand(x))
                found.append(value if d is None else to_array(value._value.take(0, axis=d)))
        return found


def _positions(argnums: int | tuple[int, ...], count: int) -> set[int]:
    nums = (argnums,) if isinstance(argnums, int) else argnums
    for n in nums if count else ():
        if not -count <= n < count:
            raise ValueError(f"explain got argnums={argnums!r}, and the call has {count} positional arguments")
    return {n % max(count, 1) for n in nums}


def _has_tangents(aval: ShapedArray) -> bool:
    return aval.to_tangent_aval().dtype != float0


def _leaf_name(fun: Callable, path) -> str:
    """The argument in the user's words: `params['w']`."""
    try:
        names = list(inspect.signature(fun).parameters)
    except (TypeError, ValueError):
        names = []
    if path[0].idx == 1:
        first = str(path[1].key)
    else:
        first = names[path[1].idx] if path[1].idx < len(names) else f"args[{path[1].idx}]"
    return first + keystr(path[2:])


def first_real(args: tuple) -> int:
    """The first positional argument that can be differentiated; 0 if none can."""
    for i, x in enumerate(args):
        if any(_is_array(leaf) and _has_tangents(abstractify(leaf)) for leaf in tree_leaves(x)):
            return i
    return 0
