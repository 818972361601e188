"""A training that is interrupted at any step and resumed gives bit for bit the result of an uninterrupted training."""

import io
import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
import zipfile

import kaf_checkpoint_training
import numpy as np
import pytest
from kaf_checkpoint_training import ARGUMENTS, STEPS, X, Y, trained

from kaf import KAFNet, fit, optim, use_backend
from kaf.train import loop as train
from kaf.train.checkpoint import Checkpoint, CheckpointError, CheckpointWarning, reading, require_same


def content(result):
    arrays = [
        np.asarray(leaf) for layer in result.model.layers for leaf in vars(layer).values() if hasattr(leaf, "dtype")
    ]
    return [result.loss_curve, result.epoch_losses, result.validation_losses, np.asarray(result.best_epoch), *arrays]


def state_in(path):
    with reading(path) as saved:
        return saved.state


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


@pytest.mark.one_in(5)
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
        assert state_in(path)["batch"] == 1  # There is a checkpoint to resume from.
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
@pytest.mark.one_in(3)
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
    # A byte of an array. Not every byte between two arrays has a meaning.
    with zipfile.ZipFile(kept) as archive:
        member = archive.getinfo("tree_values_0.npy")
    flipped = bytearray(whole)
    flipped[whole.index(archive_data(kept), member.header_offset) + 5] ^= 0xFF
    for bad in (b"", b"text", whole[:100], whole[: len(whole) // 2], whole[:-1]):
        kept.write_bytes(bad)
        with pytest.raises(CheckpointError) as e:
            trained(checkpoint=kept)
        assert str(e.value) == f"{kept} is damaged, or no checkpoint of kaf. Remove the file to start anew."
        assert kept.read_bytes() == bad
    kept.write_bytes(flipped)
    with pytest.raises(
        CheckpointError, match=r"is damaged: its array .* cannot be read\. Remove the file to start anew\."
    ):
        trained(checkpoint=kept)
    assert kept.read_bytes() == flipped


def archive_data(path):
    """The bytes of the numbers of the first array of values."""
    with np.load(path) as archive:
        return archive["tree_values_0"].tobytes()


class Planted:
    """An object that leaves a trace if anything unpickles it."""

    traces = []

    def __reduce__(self):
        return Planted.traces.append, ("unpickled",)


# Each changes the JSON text and the arrays of a checkpoint of 2 epochs, of which each has STEPS batches.
def state(**changes):
    return lambda about, arrays: about["state"].update(changes)


def batch_and_curve(batch):
    def change(about, arrays):
        about["state"]["batch"] = batch
        arrays["array_curve"] = np.ones(2 * STEPS + batch, np.float32)

    return change


def array(name, value):
    return lambda about, arrays: arrays.update({name: value})


APART = "is damaged: its parts do not fit together"
EDITED = {
    "batch -1": (state(batch=-1), APART),
    "a batch too many": (state(batch=STEPS + 1), APART),
    "batch -1 and its curve": (batch_and_curve(-1), APART),
    "a batch too many and its curve": (batch_and_curve(STEPS + 1), APART),
    "half a batch": (state(batch=0.5), APART),
    "epoch -1": (state(epoch=-1), APART),
    "an epoch of text": (state(epoch="1"), APART),
    "an epoch that is a truth value": (state(epoch=True), APART),
    "an epoch less": (state(epoch=1), APART),
    "an epoch without end": (state(epoch=10**18), APART),
    "no generator": (state(generator=None), APART),
    "another generator": (state(generator={"bit_generator": "MT19937"}), APART),
    "seconds of text": (state(seconds="1"), APART),
    "negative seconds": (state(seconds=-1.0), APART),
    "no best": (state(best=None), APART),
    "a best of another form": (state(best={"loss": 1.0}), APART),
    "a best with more": (state(best={"loss": 1.0, "epoch": 0, "more": 1}), APART),
    "a best to come": (state(best={"loss": 1.0, "epoch": 2}), APART),
    "a best of text": (state(best={"loss": "low", "epoch": 0}), APART),
    "a state that is a list": (lambda about, arrays: about.update(state=[]), APART),
    "settings that are a list": (lambda about, arrays: about.update(settings=[]), APART),
    "trees that are a list": (lambda about, arrays: about.update(trees=[]), APART),
    "no trees": (lambda about, arrays: about.update(trees={}), APART),
    "many leaves": (
        lambda about, arrays: about["trees"].update(values=10**12),
        "is damaged: it has no array 'tree_values_",
    ),
    "a tree of a long name": (
        lambda about, arrays: about["trees"].update({"a" * 5000: 1}),
        f"is damaged: it has no array 'tree_{'a' * 35}...'. ",
    ),
    "no state": (lambda about, arrays: about.pop("state"), APART),
    "no curve": (lambda about, arrays: arrays.pop("array_curve"), "is damaged: it has no array 'array_curve'"),
    "a short curve": (array("array_curve", np.ones(3, np.float32)), APART),
    "a curve of text": (array("array_curve", np.full(2 * STEPS, "a")), APART),
    "wide losses": (array("array_epoch_losses", np.ones((2, 2))), APART),
    "few validation losses": (array("array_validation_losses", np.ones(1)), APART),
    "Python objects": (
        array("tree_values_0", np.array([Planted()], object)),
        "is damaged: its array 'tree_values_0' cannot be read",
    ),
}


@pytest.mark.parametrize("name", EDITED)
@pytest.mark.one_in(6)
def test_edited(name, kept):
    change, message = EDITED[name]
    with np.load(kept) as archive:
        arrays = dict(archive)
    about = json.loads(str(arrays["about"]))
    change(about, arrays)
    np.savez(kept, **{**arrays, "about": json.dumps(about)})
    before, start = kept.read_bytes(), time.perf_counter()
    with pytest.raises(CheckpointError) as e:
        trained(checkpoint=kept)
    assert str(e.value).startswith(f"{kept} {message}") and str(e.value).endswith(". Remove the file to start anew.")
    assert kept.read_bytes() == before and os.listdir(kept.parent) == [kept.name] and Planted.traces == []
    assert time.perf_counter() - start < 2.0


def test_a_member_that_nobody_asks_for_is_not_unpacked(kept):
    with zipfile.ZipFile(kept, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.npy", bytes(2**27))
        archive.writestr("notes.txt", "hello")
    tracemalloc.start()
    try:
        assert state_in(kept)["epoch"] == 2
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**22
    assert_same_bits(trained(checkpoint=kept), trained())


@pytest.mark.parametrize("name", ["tree_values_0", "tree_best values_1", "array_curve", "array_epoch_losses"])
@pytest.mark.one_in(8)
def test_an_array_that_unpacks_to_gigabytes_is_refused(name, kept):
    """It is asked for, and its header agrees with its bytes, which are zeros."""
    zeros = 2**27
    with np.load(kept) as archive:
        arrays = dict(archive)
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for own, array in arrays.items():
            file = io.BytesIO()
            np.save(file, array)
            content = file.getvalue()
            if own == name:
                shape = str(np.zeros(zeros // 4, np.float32).shape).encode()
                header = b"{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + b", }"
                header += b" " * (117 - len(header)) + b"\n"
                content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(zeros)
            archive.writestr(f"{own}.npy", content)
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError) as e:
            trained(checkpoint=kept)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ("have other shapes" if name.startswith("tree") else APART) in str(e.value)
    assert peak < 2**23


def test_settings_that_differ_are_shortened():
    with pytest.raises(CheckpointError) as e:
        require_same("c.npz", {"units": "7" * 5000}, {"units": "a\nb"})
    assert str(e.value) == (
        f"c.npz belongs to another training: units was {'7' * 40}... (5000 characters) and is a\\nb. "
        "Give the same settings, or remove the file to start anew."
    )


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
    assert state_in(path)["epoch"] == 1 and len(first.epoch_losses) == 1 and path.read_bytes() != before
    assert_same_bits(trained(checkpoint=path), found)
