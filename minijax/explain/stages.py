"""Makes an `Explanation`: traces the function, transforms it step by step, and writes down each stage."""

from __future__ import annotations

import gc
import linecache
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any

from ..api.arguments import check_callable
from ..api.checkpoint import checkpoint
from ..core.avals import ShapedArray
from ..core.jaxpr import ClosedJaxpr, JaxprEqn, Var, jaxpr_as_fun
from ..core.staging import trace_to_closed_jaxpr
from ..core.traces import called_by_user
from ..foundation.source_info import Origin
from ..lowering import passes, xla
from ..lowering.costs import Cost, cost_of, counted, nbytes
from ..lowering.numpy.source import numpy_program
from ..primitives.basis import full, instantiate
from ..transforms.jvp import jvp_jaxpr
from ..transforms.linearize import linearize_jaxpr
from ..transforms.transpose import transpose_jaxpr, vjp_flat
from ..transforms.vmap import Axis, batch_jaxpr
from .badges import gradient_badge
from .explanation import Explanation
from .listing import Listing, listing
from .memory import timeline, version
from .model import Equation, Line, Place, Ref, SourceFile, Stage
from .provenance import Marks, Rules, carriers, code_lines, place_of, removed_within
from .running import NotRun, run, sample, summary
from .traced import Traced
from .words import bytes_text, counted_text, pass_change, reason

# The size of the axis that the batched stage maps over if the caller names none.
BATCH = 8


def explainer(
    fun: Callable, *, argnums=None, grad=None, vmap=None, jit=False, checks=True, command=None, compare=None
) -> Callable[..., Explanation]:
    """See `minijax.explain`. compare: a function of the traced function that returns further badges."""
    check_callable(fun)

    @called_by_user
    def explain_call(*args, **kwargs):
        traced = Traced(fun, args, kwargs, argnums, vmap, jit)
        # An explanation is many small objects that all stay: to search them for garbage takes half of the time.
        collecting = gc.isenabled()
        gc.disable()
        try:
            made = _Maker(traced, grad, command).make(checks)
            made.badges += [] if compare is None else compare(traced)
            return made
        finally:
            if collecting:
                gc.enable()

    @wraps(fun, updated=())
    def explain_f(*args, **kwargs):
        return explain_call(*args, **kwargs)

    return explain_f


# ---------------------------------------------------------------------------------------------------------------------
# Stages


