"""Meshes of devices, and how arrays are placed on them (`jax.sharding`). They are defined in `foundation/meshes.py` and
`foundation/sharding.py`.

>>> import minijax as jax
>>> mesh = jax.make_mesh((1,), ("x",))
>>> jax.device_put(jax.numpy.ones(2), NamedSharding(mesh, PartitionSpec("x"))).sharding.mesh == mesh
True
"""

from .api.transfers import reshard
from .foundation.doors import at_the_door
from .foundation.meshes import AbstractMesh, AxisType, Mesh, get_abstract_mesh, get_mesh, set_mesh
from .foundation.sharding import NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding

__all__ = [
    "AbstractMesh",
    "AxisType",
    "Mesh",
    "NamedSharding",
    "PartitionSpec",
    "Sharding",
    "SingleDeviceSharding",
    "get_abstract_mesh",
    "get_mesh",
    "reshard",
    "set_mesh",
]

at_the_door(globals())
