"""The command that compares programs of other libraries sees a result that differs."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.library_programs import PROGRAMS, difference, main

ONE = [("float32", (2,), [1.0, 2.0])]


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        (ONE, ""),
        ([("float32", (2,), [1.0, 2.1])], "1 of 1 results differ"),
        ([("float64", (2,), [1.0, 2.0])], "other types or shapes"),
        (ONE * 2, "other types or shapes"),
        ("TypeError: no", "fails on minijax alone: TypeError: no"),
    ],
)
def test_what_differs_is_said(ours, said):
    assert difference(ours, ONE) == said
    assert difference(ours, "ImportError: no").startswith("fails on JAX")


@pytest.mark.long
def test_programs_of_the_installed_libraries_are_the_same(capfd):
    names = [name for name in PROGRAMS if find_spec(name) is not None]
    assert len(PROGRAMS) == 20 and main([]) == 0
    assert f"{len(names)} of {len(names)} the same" in capfd.readouterr().out
