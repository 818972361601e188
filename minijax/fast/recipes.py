"""What the rules do with one operation, remembered: the fast path of `grad`.

Reverse mode is `linearize.py` and `transpose.py`: for every operation of a program its jvp rule runs, on the way back the
transpose rules of what that recorded. Rules look at types and parameters alone. So, from the second time on that an
operation meets arguments of the same types, what they do there is read from a `Recipe`, made by running the two machines
once, on tracers. The recipe of sin for float32[16], as three functions:

    known   x -> sin x, cos x        the value, and what the way back needs: the residuals. Computed now
    linear  c, t -> mul t c          the tangent. Kept
    back    c, ct -> mul ct c        the cotangent. Computed on the way back

This is no second table of derivatives: recipes come from the rules, and are forgotten when a primitive is given another.
Over NumPy arrays each part runs as one Python function; within a `jit` that is being traced its equations are written into
the jaxpr as they stand, their types known. What has no recipe goes the way of `linearize.py`, and so does everything under
other transformations, and all that shows its linear jaxpr: `vjp` and `linearize`.

It pays. Eager gradients of 26 operations on 16 numbers (benchmarks/compare.py) take 0.85 of HIPS autograd's time, and 1.65
without recipes; of 50 layers of a network (tanh-50) 0.47, and 1.3; tracing the gradient of that
network takes 4.2 ms, and 13.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.array import ArrayImpl, QuietEvalTrace, eval_trace, to_array
from ..core.avals import ShapedArray, Zero
from ..core.jaxpr import ClosedJaxpr, JaxprEqn, Literal, Var, jaxprs_in_params
from ..core.primitive import Primitive
from ..core.staging import JaxprBuilder, JaxprTracer, StagingTrace, convert_constvars, trace_to_closed_jaxpr
from ..core.traces import Trace, get_aval, new_trace, set_current_trace, thread_state
from ..foundation import source_info
from ..foundation.config import x64_enabled
from ..foundation.effects import no_effects
from ..primitives.basis import add_any_p
from ..transforms.linearize import LinearizeTrace, LinearizeTracer, linearize_flat
from ..transforms.transpose import accumulate, transpose_eqn, transpose_eqns

# ---------------------------------------------------------------------------------------------------------------------
# Programs: straight-line jaxprs, ready to be run or written down


class Program:
    """A closed jaxpr. `run(*numpy_arrays)` computes it; `write(builder, atoms, where)` appends its equations to another
    jaxpr. Both return a tuple."""

    __slots__ = ("out_avals", "constants", "steps", "outs", "run")

    def __init__(self, closed_jaxpr: ClosedJaxpr):
        jaxpr = closed_jaxpr.jaxpr
        literals = [x for eqn in jaxpr.eqns for x in eqn.invars if type(x) is Literal]
        literals += [x for x in jaxpr.outvars if type(x) is Literal]
        self.constants = [*[x.val for x in literals], *closed_jaxpr.consts]
        # A variable is a place in a list: of the arguments, then the constants, then the results.
        results = [v for eqn in jaxpr.eqns for v in eqn.outvars]
        places = {id(x): i for i, x in enumerate([*jaxpr.invars, *literals, *jaxpr.constvars, *results])}
        self.steps = [
            (eqn.primitive, eqn.params, [places[id(x)] for x in eqn.invars], [v.aval for v in eqn.outvars])
            for eqn in jaxpr.eqns
        ]
        self.outs = [places[id(x)] for x in jaxpr.outvars]
        self.out_avals = [x.aval for x in jaxpr.outvars]
        self.run = self.compile_and_run

    def write(self, builder: JaxprBuilder, atoms: Sequence, where: source_info.SourceInfo | None) -> tuple:
        env = [*atoms, *map(builder.atom, self.constants)] if self.constants else list(atoms)
        for primitive, params, inputs, avals in self.steps:
            results = [Var(aval) for aval in avals]
            builder.eqns.append(JaxprEqn([env[i] for i in inputs], results, primitive, params, no_effects, where))
            env += results
        return tuple([env[i] for i in self.outs])

    def compile_and_run(self, *values) -> tuple:
        """The first run. What is only ever written is not compiled."""
        self.run = self.compile(len(values))
        return self.run(*values)

    def compile(self, arity: int) -> Callable:
        """The program as a Python function: a call of an implementation a line."""
        names: dict[str, Any] = {"asarray": np.asarray}
        names |= {f"v{i}": constant._value for i, constant in enumerate(self.constants, arity)}
        lines = [f"def run({', '.join(f'v{i}' for i in range(arity))}):"]
        count = arity + len(self.constants)
        for primitive, params, inputs, avals in self.steps:
            names[f"impl{count}"], names[f"params{count}"] = primitive.impl, params
            call = f"impl{count}({', '.join(f'v{i}' for i in inputs)}{f', **params{count}' if params else ''})"
            results = ", ".join(f"v{i}" for i in range(count, count + len(avals)))
            # NumPy's functions return scalars where the result has no dimensions; implementations take arrays.
            if primitive.multiple_results:
                lines.append(f"    [{results}] = map(asarray, {call})")
            else:
                lines.append(f"    {results} = {call if avals[0].shape else f'asarray({call})'}")
            count += len(avals)
        lines.append(f"    return ({' '.join(f'v{i},' for i in self.outs)})")
        exec("\n".join(lines), names)
        return names["run"]


def is_simple(primitive: Primitive, params: dict) -> bool:
    """Whether an operation is its rules, and they the same whenever arguments have the same types."""
    others = (primitive.linearize, primitive.split, primitive.dce, primitive.named_axes, primitive.effects)
    if not primitive.rules_read_types or any(rule is not None for rule in others) or jaxprs_in_params(params):
        return False
    # Parameters are looked up by equality, and 0.0 == -0.0.
    return not any(isinstance(p, (float, np.floating)) for p in params.values())


# ---------------------------------------------------------------------------------------------------------------------
# Recipes


class Recipe:
    """What the rules do with one operation, for arguments of given types, some of which have tangents.

    known: arguments -> [value, *residuals]. linear: [*residuals, *tangents] -> tangent; None where that is zero. passes:
    where the tangent is that of an argument as it is, which one's, as a place among those with tangents.
    """

    __slots__ = ("known", "linear", "tangents", "tangent_aval", "passes", "_back")

    def __init__(self, known: ClosedJaxpr, linear: ClosedJaxpr | None, moving: int):
        self.known = Program(known)
        self.linear = linear
        self.passes = None
        if linear is not None:
            jaxpr = linear.jaxpr
            self.tangents = jaxpr.invars[len(jaxpr.invars) - moving :]
            self.tangent_aval = linear.out_avals[0]
            self.passes = self.tangents.index(jaxpr.outvars[0]) if jaxpr.outvars[0] in self.tangents else None
        # By the weak type of the cotangent: all of its type that is not that of its variable.
        self._back: dict[bool, tuple[Program, list[int]]] = {}

    def back(self, weak_type: bool) -> tuple[Program, list[int]]:
        """[*residuals, cotangent] -> contributions to the cotangents of the tangents, and to which ones."""
        found = self._back.get(weak_type)
        if found is None:
            found = self._back[weak_type] = self._transpose(weak_type)
        return found

    def _transpose(self, weak_type: bool) -> tuple[Program, list[int]]:
        jaxpr = self.linear.jaxpr
        residuals = jaxpr.invars[: len(jaxpr.invars) - len(self.tangents)]
        # Each place where a tangent is read gets a variable of its own. So the contributions come out one by one and are
        # added up in the order in which the way back over the whole program adds them: to the last bit the same.
        reads: list[tuple[Var, int]] = []

        def read(atom):
            if not any(atom is t for t in self.tangents):
                return atom
            reads.append((Var(atom.aval), self.tangents.index(atom)))
            return reads[-1][0]

        eqns = [eqn.replace(invars=[read(x) for x in eqn.invars]) for eqn in reversed(jaxpr.eqns)][::-1]
        targets = []

        def function(*args):
            values = dict(zip(residuals, args))
            cotangents = transpose_eqns(eqns, values, [v for v, _ in reads], jaxpr.outvars, [args[-1]])
            targets[:] = [i for (_, i), ct in zip(reads, cotangents) if type(ct) is not Zero]
            return [ct for ct in cotangents if type(ct) is not Zero]

        out = jaxpr.outvars[0].aval.update(weak_type=weak_type)
        with set_current_trace(eval_trace):
            return Program(trace_to_closed_jaxpr(function, [*[v.aval for v in residuals], out])), targets


# {with 64 bits?: {(primitive, the types of its arguments, which of them have tangents, parameters): what there is}}
_recipes: dict[bool, dict[tuple, Recipe | str]] = {False: {}, True: {}}
_rules_given = 0
MET_ONCE, NONE = "met once", "no recipe"
MAXIMUM = 2048


def recipes() -> dict:
    """The recipes, by the rules as they are now."""
    global _rules_given
    if Primitive.rules_given != _rules_given:
        _rules_given = Primitive.rules_given
        for table in _recipes.values():
            table.clear()
    return _recipes[x64_enabled()]


def make(primitive: Primitive, avals: Sequence[ShapedArray], moving: Sequence[bool], params: dict) -> Recipe | str:
    """The recipe of an operation; `NONE` where it or its rules do more than compute."""
    if not is_simple(primitive, params):
        return NONE
    linear = None

    def operation(*args):
        nonlocal linear
        outs, (nonzero,), jaxpr, residuals = linearize_flat(lambda *xs: [primitive.bind(*xs, **params)], args, moving)
        linear = ClosedJaxpr(convert_constvars(jaxpr), ()) if nonzero else None
        return [*outs, *residuals]

    with set_current_trace(eval_trace):
        known = trace_to_closed_jaxpr(operation, avals)
    simple = all(is_simple(eqn.primitive, eqn.params) for eqn in [*known.eqns, *(linear.eqns if linear else ())])
    return Recipe(known, linear, sum(moving)) if simple else NONE


# ---------------------------------------------------------------------------------------------------------------------
# The way forth


class Application:
    """A recipe's linear part on the tape, among the equations of what has no recipe."""

    __slots__ = ("recipe", "residuals", "invars", "outvars", "source_info")

    def __init__(self, recipe: Recipe, residuals: Sequence, invars: list[Var], outvars: list[Var], where):
        self.recipe = recipe
        self.residuals = residuals
        self.invars = invars
        self.outvars = outvars
        self.source_info = where


