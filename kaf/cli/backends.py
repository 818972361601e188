"""The backend and the devices that the arguments ask for. If they cannot be had, the user gets one line."""

import contextlib

from kaf.backend import get_backend, use_backend
from kaf.cli.errors import CommandError
from kaf.train import parallel


@contextlib.contextmanager
def computing_on(name, compiler=None):
    """Choose the backend `name` inside the block, and yield it. None means the backend of KAF_BACKEND, or the default one.

    `compiler` is "numpy" or "xla", by which minijax compiles its programs; None means the configured one. Raises CommandError
    for an unknown name in KAF_BACKEND, for a library that is not installed, and for a compiler together with JAX.

    >>> with computing_on("minijax") as backend:
    ...     backend.name
    'minijax'
    """
    try:
        choice = contextlib.nullcontext(get_backend()) if name is None else use_backend(name)
    except (ValueError, ImportError) as error:
        raise CommandError(str(error).rstrip(".")) from error
    with choice as backend, _compiling_by(compiler, backend):
        yield backend


@contextlib.contextmanager
def _compiling_by(compiler, backend):
    if compiler is None:
        yield
        return
    if backend.name != "minijax":
        raise CommandError(f"--compiler is for the backend minijax; {backend.name} has only XLA")
    config = backend.library.config
    before = config.minijax_compiler
    config.update("minijax_compiler", compiler)
    try:
        backend.jit(lambda x: x)(0.0)  # If XLA lacks a package, this raises ImportError now, before the work starts.
        yield
    except ImportError as error:
        raise CommandError(str(error).rstrip(".")) from error
    finally:
        config.update("minijax_compiler", before)


def mesh_of(arguments):
    """The mesh that --devices and --coordinator ask for, or None without these options. Joins the other processes.

    Raises CommandError if the devices or processes cannot be had.
    """
    if arguments.coordinator is None and (arguments.num_processes is not None or arguments.process_id is not None):
        raise CommandError("--num-processes and --process-id need --coordinator HOST:PORT, or --coordinator auto")
    if arguments.coordinator not in (None, "auto") and None in (arguments.num_processes, arguments.process_id):
        raise CommandError("--coordinator HOST:PORT needs --num-processes and --process-id")
    try:
        if arguments.coordinator is not None:
            coordinator = None if arguments.coordinator == "auto" else arguments.coordinator
            parallel.join(coordinator, arguments.num_processes, arguments.process_id)
        elif arguments.devices is None:
            return None
        mesh = parallel.data_mesh(arguments.devices)
        parallel.placement(get_backend(), mesh).check_batch(arguments.batch_size)
        return mesh
    except parallel.ParallelError as error:
        text = str(error).partition(": ")[2].rstrip(".")
        raise CommandError(text.replace("use_backend('jax'), or KAF_BACKEND=jax", "give --backend jax")) from error
