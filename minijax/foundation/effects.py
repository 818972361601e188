"""Effects: what an equation does besides computing its results. Printing, calling back into Python.

An equation with effects is never dropped as dead code, even where nobody reads its results.
"""

from __future__ import annotations


class Effect:
    """One kind of effect. `ordered`: those of the kind happen in the program's order; all do, on NumPy."""

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
