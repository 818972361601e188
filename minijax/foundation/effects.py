"""Effects: actions of an equation besides computing its results, such as printing or calling Python.

Dead code elimination never drops an equation with effects, even if nobody reads its results.
"""

from __future__ import annotations


class Effect:
    """One kind of effect. `ordered`: effects of this kind happen in the program's order. On NumPy, all effects do.

    A library declares its own kinds as subclasses, and makes them without arguments (`jax.extend.core.Effect`).

    >>> class Writes(Effect): ...
    >>> Writes()
    Writes
    """

    __slots__ = ("name", "ordered")

    def __init__(self, name: str = "", ordered: bool = False):
        self.name = name or type(self).__name__
        self.ordered = ordered

    def __repr__(self) -> str:
        return self.name


class DebugEffect(Effect):
    """The effect of `debug.print` and `debug.callback`."""

    __slots__ = ()

    def __init__(self):
        super().__init__("Debug", False)


class OrderedDebugEffect(Effect):
    """The effect of `debug.print` and `debug.callback` with ordered=True."""

    __slots__ = ()

    def __init__(self):
        super().__init__("OrderedDebug", True)


Effects = frozenset[Effect]
no_effects: Effects = frozenset()
debug_effect = DebugEffect()
ordered_debug_effect = OrderedDebugEffect()
io_effect = Effect("IO", False)
ordered_io_effect = Effect("OrderedIO", True)
# The effect of `lax.dce_sink`.
no_dce_effect = Effect("NoDCE", False)
