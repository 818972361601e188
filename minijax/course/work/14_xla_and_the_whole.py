"""Page 14: who runs it?"""

import minijax as jax
from minijax.course.tiny import (
    Trace,
    Tracer,
    add,
    bind,
    exp,
    mine,
    mul,
    now,
    under,
)

# Exercise 1: Taylor mode.
#
# x(t) = x0 + x1 t + x2 t^2 + ... is a list of terms [x0, x1, ..., xK].
# `taylor(f, terms)` returns the list of terms of f(x(t)), also of length K +
# 1. The trace and its tracer are there. Write the rules of mul and exp, which
# get lists of terms and return one. The page has the formulas. Use add, mul
# and exp of tiny, so that other transformations can transform yours.


class TaylorTracer(Tracer):
    def __init__(self, trace, terms):
        super().__init__(trace)
        self.terms = terms


class TaylorTrace(Trace):
    def __init__(self, parent, order):
        super().__init__(parent)
        self.order = order

    def split(self, x):
        return x.terms if mine(self, x) else [x] + [0.0] * self.order

    def process(self, name, args, params):
        if not any(mine(self, x) for x in args):
            return self.parent.process(name, args, params)
        lists = [self.split(x) for x in args]
        if name in rules:
            out = under(self.parent, lambda: rules[name](*lists))
        else:  # linear: it acts on each term
            out = under(
                self.parent,
                lambda: [bind(name, *terms, **params) for terms in zip(*lists)],
            )
        return TaylorTracer(self, out)


def mul_rule(x, y):
    #: begin
    out = []
    for k in range(len(x)):
        term = mul(x[0], y[k])
        for j in range(1, k + 1):
            term = add(term, mul(x[j], y[k - j]))
        out.append(term)
    return out
    #: end


def exp_rule(x):
    #: begin
    y = [exp(x[0])]
    for k in range(1, len(x)):
        term = 0.0
        for j in range(1, k + 1):
            term = add(term, mul(float(j), mul(x[j], y[k - j])))
        y.append(mul(1 / k, term))
    return y
    #: end


rules = {"mul": mul_rule, "exp": exp_rule}


def taylor(f, terms):
    trace = TaylorTrace(now(), len(terms) - 1)
    return trace.split(under(trace, f, TaylorTracer(trace, list(terms))))


# Exercise 2: the optimistic step.
#
# Two players: x, a tree, lowers f(x, y), and y, a tree, raises it. `before` is
# the pair of gradients of the step before. Return ((x, y), gradients): the new
# players, and the pair of gradients of f at the old ones. x goes 2 * rate
# times its gradient down, and takes rate times the gradient before back; y
# does the same upwards. Both move at the same time.


def step(f, x, y, before, rate):
    #: begin
    now = jax.grad(f, argnums=(0, 1))(x, y)

    def moved(sign, player, slope, old):
        return player + sign * rate * (2 * slope - old)

    x = jax.tree.map(lambda *a: moved(-1, *a), x, now[0], before[0])
    y = jax.tree.map(lambda *a: moved(1, *a), y, now[1], before[1])
    return (x, y), now
    #: end
