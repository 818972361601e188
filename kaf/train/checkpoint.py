"""Checkpoints: the state of a training between two steps, in one file. The file is replaced atomically and never unpickled."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy

from .files import ForeignFile, Format, FormatError, Peeked, replacing, shown

FORMAT = Format("kaf-checkpoint", "checkpoint of kaf", versions=(1,))


class CheckpointError(FormatError):
    """A checkpoint cannot be read, or belongs to another training. The message says which, and what to do."""


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written this time; the training continues."""


@dataclass(frozen=True)
class Checkpoint:
    """Where the checkpoint of a training is, and how often it is written.

    path     of the file; if the file exists, `fit` continues from it
    every    seconds between two writings; the file is also written at the start, at the end, and on Ctrl-C
    about    settings of the calling program, a dict that JSON can represent; they are written to the file, and a training
             continues only if they are the same
    """

    path: str | Path
    every: float = 10.0
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Saved:
    """The content of a checkpoint.

    state, settings   dicts that JSON can represent
    trees             lists of leaves, by name
    arrays            arrays, by name

    In an open file (see `reading`), leaves and arrays are `Peeked`: they have a shape and a dtype, and are read by `read`.
    """

    state: dict[str, Any]
    settings: dict[str, Any]
    trees: dict[str, list[Any]]
    arrays: dict[str, Any]


def write(path: str | Path, saved: Saved) -> None:
    """Write `saved` to the file. The former file stays until the new one is complete. Raises OSError if the system refuses.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     write(f"{directory}/c.npz", Saved({"epoch": 3}, {}, {"values": [numpy.ones(2)]}, {}))
    ...     with reading(f"{directory}/c.npz") as saved:
    ...         saved.state, saved.trees["values"][0].read()
    ({'epoch': 3}, array([1., 1.]))
    """
    about = {
        "state": saved.state,
        "settings": saved.settings,
        "trees": {name: len(leaves) for name, leaves in saved.trees.items()},
        "arrays": list(saved.arrays),
    }
    arrays = {f"array_{name}": array for name, array in saved.arrays.items()}
    for name, leaves in saved.trees.items():
        arrays |= {f"tree_{name}_{i}": leaf for i, leaf in enumerate(leaves)}
    with replacing(path) as file:
        FORMAT.write(file, about, arrays)


@contextlib.contextmanager
def reading(path: str | Path) -> Iterator[Saved]:
    """Yield the content that `write` wrote to the file. No array is read before the program has seen its shape.

    Raises CheckpointError for a file that is damaged or of another kind, also where the block finds that its parts do not fit
    together, and OSError if the system refuses.
    """
    try:
        with FORMAT.reading(path) as (_, about, fields):
            trees = {name: [fields.peek(f"tree_{name}_{i}") for i in range(n)] for name, n in about["trees"].items()}
            arrays = {name: fields.peek(f"array_{name}") for name in about["arrays"]}
            for part in ("state", "settings"):
                if not isinstance(about[part], dict):
                    raise ValueError(f"{part} is not a dict")
            yield Saved(about["state"], about["settings"], trees, arrays)
    except CheckpointError:
        raise
    except ForeignFile as error:
        raise CheckpointError(f"{error}. Give another file for the checkpoint.") from error
    except FormatError as error:
        raise CheckpointError(f"{error}. Remove the file to start anew.") from error


def warn_unless_written(path: str | Path, write: Callable[[], None]) -> None:
    """Call `write`, which writes a checkpoint. If the system refuses, only a CheckpointWarning is given.

    A full disk must not end a training of hours. It may have room again at the next writing.
    """
    try:
        write()
    except OSError as error:
        text = f"{path} could not be written ({error.strerror}); the training continues,"
        warnings.warn(f"{text} and the former checkpoint stays", CheckpointWarning, stacklevel=3)


def require_same(path: str | Path, saved: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise CheckpointError unless the settings in a file equal the settings `now`. The error names those that differ.

    >>> require_same("c.npz", {"seed": 1}, {"seed": 2})
    Traceback (most recent call last):
    kaf.train.checkpoint.CheckpointError: c.npz belongs to another training: seed was 1 and is 2. Give ...
    """
    now = json.loads(json.dumps(now))  # JSON turns tuples into lists.
    names = [name for name in {**saved, **now} if saved.get(name) != now.get(name)]
    if names:
        # Shortened, because the file may have been edited.
        listed = ", ".join(
            f"{shown(name)} was {shown(str(saved.get(name)))} and is {shown(str(now.get(name)))}" for name in names
        )
        raise CheckpointError(
            f"{path} belongs to another training: {listed}. Give the same settings, or remove the file to start anew."
        )


def restored(path: str | Path, name: str, leaves: list[Peeked], like: list[Any]) -> list[numpy.ndarray]:
    """The leaves from an open file. They are read only if they have the shapes and dtypes of `like`; else CheckpointError."""
    if len(leaves) != len(like) or not all(map(_fits, leaves, like)):
        raise CheckpointError(
            f"{path} belongs to another training: its {name} have other shapes than the given ones. "
            "Give the same model and optimizer, or remove the file to start anew."
        )
    found = [leaf.read() for leaf in leaves]
    return [leaf if leaf.dtype == a.dtype else leaf.view(a.dtype) for leaf, a in zip(found, like, strict=True)]


def _fits(leaf: Peeked, like: Any) -> bool:
    # bfloat16 and similar dtypes are not NumPy's own, and NumPy's files hold their values as plain bytes, of dtype "V2".
    same_dtype = leaf.dtype == like.dtype or leaf.dtype == f"V{numpy.dtype(like.dtype).itemsize}"
    return leaf.shape == tuple(like.shape) and same_dtype


def digest(*arrays: numpy.ndarray) -> str:
    """A fingerprint of the values, the shapes and the dtypes.

    >>> digest(numpy.zeros(3)) == digest(numpy.zeros(3)), digest(numpy.zeros(3)) == digest(numpy.zeros((3, 1)))
    (True, False)
    """
    found = hashlib.blake2b(digest_size=8)
    for array in arrays:
        found.update(f"{array.shape} {array.dtype}".encode())
        found.update(numpy.ascontiguousarray(array).view(numpy.uint8) if array.size else b"")
    return found.hexdigest()


class Kept:
    """A training that writes its moments to `checkpoint`, if there is one, by its own `_write`; the last time at `written`."""

    checkpoint: Checkpoint | None
    written: float

    _write: Callable[[], None]

    def _write_if_due(self) -> None:
        if self.checkpoint is not None and time.perf_counter() - self.written >= self.checkpoint.every:
            self._try_to_write()
            self.written = time.perf_counter()

    def _try_to_write(self) -> None:
        if self.checkpoint is not None:
            warn_unless_written(self.checkpoint.path, self._write)
