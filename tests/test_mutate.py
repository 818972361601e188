"""`python -m tests.mutate`: the faults that it finds, plants, and counts."""

from __future__ import annotations

import functools
import random
from pathlib import Path

import pytest

from tests.mutate import __main__ as command
from tests.mutate.chosen_tests import chosen, files
from tests.mutate.equivalent import EQUIVALENT
from tests.mutate.faults import Fault, Sites, faults
from tests.mutate.running import Copy

ROOT = Path(__file__).parents[1]


@functools.cache
def all_faults() -> list[Fault]:
    return faults(ROOT, files(ROOT))


PROGRAM = '''
from somewhere import a as b
@decorated(1)
def f(x: int = 3, *args: tuple[int, ...]) -> "int | None":
    """1 + 1 is no code."""
    if not x and x is not None or x in args:
        raise ValueError(f"{1 + 1}" + "2")
    return g(x, args, key=x) + (x
        * True)  # 4 - 4
'''


def test_what_is_made_wrong():
    found = [(f.line, f.old, f.new) for f in Sites("p.py", PROGRAM).faults]
    assert found == [
        (4, "3", "4"),
        (6, "or", "and"),
        (6, "and", "or"),
        (6, "not ", ""),
        (6, "is not", "is"),
        (6, "in", "not in"),
        (8, "+", "-"),
        (8, "x", "args"),
        (8, "args", "x"),
        (9, "*", "/"),
        (9, "True", "False"),
    ]


@pytest.mark.long
def test_every_fault_is_a_program():
    for fault in random.Random(0).sample(all_faults(), 60):
        right = (ROOT / fault.path).read_text()
        wrong = fault.planted(right)
        assert wrong != right
        compile(wrong, fault.path, "exec")


def test_faults_have_names_of_their_own():
    assert len({f.identity for f in all_faults()}) == len(all_faults())


@pytest.mark.long
def test_every_file_has_tests():
    for path in files(ROOT):
        missing = [test for test in chosen(ROOT, path) if not (ROOT / test).is_file()]
        assert not missing and len(chosen(ROOT, path)) > 1


def test_equivalent_faults_are_still_there():
    """Where the line has changed, look at it again, or take it from the list."""
    assert EQUIVALENT.keys() - {f.key for f in all_faults()} == set()


@pytest.mark.long
def test_a_fault_is_seen_where_it_is_tested():
    path = "minijax/api/arguments.py"
    right = (ROOT / path).read_text()
    fault = next(f for f in all_faults() if f.path == path and f.new == "not in")
    copy = Copy(ROOT)
    try:
        outcome, test = copy.test(fault, ["tests/minijax/api/test_jit.py"], 600)
        assert outcome == "failed" and test, fault
        assert (copy.folder / path).read_text() == right
        # A file that does not use what is wrong: the fault survives.
        assert copy.test(fault, ["tests/minijax/foundation/test_dtypes.py"], 600) == ("passed", "")
        with pytest.raises(RuntimeError, match="no test in"):
            copy.pytest(["minijax/core/types.py"], 600)
    finally:
        copy.remove()
    assert not copy.folder.exists()


def test_a_fault_that_cannot_be_imported_is_seen():
    right = (ROOT / "minijax/api/vmap.py").read_text()
    fault = Fault("minijax/api/vmap.py", 1, 0, right[:3], "1/0", right.splitlines()[0])
    copy = Copy(ROOT)
    try:
        assert copy.test(fault, ["tests/minijax/core/test_jaxpr.py"], 600)[0] == "failed"
    finally:
        copy.remove()


@pytest.mark.long
def test_a_fault_that_the_suite_has_no_case_for_faces_every_case():
    """The suite tries a third of the programs whose operations are counted: not always the sort."""
    fault = next(f for f in all_faults() if f.path == "minijax/lowering/costs.py" and "size * max(size - 1" in f.text)
    copy = Copy(ROOT)
    try:
        assert copy.test(fault, ["tests/minijax/lowering/test_costs.py"], 600)[0] == "failed"
    finally:
        copy.remove()


def test_what_was_run_is_known_again(tmp_path, monkeypatch):
    """The log names a fault by what stays when other lines move."""

    class NoTests:
        def __init__(self, root):
            pass

        def pytest(self, tests, seconds):
            return "passed", ""

        def test(self, fault, tests, seconds):
            return ("failed", "test_it[1]") if fault is all_faults()[0] else ("passed", "")

        def remove(self):
            pass

    monkeypatch.setattr(command, "Copy", NoTests)
    command.run(all_faults()[:2], tmp_path / "log", float("inf"), 1)
    log = command.read(tmp_path / "log")
    assert [log[f.identity]["outcome"] for f in all_faults()[:2]] == ["failed", "passed"]
    assert command.report(all_faults()[:3], log) == [all_faults()[1]]
