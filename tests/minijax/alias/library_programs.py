"""Trains with optax's optimizers, losses and schedules, networks of Flax (linen and nnx) and of Equinox too; solves with diffrax,
lineax and optimistix; samples with blackjax and numpyro. Prints {name: (numbers, types)}.

`test_libraries.py` runs it on both libraries.
"""

import inspect
import json

import blackjax
import diffrax as dfx
import equinox as eqx
import flax.linen as nn
import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import numpyro
import numpyro.distributions as dist
import optax
import optimistix as optx
from flax import nnx
from numpyro.infer import HMC, MCMC, NUTS, SVI, Predictive, Trace_ELBO
from numpyro.infer.autoguide import AutoMultivariateNormal, AutoNormal
from optax import contrib

SIZES = (3, 6, 4, 1)


def params():
    keys = jax.random.split(jax.random.key(0), len(SIZES) - 1)
    return [
        {"w": jax.random.normal(key, (n, m)) / n**0.5, "b": jnp.full((m,), 0.1)}
        for key, n, m in zip(keys, SIZES, SIZES[1:])
    ]


def loss(params, x, y):
    for layer in params[:-1]:
        x = jnp.tanh(x @ layer["w"] + layer["b"])
    return optax.l2_loss((x @ params[-1]["w"] + params[-1]["b"])[:, 0], y).mean()


X = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
Y = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]

OPTIMIZERS = {
    **{
        name: getattr(optax, name)(1e-2)
        for name in (
            "adabelief adadelta adafactor adagrad adam adamax adamaxw adamw adan amsgrad fromage lamb lars lion nadam nadamw"
            " novograd optimistic_gradient_descent radam rmsprop rprop sgd sign_sgd sm3 yogi"
        ).split()
    },
    "noisy_sgd": optax.noisy_sgd(1e-2, key=jax.random.key(1)),
    "lbfgs": optax.lbfgs(),
    "lbfgs without search": optax.lbfgs(1e-2, linesearch=None),
    "lbfgs with backtracking": optax.lbfgs(1.0, linesearch=optax.scale_by_backtracking_linesearch(10)),
    "optimistic_adam": optax.optimistic_adam_v2(1e-2),
    "polyak_sgd": optax.polyak_sgd(1.0),
    "chain": optax.chain(
        optax.clip_by_global_norm(0.5), optax.add_decayed_weights(1e-2), optax.scale_by_adam(), optax.scale(-1e-2)
    ),
    "schedule": optax.adam(optax.warmup_cosine_decay_schedule(0.0, 1e-1, 3, 10)),
    "injected": optax.inject_hyperparams(optax.adamw)(optax.exponential_decay(1e-2, 2, 0.5)),
    "masked": optax.masked(optax.sgd(1e-2, momentum=0.9, nesterov=True), [{"w": True, "b": False}] * 3),
    "multi_transform": optax.multi_transform({"w": optax.adam(1e-2), "b": optax.sgd(1e-1)}, [{"w": "w", "b": "b"}] * 3),
    "accumulated": optax.MultiSteps(optax.adam(1e-2), 2),
    "if finite": optax.apply_if_finite(optax.rmsprop(1e-2, centered=True, momentum=0.5), 3),
    "ema": optax.chain(optax.ema(0.9), optax.scale(-1e-1)),
    "adaptive clipping": optax.chain(optax.adaptive_grad_clip(1e-2), optax.sgd(1e-1)),
    "muon": contrib.muon(1e-2),
    "prodigy": contrib.prodigy(1.0),
    "dadapt_adamw": contrib.dadapt_adamw(1.0),
    "schedule_free": contrib.schedule_free_adamw(1e-2),
    "cocob": contrib.cocob(),
    "momo": contrib.momo(1e-1),
    "dog": contrib.dog(1e-1),
    "acprop": contrib.acprop(1e-2),
    "ademamix": contrib.ademamix(1e-2),
    "mechanic": contrib.mechanize(optax.sgd(1e-1)),
    "simplified ademamix": contrib.simplified_ademamix(1e-2, alpha=1.0),
}  # fmt: skip


