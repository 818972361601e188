"""notes/accuracy.md fits the code, and the rule that it shows holds: a part of the table is measured anew."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import jax
import numpy as np
import pytest

from minijax.primitives.basis import registry
from tests import accuracy
from tests.accuracy import TABLE, rows_of, title

README = Path(__file__).parents[1] / "README.md"


def lines_of_page(dtype: str) -> dict[str, dict[str, float]]:
    """{module and name: {interval: JAX's worst error}}, of the page's tables."""
    found, module = {}, ""
    for line in accuracy.PAGES[dtype].read_text().splitlines():
        if line.startswith("## "):
            module = line.removeprefix("## ")
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| `"):
            pairs = [cell.rsplit(" ", 3) for cell in cells[4].split(", ")]
            found[f"{module} {cells[0]}"] = {name: float(jaxs.replace("lost", "inf")) for name, _, _, jaxs in pairs}
    return found


def lines_of_table(dtype: str) -> dict[str, tuple]:
    return {
        f"{accuracy.PARTS[row.name.partition('.')[0]]} {title(row.name, by, row)}": (row, by)
        for row in rows_of(dtype)
        for by in (None, *row.by)
    }


@pytest.mark.parametrize("dtype", accuracy.PAGES)
def test_the_page_has_the_functions_and_intervals_of_the_table(dtype):
    page = {name: list(intervals) for name, intervals in lines_of_page(dtype).items()}
    table = {
        name: [interval.replace("_", " ") for interval in row.intervals]
        for name, (row, _) in lines_of_table(dtype).items()
    }
    assert page == table, "run python -m tests.accuracy"


# What is exact, moves no digits, or has no float result.
EXACT = set(
    "add_any neg add sub mul max min eq ne lt le gt ge abs sign floor ceil is_finite nextafter round complex conj eq_to le_to"
    " lt_to rem".split()
)
UNDER_ANOTHER_NAME = {
    "div": "jnp.divide", "pow": "jnp.power", "asin": "jnp.arcsin", "acos": "jnp.arccos", "atan": "jnp.arctan",
    "asinh": "jnp.arcsinh", "acosh": "jnp.arccosh", "atanh": "jnp.arctanh", "atan2": "jnp.arctan2", "igamma": "sp.gammainc",
    "igammac": "sp.gammaincc", "regularized_incomplete_beta": "sp.betainc", "si": "sp.sici", "ci": "sp.sici Ci",
    "fresnel_s": "sp.fresnel", "fresnel_c": "sp.fresnel C",
}  # fmt: skip
# Rows that are the derivative of another row, or a part of a distribution.
PARTS_OF_OTHERS = (
    r"(hyp.f1|random_gamma_grad)_by_\w+|\w+_slope|normal_density|half_tanh"
    r"|(gumbel|logistic|exponential|pareto|truncated)_\w+"
)


def test_every_function_that_rounds_is_in_the_table():
    names = {name.partition(".")[2].split()[0] for name in TABLE if not name.startswith("st.")}
    public = {name for name in dir(jax.scipy.special) if not name.startswith("_")}
    assert public <= {name.partition(".")[2].split()[0] for name in TABLE if name.startswith("sp.")}
    for module, distribution in vars(jax.scipy.stats).items():
        if inspect.ismodule(distribution) and not module.startswith("_"):
            for function in vars(distribution):
                assert function.startswith("_") or f"st.{module}.{function}" in TABLE, (module, function)
    floats = {n for n, p in registry.items() if set("fd") & set(getattr(p, "elementwise", None) or "")}
    for name in floats - EXACT:
        assert name in names or UNDER_ANOTHER_NAME.get(name) in TABLE or re.fullmatch(PARTS_OF_OTHERS, name), name


# Functions whose true value takes long.
SLOW = re.compile(
    r"sp.hyp|sp.gammainc|lax.(igamma|random)|sp.owens_t|st.(truncnorm|poisson.entropy|(gamma|chi2|beta|gennorm).(log)?(cdf|sf))"
)


def worst_of_a_part(row, by, interval: str, dtype: str, count: int) -> float:
    args = [x[:count] for x in accuracy.points(row, interval, dtype)]
    true = accuracy.true_values(row, interval, dtype, by, args)
    error = accuracy.ulps(accuracy.results("minijax", row, by, dtype, args), true)
    return float(np.nanmax(error, initial=0.0))


def assert_rule_holds(row, by, interval: str, dtype: str, theirs: float, count: int):
    mine = worst_of_a_part(row, by, interval, dtype, count)
    # The page shows two digits of JAX's error.
    assert mine <= max(2.1 * theirs, 2.0), (row.name, by, interval, mine, theirs)


def parts(dtype: str, count: int):
    """Each function that is not slow, in each interval; and each derivative, in one."""
    page = lines_of_page(dtype)
    listed = accuracy.PAGES[dtype].read_text().partition("## Where the error is larger")[2]
    for k, (name, (row, by)) in enumerate(lines_of_table(dtype).items()):
        if row.draws or SLOW.match(row.name):
            continue
        intervals = list(row.intervals) if by is None else [list(row.intervals)[k % len(row.intervals)]]
        for interval in intervals:
            shown = interval.replace("_", " ")
            if f"- {title(row.name, by, row)}, {shown}, NumPy:" not in listed:
                yield row, by, interval, dtype, page[name][shown], count


@pytest.mark.parametrize("dtype", accuracy.PAGES)
@pytest.mark.one_in(2)
def test_the_rule_holds_in_a_part_of_the_table(dtype):
    for part in parts(dtype, count=2):
        assert_rule_holds(*part)


def test_the_rule_can_fail(monkeypatch):
    """A fault of the third digit in one row."""
    row = TABLE["sp.dawsn"]
    theirs = lines_of_page("float32")["jax.scipy.special `dawsn`"]["middle"]
    assert_rule_holds(row, None, "middle", "float32", theirs, 4)
    primitive = registry["dawsn"]
    right = primitive.impl
    monkeypatch.setattr(primitive, "impl", lambda x: right(x) * np.float32(1.001))
    with pytest.raises(AssertionError, match="sp.dawsn"):
        assert_rule_holds(row, None, "middle", "float32", theirs, 4)


def test_readme_has_the_counts_of_the_page():
    counts = {}
    for dtype, page in accuracy.PAGES.items():
        (line,) = [line for line in page.read_text().splitlines() if line.startswith("| all |")]
        counts[dtype] = [int(cell) for cell in line.strip("|").split("|")[1:]]
    for dtype, (functions, intervals, better, twice, more, *_) in counts.items():
        assert (
            f"{functions} functions, {intervals:,} intervals: {better:,}, {twice:,} and {more}" in README.read_text()
        ), dtype
