"""`python -m tests.accuracy` writes notes/accuracy.md: the worst error of each special function, density and derivative, by interval,
beside JAX's on the same inputs. `python -m tests.accuracy NAME ...` prints the lines of those functions alone."""

from __future__ import annotations

import sys
import warnings
import zlib
from dataclasses import dataclass
from functools import cache

import jax
import mpmath
import numpy as np

import minijax
from tests.helpers.accuracy_distributions import DISTRIBUTIONS
from tests.helpers.accuracy_table import ELEMENTWISE, NN, SPECIAL, Function, whole
from tests.helpers.accuracy_truth import slope

TABLE = {row.name: row for row in (*ELEMENTWISE, *NN, *SPECIAL, *DISTRIBUTIONS)}

# ---------------------------------------------------------------------------------------------------------------------
# Inputs


def _numbers(bounds, dtype: str, rng, count: int) -> np.ndarray:
    """Numbers of a range, its ends first."""
    if isinstance(bounds, whole):
        low, high = bounds
        return rng.integers(low, high + 1, count).astype(dtype)
    if isinstance(bounds, list):
        return np.resize(np.array(bounds, dtype), count)
    flags = [b for b in bounds if isinstance(b, str)]
    low, high = (float(b(dtype)) if callable(b) else b for b in bounds if not isinstance(b, str))
    part = np.concatenate([[0.0, 1.0], rng.random(max(count - 2, 0))])[:count]
    if low > 0 and high >= 100 * low:
        # The quotient overflows in float64.
        logs = np.log(low) + part * (np.log(high) - np.log(low))
        x = np.clip(np.exp(np.clip(logs, -745, 709.7)), low, high)
    else:
        x = low + part * (high - low)
    x = 1 - x if "below 1" in flags else 1 + x if "above 1" in flags else x
    return (x * rng.choice([-1, 1], count) if "both" in flags else x).astype(dtype)


def points(row: Function, interval: str, dtype: str) -> list[np.ndarray]:
    """The arguments of the function in an interval; the same in every run."""
    if row.draws:
        return row.draws(dtype, row.count)
    rng = np.random.default_rng(zlib.crc32(f"{row.name} {interval}".encode()))
    return [_numbers(bounds, dtype, rng, row.count) for bounds in row.intervals[interval]]


def special_points(row: Function, dtype: str) -> list[np.ndarray]:
    arity = len(next(iter(row.intervals.values())))
    values = [float(v(dtype)) if callable(v) else v for v in row.special]
    return [np.ravel(x).astype(dtype) for x in np.meshgrid(*[values] * arity, indexing="ij")]


# ---------------------------------------------------------------------------------------------------------------------
# True values and errors


def _true_value(row: Function, args, by):
    """The true value or derivative, or None where there is none."""
    if np.isnan(args).any() or (row.finite and np.isinf(args).any()):
        return None
    with mpmath.mp.workdps(50):
        xs = [mpmath.mpf(float(x)) for x in args]
        try:
            if by is None:
                value = row.truth(*xs)
            elif by in row.slopes:
                value = row.slopes[by](*xs)
            else:
                value = slope(row.truth, xs, by)
        except (ValueError, ZeroDivisionError, TypeError, OverflowError, NotImplementedError):
            return None
    if isinstance(value, mpmath.mpc) and by is None and "complex" in row.name:
        return value
    return None if isinstance(value, mpmath.mpc) or mpmath.isnan(value) else value


def true_values(row: Function, interval: str, dtype: str, by, args) -> list:
    return [_true_value(row, xs, by) for xs in zip(*args)]


def ulps(found: np.ndarray, true) -> np.ndarray:
    """|found - true| in units in the last place of the true value; inf where one is a number and the other is not.

    NaN where there is no true value. A true value beyond the largest number has the error 0 if an infinity stands for it."""
    info = np.finfo(found.real.dtype)
    error = np.full(found.shape, np.nan)
    for i, (f, value) in enumerate(zip(found, true)):
        if value is None:
            continue
        size = abs(value)
        if size > mpmath.mpf(float(info.max)):
            rounded = size < mpmath.mpf(float(info.max)) * (1 + float(info.eps)) and abs(f) == info.max
            right = rounded or np.isinf(f) and np.sign(f) == mpmath.sign(value)
            error[i] = 0.0 if right else np.inf
        elif not np.isfinite(f):
            error[i] = np.inf
        else:
            exponent = max(mpmath.mag(size) - 1 if size else info.minexp, info.minexp)
            distance = abs(mpmath.mpmathify(complex(f) if np.iscomplexobj(found) else float(f)) - value)
            error[i] = float(mpmath.ldexp(distance, info.nmant - exponent))
    return error


