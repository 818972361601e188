"""Training on several devices and machines: each batch is shared among the devices, and every device has all parameters.

Only JAX can do this. On one machine call `fit(..., mesh=data_mesh(8))`. On several machines, or in several processes, each
process first calls `join` and then runs the same program on the same data.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy

from ..backend import Backend, get_backend

AXIS = "batch"


class ParallelError(ValueError):
    """There are fewer devices or processes than asked for, or the processes do not agree. The message says what to do."""


# -- Processes and devices ---------------------------------------------------------------------------------------------


def join(
    coordinator: str | None = None, num_processes: int | None = None, process_id: int | None = None, timeout: int = 300
) -> None:
    """Make this process one of several that train together. Call it before anything is computed.

    `coordinator` is the host:port at which process 0 listens. JAX looks for arguments that are not given in the environment:
    in JAX_COORDINATOR_ADDRESS, or in the variables of Slurm, MPI, Kubernetes or Cloud TPUs. CPUs communicate by Gloo.
    `timeout` is in seconds. Raises ParallelError for minijax, for numbers that do not fit, and if a process does not come.

    >>> join("localhost:1234", num_processes=2, process_id=2)
    Traceback (most recent call last):
    kaf.train.parallel.ParallelError: join: process_id must be from 0 to num_processes - 1; got 2 of 2.
    """
    if None not in (num_processes, process_id) and not 0 <= process_id < num_processes:
        raise ParallelError(
            f"join: process_id must be from 0 to num_processes - 1; got {process_id} of {num_processes}."
        )
    if coordinator is not None and not coordinator.rpartition(":")[2].isdecimal():
        raise ParallelError(f"join: the coordinator must be a host and a port, host:1234; got {coordinator!r}.")
    jax = _jax("join").library
    if jax.distributed.is_initialized():
        raise ParallelError("join: this process has joined others already; it can join only once.")
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(coordinator, num_processes, process_id, initialization_timeout=timeout)
    except (ValueError, RuntimeError) as error:
        raise ParallelError(
            f"join: the processes did not meet at {coordinator or 'the coordinator that the environment names'}: "
            f"{str(error).splitlines()[0]} Every process needs the same coordinator and num_processes, and a process_id of "
            "its own, and must join before it computes anything."
        ) from error


def data_mesh(devices: int | None = None) -> Any:
    """A `jax.sharding.Mesh` of `devices` devices, for the `mesh` of `fit`; by default of all devices.

    Each of several processes contributes the same number of devices. Raises ParallelError for minijax, and if there are too
    few devices.
    """
    jax = _jax("data_mesh").library
    processes = jax.process_count()
    found = len(jax.devices())
    devices = found if devices is None else devices
    if devices < 1 or devices > found or devices % processes:
        raise ParallelError(_too_few(devices, found, processes, jax.default_backend()))
    share = devices // processes
    chosen = [[d for d in jax.devices() if d.process_index == i][:share] for i in range(processes)]
    if any(len(own) < share for own in chosen):
        raise ParallelError(_too_few(devices, found, processes, jax.default_backend()))
    return jax.sharding.Mesh(numpy.array(chosen).reshape(-1), (AXIS,))


def _too_few(devices: int, found: int, processes: int, platform: str) -> str:
    text = f"data_mesh: {devices} {'device is' if devices == 1 else 'devices are'} asked for, and JAX has {found} ({platform})"
    text += f" in {processes} processes, each of which must contribute the same number" if processes > 1 else ""
    if platform == "cpu" and devices > found:
        text += f"; to try it on CPUs set the environment variable JAX_NUM_CPU_DEVICES={-(-devices // processes)}"
    return text + "."


def _jax(function: str) -> Backend:
    backend = get_backend()
    if backend.name != "jax":
        raise ParallelError(
            f"{function}: several devices need the backend 'jax', and {backend.name!r} computes: "
            "use_backend('jax'), or KAF_BACKEND=jax."
        )
    return backend


# -- Where arrays go ---------------------------------------------------------------------------------------------------


class OneDevice:
    """The placement of arrays without a mesh: arrays stay as they are."""

    main = True

    def jit(self, backend: Backend, function: Any) -> Any:
        """The function compiled by the backend."""
        return backend.jit(function)

    def whole(self, tree: Any) -> Any:
        """A tree of arrays that every step needs whole."""
        return tree

    def batch(self, array: numpy.ndarray) -> Any:
        """A batch of examples [n, ...]."""
        return array

    def agree(self, text: str, what: str) -> None:
        """Do nothing: there are no other processes."""

    def check_batch(self, batch_size: int) -> None:
        """Do nothing: every batch size is possible."""


class Sharded:
    """The placement of arrays on a mesh: a batch is cut into a piece for each device, all other arrays are on every device.

    XLA divides the computation among the devices and adds up the gradients. The result is that of the whole batch, for any
    loss. Each of several processes must have all the data, because the pieces are cut from whole batches; `agree` checks this.
    """

    def __init__(self, backend: Backend, mesh: Any):
        if backend.name != "jax":
            raise ParallelError(
                f"fit: a mesh of devices needs the backend 'jax', and {backend.name!r} computes: give backend='jax'."
            )
        self._jax, sharding = backend.library, backend.library.sharding
        # The same devices and axis names without the user's axis types: the model is written for whole arrays, and XLA must be
        # free to divide the work along any axis.
        self._mesh = sharding.Mesh(mesh.devices, mesh.axis_names)
        self._whole = sharding.NamedSharding(self._mesh, sharding.PartitionSpec())
        self._batch = sharding.NamedSharding(self._mesh, sharding.PartitionSpec(tuple(mesh.axis_names)))
        self.main = self._jax.process_index() == 0

    def jit(self, backend: Backend, function: Any) -> Any:
        """The function compiled for the mesh. Its results are on every device."""
        return backend.library.jit(function, out_shardings=self._whole)

    def whole(self, tree: Any) -> Any:
        """A tree whose arrays are on every device."""
        return self._jax.tree.map(lambda leaf: self._put(numpy.asarray(leaf), self._whole), tree)

    def batch(self, array: numpy.ndarray) -> Any:
        """A batch with a piece on each device. A batch that cannot be cut evenly, such as an epoch's last, is on every device."""
        return self._put(array, self._whole if len(array) % self._mesh.size else self._batch)

    def _put(self, array: numpy.ndarray, sharding: Any) -> Any:
        # float64 becomes float32, as it does everywhere in JAX without x64.
        array = array.astype(self._jax.dtypes.canonicalize_dtype(array.dtype))
        return self._jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

    def check_batch(self, batch_size: int) -> None:
        """Raise ParallelError for a batch size that cannot be divided among the devices."""
        size = self._mesh.size
        if batch_size % size:
            below, above = batch_size // size * size, -(-batch_size // size) * size
            raise ParallelError(
                f"fit: batch_size {batch_size} cannot be cut into equal pieces for {size} devices; "
                f"choose {f'{below} or ' if below else ''}{above}."
            )

    def agree(self, text: str, what: str) -> None:
        """Raise ParallelError unless all processes pass the same text. The processes wait for each other here."""
        if self._jax.process_count() == 1:
            return
        digest = numpy.frombuffer(hashlib.blake2b(text.encode(), digest_size=8).digest(), numpy.uint32)
        rows = numpy.broadcast_to(digest, (self._mesh.size, 2))
        mine = self._jax.make_array_from_callback(rows.shape, self._batch, lambda index: rows[index])
        everyone = numpy.asarray(self._jax.jit(lambda rows: rows, out_shardings=self._whole)(mine))
        if (everyone != digest).any():
            raise ParallelError(f"fit: the processes do not have the same {what}.")


def placement(backend: Backend, mesh: Any | None) -> OneDevice | Sharded:
    """The placement of arrays for `fit`: on one device without a mesh, else on the mesh.

    >>> placement(get_backend(), None).main
    True
    """
    return OneDevice() if mesh is None else Sharded(backend, mesh)
