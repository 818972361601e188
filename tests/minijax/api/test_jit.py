"""`jit`'s stages and options, and the options that look into a run: disable_jit, debug_nans, checking_leaks,
ensure_compile_time_eval. Where JAX prints a text or raises an error, minijax must do the same."""

from __future__ import annotations

import functools
import gc
import logging

import jax
import jax.numpy
import numpy as np
import pytest
import thinned

import minijax as mj
import minijax.numpy

X = np.float32([1.0, 2.0, 3.0])
BOTH = [mj, jax]


# ---------------------------------------------------------------------------------------------------------------------
# Traced, Lowered, Compiled


def f(lib):
    return lib.jit(lambda x, y=2.0, *, k=None: {"a": lib.numpy.sin(x) * y})


def test_stages_as_in_jax():
    mine, theirs = f(mj), f(jax)
    for args in ((X,), (X, 3.0), (mj.ShapeDtypeStruct((2, 2), np.float32), 1), (jax.ShapeDtypeStruct((), np.int32),)):
        a, b = mine.trace(*args), theirs.trace(*args)
        assert str(a.jaxpr) == str(b.jaxpr)
        assert a.fun_name == b.fun_name
        assert str(a.in_tree) == str(b.in_tree)
        assert str(a.out_tree) == str(b.out_tree)
        assert str(a.in_avals) == str(b.in_avals)
        assert str(a.out_info) == str(b.out_info)
        assert str(mine.eval_shape(*args)) == str(theirs.eval_shape(*args))
        for stage in (a.lower(), a.lower().compile(), mine.lower(*args)):
            assert (stage.in_tree, stage.out_tree) == (a.in_tree, a.out_tree)


def test_traced_shows_what_the_function_closes_over_as_a_constant():
    w = mj.numpy.arange(3.0)
    traced = mj.jit(lambda x: x * w).trace(np.float32(1))
    assert str(traced.jaxpr) == "{ lambda a:f32[3]; b:f32[]. let c:f32[3] = mul b a in (c,) }"
    np.testing.assert_array_equal(traced.lower().compile()(np.float32(2)), 2 * np.arange(3))


def test_lowered_text_is_the_program_that_is_run():
    def g(x):
        mj.numpy.cos(x)
        return mj.numpy.sin(x)

    text = mj.jit(g).lower(1.0).as_text()
    assert [line for line in text.splitlines() if line and "#" not in line] == [
        "import numpy as np", "def g(x):", "    a = np.sin(x)", "    return a",
    ]  # fmt: skip
    assert mj.jit(g).lower(1.0).compile().as_text() == text


def test_compiled_runs_and_never_traces():
    traces = []

    def g(x, d):
        traces.append(1)
        return x * d["k"]

    compiled = mj.jit(g).lower(X, {"k": 1.0}).compile()
    for _ in range(3):
        np.testing.assert_array_equal(compiled(X, {"k": 2.0}), 2 * X)
    assert len(traces) == 1


COMPILED_ERRORS = {
    "shape": (lambda lib: (lib.numpy.ones(3),), r"compiled with float32\[\] and called with float32\[3\]"),
    "dtype": (lambda lib: (1,), r"compiled with float32\[\] and called with int32\[\]"),
    "structure": (
        lambda lib: (1.0, 2.0),
        "Function compiled with input pytree does not match the input pytree it was called",
    ),
}


@pytest.mark.parametrize("name", COMPILED_ERRORS)
@pytest.mark.parametrize("lib", BOTH, ids=lambda lib: lib.__name__)
def test_compiled_errors(lib, name):
    args, text = COMPILED_ERRORS[name]
    compiled = lib.jit(lambda x, y=2.0: x * y).lower(1.0).compile()
    with pytest.raises(TypeError, match=text):
        compiled(*args(lib))


@pytest.mark.parametrize("lib", BOTH, ids=lambda lib: lib.__name__)
def test_compiled_is_not_to_be_transformed(lib):
    compiled = lib.jit(lambda x: x * x).lower(1.0).compile()
    with pytest.raises(TypeError, match="Cannot apply JAX transformations to a function lowered and compiled"):
        lib.grad(compiled)(1.0)


# ---------------------------------------------------------------------------------------------------------------------
# Options of jit


