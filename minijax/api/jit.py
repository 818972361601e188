"""`jit`, and the stages of a jitted function: `Traced` (a jaxpr), `Lowered` (a program as text), `Compiled` (a program to
run) (`jax.jit`, `jax.stages`).

>>> f = jit(lambda x: 2 * x + 1)
>>> f.trace(3.0).jaxpr
{ lambda ; a:f32[]. let
    b:f32[] = mul 2.0:f32[] a
    c:f32[] = add b 1.0:f32[]
  in (c,) }
>>> f.lower(3.0).compile()(4.0)
Array(9., dtype=float32, weak_type=True)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from importlib import import_module
from itertools import compress
from time import perf_counter
from types import FunctionType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, overload
from weakref import WeakValueDictionary, ref

from ..calls.jit import jit_p
from ..core.array import ArrayImpl, EvalTrace
from ..core.avals import ShapedArray
from ..core.jaxpr import ClosedJaxpr, Jaxpr, Var, check_jaxpr, eval_jaxpr
from ..core.staging import closed, convert_constvars, weak_cache
from ..core.traces import Tracer, axis_env, current_trace
from ..foundation import source_info
from ..foundation.config import CONTEXT_OPTIONS, config, context_values, jit_disabled, trace_context, watching
from ..foundation.device import Device, check_backend
from ..foundation.pytrees import keystr, tree_flatten, tree_flatten_with_path, tree_unflatten
from ..foundation.tracebacks import hide_our_frames
from ..foundation.wrapping import wraps
from ..lowering.compile import clear_programs
from ..lowering.run import Run, chosen, compiled
from .arguments import (
    ChosenArguments,
    as_operand,
    check_callable,
    function_name,
    merge_static,
    positions_and_names,
    short_repr,
    static_positions,
)
from .make_jaxpr import abstractify, stage
from .transfers import device_put

if TYPE_CHECKING:
    from .stages import Lowered, Traced

# The type of what the user's function returns.
R = TypeVar("R")

# ---------------------------------------------------------------------------------------------------------------------
# The key of a call in the table of traced programs


class _Key(NamedTuple):
    """Two calls with equal keys run the same program."""

    in_tree: Any
    types: tuple[tuple, ...]  # (shape, dtype, weak_type) of each array
    statics: tuple[tuple, ...]  # (position or name, type, value): 1 == 1.0 == True, but each is a program of its own
    context: bool | tuple  # of the options; see `trace_context`
    axis_env: tuple


class _Call(NamedTuple):
    """The arguments of one call: the leaves of the dynamic arguments, and the static arguments with their positions."""

    leaves: list
    in_tree: Any
    statics: tuple[tuple, ...]
    args: tuple
    static: frozenset[int]
    static_kwargs: dict


_ARRAY = {ArrayImpl}


def log_compiles(text: str):
    """Log the text if the user asks for it: see `config.log_compiles`."""
    if config.jax_log_compiles:
        # Few users ask for logs, and importing logging takes a twentieth of the time of `import minijax`.
        import_module("logging").getLogger("minijax").warning(text)


def log_time(text: str, start: float):
    log_compiles(f"{text} in {perf_counter() - start:.9f} sec")


def _lifted(jaxpr: Jaxpr, consts: Sequence) -> tuple[Jaxpr, list]:
    """The jaxpr, and its constants, with the constants of the jitted functions that it calls among them: what runs it takes them as
    arguments, and writes no large array into a program."""
    if not any([eqn.primitive is jit_p for eqn in jaxpr.eqns]):
        return jaxpr, [*consts]
    places = {id(c): v for v, c in zip(jaxpr.constvars, consts)}
    constvars, consts, eqns = [*jaxpr.constvars], [*consts], []
    for eqn in jaxpr.eqns:
        body, values = _by_arguments(eqn.params["jaxpr"]) if eqn.primitive is jit_p else (None, [])
        if body is not None:
            for v, c in zip(body.jaxpr.invars, values):
                if id(c) not in places:
                    places[id(c)] = Var(v.aval)
                    constvars.append(places[id(c)])
                    consts.append(c)
            invars = [*[places[id(c)] for c in values], *eqn.invars]
            eqn = eqn.replace(invars=invars, params={**eqn.params, "jaxpr": body})
        eqns.append(eqn)
    return (jaxpr.replace(constvars=constvars, eqns=eqns) if len(consts) > len(jaxpr.constvars) else jaxpr), consts


@weak_cache
def _by_arguments(called: ClosedJaxpr) -> tuple[ClosedJaxpr | None, list]:
    """(the jaxpr whose first arguments are its lifted constants, these constants); None if there are none. Once for each jaxpr: of
    functions that call the next one twice, twenty make a million calls."""
    jaxpr, consts = _lifted(called.jaxpr, called.consts)
    return (closed(convert_constvars(jaxpr)) if consts else None), consts


class _Program:
    """A function traced for one key, and the tree of its results. `jaxpr`, which runs, has its constants `consts` as its first
    arguments; `called`, which an equation of jit carries, only those that are tracers, `tracers`: the arrays are its constants."""

    __slots__ = (
        "jaxpr", "consts", "called", "tracers", "out_tree", "donated", "closes_over_arrays", "memo", "_runs"
    )  # fmt: skip

    def __init__(self, jaxpr: Jaxpr, consts: Sequence, out_tree, donated: Iterable[int]):
        traced = [isinstance(c, Tracer) for c in consts]
        self.tracers, called = list(compress(consts, traced)), jaxpr
        if self.tracers:
            arrays, hoisted = ([v for v, t in zip(jaxpr.constvars, traced) if t == kind] for kind in (False, True))
            called = jaxpr.replace(constvars=arrays, invars=[*hoisted, *jaxpr.invars])
        self.called = ClosedJaxpr(called, [c for c, t in zip(consts, traced) if not t])
        jaxpr, self.consts = _lifted(jaxpr, consts)
        self.jaxpr = closed(convert_constvars(jaxpr)) if self.consts else self.called
        self.out_tree = out_tree
        self.donated = tuple([len(self.consts) + i for i in donated])  # Positions among the jaxpr's arguments
        # True if every constant is an array. If one is a tracer, the call must go through `bind`.
        self.closes_over_arrays = not self.tracers
        # fast/ stores here how it answers the next call.
        self.memo: Any = None
        self._runs: dict[str, Run] = {}

    def __call__(self, name: str, compiler: str | None, flat: list, inline: bool = False) -> list:
        """The program's flat results for flat arguments, which are arrays and tracers."""
        trace = current_trace()
        evaluating = isinstance(trace, EvalTrace)
        if evaluating and self.closes_over_arrays and _ARRAY.issuperset(map(type, flat)) and not watching():
            # No transformation is running. Only this call donates arguments: a jit within another program never does.
            return self.compiled(name, compiler)(flat)
        if inline and not evaluating:
            return eval_jaxpr(self.jaxpr.jaxpr, (), *self.consts, *flat)
        return jit_p.bind(*self.tracers, *flat, jaxpr=self.called, name=name, compiler=compiler)

    def compiled(self, name: str, compiler: str | None) -> Run:
        """A function that runs the program on its arguments. The constants are filled in."""
        compiler = chosen(compiler)
        run = self._runs.get(compiler)
        if run is None:
            start = perf_counter()
            types = self.jaxpr.in_avals[len(self.consts) :] if config.jax_log_compiles else ()
            log_compiles(f"Compiling jit({name}) with global shapes and types ({', '.join(map(str, types))}).")
            run = compiled(self.jaxpr, name, compiler, self.donated)
            log_time(f"Finished {'XLA' if compiler == 'xla' else 'NumPy'} compilation of jit({name})", start)
            self._runs[compiler] = run = partial(self._with_consts, run) if self.consts else run
        return run

    def _with_consts(self, run: Run, flat: list[ArrayImpl]) -> list:
        return run([*self.consts, *flat])