def trained(optimizer, steps=4):
    """The losses, and a number for all parameters."""
    needs = set(inspect.signature(optimizer.update).parameters)

    @jax.jit
    def step(params, state):
        value, grad = jax.value_and_grad(loss)(params, X, Y)
        extra = {"value": value, "grad": grad, "value_fn": lambda p: loss(p, X, Y)}
        extra = extra if "extra_args" in needs else {}
        updates, state = optimizer.update(grad, state, params, **extra)
        return optax.apply_updates(params, updates), state, value

    p, found = params(), []
    state = optimizer.init(p)
    for _ in range(steps):
        p, state, value = step(p, state)
        found.append(value)
    leaves = jax.tree.leaves((p, state))
    kinds = [
        f"{x.dtype}{list(x.shape)}{'~' * getattr(x, 'weak_type', False)}" for x in leaves if isinstance(x, jax.Array)
    ]
    return [*map(float, found), float(sum(jnp.abs(x).sum() for x in jax.tree.leaves(p)))], kinds


LOGITS = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
LABELS = np.array([0, 3, 1, 1, 2])
ONE_HOT = np.eye(4, dtype=np.float32)[LABELS]
LOSSES = {
    "softmax_cross_entropy": (LOGITS, ONE_HOT), "softmax_cross_entropy_with_integer_labels": (LOGITS, LABELS),
    "sigmoid_binary_cross_entropy": (LOGITS, ONE_HOT), "huber_loss": (LOGITS, ONE_HOT), "log_cosh": (LOGITS, ONE_HOT),
    "hinge_loss": (LOGITS, 2 * ONE_HOT - 1), "cosine_distance": (LOGITS, ONE_HOT + 0.1), "l2_loss": (LOGITS, ONE_HOT),
    "smooth_labels": (ONE_HOT, 0.1), "poly_loss_cross_entropy": (LOGITS, ONE_HOT), "sigmoid_focal_loss": (LOGITS, ONE_HOT),
    "squared_error": (LOGITS, ONE_HOT), "kl_divergence": (LOGITS, ONE_HOT), "ranking_softmax_loss": (LOGITS, ONE_HOT),
    "ntxent": (LOGITS, LABELS), "ctc_loss": (np.stack([LOGITS] * 2), np.zeros((2, 5)), np.array([[1, 2]] * 2), np.zeros((2, 2))),
    "convex_kl_divergence": (LOGITS, ONE_HOT), "multiclass_hinge_loss": (LOGITS, LABELS), "perceptron_loss": (LOGITS, ONE_HOT),
    "sparsemax_loss": (LOGITS, ONE_HOT), "dice_loss": (LOGITS[None], ONE_HOT[None]),
}  # fmt: skip
SCHEDULES = {
    "cosine": optax.cosine_decay_schedule(1.0, 10), "onecycle": optax.cosine_onecycle_schedule(20, 1.0),
    "polynomial": optax.polynomial_schedule(1.0, 0.1, 2, 10), "piecewise": optax.piecewise_constant_schedule(1.0, {3: 0.5}),
    "sgdr": optax.sgdr_schedule([{"init_value": 0.0, "peak_value": 1.0, "decay_steps": 10, "warmup_steps": 2}] * 2),
    "joined": optax.join_schedules([optax.linear_schedule(0.0, 1.0, 4), optax.constant_schedule(0.5)], [4]),
}  # fmt: skip
PROJECTIONS = [
    "projection_simplex",
    "projection_l1_ball",
    "projection_l2_ball",
    "projection_non_negative",
    "projection_l1_sphere",
]


class Network(nn.Module):
    """Layers of Flax with parameters, statistics and random numbers."""

    @nn.compact
    def __call__(self, x, train):
        x = nn.tanh(nn.LayerNorm()(nn.Dense(6)(x)))
        x = nn.Dropout(0.25, deterministic=not train)(nn.BatchNorm(use_running_average=not train)(x))
        cells = nn.scan(nn.GRUCell, variable_broadcast="params", split_rngs={"params": False}, in_axes=1, out_axes=1)
        _, x = cells(features=4)(jnp.zeros((x.shape[0], 4)), x[:, None].repeat(3, 1))
        return nn.Dense(1)(nn.MultiHeadDotProductAttention(2)(x))[:, -1, 0]


