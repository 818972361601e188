"""The whole of JAX's core over NumPy, under JAX's own names: `import minijax as jax; import minijax.numpy as jnp`.

>>> import minijax as jax
>>> import minijax.numpy as jnp
>>> jax.grad(lambda x: jnp.sin(x) * x)(0.0)
Array(0., dtype=float32, weak_type=True)
"""

from importlib import import_module
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

from . import core, custom_derivatives, dtypes, errors, lax, numpy, sharding, tree_util
from .alias import as_jax, install_as_jax
from .api import leaks  # noqa: F401  (`checking_leaks` needs its search)
from .api.custom_derivatives import closure_convert, custom_gradient, custom_jvp, custom_vjp
from .api.derivatives import grad, jvp, linear_transpose, linearize, value_and_grad, vjp
from .api.jit import clear_caches, jit
from .api.make_jaxpr import ShapeDtypeStruct, eval_shape, make_jaxpr
from .api.transfers import block_until_ready, device_get, device_put, reshard
from .api.vmap import vmap
from .core.traces import Array
from .core.traces import get_aval as typeof
from .explain import cost, diff, explain, trace_steps
from .foundation.config import (
    check_tracer_leaks,
    checking_leaks,
    config,
    debug_infs,
    debug_key_reuse,
    debug_nans,
    default_matmul_precision,
    disable_jit,
    enable_checks,
    enable_x64,
    explain_cache_misses,
    legacy_prng_key,
    log_compiles,
    make_user_context,
    no_execution,
    no_tracing,
    numpy_dtype_promotion,
    numpy_rank_promotion,
)
from .foundation.device import (
    Device,
    default_backend,
    default_device,
    device_count,
    devices,
    local_device_count,
    local_devices,
    process_count,
    process_index,
)
from .foundation.doors import at_the_door, on_demand
from .foundation.dtypes import float0
from .foundation.meshes import make_mesh, set_mesh
from .foundation.sharding import NamedSharding
from .foundation.sharding import PartitionSpec as P
from .numpy.indexing import dslice as ds

# The one place that knows of `fast/`: minijax is whole without that folder.
if PathFinder.find_spec(f"{__name__}.fast", __path__) is not None:
    import_module(f"{__name__}.fast")

# Imported when first asked for: a fourth of the code, that many programs do without.
_ON_DEMAND = (
    "ad_checkpoint",
    "api_util",
    "custom_batching",
    "debug",
    "dlpack",
    "extend",
    "flatten_util",
    "image",
    "interpreters",
    "nn",
    "ops",
    "profiler",
    "random",
    "scipy",
    "stages",
    "test_util",
    "testing",
    "tree",
    "typing",
)
_NAMES_ON_DEMAND = {
    ".api.callbacks": "effects_barrier pure_callback",
    ".api.checkpoint": "checkpoint checkpoint_policies remat",
    ".api.compile_time_eval": "ensure_compile_time_eval",
    ".api.environment": "live_arrays print_environment_info",
    ".api.forward_and_backward": "fwd_and_bwd",
    ".api.jacobians": "hessian jacfwd jacobian jacrev",
    ".api.names": "named_call named_scope",
    ".api.pmap": "pmap",
    ".api.references": "Ref new_ref",
    ".api.shard_map": "shard_map",
    ".foundation.xla_settings": "default_prng_impl enable_custom_prng softmax_custom_jvp threefry_partitionable transfer_guard"
    " transfer_guard_device_to_device transfer_guard_device_to_host transfer_guard_host_to_device",
}

if TYPE_CHECKING:
    from . import (
        ad_checkpoint,
        api_util,
        custom_batching,
        debug,
        dlpack,
        extend,
        image,
        interpreters,
        nn,
        ops,
        profiler,
        random,
        scipy,
        stages,
        testing,
        tree,
        typing,
    )
    from .api.callbacks import effects_barrier, pure_callback
    from .api.checkpoint import checkpoint, checkpoint_policies, remat
    from .api.compile_time_eval import ensure_compile_time_eval
    from .api.environment import live_arrays, print_environment_info
    from .api.forward_and_backward import fwd_and_bwd
    from .api.jacobians import hessian, jacfwd, jacobian, jacrev
    from .api.names import named_call, named_scope
    from .api.pmap import pmap
    from .api.references import Ref, new_ref
    from .api.shard_map import shard_map
    from .foundation.xla_settings import (
        default_prng_impl,
        enable_custom_prng,
        softmax_custom_jvp,
        threefry_partitionable,
        transfer_guard,
        transfer_guard_device_to_device,
        transfer_guard_device_to_host,
        transfer_guard_host_to_device,
    )
else:
    # A type checker that saw the function would accept every name.
    __getattr__ = on_demand(globals(), _ON_DEMAND, _NAMES_ON_DEMAND)


__version__ = "0.1.0"

__all__ = [
    "Array",
    "Device",
    "NamedSharding",
    "P",
    "Ref",
    "ShapeDtypeStruct",
    "ad_checkpoint",
    "api_util",
    "as_jax",
    "block_until_ready",
    "check_tracer_leaks",
    "checking_leaks",
    "checkpoint",
    "checkpoint_policies",
    "clear_caches",
    "closure_convert",
    "config",
    "core",
    "cost",
    "custom_batching",
    "custom_derivatives",
    "custom_gradient",
    "custom_jvp",
    "custom_vjp",
    "debug",
    "debug_infs",
    "debug_key_reuse",
    "debug_nans",
    "default_backend",
    "default_device",
    "default_matmul_precision",
    "default_prng_impl",
    "device_count",
    "device_get",
    "device_put",
    "devices",
    "diff",
    "disable_jit",
    "dlpack",
    "ds",
    "dtypes",
    "effects_barrier",
    "enable_checks",
    "enable_custom_prng",
    "enable_x64",
    "ensure_compile_time_eval",
    "errors",
    "eval_shape",
    "explain",
    "explain_cache_misses",
    "extend",
    "float0",
    "fwd_and_bwd",
    "grad",
    "hessian",
    "image",
    "install_as_jax",
    "interpreters",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jit",
    "jvp",
    "lax",
    "legacy_prng_key",
    "linear_transpose",
    "linearize",
    "live_arrays",
    "local_device_count",
    "local_devices",
    "log_compiles",
    "make_jaxpr",
    "make_mesh",
    "make_user_context",
    "named_call",
    "named_scope",
    "new_ref",
    "nn",
    "no_execution",
    "no_tracing",
    "numpy",
    "numpy_dtype_promotion",
    "numpy_rank_promotion",
    "ops",
    "pmap",
    "shard_map",
    "print_environment_info",
    "process_count",
    "process_index",
    "profiler",
    "pure_callback",
    "random",
    "remat",
    "reshard",
    "scipy",
    "set_mesh",
    "sharding",
    "softmax_custom_jvp",
    "stages",
    "testing",
    "threefry_partitionable",
    "trace_steps",
    "transfer_guard",
    "transfer_guard_device_to_device",
    "transfer_guard_device_to_host",
    "transfer_guard_host_to_device",
    "tree",
    "tree_util",
    "typeof",
    "typing",
    "value_and_grad",
    "vjp",
    "vmap",
]

at_the_door(globals(), lazy=[*_ON_DEMAND, *" ".join(_NAMES_ON_DEMAND.values()).split()])
