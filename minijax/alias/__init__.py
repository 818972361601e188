"""Scripts that say `import jax` run on minijax: `as_jax`, `install_as_jax`, and `python -m minijax run SCRIPT.py`.

`routing.py` answers imports, by who asks; `setting_aside.py` finds the modules that hold one library or the other; `private.py`
has the table of what is served of `jax._src`; `children.py` and `child/` reach the processes that a program starts. They load at
the first use.
"""

import sys
from contextlib import AbstractContextManager
from importlib import import_module


def as_jax() -> AbstractContextManager[None]:
    """A context within which `import jax` and `import jax.numpy` import minijax.

    Loaded modules that import jax, also through others, are set aside, so that an import within the context loads them again,
    on minijax; at the end they are put back. A module that was first imported within the context keeps minijax for its later
    imports, and the rest of the process gets real JAX again. Real JAX, jaxlib and `jit(compiler="xla")` keep the real one
    throughout. `jaxlib` is the installed one, or else a module with a version. `jax.__version__` is the version of JAX as which
    minijax prints. Processes that a program starts within the context import minijax, too.

    The module that calls `as_jax` gets minijax within the context only. Names that it imported before stay what they are.

    Raises RuntimeError if another thread is within such a context. Nested contexts of one thread are one context.

    >>> import minijax
    >>> with minijax.as_jax():
    ...     import jax
    ...     import jax.numpy as jnp
    ...     from jax import grad
    >>> grad(jnp.sin)(0.0)
    Array(1., dtype=float32, weak_type=True)
    >>> jax
    <module 'jax' (minijax)>
    """
    return import_module(".routing", __name__).Alias(sys._getframe(1).f_globals)


def install_as_jax() -> None:
    """From now on `import jax` imports minijax, in the whole process: for the first cell of a notebook.

    Raises RuntimeError if jax is imported already, whose names may be held anywhere, and within `as_jax()`.

    >>> import minijax
    >>> minijax.install_as_jax()  # doctest: +SKIP
    >>> import jax  # doctest: +SKIP
    """
    import_module(".routing", __name__).install()


__all__ = ["as_jax", "install_as_jax"]