def test_inlined_text():
    def program(lib):
        inner = lib.jit(lambda x: lib.numpy.sin(x) * 2, inline=True)
        outer = lib.jit(lambda x: inner(x) + 1)
        return [
            lib.make_jaxpr(lambda x: inner(x) + 1)(1.0),
            lib.make_jaxpr(outer)(1.0),
            lib.make_jaxpr(lib.vmap(inner))(lib.numpy.asarray(X)),
            lib.make_jaxpr(lib.jit(lib.grad(inner)))(1.0),
        ]

    for mine, theirs in zip(program(mj), program(jax), strict=True):
        assert str(mine) == str(theirs)


def test_donated_arguments_are_accepted_and_stay_valid():
    x = mj.numpy.asarray(X)
    np.testing.assert_array_equal(mj.jit(lambda x: x + 1, donate_argnums=0)(x), X + 1)
    np.testing.assert_array_equal(mj.jit(lambda x: x + 1, donate_argnames="x", keep_unused=True)(x), X + 1)
    np.testing.assert_array_equal(x, X)


TRANSFORMS_WITH_STATIC_ARGUMENTS = {
    "jit": lambda lib: lib.jit,
    "lower": lambda lib: lambda f, **options: lambda *args: lib.jit(f, **options).lower(*args).in_tree,
    "make_jaxpr": lambda lib: lib.make_jaxpr,
    "checkpoint": lambda lib: lib.checkpoint,
}
# Each makes a new function: JAX's cache answers calls of a function that it knows, and checks no argnums there.
FUNCTIONS = {
    "one parameter": lambda: lambda x: x,
    "a default that the caller leaves out": lambda: lambda x, y=1.0: x,
    "any number of parameters": lambda: lambda *xs: xs[0],
}


@pytest.mark.parametrize("transform", TRANSFORMS_WITH_STATIC_ARGUMENTS)
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("nums", [1, 5, -1, -2, -5, (0, 5), (0, -3), (0, 1, -1)])
@pytest.mark.one_in(3)
def test_static_argnums_out_of_range_as_in_jax(transform, function, nums):
    """Each call returns what JAX's call returns, or raises JAX's error with JAX's text."""

    def outcome(lib):
        try:
            return str(
                TRANSFORMS_WITH_STATIC_ARGUMENTS[transform](lib)(FUNCTIONS[function](), static_argnums=nums)(1.5)
            )
        except (ValueError, TypeError) as error:
            return type(error), str(error)

    assert outcome(mj) == outcome(jax)


OPTION_ERRORS = {
    "donated out of range": (dict(donate_argnums=3), ValueError, "has donate_argnums=.* but only accepts 1 positional"),
    "static out of range": (dict(static_argnums=3), ValueError, "has static_argnums=.* but only accepts 1 positional"),
    "donated unknown": (dict(donate_argnames="y"), ValueError, "invalid argnames .* in donate_argnames"),
    "static unknown": (dict(static_argnames="y"), ValueError, "invalid argnames .* in static_argnames"),
    "both": (
        dict(static_argnums=0, donate_argnums=0),
        ValueError,
        "^jit: an argument cannot be both static and donated, but \\[0\\] of <lambda> are.$",
        "^static_argnames and donate_argnames cannot intersect",
    ),
    "kind": (
        dict(static_argnums="x"),
        TypeError,
        "^jit's static_argnums must be an int or a sequence of ints, got 'x'$",
        "^'str' object cannot be interpreted as an integer",
    ),
}


@pytest.mark.parametrize("name", OPTION_ERRORS)
def test_option_errors(name):
    """A row with two texts has minijax's text and JAX's, which says less."""
    options, error, text, *other = OPTION_ERRORS[name]
    for lib, words in ((mj, text), (jax, *(other or [text]))):
        with pytest.raises(error, match=words):
            lib.jit(lambda x: x, **options)(1.0)


def test_as_many_arguments_as_there_are_keywords_among_letters():
    f, args = mj.jit(lambda *args: args[-1] + 1), [mj.numpy.asarray(float(i)) for i in range(500)]
    for _ in range(3):  # from the second call on, the fast path recognises a call like the latest one
        assert float(f(*args)) == 500


