"""`minijax.numpy`: NumPy's functions on arrays and tracers, with JAX's names, dtypes and behaviour (`jax.numpy`)."""

from . import operators as operators
from . import ufuncs as ufuncs
