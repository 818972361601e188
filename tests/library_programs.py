"""`python -m tests.library_programs` runs a program of each of twenty libraries on minijax and on JAX, and says which are the same.

A library that is not installed is left out. `python -m tests.library_programs tinygp haiku` runs those alone. What the suite
compares at each run is in tests/minijax/alias/library_programs.py; `python -m tests.libraries` runs a library's own tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
X = np.random.RandomState(0).uniform(-1, 1, (8, 3)).astype("float32")
Y = np.sin(X.sum(1)).astype("float32")
PROGRAMS: dict[str, Callable] = {}
RUN = "import sys; from tests.library_programs import main; sys.exit(main(sys.argv[1:]))"


def program(function: Callable) -> Callable:
    """The function's name is the library's."""
    PROGRAMS[function.__name__] = function
    return function


# ---------------------------------------------------------------------------------------------------------------------
# Networks


@program
def haiku(jax, jnp):
    import haiku as hk

    def net(x):
        x = hk.Conv1D(4, 3)(x[:, :, None])
        x = hk.LayerNorm(-1, True, True)(hk.BatchNorm(True, True, 0.9)(x, True))
        core = hk.LSTM(5)
        out, _ = hk.dynamic_unroll(core, jnp.swapaxes(x, 0, 1), core.initial_state(x.shape[0]))
        out = hk.Linear(1)(hk.dropout(hk.next_rng_key(), 0.5, out[-1]))
        return out + hk.MultiHeadAttention(2, 4, 1.0)(x, x, x).mean()

    f = hk.transform_with_state(net)
    params, state = f.init(jax.random.PRNGKey(1), X)
    return params, jax.grad(lambda p: f.apply(p, state, jax.random.PRNGKey(2), X)[0].sum())(params)


@program
def jmp(jax, jnp):
    import jmp

    policy = jmp.get_policy("params=float32,compute=float16,output=float32")
    scale = jmp.DynamicLossScale(jnp.float32(2**10))
    return policy.cast_to_compute({"a": jnp.ones(2)}), scale.adjust(jnp.array(True)), jmp.all_finite({"a": jnp.ones(2)})


@program
def jraph(jax, jnp):
    import jraph

    graph = jraph.GraphsTuple(
        nodes=jnp.arange(6.0).reshape(3, 2),
        edges=jnp.ones((4, 1)),
        senders=jnp.array([0, 1, 2, 0]),
        receivers=jnp.array([1, 2, 0, 2]),
        n_node=jnp.array([3]),
        n_edge=jnp.array([4]),
        globals=jnp.ones((1, 1)),
    )
    net = jraph.GraphNetwork(
        lambda e, s, r, u: e + s.sum(1, keepdims=True),
        lambda n, s, r, u: jnp.tanh(n + s + r),
        lambda n, e, u: u + n.sum(),
    )
    return tuple(net(graph)), tuple(jraph.GraphConvolution(lambda n: n * 2.0)(graph))


@program
def e3nn_jax(jax, jnp):
    import e3nn_jax as e3

    v = e3.IrrepsArray("1o", jnp.asarray(X))
    harmonics = e3.spherical_harmonics("0e+1o+2e", v, True).array
    return harmonics, e3.tensor_product(v, v).array, e3.norm(v).array, e3.Irreps("1o").D_from_angles(0.1, 0.2, 0.3)


@program
def penzai(jax, jnp):
    from penzai import pz

    named = pz.nx.wrap(jnp.arange(6.0).reshape(2, 3)).tag("a", "b")
    total = pz.nx.nmap(jnp.sum)(named.untag("b")).unwrap("a")
    return total, (named + pz.nx.wrap(jnp.ones(3)).tag("b")).unwrap("a", "b")


@program
def chex(jax, jnp):
    import chex

    chex.assert_shape(X, (8, 3))
    chex.assert_tree_all_finite({"x": jnp.asarray(X)})
    return jax.tree.map(lambda x: x * 2, {"x": jnp.asarray(X)}), chex.assert_max_traces(lambda x: x + 1, 1)(1.0)


# ---------------------------------------------------------------------------------------------------------------------
# Optimisation and transport


@program
def jaxopt(jax, jnp):
    import jaxopt

    def loss(w):
        return jnp.mean((X @ w - Y) ** 2) + 0.01 * jnp.sum(w**2)

    def ridge(strength):
        def penalised(w, strength):
            return jnp.mean((X @ w - Y) ** 2) + strength * jnp.sum(w**2)

        solver = jaxopt.GradientDescent(penalised, maxiter=300, implicit_diff=True)
        return solver.run(jnp.zeros(3), strength).params

    lasso = jaxopt.ProximalGradient(
        lambda w, data: jnp.mean((data[0] @ w - data[1]) ** 2), jaxopt.prox.prox_lasso, maxiter=30
    )
    return [
        *[
            solver(loss, maxiter=10).run(jnp.zeros(3)).params
            for solver in (jaxopt.LBFGS, jaxopt.BFGS, jaxopt.NonlinearCG)
        ],
        lasso.run(jnp.zeros(3), 0.1, data=(X, Y)).params,
        jaxopt.Bisection(lambda x: x**3 - 2, 0.0, 2.0).run().params,
        jaxopt.projection.projection_simplex(jnp.array([0.3, 2.0, -1.0])),
        jaxopt.LevenbergMarquardt(lambda w: X @ w - Y).run(jnp.zeros(3)).params,
        jax.jacobian(ridge)(0.1),
    ]


@program
def ott(jax, jnp):
    from ott.geometry import pointcloud
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import sinkhorn

    def solved(x):
        cloud = pointcloud.PointCloud(x, X[::-1] + 0.3, epsilon=0.1)
        return sinkhorn.Sinkhorn()(linear_problem.LinearProblem(cloud))

    return jax.jit(solved)(X).matrix, jax.grad(lambda x: solved(x).reg_ot_cost)(X)


@program
def evosax(jax, jnp):
    from evosax.algorithms import CMA_ES

    strategy, key = CMA_ES(8, jnp.zeros(3)), jax.random.key(0)
    params = strategy.default_params
    state = strategy.init(key, jnp.zeros(3), params)
    for _ in range(4):
        key, ask, tell = jax.random.split(key, 3)
        x, state = strategy.ask(ask, state, params)
        state, _ = strategy.tell(tell, x, jax.vmap(lambda x: jnp.sum((x - 1) ** 2))(x), state, params)
    return state.mean


# ---------------------------------------------------------------------------------------------------------------------
# Gaussian processes, interpolation, polynomials


@program
def tinygp(jax, jnp):
    import tinygp

    def loss(p):
        kernel = p["a"] * tinygp.kernels.ExpSquared(p["s"]) + tinygp.kernels.Matern32(2.0)
        return -tinygp.GaussianProcess(kernel, X[:, 0], diag=0.1).log_probability(Y)

    gp = tinygp.GaussianProcess(tinygp.kernels.quasisep.Matern52(1.0), jnp.sort(X[:, 0]), diag=0.1)
    return jax.jit(jax.value_and_grad(loss))({"a": 1.0, "s": 0.5}), gp.condition(Y, jnp.linspace(-1, 1, 4)).gp.mean


@program
def gpjax(jax, jnp):
    import gpjax as gpx

    data = gpx.Dataset(X=jnp.asarray(X[:, :1]), y=jnp.asarray(Y[:, None]))
    prior = gpx.gps.Prior(mean_function=gpx.mean_functions.Zero(), kernel=gpx.kernels.RBF())
    posterior = prior * gpx.likelihoods.Gaussian()
    points = jnp.linspace(-1, 1, 4)[:, None]
    return gpx.objectives.conjugate_mll(posterior, data), posterior.predict(points, train_data=data).mean


@program
def interpax(jax, jnp):
    import interpax

    x = jnp.linspace(0, 1, 9)
    f, at = jnp.sin(6 * x), jnp.array([0.13, 0.5, 0.87])
    methods = ("linear", "cubic", "cubic2", "akima", "monotonic")
    slope = jax.grad(lambda q: interpax.interp1d(q, x, f, method="cubic"))(0.33)
    return [interpax.interp1d(at, x, f, method=m) for m in methods], slope, interpax.fft_interp1d(f, 15)


@program
def orthax(jax, jnp):
    import orthax

    return orthax.chebyshev.chebval(X, jnp.arange(4.0)), orthax.legendre.leggauss(5)


@program
def s2fft(jax, jnp):
    import s2fft

    return s2fft.forward(np.random.RandomState(0).standard_normal((8, 15)).astype("complex64"), 8, method="jax")


@program
def jax_cosmo(jax, jnp):
    import jax_cosmo as jc

    model = jc.Planck15()
    distance = lambda omega: jc.background.radial_comoving_distance(jc.Planck15(Omega_c=omega), jnp.array([0.5]))[0]
    return jc.power.linear_matter_power(model, jnp.array([0.01, 0.1])), jax.value_and_grad(distance)(0.3)


@program
def jaxlie(jax, jnp):
    import jaxlie

    turn = jaxlie.SO3.exp(jnp.array([0.1, 0.2, 0.3]))
    pose = jaxlie.SE3.from_rotation_and_translation(turn, jnp.ones(3))
    return pose.log(), (pose @ pose).apply(jnp.ones(3)), jaxlie.manifold.grad(lambda r: (r @ jnp.ones(3)).sum())(turn)


@program
def coordax(jax, jnp):
    import coordax

    field = coordax.field(jnp.arange(6.0).reshape(2, 3), "x", "y")
    return (field + field).data


# ---------------------------------------------------------------------------------------------------------------------
# Games and reinforcement learning


@program
def mctx(jax, jnp):
    import mctx

    def recurrent(params, key, action, embedding):
        ones = jnp.ones_like(action, "float32")
        step = mctx.RecurrentFnOutput(
            reward=action.astype("float32"), discount=0.9 * ones, prior_logits=jnp.zeros((2, 3)), value=ones
        )
        return step, embedding + 1

    root = mctx.RootFnOutput(prior_logits=jnp.zeros((2, 3)), value=jnp.zeros(2), embedding=jnp.zeros((2, 1)))
    found = mctx.muzero_policy({}, jax.random.PRNGKey(0), root, recurrent, num_simulations=6)
    return found.action, found.action_weights


@program
def pgx(jax, jnp):
    import pgx

    game = pgx.make("tic_tac_toe")
    state, step = jax.jit(game.init)(jax.random.PRNGKey(0)), jax.jit(game.step)
    for action in (4, 0, 8):
        state = step(state, action)
    return state.observation, state.rewards, state.legal_action_mask


@program
def flashbax(jax, jnp):
    import flashbax

    buffer = flashbax.make_flat_buffer(8, 2, 2)
    state = buffer.init({"o": jnp.zeros(2)})
    for i in range(4):
        state = buffer.add(state, {"o": jnp.full(2, float(i))})
    return buffer.sample(state, jax.random.PRNGKey(0)).experience.first["o"], buffer.can_sample(state)


# ---------------------------------------------------------------------------------------------------------------------
# Running them


def results(names: list[str]) -> dict:
    """{library: [(dtype, shape, numbers)] of its program's results, or the text of the error}, on the library that `jax` is."""
    import jax
    import jax.numpy as jnp

    found: dict = {}
    for name in names:
        try:
            leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(PROGRAMS[name](jax, jnp))]
            found[name] = [
                (str(a.dtype), a.shape, np.ascontiguousarray(a, "complex128").view("float64").ravel().tolist())
                for a in leaves
            ]
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}".split("\n")[0]
    return found


