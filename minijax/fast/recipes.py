"""Recipes: what the rules do with one operation, remembered. The shortcut of `grad`.

Without recipes, `linearize.py` runs the jvp rule of every operation, and `transpose.py` runs the transpose rules of every
equation that linearize recorded. The rules look at types and parameters alone. So the second time that an operation meets
arguments of the same types, the two machines run once on tracers, and a `Recipe` keeps what they did. The recipe of sin for
float32[16], as three functions:

    known   x -> sin x, cos x        the value and the residuals: computed now
    linear  c, t -> mul t c          the tangent: kept
    back    c, ct -> mul ct c        the cotangent: computed on the way back

This is no second table of derivatives: recipes come from the rules, and are dropped when a rule of the package changes. Over
NumPy arrays each part runs as one Python function. Within a `jit` that is being traced, its equations are written into the
jaxpr. An operation without a recipe takes the plain route, and so do other transformations, `vjp` and `linearize`, which show
their linear jaxprs.

What recipes save: eager gradients of 26 operations on 16 numbers (benchmarks/compare.py) take 0.85 of HIPS autograd's time,
and 1.65 without recipes; of 50 layers of a network (tanh-50) 0.47, and 1.3; to trace the gradient of that network takes 4.2 ms,
and 13.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..core import shortcuts
from ..core.array import ArrayImpl, eval_trace, to_array
from ..core.avals import ShapedArray, Zero
from ..core.jaxpr import ClosedJaxpr, JaxprEqn, Literal, Var, jaxprs_in_params
from ..core.primitive import CallPrimitive, Primitive
from ..core.staging import JaxprBuilder, JaxprTracer, StagingTrace, convert_constvars, trace_to_closed_jaxpr
from ..core.traces import Trace, get_aval, run_to_end, run_under, thread_state
from ..foundation.config import trace_context
from ..foundation.effects import no_effects
from ..foundation.memory import broadcast
from ..foundation.source_info import Origin, current_origin, interpreter
from ..primitives.basis import add_any_p, broadcast_in_dim_p
from ..transforms.linearize import LinearizeTrace, LinearizeTracer, linearize_flat
from ..transforms.transpose import accumulate, origin_of_sum, reach, transpose_eqn
from .evaluation import QuietEvalTrace

# ---------------------------------------------------------------------------------------------------------------------
# Straight-line jaxprs, ready to be run or written into another jaxpr


class StraightLine:
    """A closed jaxpr whose equations carry no jaxprs. `run(*numpy_arrays)` computes its results, a tuple; `write` appends its
    equations to another jaxpr."""

    __slots__ = ("in_avals", "out_avals", "constants", "literals", "steps", "outs", "makers", "is_one_equation", "run")

    def __init__(self, closed_jaxpr: ClosedJaxpr):
        jaxpr = closed_jaxpr.jaxpr
        literals = [x for eqn in jaxpr.eqns for x in eqn.invars if type(x) is Literal]
        literals += [x for x in jaxpr.outvars if type(x) is Literal]
        self.constants = [*[x.val for x in literals], *closed_jaxpr.consts]
        # The atoms of the constants, where all are literals.
        self.literals = None if closed_jaxpr.consts else literals
        # A variable becomes a position in a list: first the arguments, then the constants, then the results.
        results = [v for eqn in jaxpr.eqns for v in eqn.outvars]
        positions = {id(x): i for i, x in enumerate([*jaxpr.invars, *literals, *jaxpr.constvars, *results])}
        self.steps = [
            (eqn.primitive, eqn.params, [positions[id(x)] for x in eqn.invars], [v.aval for v in eqn.outvars])
            for eqn in jaxpr.eqns
        ]
        self.outs = [positions[id(x)] for x in jaxpr.outvars]
        # For each output, the number of the equation that computes it, or None.
        made = {id(v): i for i, eqn in enumerate(jaxpr.eqns) for v in eqn.outvars}
        self.makers = [made.get(id(x)) for x in jaxpr.outvars]
        self.out_avals = [x.aval for x in jaxpr.outvars]
        self.in_avals = [v.aval for v in jaxpr.invars]
        # Whether it is one equation, whose result is the first output.
        self.is_one_equation = len(jaxpr.eqns) == 1 and self.makers[0] == 0

    def __getattr__(self, name: str) -> Callable:
        """`run`, for the first run, which compiles: `__getattr__` runs only for slots that were never set. A straight line that is
        only ever written into jaxprs is never compiled."""
        if name != "run":
            raise AttributeError(f"A StraightLine has no {name}.")
        self.run = self.compile()
        return self.run

    def atoms(self, builder: JaxprBuilder) -> Iterable:
        """The atoms of the constants in the jaxpr that is being written."""
        return map(builder.atom, self.constants) if self.literals is None else self.literals

    def write(self, builder: JaxprBuilder, env: list, steps: Sequence, origin: Origin | None):
        """Append the equations of these steps to the jaxpr that is being written, and their results to `env`: the atoms of the
        arguments, of the constants, and of the results so far."""
        eqns = builder.eqns
        for primitive, params, inputs, avals in steps:
            results = [Var(aval) for aval in avals] if primitive.multiple_results else [Var(avals[0])]
            # Written by hand for one and two arguments: a list comprehension takes twice the time.
            if len(inputs) == 2:
                i, j = inputs
                invars = [env[i], env[j]]
            else:
                invars = [env[inputs[0]]] if len(inputs) == 1 else [env[i] for i in inputs]
            eqns.append(JaxprEqn(invars, results, primitive, params, no_effects, origin))
            env += results

    def compile(self) -> Callable:
        """The jaxpr as a Python function: each line calls one implementation."""
        arity = len(self.in_avals)
        names: dict[str, Any] = {"asarray": np.asarray, "broadcast": broadcast}
        names |= {f"v{i}": constant._value for i, constant in enumerate(self.constants, arity)}
        lines = [f"def run({', '.join(f'v{i}' for i in range(arity))}):"]
        shapes = [aval.shape for aval in self.in_avals] + [constant.shape for constant in self.constants]
        for primitive, params, inputs, avals in self.steps:
            count = len(shapes)
            names[f"impl{count}"], names[f"params{count}"] = primitive.impl, params
            operands = [*[f"v{i}" for i in inputs], *[f"**params{count}"] * bool(params)]
            call = f"impl{count}({', '.join(operands)})"
            if primitive is broadcast_in_dim_p:
                call = broadcast_text(operands[0], shapes[inputs[0]], avals[0].shape, params["broadcast_dimensions"])
            results = ", ".join(f"v{i}" for i in range(count, count + len(avals)))
            # NumPy's functions return scalars where the result has no dimensions; implementations take arrays.
            if primitive.multiple_results:
                lines.append(f"    [{results}] = map(asarray, {call})")
            else:
                lines.append(f"    {results} = {call if avals[0].shape else f'asarray({call})'}")
            shapes += [aval.shape for aval in avals]
        lines.append(f"    return ({' '.join(f'v{i},' for i in self.outs)})")
        exec("\n".join(lines), names)
        return names.pop("run")


def broadcast_text(operand: str, have: Sequence[int], shape: tuple[int, ...], dimensions: Sequence[int]) -> str:
    """The expression for an array that is broadcast."""
    sizes = dict(zip(dimensions, have))
    placed = tuple(sizes.get(i, 1) for i in range(len(shape)))
    if placed == shape:
        return f"{operand}.reshape({shape})"
    return f"broadcast({operand}.reshape({placed}), {shape})"


def is_simple(primitive: Primitive, params: dict) -> bool:
    """Whether an operation does nothing but apply its rules, and the rules look at types alone."""
    if isinstance(primitive, CallPrimitive) or primitive.named_axes is not None or primitive.effects is not None:
        return False
    if not primitive.rules_read_types or jaxprs_in_params(params):
        return False
    # Parameters are looked up by equality, and 0.0 == -0.0.
    return not any(isinstance(p, (float, np.floating)) for p in params.values())


# ---------------------------------------------------------------------------------------------------------------------
# Recipes


class Back:
    """The way back of a recipe: `line` is [*residuals, cotangent] -> contributions to the cotangents of the tangents.

    targets: for each contribution the index of its tangent. parts: the line's steps, in groups (primitive whose transpose rule
    wrote the steps, steps, the contributions that come after them). So the sums with earlier contributions stand in a jaxpr where
    `transpose_eqns` puts them, and have the same origins.
    """

    __slots__ = ("line", "targets", "parts", "origins")

    def __init__(self, line: StraightLine, targets: list[int], parts: list[tuple[Primitive, list[tuple], range]]):
        self.line = line
        self.targets = targets
        self.parts = parts
        # (the origin of the last operation, those of the parts). In a loop over layers an operation comes from one place.
        self.origins: tuple[Origin | None, list[Origin | None]] = (None, [None] * len(parts))

    def origins_of(self, primitive: Primitive, user: Origin | None) -> list[Origin | None]:
        """The origins of the parts, for an operation of that primitive and origin."""
        found = self.origins
        if found[0] is not user:
            tangent = user and user.derived(primitive, "jvp", "tangent")
            found = user, [tangent and tangent.derived(part[0], "transpose", "cotangent") for part in self.parts]
            self.origins = found
        return found[1]


class Recipe:
    """What the rules do with one operation, for arguments of given types, some of which have tangents.

    known: arguments -> [value, *residuals]. linear: [*residuals, *tangents] -> tangent, or None for a zero tangent. passes: if
    the tangent is one of the argument tangents unchanged, its index among these.
    """

    __slots__ = ("primitive", "known", "linear", "tangents", "tangent_aval", "passes", "_back")

    def __init__(self, primitive: Primitive, known: ClosedJaxpr, linear: ClosedJaxpr | None, num_tangents: int):
        self.primitive = primitive
        self.known = StraightLine(known)
        self.linear = linear
        self.passes = None
        if linear is not None:
            jaxpr = linear.jaxpr
            self.tangents = jaxpr.invars[len(jaxpr.invars) - num_tangents :]
            self.tangent_aval = linear.out_avals[0]
            self.passes = self.tangents.index(jaxpr.outvars[0]) if jaxpr.outvars[0] in self.tangents else None
        # The key is the weak type: the only part of the cotangent's type that can differ.
        self._back: dict[bool, Back] = {}

    def back(self, weak_type: bool) -> Back:
        """The way back, for a cotangent of that weak type."""
        found = self._back.get(weak_type)
        if found is None:
            found = self._back[weak_type] = self._transpose(weak_type)
        return found

    def _transpose(self, weak_type: bool) -> Back:
        jaxpr = self.linear.jaxpr
        residuals = jaxpr.invars[: len(jaxpr.invars) - len(self.tangents)]
        # Each read of a tangent gets a variable of its own, so that its contribution comes out by itself. The walk over the
        # whole program then adds the contributions in the order in which it would without recipes: equal to the last bit.
        target_of: dict[Var, int] = {}

        def read(atom):
            if not any(atom is t for t in self.tangents):
                return atom
            v = Var(atom.aval)
            target_of[v] = self.tangents.index(atom)
            return v

        eqns = [eqn.replace(invars=[read(x) for x in eqn.invars]) for eqn in jaxpr.eqns]
        # ends: for each transposed equation its primitive, and how many equations and contributions there are after it.
        targets, ends = [], []

        def function(*args):
            written = thread_state.trace.eqns
            values, pending = dict(zip(residuals, args)), {}
            accumulate(pending, jaxpr.outvars[0], args[-1])
            contributions = []
            for eqn in reversed(eqns):
                transpose_eqn(eqn, values, pending)
                for v in eqn.invars:
                    if type(v) is Var and v in target_of and v in pending:
                        contributions.append(pending.pop(v))
                        targets.append(target_of[v])
                ends.append((eqn.primitive, len(written), len(contributions)))
            return contributions

        out = jaxpr.outvars[0].aval.update(weak_type=weak_type)
        closed_jaxpr = run_under(eval_trace, trace_to_closed_jaxpr, function, [*[v.aval for v in residuals], out])
        line, parts, step, given = StraightLine(closed_jaxpr), [], 0, 0
        for primitive, end, contributions in ends:
            parts.append((primitive, line.steps[step:end], range(given, contributions)))
            step, given = end, contributions
        return Back(line, targets, parts)


# {the key of traced programs: {(primitive, the types of its arguments, which of them have tangents, parameters): what there is}}
_recipes: dict[bool | tuple, dict[tuple, Recipe | str]] = defaultdict(dict)
_rules_given = 0
MET_ONCE, NONE = "met once", "no recipe"
MAXIMUM = 2048


def recipes() -> dict:
    """The table of recipes for the present rules and accuracy."""
    global _rules_given
    if Primitive.rules_given != _rules_given:
        _rules_given = Primitive.rules_given
        for table in _recipes.values():
            table.clear()
    return _recipes[trace_context()]


def make(primitive: Primitive, avals: Sequence[ShapedArray], in_nonzero: Sequence[bool], params: dict) -> Recipe | str:
    """The recipe of an operation; `NONE` if the operation or its rules do more than compute."""
    if not is_simple(primitive, params):
        return NONE
    linear = None

    def operation(*args):
        nonlocal linear
        outs, (out_nonzero,), jaxpr, residuals = linearize_flat(
            lambda *xs: [primitive.bind(*xs, **params)], args, in_nonzero
        )
        linear = ClosedJaxpr(convert_constvars(jaxpr), ()) if out_nonzero else None
        return [*outs, *residuals]

    known = run_under(eval_trace, trace_to_closed_jaxpr, operation, avals)
    simple = all(is_simple(eqn.primitive, eqn.params) for eqn in [*known.eqns, *(linear.eqns if linear else ())])
    return Recipe(primitive, known, linear, sum(in_nonzero)) if simple else NONE


# ---------------------------------------------------------------------------------------------------------------------
# The way forth


class Application:
    """The linear part of a recipe on the tape. Operations without recipes put equations there."""

    __slots__ = ("recipe", "residuals", "invars", "outvars", "origin")

    def __init__(self, recipe: Recipe, residuals: Sequence, invars: list[Var], outvars: list[Var], origin):
        self.recipe = recipe
        self.residuals = residuals
        self.invars = invars
        self.outvars = outvars
        self.origin = origin


class RecipeTrace(LinearizeTrace):
    """A `LinearizeTrace` that applies recipes where there are any. It records a tape for `walk_back` instead of a jaxpr."""

    __slots__ = ("recipes", "staged", "apply_known")

    def __init__(self, parent: Trace):
        super().__init__(parent)
        self.recipes = recipes()
        self.staged = type(parent) is StagingTrace
        self.apply_known = write_known if self.staged else run_known

    def process_primitive(self, primitive, args, params):
        found = self.look_up(primitive, args, params)
        if found is None:
            return LinearizeTrace.process_primitive(self, primitive, args, params)
        recipe, primals, tangents = found
        # Over numbers nobody asks where an equation comes from: nothing is written.
        origin = current_origin() if self.staged else None
        out, residuals = self.apply_known(self.parent, recipe, primals, origin)
        if recipe.linear is None:
            return out
        if recipe.passes is not None:
            return LinearizeTracer(self, out, tangents[recipe.passes])
        var, tape = Var(recipe.tangent_aval), self.tangent_trace
        tape.eqns.append(Application(recipe, residuals, [t.variable for t in tangents], [var], origin))
        return LinearizeTracer(self, out, JaxprTracer(tape, var))

    def look_up(self, primitive, args, params) -> tuple[Recipe, list, list] | None:
        """(recipe, primals, tangents) of an operation; None where the rules must run."""
        if primitive.multiple_results or not primitive.rules_read_types:
            return None
        key, primals, tangents = [primitive], [], []
        for x in args:
            if type(x) is LinearizeTracer and x._trace is self:
                t = x.tangent
                if type(t) is not JaxprTracer or t._trace is not self.tangent_trace:
                    return None
                key.append(None)
                tangents.append(t)
                x = x.primal
            if type(x) is ArrayImpl:
                value = x._value
                # Under jit, rules compute with a number at once, so that what they write depends on its value.
                if self.staged and x._weak_type and not value.shape:
                    return None
                key += value.shape, value.dtype, x._weak_type
            elif type(x) is JaxprTracer and x._trace is self.parent:
                aval = x.aval
                key += aval.shape, aval.dtype, aval.weak_type
            else:
                return None
            primals.append(x)
        if not tangents:
            return None
        # With the parameters' types, since 1 == 1.0 == True.
        key = tuple(key + [*params.items(), *map(type, params.values())] if params else key)
        try:
            recipe = self.recipes.get(key)
        except TypeError:  # A parameter that cannot be hashed.
            return None
        if type(recipe) is not Recipe:
            recipe = self.met(recipe, key, primitive, args, primals, params)
        return None if recipe is None else (recipe, primals, tangents)

    def met(self, found: str | None, key: tuple, primitive: Primitive, args, primals, params) -> Recipe | None:
        """The recipe of an operation that meets arguments of these types for the second time. The first time, the rules run."""
        if found is None:
            if len(self.recipes) >= MAXIMUM:
                self.recipes.clear()
            self.recipes[key] = MET_ONCE
        elif found is MET_ONCE:
            in_nonzero = [type(x) is LinearizeTracer and x._trace is self for x in args]
            found = self.recipes[key] = make(primitive, [get_aval(x) for x in primals], in_nonzero, params)
        return found if type(found) is Recipe else None


def run_known(parent: QuietEvalTrace, recipe: Recipe, primals: Sequence, origin) -> tuple[ArrayImpl, Sequence]:
    """The value and the residuals, computed."""
    results = recipe.known.run(*[x._value for x in primals])
    aval = recipe.known.out_avals[0]
    return ArrayImpl(results[0], aval.weak_type, aval), results[1:]


def write_known(parent: StagingTrace, recipe: Recipe, primals: Sequence, origin: Origin | None) -> tuple[Any, Sequence]:
    """The value and the residuals, as the atoms of the jaxpr that is being written."""
    line, eqns = recipe.known, parent.eqns
    env = [parent.atom(x) for x in primals]
    if line.constants:
        env += line.atoms(parent)
    if line.is_one_equation:
        # It is the user's operation itself.
        line.write(parent, env, line.steps, origin)
        return JaxprTracer(parent, env[-1], eqns[-1]), [env[i] for i in line.outs[1:]]
    start, maker = len(eqns), line.makers[0]
    line.write(parent, env, line.steps, origin and origin.derived(recipe.primitive, "jvp", "primal"))
    if maker is not None:
        # This equation is the user's operation itself: see `name_result` in transforms/jvp.py.
        eqns[start + maker].origin = origin
    results = [env[i] for i in line.outs]
    return of_atom(parent, results[0], start, maker), results[1:]


def of_atom(builder: JaxprBuilder, atom: Var | Literal, first: int, maker: int | None):
    """The value that an atom stands for. maker: which equation computes it, of those from the number `first` on."""
    if type(atom) is Literal:
        return atom.val
    return JaxprTracer(builder, atom, None if maker is None else builder.eqns[first + maker])


# ---------------------------------------------------------------------------------------------------------------------
# The way back

PLACE = "transforms.transpose:vjp_flat"


def vjp_flat(
    function: Callable, primals: Sequence, in_nonzero: Sequence[bool], keep: bool = False
) -> tuple[list, Callable[[Sequence], list]]:
    """As the plain `vjp_flat`. A pull-back that is kept has a jaxpr to show, and so is always the plain one's."""
    parent = thread_state.trace
    if keep or type(parent) not in (QuietEvalTrace, StagingTrace):
        return shortcuts.plain(PLACE)(function, primals, in_nonzero, keep)
    trace = RecipeTrace(parent)
    tape = trace.tangent_trace

    def run():
        args = (trace.new_arg(x) if nz else x for x, nz in zip(primals, in_nonzero, strict=True))
        pairs = [trace.split(x) for x in function(*args)]
        return pairs, [None if t is None else tape.atom(t) for _, t in pairs]

    pairs, outvars = run_to_end(trace, run)
    values = {var: constant for var, constant in tape.constants.values()}
    tangents = iter(tape.invars)
    invars = [next(tangents) if nz else None for nz in in_nonzero]

    def pull(cotangents: Sequence) -> list:
        pending: dict[Var, object] = {}
        for v, ct in zip(outvars, cotangents):
            if type(v) is Var and v not in values:
                accumulate(pending, v, ct)
        walk_back(tape.eqns, values, pending, parent)
        return [pending[v] if v in pending else Zero(get_aval(x).to_tangent_aval()) for v, x in zip(invars, primals)]

    return [primal for primal, _ in pairs], pull


