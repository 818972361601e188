"""Files that are written completely or not at all, and archives of arrays that are read without unpickling anything."""

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

# The exceptions that NumPy and zipfile raise for a file that is truncated, changed, or of another kind.
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
    """Yield a binary handle; its content replaces the file `path` only if the block ends without an exception.

    The content is written to a new file in the same directory, which is then renamed, because a rename is atomic only within
    a file system. If anything stops the block, Ctrl-C included, the new file is removed. A killed process leaves the new file
    behind, and `path` as it was. Missing directories are made. Raises OSError if the system refuses.

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
    """All arrays of an .npz file, by name. Raises OSError, or one of `UNREADABLE` if the file is not a whole .npz file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     with replacing(f"{directory}/a.npz") as file:
    ...         numpy.savez(file, x=numpy.ones(3))
    ...     read_arrays(f"{directory}/a.npz")["x"].shape
    (3,)
    """
    with open(path, "rb") as file:
        # numpy.load would read a file that is no archive as a pickle or as a single array.
        if not zipfile.is_zipfile(file):
            raise ValueError("not an archive")
        file.seek(0)
        with numpy.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}


# -- Formats -----------------------------------------------------------------------------------------------------------


class FormatError(ValueError):
    """A file does not have the expected format. The message says what is wrong, and the caller adds what to do."""


class DamagedFile(FormatError):
    """The file is no archive of arrays, or a part is missing or malformed."""


class ForeignFile(FormatError):
    """The file is an archive of another format."""


class OtherVersion(FormatError):
    """The file has the format, but in a version that this kaf does not read."""


@dataclass(frozen=True)
class Format:
    """A format of .npz files: arrays, a JSON text about them, and the name and version of the format.

    name       the name of the format that is written into the file
    kind       what messages call such a file
    versions   the versions that can be read; the last one is written

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
        """Write the arrays by name, and `about`, a value that JSON can represent."""
        arrays = {name: numpy.asarray(array) for name, array in arrays.items()}
        head = {"format": self.name, "version": self.versions[-1], "about": json.dumps(about)}
        numpy.savez(file, **{name: numpy.array(value) for name, value in head.items()}, **arrays)

    def read(self, path: str | Path) -> tuple[int, Any, dict[str, numpy.ndarray]]:
        """(version, about, arrays) of a file. Raises FormatError, and OSError if the system refuses."""
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
        """Inside the block, the error that a missing or malformed part raises becomes a DamagedFile."""
        try:
            yield
        except UNREADABLE as error:
            raise DamagedFile(f"{path} is damaged: its parts do not fit together") from error
