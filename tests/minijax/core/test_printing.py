"""A jaxpr prints as in JAX: first many programs, then the printer's options."""

from __future__ import annotations

import builtins
import io
import re
import sys
from itertools import islice

import jax
import jax._src.pretty_printer
import numpy as np
import pytest
from printed_programs import (
    INLINED,
    cross_entropy,
    entropy_args,
    f32,
    inlined,
    kaf,
    kaf_args,
    key,
    m,
    mlp,
    mlp_args,
    traced,
    wide,
    x,
)

import minijax
from minijax.core import printing as pretty_print
from minijax.core.avals import ShapedArray
from minijax.core.jaxpr import DropVar, JaxprEqn, Var
from minijax.core.primitive import Primitive
from minijax.core.printing import Break, Group, Nest, layout, letters


def assert_same_text(ours, theirs):
    assert str(ours).splitlines() == str(theirs).splitlines()


# ---------------------------------------------------------------------------------------------------------------------
# The example that the project began with


def test_seed_example():
    def f(x):
        return x[0] + x[0] * x[1]

    assert (
        str(minijax.make_jaxpr(f)(np.ones(5, np.float32)))
        == """\
{ lambda ; a:f32[5]. let
    b:f32[1] = slice[limit_indices=(1,) start_indices=(0,) strides=None] a
    c:f32[] = squeeze[dimensions=(0,)] b
    d:f32[1] = slice[limit_indices=(1,) start_indices=(0,) strides=None] a
    e:f32[] = squeeze[dimensions=(0,)] d
    f:f32[1] = slice[limit_indices=(2,) start_indices=(1,) strides=None] a
    g:f32[] = squeeze[dimensions=(0,)] f
    h:f32[] = mul e g
    i:f32[] = add c h
  in (i,) }"""
    )


# ---------------------------------------------------------------------------------------------------------------------
# Layout, names and jits: the text as it comes, nothing inlined


def literals(lib):
    numbers = (2.0, True, 3, np.nan, np.inf, -np.inf, 1j, 0.1, 1 / 3)
    typed = (np.float32(0.1), np.float16(3), np.int8(4), np.uint32(2**32 - 1), -0.0)
    return lambda x: (x, *numbers, *typed, lib.numpy.bfloat16(1.5), lib.numpy.float32(0.3))


def closed_over_arrays(lib):
    c, d = lib.numpy.arange(3.0), np.ones((2, 3), np.float32)
    return lambda x: (lib.lax.sin(x) + c, lib.lax.mul(x, x), c + x, x + d)


def one_jit_twice(lib):
    f = lib.jit(lib.lax.sin)
    return lambda x: f(f(x))


def jits_of_one_name(lib):
    def with_name(function):
        def f(x):
            return function(x)

        return lib.jit(f)

    f, g, h = with_name(lib.lax.sin), with_name(lib.lax.cos), with_name(lib.lax.tan)
    return lambda x: f(g(h(f(g(x)))))


def jit_that_is_long(lib):
    def f(x):
        for _ in range(11):
            x = lib.lax.sin(x)
        return x

    return lib.jit(f)


def names_through_jit(lib):
    @lib.jit
    def inner(x, y):
        return y, lib.lax.sin(x), 1.0

    return lambda x: inner(x, x)


def nested_jits(lib):
    g = lib.jit(lambda y: lib.lax.cos(lib.lax.sin(y)))
    f = lib.jit(lambda y, z: (g(y), g(z)))
    return lambda x: lib.lax.exp(lib.jit(lambda y: f(y, y)[0])(x))


def unread_results(lib):
    def f(x):
        lib.lax.sin(x)
        values, _ = lib.lax.top_k(x, 2)
        lib.jit(lambda y: (lib.lax.cos(y), lib.lax.sin(y)))(x)
        return values

    return f


def many_letters(lib):
    def f(x):
        for _ in range(60):
            x = lib.lax.sin(x)
        return x

    return f


def custom_jvp(lib):
    @lib.custom_jvp
    def f(x):
        return lib.lax.sin(x)

    f.defjvp(lambda primals, tangents: (f(*primals), tangents[0]))
    return lambda x: f(x) * 2


def custom_vjp(lib):
    @lib.custom_vjp
    def f(x):
        return lib.lax.sin(x)

    f.defvjp(lambda x: (f(x), x), lambda x, ct: (ct,))
    return lambda x: f(x) * 2


