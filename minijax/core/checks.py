"""What a rule returns is checked: how many results, their shapes and dtypes, their batch axes.

A rule that a user assigns to a primitive is wrapped by `checked`. The package's own rules are not, unless the environment
variable MINIJAX_CHECK_RULES is 1, as it is in the tests. Without the checks a transpose rule that returns `[]` gives a wrong
gradient, and no error.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import wraps
from inspect import unwrap
from typing import Any

import numpy as np

from ..foundation.dtypes import canonicalize_dtype, key_fry
from ..foundation.memory import read_only
from ..foundation.source_info import current, summarize
from .avals import ShapedArray, UndefinedPrimal, Zero
from .traces import get_aval

CHECK_ALL = os.environ.get("MINIJAX_CHECK_RULES") == "1"


class RuleError(TypeError):
    """A rule of a primitive returned something else than what such a rule returns."""


def checked(primitive, kind: str, rule: Callable) -> Callable:
    """The rule, with a check of what it returns. A rule that is checked already, or absent, is returned as it is."""
    check = _CHECKS[kind]
    if not callable(rule) or hasattr(rule, "checks") or hasattr(rule, "reason"):
        return rule

    @wraps(rule)
    def with_check(*args, **params):
        result = rule(*args, **params)
        problem = check(primitive, result, args, params)
        if problem is not None:
            raise RuleError(_text(primitive, kind, rule, problem))
        return result

    with_check.checks = kind
    return with_check


def apart(primitive, impl: Callable) -> Callable:
    """A user's implementation, kept apart from the memory of arrays: its arguments are read-only, and its results are copied, since
    it may keep what it returns and write to it later."""
    if not callable(impl) or hasattr(impl, "checks") or hasattr(impl, "reason"):
        return impl

    @wraps(impl)
    def with_views(*args, **params):
        result = impl(*[read_only(x) if type(x) is np.ndarray else x for x in args], **params)
        if primitive.multiple_results and isinstance(result, (list, tuple)):
            return [x.copy() if isinstance(x, np.ndarray) else x for x in result]
        return result.copy() if isinstance(result, np.ndarray) else result

    with_views.users = impl
    return with_views


def bare(rule: Callable) -> Callable:
    """The rule without its check."""
    return rule.__wrapped__ if hasattr(rule, "checks") and hasattr(rule, "__wrapped__") else rule


def _text(primitive, kind: str, rule: Callable, problem: str) -> str:
    code = getattr(unwrap(rule), "__code__", None)
    where = "" if code is None else f" ({code.co_filename}:{code.co_firstlineno})"
    return (
        f"The {kind} rule of primitive '{primitive.name}'{where} {problem}\nThe operation is at {summarize(current())}."
    )


# ---------------------------------------------------------------------------------------------------------------------
# A check is (primitive, what the rule returned, its arguments, its parameters) -> what is wrong, or None


def _impl(primitive, result, args, params) -> str | None:
    expected = _out_avals(primitive, [_aval(x) for x in args], params)
    if primitive.multiple_results and not isinstance(result, (list, tuple)):
        return f"must return a list of arrays, since the primitive has multiple_results, but returned {_named(result)}."
    if expected is None:
        return None
    results = result if primitive.multiple_results else [result]
    return _count("result", results, expected) or _first(
        _differs("its result", i, _aval(x), aval, "abstract_eval says")
        for i, (x, aval) in enumerate(zip(results, expected))
    )


def _abstract_eval(primitive, result, args, params) -> str | None:
    if primitive.multiple_results and not isinstance(result, (list, tuple)):
        return f"must return a list of avals, since the primitive has multiple_results, but returned {_named(result)}."
    for aval in result if primitive.multiple_results else [result]:
        if not isinstance(aval, ShapedArray):
            return f"must return {'a list of ShapedArrays' if primitive.multiple_results else 'a ShapedArray'}, got {_named(aval)}."
    return None


def _jvp(primitive, result, args, params) -> str | None:
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        return f"must return a pair (result, tangent of the result), but returned {_named(result)}."
    outs, tangents = result
    if not primitive.multiple_results:
        outs, tangents = [outs], [tangents]
    expected = _out_avals(primitive, [_aval(x) for x in args[0]], params)
    problem = _count("result", outs, expected) or _count("tangent", tangents, outs)
    for i, (out, tangent) in enumerate(zip(outs, tangents) if problem is None else ()):
        aval = _aval(out)
        problem = problem or (expected and _differs("its result", i, aval, expected[i], "abstract_eval says"))
        problem = problem or _differs(
            "its tangent", i, _aval(tangent), aval.to_tangent_aval(), "the result's tangents have"
        )
    return problem or None


def _transpose(primitive, result, args, params) -> str | None:
    arguments = args[1:]
    if not isinstance(result, (list, tuple)):
        return f"must return a list with a cotangent or None for each of the {len(arguments)} arguments, got {_named(result)}."
    if len(result) != len(arguments):
        return (
            f"must return a list with a cotangent or None for each of the {len(arguments)} arguments, but returned"
            f" {len(result)}."
        )
    return _first(
        _differs("the cotangent", i, _aval(ct), x.aval, "the argument has")
        for i, (ct, x) in enumerate(zip(result, arguments))
        # The cotangent of an integer is an integer under `linear_transpose`, and a symbolic zero otherwise.
        if ct is not None and type(ct) is not Zero and type(x) is UndefinedPrimal
    )


def _batch(primitive, result, args, params) -> str | None:
    axis, values, dims = args
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        return f"must return a pair (result, its batch axis or None), but returned {_named(result)}."
    outs, out_dims = result
    if not primitive.multiple_results:
        outs, out_dims = [outs], [out_dims]
    elif not (isinstance(outs, (list, tuple)) and isinstance(out_dims, (list, tuple))):
        return f"must return (list of results, list of batch axes), but returned {_named(result)}."
    examples = [_without(_aval(x), d) for x, d in zip(values, dims)]
    expected = None if any(aval is None for aval in examples) else _out_avals(primitive, examples, params)
    problem = _count("result", outs, expected) or _count("batch axis", out_dims, outs)
    for i, (out, dim) in enumerate(zip(outs, out_dims) if problem is None else ()):
        aval = _aval(out)
        if not (dim is None or isinstance(dim, (int, np.integer)) and 0 <= dim < len(aval.shape)):
            problem = (
                problem
                or f"says that the batch axis of its result{_number(i)} is {dim!r}: the result is {_short(aval)}."
            )
        elif dim is not None and aval.shape[dim] != axis.size:
            problem = problem or (
                f"says that axis {dim} of its result{_number(i)}, {_short(aval)}, is the batch axis, whose size is {axis.size}."
            )
        elif expected:
            problem = problem or _differs(
                "an example of its result", i, _without(aval, dim), expected[i], "abstract_eval says"
            )
    return problem


_CHECKS = {"impl": _impl, "abstract_eval": _abstract_eval, "jvp": _jvp, "transpose": _transpose, "batch": _batch}


# ---------------------------------------------------------------------------------------------------------------------
# Types


def _aval(x: Any) -> ShapedArray:
    """The type of an array, tracer, number, symbolic zero or unknown argument, with dtypes as minijax keeps them."""
    if type(x) in (Zero, UndefinedPrimal):
        return x.aval
    if isinstance(x, (np.ndarray, np.generic)) and x.dtype == key_fry.storage:
        return ShapedArray(x.shape, key_fry)
    return get_aval(x)


def _without(aval: ShapedArray, dim: int | None) -> ShapedArray | None:
    return aval if dim is None else aval.update(shape=aval.shape[:dim] + aval.shape[dim + 1 :])


def _out_avals(primitive, avals: Sequence[ShapedArray], params: dict) -> list[ShapedArray] | None:
    """What abstract_eval says of the results; None if the primitive has none, or it refuses the arguments, as the call will."""
    rule = getattr(primitive.abstract_eval, "__wrapped__", primitive.abstract_eval)
    if hasattr(rule, "reason"):
        return None
    try:
        found = rule(*avals, **params)
    except Exception:
        return None
    return list(found) if primitive.multiple_results else [found]


def _differs(what: str, i: int, found: ShapedArray, expected: ShapedArray, who: str) -> str | None:
    if found.shape == expected.shape and canonicalize_dtype(found.dtype, True) == canonicalize_dtype(
        expected.dtype, True
    ):
        return None
    return f"returned {_short(found)} as {what}{_number(i)}, where {who} {_short(expected)}."


def _count(what: str, found: Sequence, expected: Sequence | None) -> str | None:
    if expected is None or len(found) == len(expected):
        return None
    return f"returned {len(found)} of what there must be {len(expected)}: a {what} each."


def _first(problems) -> str | None:
    return next((problem for problem in problems if problem), None)


def _number(i: int) -> str:
    return f" {i}" if i else ""


def _short(aval: ShapedArray) -> str:
    return aval.str_short(short_dtypes=True)


def _named(x: Any) -> str:
    try:
        return f"{_short(_aval(x))}"
    except TypeError:
        return f"{x!r} of type {type(x).__name__}"
