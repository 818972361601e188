"""`check_rules`: every rule of a primitive against what the other rules say. No other library is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ..api.arguments import as_operand
from ..api.derivatives import jvp, linear_transpose, vjp
from ..api.jit import jit
from ..api.vmap import vmap
from ..core.array import to_array
from ..core.primitive import Absent, Primitive
from ..core.traces import get_aval
from ..foundation.config import enable_x64
from ..foundation.dtypes import float0

# Steps of differences, and how far a derivative in float64 may be from them, relative to the largest element.
STEP, SLOPE = 1e-6, 1e-5
SIZE = 3


@dataclass(frozen=True)
class Finding:
    """What was found of a rule. state: "ok", "wrong" or "absent". text: by how much it is wrong, or why it is absent.

    >>> Finding('jvp', 'ok', '')
    Finding(rule='jvp', state='ok', text='')
    """

    rule: str
    state: str
    text: str


@dataclass(frozen=True)
class Report:
    """What `check_rules` found of a primitive: one `Finding` for each rule. `.wrong` has those that are wrong.

    >>> report = Report('cube', (Finding('impl', 'ok', ''), Finding('jvp', 'absent', 'none was given')))
    >>> report
    cube: impl is ok
    cube: jvp is absent: none was given
    >>> report.wrong
    ()
    """

    primitive: str
    findings: tuple[Finding, ...]

    @property
    def wrong(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.state == "wrong")

    def __str__(self) -> str:
        return "\n".join(
            f"{self.primitive}: {f.rule} is {f.state}{': ' if f.text else ''}{f.text}" for f in self.findings
        )

    __repr__ = __str__


class _Wrong(Exception):
    """A rule breaks a law. The text says by how much."""


def check_rules(primitive: Primitive, *args: Any, **params: Any) -> Report:
    """Put a primitive to every law at these arguments; return what was found of each rule (`minijax.testing.check_rules`).

    abstract_eval says the types that `impl` returns; `impl` leaves its arguments alone; `jvp` is what differences of `impl` show,
    and linear; reverse mode is the adjoint of forward mode; `transpose` is the adjoint of `impl`, where it is linear; `batch` is a
    stack of slices, for each choice of axes; the compiled program is `impl`. A missing rule is absent, and no error.

    Arguments are taken in 64 bits, so that differences have digits enough. Raises AssertionError if a rule is wrong: the text has
    every rule, and by how much it is wrong.

    >>> from minijax.extend.core import Primitive
    >>> double_p = Primitive("double")
    >>> _ = double_p.def_impl(lambda x: 2 * x)
    >>> _ = double_p.def_abstract_eval(lambda x: x)
    >>> double_p.jvp = lambda primals, tangents: (double_p.bind(*primals), double_p.bind(*tangents))
    >>> double_p.transpose = lambda ct, x: [double_p.bind(ct)]
    >>> check_rules(double_p, np.ones(3))
    double: abstract_eval is ok
    double: impl is ok
    double: jvp is ok
    double: transpose is ok
    double: batch is absent
    double: program is ok
    """
    with enable_x64(True):
        values = [_wide(np.asarray(to_array(x)._value)) for x in args]
        case = _Case(primitive, params, values)
        report = Report(primitive.name, tuple(case.finding(rule, law) for rule, law in LAWS.items()))
    if report.wrong:
        raise AssertionError(str(report))
    return report


class _Case:
    """A primitive at its arguments."""

    def __init__(self, primitive: Primitive, params: dict, values: list[np.ndarray]):
        self.primitive, self.params, self.values = primitive, params, values
        self.real = [i for i, x in enumerate(values) if x.dtype.kind in "fc"]

    def __call__(self, *args) -> list:
        out = self.primitive.bind(*map(as_operand, args), **self.params)
        return list(out) if self.primitive.multiple_results else [out]

    def numbers(self, *args) -> list[np.ndarray]:
        return [np.asarray(to_array(x)._value) for x in self(*args)]

    def finding(self, rule: str, law: Callable[[_Case], None]) -> Finding:
        found = getattr(self.primitive, rule, None)
        if isinstance(found, Absent):
            return Finding(rule, "absent", found.reason or "")
        try:
            law(self)
        except _Wrong as error:
            return Finding(rule, "wrong", str(error))
        except Exception as error:
            text = str(error).splitlines()[0] if str(error) else ""
            return Finding(rule, "wrong", f"it raised {type(error).__name__}: {text}")
        return Finding(rule, "ok", "")

    def directions(self, salt: float) -> list[np.ndarray]:
        return [_wave(self.values[i].shape, self.values[i].dtype, salt + i) for i in self.real]

    def moved(self, directions: Sequence[np.ndarray], step: float) -> list[np.ndarray]:
        found = list(self.values)
        for i, d in zip(self.real, directions):
            found[i] = found[i] + step * d
        return found

    def of_real(self) -> Callable:
        """The primitive as a function of its real and complex arguments, with its real and complex results."""

        def function(*some):
            found = list(self.values)
            for i, x in zip(self.real, some):
                found[i] = x
            return [y for y in self(*found) if get_aval(y).to_tangent_aval().dtype != float0]

        return function

    def primals(self) -> tuple:
        return tuple(to_array(self.values[i]) for i in self.real)


def _wide(x: np.ndarray) -> np.ndarray:
    return x.astype({"f": np.float64, "c": np.complex128}.get(x.dtype.kind, x.dtype))


def _wave(shape: tuple[int, ...], dtype, salt: float) -> np.ndarray:
    """Numbers of both signs, none of them equal."""
    n = np.arange(int(np.prod(shape)))
    return (
        (np.cos(1.7 * n + salt) + (1j * np.sin(n + salt) if np.dtype(dtype).kind == "c" else 0))
        .reshape(shape)
        .astype(dtype)
    )


def _compare(found: Sequence, expected: Sequence, tolerance: float, what: str):
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        a, b = (x.astype(np.int8) if x.dtype.kind == "b" else x for x in (np.asarray(a), np.asarray(b)))
        where = f"result {i} {what}" if len(found) > 1 else what
        if a.shape != b.shape:
            raise _Wrong(f"{where}: its shape is {a.shape}, and not {b.shape}")
        largest = max(float(abs(b).max(initial=0.0, where=np.isfinite(b))), 1e-30)
        with np.errstate(invalid="ignore"):
            apart = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, abs(a - b.astype(a.dtype)) / largest)
        worst = float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))
        if worst > tolerance:
            k = np.unravel_index(int(np.nanargmax(np.nan_to_num(apart, nan=np.inf))), a.shape)
            raise _Wrong(f"{where}: {a[k]:.6g}, and it should be {b[k]:.6g} (off by {worst:.2g} of the largest)")


# ---------------------------------------------------------------------------------------------------------------------
# The laws: each raises `_Wrong`


def _types(case: _Case):
    avals = case.primitive.abstract_eval(*map(get_aval, map(to_array, case.values)), **case.params)
    avals = avals if case.primitive.multiple_results else [avals]
    out = case.primitive.impl(*case.values, **case.params)
    outs = list(out) if case.primitive.multiple_results else [out]
    if len(avals) != len(outs):
        raise _Wrong(f"it has {len(avals)} results, and impl {len(outs)}")
    for aval, x in zip(avals, map(np.asarray, outs)):
        if (aval.shape, np.dtype(aval.dtype)) != (x.shape, x.dtype):
            raise _Wrong(f"it says {aval.str_short()}, and impl returns {x.dtype.name}[{','.join(map(str, x.shape))}]")


def _arguments_stay(case: _Case):
    given = [x.copy() for x in case.values]
    first = [x.copy() for x in case.numbers(*given)]
    _compare(given, case.values, 0.0, "an argument after the call")
    _compare(case.numbers(*given), first, 0.0, "in a second call")


def _jvp(case: _Case):
    function, primals, directions = case.of_real(), case.primals(), case.directions(0.3)
    if not primals:
        return
    outs, tangents = jvp(function, primals, tuple(map(to_array, directions)))
    _compare(outs, [y for y in case.numbers(*case.values) if y.dtype.kind in "fc"], 1e-12, "the value")
    ahead, behind = (function(*[case.moved(directions, s)[i] for i in case.real]) for s in (STEP, -STEP))
    slopes = [(np.asarray(a) - np.asarray(b)) / (2 * STEP) for a, b in zip(ahead, behind)]
    _compare(tangents, slopes, SLOPE, "the tangent")
    _, doubled = jvp(function, primals, tuple(to_array(2 * d) for d in directions))
    _compare(doubled, [2 * np.asarray(t) for t in tangents], 1e-12, "the tangent for twice the direction")
    _adjoint(tangents, directions, vjp(function, *primals)[1], "reverse mode")


def _adjoint(moved: Sequence, directions: Sequence[np.ndarray], pull: Callable, what: str):
    """<J v, w> = <v, J^T w>"""
    weights = [_wave(np.shape(y), np.asarray(y).dtype, 0.5) for y in moved]
    cotangents = pull(list(map(to_array, weights)))
    # The real parts agree, also where a result is the conjugate or the real part of an argument.
    left = sum(float(np.sum(np.asarray(a) * b).real) for a, b in zip(moved, weights))
    right = sum(float(np.sum(a * np.asarray(b)).real) for a, b in zip(directions, cotangents))
    if abs(left - right) > 1e-9 * max(abs(left), abs(right), 1e-30):
        raise _Wrong(f"{what} is not the adjoint: {right:.6g}, and it should be {left:.6g}")


def _is_linear(case: _Case, i: int) -> bool:
    """Whether the primitive is linear in one argument: f(2x) = 2 f(x), and f(0) = 0."""
    values = [list(case.values) for _ in range(2)]
    values[0][i], values[1][i] = 2 * case.values[i], 0 * case.values[i]
    once, twice, none = case.numbers(*case.values), case.numbers(*values[0]), case.numbers(*values[1])
    return all(np.allclose(2 * a, b, rtol=1e-12) and not np.any(c) for a, b, c in zip(once, twice, none))


def _transpose(case: _Case):
    for i in case.real:
        if not _is_linear(case, i):
            continue

        def function(x, i=i):
            return case(*[x if j == i else v for j, v in enumerate(case.values)])

        direction = _wave(case.values[i].shape, case.values[i].dtype, 0.7)
        pull = linear_transpose(function, to_array(case.values[i]))
        _adjoint(function(to_array(direction)), [direction], pull, f"the cotangent of argument {i}")


def _batch(case: _Case):
    for axes in _choices(case.values):
        shapes = [x.shape if d is None else (*x.shape[:d], SIZE, *x.shape[d:]) for x, d in zip(case.values, axes)]
        batches = [
            np.stack([x + np.asarray(k, x.dtype) for k in range(SIZE)], axis=d) if d is not None else x
            for x, d in zip(case.values, axes)
        ]
        assert [b.shape for b in batches] == shapes
        mapped = vmap(case, axes)(*map(to_array, batches))
        slices = [
            case.numbers(*[x if d is None else np.take(x, k, d) for x, d in zip(batches, axes)]) for k in range(SIZE)
        ]
        _compare(mapped, [np.stack(parts) for parts in zip(*slices)], 1e-12, f"for in_axes={axes}")


def _choices(values: Sequence[np.ndarray]) -> Iterator[tuple[int | None, ...]]:
    choices = [dict.fromkeys((None, 0, x.ndim)) for x in values]
    return (axes for axes in product(*choices) if any(d is not None for d in axes))


def _program(case: _Case):
    found = jit(lambda *args: case(*args))(*map(to_array, case.values))
    _compare(found, case.numbers(*case.values), 1e-12, "the compiled program's result")


# {rule: its law}, in the order of a report.
LAWS: dict[str, Callable[[_Case], None]] = {
    "abstract_eval": _types,
    "impl": _arguments_stay,
    "jvp": _jvp,
    "transpose": _transpose,
    "batch": _batch,
    "program": _program,
}


__all__ = ["Finding", "Report", "check_rules"]