DIRECT = {
    "identity": (lambda lib: lambda x: x, 1.0),
    "nothing": (lambda lib: lambda: (),),
    "no results": (lambda lib: lambda x: (), 1.0),
    "one equation": (lambda lib: lambda x: lib.lax.sin(x), 1.0),
    "literals": (literals, 1.0),
    "weak types": (lambda lib: lambda x, y: (x * 2.0 + 0.1, y * 2.0 + 0.1, x * y, x / 3), 1.0, x),
    "closed-over arrays": (closed_over_arrays, x),
    "one jit twice": (one_jit_twice, x),
    "jits of one name": (jits_of_one_name, x),
    "jit that is long": (jit_that_is_long, x),
    "names through jit": (names_through_jit, x),
    "nested jits": (nested_jits, x),
    "lambda": (lambda lib: lib.jit(lambda x: x), x),
    "jit of a constant": (lambda lib: lib.jit(lambda x: 2.0), x),
    "jit closing over an array": (lambda lib: lambda y: lib.jit(lambda x: x + y)(y), x),
    "unread results": (unread_results, x),
    "many letters": (many_letters, x),
    "several results": (lambda lib: lambda x: (lib.lax.sin(x), x, [x, {"a": lib.lax.cos(x)}]), x),
    "many arguments": (lambda lib: lambda *xs: lib.lax.concatenate(xs, 0), *[wide] * 12),
    "many arguments, no equation": (lambda lib: lambda *xs: xs[::-1], *[wide] * 12),
    "arguments of many types": (
        lambda lib: lambda *xs: xs,
        *[np.zeros((2, 0), t) for t in ("bool", "i1", "u2", "i4", "f2", "f4", "c8")],
        1j,
        True,
        key,
    ),
    "lax.dot_general": (
        lambda lib: lambda x, y: lib.lax.dot_general(x, y, (((1,), (1,)), ((0,), (0,)))),
        *[m[None]] * 2,
    ),
    "lax.convert_element_type": (lambda lib: lambda x: lib.lax.convert_element_type(x, np.dtype("int8")), x),
    "lax.broadcast_in_dim": (lambda lib: lambda x: lib.lax.broadcast_in_dim(x, (2, 3), (1,)), x),
    "lax.broadcast": (lambda lib: lambda x: lib.lax.broadcast(x, (2, 3)), 1.0),
    "lax.iota": (lambda lib: lambda: lib.lax.iota("int32", 3),),
    "lax.broadcasted_iota": (lambda lib: lambda: lib.lax.broadcasted_iota(np.dtype("uint8"), (2, 3), 1),),
    "lax.reshape": (lambda lib: lambda x: lib.lax.reshape(x, (3, 2)), m),
    "lax.transpose": (lambda lib: lambda x: lib.lax.transpose(x, (1, 0)), m),
    "lax.pad": (lambda lib: lambda x: lib.lax.pad(x, np.float32(0), [(1, 2, 0), (0, -1, 1)]), m),
    "lax.slice": (lambda lib: lambda x: lib.lax.slice(x, (0, 0), (2, 3), (1, 2)), m),
    "lax.dynamic_slice": (lambda lib: lambda x, i: lib.lax.dynamic_slice(x, (i,), (2,)), x, 1),
    "lax.dynamic_update_slice": (lambda lib: lambda x, y: lib.lax.dynamic_update_slice(x, y, (1,)), x, x[:1]),
    "lax.select": (lambda lib: lambda p, x: lib.lax.select(p, x, x), np.array([True, False, True]), x),
    "lax.clamp": (lambda lib: lambda x: lib.lax.clamp(0.0, x, 1.0), x),
    "lax.sort": (lambda lib: lambda x, y: lib.lax.sort((x, y), num_keys=2), x, x),
    "lax.cumsum": (lambda lib: lambda x: lib.lax.cumsum(x, 1, reverse=True), m),
    "lax.argmax": (lambda lib: lambda x: lib.lax.argmax(x, 1, np.dtype("int32")), m),
    "lax.integer_pow": (lambda lib: lambda x: lib.lax.integer_pow(x, -3), x),
    "lax.bitcast_convert_type": (lambda lib: lambda x: lib.lax.bitcast_convert_type(x, np.dtype("uint32")), x),
    "lax.cond": (lambda lib: lambda x: lib.lax.cond(x > 0, lib.lax.sin, lib.lax.cos, x), 1.0),
    "lax.switch": (lambda lib: lambda i, x: lib.lax.switch(i, [lib.lax.sin, lib.lax.cos, lambda u: u * x], x), 1, 1.0),
    "lax.while_loop": (lambda lib: lambda x: lib.lax.while_loop(lambda c: c < 3, lambda c: c * 2, x), 1.0),
    "lax.while_loop, consts": (
        lambda lib: lambda x, y: lib.lax.while_loop(lambda c: c[0] < y, lambda c: (c[0] + 1, c[1] * y), (x, 2.0)),
        1.0,
        3.0,
    ),
    "lax.scan": (lambda lib: lambda c, xs: lib.lax.scan(lambda c, x: (c * x, c), c, xs), f32(1), x),
    "lax.scan, ys that are xs": (lambda lib: lambda xs: lib.lax.scan(lambda c, x: (c + x, (x, c)), 0.0, xs), x),
    "lax.scan, carry that is constant": (
        lambda lib: lambda xs, w: lib.lax.scan(lambda c, x: ((c[0], c[1] * x), w), (w, f32(1)), xs),
        x,
        2.0,
    ),
    "lax.scan, length": (
        lambda lib: lambda c: lib.lax.scan(lambda c, _: (lib.lax.sin(c), None), c, None, length=4),
        1.0,
    ),
    "lax.scan, gradient": (
        lambda lib: lib.grad(lambda w, xs: lib.lax.scan(lambda c, x: (lib.lax.tanh(w * c + x), c), 0.0, xs)[0]),
        2.0,
        x,
    ),
    "lax.map of nothing": (lambda lib: lambda xs: lib.lax.map(lambda x: x, xs), x),
    "lax.while_loop, constant": (
        lambda lib: lambda x, y: lib.lax.while_loop(lambda c: c[0] < 9, lambda c: (c[0] * c[1], c[1]), (x, y)),
        1.0,
        2.0,
    ),
    "lax.cond, results that are there": (
        lambda lib: lambda p, x, y: lib.lax.cond(p, lambda a, b: (a, b * 2), lambda a, b: (a, b), x, y),
        True,
        2.0,
        3.0,
    ),
    "lax.cond, closed over": (lambda lib: lambda p, x, y: lib.lax.cond(p, lambda: x * y, lambda: x), True, 2.0, 3.0),
    "lax.associative_scan": (
        lambda lib: lambda x: lib.lax.associative_scan(lambda a, b: a * b, x),
        f32([1, 2, 3, 4, 5]),
    ),
    "lax.scan, consts": (lambda lib: lambda c, xs, y: lib.lax.scan(lambda c, x: (c * x + y, c), c, xs), 1.0, x, 2.0),
    "lax.fori_loop": (lambda lib: lambda c: lib.lax.fori_loop(0, 3, lambda i, c: c * i, c), 1.0),
    "lax.fori_loop, traced": (lambda lib: lambda c, n: lib.lax.fori_loop(0, n, lambda i, c: c * 2, c), 1.0, 3),
    "lax.map": (lambda lib: lambda xs: lib.lax.map(lib.lax.sin, xs), x),
    "custom_jvp": (custom_jvp, 1.0),
    "custom_vjp": (custom_vjp, 1.0),
    "random.bits": (lambda lib: lambda k: lib.random.bits(k, (2,)), key),
}


