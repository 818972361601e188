"""Names of JAX that minijax leaves out on purpose, with the reason. A program that asks for one reads it in the AttributeError.

notes/compatibility.md lists them, and the names that are not there yet.
"""

from __future__ import annotations

_DEVICES = (
    "it places arrays on several devices; minijax's arrays are NumPy's, and `pmap` and named axes are its parallelism"
)
_TYPES = "it changes the shardings in the types of arrays; minijax's types have none"
_MESSAGES = "it sends messages between devices; `psum`, `all_gather`, `ppermute` and the like work along named axes"
_TOKENS = "XLA's tokens order effects; minijax runs the effects of a program in the order of its equations"
_GENERATORS = "its numbers depend on the machine; `jax.random` gives the same everywhere"
_TRANSFERS = "minijax copies nothing between devices, so there is nothing to guard"
_REFS = "mutable references: every array of minijax is immutable"
_MLIR = "minijax writes StableHLO as text, and has no objects of MLIR: register `lower_fun(f)` as the lowering"
_WRAPPED = "it takes JAX's wrapped functions; `jax.jvp` and `jax.linearize` take Python's"
_SCALED = "a product in the 8-bit formats of an accelerator, which NumPy has not"

LEFT_OUT: dict[str, dict[str, str]] = {
    "minijax": {
        **dict.fromkeys(
            "Shard copy_to_host_async make_array_from_callback make_array_from_process_local_data"
            " make_array_from_single_device_arrays remove_size_one_mesh_axis_from_type"
            " auto_pcast smap".split(),
            _DEVICES,
        ),
        **dict.fromkeys(
            "thread_guard array_garbage_collection_guard".split(),
            _TRANSFERS,
        ),
        **dict.fromkeys("empty_ref free_ref freeze ad".split(), _REFS),
        **dict.fromkeys("host_count host_id host_ids process_indices".split(), "there is one process"),
        "jax2tf_associative_scan_reductions": "it chooses between programs of TensorFlow",
        "allow_f16_reductions": "it chooses between programs of XLA",
        "memory": "it names the memories of a device; minijax's arrays are in the computer's",
    },
    "minijax.lax": {
        **dict.fromkeys("after_all after_all_p create_token create_token_p".split(), _TOKENS),
        **dict.fromkeys("precv psend ragged_all_to_all ragged_all_to_all_p".split(), _MESSAGES),
        **dict.fromkeys("pcast sharding_constraint_p device_put_p".split(), _DEVICES),
        **dict.fromkeys(
            "rng_bit_generator rng_bit_generator_p rng_uniform rng_uniform_p RandomAlgorithm".split(), _GENERATORS
        ),
        "scaled_dot": _SCALED,
        "select_and_scatter_p": "no function of JAX binds it; `select_and_scatter_add_p` is the derivative of windows' extremes",
    },
    "minijax.numpy": dict.fromkeys(
        "float6_e2m3fn float6_e3m2fn int1 uint1".split(),
        "XLA's CPU does not compute with it: in JAX there is no array of float6, and no sum, negation or comparison of int1",
    ),
    "minijax.errors": {
        "InconclusiveDimensionOperation": "it is about symbolic dimensions; a dimension of minijax is a number",
        "JaxRuntimeError": "it is the error of XLA's runtime; minijax raises Python's errors, and a callback's own",
    },
    "minijax.ad_checkpoint": {
        "Offloadable": "it moves residuals to the host's memory, where all arrays of minijax are"
    },
    "minijax.custom_derivatives": {
        "remat_opt_p": "dead code elimination drops the unused results of a forward rule, so `optimize_remat` needs no equation",
    },
    "minijax.debug": dict.fromkeys(
        "inspect_array_sharding visualize_array_sharding visualize_sharding".split(), _DEVICES
    ),
    "minijax.profiler": dict.fromkeys(
        "ProfileData ProfileEvent ProfileOptions ProfilePlane device_memory_profile register_subprocess"
        " save_device_memory_profile start_server start_trace stop_server stop_trace trace".split(),
        "it records what XLA does; Python's profilers, such as cProfile, see what minijax does",
    ),
    "minijax.interpreters.ad": dict.fromkeys(("jvp", "linearize"), _WRAPPED),
    "minijax.interpreters.batching": {
        **dict.fromkeys(
            ("register_vmappable", "unregister_vmappable"), "`vmap` maps over axes of arrays; a container is a pytree"
        ),
    },
    "minijax.interpreters.mlir": dict.fromkeys(
        "AxisContext ConstantHandler DEVICE_TO_DEVICE_TYPE LoweringParameters LoweringResult LoweringRule LoweringRuleContext"
        " MeshAxisName ModuleContext RECV_FROM_HOST_TYPE SEND_TO_HOST_TYPE SPMDAxisContext ShapePolyLoweringState"
        " ShardingContext Token TokenSet Value aval_to_ir_type aval_to_ir_types core_call_lowering dense_int_array"
        " dense_int_elements dtype_to_ir_type emit_python_callback flatten_ir_types flatten_ir_values i32_attr i64_attr"
        " ir_attribute ir_constant ir_constants ir_tree_registry ir_type_handlers jaxpr_subcomp lower_jaxpr_to_fun"
        " lower_jaxpr_to_module lowerable_effects make_ir_context merge_mlir_modules module_to_bytecode module_to_string"
        " register_constant_handler shape_tensor token_type unflatten_ir_values_like_types Mesh".split(),
        _MLIR,
    ),
    "minijax.interpreters.xla": dict.fromkeys(("Backend",), "minijax runs NumPy's programs"),
    "minijax.experimental.layout": {"with_layout_constraint": "NumPy lays out minijax's arrays"},
    "minijax.sharding": {
        **dict.fromkeys("auto_axes explicit_axes use_abstract_mesh ManualAxisType".split(), _TYPES),
        **dict.fromkeys("AbstractDevice make_single_device_sharding".split(), _DEVICES),
    },
    "minijax.nn": dict.fromkeys("get_scaled_dot_general_config scaled_dot_general scaled_matmul".split(), _SCALED),
}


def absent(module: str, name: str) -> AttributeError:
    """The error for a name that a module has not; with the reason, if JAX has it and minijax leaves it out.

    >>> print(absent("minijax", "host_count"))
    minijax has no 'host_count': there is one process.
    """
    reason = LEFT_OUT.get(module, {}).get(name)
    if reason is None:
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    return AttributeError(f"{module} has no {name!r}: {reason}.")
