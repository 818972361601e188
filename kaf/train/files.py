"""Files that are there whole or not at all, and archives of arrays that are read without unpickling anything."""

from __future__ import annotations

import contextlib
import json
import os
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

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


# -- Formats -----------------------------------------------------------------------------------------------------------


class FormatError(ValueError):
    """A file that is not of the format asked for. The message says what is wrong with it; the caller adds what to do."""


class DamagedFile(FormatError):
    """No archive of arrays, or one that lacks a part."""


class ForeignFile(FormatError):
    """An archive of something else."""


class OtherVersion(FormatError):
    """A file of the format, in a version that this kaf does not read."""


@dataclass(frozen=True)
class Format:
    """A kind of .npz file: arrays, and one JSON text about them. The file bears the name and the version of its format.

    name       in the file
    kind       what messages call such a file
    versions   the versions that are read; the last one is written

    >>> import tempfile
    >>> notes = Format("notes", "file of notes", (1,))
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     with replacing(f"{directory}/a.npz") as file:
    ...         notes.write(file, {"title": "a"}, {"x": numpy.ones(3)})
    ...     version, about, arrays = notes.read(f"{directory}/a.npz")
    >>> version, about, arrays["x"].shape
    (1, {'title': 'a'}, (3,))
    """

    name: str
    kind: str
    versions: tuple[int, ...]

    def write(self, file: BinaryIO, about: Any, arrays: Mapping[str, Any]) -> None:
        """Write `about`, which JSON can hold, and the arrays by name."""
        arrays = {name: numpy.asarray(array) for name, array in arrays.items()}
        head = {"format": self.name, "version": self.versions[-1], "about": json.dumps(about)}
        numpy.savez(file, **{name: numpy.array(value) for name, value in head.items()}, **arrays)

    def read(self, path: str | Path) -> tuple[int, Any, dict[str, numpy.ndarray]]:
        """(version, about, arrays) of a file. Raises FormatError, and OSError where the system refuses."""
        try:
            fields = read_arrays(path)
        except UNREADABLE as error:
            raise DamagedFile(f"{path} is damaged, or no {self.kind}") from error
        if str(fields.get("format")) != self.name:
            raise ForeignFile(f"{path} is not a {self.kind}")
        version = next((v for v in self.versions if numpy.array_equal(fields.get("version"), v)), None)
        if version is None:
            known = f"version{'s' if len(self.versions) > 1 else ''} {' and '.join(map(str, self.versions))}"
            raise OtherVersion(f"{path} has version {fields.get('version')} of the format, and this kaf reads {known}")
        with self.parts_of(path):
            return version, json.loads(str(fields["about"])), fields

    @contextlib.contextmanager
    def parts_of(self, path: str | Path) -> Iterator[None]:
        """Inside the block, an error that a missing or malformed part raises becomes a DamagedFile."""
        try:
            yield
        except UNREADABLE as error:
            raise DamagedFile(f"{path} is damaged: its parts do not fit together") from error
