"""Effects: actions of an equation besides computing its results, such as printing or calling Python.

Dead code elimination never drops an equation with effects, even if nobody reads its results.
"""

from __future__ import annotations


class Effect:
    """One kind of effect. `ordered`: effects of this kind happen in the program's order. On NumPy, all effects do."""

    __slots__ = ("name", "ordered")

    def __init__(self, name: str, ordered: bool):
        self.name = name
        self.ordered = ordered

    def __repr__(self) -> str:
        return self.name


Effects = frozenset[Effect]
no_effects: Effects = frozenset()
debug_effect = Effect("Debug", False)
ordered_debug_effect = Effect("OrderedDebug", True)
io_effect = Effect("IO", False)
ordered_io_effect = Effect("OrderedIO", True)
