"""The page in a real browser: clicks, keys, links, what lights up, no error in the console, no request.

Needs chromium, chromedriver and selenium. Where the environment variable CI is true, their absence is a failure; elsewhere a skip.
"""

from __future__ import annotations

import json
import os
import shutil
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from explained_programs import PROGRAMS

import minijax
import minijax.numpy as jnp
from minijax.extend.core import Primitive
from minijax.interpreters.mlir import lower_fun, register_lowering

X = np.linspace(0.1, 0.9, 3, dtype=np.float32)
W = np.linspace(-0.5, 0.5, 12, dtype=np.float32).reshape(3, 4)


def net(w, x, y):
    h = jnp.tanh(x @ w)
    p = jnp.mean(h, axis=1)
    return jnp.sum((p - y) ** 2)


def markup(x):
    y = jnp.sin(x)  # <b onclick="alert(1)">not bold</b> & </script><script>alert(2)</script>
    return {"<i>&amp;</i>": jnp.sum(y * x)}["<i>&amp;</i>"]


def without_gradient(x):
    return minijax.lax.while_loop(lambda c: c.sum() < 10, lambda c: c * 2, x).sum()


def not_finite(x):
    y = jnp.log(x - x)
    return jnp.sum(y * y)


def two_thousand(x):
    for k in range(224):
        h = jnp.sin(x) * (k * 0.001)
        g = jnp.tanh(h + x)
        x = g * h - x / (1 + g * g)
    return jnp.sum(x)


@cache
def browser():
    """A browser that writes down its console and its requests; one for each process, until the process ends."""
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    missing = [name for name, path in zip(("chromium", "chromedriver"), programs) if path is None]
    try:
        from selenium import webdriver
    except ImportError:
        missing.append("selenium")
    if missing:
        absent = f"the page is not looked at: there is no {', no '.join(missing)}"
        pytest.fail(absent) if os.environ.get("CI") == "true" else pytest.skip(absent)
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1400,900",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(programs[1]))


@pytest.fixture(scope="session", autouse=True)
def closed_at_the_end():
    yield
    if browser.cache_info().currsize:
        browser().quit()


KEYS = {
    "right": "ArrowRight",
    "left": "ArrowLeft",
    "down": "ArrowDown",
    "up": "ArrowUp",
    "enter": "Enter",
    "escape": "Escape",
}


