"""`kaf jaxpr`: print what one KAF computes, equation by equation."""

import numpy as np

from kaf.cli.backends import computing_on
from kaf.functional.activation import kaf
from kaf.functional.grid import Grid

_BATCH = 8


def run(arguments):
    """Print the jaxpr and return 0."""
    grid = Grid(arguments.centers, arguments.boundary)
    with computing_on(arguments.backend) as backend:
        text = jaxpr(backend, grid, grad=arguments.grad, vmap=arguments.vmap)
    print(f"# {title(grad=arguments.grad, vmap=arguments.vmap)}, {grid.size} centres, on {backend.name}")
    print(text)
    return 0


def title(grad=False, vmap=False):
    """A description of the jaxpr in words.

    >>> title(grad=True)
    'the gradient of a KAF, by x and by alpha'
    """
    what = "the gradient of a KAF, by x and by alpha" if grad else "a KAF, as a function of x and of alpha"
    return what + (f", for {_BATCH} values of x" if vmap else "")


def jaxpr(backend, grid, grad=False, vmap=False):
    """The text of the jaxpr of phi(x, alpha); with `grad` of its gradient, with `vmap` of the function over a batch of x."""

    def phi(x, alpha):
        return kaf(x, alpha, grid.centers, grid.sigma, method="naive")

    function = backend.grad(phi, argnums=(0, 1)) if grad else phi
    if vmap:
        function = backend.vmap(function, in_axes=(0, None))
    x = np.zeros((_BATCH,) if vmap else (), np.float32)
    return str(backend.make_jaxpr(function)(x, np.zeros(grid.size, np.float32)))
