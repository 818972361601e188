"""Page 5: why no second table of rules?"""

import numpy as np

import minijax.numpy as jnp
from minijax.course.tiny import Var
from minijax.extend.core import Primitive

# Exercise 1: the transpose of roll.
#
# roll moves each element `shift` places to the right, round the end: roll([1,
# 2, 3], shift=1) is [3, 1, 2]. It is linear, so that its jvp rule is roll of
# the tangent. The transpose rule gets the cotangent of the result, and returns
# a list with the cotangent of the argument. Where does the cotangent of the
# element at place i come from?
roll_p = Primitive("my_roll")
roll_p.def_impl(lambda x, shift: np.roll(x, shift))
roll_p.def_abstract_eval(lambda x, shift: x)
roll_p.jvp = lambda primals, tangents, shift: (
    roll_p.bind(*primals, shift=shift),
    roll_p.bind(*tangents, shift=shift),
)


def roll_transpose(ct, x, shift):
    #: begin
    return [roll_p.bind(ct, shift=-shift)]
    #: end


roll_p.transpose = roll_transpose


def roll(x, shift):
    return roll_p.bind(jnp.asarray(x), shift=shift)


# Exercise 2: two inks.
#
# `split(program, unknown)` returns two lists of the program's equations (of
# tiny), in order: those that can be computed now, and those that depend on an
# unknown. `unknown` is the set of those of program.args that have no value
# yet.


def split(program, unknown):
    #: begin
    unknown, now, later = set(unknown), [], []
    for equation in program.equations:
        if any(x in unknown for x in equation.args if isinstance(x, Var)):
            later.append(equation)
            unknown.add(equation.out)
        else:
            now.append(equation)
    return now, later
    #: end
