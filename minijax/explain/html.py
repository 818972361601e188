"""An explanation as a page: one file, which asks for nothing else.

`page/page.html` is a template, whose places are `{{name}}`; the style and the two scripts beside it go into it. Source, jaxpr,
gradient, last program and the table of stages are HTML, which a browser without JavaScript shows, too. All the rest is one
compressed block: strings once, equations by columns of numbers.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from functools import cache, partial
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ..core.jaxpr import ClosedJaxpr, Jaxpr
from ..foundation.letters import letters
from .model import Equation, Place, Stage
from .words import bytes_text, short_number

if TYPE_CHECKING:
    from .explanation import Explanation

# The version of the data's layout: `data.js` reads this one.
LAYOUT = 1
ROLES = ("primal", "tangent", "cotangent", "batch")


@cache
def part(name: str) -> str:
    """A file of the page."""
    return files(__package__).joinpath("page", name).read_text("utf-8")


class _Table:
    """Values, each once; `number` is where a value stands."""

    def __init__(self):
        self.numbers: dict[Any, int] = {}

    def number(self, value) -> int:
        return self.numbers.setdefault(value, len(self.numbers))

    def values(self) -> list:
        return list(self.numbers)


def deltas(numbers: Iterable[int]) -> list[int]:
    """Each number less the one before: what grows step by step is then the same number again and again, and packs well."""
    found, last = [], 0
    for n in numbers:
        found.append(n - last)
        last = n
    return found


def _runs(lists: Iterable[Sequence[int]]) -> list[list[int]]:
    """Lists as two: how long each is, and all their numbers."""
    lists = list(lists)
    return [[len(one) for one in lists], deltas(n for one in lists for n in one)]


# A word that may be a variable's name: not a primitive's, which stands behind `= `.
_WORD = re.compile(r"(?<![\w.])(?<!= )[a-z]{1,4}(?![\w.(\[=])")


class _Packer:
    def __init__(self, made: Explanation):
        self.made = made
        self.strings, self.places = _Table(), _Table()
        self.files = {source.file: i for i, source in enumerate(made.sources)}
        # {letters of a variable: its number}, as the printer counts.
        self.letters = {name: n for n, name in zip(range(1 + max(s.count for s in made.stages) * 4 + 100), letters())}

    def packed(self) -> dict:
        made, text = self.made, self.strings.number
        stages = [self.stage(stage) for stage in made.stages]
        line = made.timeline
        return {
            "layout": LAYOUT,
            "name": made.name,
            "args": made.arguments,
            "command": made.command,
            "badges": [[b.name, b.state, b.text] for b in made.badges],
            "sources": [{"file": s.file, "lines": [[n, text(row)] for n, row in s.lines]} for s in made.sources],
            "rules": [[r.primitive, r.kind, r.file, r.line, r.source] for r in made.rules],
            "stages": stages,
            "places": [self.place(place) for place in self.places.values()],
            "timeline": None
            if line is None
            else {
                "stage": line.stage,
                "live": deltas(line.live),
                "peak": line.peak,
                "peakStep": line.peak_step,
                "equations": deltas(line.equations),
                "backward": line.backward,
                "bad": line.bad,
                "residuals": [[r.name, r.type, r.bytes, r.equation, r.made, r.used] for r in line.residuals],
            },
            "versions": [[v.name, v.equations, v.cost.flops, v.peak, deltas(v.live), v.error] for v in made.versions],
            # Last: every string is known only now.
            "strings": self.strings.values(),
        }

    def place(self, place: Place) -> list:
        words = self.strings.number(" ".join(place.text.split()))
        known = self.files.get(place.file, -1)
        return [known, place.line, place.column, place.end_line, place.end_column, words, place.file]

    def stage(self, stage: Stage) -> dict:
        text = self.strings.number
        removed = [[e.number, e.removed[0], text(e.removed[1])] for e in stage.equations if e.removed is not None]
        found = {
            "name": stage.name,
            "title": stage.title,
            "kind": stage.kind,
            "change": stage.change,
            "error": stage.error,
            "same": stage.same_as,
            "branch": stage.branch,
            "bytes": stage.bytes,
            "cost": [stage.cost.flops, stage.cost.transcendentals, stage.cost.bytes],
            "count": stage.count,
            "removed": removed,
        }
        # A stage of the same text as one before shares its lines and equations.
        return found if stage.same_as is not None else found | self.lines(stage) | self.equations(stage.equations)

    def lines(self, stage: Stage) -> dict:
        """The lines as templates: of a jaxpr's, the variables' names are numbers beside the template, counted from one before."""
        templates: list[int] = []
        variables: list[int] = []
        first = 0
        for line in stage.lines:
            numbers: list[int] = []
            words = line.text if stage.kind != "jaxpr" else _WORD.sub(partial(self.variable, numbers), line.text)
            templates.append(self.strings.number(words))
            if numbers:
                variables += [numbers[0] - first, *[n - numbers[0] for n in numbers[1:]]]
                first = numbers[0]
        return {
            "templates": templates,
            "variables": variables,
            "of": deltas(-1 if line.equation is None else line.equation for line in stage.lines),
            "from": [
                [i, self.files[line.place[0]], line.place[1]]
                for i, line in enumerate(stage.lines)
                if line.place is not None and line.place[0] in self.files
            ],
        }

    def variable(self, numbers: list[int], match: re.Match) -> str:
        """A mark in place of a variable's name, whose number goes to `numbers`."""
        number = self.letters.get(match[0])
        if number is None:
            return match[0]
        numbers.append(number)
        return "\x01"

    def equations(self, equations: Sequence[Equation]) -> dict:
        """The equations by columns. Names, types and operands are read from the text."""
        text = self.strings.number
        sames = [e.same or (-1, -1) for e in equations]
        return {
            "depth": [e.depth for e in equations],
            "primitive": [text(e.primitive) for e in equations],
            "operands": [text(", ".join(e.operands)) if f" = {e.primitive}[" in e.text else -1 for e in equations],
            "place": [-1 if e.place is None else self.places.number(e.place) for e in equations],
            "call": [-1 if e.call is None else self.places.number(e.call) for e in equations],
            "role": [ROLES.index(e.role) for e in equations],
            "rule": [-1 if e.rule is None else e.rule for e in equations],
            "parentStages": _runs([stage for stage, _ in e.parents] for e in equations),
            "parents": deltas(n for e in equations for _, n in e.parents),
            "users": _runs(e.users for e in equations),
            "sameStage": [stage for stage, _ in sames],
            "sameNumber": deltas(n for _, n in sames),
            "flops": [e.cost.flops for e in equations],
            "transcendentals": [e.cost.transcendentals for e in equations],
            "moved": [e.cost.bytes for e in equations],
            "residual": [e.residual for e in equations],
            "value": [text(e.value) for e in equations],
            "bad": [e.number for e in equations if not e.finite],
        }