class _Table(dict):
    """{key of a call: its traced program}"""

    __slots__ = ("__weakref__",)

    def __init__(self):
        _tables[id(self)] = self


# Every table that somebody holds, for `clear_caches`.
_tables: WeakValueDictionary[int, _Table] = WeakValueDictionary()


def _alive(objects: WeakValueDictionary) -> list:
    """The objects. Other threads may make new ones meanwhile: to iterate over a WeakSet would then raise a RuntimeError."""
    return [x for r in objects.valuerefs() if (x := r()) is not None]


class _Shared(NamedTuple):
    """The programs of a Python function by the options of `jit`; an attribute of the function, so that they are freed with it."""

    owner: ref
    programs: dict[Hashable, _Table]


def _programs_of(fun: Callable, options: Hashable) -> _Table:
    """The table of traced programs, which is one for all `jit`s of a function: `jit(f)(1.0); jit(f)(2.0)` traces f once."""
    if type(fun) is not FunctionType:
        return _Table()
    shared = vars(fun).get("_minijax_programs")
    # functools.wraps copies a function's attributes to another function, which is not the owner.
    if shared is None or shared.owner() is not fun:
        shared = vars(fun)["_minijax_programs"] = _Shared(ref(fun), {})
    if options not in shared.programs:
        shared.programs[options] = _Table()
    return shared.programs[options]


