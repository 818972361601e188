"""Dtypes, their promotion and their extensions (`jax.dtypes`). They are defined in `foundation/dtypes.py`."""

from .foundation.doors import at_the_door
from .foundation.dtypes import (
    PRNGKeyDtype,
    TypePromotionError,
    as_dtype,
    bfloat16,
    canonicalize_dtype,
    extended,
    finfo,
    float0,
    iinfo,
    issubdtype,
    itemsize_bits,
    prng_key,
    promote_types,
    result_type,
    scalar_type_of,
)

__all__ = [
    "PRNGKeyDtype",
    "TypePromotionError",
    "as_dtype",
    "bfloat16",
    "canonicalize_dtype",
    "extended",
    "finfo",
    "float0",
    "iinfo",
    "issubdtype",
    "itemsize_bits",
    "prng_key",
    "promote_types",
    "result_type",
    "scalar_type_of",
]

at_the_door(globals())
