"""Numbers and changes in words, for the terminal and the page."""

from __future__ import annotations

from collections.abc import Sequence

from .model import Equation

UNITS = ("B", "kB", "MB", "GB", "TB")


def short_number(n: float) -> str:
    """Three digits and a letter: 1200 is 1.2k."""
    n, letter = _scaled(n, ("", "k", "M", "G", "T"))
    return f"{n:.0f}{letter}" if n == int(n) or abs(n) >= 100 else f"{n:.3g}{letter}"


def bytes_text(n: float) -> str:
    """A number of bytes in the unit that suits it: 1,234 bytes are 1.23 kB."""
    n, unit = _scaled(n, UNITS)
    return f"{n:.0f} {unit}" if unit == "B" or abs(n) >= 100 else f"{n:.3g} {unit}"


def _scaled(n: float, units: Sequence[str]) -> tuple[float, str]:
    """The number in the first unit in which it is below 1000, each unit being 1000 of the one before, and that unit."""
    for unit in units[:-1]:
        if abs(n) < 1000:
            return n, unit
        n /= 1000
    return n, units[-1]


def counted_text(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


# What each pass does, and why an equation goes.
PASSES = {
    "lowerings": (
        "Functions stand for the primitives that are lowered to them",
        "the function that it is lowered to stands here",
    ),
    "one_condition": (
        "Loops of batches run until the last example is done",
        "one loop for all examples does its work",
    ),
    "plain_products": ("Products by an algorithm are products of casts", "a product of casts does its work"),
    "inner_programs": ("Programs within equations go through all passes", "its program went through all passes"),
    "dead_code": ("Equations that no result needs go", "no result needs it"),
    "fold_constants": ("Scalars that depend on numbers alone become numbers", "it depends on numbers alone"),
    "identities": ("Operations that return their operand go", "it returns its operand, or an equation does its work"),
    "fuse_broadcasts": ("Broadcasts go where NumPy spreads operands itself", "NumPy spreads the operand itself"),
    "common_subexpressions": ("Equal equations become one", "an equal equation computes the same"),
    "contractions": ("Sums of products become matrix products", "a matrix product does its work"),
    "shared_reshapes": ("Equal reshapes become one", "an equal reshape is there"),
}


def pass_change(name: str, gone: int, new: int, changed: int) -> str:
    does = PASSES[name][0] if name in PASSES else name
    if not (gone or new or changed):
        return "Nothing changed."
    parts = [f"{n} {what}" for n, what in ((gone, "removed"), (new, "new"), (changed, "rewritten")) if n]
    return f"{does}: {', '.join(parts)}."


def reason(name: str, instead: Equation | None) -> str:
    """Why a pass removed an equation."""
    why = PASSES[name][1] if name in PASSES else "the pass needs it no longer"
    if instead is None:
        return f"{name.replace('_', ' ')}: {why}"
    return f"{name.replace('_', ' ')}: {why} (see {', '.join(instead.names)} = {instead.primitive})"