@pytest.mark.parametrize("name", DIRECT)
@pytest.mark.one_in(2)
def test_same_text(name):
    program, *args = DIRECT[name]
    assert_same_text(traced(minijax, program, args), traced(jax, program, args))


# ---------------------------------------------------------------------------------------------------------------------
# Programs of jnp functions: nested jits inlined on both sides


@pytest.mark.parametrize("name", INLINED)
@pytest.mark.one_in(3)
def test_same_text_inlined(name):
    program, *args = INLINED[name]
    ours, theirs = (inlined(traced(lib, program, args).jaxpr) for lib in (minijax, jax))
    assert_same_text(ours, theirs)


# ---------------------------------------------------------------------------------------------------------------------
# Gradients: no more equations than JAX's

GRADIENTS = {
    "x * sin(x)": (lambda lib: lambda x: lib.numpy.sin(x) * x, 1.0),
    "sum of squares": (lambda lib: lambda x: lib.numpy.sum(x**2), x),
    "the seed's": (lambda lib: lambda x: x[0] + x[0] * x[1], x),
    "x[i]": (lambda lib: lambda x, i: x[i] ** 2, x, 1),
    "logsumexp": (lambda lib: lambda x: lib.nn.logsumexp(x), x),
    "softmax": (lambda lib: lambda x: lib.nn.softmax(x)[0], x),
    "where": (lambda lib: lambda x: lib.numpy.sum(lib.numpy.where(x > 0, x, 0.0)), x),
    "broadcasting": (lambda lib: lambda x, m: lib.numpy.sum(lib.numpy.sin(m * x + x[:2, None])), x, m),
    "tanh": (lambda lib: lib.numpy.tanh, 1.0),
    "log_softmax": (lambda lib: lambda x: lib.nn.log_softmax(x)[0], x),
    "matmul": (lambda lib: lambda a: lib.numpy.sum(lib.numpy.exp(a @ m.T)), m),
    "of a jit": (lambda lib: lib.jit(lambda x: lib.numpy.sum(lib.numpy.exp(2 * x))), x),
    "mean of a sort": (lambda lib: lambda x: lib.numpy.mean(lib.numpy.sort(x) ** 3), x),
    "cumulative sum": (lambda lib: lambda x: lib.numpy.sum(lib.numpy.cumsum(x) ** 2), x),
    "kaf": (lambda lib: lambda x, *rest: lib.numpy.sum(kaf(lib)(x, *rest)), *kaf_args),
    "kaf, of a vmap": (
        lambda lib: lambda x, *rest: lib.numpy.sum(lib.vmap(kaf(lib), (0, None, None, None))(x, *rest)),
        *kaf_args,
    ),
    "mlp": (lambda lib: lambda params, x: mlp(lib)(params, x)[0, 0], *mlp_args),
    "cross entropy": (cross_entropy, *entropy_args),
    "norm": (lambda lib: lambda x: lib.numpy.sqrt(lib.numpy.sum(x * x)), x),
}


