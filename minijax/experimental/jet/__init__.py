"""Taylor mode: push truncated power series through a program (`jax.experimental.jet`).

A value x(t) = x0 + x1 t + x2 t^2 + ... is a primal x0 and its terms x1, x2, ...; the rule of a primitive makes the terms of
its result. K derivatives along a curve cost about K^2 operations, while nested jvps cost 2^K.

This package is a whole transformation. `trace.py` has a trace and its tracer, as in `transforms/jvp.py`, and the function that
users call. `rules.py`, `functions.py` and `calls.py` have the rules, in a table of their own beside the primitives' rows.
`series.py` has the arithmetic that the rules use. The formulas are those of A. Griewank and A. Walther, "Evaluating
Derivatives" (2nd ed., SIAM 2008), chapter 13. A term may be a symbolic `Zero`, as a tangent may.
"""

from ...foundation.doors import at_the_door
from . import calls as calls  # This import adds the rules of calls to the table.
from .functions import composed as composed
from .functions import integrated as integrated
from .functions import recurrence as recurrence
from .rules import bilinear as bilinear
from .rules import constant as constant
from .rules import jet_rules
from .rules import linear as linear
from .series import convolution as convolution
from .series import difference as difference
from .series import integral as integral
from .series import product as product
from .series import scaled as scaled
from .series import square_term as square_term
from .series import total as total
from .trace import JetTrace, JetTracer, jet

__all__ = ["JetTrace", "JetTracer", "jet", "jet_rules"]

at_the_door(globals())
