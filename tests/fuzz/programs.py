"""A seed becomes a program: Python source that runs with either library.

The text defines `x64`, `arguments()` and `program(*arguments)`. JAX's `eval_shape` says of every expression whether it is a
program and what type it has; so the same seed makes the same program as long as JAX and the tables stay the same.
"""

from __future__ import annotations

import functools
import inspect
import random
import re
import warnings
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jax.scipy.special
import numpy as np

import minijax
import minijax.nn
import minijax.random
import minijax.scipy.special
from tests.fuzz import rows, values
from tests.helpers import numpy_table

NAMES = {"jax": jax, "jnp": jnp, "np": np, "lax": jax.lax, "nan": np.nan, "inf": np.inf}
KINDS = {"f": "f", "i": "iu", "b": "b", "c": "c", "a": "fiubc", "n": "fiubc"}
SLOT = re.compile(r"\{(\w+)\}")


def kind_of(dtype) -> str:
    return "f" if jnp.issubdtype(dtype, np.floating) else np.dtype(dtype).kind


class Scope(NamedTuple):
    """The variables that an expression may read, {text: type}, and the size of the axis "i", or None."""

    types: dict
    axis: int | None = None

    def and_also(self, axis=None, **types):
        return Scope({**self.types, **types}, axis or self.axis)


class Refused(Exception):
    """JAX refuses an expression."""


def helper_source(text: str) -> str:
    """The helpers that a text names, and those that they name."""
    needed, before = [], None
    while needed != before:
        before = needed
        whole = "".join([text, *(rows.HELPERS[n] for n in needed)])
        needed = [n for n in rows.HELPERS if re.search(rf"(?<![\w.\"]){n}(?!\w)", whole)]
    return "".join(rows.HELPERS[n] + "\n" for n in needed)


@functools.cache
def helpers_in_jax() -> dict:
    scope = dict(NAMES)
    exec("".join(rows.HELPERS.values()), scope)
    return scope


def plain_name(text: str) -> str:
    return "v_" + re.sub(r"\W+", "_", text)


