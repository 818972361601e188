"""Files that are written completely or not at all, and archives of arrays that are read without unpickling anything."""

from __future__ import annotations

import contextlib
import json
import lzma
import math
import os
import struct
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
    LookupError,
    AttributeError,
    TypeError,
    ArithmeticError,
    NotImplementedError,
    RuntimeError,
    SyntaxError,
    MemoryError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
)

# The most bytes of a format's name and version, and of its JSON text. A file of a few bytes can unpack to gigabytes.
_NAME_BYTES, _TEXT_BYTES = 2**12, 2**28

# kaf writes arrays as they are. A file that was packed since may unpack to so many times its bytes; trained numbers never do.
_UNPACKING = 100


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


_LONGEST, _KEPT = 60, 40


def quoted(text: str) -> str:
    """A text from a file or the command line, in quotes, as messages show it: on one line, and a long text shortened.

    >>> print(quoted("a"), quoted("a\\nb"), quoted("7" * 5000))
    'a' 'a\\nb' '7777777777777777777777777777777777777777...' (5000 characters)
    """
    return repr(text) if len(text) <= _LONGEST else f"{text[:_KEPT] + '...'!r} ({len(text)} characters)"


def shown(text: str) -> str:
    """As `quoted`, but without quotes.

    >>> print(shown("a b"), shown("a\\nb"))
    a b a\\nb
    """
    one_line = text if text.isprintable() else repr(text)[1:-1]
    return one_line if len(text) <= _LONGEST else f"{shown(text[:_KEPT])}... ({len(text)} characters)"


class ArrayError(ValueError):
    """An archive lacks an array, or the array cannot be read. The message says which, and why."""


class Arrays:
    """The arrays of an open .npz file, by name. An array is read only when it is asked for.

    So a member that nobody asks for costs nothing, even one that unpacks to gigabytes. With `unpacking`, one that is asked for
    is refused if it has more than so many times its packed bytes.
    """

    def __init__(self, archive: zipfile.ZipFile, unpacking: int | None = None):
        self._archive, self._unpacking = archive, unpacking
        self._members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}

    @property
    def names(self) -> list[str]:
        """The names of all arrays."""
        return list(self._members)

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __getitem__(self, name: str) -> numpy.ndarray:
        return self.read(name)

    def read(self, name: str, most: int | None = None) -> numpy.ndarray:
        """The array of this name. Raises ArrayError, also for an array of more than `most` bytes."""
        member = self._member(name)
        if most is not None and member.file_size > most:
            raise ArrayError(f"its array {_brief(name)} has {member.file_size} bytes, which is too many")
        if self._unpacking is not None and member.file_size > self._unpacking * member.compress_size + 2**20:
            raise ArrayError(
                f"its array {_brief(name)} unpacks from {member.compress_size} to {member.file_size} bytes, which is too many"
            )
        try:
            with self._archive.open(member) as file:
                # A pickle runs any program when it is read, so an array of Python objects is an error.
                array = numpy.lib.format.read_array(file, allow_pickle=False)
                # zipfile compares the checksum only when it reaches the end of the member.
                if file.read(1):
                    raise ValueError("there are more bytes than the array has")
                return array
        except (*UNREADABLE, OSError) as error:
            raise ArrayError(f"its array {_brief(name)} cannot be read") from error

    def peek(self, name: str) -> Peeked:
        """The array of this name before it is read, so that a program can refuse one that is too large. Raises ArrayError."""
        member = self._member(name)
        try:
            with self._archive.open(member) as file:
                version = numpy.lib.format.read_magic(file)
                shape, _, dtype = _HEADERS[version](file)
                size = member.file_size - file.tell()
        except (*UNREADABLE, OSError) as error:
            raise ArrayError(f"its array {_brief(name)} cannot be read") from error
        if size != math.prod(shape) * dtype.itemsize:
            raise ArrayError(f"its array {_brief(name)} cannot be read")
        return Peeked(self, name, shape, dtype)

    def _member(self, name: str) -> zipfile.ZipInfo:
        if name not in self._members:
            raise ArrayError(f"it has no array {_brief(name)}")
        return self._members[name]


