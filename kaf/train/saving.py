"""Model files: the arrays of a network and the settings of its layers, in one .npz file. Nothing is unpickled."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from ..backend import get_backend, get_tree_backend
from ..functional.grid import Grid
from ..layers.kan import KAN, KANLayer
from ..layers.plain import KAF, Fixed, KAFNet, Layer, Linear, array_leaves, path_keys
from ..layers.variants import KAF2D, ComplexKAF, GatedKAF, MultiKAF
from .files import Arrays, DamagedFile, ForeignFile, Format, FormatError, OtherVersion, replacing, shown
from .losses import has_alpha

FORMAT = Format("kaf-model", "model file of kaf", versions=(1, 2, 3), former="kaf-classifier")

LAYERS = {
    cls.__name__: cls for cls in (KAF, KAF2D, KAN, KANLayer, KAFNet, Linear, Fixed, MultiKAF, ComplexKAF, GatedKAF)
}

# The names of arrays begin so. Other arrays of the file, as the mean of the inputs, have no such name.
_PREFIX = "model"


class ModelFileError(ValueError):
    """A model file cannot be read, or holds another model. The message says which, and what to do."""


class OtherModel(FormatError):
    """The file is whole, and holds another model than the given one."""


def save(path: str | Path, model: Any) -> None:
    """Write the arrays of a model, and the settings of its layers, to the .npz file `path`; `load` reads it.

    `model` is a layer or a network of kaf, of `kaf.equinox` or of `kaf.nnx`, or any other pytree of arrays, such as an
    `eqx.nn.MLP` of KAFs. The former file stays until the new one is complete. Raises ValueError for a kernel that is a function,
    because a file can hold names alone, and for random keys, and OSError if the system refuses.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     save(f"{directory}/m.npz", KAFNet.init(0, [2, 3, 1]))
    ...     load(f"{directory}/m.npz")([[1.0, 2.0]]).shape
    (1, 1)
    """
    with replacing(path) as file:
        FORMAT.write(file, *content(model))


def load(path: str | Path, like: Any = None) -> Any:
    """The model that `save` wrote to a file, or the network that `kaf train` did.

    Without `like` it is a layer or a network of kaf, with arrays of the chosen backend, whichever library it was saved from;
    `kaf.equinox.KAN.from_layer` and its like make a module of it. With `like`, a model of the same structure, it is that model
    with the arrays of the file. A pytree that is no layer of kaf needs `like`.

    An array is read only if it has the shape that the settings, or `like`, ask for. Raises ModelFileError, a ValueError, for a
    file that is damaged, of another kind, or too new, and for another model than `like`. Raises OSError if the system refuses.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     save(f"{directory}/m.npz", KAFNet.init(0, [2, 3, 1]))
    ...     load(f"{directory}/m.npz", like=KAFNet.init(1, [2, 4, 1]))
    Traceback (most recent call last):
    kaf.train.saving.ModelFileError: ...m.npz holds another model: layers.0.weight has shape (2, 3), and the given ...
    """
    try:
        with reading(path) as file:
            return file.model(get_backend().np.asarray) if like is None else file.filled(like)
    except FormatError as error:
        remedy = next((text for kind, text in _REMEDIES.items() if isinstance(error, kind)), "")
        raise ModelFileError(f"{error}{remedy}.") from error


_REMEDIES = {
    DamagedFile: "; save the model again",
    ForeignFile: "; give a file that kaf.save or kaf train wrote",
    OtherVersion: "; use the kaf that wrote it",
}


# -- Writing -----------------------------------------------------------------------------------------------------------


def content(model: Any, beside: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a model file holds: a dict that JSON can represent, and the arrays by name. `beside` goes into the dict.

    >>> list(content(KAFNet.init(0, [2, 3, 1]))[1])[:2]
    ['model.layers.0.weight', 'model.layers.0.bias']
    """
    model = _plain(model)
    arrays: dict[str, Any] = {}
    for name, leaf in _named_leaves(model):
        if name in arrays:
            raise ValueError(f"save: two arrays of the model are called {name[len(_PREFIX) + 1 :]}; rename one.")
        arrays[name] = leaf
        # A random key has a dtype of JAX's own.
        dtype = getattr(leaf, "dtype", None)
        if not isinstance(dtype, numpy.dtype) or dtype.kind not in "biufcV":
            raise ValueError(f"save: {name} is {type(leaf).__name__}, and a model file holds arrays of numbers.")
    found = _described(model, _PREFIX) if isinstance(model, Layer) else None
    return {"model": found, "layers": _settings(model), "beside": beside}, arrays


def _plain(model: Any) -> Any:
    return model.to_layer() if hasattr(model, "to_layer") else model


def _named_leaves(model: Any) -> list[tuple[str, Any]]:
    """The leaves of a model that are arrays, with their names in a file; of a plain layer, all leaves."""
    leaves, _ = get_tree_backend(model).tree_util.tree_flatten_with_path(model)
    arrays = {id(leaf) for leaf in array_leaves(model)}
    return [
        (".".join((_PREFIX, *map(str, path_keys(path)))), leaf)
        for path, leaf in leaves
        if isinstance(model, Layer) or id(leaf) in arrays
    ]


