"""The idioms of calling a KAF, the border of the formula and the sweep over sizes run, at sizes of a moment. Nothing is timed."""

from __future__ import annotations

import kaf_evaluation
import kaf_idioms
import pytest

from kaf import Grid


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, value in {
        "ROWS": 8,
        "UNITS": 64,
        "GRID": Grid(5),
        "INPUTS": 3,
        "HIDDEN": 4,
        "CLASSES": 2,
        "MEMBERS": 2,
    }.items():
        monkeypatch.setattr(kaf_idioms, name, value)
    monkeypatch.setattr(kaf_idioms, "SWEEP", (1, 8))


@pytest.mark.parametrize(
    ("option", "shown"),
    [
        (
            "--idioms",
            ["vmap over the examples", "gradients of each example", "small: 8 x 8", "step of KAFNet on the batch"],
        ),
        ("--border", ["4096"]),
        ("--sweep", ["rows x 64 values", "by the line before"]),
    ],
)
@pytest.mark.one_in(4)
def test_tables(option, shown, capsys):
    kaf_evaluation.main([option, "--backends", "minijax", "--repeats", "1"])
    out = capsys.readouterr().out
    assert all(text in out for text in ["minijax", *shown]), out