# ---------------------------------------------------------------------------------------------------------------------
# jit


class JitFunction(Generic[R]):
    """The function that `jit` returns. It traces `fun` once for each shape, dtype, weak type, static value and tree of its
    arguments."""

    def __init__(
        self,
        fun: Callable[..., R],
        static: ChosenArguments,
        donated: ChosenArguments,
        inline: bool,
        compiler: str | None,
    ):
        wraps(fun)(self)
        self._latest = None  # `fast/` keeps the latest call here; the attributes of a jitted `fun` came along.
        self._name = function_name(fun)
        self._static_argnums, self._static_argnames = static
        self._donated = donated
        self._inline = inline
        self._compiler = compiler
        self._programs = _programs_of(fun, (static, donated, inline, compiler))
        _jitted[id(self)] = self

    def __call__(self, *args: Any, **kwargs: Any) -> R:
        if jit_disabled():
            return self.__wrapped__(*args, **kwargs)
        _, flat, program = self._find(args, kwargs)
        return tree_unflatten(program.out_tree, program(self._name, self._compiler, flat, self._inline))

    def _find(self, args, kwargs) -> tuple[_Call, list, _Program]:
        """(the arguments of a call, their leaves as arrays and tracers, the program for the types of these)."""
        call = self._call_of(args, kwargs)
        flat = [x if type(x) is ArrayImpl else self._operand(x) for x in call.leaves]
        return call, flat, self._program(call, tuple([(x.shape, x.dtype, x.weak_type) for x in flat]))

    def __getattr__(self, name: str) -> Any:
        if name != "__signature__":
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        return inspect.signature(self.__wrapped__)

    def __get__(self, instance: Any, owner: Any = None) -> Callable[..., R]:
        # jit can decorate a method: `instance` becomes the first argument.
        return self if instance is None else partial(self, instance)

    def __repr__(self) -> str:
        return f"<jitted {self.__wrapped__!r}>"

    def _call_of(self, args, kwargs) -> _Call:
        static = static_positions(self._static_argnums, len(args))
        dynamic = args if not static else tuple(x for i, x in enumerate(args) if i not in static)
        static_kwargs = {k: v for k, v in kwargs.items() if k in self._static_argnames}
        dynamic_kwargs = {k: v for k, v in kwargs.items() if k not in static_kwargs} if static_kwargs else kwargs
        leaves, in_tree = tree_flatten((dynamic, dynamic_kwargs))
        statics = tuple(
            (k, type(x), x) for k, x in [*((i, args[i]) for i in sorted(static)), *sorted(static_kwargs.items())]
        )
        return _Call(leaves, in_tree, statics, args, static, static_kwargs)

    def _program(self, call: _Call, types: tuple) -> _Program:
        key = _Key(call.in_tree, types, call.statics, trace_context(), axis_env())
        try:
            program = self._programs.get(key)
        except TypeError:
            raise _unhashable(self.__wrapped__, call.statics) from None
        if program is None:
            if config.jax_no_tracing:
                raise RuntimeError(
                    f"re-tracing function {self._name} for `jit`, but 'no_tracing' is set: call the function before the block"
                    " with arguments of these types."
                )
            if config.jax_explain_cache_misses:
                # Few users ask for this log, and importing logging takes a twentieth of the time of `import minijax`.
                import_module("logging").getLogger("minijax").warning(explain_cache_miss(self, key))
            fun = self.__wrapped__

            def of_dynamic(dynamic, dynamic_kwargs):
                merged = merge_static(call.args, call.static, dynamic)
                return fun(*merged, **dynamic_kwargs, **call.static_kwargs)

            of_dynamic.__name__ = self._name
            start = perf_counter()
            try:
                jaxpr, consts, out_tree = stage(of_dynamic, call.in_tree, [ShapedArray(*t) for t in types])
            except BaseException as error:
                hide_our_frames(error)
                raise
            if config.jax_enable_checks:
                check_jaxpr(jaxpr)
            log_time(f"Finished tracing {self._name} for jit", start)
            program = _Program(jaxpr, consts, out_tree, _donated_leaves(call, self._donated))
            # Do not keep a program that closes over a tracer: the tracer is invalid once its transformation has ended.
            if not any(isinstance(c, Tracer) for c in consts):
                self._programs[key] = program
        return program

    def _operand(self, x):
        return as_operand(
            x, f"Cannot interpret value as an argument of the jitted function {function_name(self.__wrapped__)}: "
        )

    def trace(self, *args: Any, **kwargs: Any) -> Traced:
        """The jaxpr for these arguments, which may be `ShapeDtypeStruct`s."""
        call = self._call_of(args, kwargs)
        avals = [abstractify(x) for x in call.leaves]
        program = self._program(call, tuple([(a.shape, a.dtype, a.weak_type) for a in avals]))
        names = _leaf_names(self.__wrapped__, call.in_tree, call.statics)
        # The stages are imported by the first program that asks for one.
        traced = import_module("minijax.api.stages").Traced
        return traced(program, self._name, call.in_tree, names, self._compiler)

    def lower(self, *args: Any, compiler: str | None = None, **kwargs: Any) -> Lowered:
        """The program for these arguments, which may be `ShapeDtypeStruct`s: `.as_text()`, `.compile()`.

        compiler: "numpy" or "xla"; without it, the function's own compiler."""
        return self.trace(*args, **kwargs).lower(compiler=compiler)

    def eval_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shapes and dtypes of the results."""
        return self.trace(*args, **kwargs).out_info

    def clear_cache(self) -> None:
        """Forget every traced program."""
        self._programs.clear()

    def _cache_size(self) -> int:
        return len(self._programs)


_jitted: WeakValueDictionary[int, JitFunction] = WeakValueDictionary()


def clear_caches() -> None:
    """Forget every program that any jitted function has traced (`jax.clear_caches`).

    >>> clear_caches()
    """
    for f in _alive(_jitted):
        f.clear_cache()
    # A function keeps its programs after its `jit`s are gone.
    for table in _alive(_tables):
        table.clear()
    clear_programs()


@overload
def jit(
    fun: Callable[..., R],
    /,
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Sequence[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Sequence[str] | None = None,
    keep_unused: bool = False,
    inline: bool = False,
    in_shardings: Any = None,
    out_shardings: Any = None,
    device: Device | None = None,
    backend: str | None = None,
    compiler_options: dict[str, Any] | None = None,
    compiler: str | None = None,
) -> JitFunction[R]: ...
@overload
def jit(
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Sequence[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Sequence[str] | None = None,
    keep_unused: bool = False,
    inline: bool = False,
    in_shardings: Any = None,
    out_shardings: Any = None,
    device: Device | None = None,
    backend: str | None = None,
    compiler_options: dict[str, Any] | None = None,
    compiler: str | None = None,
) -> Callable[[Callable[..., R]], JitFunction[R]]: ...
def jit(
    fun: Callable[..., Any] | None = None,
    /,
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Sequence[str] | None = None,
    donate_argnums: int | Sequence[int] | None = None,
    donate_argnames: str | Sequence[str] | None = None,
    keep_unused: bool = False,
    inline: bool = False,
    in_shardings: Any = None,
    out_shardings: Any = None,
    device: Device | None = None,
    backend: str | None = None,
    compiler_options: dict[str, Any] | None = None,
    compiler: str | None = None,
) -> Any:
    """A function that traces `fun` once for each type of its arguments, and runs the traced program (`jax.jit`).

    static_argnums, static_argnames: arguments whose values are part of the program; they must be hashable. donate_argnums,
    donate_argnames: arguments that XLA may overwrite, and that the caller must not use again; NumPy's programs overwrite no
    argument. inline: within another program, the equations of `fun` replace the call. keep_unused is accepted and ignored.

    out_shardings, device: where the results are placed, as in `device_put`. in_shardings is accepted and ignored. Raises
    RuntimeError for a backend other than "cpu", and NotImplementedError for compiler_options, which are XLA's.

    compiler: "numpy" makes a NumPy program. "xla" makes a StableHLO program; XLA compiles it for jaxlib's device, and runs
    it while Python goes on. The default is `config.minijax_compiler`, which is "numpy" unless `config.update` or the
    environment variable MINIJAX_COMPILER sets it. A jitted function within another becomes part of the outer program.
    Raises ValueError for another name, ImportError for "xla" without jaxlib, NotImplementedError for what XLA cannot run.

    >>> f = jit(lambda x, n: x ** n, static_argnums=1)
    >>> f(2.0, 3)
    Array(8., dtype=float32, weak_type=True)
    """
    if fun is None:
        options = {k: v for k, v in locals().items() if k != "fun"}
        return partial(jit, **options)
    check_callable(fun)
    static = positions_and_names(fun, static_argnums, static_argnames, "static_argnums", "static_argnames")
    donated = positions_and_names(fun, donate_argnums, donate_argnames, "donate_argnums", "donate_argnames")
    both = sorted({*static.nums} & {*donated.nums}) or sorted(static.names & donated.names)
    if both:
        raise ValueError(f"jit: an argument cannot be both static and donated, but {both} of {function_name(fun)} are.")
    if compiler is not None:
        chosen(compiler)
    check_backend(backend)
    if compiler_options:
        raise NotImplementedError("minijax's compilers have no options: jit() takes no compiler_options.")
    places = device if out_shardings is None else out_shardings
    if places is None:
        return JitFunction(fun, static, donated, bool(inline), compiler)
    return _Placing(places, fun, static, donated, bool(inline), compiler)


class _Placing(JitFunction):  # Its results are placed where the program says.
    def __init__(self, places: Any, *args: Any):
        super().__init__(*args)
        self._places = places

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return device_put(super().__call__(*args, **kwargs), self._places)


def _donated_leaves(call: _Call, donated: ChosenArguments) -> list[int]:
    """The positions of the call's leaves that are parts of donated arguments."""
    n = len(call.args)
    positions = {i % n for i in donated.nums if -n <= i < n}
    dynamic, keywords = call.in_tree.children()  # Not put together: a node's constructor may refuse what is no array.
    given = [i in positions for i in range(n) if i not in call.static] + [
        k in donated.names for k in keywords.node_data()[1]
    ]
    counts = [child.num_leaves for child in (*dynamic.children(), *keywords.children())]
    return list(compress(range(sum(counts)), [d for d, count in zip(given, counts, strict=True) for _ in range(count)]))


