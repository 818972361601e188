"""Jaxpr -> text, the text that JAX prints for the same jaxpr.

Two halves. The upper one lays documents out, after Wadler ("A prettier printer", 1998) and Lindig ("Strictly pretty",
2000): a document says where lines may be broken, `layout` breaks those that would be too long. The lower one says what
document a jaxpr is, and gives the variables their letters on the way.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..foundation import source_info as source_info_util
from ..foundation.jax_versions import in_color, params_to_print, prints_as_of
from ..foundation.letters import letters
from .jaxpr import Atom, ClosedJaxpr, DropVar, Jaxpr, JaxprEqn, Literal, Var, jaxprs_in_params

# ---------------------------------------------------------------------------------------------------------------------
# Documents: a string is itself, a list its items one after the other, and the classes below


class Break(NamedTuple):
    """A place where a line may end; `text` where it does not."""

    text: str = " "


class Nest(NamedTuple):
    """Lines that begin within are indented by two more columns."""

    doc: Doc


class Group(NamedTuple):
    """All breaks of its own end a line, or none does: none if it then fits on the line."""

    doc: Doc


# A style is the terminal's codes for the colour of the letters and for their weight.
PLAIN, KEYWORD, TYPE = (39, 22), (34, 1), (35, 22)


class Text(NamedTuple):
    """A string in a style, where colours are wanted, and with a note in the margin of its line, as `# file:line`."""

    text: str
    style: tuple[int, int] = PLAIN
    note: str = ""


Doc = str | list | Break | Nest | Group | Text


def layout(doc: Doc, width: int = 80, use_color: bool = False, annotation_prefix: str = " # ") -> str:
    """The document as text. A group is broken where it would reach beyond `width`; what has no breaks is never cut."""
    page = _Page(use_color)
    agenda = [(0, False, doc)]
    while agenda:
        indent, flat, doc = agenda.pop()
        match doc:
            case str():
                page.write(doc)
            case list():
                agenda.extend((indent, flat, item) for item in reversed(doc))
            case Text(text, style, note):
                page.write(text, style)
                page.notes[-1] = note or page.notes[-1]
            case Break(text) if flat:
                page.write(text)
            case Break():
                page.end_line(indent)
            case Nest(inner):
                agenda.append((indent + 2, flat, inner))
            case Group(inner):
                agenda.append((indent, flat or _fits(inner, width - page.column), inner))
    return page.text(annotation_prefix)


def _fits(doc: Doc, room: int) -> bool:
    """Whether the document takes at most `room` columns on one line, and has at most the one note a line can bear."""
    agenda, notes = [doc], 0
    while agenda and room >= 0 and notes < 2:
        match agenda.pop():
            case str() as text:
                room -= len(text)
            case list() as docs:
                agenda.extend(reversed(docs))
            case Break(text):
                room -= len(text)
            case Text(text, _, note):
                room -= len(text)
                notes += note != ""
            case Nest(inner) | Group(inner):
                agenda.append(inner)
    return room >= 0 and notes < 2


class _Page:
    """The lines written so far, their notes, and the column and colour of the pen."""

    def __init__(self, use_color: bool):
        self.lines, self.widths, self.notes = [""], [0], [""]
        self.use_color = use_color
        self.style = PLAIN

    column = property(lambda self: self.widths[-1])

    def write(self, text: str, style: tuple[int, int] = PLAIN):
        if self.use_color and style != self.style:
            codes = [str(new) for new, old in zip(style, self.style) if new != old]
            self.lines[-1] += f"\033[{';'.join(codes)}m"
            self.style = style
        self.lines[-1] += text
        self.widths[-1] += len(text)

    def end_line(self, indent: int):
        self.lines.append(" " * indent)
        self.widths.append(indent)
        self.notes.append("")

    def text(self, prefix: str) -> str:
        margin = max(self.widths)
        faint, normal = ("\033[2m", "\033[22m") if self.use_color else ("", "")
        return "\n".join(
            f"{line}{' ' * (margin - width)}{faint}{prefix}{note}{normal}" if note else line
            for line, width, note in zip(self.lines, self.widths, self.notes)
        )


def _join(separator: Doc, docs: Sequence[Doc]) -> list:
    return [item for doc in docs for item in (separator, doc)][1:]


def _row(docs: Sequence[Doc], separator: str = "") -> Doc:
    """One after the other, as many on a line as there is room for."""
    return Nest(Group(_join([separator, Group(Break())], docs)))


# ---------------------------------------------------------------------------------------------------------------------
# The params an equation shows, by its primitive. Those that are not in the table show all, sorted by name


def _broadcast_in_dim(params: dict) -> dict:
    # The shape is in the result's type, and a scalar has no dimensions to place.
    dimensions = params["broadcast_dimensions"]
    return {"broadcast_dimensions": dimensions} if dimensions else {}


def _dot_general(params: dict) -> dict:
    contracting, batch = params["dimension_numbers"]
    shown = {k: v for k, v in sorted(params.items()) if v is not None and k != "out_sharding"}
    shown["dimension_numbers"] = tuple(map(list, contracting)), tuple(map(list, batch))
    return shown


def _jit(params: dict) -> dict:
    # Whether XLA inlines it is shown nowhere, and the donated or kept arguments only where there are some.
    said = {k: v for k, v in sorted(params.items()) if any(v if isinstance(v, tuple) else [v]) and k != "inline"}
    return {"name": params["name"], **said}


def _custom_call(**functions: str) -> Callable[[dict], dict]:
    """For an equation with functions among its params: their names, under short names (`jvp` for `jvp_jaxpr_fun`)."""

    def shown(params: dict) -> dict:
        hidden = {"out_trees", *functions.values(), *(["num_consts"] if not params["num_consts"] else [])}
        kept = {k: v for k, v in params.items() if k not in hidden}
        kept |= {short: params[param].__name__ for short, param in functions.items()}
        return {"name": params["name"], **dict(sorted(kept.items()))}

    return shown


SHOWN_PARAMS: dict[str, Callable[[dict], dict]] = {
    "broadcast_in_dim": _broadcast_in_dim,
    "convert_element_type": lambda params: {k: v for k, v in sorted(params.items()) if k != "sharding"},
    "custom_jvp_call": _custom_call(jvp="jvp_jaxpr_fun"),
    "custom_vjp_call": _custom_call(fwd="fwd_jaxpr_thunk", bwd="bwd"),
    "dot_general": _dot_general,
    "jit": _jit,
}


# ---------------------------------------------------------------------------------------------------------------------
# Names


# A jaxpr of more equations than this gets a name and a place of its own, although it is used once only.
LONG = 10


def _shared_jaxprs(top: Jaxpr) -> dict[Jaxpr, str]:
    """The inner jaxprs to print before the others, and their names: those of several equations, and the long ones."""
    uses: Counter[Jaxpr] = Counter()
    names: dict[Jaxpr, str] = {}
    queue = deque([top])
    while queue:
        jaxpr = queue.popleft()
        uses[jaxpr] += 2 if jaxpr is not top and len(jaxpr.eqns) > LONG and prints_as_of("0.10.2") else 1
        for eqn in jaxpr.eqns:
            inner = list(map(_open, jaxprs_in_params(eqn.params)))
            queue.extend(inner)
            if eqn.params.get("name") is not None:
                for j in inner:
                    names.setdefault(j, eqn.params["name"].strip("<>"))
    shared: dict[Jaxpr, str] = {}
    seen: Counter[str] = Counter()
    for jaxpr in (j for j, n in uses.items() if n > 1):
        name = names.get(jaxpr, "jaxpr")
        seen[name] += 1
        if seen[name] > 1:
            name += str(seen[name] - 1)
            seen[name] += 1
        shared[jaxpr] = name
    return shared


def _unread(jaxpr: Jaxpr) -> set[Var]:
    """The results that no later equation reads: printed `_`, be they `DropVar` or not."""
    read = {v for v in jaxpr.outvars if type(v) is not Literal}
    unread = set()
    for eqn in reversed(jaxpr.eqns):
        unread.update(v for v in eqn.outvars if v not in read)
        read.update(v for v in eqn.invars if type(v) is not Literal)
    return unread


def _open(jaxpr: Jaxpr | ClosedJaxpr) -> Jaxpr:
    return jaxpr.jaxpr if isinstance(jaxpr, ClosedJaxpr) else jaxpr


# ---------------------------------------------------------------------------------------------------------------------
# Jaxprs as documents


class Settings(NamedTuple):
    source_info: bool = False
    print_shapes: bool = True
    custom_pp_eqn_rules: bool = True
    print_effects: bool = False


class Printer:
    """Makes documents, and names the variables in the order in which it meets them."""

    def __init__(self, top: Jaxpr | None, settings: Settings):
        self.settings = settings
        self.shared = _shared_jaxprs(top) if top is not None else {}
        unread = _unread(top) if top is not None else ()
        shared_names = set(self.shared.values())
        fresh = (name for name in letters() if name not in shared_names)
        self.names = defaultdict(fresh.__next__, dict.fromkeys(unread, "_"))

    def whole(self, top: Jaxpr) -> Doc:
        definitions = [
            [f"let {name} = ", self.definition(jaxpr), " in", Break()] for jaxpr, name in self.shared.items()
        ]
        return [definitions, self.jaxpr(top)]

    def jaxpr(self, jaxpr: Jaxpr) -> Doc:
        return self.shared.get(jaxpr) or self.definition(jaxpr)

    def definition(self, jaxpr: Jaxpr) -> Doc:
        # JAX 0.10.0 prints `_` for the unread results of inner jaxprs, too.
        if not prints_as_of("0.10.1"):
            self.names.update(dict.fromkeys(_unread(jaxpr), "_"))
        # Made in this order, for the names' sake.
        constvars, invars = self.binders(jaxpr.constvars), self.binders(jaxpr.invars)
        eqns = _join(Break("; "), [self.eqn(eqn) for eqn in jaxpr.eqns])
        outs = ["(", self.atoms(jaxpr.outvars, ","), ",)" if len(jaxpr.outvars) == 1 else ")"]
        effects = [" : { ", ", ".join(map(str, jaxpr.effects)), " }"] if self.settings.print_effects else []
        head = ["{ ", Text("lambda ", KEYWORD), constvars, "; ", invars, ". ", Text("let", KEYWORD)]
        body = [Nest([Break(), eqns]), Break(), Text("in ", KEYWORD), outs, effects]
        return Group([Nest([head, body]), " }"])

    def eqn(self, eqn: JaxprEqn) -> Doc:
        show = SHOWN_PARAMS.get(eqn.primitive.name) if self.settings.custom_pp_eqn_rules else None
        params = params_to_print(eqn.primitive.name, eqn.params)
        params = show(params) if show else dict(sorted(params.items()))
        if show is _jit:
            self.name_alike(_open(params["jaxpr"]), eqn)
        outs = self.binders(eqn.outvars)
        note = source_info_util.summarize(eqn.source_info) if self.settings.source_info else ""
        left = [outs, Text(" = ", note=note)] if eqn.outvars else []
        return [left, eqn.primitive.name, self.params(params), " ", self.atoms(eqn.invars)]

    def name_alike(self, inner: Jaxpr, eqn: JaxprEqn):
        """Inside a jit that is printed in its place, arguments and results are called what they are called outside."""
        if inner in self.shared:
            return
        for inside, outside in ((inner.invars, eqn.invars), (inner.outvars, eqn.outvars)):
            lent = set()
            for v, outer in zip(inside, outside):
                if type(v) is Literal or type(outer) is Literal or v in self.names or outer in lent:
                    continue
                lent.add(outer)
                self.names[v] = self.atom(outer)

    def params(self, params: dict) -> Doc:
        if not params:
            return []
        pairs = [[f"{name}=", self.param(value)] for name, value in params.items()]
        return Group([Nest(["[", Break(""), _join(Break(), pairs)]), Break(""), "]"])

    def param(self, value: Any) -> Doc:
        if isinstance(value, (Jaxpr, ClosedJaxpr)):
            return self.jaxpr(_open(value))
        if type(value) is tuple and all(isinstance(v, (Jaxpr, ClosedJaxpr)) for v in value):
            jaxprs = _join(Break(), [self.jaxpr(_open(v)) for v in value])
            return Group([Nest(["(", Break(""), jaxprs]), Break(""), ")"])
        if isinstance(value, frozenset):
            return f"frozenset({{{', '.join(map(repr, sorted(value)))}}})"
        # The address of a function would make two prints of one program differ.
        return re.sub(r" at 0x([0-9a-fA-F]+)", lambda m: " at 0x" + "X" * len(m[1]), str(value))

    def binders(self, variables: Sequence[Var]) -> Doc:
        if not self.settings.print_shapes:
            return self.atoms(variables)
        typed = [[self.atom(v), Text(f":{v.aval.str_short(short_dtypes=True)}", TYPE)] for v in variables]
        return _row(typed)

    def atoms(self, atoms: Sequence[Atom], separator: str = "") -> Doc:
        return _row([self.atom(a) for a in atoms], separator)

    def atom(self, atom: Atom) -> str:
        if type(atom) is Literal:
            # A literal that the program wrote as 0.1 is shown so, not as the nearest float32.
            value = getattr(atom.val, "number", atom.val)
            return f"{np.asarray(value).item()}:{atom.aval.str_short(short_dtypes=True)}"
        return "_" if type(atom) is DropVar else self.names[atom]


def pretty_print(
    jaxpr: Jaxpr | ClosedJaxpr,
    *,
    source_info: bool = False,
    print_shapes: bool = True,
    custom_pp_eqn_rules: bool = True,
    name_stack: bool = False,
    print_effects: bool = False,
    width: int = 80,
    use_color: bool | None = None,
    annotation_prefix: str = " # ",
) -> str:
    """The text of a jaxpr: `str(jaxpr)`, with JAX's options. Source: `jax.core.Jaxpr.pretty_print`.

    `source_info` notes each equation's line in the user's program, `print_shapes=False` leaves out the types of results,
    `custom_pp_eqn_rules=False` shows all params. Lines are broken where they would reach beyond `width`. Colours are those of a
    terminal: by default where the text is read in one.
    Raises NotImplementedError for `name_stack=True`: equations here have none.

    >>> import minijax as jax
    >>> print(jax.make_jaxpr(lambda x: 2 * x)(3.0))
    { lambda ; a:f32[]. let b:f32[] = mul 2.0:f32[] a in (b,) }
    """
    if name_stack:
        raise NotImplementedError("pretty_print: equations have no name stack; source_info=True shows their lines.")
    top = _open(jaxpr)
    printer = Printer(top, Settings(source_info, print_shapes, custom_pp_eqn_rules, print_effects))
    return layout(printer.whole(top), width, in_color(use_color), annotation_prefix)


def eqn_text(eqn: JaxprEqn) -> str:
    """One equation alone; its variables are named from `a` on. Source: `str(jax.core.JaxprEqn)`."""
    return layout(Printer(None, Settings()).eqn(eqn), use_color=in_color(None)).rstrip()
