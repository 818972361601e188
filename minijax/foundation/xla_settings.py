"""`with` blocks for options of JAX's that change nothing here: `xla_options.py` lists them."""

from __future__ import annotations

from .config import _Setting


class default_prng_impl(_Setting):
    """`with default_prng_impl("threefry2x32"):` names the generator of random numbers (`jax.default_prng_impl`). Raises
    NotImplementedError for another one.

    >>> with default_prng_impl("threefry2x32"):
    ...     pass
    """

    option = "jax_default_prng_impl"


class enable_custom_prng(_Setting):
    """`with enable_custom_prng(False):` is how it is (`jax.enable_custom_prng`). Raises NotImplementedError for True.

    >>> with enable_custom_prng(False):
    ...     pass
    """

    option = "jax_enable_custom_prng"


class threefry_partitionable(_Setting):
    """`with threefry_partitionable(True):` is how it is (`jax.threefry_partitionable`). Raises NotImplementedError for False, which
    gives other random numbers.

    >>> with threefry_partitionable(True):
    ...     pass
    """

    option = "jax_threefry_partitionable"


class softmax_custom_jvp(_Setting):
    """`with softmax_custom_jvp(True):` changes nothing: the derivative is the same (`jax.softmax_custom_jvp`).

    >>> with softmax_custom_jvp(True):
    ...     pass
    """

    option = "jax_softmax_custom_jvp"


class transfer_guard(_Setting):
    """`with transfer_guard("disallow"):` forbids nothing, since nothing moves: arrays are in the computer's memory
    (`jax.transfer_guard`).

    >>> with transfer_guard("disallow"):
    ...     pass
    """

    option = "jax_transfer_guard"


class transfer_guard_device_to_device(_Setting):
    """As `transfer_guard` (`jax.transfer_guard_device_to_device`).

    >>> with transfer_guard_device_to_device("log"):
    ...     pass
    """

    option = "jax_transfer_guard_device_to_device"


class transfer_guard_device_to_host(_Setting):
    """As `transfer_guard` (`jax.transfer_guard_device_to_host`).

    >>> with transfer_guard_device_to_host("log"):
    ...     pass
    """

    option = "jax_transfer_guard_device_to_host"


class transfer_guard_host_to_device(_Setting):
    """As `transfer_guard` (`jax.transfer_guard_host_to_device`).

    >>> with transfer_guard_host_to_device("log"):
    ...     pass
    """

    option = "jax_transfer_guard_host_to_device"