class _Maker:
    """Makes the stages one after another. Each is made from the marked jaxpr of one before."""

    def __init__(self, traced: Traced, grad: bool | None, command: str | None):
        self.traced = traced
        avals = traced.jaxpr.in_avals
        arguments = tuple(f"{n}: {a.str_short(short_dtypes=True)}" for n, a in zip(traced.names, avals))
        self.made = Explanation(traced.name, arguments, command or f"minijax.explain({traced.name})(...)")
        self.marks, self.rules = Marks(), Rules()
        # The types of the cotangents that the gradient takes.
        self.cotangents: list[ShapedArray] = []
        outs = traced.jaxpr.out_avals
        scalar = len(outs) == 1 and outs[0].shape == () and outs[0].dtype.kind == "f"
        self.wants_gradient = (scalar and any(traced.differentiated)) if grad is None else grad
        # {variable: the summary of its value}, of all stages: passes keep variables.
        self.values: dict[Var, tuple[str, bool]] = {}
        # {id of a marked jaxpr, which the marks keep alive: its equations in the order of their numbers}
        self.listings: dict[int, list[JaxprEqn]] = {}
        # {id of a stage: why its values are not shown}
        self.notes: dict[int, str] = {}

    @property
    def stages(self) -> list[Stage]:
        return self.made.stages

    def make(self, checks: bool) -> Explanation:
        made, traced = self.made, self.traced
        self.stages.append(Stage("source", "Your source", "source"))
        self.first = self.jaxpr_stage("jaxpr", "Jaxpr: what tracing wrote down", traced.jaxpr)
        self.change(f"Tracing ran {traced.name} once and wrote down {counted_text(self.stages[-1].count, 'equation')}.")
        self.sampled(self.first, traced.samples)
        gradient = self.derivatives()
        last = gradient if self.wants_gradient and gradient is not None else self.first
        self.last_stage = len(self.stages) - 1 if last is gradient and gradient is not None else 1
        self.batch = batched = self.batched(last)
        if traced.size is not None and batched is not None:
            last, self.last_stage = batched, len(self.stages) - 1
        self.passes(last)
        self.programs(last)
        made.rules = self.rules.rules
        self.sources()
        self.shared_texts()
        for stage in self.stages:
            stage.change += self.notes.get(id(stage), "")
        place = next((i for i, s in enumerate(self.stages) if s.name == "gradient" and s.error is None), 1)
        made.timeline = timeline(made, place, gradient if place != 1 else self.first, len(self.first.in_avals))
        made.versions = [version(name, make) for name, make in self.versions(gradient).items()]
        if checks:
            made.badges.append(
                gradient_badge(self.first, gradient, traced.differentiated, self.attempted(self.gradient_samples))
            )
        return made

    # -- One stage -------------------------------------------------------------------------------------------------------

    def attempted(self, function: Callable):
        """The result of a function, or the error as an exception object."""
        try:
            return function()
        except Exception as error:
            return error

    def change(self, sentence: str):
        """Say what changed in the last stage."""
        self.stages[-1].change = sentence

    def jaxpr_stage(self, name: str, title: str, closed_jaxpr: ClosedJaxpr, **more) -> ClosedJaxpr:
        """Append the stage of a jaxpr; return the jaxpr with marks."""
        return self.parts_stage(name, title, [("", closed_jaxpr, {})], **more)[0][0]

    def parts_stage(self, name, title, parts, **more) -> tuple[list[ClosedJaxpr], Listing]:
        """Append the stage of several jaxprs: (heading, jaxpr, {variable: variable of the part before with the same name})."""
        stage = Stage(name, title, "jaxpr", **more)
        self.stages.append(stage)
        place, marked, names, found = len(self.stages) - 1, [], {}, None
        for heading, closed_jaxpr, alike in parts:
            given = {v: names[w] for v, w in alike.items() if w in names}
            taken = {**names, **given} if len(parts) > 1 else given
            found = listing(closed_jaxpr, len(stage.equations), taken)
            stage.lines += [Line(f"# {heading}")] if heading else []
            stage.lines += found.lines
            names.update(found.names)
            first, around = len(stage.equations), carriers(closed_jaxpr)
            for eqn, depth in found.eqns:
                stage.equations.append(self.equation(eqn, depth, len(stage.equations), found, around))
            with_marks, eqns = self.marks.mark(closed_jaxpr, place, first, [eqn for eqn, _ in found.eqns])
            self.listings[id(with_marks)] = eqns
            marked.append(with_marks)
            stage.bytes += sum(nbytes(v.aval) for eqn in closed_jaxpr.eqns for v in eqn.outvars)
        for equation in self.tops(place):
            stage.cost = stage.cost + equation.cost
        self.texts(stage)
        return marked, found

    def cost(self, eqn: JaxprEqn) -> Cost:
        if not counted(eqn):
            self.notes[id(self.stages[-1])] = f" The operations of {eqn.primitive.name} are not counted."
        return cost_of(eqn)

    def texts(self, stage: Stage):
        rows: dict[int, list[str]] = {}
        for line in stage.lines:
            if line.equation is not None:
                rows.setdefault(line.equation, []).append(line.text.strip())
        for number, row in rows.items():
            stage.equations[number].text = " ".join(row)

    def equation(self, eqn: JaxprEqn, depth: int, number: int, found: Listing, around: dict) -> Equation:
        parents = self.marks.nearest(eqn.origin)
        if not parents and len(self.stages) > 2:
            # Equations of a function that a primitive is lowered to: the function is traced once, and called by several.
            parents = tuple(dict.fromkeys(self.ancestors(eqn, around)))
        # Without ancestors after the first jaxpr, a transformation itself wrote the equation, and its place is the caller's.
        origin = eqn.origin if parents or len(self.stages) == 2 else None
        return Equation(
            number,
            depth,
            eqn.primitive.name,
            tuple(found.atom(v) for v in eqn.outvars),
            tuple(v.aval.str_short(short_dtypes=True) for v in eqn.outvars),
            tuple(found.atom(v) for v in eqn.invars),
            "",
            place_of(origin),
            "primal" if origin is None else origin.role,
            rule=self.rules.number(origin),
            parents=parents,
            users=tuple(sorted({n for ref in parents for n in self.users(ref)})) if parents else (),
            same=self.marks.own(eqn.origin),
            cost=self.cost(eqn),
            call=self.call(eqn.origin, parents),
        )

    def call(self, origin: Origin | None, parents: Sequence[Ref]) -> Place | None:
        if len(self.stages) == 2:
            calls = [p for p in (() if origin is None else origin.parents) if id(p) in self.traced.calls]
            return place_of(calls[0]) if calls else None
        return next((found for ref in parents if (found := self.made.equation(ref).call) is not None), None)

    def ancestors(self, eqn: JaxprEqn, around: dict) -> Iterator[Ref]:
        """The equations that an equation comes from; where it has none, those of the equations that carry its jaxpr."""
        nearest = self.marks.nearest(eqn.origin)
        yield from nearest
        for outer in () if nearest else around.get(id(eqn), ()):
            yield from self.ancestors(outer, around)

    def users(self, ref) -> Sequence[int]:
        """The equations of the jaxpr stage that an equation comes from."""
        return (ref[1],) if ref[0] == 1 else self.made.equation(ref).users

    def failed(self, name: str, title: str, error: BaseException, **more):
        text = f"{type(error).__name__}: {error}".split("\n\n")[0]
        self.stages.append(Stage(name, title, "jaxpr", "This stage cannot be shown.", error=text, **more))

    # -- Derivatives -----------------------------------------------------------------------------------------------------

    def derivatives(self) -> ClosedJaxpr | None:
        """The stages jvp, linearized, transposed, gradient. Returns the marked jaxpr of the gradient, or None if there is none."""
        nonzero = self.traced.differentiated
        titles = {
            "jvp": "jvp: values and tangents side by side",
            "linearized": "Linearised: now, kept, linear",
            "transposed": "Transposed: the linear program backwards",
            "gradient": "Value and gradient",
        }
        if not any(nonzero):
            error = TypeError("no argument to differentiate is real or complex: argnums chooses the arguments.")
            for name, title in titles.items():
                self.failed(name, title, error)
            return None
        pushed = self.attempted(lambda: jvp_jaxpr(self.first, nonzero, True)[0])
        if isinstance(pushed, Exception):
            self.failed("jvp", titles["jvp"], pushed, branch=True)
        else:
            pushed = self.jaxpr_stage("jvp", titles["jvp"], pushed, branch=True)
            self.sampled(pushed, lambda: [*self.traced.samples(), *self.tangents()])
            self.describe_jvp()
        halves = self.attempted(lambda: self.linearized(titles["linearized"]))
        if isinstance(halves, Exception):
            self.failed("linearized", titles["linearized"], halves)
            halves = None
        transposed = None
        if halves is not None:
            transposed = self.attempted(lambda: self.transposed(titles["transposed"], *halves))
        if isinstance(transposed, Exception) or transposed is None:
            error = transposed or RuntimeError("there is no linear program to transpose.")
            self.failed("transposed", titles["transposed"], error)
            self.failed("gradient", titles["gradient"], error)
            return None
        gradient = self.attempted(lambda: self.gradient(titles["gradient"], halves[0], *transposed))
        if isinstance(gradient, Exception):
            self.failed("gradient", titles["gradient"], gradient)
            return None
        return gradient

    def tangents(self) -> list:
        avals = [a.to_tangent_aval() for a, nz in zip(self.first.in_avals, self.traced.differentiated) if nz]
        return [sample(aval, 100 + i) for i, aval in enumerate(avals)]

    def describe_jvp(self):
        roles = [eqn.role for eqn in self.stages[-1].equations]
        before = self.stages[1].count
        self.change(
            f"Each equation got its jvp rule: {counted_text(len(roles) - before, 'equation')} more,"
            f" {roles.count('tangent')} of them written by rules for tangents.",
        )

    def linearized(self, title: str) -> tuple[ClosedJaxpr, ClosedJaxpr]:
        # With dead equations: the jaxpr of a gradient shows them where the function is no call.
        primal, _, linear = linearize_jaxpr(self.first, self.traced.differentiated, True, False)
        count = len(self.first.out_avals)
        kept = primal.jaxpr.outvars[count:]
        alike = {v: w for v, w in zip(linear.jaxpr.invars, kept) if type(w) is Var}
        (primal, linear), found = self.parts_stage(
            "linearized", title, [("computed now", primal, {}), ("linear in the tangents", linear, alike)]
        )
        stage, primal_eqns = self.stages[-1], self.listed(primal)
        made_by: dict[Var, Equation] = {}
        tops = [e for e in stage.equations if e.depth == 0][: len(primal.eqns)]
        for equation, eqn in zip(tops, primal.eqns):
            made_by.update(dict.fromkeys(eqn.outvars, equation))
        variables = list(dict.fromkeys(v for v in kept if type(v) is Var))
        rows = []
        for v in variables:
            size = nbytes(v.aval)
            if v in made_by:
                made_by[v].residual += size
            source = "" if v in made_by else " (an argument)"
            rows.append(Line(f"  {found.atom(v)}:{v.aval.str_short(short_dtypes=True)}  {bytes_text(size)}{source}"))
        heading = next(i for i, line in enumerate(stage.lines) if line.text.startswith("# linear"))
        total = sum(nbytes(v.aval) for v in variables)
        stage.lines[heading:heading] = [Line(f"# kept for the way back: {bytes_text(total)}"), *rows]
        results = self.sampled(primal, self.traced.samples)
        if results is not None:
            self.sampled(linear, lambda: [*results[len(self.first.out_avals) :], *self.tangents()], len(primal_eqns))
        linear_count = sum(e.depth == 0 for e in stage.equations) - len(primal.eqns)
        self.change(
            f"{counted_text(len(primal.eqns), 'equation')} are computed now, {counted_text(len(variables), 'value')}"
            f" ({bytes_text(total)}) are kept, and {counted_text(linear_count, 'equation')} are linear in the tangents.",
        )
        return primal, linear

    def transposed(self, title: str, primal: ClosedJaxpr, linear: ClosedJaxpr):
        kept = len(primal.out_avals) - len(self.first.out_avals)
        flags = (False,) * kept + (True,) * (len(linear.in_avals) - kept)
        result, _ = transpose_jaxpr(linear, flags, (True,) * len(linear.out_avals), True)
        marked = self.jaxpr_stage("transposed", title, result)
        stage = self.stages[-1]
        sums = sum(self.made_rule(e) == "sum" for e in stage.equations)
        self.change(
            f"The linear equations run backwards, each by its transpose rule: {counted_text(stage.count, 'equation')},"
            f" {sums} of them sums of cotangents.",
        )
        return (marked,)

    def made_rule(self, equation: Equation) -> str | None:
        return None if equation.rule is None else self.rules.rules[equation.rule].kind

    def gradient(self, title: str, primal: ClosedJaxpr, transposed: ClosedJaxpr) -> ClosedJaxpr:
        """Both halves as one program. A result's cotangent is 1, or an argument if there are several results or it is no scalar."""
        outs = self.first.out_avals
        ones = len(outs) == 1 and outs[0].shape == ()
        cotangents = [] if ones else [aval.to_tangent_aval() for aval in outs]
        count = len(self.first.in_avals)

        def function(*args):
            args, cts = args[:count], args[count:]
            results = jaxpr_as_fun(primal)(*args)
            values, kept = results[: len(outs)], results[len(outs) :]
            cts = [full((), 1, outs[0].dtype, outs[0].weak_type)] if ones else cts
            return [*values, *jaxpr_as_fun(transposed)(*kept, *cts)]

        result = trace_to_closed_jaxpr(function, [*self.first.in_avals, *cotangents])
        marked = self.jaxpr_stage("gradient", title, result)
        self.cotangents = cotangents
        self.sampled(marked, self.gradient_samples)
        # The transposed program's values are those of its equations here.
        for equation in self.stages[-1].equations:
            if equation.same is not None:
                twin = self.made.equation(equation.same)
                twin.value, twin.finite = equation.value, equation.finite
        self.change("The values and the transposed program together: the whole of value_and_grad.")
        return marked

    def gradient_samples(self) -> list:
        return [*self.traced.samples(), *[sample(aval, 200 + i) for i, aval in enumerate(self.cotangents)]]

    # -- Batches, passes, programs ---------------------------------------------------------------------------------------

    def batched(self, last: ClosedJaxpr) -> ClosedJaxpr | None:
        chosen = self.traced.size is not None
        size = self.traced.size or BATCH
        title = "Batched by vmap" if chosen else f"Batched: vmap over {BATCH} examples, beside the program"
        count = len(last.in_avals) - len(self.traced.dims)
        dims = (*self.traced.dims, *(0,) * count) if chosen else (0,) * len(last.in_avals)
        made = self.attempted(lambda: batch_jaxpr(last, Axis(None, size), dims, chosen)[0])
        if isinstance(made, Exception):
            self.failed("batched", title, made, branch=not chosen)
            return None
        before = self.stages[self.last_stage].count
        marked = self.jaxpr_stage("batched", title, made, branch=not chosen)
        more = self.stages[-1].count - before
        batch = (
            "the program runs once for all examples" if chosen else f"with --vmap the program would run once for {size}"
        )
        self.change(f"Each equation got its batch rule, and {batch}: {more:+d} equations.")
        return marked

    def passes(self, last: ClosedJaxpr):
        before_stage, before = self.last_stage, self.numbered(last)
        steps = passes.stages(last)
        position, last_eqns, self.jaxpr_before = 0, None, last
        while True:
            found = self.attempted(lambda: next(steps, None))
            if found is None:
                break
            position += 1
            if isinstance(found, Exception):
                self.failed(f"pass{position}", "A pass", found)
                break
            name, closed_jaxpr = found
            if last_eqns is not None and _alike(last_eqns, closed_jaxpr.eqns):
                self.unchanged_pass(position, name)
                before_stage = len(self.stages) - 1
            else:
                before_stage, before = self.one_pass(position, name, closed_jaxpr, before_stage, before)
            last_eqns, self.jaxpr_before = closed_jaxpr.eqns, closed_jaxpr

    def numbered(self, marked: ClosedJaxpr) -> dict[int, int]:
        """{id of a variable: the number of the equation that computes it}, in inner jaxprs too."""
        return {id(v): number for number, eqn in enumerate(self.listed(marked)) for v in eqn.outvars}

    def unchanged_pass(self, position: int, name: str):
        """The stage of a pass that changed nothing: its text need not be made again."""
        place, old = len(self.stages) - 1, self.stages[-1]
        equations = [replace(e, same=(place, e.number), removed=None) for e in old.equations]
        change, title = pass_change(name, 0, 0, 0), _title(name)
        self.stages.append(replace(old, name=f"pass{position}", title=title, change=change, equations=equations))

    def tops(self, place: int) -> list[Equation]:
        return [e for e in self.stages[place].equations if e.depth == 0]

    def one_pass(self, position: int, name: str, closed_jaxpr: ClosedJaxpr, before_stage: int, before: dict):
        marked = self.jaxpr_stage(f"pass{position}", _title(name), closed_jaxpr)
        stage, place = self.stages[-1], len(self.stages) - 1
        earlier, now = self.stages[before_stage].equations, self.numbered(marked)
        stands_in: dict[Any, Equation] = {}
        for equation, eqn in zip(stage.equations, self.listed(marked), strict=True):
            for v in eqn.outvars:
                if id(v) in before:
                    equation.same = (before_stage, before[id(v)])
                if v in self.values:
                    equation.value, equation.finite = self.values[v]
            for ref in equation.parents:
                stands_in.setdefault(ref, equation)
        gone = {n for v, n in before.items() if v not in now} - {n for v, n in before.items() if v in now}
        # What became of the equations of inner jaxprs is asked pass by pass.
        inner = removed_within(self.jaxpr_before) if name == "inner_programs" else {}
        names = {before[v]: pass_ for v, pass_ in inner.items() if v in before}
        for number in gone:
            instead = self.in_its_place(before_stage, number, stands_in)
            earlier[number].removed = (place, reason(names.get(number, name), instead))
        kept = [e for e in stage.equations if e.same is not None and e.same[0] == before_stage]
        changed = sum(e.primitive != self.made.equation(e.same).primitive for e in kept)
        stage.change = pass_change(name, len(gone), len(stage.equations) - len(kept), changed)
        return place, now

    def in_its_place(self, stage: int, number: int, stands_in) -> Equation | None:
        """The equation that now does the work of a removed one."""
        ref = (stage, number)
        while ref is not None:
            if ref in stands_in:
                return stands_in[ref]
            ref = self.made.equation(ref).same
        return None

    def programs(self, last: ClosedJaxpr):
        names = [*self.traced.names]
        names = [n if n.isidentifier() else "".join(c if c.isalnum() else "_" for c in n).strip("_") for n in names]
        names += [f"ct{i}" for i in range(len(last.in_avals) - len(names))]
        name = self.traced.name if self.traced.name.isidentifier() else "program"
        self.optimized = optimized = passes.optimized(last)
        text = {
            "numpy": ("NumPy: the source that runs", lambda: numpy_program(optimized, name, names).text),
            "stablehlo": ("StableHLO: what XLA gets", lambda: xla.stablehlo.module_text(last, name, names)),
        }
        for key, (title, make) in text.items():
            made = self.attempted(make)
            if isinstance(made, Exception):
                self.failed(key, title, made)
                self.stages[-1].kind = "program"
                continue
            stage = Stage(key, title, "program")
            stage.lines = list(self.placed(made.rstrip("\n").split("\n")))
            if key == "stablehlo":
                stage.branch = True
            stage.change = f"The program as text: {counted_text(len(stage.lines), 'line')}."
            self.stages.append(stage)

    def placed(self, rows: list[str]):
        """Lines of a program, with the user's line that the comment above them names."""
        files = {os.path.basename(p.file): p.file for s in self.stages for e in s.equations if (p := e.place)}
        place = None
        for row in rows:
            bare = row.strip()
            if bare.startswith(("# ", "// ")):
                named = bare.split(" ", 2)[1].rpartition(":")
                if named[0] in files and named[2].isdigit():
                    place = (files[named[0]], int(named[2]))
            elif bare.startswith(("def ", "func.func", "module", "return", "}")):
                place = None
            yield Line(row, None, place)

    # -- What belongs to all stages --------------------------------------------------------------------------------------

    def sampled(self, closed_jaxpr: ClosedJaxpr, arguments: Callable[[], list], first: int = 0) -> list | None:
        """Run a program of the last stage, and put a summary of each value on its equation. first: the number of the program's
        first equation. Returns the results, or None if the program cannot run."""
        stage = self.stages[-1]
        found: dict[int, tuple[str, bool]] = {}

        def seen(eqn: JaxprEqn, operands: list, outs: list):
            summaries = [summary(x) for x in outs]
            finite = all(known for _, known in summaries)
            # An operand that is infinite already, as the -inf that a maximum begins with, is on purpose.
            arises = not finite and all(summary(x)[1] for x in operands)
            found[id(eqn)] = "; ".join(text for text, _ in summaries), not arises
            self.values.update({v: (text, not arises) for v, (text, _) in zip(eqn.outvars, summaries)})

        results = None
        try:
            results = run(closed_jaxpr, arguments(), seen)
        except NotRun as error:
            self.notes[id(stage)] = f" Values are not shown: {error}."
        except Exception as error:
            text = str(error).splitlines()
            self.notes[id(stage)] = f" To run it raised {type(error).__name__}: {text[0] if text else ''}"
        for equation, eqn in zip(stage.equations[first:], self.listed(closed_jaxpr)):
            if id(eqn) in found:
                equation.value, equation.finite = found[id(eqn)]
        return results

    def listed(self, closed_jaxpr: ClosedJaxpr) -> list[JaxprEqn]:
        """The equations of a marked jaxpr, in the order of their numbers."""
        return self.listings[id(closed_jaxpr)]

    def sources(self):
        """The functions of the user's that equations come from."""
        files: dict[str, set[int]] = {}
        codes = {getattr(self.traced.fun, "__code__", None)}
        for stage in self.stages:
            for equation in stage.equations:
                for place in filter(None, (equation.place, equation.call)):
                    files.setdefault(place.file, set()).update(range(place.line, place.end_line + 1))
        codes.update(self.codes())
        for code in codes - {None}:
            files.setdefault(code.co_filename, set()).update(code_lines(code))
        main = getattr(getattr(self.traced.fun, "__code__", None), "co_filename", None)
        for file, numbers in sorted(files.items(), key=lambda item: (item[0] != main, item[0])):
            lines = [(n, linecache.getline(file, n).rstrip("\n")) for n in sorted(numbers)]
            lines = [line for line in lines if line[1] or len(numbers) > 1]
            if any(text for _, text in lines):
                self.made.sources.append(SourceFile(file, tuple(lines)))
        stage = self.stages[0]
        for source in self.made.sources:
            stage.lines += [Line(f"# {source.file}")] if len(self.made.sources) > 1 else []
            before = source.lines[0][0]
            for n, text in source.lines:
                # Between two functions lines are left out.
                stage.lines += [Line("")] if n > before + 1 else []
                stage.lines.append(Line(text, None, (source.file, n)))
                before = n
        count = sum(len(source.lines) for source in self.made.sources)
        stage.change = f"{counted_text(count, 'line')} of yours, from {counted_text(len(self.made.sources), 'file')}."

    def codes(self):
        """The code objects of the user's functions that the first jaxpr comes from."""
        return {e.source_info.code for e in self.listed(self.first) if e.source_info is not None}

    def shared_texts(self):
        texts: dict[str, int] = {}
        for i, stage in enumerate(self.stages):
            if stage.kind == "jaxpr" and stage.error is None:
                first = texts.setdefault(stage.text, i)
                stage.same_as = None if first == i else first

    def versions(self, gradient: ClosedJaxpr | None) -> dict[str, Callable[[], ClosedJaxpr]]:
        """Programs to compare with: the function alone, with its gradient, checkpointed, for a batch."""
        programs = {"after all passes": lambda: self.optimized, "value alone": lambda: self.first}
        if gradient is not None:
            programs |= {"value and gradient": lambda: gradient, "checkpointed": self.checkpointed}
            if self.batch is not None:
                programs[f"for {self.traced.size or BATCH} examples"] = lambda: self.batch
        return programs

    def checkpointed(self) -> ClosedJaxpr:
        """Value and gradient of the checkpointed function: the backward pass computes the values again."""
        nonzero = self.traced.differentiated
        whole = checkpoint(lambda *args: jaxpr_as_fun(self.first)(*args))
        outs = self.first.out_avals
        count = len(self.first.in_avals)

        def function(*args):
            args, cts = args[:count], args[count:]
            values, pull = vjp_flat(whole, args, nonzero)
            if not self.cotangents:
                cts = [full((), 1, outs[0].dtype, outs[0].weak_type)]
            return [*values, *[instantiate(ct) for ct, nz in zip(pull(cts), nonzero) if nz]]

        return trace_to_closed_jaxpr(function, [*self.first.in_avals, *self.cotangents])


def _title(name: str) -> str:
    return f"After {name.replace('_', ' ')}"


def _alike(eqns: Sequence[JaxprEqn], others: Sequence[JaxprEqn]) -> bool:
    return len(eqns) == len(others) and all(a is b for a, b in zip(eqns, others))


__all__ = ["explainer"]