def with_flax():
    # Not Adam: the derivative by the bias of attention's keys is zero but for rounding, which Adam divides by itself.
    model, optimizer = Network(), optax.sgd(1e-1)
    variables = model.init(jax.random.key(0), X, train=False)

    @jax.jit
    def step(variables, state, key):
        def objective(params):
            out, changed = model.apply(
                {**variables, "params": params}, X, train=True, rngs={"dropout": key}, mutable=["batch_stats"]
            )
            return optax.l2_loss(out, Y).mean(), changed

        (value, changed), grad = jax.value_and_grad(objective, has_aux=True)(variables["params"])
        updates, state = optimizer.update(grad, state)
        return {"params": optax.apply_updates(variables["params"], updates), **changed}, state, value

    state, found = optimizer.init(variables["params"]), []
    for key in jax.random.split(jax.random.key(1), 4):
        variables, state, value = step(variables, state, key)
        found.append(float(value))
    paths = [f"{jax.tree_util.keystr(path)} {x.shape}" for path, x in jax.tree_util.tree_leaves_with_path(variables)]
    return [*found, *[float(x.sum()) for x in jax.tree.leaves(variables)]], paths


def with_equinox():
    model, optimizer = eqx.nn.MLP(3, "scalar", 8, 2, key=jax.random.key(0)), optax.adam(1e-2)
    state = optimizer.init(eqx.filter(model, eqx.is_inexact_array))

    @eqx.filter_jit
    def step(model, state):
        value, grad = eqx.filter_value_and_grad(lambda m: optax.l2_loss(jax.vmap(m)(X), Y).mean())(model)
        updates, state = optimizer.update(grad, state, model)
        return eqx.apply_updates(model, updates), state, value

    found = []
    for _ in range(4):
        model, state, value = step(model, state)
        found.append(float(value))
    leaves = jax.tree.leaves(eqx.filter(model, eqx.is_array))
    return [*found, *[float(x.sum()) for x in leaves]], [f"{x.dtype}{x.shape}" for x in leaves]


class Perceptron(nnx.Module):
    """Layers of nnx with parameters, statistics and random numbers."""

    def __init__(self, rngs):
        self.first, self.last = nnx.Linear(3, 8, rngs=rngs), nnx.Linear(8, 1, rngs=rngs)
        self.norm, self.dropout = nnx.BatchNorm(8, rngs=rngs), nnx.Dropout(0.25, rngs=rngs)

    def __call__(self, x):
        return self.last(self.dropout(nnx.relu(self.norm(self.first(x)))))[:, 0]


def trained_nnx():
    """Losses, parameters and statistics; then the results of the trained network, split and merged again."""
    model = Perceptron(nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.sgd(1e-1, momentum=0.9), wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer):
        value, grads = nnx.value_and_grad(lambda model: optax.l2_loss(model(X), Y).mean())(model)
        optimizer.update(model, grads)
        return value

    losses = [step(model, optimizer) for _ in range(4)]
    model.eval()
    graph, params, statistics, rest = nnx.split(model, nnx.Param, nnx.BatchStat, ...)
    moved = nnx.merge(graph, jax.tree.map(lambda x: x + 0.1, params), statistics, rest)
    return losses, params, statistics, moved(X)


def layers_of_nnx():
    """Four layers made by vmap, run by scan, and the gradients by their parameters, with checkpoints."""
    make = nnx.split_rngs(splits=4)(nnx.vmap(lambda rngs: nnx.Linear(3, 3, rngs=rngs)))
    run = nnx.scan(nnx.remat(lambda layer, x: jnp.tanh(layer(x))), in_axes=(0, nnx.Carry), out_axes=nnx.Carry)
    layers = make(nnx.Rngs(1))
    return nnx.value_and_grad(lambda layers: run(layers, X).sum())(layers)


def parts_of_nnx():
    """A convolution, a recurrent network and attention, the state of each, and metrics."""
    rngs, metrics = nnx.Rngs(0), nnx.MultiMetric(loss=nnx.metrics.Average("loss"))
    metrics.update(loss=jnp.array([2.0, 4.0]))
    image = nnx.Conv(3, 4, (3, 3), rngs=rngs)(jnp.sin(jnp.arange(75.0)).reshape(1, 5, 5, 3))
    words = nnx.RNN(nnx.LSTMCell(3, 4, rngs=rngs))(X[None])
    return image, words, nnx.MultiHeadAttention(2, 4, decode=False, rngs=rngs)(words), metrics.compute()


NNX = {"nnx": trained_nnx, "layers of nnx": layers_of_nnx, "parts of nnx": parts_of_nnx}

MATRIX = np.float32([[4, 1, 0], [1, 3, 1], [0, 1, 2]])


