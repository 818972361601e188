"""The benchmarks' programs give the same numbers in every library; how they measure and report. No test here measures time.

Which libraries take part depends on what is installed: JAX, autograd and NumPy always are where the tests run.
"""

from __future__ import annotations

import doctest
import importlib.util
from dataclasses import replace

import compare
import convolutions
import families
import measure
import numpy as np
import pairs
import programs
import pytest
import report
import small_steps
from result import Result, quantity
from small_steps import LOOPS

SMALL = [
    programs.elementwise(),
    programs.kaf(batch=3, units=4, features=2, outputs=2),
    programs.mlp(batch=5, features=3, units=4, classes=2),
    programs.lstm(steps=3, batch=2, features=2, units=3),
    programs.hessian(features=2, units=3, examples=4),
    programs.per_example(examples=4, features=2, units=3),
    programs.deep(3, batch=2, units=4),
]
INSTALLED = [
    name
    for name in programs.CONTESTANTS
    # JAX without jit compiles every operation, and is not tested here.
    if name != "jax" and importlib.util.find_spec(name.partition(",")[0])
]
# The (library, program) pairs that cannot run, because the library lacks something; all other pairs must run.
LACKS = {
    ("mygrad", "hessian"): "no second derivatives",
    ("mygrad", "per"): "no vmap",
    ("autograd", "per"): "no vmap",
}


@pytest.fixture(scope="module")
def expected() -> dict:
    return {program.name: programs.flat(program.prepare("jax, jit")()) for program in SMALL}


# PyTorch's own: its Hessian scripts its decompositions.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("program", SMALL, ids=lambda p: p.name)
@pytest.mark.one_in(14)
def test_same_numbers(program, expected):
    for name in [*INSTALLED, *program.by_hand]:
        lacking = LACKS.get((name, program.name.partition("-")[0]))
        if lacking is not None:
            with pytest.raises(programs.Unavailable, match=f"^{lacking}$"):
                program.prepare(name)
            continue
        got = programs.flat(program.prepare(name)())
        want = expected[program.name]
        assert len(got) == len(want), name
        for a, b in zip(got, want):
            a, b = np.asarray(a), np.asarray(b)
            assert a.shape == b.shape, name
            scale = max(1.0, float(np.abs(b).max()))
            np.testing.assert_allclose(a, b, rtol=0, atol=64 * np.finfo(np.float32).eps * scale, err_msg=name)


def test_chunks_of_the_kernel_are_one_kernel(monkeypatch):
    """The last chunk is smaller; each pass of the derivative computes its kernel again."""
    program = programs.kaf(batch=3, units=7, features=2, outputs=2)
    naive = program.prepare("numpy, naive")()
    monkeypatch.setattr(programs.by_hand, "CHUNK", 3 * 3 * programs.CENTERS)
    for a, b in zip(program.prepare("numpy, tuned")(), naive, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=64 * np.finfo(np.float32).eps * max(1, np.abs(b).max()))


def test_every_array_is_waited_for():
    waited = []

    class Array:
        def block_until_ready(self):
            waited.append(self)

    a, b, c = Array(), Array(), Array()
    assert programs.wait_for_each((a, [b, (c,)])) == (a, [b, (c,)])
    assert waited == [a, b, c]
    assert programs.jax_like("minijax").wait is programs.jax_like("jax").wait is programs.wait_for_each


@pytest.mark.parametrize(
    "wrong, text",
    [
        (lambda want: [want[0] * 1.001], "its result 0 differs from JAX's by "),
        (lambda want: [want[0] * np.nan], "its result 0 differs from JAX's by nan"),
        (lambda want: [want[0][:-1]], r"its result 0 has shape \(15,\), JAX's \(16,\)"),
    ],
    ids=["value", "nan", "shape"],
)
def test_wrong_results_are_not_timed(wrong, text):
    program = programs.elementwise()
    want = programs.flat(program.prepare("jax, jit")())
    planted = replace(program, by_hand={"numpy, wrong": lambda x: wrong([np.asarray(want[0])])})
    with pytest.raises(compare.Disagreement, match=text):
        compare.of_program(planted).contestants["numpy, wrong"]()