def _settings(model: Any) -> dict[str, Any]:
    """The settings of every layer with coefficients, by its path, as `_described` has them, without the shapes of arrays.

    A file must not give its arrays to a layer on another grid: the functions would silently be others.
    """
    nodes, _ = get_tree_backend(model).tree_util.tree_flatten_with_path(model, is_leaf=has_alpha)
    return {
        ".".join(map(str, path_keys(path))): _without_arrays(_described(_plain(node), _PREFIX))
        for path, node in nodes
        if has_alpha(node)
    }


def _without_arrays(described: dict[str, Any]) -> dict[str, Any]:
    is_array = lambda value: isinstance(value, dict) and "array" in value
    return {name: value for name, value in described["fields"].items() if not is_array(value) and value is not None}


def _described(value: Any, name: str) -> Any:
    """A layer as a value that JSON can represent, with the names, shapes and dtypes of its arrays."""
    if isinstance(value, Layer) and type(value).__name__ in LAYERS:
        fields = {f.name: _described(getattr(value, f.name), f"{name}.{f.name}") for f in dataclasses.fields(value)}
        return {"class": type(value).__name__, "fields": fields}
    if isinstance(value, Grid):
        return {"grid": dataclasses.asdict(value)}
    if isinstance(value, tuple):
        return [_described(each, f"{name}.{i}") for i, each in enumerate(value)]
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return {"array": name, "shape": list(value.shape), "dtype": str(value.dtype)}
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    what = "a function" if callable(value) else f"of {type(value).__name__}"
    raise ValueError(f"save: {name} is {what}, which a model file cannot hold.")


# -- Reading -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ModelFile:
    """An open model file."""

    path: str | Path
    about: dict[str, Any]
    arrays: Arrays
    # {name: name in a file of an older version}
    former: dict[str, str]

    def array(self, name: str, shape: tuple[int, ...], dtype: str | None = None) -> numpy.ndarray:
        """The array of this name. It is not read if it has another shape or dtype. Raises ValueError, a DamagedFile later."""
        found = self.arrays.peek(self.former.get(name, name))
        if found.shape != shape or dtype is not None and not _same_dtype(found.dtype, dtype):
            raise ValueError(f"{name} is not {dtype} of shape {shape}")
        array = found.read()
        return array if dtype is None or array.dtype == dtype else array.view(_dtype(dtype))

    def model(self, make: Callable[[numpy.ndarray], Any] = lambda array: array) -> Any:
        """The layer or network, with arrays that `make` makes. Raises OtherModel if the file holds a pytree of another library."""
        if self.about["model"] is None:
            raise OtherModel(f"{self.path} holds no network of kaf's own; give a model of its structure, like=")
        return self._built(self.about["model"], make)

    def _built(self, value: Any, make: Callable) -> Any:
        built = lambda each: self._built(each, make)
        if isinstance(value, list):
            return tuple(map(built, value))
        if not isinstance(value, dict):
            return value
        if "grid" in value:
            return Grid(**value["grid"])
        if "array" in value:
            return make(self.array(value["array"], tuple(value["shape"]), value["dtype"]))
        _check_shapes(value)
        return LAYERS[value["class"]](**{name: built(each) for name, each in value["fields"].items()})

    def filled(self, like: Any) -> Any:
        """The model `like` with the arrays of the file. Raises OtherModel if it has other arrays or other settings."""
        tree_util = get_tree_backend(like).tree_util
        named = dict(_named_leaves(like))
        there = {name for name in self._names() if name.partition(".")[0] == _PREFIX}
        short = lambda names: sorted(name[len(_PREFIX) + 1 :] for name in names)[0]
        if missing := named.keys() - there:
            raise OtherModel(f"{self.path} holds another model: it has no {short(missing)}")
        if more := there - named.keys():
            raise OtherModel(f"{self.path} holds another model: the given one has no {short(more)}")
        self._require_settings(_settings(like))
        arrays = {name: self._like(name, leaf) for name, leaf in named.items()}
        leaves, treedef = tree_util.tree_flatten_with_path(like)
        names = [".".join((_PREFIX, *map(str, path_keys(path)))) for path, _ in leaves]
        return tree_util.tree_unflatten(
            treedef, [arrays.get(name, leaf) for name, (_, leaf) in zip(names, leaves, strict=True)]
        )

    def _names(self) -> list[str]:
        return list(self.former) or self.arrays.names

    def _require_settings(self, given: dict[str, Any]) -> None:
        saved = self.about["layers"]
        for path, settings in given.items():
            for name in {**settings, **saved.get(path, {})}:
                then, now = saved.get(path, {}).get(name), settings.get(name)
                if then != now:
                    raise OtherModel(
                        f"{self.path} holds another model: {path}.{name} is {_shown(then)}, and the given one has {_shown(now)}"
                    )

    def _like(self, name: str, leaf: Any) -> Any:
        found = self.arrays.peek(self.former.get(name, name))
        dtype = str(leaf.dtype)
        if found.shape != tuple(leaf.shape) or not _same_dtype(found.dtype, dtype):
            raise OtherModel(
                f"{self.path} holds another model: {name[len(_PREFIX) + 1 :]} has shape {found.shape}, and the given one "
                f"{dtype} of shape {tuple(leaf.shape)}"
            )
        array = self.array(name, found.shape, dtype)
        return array if isinstance(leaf, (numpy.ndarray, numpy.generic)) else get_backend(leaf).np.asarray(array)


