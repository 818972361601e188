"""Each row is a command line that is refused, with the line that the user sees. The commands are called in this process."""

from __future__ import annotations

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from kaf.backend import use_backend
from kaf.cli import model_file, predict, train
from kaf.cli.errors import CommandError
from kaf.train.parallel import ParallelError, join

TRAINED = SimpleNamespace(
    feature_names=("x", "y"), target="z", scaler=SimpleNamespace(mean=np.zeros(2)), classes=(), layers=()
)
NAMELESS = SimpleNamespace(feature_names=None, target=None, scaler=SimpleNamespace(mean=np.zeros(2)))


def table(*names, width=None):
    return SimpleNamespace(path="t.csv", names=names or None, width=width or len(names))


def optimizer(validation, rows):
    arguments = SimpleNamespace(batch_size=1, alpha_decay=0, weight_decay=0)
    return train._Trainer._optimizer(SimpleNamespace(arguments=arguments), rows, 1, validation)


REFUSED = {
    "width": (
        lambda: predict.find_features(table(width=3), NAMELESS, "m.npz"),
        "t.csv has 3 columns, but m.npz needs 2 features",
    ),
    "missing": (
        lambda: predict.find_features(table("x"), TRAINED, "m.npz"),
        "t.csv lacks columns that m.npz needs: .*y",
    ),
    "unknown": (
        lambda: predict.find_features(table("x", "y", "w"), TRAINED, "m.npz"),
        "t.csv has columns that m.npz does not know: .*w.*; remove them",
    ),
    "validation": (lambda: optimizer(0.01, 10), "--validation 0.01 of 10 rows leaves 0 to hold out"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_refused(row):
    call, words = REFUSED[row]
    with pytest.raises(CommandError, match=words):
        call()


def test_out_must_be_another_file(tmp_path):
    data = tmp_path / "data.csv"
    data.write_text("x\n1\n")
    arguments = SimpleNamespace(model="nothing.npz", data=str(data), out=str(data))
    with pytest.raises(CommandError, match="data.csv is a file that is read; give another name"):
        predict._check_out(arguments)
    arguments.out = str(tmp_path)
    with pytest.raises(CommandError, match="is a directory; give a file"):
        predict._check_out(arguments)


def test_a_model_without_an_output_for_each_class():
    about = {"classes": ["a", "b", "c"], "feature_names": None, "layers": []}
    with pytest.raises(ValueError, match="an output for each class is needed"):
        model_file._trained({"mean": np.zeros(1)}, about)


def test_a_process_joins_only_once(monkeypatch):
    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    with use_backend("jax"), pytest.raises(ParallelError, match="this process has joined others already"):
        join("localhost:1234", num_processes=2, process_id=1)
