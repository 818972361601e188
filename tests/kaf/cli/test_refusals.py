"""Each row is a command line that is refused, with the line that the user sees. The commands are called in this process."""

from __future__ import annotations

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from kaf import KAFNet
from kaf.backend import use_backend
from kaf.cli import model_file, predict, train
from kaf.cli.data import Scaler
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


def test_a_model_without_an_output_for_each_class(tmp_path):
    path = tmp_path / "m.npz"
    net, scaler = KAFNet.init(0, [1, 2, 2]), Scaler(np.zeros(1), np.ones(1))
    model_file.save(path, model_file.Trained(net, scaler, ("a", "b", "c")))
    with pytest.raises(CommandError, match="m.npz is damaged: its parts do not fit together; train it again"):
        model_file.load(path)


def test_a_process_joins_only_once(monkeypatch):
    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    with use_backend("jax"), pytest.raises(ParallelError, match="this process has joined others already"):
        join("localhost:1234", num_processes=2, process_id=1)
