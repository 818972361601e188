"""Meshes: devices in a grid, with names for its axes (`jax.sharding.Mesh`); and the meshes that a program has named."""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from .device import Device
from .device import devices as all_devices
from .threads import PerThread


class AxisType(enum.Enum):
    """Who decides how an array is cut along an axis of a mesh (`jax.sharding.AxisType`): the compiler (Auto), the types of arrays
    (Explicit) or the program (Manual).

    >>> list(AxisType)
    [Auto, Explicit, Manual]
    """

    Auto = enum.auto()
    Explicit = enum.auto()
    Manual = enum.auto()

    def __repr__(self) -> str:
        return self.name


class AnyMesh:
    """What meshes of devices and meshes of no devices have in common: names, sizes and types of axes."""

    axis_names: tuple[Hashable, ...]
    axis_sizes: tuple[int, ...]
    axis_types: tuple[AxisType, ...]

    def _set_types(self, axis_types) -> None:
        if axis_types is None:
            axis_types = (AxisType.Auto,) * len(self.axis_names)
        self.axis_types = axis_types if isinstance(axis_types, tuple) else (axis_types,)
        if len(self.axis_types) != len(self.axis_names):
            raise ValueError(
                f"Number of axis names should match the number of axis_types. Got axis_names={self.axis_names} and"
                f" axis_types={self.axis_types}"
            )

    @property
    def shape(self) -> OrderedDict:
        """{name of an axis: size}."""
        return OrderedDict(zip(self.axis_names, self.axis_sizes))

    @property
    def shape_tuple(self) -> tuple[tuple[Hashable, int], ...]:
        return tuple(zip(self.axis_names, self.axis_sizes))

    @property
    def size(self) -> int:
        return prod(self.axis_sizes) if self.axis_sizes else 0

    @property
    def empty(self) -> bool:
        return self.size == 0

    def _all(self, kind: AxisType) -> bool:
        return bool(self.axis_types) and all(t is kind for t in self.axis_types)

    are_all_axes_auto = property(lambda self: self._all(AxisType.Auto))
    are_all_axes_explicit = property(lambda self: self._all(AxisType.Explicit))
    are_all_axes_manual = property(lambda self: self._all(AxisType.Manual))

    def _of_type(self, kind: AxisType) -> tuple:
        return tuple(name for name, t in zip(self.axis_names, self.axis_types) if t is kind)

    auto_axes = property(lambda self: self._of_type(AxisType.Auto))
    explicit_axes = property(lambda self: self._of_type(AxisType.Explicit))
    manual_axes = property(lambda self: self._of_type(AxisType.Manual))

    @cached_property
    def _key(self) -> tuple:
        return (self.axis_names, self.axis_sizes, self.axis_types)

    def __eq__(self, other) -> bool:
        return type(other) is type(self) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def _sizes(self) -> str:
        return ", ".join(f"{name!r}: {size}" for name, size in self.shape_tuple) or "()"


class Mesh(AnyMesh):
    """Devices in a grid, and a name for each axis of the grid (`jax.sharding.Mesh`).

    devices: an array of devices, or a sequence. axis_types: an `AxisType` for each axis. Raises ValueError if the grid has
    another number of axes than there are names.

    >>> import minijax as jax
    >>> mesh = Mesh(jax.devices()[:1], ("x",))
    >>> mesh, mesh.shape["x"]
    (Mesh(axis_sizes=(1,), axis_names=('x',), axis_types=(Auto,)), 1)
    """

    def __init__(self, devices: Any, axis_names: Any, axis_types: Any = None):
        self.devices = np.array(devices, dtype=object)
        self.axis_names = (axis_names,) if isinstance(axis_names, str) else tuple(axis_names)
        if None in self.axis_names:
            raise ValueError(f"Mesh axis names cannot be None. Got: {self.axis_names}")
        if self.devices.ndim != len(self.axis_names):
            raise ValueError(
                "Mesh requires the ndim of its first argument (`devices`) to equal the length of its second argument"
                f" (`axis_names`), but got devices.ndim == {self.devices.ndim} and len(axis_names) == {len(self.axis_names)}."
            )
        self.devices.flags.writeable = False
        if not self.devices.size:
            self.devices, self.axis_names, axis_types = np.empty((0,), object), (), None
        self.axis_sizes = self.devices.shape if self.axis_names else ()
        self._set_types(axis_types)

    @property
    def axis_name(self) -> Hashable:
        """The name of the only axis: `pmap` makes meshes of one axis."""
        (name,) = self.axis_names
        return name

    @property
    def device_ids(self) -> np.ndarray:
        return np.vectorize(lambda device: device.id, otypes=[int])(self.devices)

    @property
    def local_devices(self) -> list[Device]:
        return list(self.devices.flat)

    @property
    def local_mesh(self) -> Mesh:
        return self

    @property
    def is_multi_process(self) -> bool:
        return False

    @property
    def abstract_mesh(self) -> AbstractMesh:
        return AbstractMesh(self.axis_sizes, self.axis_names, self.axis_types)

    @cached_property
    def _key(self) -> tuple:
        return (self.axis_names, self.axis_sizes, self.axis_types, tuple(self.devices.flat))

    def __enter__(self) -> Mesh:
        context.entered = (*context.entered, self)
        return self

    def __exit__(self, *_) -> None:
        context.entered = context.entered[:-1]

    def __repr__(self) -> str:
        types = f", axis_types={self.axis_types}" if self.axis_names else ""
        return f"Mesh(axis_sizes={self.axis_sizes}, axis_names={self.axis_names}{types})"

    def __str__(self) -> str:
        return f"Mesh({self._sizes()}, axis_types={self.axis_types})"


