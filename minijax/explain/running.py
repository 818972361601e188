"""Sample values of a program: each equation runs once, and a summary of its results stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.array import ArrayImpl, to_array
from ..core.avals import ShapedArray
from ..core.jaxpr import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, called_jaxpr, jaxprs_in_params
from ..foundation.dtypes import float0, key_fry

# Arrays of more elements are shown by their least and greatest element, and their mean.
WHOLE = 8


class NotRun(Exception):
    """A program is not run: to run it would do more than compute its results."""


def whole(array: np.ndarray, separator: str) -> str:
    """A small array on one line."""
    rows = np.array2string(array, precision=4, separator=separator, max_line_width=10**6).split("\n")
    return "".join([rows[0].rstrip(), *[f" {row.strip()}" for row in rows[1:] if row.strip()]])


def summary(value: Any) -> tuple[str, bool]:
    """(a value as text, whether all its numbers are finite). Up to 8 elements whole; else the least, the greatest and the mean,
    and how many are not finite."""
    array = np.asarray(to_array(value)._value)
    dtype = to_array(value).dtype
    if dtype == float0:
        return "no tangent", True
    if dtype == key_fry:
        return "a random key", True
    if array.dtype.kind not in "biufc":
        array = array.astype(np.float32)
    finite = np.isfinite(array)
    if array.size <= WHOLE:
        return whole(array, ", "), bool(finite.all())
    if array.dtype.kind == "b":
        return f"{int(array.sum())} of {array.size} are True", True
    rest = "" if finite.all() else f", {int((~finite).sum())} not finite"
    known = array[finite]
    if not known.size:
        return f"none of {array.size} is finite", False
    if array.dtype.kind == "c":
        return f"mean {known.mean():.4g}, largest |z| {abs(known).max():.4g}{rest}", bool(finite.all())
    known = known.astype(np.float64)
    return f"{known.min():.3g} to {known.max():.3g}, mean {known.mean():.3g}{rest}", bool(finite.all())


def without_prints(value: Any) -> Any:
    """Jaxprs, within tuples too, without their equations that only print or call back."""
    if isinstance(value, (tuple, list)) and type(value) in (tuple, list):
        return type(value)(map(without_prints, value))
    if isinstance(value, ClosedJaxpr):
        return value.replace(jaxpr=without_prints(value.jaxpr))
    if not isinstance(value, Jaxpr) or not value.effects:
        return value
    eqns = [_without_prints(eqn) for eqn in value.eqns]
    return value.replace(eqns=[eqn for eqn in eqns if eqn is not None])


def _without_prints(eqn: JaxprEqn) -> JaxprEqn | None:
    if not eqn.effects:
        return eqn
    if jaxprs_in_params(eqn.params):
        return eqn.replace(params={k: without_prints(v) for k, v in eqn.params.items()})
    if eqn.outvars:
        raise NotRun(f"{eqn.primitive.name} has effects, and an explanation has none")
    return None


# Called for each equation with its operands and its results.
Seen = Callable[[JaxprEqn, list, list], None]


def run(closed_jaxpr: ClosedJaxpr, args: Sequence, seen: Seen | None = None) -> list:
    """The results of a program. `seen` is called for the equations of called jaxprs, too."""
    jaxpr = closed_jaxpr.jaxpr
    values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*closed_jaxpr.consts, *args], strict=True))
    for eqn in jaxpr.eqns:
        operands = [v.val if type(v) is Literal else values[v] for v in eqn.invars]
        inner = called_jaxpr(eqn)
        quiet = _without_prints(eqn)
        if quiet is None:
            continue
        if inner is not None and len(inner.jaxpr.invars) == len(operands):
            outs = run(inner, operands, seen)
        else:
            out = eqn.primitive.bind(*operands, **quiet.params)
            outs = list(out) if eqn.primitive.multiple_results else [out]
        values.update(zip(eqn.outvars, outs))
        if seen is not None:
            seen(eqn, operands, outs)
    return [v.val if type(v) is Literal else values[v] for v in jaxpr.outvars]


def sample(aval: ShapedArray, seed: int) -> ArrayImpl:
    """Random numbers of a type: normal ones, small whole ones, or truth values."""
    random = np.random.default_rng(seed)
    if aval.dtype == float0:
        return to_array(np.zeros(aval.shape, float0))
    kind = np.dtype(aval.dtype).kind if aval.dtype != key_fry else "K"
    if kind == "K":
        raise NotRun("random keys are not made up: give a key, such as minijax.random.key(0)")
    if kind == "b":
        value = random.random(aval.shape) < 0.5
    elif kind in "iu":
        value = random.integers(0, 4, aval.shape)
    elif kind == "c":
        value = random.normal(size=aval.shape) + 1j * random.normal(size=aval.shape)
    else:
        value = random.normal(size=aval.shape)
    return ArrayImpl(np.asarray(value).astype(aval.dtype), aval.weak_type)