def test_the_cache():
    traces = []

    @mj.jit
    def g(x):
        traces.append(x)
        return x

    g(1.0), g(2.0), g(X), g(X + 1)
    assert (g._cache_size(), len(traces)) == (2, 2)
    mj.clear_caches()
    assert g._cache_size() == 0
    g(1.0)
    assert len(traces) == 3
    g.clear_cache()
    assert g._cache_size() == 0


# ---------------------------------------------------------------------------------------------------------------------
# Why traced again


@pytest.fixture
def explained(caplog):
    """Runs a call, and returns the lines that it logs, without the first line, which names the place of the call."""
    caplog.set_level(logging.WARNING, logger="minijax")
    mj.config.update("jax_explain_cache_misses", True)

    def run(call):
        caplog.clear()
        call()
        texts = [r.getMessage().splitlines() for r in caplog.records]
        assert all(t[0].startswith("TRACING CACHE MISS at ") and "test_jit.py" in t[0] for t in texts)
        return [line for t in texts for line in t[1:]]

    yield run
    mj.config.update("jax_explain_cache_misses", False)


def last_lines(params, x, n=1, *, flag=False):
    return x * n


CALLS = [
    # (arguments, keyword arguments, the text about the difference from the previous call)
    (({"w": X}, X), {}, None),
    (({"w": X}, X + 1), {}, []),
    (({"w": X}, X[:2]), {}, ["  * at x, now f32[2] and before f32[3]"]),
    (({"w": X[:2]}, X[:2]), {}, ["  * at params['w'], now f32[2] and before f32[3]"]),
    (({"w": X[:2]}, 1), {}, ["  * at x, now i32[] and before f32[2]"]),
    (({"w": X[:2]}, np.int32(1)), {}, ["  * at x, now i32[]{weak_type=False} and before i32[]{weak_type=True}"]),
    (({"w": X[:2]}, np.int32(1), 2), {}, ["  * static argument 2, now 2 and before not given"]),
    (({"w": X[:2]}, np.int32(1), 3), {}, ["  * static argument 2, now 3 and before 2"]),
    (({"w": X[:2]}, np.int32(1), 3), {"flag": True}, ["  * static argument 'flag', now True and before not given"]),
    (
        ({"v": X[:2]}, np.int32(1), 3),
        {"flag": True},
        [
            "  * the structure of the arguments (args, kwargs), now PyTreeDef((({'v': *}, *), {})) and before"
            " PyTreeDef((({'w': *}, *), {}))"
        ],
    ),
]


def test_explains_which_argument_changed(explained):
    g = mj.jit(last_lines, static_argnames=("n", "flag"))
    for args, kwargs, expected in CALLS:
        said = explained(functools.partial(g, *args, **kwargs))
        if expected is None:
            assert said[0] == "  never seen function:"
            assert said[1].startswith(f"    last_lines id={id(last_lines)} defined at ")
        elif not expected:
            assert said == []
        else:
            assert said[0].startswith("  for last_lines defined at ")
            assert said[1] == "  all previously seen cache keys differ. For the closest previous key:"
            assert said[2:] == expected


def test_explains_a_function_jitted_in_a_loop(explained):
    kept = []

    def step():
        kept.append(mj.jit(lambda x: x + 1))
        kept[-1](1.0)

    assert len(explained(step)) == 2
    assert "another function made by the same line has been" in explained(step)[2]


def test_explains_x64_and_named_axes(explained):
    g = mj.jit(lambda x: x + 1)
    explained(lambda: g(np.int32(1)))
    with mj.enable_x64():
        assert explained(lambda: g(np.int32(1)))[2:] == ["  * jax_enable_x64, now True and before False"]
    said = explained(lambda: mj.vmap(g, axis_name="i")(np.arange(2, dtype=np.int32)))
    assert said[2:] == ["  * the named axes around the call, now (('i', 2),) and before ()"]


def test_says_nothing_unless_asked(caplog):
    mj.jit(lambda x: x)(1.0)
    assert not caplog.records


# ---------------------------------------------------------------------------------------------------------------------
# disable_jit


