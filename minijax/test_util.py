"""Checks of derivatives against differences (`jax.test_util`). They are defined in `api/derivative_checks.py`.

>>> from minijax.test_util import check_grads
>>> check_grads(lambda x: x**3, (2.0,), order=2)
"""

from .api.derivative_checks import check_grads, check_jvp, check_vjp

__all__ = ["check_grads", "check_jvp", "check_vjp"]
