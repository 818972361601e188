"""A gather of whole windows along one axis is `np.take`: the same values as by arrays of positions."""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np
import pytest

from minijax import lax
from minijax.primitives import indexing

MODES = (
    lax.GatherScatterMode.CLIP,
    lax.GatherScatterMode.FILL_OR_DROP,
    lax.GatherScatterMode.PROMISE_IN_BOUNDS,
)
SHAPES = [(3,), (3, 2), (2, 3, 4)]
CASES = [
    (shape, axis, collapsed, batch, offset)
    for shape in SHAPES
    for axis in range(len(shape))
    for collapsed in (False, True)
    for batch in ((), (1,), (4,), (0,), (2, 2))
    for offset in ("first", "last", "apart")
]


def numbers(shape, axis, collapsed, batch, offset):
    """Dimension numbers whose windows come first or last in the result, or on both sides of the batch."""
    window = len(shape) - collapsed
    ndim = window + len(batch)
    places = {
        "first": range(window),
        "last": range(len(batch), ndim),
        "apart": [*range(window // 2), *range(window // 2 + len(batch), ndim)],
    }
    return lax.GatherDimensionNumbers(tuple(places[offset]), (axis,) * collapsed, (axis,))


@pytest.mark.parametrize("shape, axis, collapsed, batch, offset", CASES)
@pytest.mark.one_in(9)
def test_whole_windows_are_taken(shape, axis, collapsed, batch, offset, monkeypatch):
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    sizes = tuple(1 if d == axis else n for d, n in enumerate(shape))
    dnums = numbers(shape, axis, collapsed, batch, offset)
    n = shape[axis]
    places = {"int32": (n, -1, 0, n - 1, 2**31 - 1, -(2**31)), "uint8": (n, 0, n - 1, 255)}
    for (dtype, some), mode, fill in product(places.items(), MODES, (None, 7.0)):
        indices = np.resize(np.array(some), (*batch, 1)).astype(dtype)
        args = (x, indices, (*dnums,), sizes, mode, lambda fill=fill: np.float32(np.nan if fill is None else fill))
        assert indexing.whole_windows(*args) is not None
        gather = partial(lax.gather, x, indices, dnums, sizes, mode=mode, fill_value=fill)
        quick = gather()
        with monkeypatch.context() as patch:
            patch.setattr(indexing, "whole_windows", lambda *args: None)
            plain = gather()
        np.testing.assert_array_equal(quick, plain)
        assert quick.shape == plain.shape and quick.dtype == plain.dtype


@pytest.mark.parametrize(
    "shape, sizes, dnums",
    [
        ((3, 2), (1, 1), lax.GatherDimensionNumbers((), (0, 1), (0, 1))),
        ((3, 2), (1, 1), lax.GatherDimensionNumbers((1,), (0,), (0,))),
        ((3, 2), (2, 2), lax.GatherDimensionNumbers((1, 2), (), (0,))),
        ((3, 1), (1, 1), lax.GatherDimensionNumbers((), (0, 1), (0,))),
        ((3, 2), (1, 2), lax.GatherDimensionNumbers((1,), (0,), (0,))),
    ],
    ids=["two axes", "parts of rows", "pairs of rows", "two axes leave", "rows"],
)
def test_other_windows_are_not(shape, sizes, dnums):
    x, indices = np.zeros(shape, np.float32), np.zeros((4, len(dnums.start_index_map)), np.int32)
    found = indexing.whole_windows(x, indices, (*dnums,), sizes, MODES[0], None)
    assert (found is not None) == (sizes == (1, 2))
