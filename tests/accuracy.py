"""`python -m tests.accuracy` writes notes/accuracy.md and accuracy-float64.md: the worst error of each function, density and
derivative by interval, beside JAX's on the same inputs. `python -m tests.accuracy NAME ...` prints the lines of those functions."""

from __future__ import annotations

import sys
import warnings
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jax
import mpmath
import numpy as np

import minijax
from tests.helpers.accuracy_distributions import DISTRIBUTIONS
from tests.helpers.accuracy_special import SPECIAL
from tests.helpers.accuracy_table import ELEMENTWISE, NN, Function, whole
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
        except (
            ValueError,
            ZeroDivisionError,
            TypeError,
            OverflowError,
            NotImplementedError,
            MemoryError,
            ArithmeticError,
        ):
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
# {(function, whether the value itself)} that JAX raises a TypeError for: it multiplies an integer with a float tangent.
FAIL_IN_JAX = {(f"st.gumbel_{end}.{f}", False) for end in "lr" for f in ("logpdf", "pdf", "ppf")}
# JAX compiles each operation for each shape: all arrays have one length.
LENGTH = 64


def results(way: str, row: Function, by, dtype: str, args) -> np.ndarray:
    count = len(args[0])
    padded = [np.resize(x, -(-count // LENGTH) * LENGTH) for x in args]
    with minijax.enable_x64(dtype == "float64"), jax.enable_x64(dtype == "float64"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return np.asarray(WAYS[way](row.name, by, padded))[:count]
        except TypeError:
            if way in ("minijax", "XLA") or (row.name, by is None) not in FAIL_IN_JAX:
                raise
            return np.full(count, np.nan, dtype)


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
        """At most twice JAX's worst error, or two units in the last place. XLA takes subnormal numbers for 0."""
        if way == "XLA" and self.interval == "subnormal":
            return True
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
                near = np.isfinite(a) and np.isfinite(b) and (error[i] <= limit[i] or abs(a - b) <= abs(b) / 4096)
                same = a == b and (a != 0 or np.signbit(a) == np.signbit(b)) or np.isnan(a) and np.isnan(b)
                if not (near or same):
                    value = None if true[i] is None else float(true[i])
                    out.append((way, by, tuple(float(x[i]) for x in args), a.item(), b.item(), value))
    return out


# ---------------------------------------------------------------------------------------------------------------------
# The page

NOTES = Path(__file__).parents[1] / "notes"
PAGES = {"float32": NOTES / "accuracy.md", "float64": NOTES / "accuracy-float64.md"}
# The rows that are measured in float64, too: special functions.
IN_FLOAT64 = ("lax", "sp")
PARTS = {
    "jnp": "jax.numpy",
    "lax": "jax.lax",
    "nn": "jax.nn",
    "sp": "jax.scipy.special",
    "st": "jax.scipy.stats",
    "random": "jax.random: the transform of the uniform numbers",
}
KINDS = ("at most JAX's", "at most twice JAX's, or 2 ulp", "more")


def kind(line: Line, way: str) -> str:
    if line.worst[way] <= line.worst[BESIDE[way]]:
        return KINDS[0]
    return KINDS[1] if line.passes(way) else KINDS[2]


def shown(error: float, dtype: str) -> str:
    """An error in ulp as the page shows it."""
    if error >= 2.0 ** np.finfo(dtype).nmant / 2:
        return "lost"
    return f"{error:.1f}" if error < 9.95 else f"{error:.0f}" if error < 1e5 else f"{error:.0e}".replace("e+0", "e")


def title(name: str, by: int | None, row: Function) -> str:
    """The name as the page shows it: without the module."""
    own = name.partition(".")[2] if not name.startswith("st.") else name.removeprefix("st.")
    if by is None:
        return f"`{own}`"
    return f"`{own}`, derivative" + (f" by argument {by + 1}" if len(next(iter(row.intervals.values()))) > 1 else "")


def counts(lines: list[Line], way: str) -> dict[str, int]:
    found = Counter(kind(line, way) for line in lines)
    return {k: found[k] for k in KINDS}


def summary(lines: list[Line]) -> list[str]:
    out = [
        "| | functions | intervals | NumPy: at most JAX's | at most twice, or 2 ulp | more | XLA: at most JAX's | at most twice,"
        " or 2 ulp | more |",
        "| --- |" + " ---: |" * 8,
    ]
    for part, module in {**PARTS, "": "all"}.items():
        own = [line for line in lines if line.name.startswith(f"{part}." if part else "")]
        if own:
            numbers = [len({line.name for line in own}), len(own)]
            numbers += [*counts(own, "minijax").values(), *counts(own, "XLA").values()]
            out.append(f"| {module} | {' | '.join(map(str, numbers))} |")
    return out


def rows_of_page(lines: list[Line], dtype: str) -> list[str]:
    """One line for each function and each derivative."""
    out = []
    for part, module in PARTS.items():
        groups: dict[tuple, list[Line]] = {}
        for line in lines:
            if line.name.startswith(f"{part}."):
                groups.setdefault((line.name, line.by), []).append(line)
        if groups:
            out += ["", f"## {module}", "", "| function | NumPy | XLA | JAX | by interval: NumPy / JAX |"]
            out += ["| --- | ---: | ---: | ---: | --- |"]
        for (name, by), own in groups.items():
            worst = [shown(max(line.worst[way] for line in own), dtype) for way in ("minijax", "XLA", "JAX")]
            cells = [
                f"{line.interval.replace('_', ' ')} {shown(line.worst['minijax'], dtype)} / {shown(line.worst['JAX'], dtype)}"
                for line in own
            ]
            out.append(f"| {title(name, by, TABLE[name])} | {' | '.join(worst)} | {', '.join(cells)} |")
    return out


def larger(lines: list[Line], dtype: str) -> list[str]:
    """The intervals where the error is more than the rule allows, by either way."""
    out = []
    for line in lines:
        for way, theirs in BESIDE.items():
            if not line.passes(way):
                found = f"{shown(line.worst[way], dtype)}, {theirs} {shown(line.worst[theirs], dtype)}"
                where = "NumPy" if way == "minijax" else way
                out.append(
                    f"- {title(line.name, line.by, TABLE[line.name])}, {line.interval.replace('_', ' ')}, {where}: {found}"
                )
    return out


def special_lines(found: dict[str, list[tuple]]) -> list[str]:
    """The special values where minijax and JAX differ: one line for each function and derivative."""
    out = []
    for name, differing in found.items():
        for by in (None, *TABLE[name].by):
            cells = []
            for way, own_by, args, mine, theirs, true in differing:
                if way == "minijax" and own_by == by:
                    known = "" if true is None else f" (the value is {true:.5g})"
                    places = ", ".join(f"{x:.5g}" for x in args)
                    cells.append(f"({places}): {mine:.5g}, JAX {theirs:.5g}{known}")
            if cells:
                more = f"; and {len(cells) - 4} more" if len(cells) > 4 else ""
                out.append(f"- {title(name, by, TABLE[name])} at {'; '.join(cells[:4])}{more}")
    return out


INTRODUCTION = """\
{title}

`python -m tests.accuracy` writes this page, with the JAX that is installed; it takes tens of minutes. Each line of the tables is a
function, or its derivative by one argument. The numbers are the worst errors in an interval, in units in the last place (ulp) of
{dtype}: 0.5 is a result that is rounded once. "Lost" means that no digit is right, or that the result is NaN or infinite where the
function has a number.

- The inputs are {dtype} numbers exactly, 8 to 320 in each interval, its ends among them; the same in every run.
- The true value is mpmath's, of 50 digits. The true derivative is a central difference of that with 110 digits or more.
- "NumPy" is minijax as it is called, operation by operation; it has the same bits under `jit`, but for the order of a sum. It
  stands beside JAX, called in the same way. "XLA" is minijax's `jit(compiler="xla")`, beside JAX's `jit`: there a product and a sum
  are often one operation with one rounding.
- XLA takes subnormal numbers for 0, in both libraries; NumPy does not. So intervals of subnormal inputs do not count for XLA.
- The rule: in each interval the worst error is at most twice JAX's, or 2 ulp, the larger of the two.
{more}
"""
WHY = {
    "float32": """
## Where the error is larger

There the rule does not hold: the derivatives of `arcsin`, `arccos` and `arccosh` have JAX's equations, in which XLA rounds 1 - x^2
once and NumPy twice.
""",
    "float64": """
## Where the error is larger

There the rule does not hold: the rounding of an exponent, which the exponential magnifies, or a single rounding.
""",
}
SPECIAL_VALUES = """
## Special values that are not JAX's

Zeros, infinities, NaN, poles and the ends of the domain were tried in all arguments. Here is where the results differ, or JAX
raises an error. Mostly JAX has NaN, or an infinity, where the function has a value or a limit, or it reads a subnormal number as 0.
`expi` at 0 is -inf in minijax in every way of running, as in SciPy; JAX's is NaN in every way.
"""


def page(lines: list[Line], special: dict[str, list[tuple]], dtype: str) -> str:
    other = "accuracy-float64.md" if dtype == "float32" else "accuracy.md"
    name = "# How exact the functions are" + (" in float64" if dtype == "float64" else "")
    more = (
        f"- [Special functions in {'float64' if dtype == 'float32' else 'float32'}]({other}) have a page of their own."
    )
    parts = [
        INTRODUCTION.format(title=name, dtype=dtype, more=more),
        "\n".join(summary(lines)),
        "\n".join(rows_of_page(lines, dtype)),
    ]
    failing = larger(lines, dtype)
    parts += [WHY[dtype], "\n".join(failing)] if failing else []
    parts += [SPECIAL_VALUES, "\n".join(special_lines(special))] if dtype == "float32" else []
    return "\n".join(parts) + "\n"


def rows_of(dtype: str) -> list[Function]:
    """The functions that are measured in a dtype. JAX's loop of `expn` in float64 takes minutes for one number."""
    if dtype == "float32":
        return list(TABLE.values())
    return [row for row in TABLE.values() if row.name.startswith(IN_FLOAT64) and row.name != "sp.expn"]


def write(dtype: str):
    lines, special = [], {}
    for row in rows_of(dtype):
        print(row.name, flush=True)
        lines += measure(row, dtype)
        special[row.name] = differences(row, dtype) if dtype == "float32" else []
    PAGES[dtype].write_text(page(lines, special, dtype))


if __name__ == "__main__":
    for dtype in PAGES:
        # JAX 0.10.2 hands a program of float64 the constant of the program of float32 before it: its `owens_t` fails then.
        jax.clear_caches()
        for name in sys.argv[1:]:
            for line in measure(TABLE[name], dtype):
                print(line)
        if not sys.argv[1:]:
            write(dtype)