class Page:
    """A page that is open in the browser."""

    def __init__(self, made, path: Path, fragment: str = "", width: int = 1400):
        self.made, self.driver = made, browser()
        if not path.exists():
            made.save(path)
        self.driver.get_log("browser"), self.driver.get_log("performance")
        self.size(width)
        # The same file with another fragment would not load again.
        self.driver.get("about:blank")
        self.driver.get(path.as_uri() + fragment)
        self.driver.set_script_timeout(20)
        self.driver.execute_async_script(
            "const done = arguments[0]; (function wait() { document.body.dataset.ready ? done() : setTimeout(wait, 10) })()"
        )

    def size(self, width: int, dark: bool = False):
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def js(self, script: str, *args):
        return self.driver.execute_script(f"return {script}", *args)

    def wait(self, condition: str):
        """Until a condition of the page's holds."""
        self.driver.execute_async_script(
            f"const done = arguments[0]; (function wait() {{ {condition} ? done() : setTimeout(wait, 10) }})()"
        )

    def press(self, *keys: str) -> float:
        """Press keys; the longest time that one took, in milliseconds, with the layout after it."""
        script = """(() => { const start = performance.now();
            document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: arguments[0], bubbles: true}));
            document.body.offsetHeight; return performance.now() - start; }).apply(null, arguments)"""
        return max(self.js(script, KEYS.get(key, key)) for key in keys)

    def type(self, *keys: str):
        """Type keys as a person does."""
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys

        names = {
            "up": Keys.ARROW_UP,
            "right": Keys.ARROW_RIGHT,
            "left": Keys.ARROW_LEFT,
            "down": Keys.ARROW_DOWN,
            "enter": Keys.ENTER,
        }
        ActionChains(self.driver).send_keys(*[names.get(k, k) for k in keys]).perform()

    def click_source(self, words: str):
        """Click on the innermost expression of the source that has that text."""
        script = """const found = [...document.querySelectorAll("#source .p")].filter(s => s.title === arguments[0]);
            if (found.length) { found[0].click(); return true } return false"""
        assert self.driver.execute_script(script, words), f"{words} is no expression of the source"

    def stage(self) -> str:
        return self.js("document.querySelector('#stages [aria-current=true]').textContent")

    def show(self, name: str):
        place = self.made.stages.index(self.made.stage(name))
        self.js("document.querySelectorAll('#stages button')[arguments[0]].click()", place)

    def rows(self, kind: str = "") -> list[str]:
        return self.js(
            "[...document.querySelectorAll('#rows .row' + arguments[0])].map(r => r.querySelector('.t').textContent)",
            kind,
        )

    def lit(self) -> set[int]:
        """The numbers of the equations that are lit, of those on the screen."""
        script = "[...document.querySelectorAll('#rows .row.lit a.no')].map(a => Number(a.textContent))"
        return set(self.js(script))

    def check(self):
        """No error in the console, and no request but for the page itself."""
        assert [entry for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        assert len(urls) == 1 and urls[0].startswith("file://"), urls


def opened(tmp_path, function, *args, **more) -> Page:
    return Page(minijax.explain(function, checks=False)(*args), tmp_path / "page.html", **more)


@pytest.fixture
def page(tmp_path):
    return opened(tmp_path, net, W, np.ones((2, 3), np.float32), np.ones(2, np.float32))


def test_an_expression_lights_its_equations_in_every_stage(page):
    for words in ("p - y", "jnp.tanh(x @ w)", "x @ w", "jnp.mean(h, axis=1)", "(p - y) ** 2"):
        page.click_source(words)
        chosen = {e.number for e in page.made.stage("jaxpr").equations if e.place.text == words}
        assert chosen
        for stage in page.made.stages:
            page.show(stage.name)
            if stage.kind == "jaxpr":
                users = {e.number for e in stage.equations if set(e.users) & chosen}
                assert page.lit() == (chosen if stage.name == "jaxpr" else users), (words, stage.name)
                # The rest folds, if anything is lit.
                assert bool(page.rows(".folded")) == bool(users or stage.name == "jaxpr")
    page.check()


def test_programs_light_by_line(page):
    page.click_source("jnp.mean(h, axis=1)")
    page.show("numpy")
    assert "    c = h.sum(1)" in page.rows(".lit") and "    h = np.tanh(a)" not in page.rows(".lit")
    page.show("stablehlo")
    assert page.rows(".lit") and not any("tanh" in row for row in page.rows(".lit"))
    page.check()


def test_keys(page):
    assert page.stage().startswith("jaxpr")
    page.type("right", "right")
    assert page.stage().startswith("linearized")
    page.type("left")
    assert page.stage().startswith("jvp")
    page.type("down", "down", "enter")
    assert page.js("location.hash") == "#jvp.1"
    details = page.rows(".detail")
    assert any(row.startswith("expression") and "x @ w" in row for row in details)
    assert any(row.startswith("comes from") and "dot_general" in row for row in details)
    assert any(row.startswith("written by") and "jvp rule of dot_general" in row for row in details)
    assert any("def " in row or "lambda" in row for row in details) and any(
        "primals = (b, a)" in row for row in details
    )
    page.type("enter")
    assert page.rows(".detail") == []
    # Carried along to the gradient, it says what its rule was applied to where it was written.
    number = next(
        e.number for e in page.made.stage("gradient").equations if e.primitive == "mul" and e.role == "primal"
    )
    page.js("location.hash = arguments[0]", f"#gradient.{number}")
    page.driver.execute_async_script("setTimeout(arguments[0], 50)")
    assert any("primals = (h), and ans = i, of stage jaxpr" in row for row in page.rows(".detail")), page.rows(
        ".detail"
    )
    page.show("jvp")
    page.type("?")
    assert page.js("document.getElementById('keys').open")
    page.driver.execute_script("document.getElementById('keys').close()")
    page.type("t")
    assert page.js("document.getElementById('whole').textContent") == page.made.stage("jvp").text
    page.type("t")
    page.check()


def test_keys_in_the_source(page):
    """An expression is chosen and lit without the mouse."""
    page.type("s")
    titles = []
    for _ in range(40):
        titles.append(page.js("document.activeElement.title"))
        page.type("down")
    assert set(titles) == {e.place.text for e in page.made.stage("jaxpr").equations}
    page.type("up", "up")
    words = page.js("document.activeElement.title")
    page.type("enter", "right")
    assert page.stage().startswith("jvp")
    chosen = {e.number for e in page.made.stage("jaxpr").equations if e.place.text == words}
    assert page.lit() == {e.number for e in page.made.stage("jvp").equations if set(e.users) & chosen}
    page.type("p")
    assert page.js("document.activeElement.id") == "program"
    page.check()


def test_a_line_of_a_lowering_lights_what_it_wrote(tmp_path):
    sums_p = Primitive("sums")
    sums_p.def_abstract_eval(lambda x: x)
    register_lowering(sums_p, lower_fun(sums, multiple_results=False))
    page = opened(tmp_path, lambda x: sums_p.bind(x * 2.0).sum(), X)
    page.click_source("jnp.cos(y)")
    for stage in ("jaxpr", "pass1"):
        page.show(stage)
        written = [e.primitive for e in page.made.stage(stage).equations if e.number in page.lit()]
        assert written == ([] if stage == "jaxpr" else ["cos"])
    page.check()


def test_a_call_of_a_library_lights_what_it_wrote(tmp_path, monkeypatch):
    (tmp_path / "lib_of_page.py").write_text(
        "import minijax.numpy as jnp\n\ndef twice(x):\n    return jnp.sin(x) * 2.0\n"
    )
    main = (
        "import minijax.numpy as jnp\nfrom lib_of_page import twice\n\ndef loss(x):\n    return jnp.sum(twice(x) + x)\n"
    )
    (tmp_path / "main_of_page.py").write_text(main)
    monkeypatch.syspath_prepend(str(tmp_path))
    page = opened(tmp_path, import_module("main_of_page").loss, X)
    page.click_source("twice(x)")
    for stage in ("jaxpr", "gradient"):
        page.show(stage)
        lit = [e.primitive for e in page.made.stage(stage).equations if e.number in page.lit()]
        assert lit[0] == "sin" and "mul" in lit and "reduce_sum" not in lit and "add" not in lit
    assert "twice(x)" in page.js("[...document.querySelectorAll('#source .p.on')].map(s => s.textContent).join()")
    page.check()


def sums(x):
    y = jnp.sin(x)
    return y + jnp.cos(y)


def test_search(page):
    page.show("gradient")
    page.type("/", *"mul")
    count = sum(line.text.count("mul") > 0 for line in page.made.stage("gradient").lines)
    assert page.js("document.getElementById('found').textContent") == f"1 of {count}"
    assert page.js("document.querySelector('#rows mark').textContent") == "mul"
    page.type("enter")
    assert page.js("document.getElementById('found').textContent") == f"2 of {count}"
    page.check()


def test_a_link_opens_its_equation(tmp_path, page):
    number = next(e.number for e in page.made.stage("transposed").equations if e.primitive == "mul")
    linked = Page(page.made, tmp_path / "page.html", f"#transposed.{number}")
    assert linked.stage().startswith("transposed")
    assert linked.js("document.querySelector('.row.cursor a.no').textContent") == str(number)
    assert any("transpose rule of mul" in row for row in linked.rows(".detail"))
    # Links go on to the equations that this one comes from.
    linked.js("document.querySelector('.row.detail a[href^=\"#linearized\"]').click()")
    linked.driver.execute_async_script("setTimeout(arguments[0], 50)")
    assert linked.stage().startswith("linearized")
    linked.check()


def test_lines_that_go_say_why(page):
    page.show("pass3")
    (gone,) = page.js("[...document.querySelectorAll('.row.gone')].map(r => r.textContent)")
    assert "mul" in gone and "identities: it returns its operand" in gone
    page.type("d")
    assert page.rows(".gone") == []
    page.check()


def test_run_it(page):
    page.type("r")
    line = page.made.timeline
    words = page.js("document.querySelector('#memory .controls span').textContent")
    assert words.startswith(f"step 1 of {len(line.live)}, forwards, ")
    page.type(*"]" * line.backward)
    words = page.js("document.querySelector('#memory .controls span').textContent")
    assert words.startswith(f"step {line.backward + 1} of {len(line.live)}, backwards, ")
    assert page.js("document.querySelectorAll('#memory .bar').length") == len(line.residuals)
    kept = page.js("[...document.querySelectorAll('#memory p')].map(p => p.textContent)[1]")
    now = [r.name for r in line.residuals if r.made <= line.backward <= r.used]
    assert all(f"{name}:" in kept for name in now)
    page.type("[")
    assert "forwards" in page.js("document.querySelector('#memory .controls span').textContent")
    sums = [i for i, n in enumerate(line.equations) if page.made.stages[line.stage].equations[n].primitive == "add_any"]
    page.type(*"]" * (sums[0] - line.backward + 1))
    assert "cotangents add up here: " in page.js("document.querySelector('#memory .step').textContent")
    page.js("[...document.querySelectorAll('#memory button')].find(b => b.textContent === 'beside').click()")
    assert page.js("document.querySelectorAll('#memory .other').length") == 1
    page.check()


def test_the_first_nan_is_found(tmp_path):
    page = opened(tmp_path, not_finite, X)
    page.type("r")
    page.js("[...document.querySelectorAll('#memory button')].find(b => b.textContent.includes('NaN')).click()")
    step = page.js("document.querySelector('#memory .step').textContent")
    assert "= log " in step and step.endswith("a NaN or an infinity arises here")
    page.check()


def test_a_stage_that_fails_shows_its_error(tmp_path):
    page = opened(tmp_path, without_gradient, X)
    page.show("gradient")
    assert "while_loop" in "".join(page.rows())
    assert page.js("document.querySelectorAll('#stages .error').length") >= 2
    page.type("right", "left", "down", "enter")
    page.check()


def test_markup_in_the_source_is_text(tmp_path):
    page = opened(tmp_path, markup, X)
    assert page.js("document.querySelectorAll('#source b, #static b, #source script').length") == 0
    assert "</script><script>alert(2)</script>" in page.js("document.getElementById('source').textContent")
    page.check()


def test_letters_outside_ascii(tmp_path):
    page = opened(tmp_path, PROGRAMS["unicode"][0], X)
    page.click_source("spot_p.bind(größe)")
    words = page.js("[...document.querySelectorAll('#source .p.on')].map(s => s.textContent).join('')")
    assert words == "spot_p.bind(größe)"
    page.check()


@pytest.mark.parametrize("name", ["scan", "cond", "custom_vjp", "two_calls_of_one_jit", "method"])
@pytest.mark.one_in(18)
def test_programs_of_other_styles(tmp_path, name):
    function, args, kwargs = PROGRAMS[name]
    page = Page(minijax.explain(function, checks=False)(*args, **kwargs), tmp_path / "page.html")
    marked = next(e for e in page.made.stage("jaxpr").equations if e.primitive == "spot")
    page.click_source(" ".join(marked.place.text.split()))
    chosen = {e.number for e in page.made.stage("jaxpr").equations if e.place == marked.place}
    for stage in ("jvp", "transposed", "gradient", "pass8"):
        page.show(stage)
        assert page.lit() == {e.number for e in page.made.stage(stage).equations if set(e.users) & chosen}
    page.check()


@pytest.mark.parametrize("width", [360, 900, 1920])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.one_in(20)
def test_every_width_light_and_dark(page, width, dark):
    """Nothing sticks out of the page, and the program has room."""
    page.size(width, dark)
    assert page.js("document.documentElement.scrollWidth") <= width
    assert page.js("document.getElementById('program').clientHeight") >= 200
    paper = page.js("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(22, 24, 27)") == dark
    page.type("r")
    assert page.js("document.documentElement.scrollWidth") <= width
    for pane in ("program", "memory"):
        assert page.js(f"document.getElementById('{pane}').clientHeight") >= 150, pane
    page.size(1400)


def test_in_a_notebook(tmp_path, page):
    """The page in a sandboxed frame: its address is not its own."""
    (tmp_path / "notebook.html").write_text(
        f"<!doctype html><meta charset=utf-8>{page.made._repr_html_()}", encoding="utf-8"
    )
    page.driver.get((tmp_path / "notebook.html").as_uri())
    page.driver.switch_to.frame(0)
    page.driver.execute_async_script(
        "const done = arguments[0]; (function wait() { document.body.dataset.ready ? done() : setTimeout(wait, 10) })()"
    )
    # A click of the mouse: keys go to the frame that was clicked in.
    page.driver.find_element("css selector", "#source .p[title='p - y']").click()
    page.type("right")
    page.wait("document.querySelector('#stages [aria-current=true]').textContent.startsWith('jvp')")
    assert page.lit()
    page.driver.switch_to.default_content()
    assert [entry for entry in page.driver.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_without_javascript(tmp_path, page):
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.driver.get((tmp_path / "page.html").as_uri())
        shown = page.driver.find_element("id", "static")
        assert shown.is_displayed() and "def net(w, x, y):" in shown.text and "np.tanh" in shown.text
        assert not page.driver.find_element("id", "app").is_displayed()
    finally:
        page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.long
def test_two_thousand_equations(tmp_path):
    """Below 2 MB; painted within a second; a key takes less than 50 ms, here with room for a busy machine."""
    made = minijax.explain(two_thousand, checks=False)(X)
    assert made.stage("jaxpr").count > 2000 and sum(len(s.lines) for s in made.stages if s.kind == "jaxpr") > 32_000
    made.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size < 2_000_000
    page = Page(made, tmp_path / "page.html")
    page.wait("performance.getEntriesByName('first-paint').length")
    assert page.js("performance.getEntriesByName('first-paint')[0].startTime") < 3000
    page.driver.execute_async_script("setTimeout(arguments[0], 600)")
    slowest = page.press(*["right"] * 10, "down", "enter", "f", "d", *["left"] * 5, "r", "]", "]", "escape")
    assert slowest < 250, slowest
    assert page.js("document.querySelectorAll('#rows .row').length") < 120
    page.show("gradient")
    page.js("document.getElementById('program').scrollTop = 1e6")
    page.driver.execute_async_script("setTimeout(arguments[0], 100)")
    assert page.rows()[-1].startswith("  in (")
    page.check()
