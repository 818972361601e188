"""Special functions that NumPy lacks, in NumPy: erf, erfc, erf_inv."""

from __future__ import annotations

import math

import numpy as np

_erf64 = np.frompyfunc(math.erf, 1, 1)
_erfc64 = np.frompyfunc(math.erfc, 1, 1)


def erf(x):
    """The error function, correctly rounded from float64."""
    return np.asarray(_erf64(x.astype(np.float64)), np.float64).astype(x.dtype)


def erfc(x):
    """The complementary error function, correctly rounded from float64."""
    return np.asarray(_erfc64(x.astype(np.float64)), np.float64).astype(x.dtype)


def erf_inv(x):
    raise RuntimeError("not yet")
