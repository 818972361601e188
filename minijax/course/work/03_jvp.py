"""Page 3: how does a tangent travel?"""

import itertools

import numpy as np

from minijax.course.tiny import add, bind, compute, jvps, mul, neg

# Exercise 1: the rule of division.
#
# `compute` has the operation, `jvps` lacks its rule. A rule gets the primals x
# = (x[0], x[1]) and the tangents t = (t[0], t[1]), and returns the tangent of
# x[0] / x[1]. Write it with add, mul, neg and div.
compute["div"] = np.divide


def div(x, y):
    return bind("div", x, y)


def div_rule(x, t):
    #: begin
    by_numerator = div(t[0], x[1])
    by_denominator = div(mul(x[0], t[1]), mul(x[1], x[1]))
    return add(by_numerator, neg(by_denominator))
    #: end


jvps["div"] = div_rule

# Exercise 2: perturbation confusion, mended.
#
# Each derivative has a tag, and a Dual knows to which derivative its tangent
# belongs. `+` and `*` work for the derivative that was begun last. `split` is
# to return (primal, tangent) as that derivative sees x. It is wrong: mend it.
tags = itertools.count()


def split(tag, x):
    #: begin
    if isinstance(x, Dual) and x.tag == tag:
        return x.primal, x.tangent
    return x, 0.0
    #: instead
    # if isinstance(x, Dual):
    #     return x.primal, x.tangent
    # return x, 0.0
    #: end


class Dual:
    def __init__(self, tag, primal, tangent):
        self.tag, self.primal, self.tangent = tag, primal, tangent

    def both(self, other):
        tag = max(x.tag for x in (self, other) if isinstance(x, Dual))
        return tag, *split(tag, self), *split(tag, other)

    def __add__(self, other):
        tag, x, s, y, t = self.both(other)
        return Dual(tag, x + y, s + t)

    def __mul__(self, other):
        tag, x, s, y, t = self.both(other)
        return Dual(tag, x * y, s * y + x * t)

    __radd__, __rmul__ = __add__, __mul__


def slope(f, x):
    tag = next(tags)
    return split(tag, f(Dual(tag, x, 1.0)))[1]