@interpreter
def walk_back(tape: list, values: dict, pending: dict, parent: Trace):
    """As `transpose_eqns`, over a tape, which is empty afterwards."""
    go_back = write_back if type(parent) is StagingTrace else run_back
    while tape:
        # Popping an operation lets go of what it keeps for its way back.
        eqn = tape.pop()
        if type(eqn) is not Application:
            transpose_eqn(eqn, values, pending)
        elif eqn.outvars[0] in pending:
            ct = pending.pop(eqn.outvars[0])
            if type(ct) is not Zero:
                go_back(parent, eqn, ct, pending)
            else:
                reach(eqn.invars, pending)


def run_back(parent: QuietEvalTrace, application: Application, ct: ArrayImpl, pending: dict):
    """The cotangents of the arguments, computed."""
    ct = ct if type(ct) is ArrayImpl else to_array(ct)  # A user's transpose rule may give NumPy's arrays.
    back = application.recipe.back(ct._weak_type)
    line, targets = back.line, back.targets
    invars = application.invars
    for value, aval, i in zip(line.run(*application.residuals, ct._value), line.out_avals, targets):
        v = invars[i]
        before = pending.get(v)
        if before is None or type(before) is Zero:
            pending[v] = ArrayImpl(value, aval.weak_type, aval)
        else:
            before = to_array(before)
            pending[v] = ArrayImpl(before._value + value, before._weak_type and aval.weak_type)


def write_back(parent: StagingTrace, application: Application, ct, pending: dict):
    """The cotangents of the arguments, as tracers."""
    atom, recipe, invars = parent.atom(ct), application.recipe, application.invars
    back = recipe.back(atom.aval.weak_type)
    line, targets = back.line, back.targets
    env = [*application.residuals, atom]
    if line.constants:
        env += line.atoms(parent)
    # The number of the first equation that the line writes, and of the sums between its equations.
    start, outs, makers = len(parent.eqns), line.outs, line.makers
    origins = back.origins_of(recipe.primitive, application.origin)
    for origin, (_, steps, given) in zip(origins, back.parts):
        line.write(parent, env, steps, origin)
        for n in given:
            v = invars[targets[n]]
            contribution, before = of_atom(parent, env[outs[n]], start, makers[n]), pending.get(v)
            if before is not None and type(before) is not Zero:
                origin_here = origin_of_sum(origin, before, contribution)
                contribution = parent.write(add_any_p, [before, contribution], {}, origin_here)
                start += 1
            pending[v] = contribution


ROUTES = {PLACE: vjp_flat}