def test_what_is_compiled_is_compiled_anew(monkeypatch):
    """Otherwise a benchmark of compiling would time the look-up of an earlier program."""
    cleared = []
    clear = compare.load("minijax").clear_caches
    monkeypatch.setattr(compare.load("minijax"), "clear_caches", lambda: (cleared.append(1), clear()))
    sample = compare.of_stages(programs.deep(2, batch=2, units=3)).contestants["minijax, to compiled"]()
    before = len(cleared)
    sample()
    sample()
    assert len(cleared) == before + 2


def test_a_round_that_is_interrupted_does_not_count():
    calls = []

    def sample():
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return float(len(calls))

    def missing():
        raise programs.Unavailable("not installed")

    rows = {"jax": lambda: sample, "minijax": lambda: sample, "torch": missing}
    comparison = compare.Comparison("three", "what", rows, base="jax", rounds=100)
    result, interrupted = compare.measure(comparison, 0.0, lambda text: None)
    assert interrupted
    assert [sorted(samples) for samples in result.rounds] == [["jax", "minijax"]] * 2
    assert report.notes(result) == ["torch: not installed"]


def test_an_error_costs_one_contestant_its_place():
    def broken():
        raise SyntaxError("invalid syntax\nand more")

    comparison = compare.Comparison(
        "two", "what", {"jax": broken, "minijax": lambda: lambda: 1.0}, base="jax", rounds=2
    )
    result, interrupted = compare.measure(comparison, 0.0, lambda text: None)
    assert (len(result.rounds), interrupted) == (2, False)
    assert report.notes(result) == ["jax: FAILED, SyntaxError: invalid syntax"]
    assert isinstance(result.absent["jax"], compare.Failure)


def results() -> Result:
    rounds = [{"jax": 2e-3, "minijax": 1e-3}, {"jax": 4e-3, "minijax": 1e-3}, {"jax": 8e-3, "minijax": 16e-3}]
    comparison = compare.Comparison("name", "what it is", {"minijax": None, "jax": None, "torch": None}, base="jax")
    return Result(comparison, rounds, {"torch": programs.Unavailable("torch is not installed")})


def test_ratios_are_of_medians_and_their_spread_of_rounds():
    result = results().relative_to(None)
    assert result.ratio("minijax") == (0.25, 0.375, 1.25)
    assert report.table(result)[1] == [
        ["minijax", "1.00 ms", "1.00 ms .. 8.50 ms", "0.250", "0.375 .. 1.25"],
        ["jax", "4.00 ms", "3.00 ms .. 6.00 ms", "1.00", "1.00 .. 1.00"],
    ]
    assert results().relative_to("minijax").ratio("jax")[0] == 4.0
    assert results().relative_to("torch").base == "jax"  # this was not measured


def test_the_page_says_what_is_missing_and_whether_it_was_interrupted():
    page = report.page("today\nversions", [results().relative_to(None)], complete=False)
    assert "It was interrupted." in page and "- torch: torch is not installed" in page
    assert "| name | 0.250 | 1.00 | 4.00 ms |" in page
    assert "interrupted" not in report.page("today", [results().relative_to(None)], complete=True)


@pytest.mark.parametrize(
    "value, unit, text",
    [
        (8.251e-6, "s", "8.25 us"),
        (999.4e-6, "s", "999 us"),
        (999.6e-6, "s", "1.00 ms"),
        (12.34, "s", "12.3 s"),
        (0.0, "s", "0 us"),
        (345.6e6, "B", "346 MB"),
    ],
)
def test_quantities_have_three_digits(value, unit, text):
    assert quantity(value, unit) == text


def test_a_busy_machine_is_said():
    assert report.load(0.2, 2) == "Load average at the start 0.2 on 2 cores"
    assert report.load(6.0, 2).startswith("Load average at the start 6.0 on 2 cores: OTHERS WERE RUNNING")
    assert report.heading().splitlines()[2].startswith("Load average at the start ")