class RecipeTrace(LinearizeTrace):
    """As `LinearizeTrace`, by recipes where there are any. What it records is no jaxpr then: `pull` walks it backwards."""

    __slots__ = ("recipes", "staged", "apply_known")

    def __init__(self, parent: Trace):
        super().__init__(parent)
        self.recipes = recipes()
        self.staged = type(parent) is StagingTrace
        self.apply_known = write_known if self.staged else run_known

    def process_primitive(self, primitive, args, params):
        if primitive.multiple_results or not primitive.rules_read_types:
            return LinearizeTrace.process_primitive(self, primitive, args, params)
        tangent_trace = self.tangent_trace
        key, primals, tangents = [primitive], [], []
        for x in args:
            if type(x) is LinearizeTracer and x._trace is self:
                t = x.tangent
                if type(t) is not JaxprTracer or t._trace is not tangent_trace:
                    return LinearizeTrace.process_primitive(self, primitive, args, params)
                key.append(None)
                tangents.append(t)
                x = x.primal
            if type(x) is ArrayImpl:
                value = x._value
                if self.staged and x._weak_type and not value.shape:
                    # A number: rules compute with it at once, so what they write depends on its value.
                    return LinearizeTrace.process_primitive(self, primitive, args, params)
                key += value.shape, value.dtype, x._weak_type
            elif type(x) is JaxprTracer and x._trace is self.parent:
                aval = x.aval
                key += aval.shape, aval.dtype, aval.weak_type
            else:
                return LinearizeTrace.process_primitive(self, primitive, args, params)
            primals.append(x)
        if not tangents:
            return LinearizeTrace.process_primitive(self, primitive, args, params)
        # With their types, since 1 == 1.0 == True.
        key = tuple(key + [*params.items(), *map(type, params.values())] if params else key)
        recipe = self.recipe(key, primitive, args, primals, params)
        if recipe is None:
            return LinearizeTrace.process_primitive(self, primitive, args, params)
        where = source_info.current(2)
        # As under LinearizeTrace, which is marked as a deriver.
        derived = None if where is None else where.as_derived()
        out, residuals = self.apply_known(self.parent, recipe.known, primals, derived)
        if self.staged and type(out) is JaxprTracer:
            self.parent.is_users(out, where)
        if recipe.linear is None:
            return out
        if recipe.passes is not None:
            return LinearizeTracer(self, out, tangents[recipe.passes])
        var = Var(recipe.tangent_aval)
        tangent_trace.eqns.append(Application(recipe, residuals, [t.var for t in tangents], [var], derived))
        return LinearizeTracer(self, out, JaxprTracer(tangent_trace, var))

    def recipe(self, key: tuple, primitive: Primitive, args, primals, params) -> Recipe | None:
        """The recipe for arguments of these types. The first time that they are met there is none: the rules run."""
        try:
            found = self.recipes.get(key)
        except TypeError:  # A parameter that cannot be hashed.
            return None
        if found is None:
            if len(self.recipes) >= MAXIMUM:
                self.recipes.clear()
            self.recipes[key] = MET_ONCE
        elif found is MET_ONCE:
            moving = [type(x) is LinearizeTracer and x._trace is self for x in args]
            found = self.recipes[key] = make(primitive, [get_aval(x) for x in primals], moving, params)
        return found if type(found) is Recipe else None


