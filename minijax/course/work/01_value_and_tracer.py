"""Page 1: who calls my function?"""

from minijax.course.tiny import Trace, now, under


# Exercise 1: a trace that counts.
#
# `count(f, *args)` returns (f(*args), {name of an operation: how often it
# ran}). Each operation that comes through `bind` is counted, and computed by
# the trace that was there before. `under` and `now` are those of the page.
class Counting(Trace):
    def __init__(self, parent):
        super().__init__(parent)
        self.counts = {}

    def process(self, name, args, params):
        #: begin
        self.counts[name] = self.counts.get(name, 0) + 1
        return self.parent.process(name, args, params)
        #: end


def count(f, *args):
    trace = Counting(now())
    return under(trace, f, *args), trace.counts


# Exercise 2: how often does it run?
#
# f prints once each time that Python runs it. How often does it print in each
# program? All x are float32 numbers such as 0.5, xs is an array of three of
# them. Write numbers in the place of None.
#: begin
runs = {
    "jax.grad(f)(x)": 1,
    "jax.vmap(f)(xs)": 1,
    "[f(x) for x in xs]": 3,
    "g = jax.jit(f); g(0.5); g(0.7)": 1,
    "g = jax.jit(f); g(0.5); g(xs)": 2,
    "jax.vmap(jax.grad(f))(xs)": 1,
}
#: instead
# runs = {
#     "jax.grad(f)(x)": None,
#     "jax.vmap(f)(xs)": None,
#     "[f(x) for x in xs]": None,
#     "g = jax.jit(f); g(0.5); g(0.7)": None,
#     "g = jax.jit(f); g(0.5); g(xs)": None,
#     "jax.vmap(jax.grad(f))(xs)": None,
# }
#: end
