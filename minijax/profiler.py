"""Names for what a profiler shows (`jax.profiler`). They are defined in `api/names.py`."""

from .api.names import StepTraceAnnotation, TraceAnnotation, annotate_function
from .foundation.doors import at_the_door

__all__ = ["StepTraceAnnotation", "TraceAnnotation", "annotate_function"]

at_the_door(globals())
