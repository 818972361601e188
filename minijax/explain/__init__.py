"""`minijax.explain`: one program at every stage, from the user's source to what runs.

The name `minijax.explain` is the function of this file; the modules beside it are `minijax.explain.model` and so on, imported as
`from minijax.explain.model import Explanation`. They load when the function is first called.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any


def explain(
    fun: Callable[..., Any],
    *,
    argnums: int | tuple[int, ...] | None = None,
    grad: bool | None = None,
    vmap: Any = None,
    jit: bool = False,
    checks: bool = True,
    command: str | None = None,
) -> Callable[..., Any]:
    """A function that explains the call of `fun` with its arguments: it returns an `Explanation`.

    The explanation has the program at every stage: the source, the jaxpr, its jvp, what linearize computes now and what it keeps,
    the transposed program, the gradient, the batched program, the jaxpr after each pass, and the NumPy and StableHLO programs.
    `.text()` shows it in a terminal, `.save("page.html")` writes a page, and a notebook shows the page.

    argnums: the positional arguments to differentiate; by default the first that is real or complex. grad: whether the last
    program is that of value and gradient; by default it is if `fun` returns one real scalar. vmap: `in_axes` of a `vmap` around
    everything, as in `minijax.vmap`. jit: explain the jitted function, whose equations stand within one `jit` equation. checks:
    whether to compare the gradient with finite differences. command: what makes this page again, shown on the page.

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
    return import_module(".stages", __name__).explainer(fun, **options)


__all__ = ["explain"]
