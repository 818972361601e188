"""A fixture of pytest: a test that asks for `both` runs once with minijax and once with the installed JAX.

In your `conftest.py`: `pytest_plugins = ["minijax.explain.both"]`. Then

    def test_softplus(both):
        jnp = both.numpy
        assert both.grad(jnp.logaddexp)(0.0, 0.0) == 0.5
"""

from importlib import import_module

import pytest


@pytest.fixture(params=["minijax", "jax"])
def both(request: pytest.FixtureRequest):
    """The library: minijax, then JAX. Raises ImportError where JAX is not installed."""
    return import_module(request.param)


__all__ = ["both"]
