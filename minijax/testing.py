"""Tests for what you add to minijax (no module of JAX): `check_rules` puts a primitive to every law, `check_same` compares a
function with itself on the installed JAX.

>>> import minijax as jax
>>> jax.testing.check_rules(jax.extend.core.primitives.sin_p, 0.5)
sin: abstract_eval is ok
sin: impl is ok
sin: jvp is ok
sin: transpose is absent: it is not linear: reverse mode transposes only what its jvp rule computes with tangents
sin: batch is ok
sin: program is ok
"""

from .explain.laws import Finding, Report, check_rules
from .explain.same import Comparison, Difference, check_same
from .foundation.doors import at_the_door

__all__ = ["Comparison", "Difference", "Finding", "Report", "check_rules", "check_same"]

at_the_door(globals())
