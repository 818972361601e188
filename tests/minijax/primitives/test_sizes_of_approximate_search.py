"""`reduction_input_size_override` of approx_max_k and approx_min_k: refused where XLA refuses it."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import minijax as mj


def outcome(lib, name: str, jitted: bool, size: int, override, aggregate: bool):
    def call(x):
        return getattr(lib.lax, name)(x, 1, reduction_input_size_override=override, aggregate_to_topk=aggregate)[0]

    try:
        return np.asarray((lib.jit(call) if jitted else call)(lib.numpy.arange(float(size)))).tolist()
    except Exception as error:
        return next(kind for kind in (TypeError, RuntimeError, Exception) if isinstance(error, kind))


@pytest.mark.parametrize("aggregate", [True, False])
@pytest.mark.parametrize("name", ["approx_max_k", "approx_min_k"])
def test_override(name, aggregate):
    for override in (-2, -1, 0, 1, 3, 5, 100, 1.5, 7.5):
        for size in (1, 5):
            for jitted in (False, True):
                case = name, jitted, size, override, aggregate
                assert outcome(mj, *case) == outcome(jax, *case), case