class Generator:
    """Random text from one seed."""

    def __init__(self, seed: int):
        self.rng = random.Random(seed)
        self.x64 = self.rng.random() < 0.12
        self.count = 0

    # -- types --

    def type_of(self, text: str, scope: Scope):
        """The type of an expression, or tree of types. Raises Refused."""
        names = [name for name in scope.types if re.search(rf"(?<![\w\"'.]){re.escape(name)}", text)]
        plain = text
        for name in sorted(names, key=len, reverse=True):
            plain = re.sub(rf"(?<![\w\"'.]){re.escape(name)}(?!\w)", plain_name(name), plain)
        args = [scope.types[name] for name in names]
        try:
            with jax.enable_x64(self.x64), warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                parameters = ", ".join(map(plain_name, names)) or "*_"
                f = eval(f"lambda {parameters}: {plain}", dict(helpers_in_jax()))
                if scope.axis:
                    mapped = jax.vmap(f, in_axes=None, axis_name="i", axis_size=scope.axis)
                    strip = lambda t: jax.ShapeDtypeStruct(t.shape[1:], t.dtype, weak_type=t.weak_type)
                    return jax.tree.map(strip, jax.eval_shape(mapped, *args) if args else jax.eval_shape(mapped, 0.0))
                return jax.eval_shape(f, *args)
        except RecursionError:
            raise
        except Exception as error:
            raise Refused(text) from error

    def one_array(self, text: str, scope: Scope):
        found = self.type_of(text, scope)
        if not isinstance(found, jax.ShapeDtypeStruct) or found.size > 64 or kind_of(found.dtype) not in "fiubc":
            raise Refused(text)
        return found

    # -- expressions --

    def slot(self, kind: str, scope: Scope, depth: int) -> str:
        rng = self.rng
        if kind in rows.SLOTS:
            return rng.choice(rows.SLOTS[kind])
        letter, axes = kind[0], int(kind[1:]) if kind[1:] else None
        if letter == "n" and rng.random() < 0.3:
            return rng.choice(rows.SLOTS["number"])
        fits = [
            name
            for name, t in scope.types.items()
            if kind_of(t.dtype) in KINDS[letter] and (axes is None or len(t.shape) == axes)
        ]
        draw = rng.random()
        if depth > 0 and draw < 0.25:
            for _ in range(3):
                try:
                    text, found = self.expression(scope, depth - 1)
                except Refused:
                    continue
                if kind_of(found.dtype) in KINDS[letter] and (axes is None or len(found.shape) == axes):
                    return f"({text})"
        if fits and draw < 0.92:
            return rng.choice(fits)
        return values.array(rng, "a" if letter == "n" else letter, axes, self.x64)

    def fill(self, row: str, scope: Scope, depth: int) -> str:
        return SLOT.sub(lambda m: self.slot(m[1], scope, depth), row)

    def row(self, scope: Scope) -> str:
        groups = dict(rows.EXPRESSIONS)
        if scope.axis:
            groups["collectives"] = (4, rows.COLLECTIVES)
        names = list(groups)
        (group,) = self.rng.choices(names, [groups[n][0] for n in names])
        return self.rng.choice(groups[group][1])

    def expression(self, scope: Scope, depth: int):
        """An expression that is one array, and its type."""
        for _ in range(12):
            if depth > 0 and self.rng.random() < 0.3:
                build = self.rng.choice(CONSTRUCTS)
                text = build(self, scope, depth - 1)
            else:
                text = self.fill(self.row(scope), scope, depth)
            try:
                return text, self.one_array(text, scope)
            except Refused:
                continue
        raise Refused("no expression found")

    def expression_of(self, wanted, scope: Scope, depth: int) -> str:
        """An expression of the type `wanted`, up to its weak type."""
        for _ in range(4):
            try:
                text, found = self.expression(scope, depth)
            except Refused:
                continue
            if (found.shape, found.dtype) == (wanted.shape, wanted.dtype):
                return text
            if kind_of(found.dtype) == "c" and kind_of(wanted.dtype) != "c":
                continue
            if found.shape != wanted.shape:
                text = f"jnp.broadcast_to({text}, {wanted.shape})"
            if found.dtype != wanted.dtype:
                text = f'({text}).astype("{wanted.dtype.name}")'
            try:
                self.one_array(text, scope)
                return text
            except Refused:
                continue
        same = [name for name, t in scope.types.items() if (t.shape, t.dtype) == (wanted.shape, wanted.dtype)]
        return f"jnp.sin({self.rng.choice(same)})" if kind_of(wanted.dtype) in "fc" else f"-{self.rng.choice(same)}" \
            if kind_of(wanted.dtype) != "b" else f"~{self.rng.choice(same)}"  # fmt: skip

    def variable(self, scope: Scope, kinds: str = "fffffiubc") -> str:
        fits = [name for name, t in scope.types.items() if kind_of(t.dtype) in kinds]
        if not fits:
            raise Refused("no variable")
        return self.rng.choice(fits)

    def new_name(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    # -- whole programs --

    def program(self) -> str:
        draw = self.rng.random()
        for _ in range(50):
            try:
                body = self.nested() if draw < 0.5 else self.from_table() if draw < 0.7 else self.by_signature()
                return finished(self.x64, *body)
            except Refused:
                continue
        raise RuntimeError("no program found in 50 trials: the tables ask for what JAX refuses")

    def transformations(self, floating: list[int], count: int, most: float = 3.4) -> list[tuple[str, tuple[int, ...]]]:
        """Names of transformations, the outermost first, with the positions of arguments that they work on."""
        rng, out = self.rng, []
        for _ in range(int(rng.random() * most)):
            (name,) = rng.choices(list(rows.TRANSFORMATIONS), rows.TRANSFORMATIONS.values())
            among = list(range(count)) if name in rows.BY_ANY else floating
            if among:
                by = tuple(sorted(rng.sample(among, rng.randint(1, min(2, len(among))))))
                out.append((name, by))
        return out

    def nested(self):
        """Statements over typed variables, some nested in control flow, in trees, under transformations."""
        rng = self.rng
        arguments = [self.argument() for _ in range(rng.randint(1, 3))]
        types, floating = {}, []
        for i, (text, paths) in enumerate(arguments):
            with jax.enable_x64(self.x64):
                tree = eval(text, dict(NAMES))
                for path in paths:
                    leaf = eval("tree" + path, {"tree": tree})
                    aval = jax.typeof(jnp.asarray(leaf))
                    types["abc"[i] + path] = jax.ShapeDtypeStruct(aval.shape, aval.dtype, weak_type=aval.weak_type)
                if all(jnp.issubdtype(jnp.result_type(x), np.floating) for x in jax.tree.leaves(tree)):
                    floating.append(i)
        scope, lines = Scope(types), []
        for _ in range(rng.randint(1, 5)):
            text, found = self.expression(scope, rng.choice([0, 1, 1, 2, 3]))
            name = self.new_name("x")
            lines.append(f"{name} = {text}")
            scope = scope.and_also(**{name: found})
        return ["abc"[: len(arguments)], lines, self.result(scope, lines), [a for a, _ in arguments]] + [
            self.transformations(floating, len(arguments))
        ]

    def argument(self) -> tuple[str, list[str]]:
        """An argument's text and the paths of its leaves."""
        rng = self.rng
        one = lambda kind="a": values.array(rng, kind, None, self.x64)
        kind = rng.choice("fffa")
        form = rng.random()
        if form < 0.82:
            return one(kind), [""]
        if form < 0.9:
            return f'{{"p": {one(kind)}, "q": {one(kind)}}}', ['["p"]', '["q"]']
        if form < 0.95:
            return f"({one(kind)}, [{one(kind)}, None])", ["[0]", "[1][0]"]
        return f'{{"w": ({one(kind)}, {one()}), "empty": ()}}', ['["w"][0]', '["w"][1]']

    def result(self, scope: Scope, lines) -> str:
        made = [line.split(" = ")[0] for line in lines]
        keep = [n for n in made[:-1] if self.rng.random() < 0.4] + made[-1:]
        draw = self.rng.random()
        if draw < 0.75:
            return ", ".join(keep)
        if draw < 0.9:
            return "{" + ", ".join(f'"r{i}": {n}' for i, n in enumerate(keep)) + "}"
        return f"[{', '.join(keep)}], {self.variable(scope)}, {self.rng.choice(['2', '0.5', 'True', 'None', '()'])}"

    def from_table(self):
        """An expression of the tests' table of jnp functions, over its variables, under transformations."""
        rng = self.rng
        expression = rng.choice(rng.choice([t for name, t in numpy_table.TABLES.items() if name != "attributes"]))
        names = [v for v in numpy_table.VARIABLES if re.search(rf"(?<![\w'\".]){v}(?![\w'\"(=])", expression)]
        arguments = []
        for v in names:
            x = numpy_table.VARIABLES[v]
            dtype, special = x.dtype.name, rng.random() < 0.1
            if rng.random() < 0.15:
                dtype = rng.choice([d for d in values.DTYPES["a"] if kind_of(jnp.dtype(d)) == kind_of(x.dtype)])
            if 0 in x.shape:
                arguments.append(f'jnp.zeros({x.shape}, "{dtype}")')
            elif v in ("j", "n", "m", "p"):  # indices, counts, a sorted array: their values matter
                arguments.append(f'jnp.array({x.tolist()}, "{dtype}")')
            else:
                arguments.append(f'jnp.array({values.elements(rng, x.shape, dtype, special)}, "{dtype}")')
        floating = [i for i, v in enumerate(names) if numpy_table.VARIABLES[v].dtype.kind == "f"]
        return [names, [], expression, arguments, self.transformations(floating, len(names), 2.4)]

    def by_signature(self):
        """A call of a public function: arguments by the names of its parameters, some of them bad."""
        rng = self.rng
        module, name, parameters = rng.choice(public_functions())
        bad = rng.random() < 0.25
        texts = []
        for p in parameters:
            required = p.default is p.empty
            if p.kind is p.VAR_KEYWORD or not required and p.kind is not p.VAR_POSITIONAL and rng.random() > 0.35:
                continue
            if p.kind is p.VAR_POSITIONAL:
                texts += (
                    [self.by_parameter(p) for _ in range(rng.randint(1, 2))] if not any("=" in t for t in texts) else []
                )
                continue
            text = self.by_parameter(p) if not (bad and rng.random() < 0.3) else rng.choice(rows.BAD)
            keyword = p.kind is p.KEYWORD_ONLY or not required and p.kind is not p.POSITIONAL_ONLY
            texts.append(f"{p.name}={text}" if keyword else text)
        call = f"{module}.{name}({', '.join(texts)})"
        arguments: list[str] = []

        def argument(m):
            arguments.append(
                values.array(rng, m[1][0].replace("n", "a"), int(m[1][1:]) if m[1][1:] else None, self.x64)
            )
            return "abcdefghij"[len(arguments) - 1]

        slot = lambda m: rng.choice(rows.SLOTS[m[1]]) if m[1] in rows.SLOTS else argument(m)
        call = SLOT.sub(slot, call)
        if not bad:
            self.accepted_mostly(call, arguments)
        floating = [i for i, a in enumerate(arguments) if '"float' in a or '"bfloat' in a]
        return [
            "abcdefghij"[: len(arguments)],
            [],
            call,
            arguments,
            self.transformations(floating, len(arguments), 1.8),
        ]

    def accepted_mostly(self, call: str, arguments: list[str]):
        """Refuse three in four of the calls that JAX refuses: most random arguments do not fit each other."""
        with jax.enable_x64(self.x64):
            try:
                scope = {
                    "abcdefghij"[i]: jax.typeof(jnp.asarray(eval(a, dict(NAMES)))) for i, a in enumerate(arguments)
                }
                types = {k: jax.ShapeDtypeStruct(t.shape, t.dtype, weak_type=t.weak_type) for k, t in scope.items()}
            except Exception as error:
                raise Refused(call) from error
        try:
            self.type_of(call, Scope(types))
        except Refused:
            if self.rng.random() < 0.75:
                raise

    def by_parameter(self, p) -> str:
        rng = self.rng
        if p.name in rows.PARAMETERS:
            return rng.choice(rows.PARAMETERS[p.name])
        if isinstance(p.default, bool):
            return rng.choice(["True", "False"])
        if isinstance(p.default, (int, float)):
            return rng.choice([repr(p.default), "1", "2", "0.5", "-1"])
        if isinstance(p.default, str):
            return repr(p.default)
        return "{" + rng.choice(["a", "f", "n", "f1", "f2", "i"]) + "}"


def finished(x64: bool, names, lines, result: str, arguments, transformations) -> str:
    body = "".join(f"    {line}\n" for line in lines) + f"    return {result}\n"
    name = "program" if not transformations else "function"
    text = f"def {name}({', '.join(names)}):\n{body}"
    if transformations:
        call = "function"
        for transformation, by in reversed(transformations):
            call = f"{transformation}({call}, {by})"
        text += f"\n\nprogram = {call}\n"
    given = "".join(f"        {a},\n" for a in arguments)
    text += f"\n\ndef arguments():\n    return [\n{given}    ]\n" if given else "\n\ndef arguments():\n    return []\n"
    imports = "import minijax as jax\nimport minijax.numpy as jnp\n"
    if "lax." in re.sub(r"jax\.lax", "", text):
        imports += "from minijax import lax\n"
    if re.search(r"\bnp\.", text + helper_source(text)):
        imports += "import numpy as np\n"
    special = [n for n in ("inf", "nan") if re.search(rf"(?<![\w.\"'])-?{n}\b(?!=)", text)]
    if special:
        imports += f"from numpy import {', '.join(special)}\n"
    return f"{imports}\nx64 = {x64}\n\n{helper_source(text)}\n{text}"


@functools.cache
def public_functions() -> list[tuple[str, str, list]]:
    """(module, name, parameters) of the public functions of JAX that minijax has too."""
    out = []
    for text, theirs, ours, weight in (
        ("jnp", jnp, minijax.numpy, 3),
        ("lax", jax.lax, minijax.lax, 2),
        ("jax.nn", jax.nn, minijax.nn, 2),
        ("jax.scipy.special", jax.scipy.special, minijax.scipy.special, 2),
        ("jax.random", jax.random, minijax.random, 1),
    ):
        for name in sorted(dir(theirs)):
            f = getattr(theirs, name)
            called = callable(f) and not isinstance(f, type) and name not in rows.NOT_CALLED
            if name[0] == "_" or name.endswith("_p") or not called or not hasattr(ours, name):
                continue
            try:
                parameters = [p for p in inspect.signature(f).parameters.values() if p.name not in IGNORED]
            except (ValueError, TypeError):
                continue
            out += [(text, name, parameters)] * weight
    return out


# What minijax has not got, and says so in an error.
IGNORED = (
    "out",
    "device",
    "out_sharding",
    "sharding",
    "precision",
    "preferred_element_type",
    "operand_precision",
    "axis_name",
)

# ---------------------------------------------------------------------------------------------------------------------
# Expressions that carry functions. Each is (generator, scope, depth) -> text.


def cond(g: Generator, scope: Scope, depth: int) -> str:
    x = g.variable(scope)
    u = g.new_name("u")
    inner = scope.and_also(**{u: scope.types[x]})
    branches = [f"lambda {u}: {g.expression_of(scope.types[x], inner, depth)}" for _ in range(2)]
    p = g.fill(g.rng.choice(["{b0}", "jnp.sum({a}) > {number}", "{n0} < {n0}", "jnp.any({b})"]), scope, 0)
    return f"lax.cond({p}, {branches[0]}, {branches[1]}, {x})"


def switch(g: Generator, scope: Scope, depth: int) -> str:
    x = g.variable(scope)
    u = g.new_name("u")
    inner = scope.and_also(**{u: scope.types[x]})
    branches = [f"lambda {u}: {g.expression_of(scope.types[x], inner, depth)}" for _ in range(g.rng.randint(1, 3))]
    p = g.fill(g.rng.choice(["{i0}", "jnp.sum({i})", "{small}", "jnp.argmax({a})"]), scope, 0)
    return f"lax.switch({p}, [{', '.join(branches)}], {x})"


def scan(g: Generator, scope: Scope, depth: int) -> str:
    c, x = g.new_name("c"), g.new_name("e")
    init = g.variable(scope)
    with_axis = [n for n, t in scope.types.items() if t.shape and t.shape[0]]
    xs = g.rng.choice(with_axis) if with_axis else "None"
    types = {c: scope.types[init]}
    if with_axis:
        t = scope.types[xs]
        types[x] = jax.ShapeDtypeStruct(t.shape[1:], t.dtype)
    inner = scope.and_also(**types)
    carry = g.expression_of(scope.types[init], inner, depth)
    y, _ = g.expression(inner, depth)
    length = "" if with_axis else ", length=2"
    options = g.rng.choice(["", "", ", reverse=True", ", unroll=2"])
    return f"lax.scan(lambda {c}, {x}: ({carry}, {y}), {init}, {xs}{length}{options})[{g.rng.choice('01')}]"


def fori_loop(g: Generator, scope: Scope, depth: int) -> str:
    init = g.variable(scope)
    i, c = g.new_name("i"), g.new_name("c")
    integer = jax.ShapeDtypeStruct((), "int64" if g.x64 else "int32", weak_type=True)
    body = g.expression_of(scope.types[init], scope.and_also(**{i: integer, c: scope.types[init]}), depth)
    upper = g.fill(g.rng.choice(["2", "3", "jnp.argmax({a})", "{small}"]), scope, 0)
    return f"lax.fori_loop({g.rng.choice('01')}, {upper}, lambda {i}, {c}: {body}, {init})"


def while_loop(g: Generator, scope: Scope, depth: int) -> str:
    init, c = g.variable(scope), g.new_name("c")
    inner = scope.and_also(**{f"{c}[1]": scope.types[init]})
    body = g.expression_of(scope.types[init], inner, depth)
    more = g.fill(g.rng.choice(["True", "jnp.sum({a}) < 2", "{b0}"]), inner, 0)
    test = f"({c}[0] < 2) & ({more})"
    return f"lax.while_loop(lambda {c}: {test}, lambda {c}: ({c}[0] + 1, {body}), (0, {init}))[1]"


def unary_body(g: Generator, scope: Scope, depth: int, kinds: str = "fffffiubc"):
    x = g.variable(scope, kinds)
    u = g.new_name("u")
    body, _ = g.expression(scope.and_also(**{u: scope.types[x]}), depth)
    return x, u, body


def custom_rule(g: Generator, scope: Scope, depth: int) -> str:
    x, u, body = unary_body(g, scope, depth, "fc")
    return f"{g.rng.choice(['with_jvp', 'with_vjp'])}(lambda {u}: {body}, 3)({x})"


def checkpoint(g: Generator, scope: Scope, depth: int) -> str:
    x, u, body = unary_body(g, scope, depth)
    policy = g.rng.choice(["", ", policy=jax.checkpoint_policies.dots_saveable", ", prevent_cse=False"])
    return f"jax.checkpoint(lambda {u}: {body}{policy})({x})"


def jit(g: Generator, scope: Scope, depth: int) -> str:
    x, u, body = unary_body(g, scope, depth)
    return f"jax.jit(lambda {u}: {body})({x})"


def gradient(g: Generator, scope: Scope, depth: int) -> str:
    x, u, body = unary_body(g, scope, depth, "f")
    form = g.rng.choice(
        [
            "jax.grad(lambda {u}: total({body}))({x})",
            "jax.jvp(lambda {u}: {body}, ({x},), ({x},))[1]",
            "jax.vjp(lambda {u}: {body}, {x})[0]",
            "jax.linearize(lambda {u}: {body}, {x})[1]({x})",
        ]
    )
    return form.replace("{u}", u).replace("{body}", body).replace("{x}", x)


def vmap(g: Generator, scope: Scope, depth: int) -> str:
    with_axis = [n for n, t in scope.types.items() if t.shape and t.shape[0] == 2]
    x = g.rng.choice(with_axis) if with_axis else f"doubled({g.variable(scope)})"
    t = g.one_array(x, scope)
    u = g.new_name("u")
    inner = scope.and_also(axis=2, **{u: jax.ShapeDtypeStruct(t.shape[1:], t.dtype)})
    body, _ = g.expression(inner, depth)
    return f'jax.vmap(lambda {u}: {body}, axis_name="i")({x})'


def mapped(g: Generator, scope: Scope, depth: int) -> str:
    x, u, body = unary_body(g, scope, depth)
    return f"lax.map(lambda {u}: {body}, {x})"


CONSTRUCTS = [
    cond, cond, switch, scan, scan, fori_loop, while_loop, custom_rule, custom_rule, checkpoint, jit, gradient, vmap, vmap, mapped,
]  # fmt: skip


def source(seed: int) -> str:
    """The text of the program of a seed."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return Generator(seed).program()