def _unhashable(fun, statics) -> ValueError:
    for argument, _, value in statics:
        try:
            hash(value)
        except TypeError:
            which = f"number {argument}" if isinstance(argument, int) else f"'{argument}'"
            return ValueError(
                f"Non-hashable static arguments are used in a jit function: static argument {which} of {function_name(fun)}"
                f" is {short_repr(value)} of type {type(value)}. Static arguments are looked up by value: give a tuple for a"
                " list, or make the argument dynamic."
            )
    return ValueError(f"jit of {function_name(fun)}: the arguments' pytree has unhashable static data.")


# ---------------------------------------------------------------------------------------------------------------------
# Stages


# ---------------------------------------------------------------------------------------------------------------------
# Why was it traced again?


def explain_cache_miss(f: JitFunction, key: _Key) -> str:
    """A text: the differences between a call and the most similar call that `f` has been traced for."""
    code = getattr(f.__wrapped__, "__code__", None)
    name, defined = (
        function_name(f.__wrapped__),
        "" if code is None else f" defined at {code.co_filename}:{code.co_firstlineno}",
    )
    lines = [f"TRACING CACHE MISS at {source_info.summarize(source_info.current())}:"]
    if not f._programs:
        lines += ["  never seen function:", f"    {name} id={id(f.__wrapped__)}{defined}"]
        if code is not None and any(
            g is not f and getattr(g.__wrapped__, "__code__", None) is code for g in _alive(_jitted)
        ):
            lines += [
                "  but another function made by the same line has been: is it defined, or jitted, again and again, in a loop",
                "  say? Then nothing of the last time is remembered: define and jit it once, outside.",
            ]
        return "\n".join(lines)
    # If several calls are equally similar, take the last one.
    seen = min(reversed(f._programs), key=lambda other: len(_differences(f, key, other)))
    lines += [f"  for {name}{defined}", "  all previously seen cache keys differ. For the closest previous key:"]
    return "\n".join([*lines, *[f"  * {text}" for text in _differences(f, key, seen)]])


