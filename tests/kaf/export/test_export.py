"""Exported networks: the NumPy function, the C function and the ONNX model give what the network does, to float32's rounding."""

import ast
import ctypes
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from flax import nnx
from kaf_cli import csv_text, fails

import kaf
from kaf import export
from kaf.cli import model_file
from kaf.cli.main import main
from kaf.export.formulas import Expression, FormulaError
from kaf.functional.bases import BASES, OTHER_BASES
from kaf.layers import ACTIVATIONS, Fixed

EPS = np.finfo(np.float32).eps
LANGUAGES = ("numpy", "onnx", *(("c",) if shutil.which("cc") else ()))
GRID = kaf.Grid.over(-2.0, 3.0, 9, "code")
SIZES = [3, 5, 4, 2]


def drawn(net):
    """The network with random numbers for arrays that start equal: bandwidths, linear parts, norms, biases."""
    backend, rng = kaf.get_backend(), np.random.default_rng(0)
    changed = lambda leaf: np.asarray(leaf) + rng.normal(0, 0.1, np.shape(leaf)).astype(np.float32)
    return backend.tree_util.tree_map(changed, net)


NETWORKS = {
    **{f"kernel {kernel}": {"kernel": kernel, "grid": GRID} for kernel in (*kaf.KERNELS, *OTHER_BASES)},
    **{
        f"trained {kernel}": {"kernel": kernel, "trainable": ("sigma", "centers"), "residual": True, "grid": GRID}
        for kernel in ("gauss", "rational_quadratic")
    },
    "grids": {"grid": (kaf.Grid(20, 3.0), kaf.Grid(5, 1.0))},
    **{f"activation {activation}": {"activation": activation} for activation in ACTIVATIONS},
}
KANS = {
    **{f"KAN {bases}": {"bases": bases, "grid": GRID} for bases in BASES},
    "KAN with norms": {"norm": True},
    "KAN without silu": {"base": False},
}
OTHERS = {
    "pairs of units": lambda: kaf.KAFNet(
        (kaf.Linear.init(0, 3, 8), kaf.KAF2D.init(0, 8, GRID), kaf.Linear.init(1, 4, 2))
    ),
    "several kernels": lambda: kaf.MultiKAF.init(0, 3, ("gauss", "softplus", "periodic"), GRID),
    "several kernels in a network": lambda: kaf.KAFNet(
        (kaf.Linear.init(0, 3, 4), kaf.MultiKAF.init(0, 4, ("relu", "gauss")), kaf.Linear.init(1, 4, 2))
    ),
    "a gate": lambda: kaf.GatedKAF.init(0, 3, GRID),
    "a gate with all that is trained": lambda: kaf.GatedKAF.init(
        0, 3, GRID, trainable=("sigma", "centers"), residual=True
    ),
    "a gate of B-splines": lambda: kaf.GatedKAF.init(0, 3, GRID, kernel=OTHER_BASES[0]),
}
X = np.random.default_rng(1).uniform(-2.5, 2.5, (60, 3)).astype(np.float32)
MODELS = {
    **{name: lambda options=options: drawn(kaf.KAFNet.init(0, SIZES, **options)) for name, options in NETWORKS.items()},
    **{name: lambda options=options: drawn(kaf.KAN.init(0, SIZES, **options)) for name, options in KANS.items()},
    **{name: lambda make=make: drawn(make()) for name, make in OTHERS.items()},
    "KAN on the data's grids, pruned": lambda: drawn(kaf.KAN.init(0, SIZES).update_grid(X).prune(X, 0.3)),
    "a layer of KAFs": lambda: kaf.KAF.init(0, 3, GRID, axis=-1),
    "a layer of a KAN": lambda: kaf.KANLayer.init(0, 3, 2),
    "a linear layer": lambda: kaf.Linear.init(0, 3, 2),
    "one function for all units": lambda: kaf.KAFNet(
        (kaf.Linear.init(0, 3, 4), kaf.KAF.init(0, ()), Fixed("softplus"))
    ),
}


