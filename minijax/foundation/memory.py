"""Views of the memory of arrays that nobody can write to: for code that is not ours, and of arrays that are broadcast."""

from __future__ import annotations

import numpy as np


class _Memory:
    """The base of a read-only view: NumPy sees an address here, and no array whose flags a program could change.

    >>> import numpy as np
    >>> view = np.float32([1, 2]).view()
    >>> view.flags.writeable = False
    >>> view.flags.writeable = True  # NumPy allows it, since the base of the view is a writable array.
    >>> read_only(np.float32([1, 2])).flags.writeable = True
    Traceback (most recent call last):
    ValueError: cannot set WRITEABLE flag to True of this array
    """

    __slots__ = ("__array_interface__", "_owner")


def read_only(value: np.ndarray) -> np.ndarray:
    """A view of a NumPy array by which nobody can write to it."""
    memory = _Memory()
    memory._owner = value
    memory.__array_interface__ = interface = value.__array_interface__
    interface["data"] = (interface["data"][0], True)
    # NumPy's interface has no name for the dtypes of ml_dtypes; that of float8_e5m2, "<f1", it refuses.
    if interface["typestr"] == "<f1":
        interface.update(typestr="|V1", descr=[("", "|V1")])
    view = np.asarray(memory)
    return view if view.dtype == value.dtype else view.view(value.dtype)


def broadcast(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The view that `np.broadcast_to` makes, without its checks, which take as long again.

    >>> broadcast(np.arange(2), (3, 2)).strides[0]
    0
    """
    flags = ["multi_index", "refs_ok", "zerosize_ok"]
    return np.nditer((value,), flags, [["readonly"]], itershape=shape, order="C").itviews[0]
