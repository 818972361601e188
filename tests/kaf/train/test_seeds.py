"""Training from many seeds at once: each seed is trained as `fit` trains it alone, also if it is interrupted and resumed."""

import json
import time

import numpy as np
import pytest

from kaf import KAFNet, fit, optim, use_backend
from kaf.train import seeds as module
from kaf.train.checkpoint import Checkpoint, CheckpointError
from kaf.train.seeds import fit_seeds, outputs_of_seeds

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 40, 2)).astype(np.float32)
Y = (X**2).sum(-1) + RNG.normal(0, 0.5, (4, 40)).astype(np.float32)
SEEDS = (5, 1, 7, 3)
ARGUMENTS = {"loss": "mean_squared_error", "batch_size": 16, "l2_alpha": 0.01}
WAYS = {
    "the same epochs": {"epochs": 3},
    "epochs of their own": {"epochs": (3, 1, 5, 0)},
    "validation": {"epochs": 3, "validation": 0.25},
    "patience": {"epochs": 40, "validation": 0.25, "patience": 2},
}


def models():
    return [KAFNet.init(seed, [2, 3, 1]) for seed in SEEDS]


def at_once(**arguments):
    return fit_seeds(models(), X, Y, seeds=SEEDS, optimizer=optim.adam(0.05), **ARGUMENTS, **arguments)


@pytest.mark.parametrize("library, way", [*(("minijax", way) for way in WAYS), ("jax", "patience")])
@pytest.mark.one_in(8)
def test_each_seed_is_trained_as_it_is_alone(library, way):
    with use_backend(library):
        alike(way, WAYS[way])


def alike(way, options):
    found = at_once(**options)
    outputs = outputs_of_seeds(found.models, X)
    each = np.broadcast_to(options["epochs"], (4,))
    for i, (seed, model) in enumerate(zip(SEEDS, models(), strict=True)):
        own = {**ARGUMENTS, **options, "epochs": int(each[i])}
        alone, one = fit(model, X[i], Y[i], seed=seed, optimizer=optim.adam(0.05), **own), found.of(i)
        np.testing.assert_allclose(one.epoch_losses, alone.epoch_losses, rtol=2e-4)
        np.testing.assert_allclose(one.validation_losses, alone.validation_losses, rtol=2e-4)
        np.testing.assert_allclose(one.loss_curve, alone.loss_curve, rtol=2e-3)
        assert one.best_epoch == alone.best_epoch and found.ends[i] == len(alone.epoch_losses)
        for result in (outputs[i], np.asarray(one.model(X[i]))):
            np.testing.assert_allclose(result, np.asarray(alone.model(X[i])), rtol=2e-3, atol=2e-4)
    if way == "patience":
        assert len(set(found.ends.tolist())) > 1 and found.ends.max() < 40
        assert [found.of(i).stopped_early for i in range(4)] == [end < found.ends.max() for end in found.ends]


def test_seeds_that_have_ended_are_not_computed(monkeypatch):
    """Of four seeds two end after an epoch; then the program of two goes on, and at last that of one."""
    computed, kept = [], module._Training._run_epoch

    def counted(self):
        computed.append(len(self.now.alive))
        kept(self)

    monkeypatch.setattr(module._Training, "_run_epoch", counted)
    at_once(epochs=(1, 5, 1, 3))
    assert computed == [4, 2, 2, 1, 1]


def same_bits(found, expected):
    for name in ("loss_curve", "epoch_losses", "validation_losses", "best_epochs", "ends"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    for layer, other in zip(found.models.layers, expected.models.layers, strict=True):
        for name, value in vars(layer).items():
            if hasattr(value, "dtype"):
                np.testing.assert_array_equal(np.asarray(value), np.asarray(getattr(other, name)))


@pytest.mark.parametrize("stop", [0, 1, 4, 9])
@pytest.mark.one_in(3)
def test_interrupted_and_resumed(stop, tmp_path, monkeypatch):
    whole, checkpoint = at_once(**WAYS["patience"]), Checkpoint(tmp_path / "c.npz", every=0.0)
    count = []

    def interrupt(self):
        count.append(1)
        if len(count) == stop + 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module._Training, "_write_if_due", interrupt)
        stopped = at_once(**WAYS["patience"], checkpoint=checkpoint)
    assert stopped.interrupted and stopped.ends.max() == stop + 1
    resumed = at_once(**WAYS["patience"], checkpoint=checkpoint)
    assert not resumed.interrupted
    same_bits(resumed, whole)
    # It is finished now: no epoch is trained.
    same_bits(at_once(**WAYS["patience"], checkpoint=checkpoint), whole)


def test_seconds_are_those_of_all_runs(tmp_path):
    checkpoint, start = Checkpoint(tmp_path / "c.npz"), time.perf_counter()
    first = at_once(epochs=1, checkpoint=checkpoint)
    again = at_once(epochs=1, checkpoint=checkpoint)
    assert 0 < first.seconds < again.seconds <= time.perf_counter() - start < 60


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "c.npz"
    at_once(epochs=2, checkpoint=Checkpoint(path))
    return path


def state(**changes):
    return lambda about, arrays: about["state"].update(changes)


EDITED = {
    "an epoch more": state(epoch=3),
    "epoch -1": state(epoch=-1),
    "no generators": state(generators=[]),
    "a seed twice": state(alive=[1, 1]),
    "another seed": state(alive=[9]),
    "few ends": state(ends=[1]),
    "seconds of text": state(seconds="1"),
    "a short curve": lambda about, arrays: arrays.update(array_curve=np.ones((1, 4))),
}


@pytest.mark.parametrize("name", EDITED)
@pytest.mark.one_in(5)
def test_edited_checkpoints(name, kept):
    with np.load(kept) as archive:
        arrays = dict(archive)
    about = json.loads(str(arrays["about"]))
    EDITED[name](about, arrays)
    np.savez(kept, **{**arrays, "about": json.dumps(about)})
    with pytest.raises(
        CheckpointError, match="is damaged: its parts do not fit together. Remove the file to start anew."
    ):
        at_once(epochs=2, checkpoint=Checkpoint(kept))


def test_of_another_training(kept):
    with pytest.raises(
        CheckpointError, match="belongs to another training: patience was None and is 3, validation was"
    ):
        at_once(epochs=2, validation=0.25, patience=3, checkpoint=Checkpoint(kept))
    with pytest.raises(CheckpointError, match="its values have other shapes than the given ones"):
        wider = [KAFNet.init(seed, [2, 4, 1]) for seed in SEEDS]
        fit_seeds(
            wider, X, Y, seeds=SEEDS, optimizer=optim.adam(0.05), epochs=2, checkpoint=Checkpoint(kept), **ARGUMENTS
        )
