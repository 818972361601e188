"""The evaluation of KAFs runs, at sizes of a moment: its tables, its figures, what an interruption leaves. Nothing is timed."""

from __future__ import annotations

import kaf_evaluation
import numpy as np
import pytest
from rich.console import Console

from kaf import Grid, use_backend

SMALL = ["--rows", "16", "--units", "4", "--centers", "5", "--repeats", "1", "--inputs", "3", "--batches", "8"]


@pytest.fixture
def small_figures(monkeypatch):
    monkeypatch.setattr(kaf_evaluation, "CENTERS", (3, 5))
    monkeypatch.setattr(kaf_evaluation, "FIGURE_REPEATS", 1)
    monkeypatch.setattr(kaf_evaluation, "LAYERS", (4, 2))


@pytest.mark.long
def test_tables_and_figures(tmp_path, capsys, small_figures):
    kaf_evaluation.main([*SMALL, "--out", str(tmp_path / "new")])
    out = capsys.readouterr().out
    for name in ("jax", "minijax"):
        for what in ("value", "value and gradients", "a training step, layers of 4, 2 units, Adam"):
            assert f" {name}: {what} " in out
    # Of the four methods, twice: what a program of minijax asks for at first and later.
    assert out.count(", then ") == 8
    for name in ("kaf_centers.svg", "kaf_training.svg"):
        assert (tmp_path / "new" / name).read_text().startswith("<?xml")


def test_an_interruption_leaves_what_was_measured(tmp_path, capsys, small_figures, monkeypatch):
    whole, calls = kaf_evaluation.steps, []

    def interrupted(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(*args)

    monkeypatch.setattr(kaf_evaluation, "steps", interrupted)
    kaf_evaluation.main([*SMALL[:-1], "8", "16", "--backends", "minijax", "--out", str(tmp_path)])
    out = capsys.readouterr().out
    assert "Interrupted" in out and "│     8 │ kaf " in out and "│    16 │" not in out and "│      3 │" in out
    assert [path.name for path in tmp_path.iterdir()] == ["kaf_training.svg"]


def test_wrong_results_are_not_timed(monkeypatch):
    monkeypatch.setattr(kaf_evaluation, "MAX_DIFFERENCE", 0.0)
    arguments = [np.full(shape, 0.3, np.float32) for shape in ((8, 2), (2, 5), (8, 2))]
    with use_backend("minijax") as backend, pytest.raises(SystemExit, match="is off from the formula by"):
        kaf_evaluation.table_of(backend, arguments, Grid(5), 1, "value and gradients")


def test_memory_is_shown_as_first_and_later():
    assert str(kaf_evaluation.Memory(3.0, 0.061)) == "3.00, then 0.06" and str(kaf_evaluation.Memory(3.0)) == "3.00"


@pytest.mark.parametrize("name", ["jax", "minijax"])
@pytest.mark.one_in(3)
def test_the_step_that_is_timed_trains(name):
    with use_backend(name) as backend:
        for activation in kaf_evaluation.ACTIVATIONS:
            step = kaf_evaluation.training(backend, activation, kaf_evaluation.Case(3, 16))
            losses = [float(step()) for _ in range(30)]
            assert losses[-1] < losses[0], activation


def test_what_is_written_is_said(tmp_path, capsys):
    kaf_evaluation.write_figures(tmp_path, {}, {"jax": {}}, Console())
    assert capsys.readouterr().out == "" and not list(tmp_path.iterdir())
