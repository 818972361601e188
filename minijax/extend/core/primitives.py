"""Every primitive of the package, under JAX's names: `add_p`, `sin_p`, ... (`jax.extend.core.primitives`)."""

from ...calls import registry as _registry

for _name, _primitive in _registry.items():
    globals()[_name.replace("-", "_") + "_p"] = _primitive

__all__ = sorted(name for name in globals() if name.endswith("_p"))
