"""Classes of sparse arrays are there, and no sparse array."""

from __future__ import annotations

import numpy as np
import pytest
from jax.experimental import sparse as of_jax

from minijax.experimental import sparse


@pytest.mark.parametrize("name", [name for name in sparse.__all__ if name != "sparsify"])
def test_nobody_makes_one(name):
    assert isinstance(getattr(of_jax, name), type)
    with pytest.raises(NotImplementedError, match=f"{name}: minijax has no sparse arrays"):
        getattr(sparse, name)((np.ones(1), np.zeros((1, 1), int)), shape=(3,))


def test_a_function_of_sparse_arrays_takes_the_others():
    for library in (of_jax, sparse):
        assert library.sparsify(lambda x: x * 2)(np.float32(3)) == 6