# ---------------------------------------------------------------------------------------------------------------------
# Both libraries


@cache
def _program(lib, row: str, by):
    row = TABLE[row]
    if by is None:
        return lambda *xs: row.call(lib, *xs)
    return lib.grad(lambda *xs: row.call(lib, *xs).sum(), by)


@cache
def _compiled(lib, row: str, by):
    program = _program(lib, row, by)
    return jax.jit(program) if lib is jax else minijax.jit(program, compiler="xla")


WAYS = {
    "minijax": lambda row, by, args: _program(minijax, row, by)(*map(minijax.numpy.asarray, args)),
    "XLA": lambda row, by, args: _compiled(minijax, row, by)(*args),
    "JAX": lambda row, by, args: _program(jax, row, by)(*map(jax.numpy.asarray, args)),
    "JAX's jit": lambda row, by, args: _compiled(jax, row, by)(*args),
}
# Both libraries run alike: XLA computes a product and a sum in one step, with one rounding, where one program has both.
BESIDE = {"minijax": "JAX", "XLA": "JAX's jit"}
# JAX compiles each operation for each shape: all arrays have one length.
LENGTH = 64


def results(way: str, row: Function, by, dtype: str, args) -> np.ndarray:
    count = len(args[0])
    padded = [np.resize(x, -(-count // LENGTH) * LENGTH) for x in args]
    with minijax.enable_x64(dtype == "float64"), jax.enable_x64(dtype == "float64"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(WAYS[way](row.name, by, padded))[:count]


@dataclass
class Line:
    """The worst errors of a function, or of its derivative by argument `by`, in an interval, by each way of running."""

    name: str
    by: int | None
    dtype: str
    interval: str
    worst: dict[str, float]
    at: dict[str, tuple]

    def passes(self, way: str = "minijax") -> bool:
        """At most twice JAX's worst error, or two units in the last place."""
        return self.worst[way] <= max(2 * self.worst[BESIDE[way]], 2.0)


def measure(row: Function, dtype: str, ways=tuple(WAYS)) -> list[Line]:
    lines = []
    for by in (None, *row.by):
        for interval in row.intervals:
            args = points(row, interval, dtype)
            true = true_values(row, interval, dtype, by, args)
            worst, at = {}, {}
            for way in ways:
                found = results(way, row, by, dtype, args)
                error = ulps(found, true)
                if np.isnan(error).all():
                    raise ValueError(f"{row.name} has no true value in the interval {interval!r}")
                k = int(np.nanargmax(error))
                worst[way], at[way] = float(error[k]), (*[float(x[k]) for x in args], found[k].item())
            lines.append(Line(row.name, by, dtype, interval, worst, at))
    return lines


def differences(row: Function, dtype: str, ways=("minijax", "XLA")) -> list[tuple]:
    """Special values where a way differs from JAX: (way, derivative, arguments, found, JAX's, true value)."""
    if not row.special:
        return []
    args, out = special_points(row, dtype), []
    for by in (None, *row.by):
        true = true_values(row, "special", dtype, by, args)
        for way in ways:
            mine, theirs = (results(w, row, by, dtype, args) for w in (way, BESIDE[way]))
            limit = np.nan_to_num(np.fmax(2 * ulps(theirs, true), 2.0), nan=2.0, posinf=2.0)
            error = ulps(mine, true)
            for i, (a, b) in enumerate(zip(mine, theirs)):
                near = np.isfinite(a) and np.isfinite(b) and (error[i] <= limit[i] or abs(a - b) <= 4 * np.spacing(abs(b)))
                same = a == b and (a != 0 or np.signbit(a) == np.signbit(b)) or np.isnan(a) and np.isnan(b)
                if not (near or same):
                    value = None if true[i] is None else float(true[i])
                    out.append((way, by, tuple(float(x[i]) for x in args), a.item(), b.item(), value))
    return out


if __name__ == "__main__":
    for name in sys.argv[1:]:
        for dtype in ("float32", "float64"):
            for line in measure(TABLE[name], dtype):
                print(line)