def number_of_equations(lib, function, args):
    return len(inlined(lib.make_jaxpr(function)(*args).jaxpr).eqns)


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_have_no_more_equations(name):
    program, *args = GRADIENTS[name]
    ours, theirs = (number_of_equations(lib, lib.grad(program(lib)), args) for lib in (minijax, jax))
    assert 0 < ours <= theirs


def test_jvp_of_kaf_has_no_more_equations():
    def along_x(lib):
        return lambda x, a, c, s, dx: lib.jvp(lambda x: kaf(lib)(x, a, c, s), (x,), (dx,))

    ours, theirs = (number_of_equations(lib, along_x(lib), (*kaf_args, m)) for lib in (minijax, jax))
    assert 0 < ours <= theirs


# ---------------------------------------------------------------------------------------------------------------------
# Options

OPTIONS = [
    {"print_shapes": False},
    {"width": 30},
    {"width": 100},
    {"width": 10_000},
    {"use_color": True},
    {"use_color": True, "print_shapes": False, "width": 40},
    {"print_effects": True},
    {"source_info": False, "name_stack": False, "custom_pp_eqn_rules": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", ["identity", "one equation", "nested jits", "jits of one name", "many arguments"])
def test_options_are_those_of_jax(name, options):
    program, *args = DIRECT[name]
    ours, theirs = (traced(lib, program, args) for lib in (minijax, jax))
    # JAX prints colours on a terminal: ask for none.
    assert ours.pretty_print(**options) == theirs.pretty_print(**{"use_color": False, **options})
    assert ours.jaxpr.pretty_print(**options) == ours.pretty_print(**options)


def small():
    def inner(x):
        return minijax.lax.sin(x)

    return minijax.make_jaxpr(lambda x: minijax.jit(inner)(x * 2.0) + np.float32([1, 2, 3]))(x)


def test_text_is_the_same_wherever_it_is_asked_for():
    closed = small()
    assert str(closed) == repr(closed) == str(closed.jaxpr) == repr(closed.jaxpr) == closed.pretty_print()
    assert pretty_print.pretty_print(closed) == pretty_print.pretty_print(closed.jaxpr) == str(closed)
    assert (
        str(closed)
        == """\
{ lambda a:f32[3]; b:f32[3]. let
    c:f32[3] = mul b 2.0:f32[]
    d:f32[3] = jit[
      name=inner
      jaxpr={ lambda ; c:f32[3]. let d:f32[3] = sin c in (d,) }
    ] c
    e:f32[3] = add d a
  in (e,) }"""
    )


def test_all_params_are_shown_without_the_rules():
    jaxpr = minijax.make_jaxpr(lambda x: minijax.lax.broadcast_in_dim(x, (2, 3), (1,)))(x)
    assert (
        jaxpr.pretty_print(custom_pp_eqn_rules=False)
        == """\
{ lambda ; a:f32[3]. let
    b:f32[2,3] = broadcast_in_dim[
      broadcast_dimensions=(1,)
      shape=(2, 3)
      sharding=None
    ] a
  in (b,) }"""
    )


def test_source_info_is_in_the_margin():
    line = small.__code__.co_firstlineno
    text = small().pretty_print(source_info=True, print_shapes=False).replace(__file__, "FILE")
    assert (
        text
        == f"""\
{{ lambda a; b. let
    c = mul b 2.0:f32[]                                               # FILE:{line + 4}:59 (<lambda>)
    d = jit[name=inner jaxpr={{ lambda ; c. let d = sin c in (d,) }}] c # FILE:{line + 2}:15 (inner)
    e = add d a                                                       # FILE:{line + 4}:40 (<lambda>)
  in (e,) }}"""
    )


def test_annotation_prefix():
    jaxpr = minijax.make_jaxpr(lambda x: minijax.lax.sin(x))(1.0)
    assert "in (b,) } @ " in jaxpr.pretty_print(source_info=True, annotation_prefix=" @ ")


def test_no_name_stack():
    with pytest.raises(NotImplementedError) as error:
        small().pretty_print(name_stack=True)
    assert str(error.value) == ("pretty_print: equations have no name stack; source_info=True shows their lines.")


# ---------------------------------------------------------------------------------------------------------------------
# Equations, variables and literals by themselves


@pytest.mark.parametrize("name", ["weak types", "literals", "nested jits", "unread results", "lax.pad", "lax.iota"])
def test_equations_print_by_themselves(name):
    program, *args = DIRECT[name]
    ours, theirs = (traced(lib, program, args) for lib in (minijax, jax))
    assert [str(e) for e in ours.eqns] == [str(e) for e in theirs.eqns]
    assert [repr(e) for e in ours.eqns] == [str(e) for e in ours.eqns]


@pytest.mark.parametrize("value", [2.0, 3, True, np.float32(0.5), 1j, -np.inf])
def test_atoms_print_by_themselves(value):
    def atoms(lib):
        jaxpr = lib.make_jaxpr(lambda x: lib.numpy.add(x, value))(np.complex64(0)).jaxpr
        return [re.sub("id=[0-9]+", "id=", repr(a)) for a in (*jaxpr.invars, *jaxpr.eqns[0].invars)]

    ours, theirs = atoms(minijax), atoms(jax)
    assert ours == theirs
    assert ours[0] == "Var(id=):complex64[]"


def test_dropped_variable():
    assert repr(DropVar(ShapedArray((), np.dtype(f32)))) == "_"


# ---------------------------------------------------------------------------------------------------------------------
# Params of the primitives that carry functions, from equations made by hand


def equation(primitive, **params):
    aval = ShapedArray((), np.dtype(f32))
    return JaxprEqn([Var(aval)], [Var(aval)], Primitive(primitive), params)


def sine(lib):
    return lib.make_jaxpr(lambda x: lib.lax.sin(x))(1.0)


def function_of_the_user():
    """The text shows only the function's name."""


def test_custom_jvp_call_shows_names_of_functions():
    @jax.custom_jvp
    def f(x):
        return jax.lax.sin(x)

    f.defjvp(function_of_the_user)
    theirs = jax.make_jaxpr(f)(1.0).eqns[0]
    ours = equation(
        "custom_jvp_call",
        name="f",
        call_jaxpr=sine(minijax),
        jvp_jaxpr_fun=function_of_the_user,
        num_consts=0,
        symbolic_zeros=False,
    )
    assert str(ours) == str(theirs)


def test_custom_vjp_call_shows_names_of_functions():
    @jax.custom_vjp
    def f(x):
        return jax.lax.sin(x)

    f.defvjp(function_of_the_user, function_of_the_user)
    theirs = jax.make_jaxpr(f)(1.0).eqns[0]
    ours = equation(
        "custom_vjp_call",
        name="f",
        call_jaxpr=sine(minijax),
        fwd_jaxpr_thunk=function_of_the_user,
        bwd=function_of_the_user,
        num_consts=0,
        out_trees=None,
        symbolic_zeros=False,
    )
    assert str(ours) == str(theirs)


def test_params_of_every_kind():
    closed = sine(minijax)
    eqn = equation(
        "p", branches=(closed, closed.jaxpr), names=frozenset({"b", "a"}), empty=(), function=function_of_the_user
    )
    assert (
        re.sub("0xX+", "0x", str(eqn))
        == """\
a:f32[] = p[
  branches=(
    { lambda ; b:f32[]. let c:f32[] = sin b in (c,) }
    { lambda ; b:f32[]. let c:f32[] = sin b in (c,) }
  )
  empty=()
  function=<function function_of_the_user at 0x>
  names=frozenset({'a', 'b'})
] d"""
    )


# ---------------------------------------------------------------------------------------------------------------------
# Layout by itself


def test_groups_break_all_or_nothing():
    doc = Group([Nest(["f(", Break(""), "first,", Break(), "second"]), Break(""), ")"])
    assert layout(doc, 16) == "f(first, second)"
    assert layout(doc, 15) == "f(\n  first,\n  second\n)"


def test_inner_groups_break_on_their_own():
    inner = Group([Nest(["[", Break(""), "x" * 6]), Break(""), "]"])
    doc = Group([Nest(["{", Break(), inner]), Break(), "}"])
    assert layout(doc, 12) == "{ [xxxxxx] }"
    assert layout(doc, 11) == "{\n  [xxxxxx]\n}"
    assert layout(doc, 9) == "{\n  [\n    xxxxxx\n  ]\n}"


def test_text_without_breaks_is_never_cut():
    assert layout(["x" * 100, Group(Break()), "y"], 80) == "x" * 100 + "\n" + "y"


def test_letters_go_on_after_z():
    names = list(islice(letters(), 26**2 + 2))
    assert [names[i] for i in (0, 25, 26, 27, 51, 52, 675, 676, 677)] == "a z ba bb bz ca zz baa bab".split()
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("seed", range(40))
def test_layout_is_jax_layout(seed):
    """Random documents have the same layout as with JAX's printer."""
    theirs, ours = random_document(np.random.default_rng(seed), 6)
    for width in (10, 25, 60):
        assert layout(ours, width) == theirs.format(width, use_color=False)


def random_document(rng, depth):
    pp = jax._src.pretty_printer
    kind = rng.choice(["text", "break", "list", "list", "nest", "group"] if depth else ["text", "break"])
    if kind == "text":
        text = "x" * rng.integers(12)
        return pp.text(text), text
    if kind == "break":
        text = str(rng.choice(["", " ", "; "]))
        return pp.brk(text), Break(text)
    children = [random_document(rng, depth - 1) for _ in range(rng.integers(1, 6) if kind == "list" else 1)]
    theirs, ours = zip(*children)
    if kind == "list":
        return pp.concat(list(theirs)), list(ours)
    return (pp.nest(2, theirs[0]), Nest(ours[0])) if kind == "nest" else (pp.group(theirs[0]), Group(ours[0]))


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("where", ["a terminal", "a file", "a terminal without colours", "a notebook"])
def test_colours_are_for_people(where, monkeypatch):
    """As JAX, which asks the terminal once, when it is imported."""
    jaxpr = minijax.make_jaxpr(lambda x: minijax.numpy.sin(x) * x)(1.0)
    plain, coloured = (jaxpr.pretty_print(use_color=on) for on in (False, True))
    monkeypatch.setattr(sys, "stdout", _Terminal() if "terminal" in where else io.StringIO())
    if where == "a notebook":
        shell = type("ZMQInteractiveShell", (), {})()
        monkeypatch.setattr(builtins, "get_ipython", lambda: shell, raising=False)
    before = minijax.config.jax_pprint_use_color
    minijax.config.update("jax_pprint_use_color", "without" not in where)
    try:
        expected = coloured if where in ("a terminal", "a notebook") else plain
        assert str(jaxpr) == repr(jaxpr.jaxpr) == jaxpr.pretty_print() == expected
        assert ("\033[" in str(jaxpr.eqns[0])) == (expected is coloured)
    finally:
        minijax.config.update("jax_pprint_use_color", before)
