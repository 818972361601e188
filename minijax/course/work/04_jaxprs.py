"""Page 4: how is code written down?"""

from minijax.course.tiny import Program, Var
from minijax.extend.core import Literal

# Exercise 1: an interpreter that counts.
#
# `interpret(closed_jaxpr, args, counts)` returns the results of a jaxpr as a
# list, and adds to the dict `counts` how often each primitive ran. A jit is an
# equation that carries a closed jaxpr, eqn.params["jaxpr"]: count what runs
# within it, and not the jit. An equation has .invars, .outvars, .primitive
# (with .name, .bind and .multiple_results) and .params.


def interpret(closed_jaxpr, args, counts):
    jaxpr = closed_jaxpr.jaxpr
    values = dict(zip(jaxpr.invars, args))
    #: begin
    values.update(zip(jaxpr.constvars, closed_jaxpr.consts))
    #: end

    def read(v):
        return v.val if isinstance(v, Literal) else values[v]

    for eqn in jaxpr.eqns:
        operands = [read(v) for v in eqn.invars]
        #: begin
        if "jaxpr" in eqn.params:
            outs = interpret(eqn.params["jaxpr"], operands, counts)
        else:
            name = eqn.primitive.name
            counts[name] = counts.get(name, 0) + 1
            out = eqn.primitive.bind(*operands, **eqn.params)
            outs = out if eqn.primitive.multiple_results else [out]
        #: instead
        # outs = []
        #: end
        values.update(zip(eqn.outvars, outs))
    return [read(v) for v in jaxpr.outvars]


# Exercise 2: dead code.
#
# `prune(program)` returns a Program (of tiny) without the equations whose
# value the result does not need, not even through others.


def prune(program):
    #: begin
    needed, kept = {program.result}, []
    for equation in reversed(program.equations):
        if equation.out in needed:
            kept.append(equation)
            needed.update(x for x in equation.args if isinstance(x, Var))
    return Program(program.args, kept[::-1], program.result)
    #: end
