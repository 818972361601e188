"""What an explanation says of each equation, over programs in many styles."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import pytest
from explained_programs import MARKERS, PROGRAMS, X, marker, spot_cotangent_p, spot_p, spot_tangent_p

import minijax
import minijax.numpy as jnp
from minijax import lax
from minijax.explain import running
from minijax.explain.running import NotRun
from minijax.explain.words import PASSES
from minijax.interpreters.mlir import lower_fun, register_lowering
from minijax.lowering import lowered

# Zeros, copies for a batch, and batch axes put in front: the transformation asks for them, and no expression.
OF_NO_EXPRESSION = {"broadcast_in_dim", "transpose"}


@cache
def explained(name):
    function, args, kwargs = PROGRAMS[name]
    return minijax.explain(function)(*args, **kwargs)


def shown(name):
    return [s for s in explained(name).stages if s.kind == "jaxpr" and s.error is None]


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(2)
def test_what_comes_from_an_expression_is_attributed_to_it(name):
    """The equations of the marked expression are known by their primitives. A sum of cotangents comes from several."""
    made = explained(name)
    marked = {e.number for e in made.stage("jaxpr").equations if e.primitive in MARKERS}
    assert marked
    for stage in shown(name):
        for e in stage.equations:
            users = {e.number} if stage.name == "jaxpr" else set(e.users)
            if e.primitive in MARKERS:
                # After a pass an equation may also do the work of others.
                assert users & marked and (users <= marked or stage.name.startswith("pass")), (stage.name, e.text)
            summed = e.rule is not None and made.rules[e.rule].kind == "sum"
            if users and users <= marked and not summed and e.primitive not in ("add_any", "add"):
                assert e.primitive in MARKERS, (stage.name, e.text)


@pytest.mark.parametrize("equations", [1, 40])
@pytest.mark.parametrize(
    "name", ["plain", "twice_read", "python_loop", "scan", "cond", "two_calls_of_one_jit", "inner_vmap"]
)
@pytest.mark.one_in(15)
def test_a_lowering_is_attributed_to_the_expression(name, equations, monkeypatch):
    """The tests' primitives are lowered to a marker, once and forty times: a long lowering stays a call, which several share."""
    lowered_spot_p = marker("spot_lowered", 1.0)

    def lowering(x):
        for _ in range(equations):
            x = lowered_spot_p.bind(x)
        return x

    monkeypatch.setattr(lowered, "_LOWERINGS", WeakKeyDictionary())
    for primitive in (spot_p, spot_tangent_p, spot_cotangent_p):
        register_lowering(primitive, lower_fun(lowering, multiple_results=False))
    function, args, kwargs = PROGRAMS[name]
    made = minijax.explain(function, checks=False)(*args, **kwargs)
    spots = {e.number for e in made.stage("jaxpr").equations if e.primitive == "spot"}
    passes = [s for s in made.stages if s.name.startswith("pass")]
    outer = [e.primitive for e in passes[-1].equations]
    assert outer.count("spot_lowered") >= equations and not MARKERS & set(outer)
    for stage in passes:
        assert stage.title.startswith("After ") and stage.error is None
        for e in stage.equations:
            if e.primitive in ("spot_lowered", "lowered"):
                # After a later pass an equation may also do the work of others.
                assert set(e.users) & spots and (set(e.users) <= spots or stage is not passes[0]), (stage.name, e.text)
                if e.primitive == "spot_lowered" and not e.depth:
                    assert made.rules[e.rule].kind == "lowering" and "lowered_spot_p.bind" in made.rules[e.rule].source
            elif set(e.users) and set(e.users) <= spots:
                assert e.primitive in ("add", "add_any"), (stage.name, e.text)


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_goes_says_which_pass_removed_it(name):
    """Each equation of the program before a pass, within scans and choices too, is still there, or says why it went."""
    made, programs = explained(name), shown(name)
    stages = [s for s in programs if s.name == "gradient"] + [s for s in programs if s.name.startswith("pass")]
    assert len(stages) > 2
    for before, after in pairwise(stages):
        first, second = made.stages.index(before), made.stages.index(after)
        stays = {e.same[1] for e in after.equations if e.same is not None and e.same[0] == first}
        for e in before.equations:
            if e.removed is None:
                assert e.number in stays, (before.name, e.text)
            else:
                assert e.removed[0] == second, (before.name, e.text)
                assert e.removed[1].split(":")[0].replace(" ", "_") in PASSES
        gone = sum(e.removed is not None for e in before.equations)
        assert f"{gone} removed" in after.change if gone else "removed" not in after.change


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(3)
def test_the_expression_is_the_users(name):
    for stage in shown(name):
        for e in stage.equations:
            if e.place is None and not e.parents:
                assert e.primitive in OF_NO_EXPRESSION, e.text
                continue
            assert Path(e.place.file).name == "explained_programs.py", e.text
            # What a rule of the user's writes is at the rule's line.
            if e.primitive == "spot" and e.rule is None:
                assert "spot_p.bind(" in e.place.text and e.place.text.endswith(")")


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(28)
def test_an_equation_has_ancestors_or_is_the_users(name):
    """Each equation after the jaxpr stage comes from equations of earlier stages; a rule wrote each that is not one of them."""
    for stage in shown(name)[1:]:
        place = explained(name).stages.index(stage)
        for e in stage.equations:
            assert bool(e.parents) == bool(e.users) == (e.place is not None), (stage.name, e.text)
            assert e.parents or e.primitive in OF_NO_EXPRESSION, (stage.name, e.text)
            assert all(s < place for s, _ in e.parents)
            if e.same is not None:
                assert e.same[0] < place


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(3)
def test_a_rule_is_of_the_primitive_of_the_equation_that_it_was_applied_to(name):
    made, seen = explained(name), 0
    for stage in shown(name)[1:]:
        if stage.name.startswith("pass"):
            break
        for e in stage.equations:
            if e.same is None and e.rule is not None and made.rules[e.rule].kind != "sum":
                rule = made.rules[e.rule]
                assert rule.primitive in {made.equation(ref).primitive for ref in e.parents}, (stage.name, e.text, rule)
                assert rule.source or rule.primitive.startswith("custom"), rule
                seen += 1
    assert seen


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(2)
def test_the_stages_are_those_of_the_transformations(name):
    function, args, kwargs = PROGRAMS[name]
    made = explained(name)
    # Nobody said how to write the tests' primitives as StableHLO.
    assert [s.name for s in made.stages if s.error] == ["stablehlo"]
    assert "Primitive 'spot'" in made.stage("stablehlo").error or name == "printing"
    if name == "count_up_to":
        function, args = lambda x: PROGRAMS[name][0](x, 3), (X,)
    inner = function.__wrapped__ if name == "jitted" else function
    assert made.stage("jaxpr").text == noted(minijax.make_jaxpr(inner)(*args, **kwargs))
    assert made.stage("gradient").text == noted(minijax.make_jaxpr(minijax.value_and_grad(inner))(*args, **kwargs))


