"""Files that are there whole or not at all, and archives of arrays that are read without unpickling anything."""

from __future__ import annotations

import contextlib
import os
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy

# What NumPy and zipfile raise for files cut short, changed, or of another kind.
UNREADABLE = (
    ValueError,
    EOFError,
    KeyError,
    TypeError,
    NotImplementedError,
    RuntimeError,
    SyntaxError,
    MemoryError,
    OverflowError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Yield a binary handle whose content takes the place of `path` only when the block ends without an exception.

    The content goes to a new file in the same directory (a rename is atomic only within a file system), and that file is
    removed whatever stops the block, Ctrl-C included; a killed process leaves it, and the former `path` whole. Missing
    directories are made. Raises OSError where the system refuses.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     with replacing(f"{directory}/new/file") as file:
    ...         _ = file.write(b"whole")
    ...     Path(f"{directory}/new/file").read_text()
    'whole'
    """
    path = Path(path)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(scratch, "wb") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)


def read_arrays(path: str | Path) -> dict[str, numpy.ndarray]:
    """The arrays of an .npz file, all read. Raises OSError, or one of `UNREADABLE` for what is no such file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     with replacing(f"{directory}/a.npz") as file:
    ...         numpy.savez(file, x=numpy.ones(3))
    ...     read_arrays(f"{directory}/a.npz")["x"].shape
    (3,)
    """
    with open(path, "rb") as file:
        # np.load takes what is no archive for a pickle or a single array; neither is of interest.
        if not zipfile.is_zipfile(file):
            raise ValueError("not an archive")
        file.seek(0)
        with numpy.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
