"""Training on several devices and machines: each batch is shared among the devices, the parameters are on all of them.

JAX alone does this. `fit(..., mesh=data_mesh(8))` is all there is to it on one machine; on several, or in several
processes, each process calls `join` first and then runs the same program on the same data.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy

from ..backend import Backend, get_backend

AXIS = "batch"


class ParallelError(ValueError):
    """The devices or processes asked for are not there, or do not agree; the message says what to do."""


# -- Processes and devices ---------------------------------------------------------------------------------------------


def join(
    coordinator: str | None = None, num_processes: int | None = None, process_id: int | None = None, timeout: int = 300
) -> None:
    """Make this process one of several that train together; called before anything is computed.

    `coordinator` is the host:port at which process 0 can be reached. What is not given JAX looks for in the environment:
    JAX_COORDINATOR_ADDRESS, or what Slurm, MPI, Kubernetes or Cloud TPUs tell. CPUs reach each other by Gloo. `timeout`
    are seconds. Raises ParallelError for minijax, numbers that do not fit, and processes that do not come.

    >>> join("localhost:1234", num_processes=2, process_id=2)
    Traceback (most recent call last):
    kaf.train.parallel.ParallelError: join: process_id must be from 0 to num_processes - 1; got 2 of 2.
    """
    if None not in (num_processes, process_id) and not 0 <= process_id < num_processes:
        raise ParallelError(
            f"join: process_id must be from 0 to num_processes - 1; got {process_id} of {num_processes}."
        )
    if coordinator is not None and not coordinator.rpartition(":")[2].isdecimal():
        raise ParallelError(f"join: the coordinator is a host and a port, host:1234; got {coordinator!r}.")
    jax = _jax("join").library
    if jax.distributed.is_initialized():
        raise ParallelError("join: this process has joined others already; it can do so once.")
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(coordinator, num_processes, process_id, initialization_timeout=timeout)
    except (ValueError, RuntimeError) as error:
        raise ParallelError(
            f"join: the processes did not come together at {coordinator or 'what the environment says'}: "
            f"{str(error).splitlines()[0]} Every process needs the same coordinator and num_processes, a process_id of "
            "its own, and to join before it computes anything."
        ) from error


def data_mesh(devices: int | None = None) -> Any:
    """A `jax.sharding.Mesh` of so many devices, all there are for None, for the `mesh` of `fit`.

    Of several processes each gives as many of its devices. Raises ParallelError for minijax, and where there are fewer.
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
    text += f" in {processes} processes, each of which must give as many" if processes > 1 else ""
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
    """Where no mesh is given: arrays stay as they are."""

    main = True

    def jit(self, backend: Backend, function: Any) -> Any:
        """Compiled by the backend."""
        return backend.jit(function)

    def whole(self, tree: Any) -> Any:
        """A tree of arrays that every step needs."""
        return tree

    def batch(self, array: numpy.ndarray) -> Any:
        """Examples [n, ...]."""
        return array

    def agree(self, text: str, what: str) -> None:
        """There is no one to disagree with."""

    def check_batch(self, batch_size: int) -> None:
        """Any will do."""


class Sharded:
    """On a mesh: a batch is cut into a piece for each device, all else is on every device.

    XLA divides the computation and adds up the gradients; what is computed is the same, whatever the loss. In several
    processes each needs the whole of the data, and the pieces are of whole batches: `agree` makes sure.
    """

    def __init__(self, backend: Backend, mesh: Any):
        if backend.name != "jax":
            raise ParallelError(
                f"fit: a mesh of devices needs the backend 'jax', and {backend.name!r} computes: give backend='jax'."
            )
        self._jax, sharding = backend.library, backend.library.sharding
        # Its axes are XLA's to use, whatever they were made for: the model is written for whole arrays.
        self._mesh = sharding.Mesh(mesh.devices, mesh.axis_names)
        self._whole = sharding.NamedSharding(self._mesh, sharding.PartitionSpec())
        self._batch = sharding.NamedSharding(self._mesh, sharding.PartitionSpec(tuple(mesh.axis_names)))
        self.main = self._jax.process_index() == 0

    def jit(self, backend: Backend, function: Any) -> Any:
        """Compiled for the mesh; what it returns is on every device."""
        return backend.library.jit(function, out_shardings=self._whole)

    def whole(self, tree: Any) -> Any:
        """A copy for every device."""
        return self._jax.tree.map(lambda leaf: self._put(numpy.asarray(leaf), self._whole), tree)

    def batch(self, array: numpy.ndarray) -> Any:
        """A piece for every device. A batch that cannot be cut evenly, the last one of an epoch, is on all of them."""
        return self._put(array, self._whole if len(array) % self._mesh.size else self._batch)

    def _put(self, array: numpy.ndarray, sharding: Any) -> Any:
        # Floats of 64 bits become those of 32, as they do wherever else JAX takes them.
        array = array.astype(self._jax.dtypes.canonicalize_dtype(array.dtype))
        return self._jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])

    def check_batch(self, batch_size: int) -> None:
        """Raise ParallelError for a size that leaves every batch whole on every device."""
        size = self._mesh.size
        if batch_size % size:
            below, above = batch_size // size * size, -(-batch_size // size) * size
            raise ParallelError(
                f"fit: batch_size {batch_size} cannot be cut into equal pieces for {size} devices; "
                f"choose {f'{below} or ' if below else ''}{above}."
            )

    def agree(self, text: str, what: str) -> None:
        """Raise ParallelError unless all processes give the same text; they wait for each other."""
        if self._jax.process_count() == 1:
            return
        digest = numpy.frombuffer(hashlib.blake2b(text.encode(), digest_size=8).digest(), numpy.uint32)
        rows = numpy.broadcast_to(digest, (self._mesh.size, 2))
        mine = self._jax.make_array_from_callback(rows.shape, self._batch, lambda index: rows[index])
        everyone = numpy.asarray(self._jax.jit(lambda rows: rows, out_shardings=self._whole)(mine))
        if (everyone != digest).any():
            raise ParallelError(f"fit: the processes do not have the same {what}.")


def placement(backend: Backend, mesh: Any | None) -> OneDevice | Sharded:
    """Where `fit` puts arrays.

    >>> placement(get_backend(), None).main
    True
    """
    return OneDevice() if mesh is None else Sharded(backend, mesh)