# To users it is one: this is in the text of tracers.
RecipeTrace.__name__ = LinearizeTrace.__name__


def run_known(parent: QuietEvalTrace, program: Program, primals: Sequence, where) -> tuple[ArrayImpl, Sequence]:
    """The value and the residuals, computed."""
    results = program.run(*[x._value for x in primals])
    aval = program.out_avals[0]
    return ArrayImpl(results[0], aval.weak_type, aval), results[1:]


def write_known(parent: StagingTrace, program: Program, primals: Sequence, where) -> tuple[Any, Sequence]:
    """The value and the residuals, as the atoms of the jaxpr that is being written."""
    results = program.write(parent, [parent.atom(x) for x in primals], where)
    return of_atom(parent, results[0]), results[1:]


def of_atom(builder: JaxprBuilder, atom: Var | Literal):
    return atom.val if type(atom) is Literal else JaxprTracer(builder, atom)


# ---------------------------------------------------------------------------------------------------------------------
# The way back


def value_and_pull(function: Callable, primals: Sequence, moving: Sequence[bool]) -> tuple[list, Callable]:
    """(results of a function of flat arrays, function of the cotangents of the first results, giving those of the primals).

    moving: which primals have tangents. A cotangent, given or returned, may be a `Zero`.
    """
    parent = thread_state.trace
    trace = (RecipeTrace if type(parent) in (QuietEvalTrace, StagingTrace) else LinearizeTrace)(parent)
    tape = trace.tangent_trace
    with new_trace(trace):
        args = (trace.new_arg(x) if moves else x for x, moves in zip(primals, moving, strict=True))
        pairs = [trace.split(x) for x in function(*args)]
        outvars = [None if t is None else tape.atom(t) for _, t in pairs]
    values = {var: constant for var, constant, _ in tape.constants.values()}
    tangents = iter(tape.invars)
    invars = [next(tangents) if moves else None for moves in moving]

    def pull(cotangents: Sequence) -> list:
        pending: dict[Var, object] = {}
        for v, ct in zip(outvars, cotangents):
            if type(v) is Var and v not in values:
                accumulate(pending, v, ct)
        walk_back(tape.eqns, values, pending, parent)
        return [pending[v] if v in pending else Zero(get_aval(x).to_tangent_aval()) for v, x in zip(invars, primals)]

    return [primal for primal, _ in pairs], pull