class AbstractMesh(AnyMesh):
    """A mesh without its devices: names, sizes and types of axes (`jax.sharding.AbstractMesh`).

    >>> AbstractMesh((2, 4), ("x", "y"))
    AbstractMesh('x': 2, 'y': 4, axis_types=(Auto, Auto))
    """

    def __init__(self, axis_sizes: Sequence[int], axis_names: Any, axis_types: Any = None):
        self.axis_names = (axis_names,) if isinstance(axis_names, str) else tuple(axis_names)
        self.axis_sizes = tuple(axis_sizes)
        if len(self.axis_sizes) != len(self.axis_names):
            raise ValueError(
                f"axis_sizes and axis_names must have as many entries; got {self.axis_sizes} and {self.axis_names}."
            )
        self._set_types(axis_types)

    def __repr__(self) -> str:
        return f"AbstractMesh({self._sizes()}, axis_types={self.axis_types})"


def make_mesh(
    axis_shapes: Sequence[int],
    axis_names: Sequence[Hashable],
    axis_types: tuple[AxisType, ...] | None = None,
    *,
    devices: Sequence[Device] | None = None,
) -> Mesh:
    """A mesh of the first devices, or of those given, in their order (`jax.make_mesh`). Its axes are `Explicit` unless
    `axis_types` says otherwise. Raises ValueError if there are fewer devices.

    >>> make_mesh((1,), ("x",))
    Mesh(axis_sizes=(1,), axis_names=('x',), axis_types=(Explicit,))
    """
    found = list(all_devices() if devices is None else devices)
    count = prod(axis_shapes)
    if count > len(found):
        raise ValueError(
            f"Number of devices {len(found)} must be >= the product of mesh_shape {tuple(axis_shapes)}. In minijax"
            f' `config.update("jax_num_cpu_devices", {count})` names as many.'
        )
    grid = np.empty(count, object)
    grid[:] = found[:count]
    types = (AxisType.Explicit,) * len(axis_names) if axis_types is None else axis_types
    return Mesh(grid.reshape(tuple(axis_shapes)), axis_names, types)


class _Context(PerThread):
    """The meshes that a thread's program has named."""

    mesh: Mesh | None = None  # by `set_mesh`
    entered: tuple[Mesh, ...] = ()  # by `with mesh:`


context = _Context()
_NO_MESH = Mesh((), ("none",))


class set_mesh:
    """Names a mesh for the specs that are given without one: from now on, or within `with set_mesh(mesh):` (`jax.set_mesh`).

    >>> import minijax as jax
    >>> with jax.set_mesh(jax.make_mesh((1,), ("x",))):
    ...     jax.sharding.get_mesh().axis_names
    ('x',)
    """

    def __init__(self, mesh: Mesh | None):
        if mesh is not None and not isinstance(mesh, Mesh):
            raise ValueError(f"Expected mesh of type `jax.sharding.Mesh`. Got {mesh} of type {type(mesh)}")
        self._before = context.mesh
        context.mesh = mesh

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_) -> None:
        context.mesh = self._before


def get_mesh() -> Mesh:
    """The mesh that `set_mesh` named, or one without axes (`jax.sharding.get_mesh`).

    >>> get_mesh().empty
    True
    """
    return _NO_MESH if context.mesh is None else context.mesh


def get_abstract_mesh() -> AbstractMesh:
    """The mesh that `set_mesh` named, without its devices (`jax.sharding.get_abstract_mesh`).

    >>> get_abstract_mesh().axis_names
    ()
    """
    return get_mesh().abstract_mesh