_HEADERS = {
    (1, 0): numpy.lib.format.read_array_header_1_0,
    (2, 0): numpy.lib.format.read_array_header_2_0,
}


def _brief(name: str) -> str:
    return repr(
        name if len(name) <= _LONGEST else f"{name[:_KEPT]}..."
    )  # An edited file can name arrays at any length.


@dataclass(frozen=True)
class Peeked:
    """The shape and the dtype of an array in an open file. Its numbers are read by `read`."""

    arrays: Arrays
    name: str
    shape: tuple[int, ...]
    dtype: numpy.dtype

    def read(self) -> numpy.ndarray:
        """The array. Raises ArrayError."""
        return self.arrays.read(self.name)


@contextlib.contextmanager
def open_arrays(path: str | Path, unpacking: int | None = None) -> Iterator[Arrays]:
    """Yield the Arrays of an .npz file, with this `unpacking`.

    Raises OSError, or one of `UNREADABLE` if the file is not a whole archive.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     with replacing(f"{directory}/a.npz") as file:
    ...         numpy.savez(file, x=numpy.ones(3))
    ...     with open_arrays(f"{directory}/a.npz") as arrays:
    ...         arrays.names, arrays["x"].shape
    (['x'], (3,))
    """
    with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
        yield Arrays(archive, unpacking)


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
    former     the name in older versions

    >>> import tempfile
    >>> notes = Format("notes", "file of notes", (1,))
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     with replacing(f"{directory}/a.npz") as file:
    ...         notes.write(file, {"title": "a"}, {"x": numpy.ones(3)})
    ...     with notes.reading(f"{directory}/a.npz") as (version, about, arrays):
    ...         version, about, arrays["x"].shape
    (1, {'title': 'a'}, (3,))
    """

    name: str
    kind: str
    versions: tuple[int, ...]
    former: str | None = None

    def write(self, file: BinaryIO, about: Any, arrays: Mapping[str, Any]) -> None:
        """Write the arrays by name, and `about`, a value that JSON can represent."""
        arrays = {name: numpy.asarray(array) for name, array in arrays.items()}
        head = {"format": self.name, "version": self.versions[-1], "about": json.dumps(about)}
        numpy.savez(file, **{name: numpy.array(value) for name, value in head.items()}, **arrays)

    @contextlib.contextmanager
    def reading(self, path: str | Path) -> Iterator[tuple[int, Any, Arrays]]:
        """Yield (version, about, arrays) of a file.

        Raises FormatError, and OSError if the system refuses. Inside the block, the error that a missing or malformed part
        raises becomes a DamagedFile.
        """
        with contextlib.ExitStack() as stack:
            try:
                arrays = stack.enter_context(open_arrays(path, _UNPACKING))
            except UNREADABLE as error:
                raise DamagedFile(f"{path} is damaged, or no {self.kind}") from error
            try:
                version = self._version(path, arrays)
                yield version, json.loads(str(arrays.read("about", _TEXT_BYTES))), arrays
            except FormatError:
                raise
            except ArrayError as error:
                raise DamagedFile(f"{path} is damaged: {error}") from error
            except UNREADABLE as error:
                raise DamagedFile(f"{path} is damaged: its parts do not fit together") from error

    def _version(self, path: str | Path, arrays: Arrays) -> int:
        if "format" not in arrays or str(arrays.read("format", _NAME_BYTES)) not in (self.name, self.former):
            raise ForeignFile(f"{path} is not a {self.kind}")
        version = int(arrays.read("version", _NAME_BYTES)[()])
        if version not in self.versions:
            *first, last = map(str, self.versions)
            known = f"versions {', '.join(first)} and {last}" if first else f"version {last}"
            raise OtherVersion(f"{path} has version {version} of the format, and this kaf reads {known}")
        return version