def shown(lib):
    def step(c, x):
        print("step", c, x)
        return c + x, 2 * c

    def branch(x):
        print("branch", x)
        return x + 1

    def body(*args):
        print("body", *args)
        return args[-1] + 1

    lax, xs = lib.lax, lib.numpy.arange(3.0)
    return {
        "python": lib.jit(lambda x: x if x > 0 else -x)(-3.0),
        "scan": lax.scan(step, 0.0, xs),
        "reverse": lax.scan(step, 0.0, xs, reverse=True),
        "map": lax.map(lambda x: branch(x) * 2, xs),
        "cond": lax.cond(xs[1] > 0, branch, lambda x: x, xs[2]),
        "switch": lax.switch(5, [lambda x: x, branch], xs[2]),
        "while": lax.while_loop(lambda c: c < 2, body, 0),
        "fori": lax.fori_loop(0, 2, body, 10),
        "grad": lib.grad(lambda x: lax.scan(step, x, xs)[0] ** 2)(1.0),
        "jit": lib.jit(lambda x: print("jit", x))(3.0),
    }


def test_without_jit_all_is_python(capsys):
    results = []
    for lib in BOTH:
        with lib.disable_jit():
            results.append((jax.tree.map(np.asarray, shown(lib)), capsys.readouterr().out))
    (mine, printed), (theirs, expected) = results
    # Under grad the values are tracers, which print differently in each library.
    mine_lines, their_lines = ([line for line in t.splitlines() if "Tracer" not in line] for t in (printed, expected))
    assert mine_lines == their_lines
    assert printed.count("Tracer") == 3
    jax.tree.map(np.testing.assert_allclose, mine, theirs)


def test_without_jit_what_must_be_traced_is():
    with mj.disable_jit():
        doubled = mj.vmap(lambda x: mj.lax.while_loop(lambda c: c < 10, lambda c: c * 2, x))(mj.numpy.arange(1, 4))
        np.testing.assert_array_equal(doubled, [16, 16, 12])
        chosen = mj.vmap(lambda x: mj.lax.cond(x > 1, lambda: x, lambda: -x))(mj.numpy.arange(3))
        np.testing.assert_array_equal(chosen, [0, -1, 2])
        carry, ys = mj.lax.scan(lambda c, x: (c, x), 1.0, mj.numpy.zeros((0, 2)))
        assert ys.shape == (0, 2)
    assert not mj.config.jax_disable_jit


# ---------------------------------------------------------------------------------------------------------------------
# debug_nans, debug_infs