def noted(jaxpr) -> str:
    """The text with each equation on a line of its own, as where places are noted."""
    lines = jaxpr.pretty_print(source_info=True, annotation_prefix="\0").split("\n")
    return "\n".join(line.partition("\0")[0].rstrip() for line in lines)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(36)
def test_values_are_those_of_the_function(name, capfd):
    function, args, kwargs = PROGRAMS[name]
    made = explained(name)
    assert [b.state for b in made.badges] == ["good"], made.badges
    last = [e for e in made.stage("jaxpr").equations if e.depth == 0][-1]
    value = float(minijax.numpy.asarray(function(*args, **kwargs)))
    assert float(last.value.strip("[]")) == pytest.approx(value, rel=1e-3)


def test_expressions_of_one_line_are_told_apart():
    first, second = (lambda x: minijax.numpy.sin(x), lambda x: spot_p.bind(x))  # fmt: skip
    texts = [e.place.text for f in (first, second) for e in minijax.explain(f)(X).stage("jaxpr").equations]
    assert texts == ["minijax.numpy.sin(x)", "spot_p.bind(x)"]


def test_a_program_of_several_files(tmp_path, monkeypatch):
    (tmp_path / "layers_of_test.py").write_text(
        "import minijax.numpy as jnp\n\ndef layer(x):\n    return jnp.sin(x) * x\n"
    )
    (tmp_path / "main_of_test.py").write_text(
        "from layers_of_test import layer\n\ndef loss(x):\n    return layer(x).sum()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import main_of_test

    made = minijax.explain(main_of_test.loss)(X)
    assert [Path(s.file).name for s in made.sources] == ["main_of_test.py", "layers_of_test.py"]
    assert {(Path(e.place.file).name, e.place.text) for e in made.stage("gradient").equations} == {
        ("layers_of_test.py", "jnp.sin(x)"),
        ("layers_of_test.py", "jnp.sin(x) * x"),
        ("main_of_test.py", "layer(x).sum()"),
    }


def test_residuals_are_what_the_backward_pass_reads():
    def f(x):
        return minijax.numpy.sum(minijax.numpy.sin(x) * 2)

    made = minijax.explain(f)(X)
    (residual,) = made.residuals
    equation = made.stage("gradient").equations[residual.equation]
    assert (equation.primitive, residual.bytes, equation.residual) == ("cos", 12, 12)
    kept = [e for e in made.stage("linearized").equations if e.residual]
    assert [(e.primitive, e.residual) for e in kept] == [("cos", 12)]
    assert "# kept for the way back: 12 B" in made.stage("linearized").text


def test_a_cotangent_is_no_residual():
    """The gradient of a function with several results has their cotangents as arguments."""
    made = minijax.explain(lambda x: (jnp.sin(x), x * 2))(X)
    gradient = made.stage("gradient")
    assert [gradient.equations[r.equation].primitive for r in made.residuals] == ["cos"]


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(16)
def test_a_residual_lives_from_where_it_is_made_to_where_it_is_last_read(name):
    line = explained(name).timeline
    steps = [explained(name).stages[line.stage].equations[n] for n in line.equations]
    for r in line.residuals:
        readers = [i for i, e in enumerate(steps) if r.name in e.operands]
        assert r.used == readers[-1] >= line.backward > r.made
        assert r.made == -1 if r.equation is None else r.name in steps[r.made].names
    # Nothing else goes from the forward pass to the backward pass.
    made = {n for e in steps[: line.backward] for n in e.names}
    assert {n for e in steps[line.backward :] for n in e.operands} & made == {
        r.name for r in line.residuals if r.equation is not None
    }


def test_a_stage_that_cannot_be_shows_its_error():
    def f(x):
        return minijax.lax.while_loop(lambda c: c.sum() < 10, lambda c: c * 2, x).sum()

    made = minijax.explain(f)(X)
    failed = {s.name: s.error for s in made.stages if s.error}
    assert {*failed} == {"transposed", "gradient"} or {*failed} == {"linearized", "transposed", "gradient"}
    assert "while_loop" in "".join(failed.values())
    # All other stages are there.
    assert made.stage("numpy").lines and made.stage("jvp").count


def test_what_cannot_be_traced_raises():
    with pytest.raises(TypeError, match="multiply|mul"):
        minijax.explain(lambda x: minijax.lax.mul(x, X[:2]))(X)


def test_each_equation_that_goes_says_which_pass_removed_it():
    def f(x):
        y = minijax.numpy.sin(x) * 1
        z = minijax.numpy.sin(x)
        minijax.numpy.cos(x)
        return (y + z).sum()

    made = minijax.explain(f, grad=False)(X)
    removed = [
        (e.primitive, made.stages[e.removed[0]].title, e.removed[1])
        for s in made.stages
        for e in s.equations
        if e.removed
    ]
    assert removed == [
        ("cos", "After dead code", "dead code: no result needs it"),
        ("mul", "After identities", "identities: it returns its operand, or an equation does its work (see b = sin)"),
        (
            "sin",
            "After common subexpressions",
            "common subexpressions: an equal equation computes the same (see b = sin)",
        ),
    ]


def test_where_a_nan_arises():
    """Not where a constant is infinite on purpose, and not where a NaN only passes through."""
    numpy = minijax.numpy

    def f(x):
        y = numpy.where(x > 0, x, -numpy.inf).max()
        z = numpy.log(x - x)
        return (z * 0 * y).sum()

    made = minijax.explain(f)(X)
    line, stage = made.timeline, made.stage("gradient")
    assert stage.equations[line.equations[line.bad]].primitive == "log"
    assert [e.primitive for e in made.stage("jaxpr").equations if not e.finite] == ["log"]
    assert "nan" in made.stage("jaxpr").equations[-1].value


def test_vmap_and_argnums():
    def f(w, x):
        return minijax.numpy.dot(w, x)

    made = minijax.explain(f, argnums=1, vmap=(None, 0))(X, minijax.numpy.ones((5, 3)))
    assert made.arguments == ("w: f32[3]", "x: f32[3]")
    assert "f32[5,3]" in made.stage("batched").text and "f32[5" in made.stage("pass8").text
    assert not made.stage("batched").branch


def test_names_of_modules_and_of_the_function():
    """`minijax.explain` is the function, also after its modules are imported."""
    from minijax.explain import memory
    from minijax.explain.model import Stage

    assert callable(minijax.explain) and memory.peak and isinstance(explained("plain").stage("jaxpr"), Stage)


def root(x):
    def solve(f, start):
        return lax.fori_loop(0, 9, lambda _, y: y - f(y) / (2 * y), start)

    return lax.custom_root(lambda y: y * y - x.sum(), 1.0, solve, lambda g, y: y / g(1.0))


# {name: (function, arguments, names of the stages that cannot be)}
EDGES = {
    "identity": (lambda x: x, (X,), ""),
    "constant": (lambda x: 3.0, (X,), ""),
    "no arguments": (lambda: jnp.ones(3).sum(), (), "jvp linearized transposed gradient"),
    "an integer result": (lambda x: (x * 2, jnp.arange(3)), (X,), ""),
    "a truth value": (lambda x: x > 0.5, (X,), ""),
    "no elements": (lambda x: jnp.sum(jnp.sin(x)), (np.zeros((0, 3), np.float32),), ""),
    "a key": (lambda k, x: jnp.sum(minijax.random.normal(k, (3,)) * x), (minijax.random.key(0), X), ""),
    "None": (lambda x, y: x.sum(), (X, None), ""),
    "an integer": (lambda n: n * 2, (3,), "jvp linearized transposed gradient"),
    "a large constant": (lambda x: jnp.sum(x * np.arange(3000, dtype=np.float32).reshape(1000, 3)), (X,), ""),
    "a named axis": (lambda x: minijax.vmap(lambda a: a / lax.psum(a, "i"), axis_name="i")(x).sum(), (X,), ""),
    "a callback": (
        lambda x: minijax.pure_callback(lambda a: np.asarray(a), minijax.ShapeDtypeStruct((3,), np.float32), x).sum(),
        (X,),
        "jvp linearized transposed gradient batched stablehlo",
    ),
    "nested loops": (lambda x: lax.scan(lambda c, a: (lax.scan(lambda d, b: (d * b + c, d), a, x)[0], a), 1.0, x)[0], (X,), ""),
    "a type": (lambda x: jnp.sin(x).sum(), (minijax.ShapeDtypeStruct((3,), np.float32),), ""),
    "bfloat16": (lambda x: jnp.sin(x).sum(), (jnp.ones(3, jnp.bfloat16),), ""),
    "complex": (lambda z: jnp.abs(z).sum(), (X.astype(np.complex64),), ""),
    "a Hessian": (lambda x: minijax.hessian(lambda y: jnp.sum(jnp.sin(y) ** 2))(x), (X,), ""),
    "a root": (root, (X,), ""),
    "a dictionary": (lambda x: {"a": x.sum(), "b": x}, (X,), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.one_in(4)
def test_edges(name, capfd):
    function, args, failing = EDGES[name]
    made = minijax.explain(function)(*args)
    assert " ".join(s.name for s in made.stages if s.error) == failing
    assert made.text() and made.html()
    assert all(b.state in ("good", "skipped") for b in made.badges)
    assert capfd.readouterr() == ("", "")


def test_nothing_prints_while_an_explanation_is_made(capfd):
    function, args, kwargs = PROGRAMS["printing"]
    minijax.explain(function)(*args, **kwargs)
    assert capfd.readouterr() == ("", "")


def test_what_an_explanation_does_not_run():
    """An effect with a result is not run, and keys are not made up: the reason stands where values would."""
    ordered = import_module("minijax.experimental").io_callback
    called = minijax.make_jaxpr(lambda x: ordered(lambda a: a, minijax.ShapeDtypeStruct((), np.float32), x))(1.0)
    with pytest.raises(NotRun, match="has effects, and an explanation has none"):
        running.run(called, [minijax.numpy.float32(1)])
    with pytest.raises(NotRun, match="random keys are not made up"):
        running.sample(minijax.typeof(minijax.random.key(0)), 0)
    made = minijax.explain(minijax.random.bits, compare=True)(minijax.random.key(0))
    assert "NotRun: an argument is a random key" in {badge.text for badge in made.badges}


def test_bad_options():
    with pytest.raises(ValueError, match="argnums=2, and the call has 1 positional arguments"):
        minijax.explain(jnp.sin, argnums=2)(X)
    with pytest.raises(ValueError, match=r"maps axis 1 of x, which is f32\[3\]"):
        minijax.explain(lambda x: x, vmap=1)(X)
    with pytest.raises(ValueError, match=r"explain's vmap maps axes of different sizes: \[2, 3\]"):
        minijax.explain(jnp.add, vmap=0)(X, X[:2])
    with pytest.raises(TypeError, match="callable"):
        minijax.explain(3)
    with pytest.raises(KeyError, match="no stage is called 'lost': the stages are source, jaxpr"):
        explained("plain").stage("lost")


def test_values_stand_on_one_line():
    made = minijax.explain(lambda x: x * 2)(np.arange(6, dtype=np.float32).reshape(2, 3))
    assert made.stage("jaxpr").equations[0].value == "[[ 0.,  2.,  4.], [ 6.,  8., 10.]]"


def test_random_numbers_are_said_not_to_be_counted():
    made = minijax.explain(lambda k: minijax.random.bits(k, (3,)))(minijax.random.key(0))
    assert "The operations of random_bits are not counted." in made.stage("jaxpr").change


LIBRARY = "import minijax.numpy as jnp\n\ndef twice(x):\n    y = jnp.sin(x)\n    return y + y\n"
OF_A_LIBRARY = """
import minijax.numpy as jnp
from library_of_test import twice

def loss(x):
    a = twice(x * 3.0)
    return jnp.sum(a * twice(x))
"""


@pytest.fixture
def of_a_library(tmp_path, monkeypatch):
    (tmp_path / "library_of_test.py").write_text(LIBRARY)
    (tmp_path / "calling_of_test.py").write_text(OF_A_LIBRARY)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield import_module("calling_of_test").loss
    for name in ("library_of_test", "calling_of_test"):
        del sys.modules[name]


def test_what_a_library_writes_comes_from_its_call(of_a_library):
    made = minijax.explain(of_a_library)(X)
    calls = [(e.primitive, e.place.text, e.call and e.call.text) for e in made.stage("jaxpr").equations]
    first, second = "twice(x * 3.0)", "twice(x)"
    assert calls == [
        ("mul", "x * 3.0", None),
        ("sin", "jnp.sin(x)", first),
        ("add", "y + y", first),
        ("sin", "jnp.sin(x)", second),
        ("add", "y + y", second),
        ("mul", "a * twice(x)", None),
        ("reduce_sum", "jnp.sum(a * twice(x))", None),
    ]
    gradient = {e.call.text for e in made.stage("gradient").equations if e.primitive == "cos"}
    assert gradient == {first, second}
    # The page of a function has its own file first; in a terminal an equation shows the call.
    assert [Path(s.file).name for s in made.sources] == ["calling_of_test.py", "library_of_test.py"]
    assert any(row.endswith(first) and " = sin " in row for row in made.text().split("\n"))