@source_info.interpreter
def walk_back(tape: list, values: dict, pending: dict, parent: Trace):
    """As `transpose_eqns`, over a tape, which is empty then."""
    go_back = write_back if type(parent) is StagingTrace else run_back
    while tape:
        # What an operation keeps for its way back is let go of once that is walked.
        eqn = tape.pop()
        if type(eqn) is not Application:
            transpose_eqn(eqn, values, pending)
        elif eqn.outvars[0] in pending:
            go_back(parent, eqn, pending.pop(eqn.outvars[0]), pending)


def run_back(parent: QuietEvalTrace, application: Application, ct: ArrayImpl, pending: dict):
    """The cotangents of the arguments, computed."""
    ct = ct if type(ct) is ArrayImpl else to_array(ct)  # A user's transpose rule may give NumPy's arrays.
    program, targets = application.recipe.back(ct._weak_type)
    invars = application.invars
    for value, aval, i in zip(program.run(*application.residuals, ct._value), program.out_avals, targets):
        v = invars[i]
        before = pending.get(v)
        if before is None:
            pending[v] = ArrayImpl(value, aval.weak_type, aval)
        else:
            before = to_array(before)
            pending[v] = ArrayImpl(before._value + value, before._weak_type and aval.weak_type)


def write_back(parent: StagingTrace, application: Application, ct, pending: dict):
    """The cotangents of the arguments, as tracers."""
    ct, where = parent.atom(ct), application.source_info
    program, targets = application.recipe.back(ct.aval.weak_type)
    for atom, i in zip(program.write(parent, [*application.residuals, ct], where), targets):
        v, contribution = application.invars[i], of_atom(parent, atom)
        before = pending.get(v)
        if before is not None:
            contribution = parent.write(add_any_p, [before, contribution], {}, where)
        pending[v] = contribution