FAULTS = {
    "eager": (lambda lib: lib.numpy.log(-1.0), "log"),
    "jit": (lambda lib: lib.jit(lambda x: lib.numpy.sin(lib.numpy.log(x)))(-1.0), "log"),
    "grad": (lambda lib: lib.grad(lambda x: lib.numpy.where(x > 0, lib.numpy.sqrt(x), 0.0))(0.0), "mul"),
    "jit of grad": (
        lambda lib: lib.jit(lib.grad(lambda x: lib.numpy.where(x > 0, lib.numpy.sqrt(x), 0.0)))(0.0),
        "mul",
    ),
    "div": (lambda lib: lib.numpy.zeros(3) / 0, "div"),
    "vmap": (lambda lib: lib.vmap(lib.numpy.arccos)(lib.numpy.arange(3.0)), "acos"),
    "no fault": (lambda lib: lib.numpy.log(2.0) + 1, None),
    "hidden under jit": (lambda lib: lib.jit(lambda x: lib.numpy.where(x < 0, 1.0, lib.numpy.log(x)))(-1.0), None),
    "integers": (lambda lib: lib.numpy.arange(3) // 2, None),
    "inf is no nan": (lambda lib: lib.numpy.log(0.0), None),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.one_in(3)
def test_nans_are_found_where_jax_finds_them(name):
    program, primitive = FAULTS[name]
    for lib in BOTH:
        with lib.debug_nans(True):
            if primitive is None:
                program(lib)
            else:
                with pytest.raises(FloatingPointError, match=rf"invalid value \(nan\) encountered in {primitive}"):
                    program(lib)


def test_nans_within_calls_are_told_by_line():
    """JAX names the scan; minijax names the operation in its body."""

    def root(c):
        return mj.numpy.sqrt(c)

    def step(c, x):
        return root(c - x), None

    calls = {
        "scan": lambda: mj.lax.scan(step, 1.0, mj.numpy.arange(3.0)),
        "while": lambda: mj.lax.while_loop(lambda c: c != 0, lambda c: root(c - 2), 1.0),
        "cond": lambda: mj.lax.cond(True, root, lambda c: c, -1.0),
        "jit": lambda: mj.jit(lambda x: mj.jit(root)(x))(-1.0),
        "checkpoint": lambda: mj.checkpoint(root)(-1.0),
        "vmap of jit": lambda: mj.vmap(mj.jit(root))(mj.numpy.arange(-1.0, 1.0)),
    }
    for name, call in calls.items():
        with mj.debug_nans(), pytest.raises(FloatingPointError, match="encountered in sqrt") as error:
            call()
        assert f"{__file__}:{root.__code__.co_firstlineno + 1}:15 (root)" in str(error.value), name


@pytest.mark.parametrize("lib", BOTH, ids=lambda lib: lib.__name__)
def test_infs(lib):
    with lib.debug_infs(True):
        for call in (lambda: lib.numpy.log(0.0), lambda: lib.jit(lambda x: lib.numpy.log(x) + 1)(0.0)):
            with pytest.raises(FloatingPointError, match=r"invalid value \(inf\) encountered in log"):
                call()
        lib.numpy.sin(1.0)


# ---------------------------------------------------------------------------------------------------------------------
# checking_leaks

kept: list = []


def keep(x):
    kept.append(x)
    return x


class Model:
    pass


LEAKS = {
    "jit": lambda lib: lib.jit(keep)(1.0),
    "vmap": lambda lib: lib.vmap(keep)(X),
    "grad": lambda lib: lib.grad(keep)(1.0),
    "jvp": lambda lib: lib.jvp(keep, (1.0,), (1.0,)),
    "scan": lambda lib: lib.lax.scan(lambda c, x: (keep(c), x), 0.0, X),
    "make_jaxpr": lambda lib: lib.make_jaxpr(keep)(1.0),
    "attribute": lambda lib: lib.jit(lambda x: [setattr(Model, "cache", x * 2), x][1])(1.0),
}


@pytest.mark.parametrize("name", LEAKS)
@pytest.mark.one_in(2)
def test_leaks_are_found(name):
    try:
        # JAX does not report tracers of grad and jvp, which carry values; and its search takes seconds.
        for lib in BOTH if thinned.LONG and name in ("jit", "vmap") else [mj]:
            with lib.checking_leaks(), pytest.raises(Exception, match=r"Leaked trace \w*Trace\b.*racer\(s\)"):
                LEAKS[name](lib)
    finally:
        kept.clear()
        Model.cache = None


def test_what_a_program_has_frozen_stays_frozen():
    gc.freeze()
    with mj.checking_leaks():
        pass
    assert gc.get_freeze_count() > 0
    gc.unfreeze()
    with mj.checking_leaks():
        pass
    assert gc.get_freeze_count() == 0
    gc.freeze()


def test_leaks_are_told_by_holder():
    with mj.checking_leaks(), pytest.raises(Exception, match=rf"held by a list, {__name__}.kept"):
        mj.vmap(keep)(X)
    kept.clear()


CLEAN = {
    "jit": lambda: mj.jit(lambda x: x + 1)(1.0),
    "grad with data": lambda: mj.value_and_grad(lambda x: (x**2, {"a": x, "b": "s"}), has_aux=True)(1.0),
    "jvp": lambda: mj.jvp(mj.numpy.sin, (1.0,), (1.0,), has_aux=False),
    "hessian": lambda: mj.hessian(lambda x: (x**3).sum())(X),
    "vmap of grad of scan": lambda: mj.vmap(
        mj.grad(lambda c: mj.lax.scan(lambda c, _: (mj.numpy.sin(c), c), c, None, length=3)[1].sum())
    )(X),
    "checkpoint": lambda: mj.grad(mj.checkpoint(lambda x: mj.nn.relu(mj.numpy.sin(x))))(1.0),
    "custom_vjp": lambda: mj.vmap(mj.grad(_doubled()))(X),
    "custom_jvp": lambda: mj.vmap(mj.grad(mj.nn.relu))(X),
    "while": lambda: mj.lax.while_loop(lambda c: c < 3, lambda c: c + 1, 0),
    "vmap of cond": lambda: mj.vmap(lambda x: mj.lax.cond(x > 1, mj.numpy.sin, mj.numpy.cos, x))(X),
    "psum": lambda: mj.vmap(lambda x: mj.lax.psum(x, "i"), axis_name="i")(X),
    "print": lambda: mj.jit(lambda x: mj.debug.callback(lambda v: None, x))(1.0),
}


def _doubled():
    f = mj.custom_vjp(lambda x: 2 * x)
    f.defvjp(lambda x: (2 * x, (x,)), lambda residuals, ct: (2 * ct,))
    return f


@pytest.mark.parametrize("name", CLEAN)
def test_what_leaks_nothing_passes(name):
    with mj.checking_leaks():
        CLEAN[name]()


# ---------------------------------------------------------------------------------------------------------------------
# ensure_compile_time_eval


@pytest.mark.parametrize("lib", BOTH, ids=lambda lib: lib.__name__)
def test_compile_time_evaluation(lib):
    seen = {}

    @lib.jit
    def g(x):
        with lib.ensure_compile_time_eval():
            n = lib.numpy.arange(4).sum()
            seen["relu"] = float(lib.nn.relu(lib.numpy.float32(-1)))
            seen["grad"] = float(lib.grad(lambda v: v**2)(3.0))
            seen["scan"] = float(lib.lax.scan(lambda c, v: (c + v, None), 0.0, X)[0])
            seen["tracer"] = isinstance(x + 1, lib.core.Tracer)
            with pytest.raises(lib.errors.ConcretizationTypeError):
                int(x)
        return x * int(n)

    assert float(g(2.0)) == 12.0
    assert seen == {"relu": 0.0, "grad": 6.0, "scan": 6.0, "tracer": True}
    # The last equation is dead code, and it is the only recorded equation.
    assert str(lib.make_jaxpr(g)(1.0)).count(" add ") == 1


@pytest.mark.parametrize("transformation", ["grad", "vmap"])
def test_a_program_that_closes_over_a_tracer_is_not_kept(transformation):
    cell = {}
    inner = mj.jit(lambda x: x * cell["y"])

    def outer(y):
        cell["y"] = y
        return inner(2.0)

    for y in (3.0, 4.0):
        if transformation == "grad":
            assert mj.value_and_grad(outer)(y) == (2 * y, 2.0)
        else:
            assert mj.vmap(outer)(minijax.numpy.asarray([y, y + 1])).tolist() == [2 * y, 2 * y + 2]


@pytest.mark.parametrize("again", [lambda f: f, mj.jit], ids=["the same jit", "another jit"])
def test_clear_caches_forgets_what_was_traced(again):
    traced = []

    def f(x):
        traced.append(x)
        return x * 2

    jitted = mj.jit(f)
    for _ in range(4):
        jitted(1.0)
    mj.clear_caches()
    again(jitted if again is not mj.jit else f)(1.0)
    assert len(traced) == 2


def test_a_method_is_called_by_its_object_and_by_its_class():
    class Scale:
        def __init__(self, factor):
            self.factor = factor

        @functools.partial(mj.jit, static_argnums=0)
        def times(self, x):
            return self.factor * x

    assert float(Scale(3.0).times(2.0)) == 6.0
    assert float(Scale.times(Scale(4.0), 2.0)) == 8.0
    assert Scale.times is Scale.__dict__["times"]


def test_infos_of_arguments():
    def infos(lib):
        lowered = lib.jit(lambda a, b, *, c: a + b["x"] + c, donate_argnums=0).lower(X, {"x": 1}, c=X)
        found = lib.tree.leaves((lowered.args_info, lowered.compile().args_info))
        assert all(isinstance(x, lib.stages.ArgInfo) for x in found)
        return [(x.shape, x.dtype, x.donated) for x in found]

    assert infos(mj) == infos(jax)
    for lib in BOTH:
        assert isinstance(lib.jit(lib.numpy.sin), lib.stages.Wrapped)
        assert not isinstance(lib.grad(lib.numpy.sin), lib.stages.Wrapped)
