"""Training on several devices and in several processes: the same losses, and clear errors where there are too few."""

import os
import re
import socket
import subprocess
import sys

import jax
import kaf_parallel_training
import numpy as np
import pytest
from kaf_parallel_training import X, trained

from kaf import use_backend
from kaf.backend import get_backend
from kaf.cli.main import main
from kaf.train.parallel import ParallelError, Sharded, data_mesh, join


@pytest.fixture
def on_jax():
    with use_backend("jax") as backend:
        yield backend


def test_same_losses_on_any_number_of_devices(on_jax):
    alone = trained()
    for mesh in (data_mesh(1), data_mesh(8)):
        found = trained(mesh)
        # A sum over a batch, in another order.
        np.testing.assert_allclose(found.loss_curve, alone.loss_curve, rtol=1e-5)
        np.testing.assert_allclose(found.validation_losses, alone.validation_losses, rtol=1e-5)
        for a, b in zip(jax.tree.leaves(found.model), jax.tree.leaves(alone.model), strict=True):
            assert a.devices() == b.devices()
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_any_loss_is_that_of_the_whole_batch(on_jax):
    """The loss is a maximum and not a mean: the mean of the devices' maxima would be a different number."""
    worst = lambda outputs, targets: ((outputs[:, 0] - targets) ** 2).max()
    alone, shared = (trained(mesh, loss=worst, epochs=1) for mesh in (None, data_mesh(8)))
    np.testing.assert_allclose(shared.loss_curve, alone.loss_curve, rtol=1e-5)


def test_every_device_has_a_piece(on_jax):
    place = Sharded(on_jax, data_mesh(8))
    batch, rest = place.batch(X[:48]), place.batch(X[:20])
    assert [shard.data.shape for shard in batch.addressable_shards] == [(6, 4)] * 8
    assert [shard.data.shape for shard in rest.addressable_shards] == [(20, 4)] * 8
    weights = place.whole({"w": np.ones((3, 2))})["w"]
    assert weights.is_fully_replicated and weights.dtype == np.float32 and len(weights.devices()) == 8
    np.testing.assert_array_equal(batch, X[:48])
    # A mesh of several axes, made for something else.
    place = Sharded(on_jax, jax.make_mesh((2, 2), ("a", "b"), devices=jax.devices()[:4]))
    assert [shard.data.shape for shard in place.batch(X[:48]).addressable_shards] == [(12, 4)] * 4


@pytest.mark.long
def test_checkpoints_do_not_depend_on_the_devices(on_jax, tmp_path):
    path, whole = tmp_path / "c.npz", trained(data_mesh(4))
    assert len(trained(epochs=1, checkpoint=path).epoch_losses) == 1
    resumed = trained(data_mesh(4), checkpoint=path)
    np.testing.assert_allclose(resumed.loss_curve, whole.loss_curve, rtol=1e-5)


# -- Processes ---------------------------------------------------------------------------------------------------------

PROGRAM = """
import sys
import numpy as np
sys.path.insert(0, {helpers!r})
from kaf import use_backend
from kaf.train.parallel import ParallelError, data_mesh, join

use_backend("jax")
process = int(sys.argv[1])
join("localhost:{port}", num_processes=2, process_id=process, timeout=60)
from kaf_parallel_training import trained
mesh = data_mesh(4)
trained(mesh, epochs=1, checkpoint={path!r})
result = trained(mesh, checkpoint={path!r})
if process == 1:
    np.savez({out!r}, curve=result.loss_curve, weight=np.asarray(result.model.layers[0].weight))
try:
    trained(mesh, l2_alpha=0.1 * process)
except ParallelError as error:
    print(error)
"""


def free_port():
    with socket.socket() as listening:
        listening.bind(("localhost", 0))
        return listening.getsockname()[1]


@pytest.mark.long
def test_two_processes(tmp_path, monkeypatch):
    """Two devices each, found by a coordinator; the second training goes on from the checkpoint of the first."""
    monkeypatch.setenv("XLA_FLAGS", re.sub(r"(device_count)=\d+", r"\1=2", os.environ["XLA_FLAGS"]))
    path, out = str(tmp_path / "c.npz"), str(tmp_path / "out.npz")
    program = PROGRAM.format(
        helpers=os.path.dirname(kaf_parallel_training.__file__), port=free_port(), path=path, out=out
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(process)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for process in (0, 1)
    ]
    for process in running:
        printed, complaints = process.communicate(timeout=120)
        assert process.returncode == 0, complaints.decode()
        # Gloo prints its connections on stdout.
        assert printed.endswith(b"\nfit: the processes do not have the same arguments and data.\n")
    with use_backend("jax"), np.load(out) as found:
        alone = trained()
        np.testing.assert_allclose(found["curve"], alone.loss_curve, rtol=1e-5)
        np.testing.assert_allclose(found["weight"], np.asarray(alone.model.layers[0].weight), rtol=1e-4, atol=1e-5)