def run(language, made, x, outputs, folder, kinds=("float32", "float32"), name="predict"):
    """The outputs of an exported network for x [n, inputs]."""
    if language == "numpy":
        module = {}
        exec(made, module)
        return module[name](x)
    if language == "onnx":
        session = onnxruntime.InferenceSession(made.SerializeToString())
        return session.run(None, {"x": x.astype(kinds[0])})[0]
    (folder / "m.c").write_text(made)
    command = ["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "m.c", "-o", "m.so", "-lm"]
    subprocess.run(command, check=True, cwd=folder)
    function = getattr(ctypes.CDLL(str(folder / "m.so")), name)
    x, out = np.ascontiguousarray(x, kinds[0]), np.zeros((len(x), outputs), kinds[1])
    for row, y in zip(x, out, strict=True):
        function(row.ctypes.data_as(ctypes.c_void_p), y.ctypes.data_as(ctypes.c_void_p))
    return out


MAKE = {"numpy": export.numpy_source, "c": export.c_source, "onnx": export.onnx_model}


def near(found, expected):
    """To float32's rounding, which sums of larger terms multiply."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=100 * EPS * (1 + np.abs(expected).max()))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.one_in(16)
def test_every_language_gives_what_the_network_does(name, tmp_path):
    model = MODELS[name]()
    expected = np.asarray(model(X))
    for language in LANGUAGES:
        near(run(language, MAKE[language](model), X, expected.shape[1], tmp_path), expected)


def complex_linear(seed, n_in, n_out):
    rng = np.random.default_rng(seed)
    parts = [kaf.Linear.init(i, n_in, n_out) for i in (seed, seed + 1)]
    bias = rng.normal(size=(2, n_out)).astype(np.float32)
    return kaf.Linear(*[np.asarray(re) + 1j * np.asarray(im) for re, im in ((parts[0].weight, parts[1].weight), bias)])


COMPLEX = {
    "a layer": lambda: kaf.ComplexKAF.init(0, 3, GRID),
    "another grid for each part": lambda: kaf.ComplexKAF(
        kaf.KAF.init(0, 3, GRID), kaf.KAF.init(1, 3, kaf.Grid(5), residual=True, trainable=("sigma",))
    ),
    "a network": lambda: kaf.KAFNet((complex_linear(0, 3, 4), kaf.ComplexKAF.init(0, 4), complex_linear(5, 4, 2))),
    "real weights before and behind": lambda: kaf.KAFNet(
        (kaf.Linear.init(0, 3, 4), kaf.ComplexKAF.init(0, 4), kaf.Linear.init(1, 4, 1))
    ),
    "linear layers alone": lambda: kaf.KAFNet((complex_linear(0, 3, 4), complex_linear(5, 4, 2))),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_numbers(name, tmp_path):
    """NumPy's function takes and returns them; the others take and return real parts, and then imaginary parts."""
    model = drawn(COMPLEX[name]()) if name == "another grid for each part" else COMPLEX[name]()
    z = X + 1j * X[::-1]
    expected = np.asarray(model(z))
    assert np.abs(expected.imag).max() > 0.1
    apart = lambda a: np.concatenate([a.real, a.imag], -1)
    for language in LANGUAGES:
        made = MAKE[language](model)
        if language == "numpy":
            found = run(language, made, z, 0, tmp_path)
            assert found.dtype == np.complex64 and found.shape == expected.shape
            found = apart(found)
        else:
            found = run(language, made, apart(z), 2 * expected.shape[1], tmp_path)
        near(found, apart(expected))
    assert "real parts and then" in export.c_source(model) and "real parts first" in export.onnx_model(model).doc_string


def test_modules_of_equinox_and_flax(tmp_path):
    with kaf.use_backend("jax") as backend:
        for module in (
            kaf.equinox.KAN([3, 2], key=backend.random.key(0)),
            kaf.nnx.KAN([3, 2], rngs=nnx.Rngs(0)),
        ):
            near(run("numpy", export.numpy_source(module), X, 2, tmp_path), np.asarray(module(X)))


def test_nan_and_large_values(tmp_path):
    model = kaf.KAFNet.init(0, [3, 4, 1], kernel="softplus")
    x = np.float32([[np.nan, 0, 0], [1e20, 0, 0], [0, -1e20, 0]])
    expected = np.asarray(model(x))
    assert np.isnan(expected[0]) and np.isfinite(expected[1:]).all()
    for language in LANGUAGES:
        with np.errstate(invalid="ignore"):  # NumPy warns of a NaN
            found = run(language, MAKE[language](model), x, 1, tmp_path)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_source_imports_numpy_alone():
    tree = ast.parse(export.numpy_source(kaf.KAFNet.init(0, [3, 2, 1]), "f"))
    imported = [n for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) for n in node.names]
    assert [n.name for n in imported] == ["numpy"] and isinstance(tree.body[-1], ast.FunctionDef)
    module = {}
    exec(export.numpy_source(kaf.KAFNet.init(0, [3, 2, 1]), "f"), module)
    with pytest.raises(ValueError, match=r"f: the last axis of x must have 3 features; x has shape \(2,\)\."):
        module["f"](np.ones(2))