def _shown(value: Any) -> str:
    return shown(str(Grid(**value["grid"]) if isinstance(value, dict) else value))


# Dtypes that NumPy does not have: its files hold their values as plain bytes.
_BYTES = {"bfloat16": "V2"}


def _same_dtype(found: numpy.dtype, dtype: str) -> bool:
    return found == numpy.dtype(_BYTES.get(dtype, dtype))


def _dtype(name: str) -> numpy.dtype:
    return numpy.dtype(getattr(get_backend().np, name))


@contextlib.contextmanager
def reading(path: str | Path) -> Iterator[ModelFile]:
    """Yield the ModelFile at `path`. Raises FormatError, also for an error of a malformed part in the block, and OSError."""
    with FORMAT.reading(path) as (version, about, arrays):
        former: dict[str, str] = {}
        if version < 3:
            about, former = _from_older(about, arrays, version)
        yield ModelFile(path, about, arrays, former)


def _check_shapes(described: dict[str, Any]) -> None:
    """Raise ValueError unless the arrays of a layer have shapes that fit each other, before any of them is read."""
    cls, fields = described["class"], described["fields"]
    shape = lambda name: None if fields.get(name) is None else tuple(fields[name]["shape"])
    if cls == "Linear":
        *_, _, n_out = shape("weight")
        fits = shape("bias")[-1:] == (n_out,)
    elif cls == "KAF":
        *units, k = shape("alpha")
        fits = k == fields["grid"]["grid"]["size"] and shape("centers") in (None, (k,))
        fits = fits and all(shape(name) in (None, tuple(units)) for name in ("log_sigma", "linear"))
    elif cls == "KANLayer":
        n_in, n_out, k = shape("alpha")[-3:]
        grids = fields["grid"] if isinstance(fields["grid"], list) else [fields["grid"]]
        fits = len(grids) in (1, n_in) and {grid["grid"]["size"] for grid in grids} == {k}
        ends = {"base": (n_in, n_out), "bias": (n_out,), "scale": (n_in,), "shift": (n_in,)}
        fits = fits and all(shape(name) is None or shape(name)[-len(end) :] == end for name, end in ends.items())
    elif cls in ("KAF2D", "MultiKAF"):
        fits = shape("alpha")[-1] == fields["grid"]["grid"]["size"]
        fits = fits and (cls == "KAF2D" or shape("mu")[-1] == len(fields["kernels"]))
    else:
        fits = True
    if not fits:
        raise ValueError(f"the arrays of a {cls} do not fit each other")


# -- Older versions ----------------------------------------------------------------------------------------------------


def _from_older(about: dict[str, Any], arrays: Arrays, version: int) -> tuple[dict[str, Any], dict[str, str]]:
    """`about` as version 3 has it, and the names of the arrays: {name: name in this file}.

    Versions 1 and 2 held a KAFNet, whose KAFs had alpha and a grid alone; version 1 had one hidden layer.
    """
    names = {
        "layer0_weight": "hidden_weight",
        "layer0_bias": "hidden_bias",
        "layer1_alpha": "alpha",
        "layer2_weight": "output_weight",
        "layer2_bias": "output_bias",
    }
    layers = [None, {"grid": about["grid"]}, None] if version == 1 else about["layers"]
    settings = {
        f"layers.{i}": {
            "grid": {"grid": dataclasses.asdict(Grid(**layer["grid"]))},
            "kernel": "gauss",
            "method": "auto",
        }
        for i, layer in enumerate(layers)
        if layer is not None
    }
    former, described = {}, []
    for i, layer in enumerate(layers):
        fields: dict[str, Any] = {}
        for field in ("weight", "bias") if layer is None else ("alpha",):
            new, own = f"{_PREFIX}.layers.{i}.{field}", f"layer{i}_{field}"
            former[new] = names[own] if version == 1 else own
            found = arrays.peek(former[new])
            fields[field] = {"array": new, "shape": list(found.shape), "dtype": str(found.dtype)}
        if layer is not None:
            fields["grid"] = {"grid": layer["grid"]}
        described.append({"class": "Linear" if layer is None else "KAF", "fields": fields})
    model = {"class": "KAFNet", "fields": {"layers": described}}
    return {"model": model, "layers": settings, "beside": about}, former
