"""The page as a file, without a browser: what it has, what it lets run, and how large it is."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser

import numpy as np
import pytest
from explained_programs import PROGRAMS

import minijax
import minijax.numpy as jnp
from minijax.explain.html import data, deltas, page, part

X = np.linspace(0.1, 0.9, 3, dtype=np.float32)


def net(w, x):
    h = jnp.tanh(x @ w)
    label = "</script><img src=x onerror=alert(1)>&amp;{{data}}"
    assert label
    return jnp.sum(h * 2)


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.texts = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def made():
    return minijax.explain(net)(np.ones((3, 4), np.float32), np.ones((2, 3), np.float32))


def unpacked(made) -> dict:
    return json.loads(zlib.decompress(base64.b64decode(data(made))))


def test_no_markup_of_the_users_becomes_markup(made):
    tags = Tags()
    tags.feed(page(made))
    assert "img" not in tags.tags
    assert tags.tags.count("script") == 2
    assert not [a for a in tags.attributes if a[1] in ("src", "href", "onerror", "onclick", "srcdoc")]
    assert any("<img src=x onerror=alert(1)>&amp;{{data}}" in text for text in tags.texts)


def test_the_policy_lets_the_pages_own_script_run_and_nothing_else(made):
    text = page(made)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    for kind, written in (("script", part("data.js") + part("page.js")), ("style", part("page.css"))):
        sources = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.S)
        assert sources == [written]
        assert base64.b64encode(hashlib.sha256(written.encode()).digest()).decode() in policy
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy and "http" not in policy
    assert "</" not in part("data.js") + part("page.js")


@pytest.mark.parametrize("name", ["data.js", "page.js", "page.css", "page.html"])
def test_the_pages_own_files_are_read_by_people(name):
    lines = part(name).splitlines()
    assert len(lines) <= 600 and max(map(len, lines)) <= 132


def test_without_javascript_there_is_the_program(made):
    tags = Tags()
    tags.feed(page(made).split('<div id="app"')[0])
    shown = "".join(tags.texts)
    for name in ("source", "jaxpr", "gradient", "numpy"):
        assert made.stage(name).text in shown
    assert tags.tags.count("tr") == len(made.stages) + 1
    assert all(stage.title in shown for stage in made.stages)


def test_a_bad_badge_says_why():
    @minijax.custom_jvp
    def wrong(x):
        return x * 2

    wrong.defjvp(lambda primals, tangents: (wrong(*primals), tangents[0] * 3))
    text = page(minijax.explain(lambda x: wrong(x).sum())(X))
    assert re.search(r'<span class="badge bad"[^>]*>gradient = finite differences: along a random direction: ', text)


def test_a_small_page_is_small(made):
    assert len(page(made).encode()) < 100_000


def letters(n: int) -> str:
    name = ""
    while name == "" or n > 0:
        name, n = chr(97 + n % 26) + name, n // 26
    return name


def sums(numbers):
    total, found = 0, []
    for n in numbers:
        total += n
        found.append(total)
    return found


def read(packed: dict, stage: dict) -> list[str]:
    """The lines of a packed stage, as the page reads them."""
    if stage["same"] is not None:
        return read(packed, packed["stages"][stage["same"]])
    variables, first, rows = iter(stage["variables"]), 0, []
    for template in stage["templates"]:
        head, *rest = packed["strings"][template].split("\x01")
        for k, words in enumerate(rest):
            number = first + next(variables)
            first = number if k == 0 else first
            head += letters(number) + words
        rows.append(head)
    return rows


@pytest.mark.parametrize("name", [*PROGRAMS][::5])
@pytest.mark.one_in(7)
def test_what_is_packed_is_the_model(name):
    function, args, kwargs = PROGRAMS[name]
    made = minijax.explain(function, checks=False)(*args, **kwargs)
    packed = unpacked(made)
    assert packed["layout"] == 1 and [s["name"] for s in packed["stages"]] == [s.name for s in made.stages]
    for stage, original in zip(packed["stages"], made.stages):
        assert read(packed, stage) == [line.text for line in original.lines]
        if stage["same"] is None:
            assert [packed["strings"][i] for i in stage["primitive"]] == [e.primitive for e in original.equations]
            assert sums(stage["of"]) == [-1 if n is None else n for n in (line.equation for line in original.lines)]
            lengths, numbers = stage["users"]
            assert lengths == [len(e.users) for e in original.equations]
            assert sums(numbers) == [n for e in original.equations for n in e.users]
            assert sums(stage["parents"]) == [n for e in original.equations for _, n in e.parents]


def test_deltas():
    assert deltas([3, 4, 4, 10, 2]) == [3, 1, 0, 6, -8] and sums(deltas([3, 4, 4, 10, 2])) == [3, 4, 4, 10, 2]


def test_save_and_notebooks(made, tmp_path):
    made.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == made.html()
    tags = Tags()
    tags.feed(made._repr_html_())
    assert tags.tags[0] == "iframe" and ("iframe", "sandbox", "allow-scripts") in tags.attributes and "pre" in tags.tags
    assert ("iframe", "srcdoc", made.html()) in tags.attributes
    assert repr(made) == made.text()


def test_the_text(made):
    """In the order of the stages; the words of the source at the end of each equation's line."""
    text = made.text()
    assert max(map(len, text.split("\n")[:60])) <= 80
    assert "    d:f32[2,4] = tanh c                                          jnp.tanh(x @ w)" in text
    assert "\033" not in text and "\033[35m" in made.text(color=True)
    plain = re.sub(r"\033\[\d+m", "", made.text(color=True))
    assert plain == text


def test_a_jaxpr_in_a_notebook():
    jaxpr = minijax.make_jaxpr(lambda x: minijax.lax.scan(lambda c, y: (c * y, c), 1.0, x)[0])(X)
    for one in (jaxpr, jaxpr.jaxpr):
        tags = Tags()
        tags.feed(one._repr_html_())
        assert "".join(tags.texts) == str(jaxpr)
        assert set(tags.tags) == {"pre", "span"} and {a[2] for a in tags.attributes} == {
            "color:#3b82c4;font-weight:600",
            "color:#a855b5",
        }


def test_the_parts_of_the_page_fit_together():
    """A name that one part uses is in the other: an animation without its keyframes is no error in any browser."""
    html, style, script = (part(f"page.{kind}") for kind in ("html", "css", "js"))
    assert set(re.findall(r"animation: (\w+)", style)) == set(re.findall(r"@keyframes (\w+)", style)) != set()
    assert set(re.findall(r"var\((--\w+)\)", style)) == set(re.findall(r"(--\w+): ", style))
    assert style.count("{") == style.count("}")
    ids = set(re.findall(r' id="(\w+)"', html))
    assert set(re.findall(r'\$\("(\w+)"\)', script)) <= ids
    assert set(re.findall(r"#([a-z]\w*)[ .{:,>]", re.sub(r"\{[^{}]*\}", "{}", style))) <= ids
    # What a key does is said in the help.
    told = set(" ".join(re.findall(r"<dt>([^<]*)<dd>", html)).split())
    actions = script[script.index("const actions = {") : script.index("};", script.index("const actions = {"))]
    keys = set(re.findall(r'[{,]\s+"?([\w/?\[\]]+)"?: (?:\(\) =>|toggleRun)', actions))
    keys |= set(re.findall(r"(\w): \"", re.search(r"const toggles = (.*);", script)[1]))
    names = {"ArrowRight": "→", "ArrowLeft": "←", "ArrowDown": "↓", "ArrowUp": "↑", "Escape": "Esc"}
    assert {names.get(key, key) for key in keys} == told - {"click"} | {"?"}
