"""Make the text of a program shorter as long as it still disagrees in the same way."""

from __future__ import annotations

import ast
import copy
import time
from collections.abc import Callable, Iterator

from tests.fuzz import rows
from tests.fuzz.programs import helper_source


def size(node) -> int:
    return sum(1 for _ in ast.walk(node))


def children(node: ast.expr) -> list[ast.expr]:
    """The expressions that may stand in place of `node`."""
    if isinstance(node, ast.Lambda):
        return []
    found = [c for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr)]
    found += [k.value for k in getattr(node, "keywords", [])]
    found += [c.body for c in found if isinstance(c, ast.Lambda)]
    return [c for c in found if not isinstance(c, (ast.Lambda, ast.Starred, ast.Slice))]


def simpler(node: ast.expr) -> list[ast.expr]:
    """Expressions of one kind with `node`, but simpler."""
    out: list[ast.expr] = []
    if isinstance(node, ast.Constant):
        plain = {float: [1.0, 0.5, 2.0], int: [0, 1, 2], str: ["float32", "int32"], bool: [], complex: [1j]}
        options = plain.get(type(node.value), [])
        # Every option comes before those that follow it, so that no two replace each other for ever.
        before = options[: options.index(node.value)] if node.value in options else options
        out += [ast.Constant(v) for v in before]
    for name in ("elts", "args", "keywords", "values"):
        items = getattr(node, name, None)
        for i in range(len(items) if isinstance(items, list) else 0):
            less = copy.deepcopy(node)
            del getattr(less, name)[i]
            if isinstance(node, ast.Dict):
                del less.keys[i]
            if not isinstance(node, ast.BoolOp):
                out.append(less)
    return out


class Replace(ast.NodeTransformer):
    """The tree with node `old`, counted in the order of `ast.walk`, replaced."""

    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        return self.new if node is self.old else super().generic_visit(node)


def replaced(tree: ast.Module, old, new) -> ast.Module:
    clone, marks = copy.deepcopy(tree), list(ast.walk(tree))
    twin = list(ast.walk(clone))[next(i for i, n in enumerate(marks) if n is old)]
    return Replace(twin, copy.deepcopy(new)).visit(clone)


def without_argument(tree: ast.Module) -> Iterator[ast.Module]:
    """Drop a parameter, its argument, and its position in what the transformations work on."""
    functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    main = functions.get("function") or functions.get("program")
    for i in range(len(main.args.args) if main else 0):
        less = copy.deepcopy(tree)
        own = {n.name: n for n in less.body if isinstance(n, ast.FunctionDef)}
        del (own.get("function") or own["program"]).args.args[i]
        given = own["arguments"].body[0].value
        if not isinstance(given, ast.List) or i >= len(given.elts):
            continue
        del given.elts[i]
        for assign in less.body:
            if isinstance(assign, ast.Assign) and assign.targets[0].id == "program":
                for t in ast.walk(assign):
                    if isinstance(t, ast.Tuple):
                        t.elts = [ast.Constant(e.value - (e.value > i)) for e in t.elts if e.value != i]
        if not transforms_nothing(less):
            yield less


def transforms_nothing(tree: ast.Module) -> bool:
    """Whether a transformation has no argument to work on: another program than those that are generated."""
    assigns = [n for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == "program"]
    return any(isinstance(t, ast.Tuple) and not t.elts for a in assigns for t in ast.walk(a))


def may_not_end(tree: ast.Module) -> bool:
    """Whether a while_loop no longer counts its steps as `programs.while_loop` writes it: nothing could stop such a program."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "while_loop":
            test, step, *_ = [*node.args, None, None]
            if not (isinstance(test, ast.Lambda) and isinstance(step, ast.Lambda) and isinstance(step.body, ast.Tuple)):
                return True
            both = isinstance(test.body, ast.BinOp) and isinstance(test.body.op, ast.BitAnd)
            texts = [ast.unparse(test.body.left if both else test.body), *map(ast.unparse, step.body.elts[:1])]
            counter = step.args.args[0].arg
            if texts not in [[f"{counter}[0] < {n}", f"{counter}[0] + 1"] for n in range(3)]:
                return True
    return False


def candidates(tree: ast.Module) -> Iterator[ast.Module]:
    """Smaller programs, the smallest first as a rule."""
    own = [
        n
        for n in tree.body
        if isinstance(n, (ast.FunctionDef, ast.Assign)) and getattr(n, "name", "") not in rows.HELPERS
    ]
    yield from without_argument(tree)
    for f in own:
        for statement in f.body[:-1] if isinstance(f, ast.FunctionDef) else []:
            less = copy.deepcopy(tree)
            twin = next(n for n in less.body if ast.dump(n) == ast.dump(f))
            twin.body.remove(next(s for s in twin.body if ast.dump(s) == ast.dump(statement)))
            yield less
    nodes = sorted((n for f in own for n in ast.walk(f) if isinstance(n, ast.expr)), key=size, reverse=True)
    for node in nodes:
        for child in sorted(children(node), key=size):
            if isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
                continue
            yield replaced(tree, node, child)
        for other in simpler(node):
            yield replaced(tree, node, other)


def text_of(tree: ast.Module) -> str:
    """The text, with the helpers that it names and no others."""
    ast.fix_missing_locations(tree)
    own = [n for n in tree.body if not (isinstance(n, ast.FunctionDef) and n.name in rows.HELPERS)]
    head = [n for n in own if isinstance(n, (ast.Import, ast.ImportFrom))]
    rest = [n for n in own if n not in head]
    body = "\n\n".join(ast.unparse(n) for n in rest) + "\n"
    helpers = helper_source(body)
    used = [n for n in head if any(used_name(a, helpers + body) for a in n.names)]
    return "\n".join(ast.unparse(n) for n in used) + "\n\n" + helpers + body


def used_name(alias: ast.alias, text: str) -> bool:
    return (alias.asname or alias.name) in {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}


def shrink(source: str, still: Callable[[str], bool], enough: Callable[[str], bool], seconds: float) -> str:
    """The shortest text found in the time for which `still(text)` holds, as it must for `source`; or the first for which
    `enough(text)` holds as well."""
    end, tried = time.monotonic() + seconds, {source}
    while not enough(source):
        tree = ast.parse(source)
        for smaller in candidates(tree):
            if time.monotonic() > end:
                return source
            if transforms_nothing(smaller) or may_not_end(smaller):
                continue
            try:
                text = text_of(smaller)
                shorter = text not in tried and still(text)
            except Exception:
                # What is left of the text is no program.
                continue
            tried.add(text)
            if shorter:
                source = text
                break
        else:
            break
    return source
