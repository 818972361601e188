"""JAX's options that say how XLA compiles, caches, logs and moves arrays. A program may set them; they change nothing here."""

from __future__ import annotations

from typing import Any

# {option: JAX's default}
WITHOUT_EFFECT: dict[str, Any] = {
    "jax_allow_f16_reductions": True,
    "jax_captured_constants_report_frames": 0,
    "jax_captured_constants_warn_bytes": 2_000_000_000,
    "jax_compilation_cache_dir": None,
    "jax_compilation_cache_max_size": -1,
    "jax_compiler_enable_remat_pass": True,
    "jax_cpu_collectives_implementation": "gloo",
    "jax_cpu_enable_async_dispatch": True,
    "jax_debug_log_modules": "",
    "jax_default_prng_impl": "threefry2x32",
    "jax_disable_most_optimizations": False,
    "jax_dump_ir_to": "",
    "jax_enable_compilation_cache": True,
    "jax_enable_custom_prng": False,
    "jax_exec_time_optimization_effort": 0.0,
    "jax_include_full_tracebacks_in_locations": True,
    "jax_log_checkpoint_residuals": False,
    "jax_logging_level": "NOTSET",
    "jax_memory_fitting_effort": 0.0,
    "jax_memory_fitting_level": "O2",
    "jax_optimization_level": "UNKNOWN",
    "jax_persistent_cache_enable_xla_caches": "xla_gpu_per_fusion_autotune_cache_dir",
    "jax_persistent_cache_min_compile_time_secs": 1.0,
    "jax_persistent_cache_min_entry_size_bytes": 0,
    "jax_platform_name": "",
    "jax_platforms": None,
    "jax_raise_persistent_cache_errors": False,
    "jax_random_seed_offset": 0,
    "jax_softmax_custom_jvp": False,
    "jax_threefry_partitionable": True,
    "jax_traceback_in_locations_limit": 100,
    "jax_transfer_guard": None,
    "jax_transfer_guard_device_to_device": None,
    "jax_transfer_guard_device_to_host": None,
    "jax_transfer_guard_host_to_device": None,
    "jax_use_direct_linearize": True,
    "jax_use_shardy_partitioner": True,
}
# Another value of one of these options would give other random numbers.
ONE_VALUE = (
    "jax_default_prng_impl",
    "jax_enable_custom_prng",
    "jax_random_seed_offset",
    "jax_threefry_partitionable",
)


def checked_without_effect(name: str, value: Any) -> Any:
    """The value of such an option. Raises RuntimeError for a platform that is not there, NotImplementedError for a value that would
    give other random numbers."""
    if name in ("jax_platform_name", "jax_platforms") and value and "cpu" not in value.split(","):
        raise RuntimeError(f"Unknown backend: {name} is {value!r}, and the platform of minijax is 'cpu'.")
    if name in ONE_VALUE and value != WITHOUT_EFFECT[name]:
        raise NotImplementedError(
            f"{name} can only be {WITHOUT_EFFECT[name]!r}: random numbers are those of threefry, as JAX makes them by default."
        )
    return value
