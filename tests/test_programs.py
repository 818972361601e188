"""The programs of examples/ run unchanged with either library: the same source with one name replaced, results leaf by leaf."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import jax
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import minijax

EXAMPLES = Path(__file__).parent.parent / "examples"

# What each program computes, short: the function to call, its arguments, and by how much float32's rounding may grow on the
# way, in units of its epsilon relative to each leaf's largest element. An unstable pole multiplies them.
PROGRAMS = {
    "lstm": ("train", (5,), 20),
    "gru": ("train", (5,), 20),
    "rollout": ("train", (2,), 50),
    "maml": ("train", (3,), 20),
    "sam": ("train", (5, 0.1), 20),
    "optimistic": ("distances", (60,), 20),
    "digits": ("train", (2,), 50),
    "gaussian_process": ("train", (5,), 50),
    "kalman": ("train", (2,), 300),
    "sampler": ("train", (3,), 200),
    "spectral": ("train", (800,), 500),
    "renderer": ("train", (2,), 50),
    "lattice": ("train", (10,), 50),
    "heat": ("train", (3,), 50),
    "vae": ("train", (5,), 50),
    "flow": ("train", (5,), 50),
    "attention": ("train", (3,), 50),
}
# What a program imports beside the library.
MORE_IMPORTS = {"digits": ["import kaf", "from sklearn.datasets import load_digits"]}


def load(name: str, library: str) -> ModuleType:
    """The program as a module, with `library` wherever it says minijax."""
    path = EXAMPLES / f"{name}.py"
    module = ModuleType(name)
    exec(compile(path.read_text().replace("minijax", library), str(path), "exec"), module.__dict__)
    return module


def test_every_program_is_tested():
    assert sorted(PROGRAMS) == sorted(path.stem for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_import_nothing_else(name):
    """Besides the library, only what annotations need, and what is named above."""
    lines = (EXAMPLES / f"{name}.py").read_text().splitlines()
    imports = [line.strip() for line in lines if line.lstrip().startswith(("import ", "from "))]
    imports = [line for line in imports if line not in MORE_IMPORTS.get(name, [])]
    imports = [line for line in imports if line.split()[1] not in ("collections.abc", "typing")]
    assert imports == ["import minijax as jax", "import minijax.numpy as jnp"]


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.one_in(30)
def test_same_results_with_either_library(name):
    function, args, growth = PROGRAMS[name]
    ours, theirs = (getattr(load(name, library), function)(*args) for library in ("minijax", "jax"))
    assert str(minijax.tree.structure(ours)) == str(jax.tree.structure(theirs))
    leaves = jax.tree.leaves(theirs)
    assert leaves
    for got, want in zip(minijax.tree.leaves(ours), leaves, strict=True):
        assert (got.shape, got.dtype, got.weak_type) == (want.shape, want.dtype, want.weak_type)
        want = np.asarray(want)
        scale = np.abs(want).max()
        assert np.isfinite(scale)
        np.testing.assert_allclose(got, want, rtol=0, atol=growth * np.finfo(want.dtype).eps * scale)


# ---------------------------------------------------------------------------------------------------------------------
# The programs do what their texts say, with minijax alone


def test_lstm_learns():
    _, losses = load("lstm", "minijax").train(100)
    assert losses[-1] < losses[0] / 5


def test_gru_learns_to_remember():
    # The loss is lower than that of any constant answer.
    _, losses = load("gru", "minijax").train(120)
    assert max(losses[-10:]) < 1 / 6 / 4


def test_gradient_ascent_improves_the_return():
    _, returns = load("rollout", "minijax").train(60)
    assert returns[-1] > returns[0] / 100


def test_a_gaussian_process_finds_the_noise_and_knows_where_it_knows_nothing():
    module = load("gaussian_process", "minijax")
    params, values = module.train(200)
    assert values[-1] > values[0] + 0.5
    assert 0.05 < float(minijax.numpy.exp(params["noise"] / 2)) < 0.15
    x, y = module.data()
    mean, deviation = module.predict(params, x, y, minijax.numpy.asarray([0.2, 0.4, 0.9]))
    assert abs(mean[0] - np.sin(1.6)) < 0.1 and abs(mean[1] - np.sin(3.2)) < 0.1
    assert deviation[2] > 5 * max(deviation[0], deviation[1])


@pytest.mark.long
def test_meta_training_improves_adaptation():
    module = load("maml", "minijax")
    _, before, after = module.train(500)
    # A gradient step improves the loss less before meta-training than after.
    assert after[1] / after[0] < 0.8 < before[1] / before[0]
    assert after[1] < before[1] / 2


def test_maml_is_under_30_lines():
    _, algorithm = (EXAMPLES / "maml.py").read_text().split("# The algorithm begins here\n")
    algorithm = algorithm[: algorithm.index("# and ends here")]
    assert len([line for line in algorithm.splitlines() if line]) < 30


def test_sharpness_aware_minimum_is_flatter():
    train = load("sam", "minijax").train
    (_, _, plain), (_, _, aware) = train(400, 0.0), train(400, 0.5)
    assert aware < 0.8 * plain


def test_sharpness_is_the_largest_eigenvalue():
    hessian = np.diag(np.float32([1, 5, 2]))
    sharpness = load("sam", "minijax").sharpness(lambda w: w @ hessian @ w / 2, minijax.numpy.zeros(3))
    np.testing.assert_allclose(sharpness, 5, rtol=1e-5)


def test_digits_are_read():
    # Small products by several threads wait for each other where other tests run beside.
    with threadpool_limits(1):
        _, right, losses = load("digits", "minijax").train(60)
    assert losses[-1] < losses[0] / 4
    assert right > 0.7


def test_digits_asks_for_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(SystemExit, match="pip install scikit-learn"):
        load("digits", "minijax").data()


def test_descent_ascent_diverges_and_the_optimistic_step_converges():
    plain, optimistic = load("optimistic", "minijax").distances(501)
    assert np.all(np.diff(plain) > 0)
    assert plain[-1] > 20 * plain[0]
    assert optimistic[-1] < optimistic[0] / 20


@pytest.mark.parametrize("name", ["optimistic"])
def test_programs_run_as_scripts(name):
    """One process, for it costs a start of Python: the others' `main` is called here, with less training."""
    run = subprocess.run([sys.executable, EXAMPLES / f"{name}.py"], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[0] == "step    descent-ascent   optimistic"
    assert run.stderr == ""


# The programs whose `main` prints a step by its number.
RESIZED = set("digits gaussian_process lstm gru rollout kalman renderer heat vae flow attention".split())


@pytest.mark.parametrize("name", sorted({*PROGRAMS} - {"optimistic"}))
@pytest.mark.one_in(4)
def test_main_prints(name, capsys):
    """With short training: `main` prints only some of its steps."""
    module = load(name, "minijax")
    train, calls = module.train, []

    def short(steps, *args):
        calls.append(steps)
        *results, trace = train(2, *args)
        return *results, minijax.numpy.resize(trace, (steps,)) if name in RESIZED else trace

    module.train = short
    module.main()
    assert all(steps >= 100 for steps in calls) and calls
    assert len(capsys.readouterr().out.splitlines()) >= 3
