"""Where a token can be made wrong, and how: an operator for its opposite, a number for the next, one argument for another."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

OPERATORS = {
    "+": "-", "-": "+", "*": "/", "/": "*", "//": "*", "%": "*", "**": "*", "@": "*",
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
    "&": "|", "|": "&", "^": "&", "<<": ">>", ">>": "<<",
    "and": "or", "or": "and", "in": "not in", "not in": "in", "is": "is not", "is not": "is",
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "all": "any", "any": "all", "minimum": "maximum", "maximum": "minimum"}
SYMBOLS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.And: "and", ast.Or: "or", ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One token of a file, and the token that replaces it. `column` counts bytes, as `ast` does."""

    path: str
    line: int
    column: int
    old: str
    new: str
    # The line as it stands without the fault, and how many faults before it in the file have the same line and token: by these a
    # fault is known again after other lines have changed.
    text: str
    number: int = 0

    @property
    def name(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.old} -> {self.new}"

    @property
    def identity(self) -> str:
        column = self.column - len(self.text) + len(self.text.lstrip())
        return f"{self.path}: {self.text.strip()} @{column}: {self.old} -> {self.new} #{self.number}"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What names the fault in the list of equivalent ones."""
        return self.path, self.text.strip(), self.old, self.new

    def planted(self, source: str) -> str:
        """The file's text with the fault in it."""
        lines = source.encode().splitlines(keepends=True)
        line, old = lines[self.line - 1], self.old.encode()
        assert line[self.column : self.column + len(old)] == old, self.name
        lines[self.line - 1] = line[: self.column] + self.new.encode() + line[self.column + len(old) :]
        return b"".join(lines).decode()


class Sites(ast.NodeVisitor):
    """The faults of one file. Left out are annotations, imports, messages of errors, and blocks for type checkers alone."""

    def __init__(self, path: str, source: str):
        self.path, self.source, self.lines = path, source, source.encode().splitlines()
        self.faults: list[Fault] = []
        self.visit(ast.parse(source))

    def add(self, line: int, column: int, old: str, new: str):
        self.faults.append(Fault(self.path, line, column, old, new, self.lines[line - 1].decode()))

    def operator(self, left: ast.expr, right: ast.expr, kind: ast.AST):
        """The token between two operands: on one line, or else at the end or the start of one of the two."""
        symbol = SYMBOLS[type(kind)]
        for number in range(left.end_lineno, right.lineno + 1):
            line = self.lines[number - 1]
            begin = left.end_col_offset if number == left.end_lineno else 0
            end = right.col_offset if number == right.lineno else len(line)
            between = line[begin:end].partition(b"#")[0]
            at = between.find(symbol.encode())
            if at >= 0:
                return self.add(number, begin + at, symbol, OPERATORS[symbol])

    def visit_BinOp(self, node):
        self.operator(node.left, node.right, node.op)
        self.generic_visit(node)

    def visit_BoolOp(self, node):
        for left, right in zip(node.values, node.values[1:]):
            self.operator(left, right, node.op)
        self.generic_visit(node)

    def visit_Compare(self, node):
        for left, op, right in zip([node.left, *node.comparators], node.ops, node.comparators):
            self.operator(left, right, op)
        self.generic_visit(node)

    def visit_UnaryOp(self, node):
        old = {ast.Not: "not ", ast.USub: "-", ast.Invert: "~"}.get(type(node.op))
        if old and self.lines[node.lineno - 1][node.col_offset :].startswith(old.encode()):
            self.add(node.lineno, node.col_offset, old, "")
        self.generic_visit(node)

    def visit_Constant(self, node):
        if isinstance(node.value, bool):
            self.add(node.lineno, node.col_offset, str(node.value), str(not node.value))
        elif type(node.value) is int:
            text = self.lines[node.lineno - 1][node.col_offset : node.end_col_offset].decode()
            self.add(node.lineno, node.col_offset, text, str(node.value + 1))

    def visit_Name(self, node):
        if node.id in NAMES and isinstance(node.ctx, ast.Load):
            self.add(node.lineno, node.col_offset, node.id, NAMES[node.id])

    def visit_Call(self, node):
        names = [a for a in node.args if isinstance(a, ast.Name)]
        for given, other in zip(names, [*names[1:], *names[:1]]):
            if given.id != other.id:
                self.add(given.lineno, given.col_offset, given.id, other.id)
        self.generic_visit(node)

    def visit_Break(self, node):
        self.add(node.lineno, node.col_offset, "break", "continue")

    def visit_Continue(self, node):
        self.add(node.lineno, node.col_offset, "continue", "break")

    def visit_FunctionDef(self, node):
        # Decorators and annotations are left out; default values are not.
        for part in [*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body]:
            self.visit(part)

    def visit_AnnAssign(self, node):
        if node.value is not None:
            self.visit(node.value)

    def visit_If(self, node):
        if "TYPE_CHECKING" not in ast.dump(node.test):
            self.generic_visit(node)

    def visit_JoinedStr(self, node):
        pass

    visit_Raise = visit_Import = visit_ImportFrom = visit_JoinedStr


def faults(root: Path, paths: list[str]) -> list[Fault]:
    """All faults of the files, in the order of the files and of their text."""
    found = [f for path in paths for f in Sites(path, (root / path).read_text()).faults]
    count: Counter = Counter()
    numbered = []
    for fault in sorted(found, key=lambda f: (f.path, f.line, f.column, f.new)):
        numbered.append(replace(fault, number=count[fault.identity]))
        count[fault.identity] += 1
    return numbered