def difference(ours, theirs) -> str:
    """What is not the same; the empty text if nothing."""
    if isinstance(theirs, str):
        return f"fails on JAX: {theirs}"
    if isinstance(ours, str):
        return f"fails on minijax alone: {ours}"
    if [a[:2] for a in ours] != [a[:2] for a in theirs]:
        return "other types or shapes"
    off = [not np.allclose(a[2], b[2], rtol=2e-3, atol=2e-4, equal_nan=True) for a, b in zip(ours, theirs)]
    return f"{sum(off)} of {len(off)} results differ" if any(off) else ""


def main(words: list[str]) -> int:
    if words[:1] == ["--results"]:
        warnings.simplefilter("ignore")
        print(json.dumps(results(words[1:])))
        return 0
    names = [name for name in words or PROGRAMS if find_spec(name) is not None]
    found, seconds = [], []
    for code in (RUN, f"import minijax; minijax.install_as_jax(); {RUN}"):
        start = time.perf_counter()
        command = [sys.executable, "-c", code, "--results", *names]
        done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        seconds.append(time.perf_counter() - start)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    theirs, ours = found
    same = 0
    for name in names:
        told = difference(ours[name], theirs[name])
        same += not told
        print(f"{name:12} {told or 'the same'}")
    print(f"{same} of {len(names)} the same; {seconds[1]:.0f} s on minijax, {seconds[0]:.0f} s on JAX")
    return int(same < len(names))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