def _differences(f: JitFunction, now: _Key, before: _Key) -> list[str]:
    found = []
    if now.in_tree != before.in_tree:
        found.append(f"the structure of the arguments (args, kwargs), now {now.in_tree} and before {before.in_tree}")
    else:
        for argument, a, b in zip(_leaf_names(f.__wrapped__, now.in_tree, now.statics), now.types, before.types):
            if a != b:
                found.append(f"at {argument}, now {_type_text(a, b)} and before {_type_text(b, a)}")
    olds = {argument: value for argument, _, value in before.statics}
    for argument, _, value in now.statics:
        if argument not in olds or (type(value), value) != (type(olds[argument]), olds[argument]):
            old = repr(olds[argument]) if argument in olds else "not given"
            found.append(f"static argument {argument!r}, now {value!r} and before {old}")
    found += [
        f"static argument {argument!r}, not given now"
        for argument in olds
        if argument not in {w for w, _, _ in now.statics}
    ]
    found += [
        f"{option}, now {new} and before {old}"
        for option, new, old in zip(CONTEXT_OPTIONS, context_values(now.context), context_values(before.context))
        if new != old
    ]
    if now.axis_env != before.axis_env:
        found.append(f"the named axes around the call, now {now.axis_env} and before {before.axis_env}")
    return found


def _leaf_names(fun: Callable, in_tree, statics) -> list[str]:
    """The names of the dynamic arguments' leaves, in the user's words: `params['w']`."""
    try:
        names = list(inspect.signature(fun).parameters)
    except (TypeError, ValueError):
        names = []
    static = {argument for argument, _, _ in statics}
    dynamic = [i for i in range(len(names) + in_tree.num_leaves + len(static)) if i not in static]
    found = []
    for path, _ in tree_flatten_with_path(tree_unflatten(in_tree, [0] * in_tree.num_leaves))[0]:
        first = path[1]
        if path[0].idx == 1:
            argument = first.key
        else:
            place = dynamic[first.idx]
            argument = names[place] if place < len(names) else f"args[{place}]"
        found.append(f"{argument}{keystr(path[2:])}")
    return found


def _type_text(type_: tuple, other: tuple) -> str:
    """The type as text, f32[3]. The weak type is shown only if two types differ in it alone."""
    aval = ShapedArray(*type_)
    weak = f"{{weak_type={aval.weak_type}}}" if type_[:2] == other[:2] else ""
    return aval.str_short(short_dtypes=True) + weak


__all__ = ["clear_caches", "jit"]
