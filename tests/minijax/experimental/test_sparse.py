"""Classes of sparse arrays are there, and no sparse array."""

from __future__ import annotations

import numpy as np
import pytest
from jax.experimental import sparse as of_jax

from minijax.experimental import sparse


@pytest.mark.parametrize("name", sparse.__all__)
def test_nobody_makes_one(name):
    assert isinstance(getattr(of_jax, name), type)
    with pytest.raises(NotImplementedError, match=f"{name}: minijax has no sparse arrays"):
        getattr(sparse, name)((np.ones(1), np.zeros((1, 1), int)), shape=(3,))