REFUSED = {
    "a function as kernel": (
        lambda: kaf.KAFNet.init(0, [2, 3, 1], kernel=lambda x, c: x * c),
        "the kernel of a KAF is a function, which cannot be exported; the kernels and bases with names can.",
    ),
    "another layer": (
        lambda: kaf.KAFNet((np.tanh,)),
        "a ufunc cannot be exported; a KAFNet, a KAN, and their layers can: Linear, KAF, Fixed, KANLayer, KAF2D, MultiKAF, "
        "GatedKAF, ComplexKAF.",
    ),
    "a real layer among complex ones": (
        lambda: kaf.KAFNet((complex_linear(0, 2, 2), Fixed("tanh"))),
        "a Fixed in a network of complex numbers cannot be exported; Linear and ComplexKAF can.",
    ),
    "a function among the kernels": (
        lambda: kaf.MultiKAF.init(0, 3, ("gauss", lambda x, c: x * c)),
        "the kernel of a KAF is a function, which cannot be exported; the kernels and bases with names can.",
    ),
    "another axis of several kernels": (
        lambda: kaf.MultiKAF.init(0, 3, axis=1),
        "a KAF whose units are not the last axis cannot be exported.",
    ),
    "another axis": (
        lambda: kaf.KAF.init(0, 3, axis=1),
        "a KAF whose units are not the last axis cannot be exported.",
    ),
    "one function": (
        lambda: kaf.KAF.init(0, ()),
        "one KAF for any number of inputs cannot be exported alone; a layer of units can.",
    ),
    "an activation": (lambda: Fixed("relu"), "a Fixed alone has no number of inputs, and cannot be exported."),
    "an unknown activation": (
        lambda: kaf.KAFNet((kaf.Linear.init(0, 2, 3), Fixed("celu"))),
        "the activation celu cannot be exported; relu, leaky_relu, elu, tanh, sigmoid, softplus, gelu, silu, identity can.",
    ),
    "layers that do not fit": (
        lambda: kaf.KAFNet((kaf.Linear.init(0, 2, 3), kaf.Linear.init(0, 2, 3))),
        "a layer has 2 inputs, and the one before it 3 outputs.",
    ),
    "no layers": (lambda: kaf.KAFNet(()), "a network without layers cannot be exported."),
    "infinite weights": (
        lambda: kaf.Linear(np.full((2, 1), 1e300), np.zeros(1)),
        "weight holds numbers that are not finite in float32.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    make, message = REFUSED[name]
    for language in MAKE.values():
        with pytest.raises(export.ExportError) as e:
            language(make())
        assert str(e.value) == message


def test_names():
    net = kaf.KAFNet.init(0, [2, 3, 1])
    for name in ("", "2x", "a b", "for", "int", "x", "weight_0", "predict\n"):
        with pytest.raises(export.ExportError, match="a function cannot be called"):
            export.numpy_source(net, name)
    assert "void digits2(" in export.c_source(net, "digits2")


def test_without_onnx():
    program = (
        "import sys; sys.modules['onnx'] = None; import kaf, kaf.export; net = kaf.KAFNet.init(0, [2, 3, 1])\n"
        "kaf.export.c_source(net)\ntry: kaf.export.onnx_model(net)\nexcept ImportError as e: print(e)"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out == "exporting to ONNX needs the package onnx, which is not installed: pip install 'minijax[onnx]'\n"


# -- The command -------------------------------------------------------------------------------------------------------

CLASSES = {"two": ("no", "yes"), "many": ('a "b" \\', "*/ c", "d\ne"), "numbers": ()}


@pytest.mark.parametrize("kind", CLASSES)
def test_the_command(kind, tmp_path, monkeypatch, capsys):
    """Raw features in, as the table has them: probabilities, or numbers in the target's own units, out."""
    monkeypatch.chdir(tmp_path)
    classes, rng = CLASSES[kind], np.random.default_rng(0)
    scaler = model_file.Scaler(np.float64([1e6, -3, 0]), np.float64([1, 1e-3, 50]))
    outputs = len(classes) if len(classes) > 2 else 1
    target = None if classes else model_file.Scaler(np.float64([1e4]), np.float64([20.0]))
    trained = model_file.Trained(kaf.KAFNet.init(0, [3, 4, outputs]), scaler, classes, None, None, target)
    model_file.save("m.npz", trained)
    x = scaler.mean + scaler.scale * rng.normal(size=(20, 3))
    expected = trained.probabilities(x) if classes else trained.predictions(x)[:, None]
    for language, file in (("numpy", "m.py"), ("onnx", "m.onnx"), ("c", "m.c")):
        assert main(["export", "m.npz", "--as", language, "--name", "f"]) == 0
        what = f"the probabilities of {len(classes)} classes" if classes else "the predicted number"
        assert capsys.readouterr().out == f"wrote {file}: 3 features, not standardised, to {what}\n"
        if language not in LANGUAGES:
            continue
        made = onnx.load(file) if language == "onnx" else (tmp_path / file).read_text()
        kinds = ("float64", "float32" if classes else "float64")
        found = run(language, made, x, len(classes) or 1, tmp_path, kinds, "f")
        atol = 1e-5 if classes else 1e-5 * target.scale[0]
        np.testing.assert_allclose(found, expected, rtol=0, atol=atol)
    module = {}
    exec((tmp_path / "m.py").read_text(), module)
    assert module.get("CLASSES", []) == list(classes)


def test_the_command_without_onnx(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    kaf.save("net.npz", kaf.KAN.init(0, [3, 2]))
    for name in ("onnx", "kaf.export.onnx_graph"):
        monkeypatch.setitem(sys.modules, name, None)
    message = "--as onnx needs the package onnx, which is not installed: pip install 'minijax[onnx]'"
    fails(capsys, ["export", "net.npz", "--as", "onnx"], message)


def test_formulas_that_no_language_has():
    x = Expression("x")
    with pytest.raises(FormulaError, match="a power with the exponent 0.5 cannot be exported"):
        x**0.5
    with pytest.raises(FormulaError, match="the operation arctan cannot be exported"):
        np.arctan(x)


def test_the_command_with_a_network_alone_and_what_it_refuses(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    kaf.save("net.npz", kaf.KAN.init(0, [3, 2]))
    assert main(["export", "net.npz", "--as", "c", "--out", "sub/n.c"]) == 0
    assert capsys.readouterr().out == "wrote sub/n.c: 3 inputs, 2 outputs\n"
    kaf.save("k.npz", kaf.KAF.init(0, 2, axis=1))
    kaf.save("z.npz", kaf.ComplexKAF.init(0, 2))
    assert main(["export", "z.npz", "--as", "numpy", "--out", "sub/z.py"]) == 0
    assert capsys.readouterr().out == "wrote sub/z.py: 2 complex inputs, 2 complex outputs\n"
    kaf.save("t.npz", {"x": np.ones(3)})
    (tmp_path / "t.csv").write_text(csv_text())
    message = "k.npz: a KAF whose units are not the last axis cannot be exported"
    fails(capsys, ["export", "k.npz", "--as", "c"], message)
    message = "t.npz holds no network of kaf's own; give a model.npz that kaf train or kaf.save wrote"
    fails(capsys, ["export", "t.npz", "--as", "c"], message)
    fails(capsys, ["export", "t.csv", "--as", "c"], "t.csv is damaged, or no model file of kaf; train it again")
    fails(
        capsys, ["export", "net.npz", "--as", "c", "--out", "net.npz"], "--out net.npz is the model; give another name"
    )
    fails(capsys, ["export", "net.npz", "--as", "c", "--out", "sub"], "--out sub is a directory; give a file")
    name = "net.npz: a function cannot be called 'a b'; give a name of letters, digits and _, no keyword, without a number behind _"
    fails(capsys, ["export", "net.npz", "--as", "c", "--name", "a b"], name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["k.npz", "net.npz", "sub", "t.csv", "t.npz", "z.npz"]