# -- What is not there -------------------------------------------------------------------------------------------------


def test_errors(on_jax):
    def says(function, *arguments, **named):
        with pytest.raises(ParallelError) as e:
            function(*arguments, **named)
        return str(e.value)

    assert says(data_mesh, 9) == (
        "data_mesh: 9 devices are asked for, and JAX has 8 (cpu); to try it on CPUs set the environment variable "
        "JAX_NUM_CPU_DEVICES=9."
    )
    assert says(data_mesh, 0) == "data_mesh: 0 devices are asked for, and JAX has 8 (cpu)."
    assert says(trained, data_mesh(8), batch_size=20) == (
        "fit: batch_size 20 cannot be cut into equal pieces for 8 devices; choose 16 or 24."
    )
    assert says(trained, data_mesh(8), batch_size=7) == (
        "fit: batch_size 7 cannot be cut into equal pieces for 8 devices; choose 8."
    )
    assert says(trained, data_mesh(2), backend="minijax") == (
        "fit: a mesh of devices needs the backend 'jax', and 'minijax' computes: give backend='jax'."
    )
    assert (
        says(join, "localhost", 2, 0) == "join: the coordinator must be a host and a port, host:1234; got 'localhost'."
    )
    with use_backend("minijax"):
        for name, function in (("data_mesh", data_mesh), ("join", join)):
            assert says(function) == (
                f"{name}: several devices need the backend 'jax', and 'minijax' computes: use_backend('jax'), or "
                "KAF_BACKEND=jax."
            )
    # This process has already computed, so it cannot join others.
    said = says(join, "localhost:1", 2, 1, timeout=1)
    assert said.startswith("join: the processes did not meet at localhost:1: ")
    assert said.endswith("a process_id of its own, and must join before it computes anything.")
    assert get_backend() is on_jax


# -- The command line --------------------------------------------------------------------------------------------------

ON_JAX = ["--backend", "jax"]
BAD_ARGUMENTS = [
    (["--devices", "2"], "several devices need the backend 'jax', and 'minijax' computes: give --backend jax"),
    (
        [*ON_JAX, "--devices", "9"],
        "9 devices are asked for, and JAX has 8 (cpu); to try it on CPUs set the environment variable "
        "JAX_NUM_CPU_DEVICES=9",
    ),
    (
        [*ON_JAX, "--devices", "8", "--batch-size", "12"],
        "batch_size 12 cannot be cut into equal pieces for 8 devices; choose 8 or 16",
    ),
    (
        [*ON_JAX, "--process-id", "1"],
        "--num-processes and --process-id need --coordinator HOST:PORT, or --coordinator auto",
    ),
    (
        [*ON_JAX, "--coordinator", "here:1", "--process-id", "1"],
        "--coordinator HOST:PORT needs --num-processes and --process-id",
    ),
    (
        [*ON_JAX, "--coordinator", "here:1", "--num-processes", "2", "--process-id", "2"],
        "process_id must be from 0 to num_processes - 1; got 2 of 2",
    ),
    (
        [*ON_JAX, "--coordinator", "here", "--num-processes", "2", "--process-id", "0"],
        "the coordinator must be a host and a port, host:1234; got 'here'",
    ),
    (["--devices", "0"], "argument --devices: '0' is not a whole number from 1 to 100000; see kaf train --help"),
]


@pytest.mark.parametrize("argv, message", BAD_ARGUMENTS)
def test_bad_arguments(argv, message, capsys, tmp_path):
    assert main(["train", "--data", "moons", "--out", str(tmp_path), *argv]) == 2
    assert capsys.readouterr() == ("", f"kaf: error: {message}\n")
    assert os.listdir(tmp_path) == []


@pytest.mark.long
def test_train_on_devices(capsys, tmp_path):
    argv = ["train", "--data", "moons", "--out", str(tmp_path), "--epochs", "2", "--compare", "none", "--units", "2"]
    lines = {}
    for devices in ([], ["--devices", "8"]):
        assert main([*argv, "--batch-size", "400", *ON_JAX, *devices]) == 0
        out = capsys.readouterr().out
        assert ("on jax, 8 devices\n" in out) == bool(devices)
        lines[len(devices)] = re.findall(r"epoch 2/2  loss ([\d.]+)", out)
    assert len(lines[0]) == 1
    np.testing.assert_allclose(*(np.float64(found) for found in lines.values()), atol=1.5e-4)
