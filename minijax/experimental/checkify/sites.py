"""`check_p`, the primitive of `checkify.check`; and the places of a program where an error can be met."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...core.array import ArrayImpl
from ...core.primitive import CallPrimitive
from ...foundation.effects import Effect
from ...foundation.pytrees import tree_unflatten
from ...lowering.lowered import register
from ...primitives.basis import batch_to_front


class JaxRuntimeError(ValueError):
    """What `Error.throw`, `check_error` and a `check` outside of traced programs raise."""


class JaxException(Exception):
    """The base of the kinds of errors that `checkify` looks for."""


class FailedCheckError(JaxException):
    """A `check` of the program failed."""


class NaNError(JaxException):
    """An operation returned a NaN."""


class DivisionByZeroError(JaxException):
    """A division by zero."""


class OOBError(JaxException):
    """An index out of bounds."""


class Site(NamedTuple):
    """A place where an error can be met: its kind, and the text, with `count` arrays to format in it, as (args, kwargs)."""

    kind: type[JaxException]
    text: str
    tree: Any = None
    count: int = 0

    def message(self, arrays: Sequence[ArrayImpl]) -> str:
        if self.kind is FailedCheckError:
            args, kwargs = tree_unflatten(self.tree, list(arrays))
            return f"{self.text.format(*args, **kwargs)} (`check` failed)"
        if self.kind is OOBError:
            index, axis, size = arrays[0].tolist()
            return f"{self.text}: index {index} is out of bounds for axis {axis} with size {size}. "
        return self.text


def errors_met(
    sites: Sequence[Site], code: Any, arrays: Sequence
) -> list[tuple[tuple[int, ...], Site, list[ArrayImpl]]]:
    """(index of the example, site, its arrays) for each example that met an error.

    code: 0, or the number of a site, from 1; under vmap one for each example. arrays: those of all sites, in turn.
    """
    code = np.asarray(code)
    starts = np.cumsum([0, *[site.count for site in sites]])
    found = []
    for index in np.ndindex(code.shape):
        if code[index]:
            k = int(code[index]) - 1
            values = [
                x._value if isinstance(x, ArrayImpl) else np.asarray(x) for x in arrays[starts[k] : starts[k + 1]]
            ]
            own = [ArrayImpl(value[index]) for value in values]
            found.append((index, sites[k], own))
    return found


def text_of(sites: Sequence[Site], code: Any, arrays: Sequence) -> str | None:
    """The errors in words; None if there is none."""
    lines = []
    for index, site, own in errors_met(sites, code, arrays):
        where = f"at mapped index {', '.join(map(str, index))}: " if index else ""
        lines.append(where + site.message(own))
    return "\n".join(lines) if lines else None


# ---------------------------------------------------------------------------------------------------------------------
# The primitive: (code, *arrays) -> nothing

check_p = CallPrimitive("check")
check_p.effects = lambda params: frozenset({_effect})
_effect = Effect("Check", False)


def _run_on_arrays(args, *, sites, debug):
    text = None if debug else text_of(sites, args[0], args[1:])
    if text is not None:
        raise JaxRuntimeError(text)
    return []


def _in_a_program(*args, sites, debug):
    if not debug:
        raise ValueError(
            "Cannot abstractly evaluate a checkify.check which was not functionalized. This probably means you tried to stage"
            " (jit/scan/pmap/...) a `check` without functionalizing it through `checkify.checkify`."
        )
    return []


def _jvp(primals, tangents, **params):
    check_p.bind(*primals, **params)
    return [], []


def _batch(axis, args, dims, **params):
    check_p.bind(*[batch_to_front(x, d, axis.size) for x, d in zip(args, dims)], **params)
    return [], []


check_p.run_on_arrays = _run_on_arrays
check_p.def_impl(_in_a_program)
check_p.def_abstract_eval(lambda *avals, **params: [])
check_p.jvp = _jvp
check_p.batch = _batch
register(check_p, _in_a_program, None)