def solved(solver, tags=()):
    """A linear system, and the gradient by its matrix."""

    def total(matrix):
        return (lx.linear_solve(lx.MatrixLinearOperator(matrix, tags), jnp.arange(1.0, 4.0), solver).value ** 2).sum()

    return jax.value_and_grad(total)(jnp.asarray(MATRIX))


def ode(solver, steps=None, adjoint=None):
    """y' = -a y, at four times, and the gradient by a."""
    steps = steps or dfx.PIDController(rtol=1e-5, atol=1e-5)

    def total(a):
        term, times = dfx.ODETerm(lambda t, y, a: -a * y), dfx.SaveAt(ts=jnp.linspace(0.0, 1.0, 4))
        options = {"saveat": times, "stepsize_controller": steps, **({} if adjoint is None else {"adjoint": adjoint})}
        return dfx.diffeqsolve(term, solver, 0.0, 1.0, 0.1, jnp.array([1.0, 2.0]), args=a, **options).ys.sum()

    return jax.value_and_grad(total)(1.5)


def neural_ode():
    net = eqx.nn.MLP(2, 2, 8, 1, activation=jax.nn.softplus, final_activation=jnp.tanh, key=jax.random.key(0))

    @eqx.filter_jit
    @eqx.filter_value_and_grad
    def loss(net, starts):
        term, steps = dfx.ODETerm(lambda t, y, args: net(y)), dfx.PIDController(rtol=1e-3, atol=1e-6)
        run = lambda y: dfx.diffeqsolve(term, dfx.Tsit5(), 0.0, 1.0, 0.1, y, stepsize_controller=steps).ys
        return (jax.vmap(run)(starts) ** 2).mean()

    value, grad = loss(net, jax.random.normal(jax.random.key(1), (3, 2)))
    return value, jax.tree.leaves(grad)


def sde():
    noise = dfx.VirtualBrownianTree(0.0, 1.0, tol=1e-2, shape=(2,), key=jax.random.key(0))
    drift = dfx.ODETerm(lambda t, y, args: -y)
    spread = dfx.ControlTerm(lambda t, y, args: lx.DiagonalLinearOperator(0.1 * jnp.ones(2)), noise)
    return dfx.diffeqsolve(dfx.MultiTerm(drift, spread), dfx.Heun(), 0.0, 1.0, 0.1, jnp.ones(2)).ys


def root(solver, **options):
    """y^3 - y = a; and the gradient by a."""
    found = lambda a: optx.root_find(lambda y, a: y**3 - y - a, solver, jnp.array(1.5), a, options=options).value
    return jax.value_and_grad(found)(2.0)


SOLVED = {
    "Tsit5": lambda: ode(dfx.Tsit5()), "neural ODE": neural_ode, "SDE": sde,
    # Near the limit of float32 the last bit decides which steps an implicit solver takes.
    "Kvaerno5": lambda: ode(dfx.Kvaerno5(), dfx.PIDController(rtol=1e-2, atol=1e-2)),
    "Euler": lambda: ode(dfx.Euler(), dfx.ConstantStepSize()),
    "backsolve": lambda: ode(dfx.Dopri5(), adjoint=dfx.BacksolveAdjoint()),
    "LU": lambda: solved(lx.LU()), "QR": lambda: solved(lx.QR()), "GMRES": lambda: solved(lx.GMRES(1e-6, 1e-6)),
    "Cholesky": lambda: solved(lx.Cholesky(), lx.positive_semidefinite_tag),
    "CG": lambda: solved(lx.CG(1e-6, 1e-6), lx.positive_semidefinite_tag),
    "Newton": lambda: root(optx.Newton(1e-6, 1e-6)), "bisection": lambda: root(optx.Bisection(1e-6, 1e-6), lower=1.0, upper=2.0),
    "Dogleg": lambda: optx.least_squares(
        lambda y, args: jnp.array([10 * (y[1] - y[0] ** 2), 1 - y[0]]), optx.Dogleg(1e-6, 1e-6), jnp.array([-1.2, 1.0])
    ).value,
    "BFGS": lambda: optx.minimise(
        lambda y, args: jnp.sum((y - 1) ** 4 + (y - 1) ** 2) + y[0] ** 2, optx.BFGS(1e-6, 1e-6), jnp.zeros(2)
    ).value,
}  # fmt: skip


def log_density(x):
    return -0.5 * jnp.sum((x - jnp.array([1.0, -2.0])) ** 2 / jnp.array([1.0, 4.0]))