@pytest.mark.long
def test_memory_that_is_kept_is_seen():
    kept = []
    peak, held = measure.first_call_bytes(lambda: kept.append(np.ones(1 << 20)))
    assert 8 << 20 <= held < 9 << 20 and 8 << 20 <= peak < 9 << 20
    peak, held = measure.first_call_bytes(lambda: np.ones(1 << 20))
    assert held < 1 << 16 and 8 << 20 <= peak < 9 << 20
    assert measure.in_fresh_process("print(6 * 7)") == 42.0
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        measure.in_fresh_process("1 / 0")


OF_EACH_KIND = [
    "lorenz-array",
    "lorenz-scalars",
    "normal-10",
    *(f"{k}-{loop}-3" for k in ("steps", "random") for loop in LOOPS),
]


@pytest.mark.parametrize("name", OF_EACH_KIND)
@pytest.mark.one_in(5)
def test_small_steps_agree(name, monkeypatch):
    """Every contestant runs every loop, and no result differs from JAX's: who prepares a contestant compares them."""
    monkeypatch.setattr(small_steps, "STEPS", 3)
    for prepare in small_steps.COMPARISONS[name].contestants.values():
        assert prepare()() > 0


def test_a_wrong_step_by_hand_is_not_timed():
    wrong = small_steps.comparison("wrong", "", lambda jax: jax.numpy.sin, np.cos, np.float32(1))
    with pytest.raises(compare.Disagreement):
        wrong.contestants[small_steps.BY_HAND]()


@pytest.mark.parametrize(
    "size",
    [
        convolutions.Size(2, 4, 3, 4),
        convolutions.Size(2, 5, 4, 4, groups=4, stride=2, layout="NCHW"),
        convolutions.Size(1, 3, 4, 2, groups=2),
    ],
)
@pytest.mark.parametrize("part", convolutions.PARTS)
@pytest.mark.one_in(6)
def test_convolutions_agree(size, part):
    for prepare in convolutions.convolution(size, part).contestants.values():
        assert prepare()() > 0


def test_training_by_convolutions_agrees():
    for prepare in convolutions.training(2, 4).contestants.values():
        assert prepare()() > 0


def test_examples():
    assert doctest.testmod(programs) == (0, 3)


@pytest.mark.parametrize("name", families.COMPARISONS)
@pytest.mark.one_in(100)
def test_a_family_is_the_same_in_every_library(name):
    for prepare in families.COMPARISONS[name].contestants.values():
        assert prepare()() > 0


def test_a_family_that_differs_is_not_timed():
    wrong = families.Call("wrong", (families.normal(3),), lambda jax: jax.numpy.sin, np.cos)
    with pytest.raises(compare.Disagreement):
        families.comparison(wrong).contestants["numpy"]()


def test_a_row_of_pairs_is_the_median_of_their_ratios():
    found = [
        ({"a": 2.0, "b": 1.0, "new": 9.0}, {"a": 1.0, "b": 2.0}),
        ({"a": 3.0, "b": 1.0, "new": 9.0}, {"a": 1.0, "b": 2.0}),
    ]
    table = pairs.table(found, "abc")
    cells = [list(column.cells) for column in table.columns]
    assert cells[0] == ["a", "b", "geometric mean"]
    assert (
        cells[1] == ["2.50", "0.50", "1.118"] and cells[2][:2] == ["2.00", "0.50"] and cells[3][:2] == ["3.00", "0.50"]
    )


def test_pairs_measure_every_program_of_minijax():
    names = [name for name, _ in pairs.rows()]
    assert {f"{p}: minijax, jit" for p in programs.PROGRAMS} < {*names} and "import: minijax" in names
    assert not [name for name in names if ": minijax" not in name]
    assert [name for name, _ in pairs.rows(["import"])] == ["import: minijax"]


def test_pairs_measure_the_tree_that_they_name(tmp_path):
    with pytest.raises(RuntimeError, match="imported another minijax"):
        pairs.in_tree(tmp_path, ["import"])