def data(made: Explanation) -> str:
    """The compressed block: JSON, deflated, in base64."""
    text = json.dumps(_Packer(made).packed(), separators=(",", ":"), ensure_ascii=False)
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


# ---------------------------------------------------------------------------------------------------------------------
# What a browser without JavaScript shows


def _table(made: Explanation) -> str:
    rows = []
    for stage in made.stages:
        cells = [f'<th scope="row">{escape(stage.title)}</th>']
        if stage.kind == "jaxpr" and stage.error is None:
            cost = stage.cost
            numbers = [
                f"{stage.count:,}",
                short_number(cost.flops),
                short_number(cost.transcendentals),
                bytes_text(stage.bytes),
            ]
        else:
            numbers = [""] * 4
        cells += [f"<td class=n>{number}</td>" for number in numbers]
        change = escape(stage.change if stage.error is None else stage.error)
        rows.append(f"<tr>{''.join(cells)}<td>{change}</td></tr>")
    head = "<tr><th>stage<th>equations<th>FLOPs<th>exp etc.<th>bytes<th>what changed</tr>"
    return f"<div class=scroll><table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table></div>"


def _text(title: str, rows: Iterable[str]) -> str:
    return f"<h2>{escape(title)}</h2><pre>{escape(chr(10).join(rows))}</pre>"


def static(made: Explanation) -> str:
    """The source, the table of stages, the jaxpr, the gradient and the last program."""
    found = [_table(made)]
    for stage in _important(made.stages):
        rows = [line.text for line in stage.lines] if stage.error is None else [stage.error]
        found.append(_text(stage.title, rows))
    return "\n".join(found)


def _important(stages: Sequence[Stage]) -> list[Stage]:
    programs = [s for s in stages if s.name == "numpy"]
    return [s for s in stages if s.name in ("source", "jaxpr", "gradient")] + programs


def _badges(made: Explanation) -> str:
    """The badges: a bad one says why, of the others one sees it when one points at them."""
    found = []
    for badge in made.badges:
        words = f"{badge.name}: {badge.text}" if badge.state == "bad" else badge.name
        found.append(
            f'<span class="badge {badge.state}" title="{escape(badge.text, quote=True)}">{escape(words)}</span>'
        )
    return "".join(found)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def page(made: Explanation) -> str:
    """The whole page. Its policy lets it run its own script and style, and send no request."""
    script, style = part("data.js") + part("page.js"), part("page.css")
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    filled = {
        "policy": policy,
        "title": escape(f"{made.name} explained"),
        "signature": escape(f"{made.name}({', '.join(made.arguments)})"),
        "command": escape(made.command),
        "badges": _badges(made),
        "static": static(made),
        "data": data(made),
        "style": style,
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: filled[match[1]], part("page.html"))


def fallback(made: Explanation) -> str:
    """For notebooks: the page in a frame of its own, and the text for viewers that strip frames."""
    document, title = escape(page(made), quote=True), escape(f"{made.name} explained", quote=True)
    frame = (
        f'<iframe sandbox="allow-scripts" srcdoc="{document}" title="{title}"'
        ' width="100%" height="700" style="border:1px solid #8888"></iframe>'
    )
    return f"{frame}<details><summary>as text</summary><pre>{escape(made.text())}</pre></details>"


# ---------------------------------------------------------------------------------------------------------------------
# A jaxpr in a notebook

# {the terminal's code: a style that can be read on light and on dark paper}
STYLES = {"34": "color:#3b82c4", "35": "color:#a855b5", "1": "font-weight:600"}


def of_jaxpr(jaxpr: Jaxpr | ClosedJaxpr) -> str:
    """The text of a jaxpr in the colours of `pretty_print(use_color=True)`."""
    first, *pieces = jaxpr.pretty_print(use_color=True).split("\033[")
    found = [escape(first)]
    for piece in pieces:
        codes, _, text = piece.partition("m")
        styles = ";".join(STYLES[code] for code in codes.split(";") if code in STYLES)
        found.append(f'<span style="{styles}">{escape(text)}</span>' if styles else escape(text))
    return f"<pre>{''.join(found)}</pre>"
