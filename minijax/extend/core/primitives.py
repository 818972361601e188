"""Every primitive of the package, under JAX's names: `add_p`, `sin_p`, ... (`jax.extend.core.primitives`)."""

from ...calls import registry as _registry
from ...core.primitive import Primitive as _Primitive

for _name, _primitive in _registry.items():
    globals()[_name.replace("-", "_") + "_p"] = _primitive

# JAX's older calls of functions and of jaxprs. No program of minijax has one: they are for libraries that list rules by primitive.
call_p, closed_call_p = _Primitive("call"), _Primitive("closed_call")

__all__ = sorted(name for name in globals() if name.endswith("_p"))
