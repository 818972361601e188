"""A training that is interrupted at any step and resumed gives bit for bit the result of an uninterrupted training."""

import os
import signal
import subprocess
import sys

import kaf_checkpoint_training
import numpy as np
import pytest
from kaf_checkpoint_training import ARGUMENTS, STEPS, X, Y, trained

from kaf import KAFNet, fit, optim, use_backend
from kaf.train import loop as train
from kaf.train.checkpoint import Checkpoint, CheckpointError, CheckpointWarning, read


def content(result):
    arrays = [
        np.asarray(leaf) for layer in result.model.layers for leaf in vars(layer).values() if hasattr(leaf, "dtype")
    ]
    return [result.loss_curve, result.epoch_losses, result.validation_losses, np.asarray(result.best_epoch), *arrays]


def assert_same_bits(found, expected):
    for a, b in zip(content(found), content(expected), strict=True):
        assert (a.shape, a.dtype, a.tobytes()) == (b.shape, b.dtype, b.tobytes())


def test_interrupted_at_every_step(backend, tmp_path, monkeypatch):
    whole = trained()
    # Each compiles again on JAX: there within an epoch, at the end of one, and at the end.
    stops = range(1, 3 * STEPS + 1) if backend.name == "minijax" else (1, STEPS, 3 * STEPS)
    for k in stops:
        path = tmp_path / f"{k}.npz"
        count = 0

        def interrupt(self, k=k):
            nonlocal count
            count += 1
            if count == k:
                raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(train._Training, "_write_if_due", interrupt)
            stopped = trained(checkpoint=path)
        assert stopped.interrupted and stopped.loss_curve.shape == (k,)
        np.testing.assert_array_equal(stopped.loss_curve, whole.loss_curve[:k])
        resumed = trained(checkpoint=path)
        assert not resumed.interrupted
        assert_same_bits(resumed, whole)
    assert sorted(os.listdir(tmp_path)) == [f"{k}.npz" for k in stops]


def test_a_finished_training_is_read_and_may_be_lengthened(backend, tmp_path):
    path = tmp_path / "c.npz"
    first = trained(epochs=2, checkpoint=path)
    # The training is complete: resuming it takes no step.
    assert_same_bits(trained(epochs=2, checkpoint=path), first)
    assert_same_bits(trained(epochs=3, checkpoint=path), trained(epochs=3))
    assert trained(epochs=3, checkpoint=path).seconds > first.seconds > 0


# A program that trains with a checkpoint after every step and is killed, by itself, where `kill` says.
PROGRAM = """
import os, signal, sys
sys.path.insert(0, {helpers!r})
from kaf_checkpoint_training import trained
from kaf import use_backend
from kaf.train import checkpoint, files, loop
from kaf.train.checkpoint import Checkpoint

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def half(file, **arrays):
    file.write(b"PK half of it")
    file.flush()
    die()

use_backend({backend!r})
kill = {kill!r}
if kill == "while writing":
    checkpoint.numpy.savez = half
elif kill == "before the new file takes the old one's place":
    files.os.replace = die
else:
    steps, write = [], loop._Training._write_if_due
    def counted(self):
        write(self)
        steps.append(1)
        if len(steps) == int(kill):
            die()
    loop._Training._write_if_due = counted
trained(checkpoint=Checkpoint({path!r}, every=0.0))
"""


@pytest.mark.parametrize(
    "backend_name, kills",
    [
        ("minijax", ["1", "while writing", "before the new file takes the old one's place"]),
        ("jax", ["3"]),
    ],
)
def test_killed(backend_name, kills, tmp_path):
    path = str(tmp_path / "c.npz")
    for kill in kills:
        program = PROGRAM.format(
            helpers=os.path.dirname(kaf_checkpoint_training.__file__), backend=backend_name, kill=kill, path=path
        )
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
    with use_backend(backend_name):
        assert read(path).state["batch"] == 1  # There is a checkpoint to resume from.
        assert_same_bits(trained(checkpoint=path), trained())


# -- Checkpoints that training cannot resume from --------------------------------------------------------------------------

