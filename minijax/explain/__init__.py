"""What learners look at: `explain`, one program at every stage; `trace_steps`, `diff`, `cost`.

The name `minijax.explain` is a function of this file; the modules beside it are `minijax.explain.model` and so on, imported as
`from minijax.explain.model import Explanation`. They load when one of the functions is first called.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any, TextIO

from ..core.jaxpr import ClosedJaxpr, Jaxpr


def explain(
    fun: Callable[..., Any],
    *,
    argnums: int | tuple[int, ...] | None = None,
    grad: bool | None = None,
    vmap: Any = None,
    jit: bool = False,
    checks: bool = True,
    compare: bool = False,
    command: str | None = None,
) -> Callable[..., Any]:
    """A function that explains the call of `fun` with its arguments: it returns an `Explanation`.

    The explanation has the program at every stage: the source, the jaxpr, its jvp, what linearize computes now and what it keeps,
    the transposed program, the gradient, the batched program, the jaxpr after each pass, and the NumPy and StableHLO programs.
    `.text()` shows it in a terminal, `.save("page.html")` writes a page, and a notebook shows the page.

    argnums: the positional arguments to differentiate; by default the first that is real or complex. grad: whether the last
    program is that of value and gradient; by default it is if `fun` returns one real scalar. vmap: `in_axes` of a `vmap` around
    everything, as in `minijax.vmap`. jit: explain the jitted function, whose equations stand within one `jit` equation. checks:
    whether to compare the gradient with finite differences. compare: whether to compare values and jaxpr with the installed JAX,
    as the command does, in a process that imports the function's module once more, on JAX: that takes seconds. command: what
    makes this page again, shown on the page.

    Raises what tracing `fun` raises. If a later stage fails, the explanation shows the error in the stage's place.

    >>> import minijax.numpy as jnp
    >>> explained = explain(lambda x: jnp.sin(x) * x)(2.0)
    >>> print(explained.stage("jaxpr").text)
    { lambda ; a:f32[]. let
        b:f32[] = sin a
        c:f32[] = mul b a
      in (c,) }
    >>> [stage.name for stage in explained.stages][:5]
    ['source', 'jaxpr', 'jvp', 'linearized', 'transposed']
    """
    options = {"argnums": argnums, "grad": grad, "vmap": vmap, "jit": jit, "checks": checks, "command": command}
    badges = import_module(".compare", __name__).badges_of_function if compare else None
    return import_module(".stages", __name__).explainer(fun, **options, compare=badges)


def trace_steps(file: TextIO | None = None) -> AbstractContextManager[None]:
    """A context within which each operation is printed on its way through the interpreters, with values and shapes.

    A line begins with the interpreter: `grad`, `jvp`, `vmap`, `jaxpr` (which writes the operation down), `linear` (which writes
    down what depends on tangents), `eval` (NumPy). What an interpreter asks of the one around it is indented. The shortcuts of
    `fast/` are off within the context. file: where to print; the standard output by default.

    >>> import minijax
    >>> import minijax.numpy as jnp
    >>> with trace_steps():
    ...     y = minijax.jvp(jnp.sin, (0.5,), (1.0,))
    jvp: sin jvp(0.5:f32[])
      eval: sin 0.5:f32[] = 0.4794:f32[]
      eval: cos 0.5:f32[] = 0.8776:f32[]
      eval: mul 1.:f32[] 0.8776:f32[] = 0.8776:f32[]
    = jvp(0.4794:f32[])
    """
    return import_module(".steps", __name__).trace_steps(file)


def diff(first: Any, second: Any) -> Any:
    """What two jaxprs compute differently, whatever their variables are called: an object with `.same`, `.lines` and `.text()`.

    Equations are equal if they compute the same from the arguments. Raises TypeError for what is no jaxpr.

    >>> import minijax
    >>> make = lambda f: minijax.make_jaxpr(f)(1.0)
    >>> diff(make(lambda x: x * 2 + x), make(lambda y: y * 3 + y))
      { lambda ; a:f32[]. let
    -     b:f32[] = mul a 2.0:f32[]
    -     c:f32[] = add b a
    -   in (c,) }
    +     b:f32[] = mul a 3.0:f32[]
    +     c:f32[] = add b a
    +   in (c,) }
    """
    return import_module(".differences", __name__).diff(first, second)


def cost(jaxpr: Any) -> Any:
    """What a jaxpr costs (`jaxpr.cost()` is the same): `.equations`, `.flops`, `.transcendentals`, `.bytes`, `.peak`, `.uncounted`.

    Operations are counted as XLA counts them before it optimises, but a loop counts once for each step. peak: the most bytes in
    memory at once. uncounted: names of primitives whose operations are not counted. Raises TypeError for what is no jaxpr.

    >>> import minijax
    >>> import minijax.numpy as jnp
    >>> cost(minijax.make_jaxpr(lambda w, x: jnp.tanh(x @ w))(jnp.ones((3, 4)), jnp.ones((8, 3))))
    Costs(equations=2, flops=192, transcendentals=32, bytes=528, peak=400, uncounted=())
    """
    return import_module("..lowering.costs", __name__).costs(jaxpr)


def _jaxpr_html(jaxpr: Jaxpr | ClosedJaxpr) -> str:
    """A notebook asks for it: a jaxpr is shown in colours there."""
    return import_module(".html", __name__).of_jaxpr(jaxpr)


for _kind in (Jaxpr, ClosedJaxpr):
    # The classes do not declare these.
    setattr(_kind, "_repr_html_", _jaxpr_html)  # noqa: B010
    setattr(_kind, "cost", cost)  # noqa: B010

__all__ = ["cost", "diff", "explain", "trace_steps"]