def chain(sampler, steps=8):
    """The first positions: later ones magnify rounding."""
    state = jax.jit(sampler.init)(jnp.zeros(2))
    step = lambda state, key: (lambda new: (new, new.position))(sampler.step(key, state)[0])
    return jax.jit(lambda state: jax.lax.scan(step, state, jax.random.split(jax.random.key(0), steps))[1])(state)


def regression(x, y=None):
    w = numpyro.sample("w", dist.Normal(0, 1).expand([3]).to_event(1))
    spread = numpyro.sample("spread", dist.HalfNormal(1.0))
    with numpyro.plate("examples", len(x)):
        numpyro.sample("y", dist.Normal(x @ w, spread), obs=y)


def mcmc(kernel):
    run = MCMC(kernel, num_warmup=2, num_samples=2, progress_bar=False)
    run.run(jax.random.key(0), X, Y)
    return run.get_samples()


def variational(guide):
    inference = SVI(regression, guide(regression), numpyro.optim.Adam(0.05), Trace_ELBO())
    found = inference.run(jax.random.key(0), 20, X, Y, progress_bar=False)
    return found.losses, found.params


DISTRIBUTIONS = [
    dist.Beta(2.0, 3.0), dist.Gamma(2.0, 3.0), dist.Dirichlet(jnp.full(3, 2.0)), dist.Poisson(3.0), dist.StudentT(3.0),
    dist.Categorical(jnp.full(3, 1 / 3)), dist.MultivariateNormal(jnp.zeros(2), jnp.eye(2)), dist.LKJCholesky(3, 1.0),
    dist.Binomial(5, 0.3), dist.VonMises(0.0, 1.0), dist.TruncatedNormal(0.0, 1.0, low=-1.0), dist.Weibull(1.0, 2.0),
    dist.MixtureSameFamily(dist.Categorical(jnp.full(2, 0.5)), dist.Normal(jnp.arange(2.0), 1.0)), dist.GaussianRandomWalk(1.0, 4),
]  # fmt: skip
SAMPLED = {
    "predictions of numpyro": lambda: Predictive(regression, num_samples=4)(jax.random.key(2), X),
    "HMC of blackjax": lambda: chain(blackjax.hmc(log_density, 0.3, jnp.ones(2), 5)),
    "NUTS of blackjax": lambda: chain(blackjax.nuts(log_density, 0.3, jnp.ones(2)), 4),
    "MALA of blackjax": lambda: chain(blackjax.mala(log_density, 0.3)),
    "slices of blackjax": lambda: chain(
        blackjax.elliptical_slice(lambda x: -0.5 * jnp.sum((x - 1) ** 2), mean=jnp.zeros(2), cov=jnp.eye(2))
    ),
    "HMC of numpyro": lambda: mcmc(HMC(regression, step_size=0.01, num_steps=3, adapt_step_size=False)),
    "NUTS of numpyro": lambda: mcmc(NUTS(regression, max_tree_depth=3)),
    "normal guide of numpyro": lambda: variational(AutoNormal),
    "multivariate guide of numpyro": lambda: variational(AutoMultivariateNormal),
    "distributions of numpyro": lambda: [
        (x, d.log_prob(x)) for d in DISTRIBUTIONS for x in [d.sample(jax.random.key(3), (2,))]
    ],
}


def main():
    found = {f"train {name}": trained(OPTIMIZERS[name]) for name in OPTIMIZERS}
    for name, args in LOSSES.items():
        function = getattr(optax, name, None) or getattr(optax.losses, name)
        value, grad = jax.value_and_grad(lambda x, function=function, args=args: jnp.sum(function(x, *args[1:])))(
            args[0]
        )
        found[f"loss {name}"] = [float(value), *np.ravel(grad).tolist()], [str(function(*args).dtype)]
    for name, schedule in SCHEDULES.items():
        found[f"schedule {name}"] = [float(schedule(i)) for i in range(0, 22, 3)], [str(jnp.asarray(schedule(2)).dtype)]
    for name in PROJECTIONS:
        found[f"projection {name}"] = np.ravel(getattr(optax.projections, name)(LOGITS)).tolist(), []
    found["flax"], found["equinox"] = with_flax(), with_equinox()
    for name, program in {**NNX, **SOLVED, **SAMPLED}.items():
        leaves = jax.tree.leaves(program())
        found[name] = (
            [float(y) for x in leaves for y in np.ravel(x)],
            [f"{x.dtype}{x.shape}" for x in leaves],
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
