"""The way back over the equations of a tangent program."""

from __future__ import annotations

import numpy as np
import pytest

import minijax.numpy as jnp
from minijax.transforms.linearize import linearize_flat
from minijax.transforms.transpose import transpose_eqns


@pytest.mark.parametrize("forget", [False, True])
def test_residuals_are_let_go_of_on_the_way_or_kept(forget, monkeypatch):
    """With `forget` a residual goes when the last equation that reads it is transposed: `grad` holds less and less memory."""
    x = jnp.arange(3.0)
    _, _, jaxpr, residuals = linearize_flat(lambda x: [jnp.sin(jnp.exp(x) * jnp.tanh(x))], [x], [True])
    values, held = dict(zip(jaxpr.constvars, residuals, strict=True)), []
    plain = transpose_eqns.__globals__["transpose_eqn"]

    def watched(eqn, values, pending):
        held.append(len(values))
        return plain(eqn, values, pending)

    monkeypatch.setitem(transpose_eqns.__globals__, "transpose_eqn", watched)
    transpose_eqns(jaxpr.eqns, values, jaxpr.invars, jaxpr.outvars, [np.ones(3, np.float32)], forget=forget)
    held.append(len(values))
    assert len(residuals) > 2 and held[0] == len(residuals)
    assert held[-1] == (0 if forget else len(residuals)) and held == sorted(held, reverse=True)
