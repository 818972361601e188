"""`kaf check`: apply every transformation to one KAF on both backends, and compare the results."""

import math

import numpy as np

from kaf.backend import CHOICES
from kaf.cli.backends import computing_on
from kaf.cli.report import Report, verdict
from kaf.functional.activation import kaf
from kaf.functional.grid import Grid
from kaf.functional.init import RANDOM_SCALE

# How many rounding errors a term has before it is summed: from a square, a division, and an exp, which multiplies the error of
# its argument.
_ROUNDINGS = 16


def run(arguments):
    """Print the table of largest differences; return 0 if each is within its tolerance, else 1."""
    backends = [_backend(name) for name in CHOICES]
    grid = Grid(arguments.centers, arguments.boundary)
    rng = np.random.default_rng(arguments.seed)
    alpha = rng.normal(0.0, RANDOM_SCALE, grid.size).astype(np.float32)
    x = np.linspace(-1.2 * grid.boundary, 1.2 * grid.boundary, 9, dtype=np.float32)
    rows = [compare(name, backends, grid, x, alpha) for name in TRANSFORMATIONS]
    report = Report()
    report.line(f"One KAF of {grid.size} centres at {x.size} points, {' against '.join(CHOICES)}:")
    report.table(("transformation", "numbers", "largest difference", "tolerance", ""), [row[:-1] for row in rows])
    agreed = all(row[-1] for row in rows)
    if not agreed:
        report.line("The backends disagree by more than rounding explains.")
    return 0 if agreed else 1


def _backend(name):
    with computing_on(name) as backend:
        return backend


def compare(name, backends, grid, x, alpha):
    """A row of the table, followed by whether the backends agree. Different shapes or dtypes are an infinite difference."""
    function, order = TRANSFORMATIONS[name]
    ours, theirs = (_run(backend, function, grid, x, alpha) for backend in backends)
    found = largest_difference(ours, theirs)
    allowed = tolerance(alpha, grid, order)
    good = found <= allowed  # False for NaN.
    return name, str(sum(a.size for a in ours)), f"{found:.2e}", f"{allowed:.2e}", verdict(good), good


def _run(backend, function, grid, x, alpha):
    def phi(x, alpha):
        return kaf(x, alpha, grid.centers, grid.sigma)

    x, alpha = backend.np.asarray(x), backend.np.asarray(alpha)
    leaves = backend.tree_util.tree_leaves(function(backend, phi, x, alpha))
    return [np.asarray(leaf) for leaf in leaves]


def _value(backend, phi, x, alpha):
    return phi(x, alpha)


def _grad(backend, phi, x, alpha):
    return backend.grad(lambda x, alpha: phi(x, alpha).sum(), argnums=(0, 1))(x, alpha)


def _jvp(backend, phi, x, alpha):
    return backend.jvp(phi, (x, alpha), (x, alpha))


def _vmap(backend, phi, x, alpha):
    return backend.vmap(backend.grad(phi, argnums=(0, 1)), in_axes=(0, None))(x, alpha)


def _hessian(backend, phi, x, alpha):
    return backend.hessian(lambda x, alpha: phi(x, alpha).sum(), argnums=(0, 1))(x, alpha)


def _jit(backend, phi, x, alpha):
    return backend.jit(lambda x, alpha: (phi(x, alpha), _grad(backend, phi, x, alpha)))(x, alpha)


# For each transformation: a function, and how often it differentiates by x.
TRANSFORMATIONS = {
    "value": (_value, 0),
    "grad": (_grad, 1),
    "jvp": (_jvp, 1),
    "vmap": (_vmap, 1),
    "hessian": (_hessian, 2),
    "jit": (_jit, 1),
}


def tolerance(alpha, grid, order):
    """The rounding error of a sum whose terms are at most |alpha_i| M, where M bounds the kernel's derivative of that order.

    Each derivative by x multiplies the kernel by 2 gamma (x - c), and the product stays below about sqrt(2 gamma). A derivative
    by alpha leaves the kernel itself, which is at most 1.
    """
    terms = max(float(np.abs(alpha).sum()), 1.0) + len(alpha)
    return _ROUNDINGS * float(np.finfo(alpha.dtype).eps) * terms * max(1.0, math.sqrt(2 * grid.gamma)) ** order


def largest_difference(ours, theirs):
    """The largest absolute difference between two lists of arrays.

    It is infinite if the lists differ in length or the arrays in shape or dtype, and NaN if an array holds a NaN.
    """
    if [(a.shape, a.dtype) for a in ours] != [(b.shape, b.dtype) for b in theirs]:
        return math.inf
    differences = [np.abs(a.astype(np.float64) - b).max() for a, b in zip(ours, theirs, strict=True) if a.size]
    return float(np.max(differences))
