"""Numbers with their derivatives: an algorithm that is written for numbers computes, on jets, its derivatives by parameters too.

A jet is a function's value with its derivatives by two directions s and t: (f, f_s, f_t, f_st), where None stands for zero. The
rules of sums, products and quotients carry them along, as forward mode does, but within one algorithm, whose loops end when all
parts have settled.
"""

from __future__ import annotations

from typing import Any

from .algorithms import absolute


def _plus(*terms):
    """The sum of those terms that are not None."""
    total = None
    for term in terms:
        if term is not None:
            total = term if total is None else total + term
    return total


def _times(x, y):
    return None if x is None or y is None else x * y


def _minus(x, *terms):
    for term in terms:
        if term is not None:
            x = -term if x is None else x - term
    return x


class Jet:
    """A number, float64 or an array of it, with derivatives by two directions."""

    __slots__ = ("parts",)
    # An array of NumPy leaves `array * jet` to the jet, in place of an array of jets.
    __array_ufunc__ = None

    def __init__(self, value: Any, by_s: Any = None, by_t: Any = None, by_both: Any = None):
        self.parts = value, by_s, by_t, by_both

    def __add__(self, other):
        return Jet(*map(_plus, self.parts, jet(other).parts))

    def __sub__(self, other):
        return Jet(*map(_minus, self.parts, jet(other).parts))

    def __rsub__(self, other):
        return jet(other) - self

    def __neg__(self):
        return Jet(*[None if x is None else -x for x in self.parts])

    def __mul__(self, other):
        (f, fs, ft, fst), (g, gs, gt, gst) = self.parts, jet(other).parts
        return Jet(
            f * g,
            _plus(_times(fs, g), _times(f, gs)),
            _plus(_times(ft, g), _times(f, gt)),
            _plus(_times(fst, g), _times(fs, gt), _times(ft, gs), _times(f, gst)),
        )

    def __truediv__(self, other):
        (f, fs, ft, fst), (g, gs, gt, gst) = self.parts, jet(other).parts
        over = lambda x: None if x is None else x / g
        q = f / g
        by_s, by_t = over(_minus(fs, _times(q, gs))), over(_minus(ft, _times(q, gt)))
        return Jet(q, by_s, by_t, over(_minus(fst, _times(by_s, gt), _times(by_t, gs), _times(q, gst))))

    __radd__, __rmul__ = __add__, __mul__

    def __rtruediv__(self, other):
        return jet(other) / self


def jet(x: Any) -> Jet:
    """A number as a jet without derivatives; a jet as it is."""
    return x if isinstance(x, Jet) else Jet(x)


def value(x: Any):
    """The number alone."""
    return jet(x).parts[0]


def where(ops, condition, x, y) -> Jet:
    """x where the condition holds, else y, with their derivatives."""
    x, y = jet(x).parts, jet(y).parts
    zero = ops.full(x[0], 0.0)
    filled = lambda part: zero if part is None else part
    pairs = [None if a is b is None else ops.where(condition, filled(a), filled(b)) for a, b in zip(x[1:], y[1:])]
    return Jet(ops.where(condition, x[0], y[0]), *pairs)


def exp(ops, x: Any) -> Jet:
    f, by_s, by_t, by_both = jet(x).parts
    e = ops.exp(f)
    return Jet(e, _times(e, by_s), _times(e, by_t), _times(e, _plus(by_both, _times(by_s, by_t))))


def log(ops, x: Any) -> Jet:
    f, by_s, by_t, by_both = jet(x).parts
    over = lambda part: None if part is None else part / f
    return Jet(ops.log(f), over(by_s), over(by_t), _minus(over(by_both), _times(over(by_s), over(by_t))))


def seeded(ops, numbers, s: int | None, t: int | None) -> list[Jet]:
    """The numbers as jets whose directions are the s-th and the t-th of them."""
    one = ops.full(numbers[0], 1.0)
    return [Jet(x, one if i == s else None, one if i == t else None) for i, x in enumerate(numbers)]


def parts(x: Any) -> list:
    """The number and those derivatives that are not zero."""
    return [part for part in jet(x).parts if part is not None]


def counts(ops, term: Any, total: Any):
    """Whether some part of a term is more than a rounding of this part of the sum."""
    found = None
    for part, whole in zip(parts(term), parts(total), strict=True):
        more = absolute(ops, part) > ops.eps * absolute(ops, whole)
        found = more if found is None else found | more
    return found


def loop(ops, going, step, given, state) -> list:
    """The loop of `ops` over numbers and jets. Jets of the state get all directions that some number has."""
    s, t = (any(isinstance(x, Jet) and x.parts[i] is not None for x in (*given, *state)) for i in (1, 2))
    wanted = True, s, t, s and t

    def filled(x):
        """A jet with zeros for those of the wanted parts that are None."""
        pairs = zip(jet(x).parts, wanted)
        return Jet(*[ops.full(value(x), 0.0) if part is None and needed else part for part, needed in pairs])

    def alike(numbers):
        """The numbers of a state, with the same jets of the same parts at each step."""
        return [filled(x) if isinstance(old, Jet) else x for x, old in zip(numbers, state, strict=True)]

    start = [*given, *alike(state)]

    def rebuilt(flat):
        numbers, flat = [], iter(flat)
        for x in start:
            found = [None if part is None else next(flat) for part in jet(x).parts]
            numbers.append(Jet(*found) if isinstance(x, Jet) else found[0])
        return numbers

    def flat(numbers):
        return [part for x in numbers for part in parts(x)]

    count = len(given)
    found = ops.loop(
        lambda *numbers: going(*rebuilt(numbers)),
        lambda *numbers: flat(alike(step(*rebuilt(numbers)))),
        flat(given),
        flat(start[count:]),
    )
    return rebuilt([*flat(given), *found])[count:]