OTHERS = [
    ({"seed": 2}, "belongs to another training: seed was 1 and is 2, the data was * and is *, the validation"),
    (
        {"batch_size": 10},
        "belongs to another training: batch_size was 20 and is 10. Give the same settings, or remove the file to start anew.",
    ),
    ({"l2_alpha": 0.5}, "belongs to another training: l2_alpha was 0.0001 and is 0.5. Give"),
    ({"patience": 3}, "belongs to another training: patience was 50 and is 3. Give"),
    ({"loss": "mean_squared_error"}, "training: loss was binary_cross_entropy and is mean_squared_error. Give"),
    (
        {"validation": 0.4},
        "belongs to another training: the data was * and is *, the validation data was * and is *. Give",
    ),
    (
        {"epochs": 1},
        "holds a training of 2 epochs and 0 batches, which is more than epochs=1. Ask for more epochs, or remove the file "
        "to start anew.",
    ),
]


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "c.npz"
    trained(checkpoint=path, epochs=2)
    return path


@pytest.mark.parametrize("arguments, message", OTHERS, ids=lambda case: next(iter(case)) if type(case) is dict else "")
def test_of_another_training(arguments, message, kept):
    before = kept.read_bytes()
    with pytest.raises(CheckpointError) as e:
        trained(**{"epochs": 2, "checkpoint": kept, **arguments})
    rest = str(e.value)
    assert rest.startswith(f"{kept} ")
    for part in message.split("*"):
        assert part in rest
        rest = rest[rest.index(part) + len(part) :]
    assert kept.read_bytes() == before


@pytest.mark.parametrize("what", ["model", "optimizer"])
def test_of_another_model(what, kept):
    sizes = [2, 5, 1] if what == "model" else [2, 4, 1]
    with pytest.raises(CheckpointError) as e:
        fit(KAFNet.init(0, sizes), X, Y, epochs=3, optimizer=optim.sgd(0.1), checkpoint=kept, **ARGUMENTS)
    named = "values" if what == "model" else "optimizer's state"
    assert str(e.value) == (
        f"{kept} belongs to another training: its {named} have other shapes than the given ones. "
        "Give the same model and optimizer, or remove the file to start anew."
    )


def test_what_a_program_adds_is_compared_too(tmp_path):
    path = tmp_path / "c.npz"
    trained(checkpoint=Checkpoint(path, about={"units": [3, 4]}), epochs=1)
    trained(checkpoint=Checkpoint(path, about={"units": (3, 4)}), epochs=2)
    with pytest.raises(CheckpointError, match=r"units was \[3, 4\] and is 5\."):
        trained(checkpoint=Checkpoint(path, about={"units": 5}), epochs=2)


def test_damaged(kept):
    whole = kept.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    for bad in (b"", b"text", whole[:100], whole[: len(whole) // 2], whole[:-1], bytes(flipped)):
        kept.write_bytes(bad)
        with pytest.raises(CheckpointError) as e:
            trained(checkpoint=kept)
        assert str(e.value) == f"{kept} is damaged, or no checkpoint of kaf. Remove the file to start anew."
        assert kept.read_bytes() == bad


def test_other_files(tmp_path):
    path = tmp_path / "c.npz"
    np.savez(path, x=np.ones(3))
    with pytest.raises(CheckpointError) as e:
        trained(checkpoint=path)
    assert str(e.value) == f"{path} is not a checkpoint of kaf. Give another file for the checkpoint."
    np.savez(path, format="kaf-checkpoint", version=9)
    with pytest.raises(CheckpointError) as e:
        trained(checkpoint=path)
    assert str(e.value) == (
        f"{path} has version 9 of the format, and this kaf reads version 1. Remove the file to start anew."
    )
    np.savez(path, format="kaf-checkpoint", version=1, about="{}")
    with pytest.raises(CheckpointError, match="is damaged: its parts do not fit together"):
        trained(checkpoint=path)
    with pytest.raises(IsADirectoryError):
        trained(checkpoint=tmp_path)


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    path = tmp_path / "none" / "c.npz"
    full, replace = [True], os.replace

    def refuse(source, target):
        if full[0]:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    # The first time, a failure to write is an error,
    with pytest.raises(OSError, match="No space left on device"):
        trained(checkpoint=path)
    assert os.listdir(tmp_path / "none") == []
    # later it is a warning: training returns its result, and the old file stays as it is.
    full[0] = False
    first = trained(epochs=1, checkpoint=path)
    before = path.read_bytes()

    def fill(epoch, *losses):
        full[0] = True

    with pytest.warns(CheckpointWarning) as warned:
        found = trained(checkpoint=Checkpoint(path, every=0.0), callback=fill)
    text = f"{path} could not be written (No space left on device); the training continues, and the former checkpoint stays"
    assert {str(w.message) for w in warned} == {text}
    full[0] = False
    assert_same_bits(found, trained())
    assert read(path).state["epoch"] == 1 and len(first.epoch_losses) == 1 and path.read_bytes() != before
    assert_same_bits(trained(checkpoint=path), found)
