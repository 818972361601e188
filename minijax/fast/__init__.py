"""What is there for speed alone. minijax computes the same, and prints the same, without this folder.

Each file has ROUTES: functions for places that `core/shortcuts.py` names.

    evaluation.py    elementwise operations without abstract evaluation; NumPy silenced once for a transformation
    recipes.py       what the rules do with one operation, remembered
    recognition.py   a call of a jitted function that is like the last one
    promotion.py     `x + y` and `jnp.sin(x)` where promotion has nothing to do
    buffers.py       memory that a compiled program keeps from call to call
    heap.py          memory of freed arrays stays with the process; it has no routes
"""

from ..api.jit import clear_caches
from ..core import shortcuts
from ..core.traces import Array
from ..foundation.config import config
from ..numpy import operators
from . import buffers, evaluation, heap, promotion, recipes, recognition

ROUTES = {
    **buffers.ROUTES,
    **evaluation.ROUTES,
    **promotion.ROUTES,
    **recipes.ROUTES,
    **recognition.ROUTES,
}


def switch(on: bool):
    """Put the routes in their places, or the plain functions. Programs that were compiled before are forgotten."""
    for place, route in ROUTES.items():
        shortcuts.install(place, route if on else shortcuts.plain(place))
    operators.install(Array)
    clear_caches()
    if on:
        heap.keep_freed_memory()


config.on_update("minijax_fast", switch)
