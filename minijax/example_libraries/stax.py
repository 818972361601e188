"""Networks as pairs of functions (`jax.example_libraries.stax`).

A layer is `(init_fun, apply_fun)`: `init_fun(key, input_shape)` gives `(output_shape, params)`, and `apply_fun(params, inputs)` the
outputs; a layer that draws random numbers takes a key as `rng=`. `serial` and `parallel` make a layer of layers. A size of -1 in a
shape, for a batch of any size, is left as it is.

>>> import minijax as jax
>>> init_fun, apply_fun = serial(Dense(3), Relu, Dense(2))
>>> output_shape, params = init_fun(jax.random.key(0), (-1, 4))
>>> output_shape, apply_fun(params, jax.numpy.ones((5, 4))).shape
((-1, 2), (5, 2))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from .. import lax, random
from .. import numpy as jnp
from ..nn import (
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    relu,
    selu,
    sigmoid,
    softmax,
    softplus,
    standardize,
)
from ..nn.initializers import glorot_normal, normal, ones, zeros

Layer = tuple[Callable[..., Any], Callable[..., Any]]
Shape = tuple[int, ...]

# Names under which older programs know the initializers.
glorot, randn, logsoftmax = glorot_normal, normal, log_softmax
# The initializers of layers that are given none.
_GLOROT, _NORMAL, _SMALL = glorot_normal(), normal(), normal(1e-6)


def _without_params(output_shape: Callable, apply: Callable) -> Layer:
    """A layer that has nothing to learn."""
    return lambda rng, input_shape: (output_shape(input_shape), ()), lambda params, inputs, **kwargs: apply(inputs)


# ---------------------------------------------------------------------------------------------------------------------
# Layers with parameters


def Dense(out_dim: int, W_init: Callable = _GLOROT, b_init: Callable = _NORMAL) -> Layer:
    """x W + b along the last axis (`jax.example_libraries.stax.Dense`).

    >>> Dense(3)[0](random.key(0), (5, 2))[0]
    (5, 3)
    """

    def init_fun(rng, input_shape):
        of_weights, of_bias = random.split(rng)
        params = W_init(of_weights, (input_shape[-1], out_dim)), b_init(of_bias, (out_dim,))
        return (*input_shape[:-1], out_dim), params

    def apply_fun(params, inputs, **kwargs):
        weights, bias = params
        return jnp.dot(inputs, weights) + bias

    return init_fun, apply_fun


def _convolution(
    shape_of: Callable, convolve: Callable, numbers, out_chan, filter_shape, strides, W_init, b_init
) -> Layer:
    lhs_spec, rhs_spec, out_spec = numbers
    W_init = W_init or glorot_normal(rhs_spec.index("I"), rhs_spec.index("O"))

    def init_fun(rng, input_shape):
        window, features = iter(filter_shape), {"O": out_chan, "I": input_shape[lhs_spec.index("C")]}
        kernel_shape = [features[c] if c in features else next(window) for c in rhs_spec]
        bias_shape = [out_chan if c == "C" else 1 for c in out_spec]
        of_weights, of_bias = random.split(rng)
        return shape_of(input_shape, kernel_shape), (W_init(of_weights, kernel_shape), b_init(of_bias, bias_shape))

    def apply_fun(params, inputs, **kwargs):
        weights, bias = params
        return convolve(inputs, weights) + bias

    return init_fun, apply_fun


def GeneralConv(
    dimension_numbers: tuple[str, str, str],
    out_chan: int,
    filter_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: str | Sequence[tuple[int, int]] = "VALID",
    W_init: Callable | None = None,
    b_init: Callable = _SMALL,
) -> Layer:
    """A convolution and a bias, by any dimension numbers (`jax.example_libraries.stax.GeneralConv`). `Conv` is the one of images
    with channels last.

    >>> Conv(4, (3, 3), padding="SAME")[0](random.key(0), (-1, 8, 8, 1))[0]
    (-1, 8, 8, 4)
    """
    strides = strides or (1,) * len(filter_shape)

    def shape_of(input_shape, kernel_shape):
        return lax.conv_general_shape_tuple(input_shape, kernel_shape, strides, padding, dimension_numbers)

    def convolve(x, weights):
        return lax.conv_general_dilated(x, weights, strides, padding, dimension_numbers=dimension_numbers)

    return _convolution(shape_of, convolve, dimension_numbers, out_chan, filter_shape, strides, W_init, b_init)


def GeneralConvTranspose(
    dimension_numbers: tuple[str, str, str],
    out_chan: int,
    filter_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: str | Sequence[tuple[int, int]] = "VALID",
    W_init: Callable | None = None,
    b_init: Callable = _SMALL,
) -> Layer:
    """A transposed convolution and a bias (`jax.example_libraries.stax.GeneralConvTranspose`). `ConvTranspose` is the one of images
    with channels last, `Conv1DTranspose` the one of series.

    >>> ConvTranspose(4, (3, 3), (2, 2), "SAME")[0](random.key(0), (-1, 8, 8, 1))[0]
    (-1, 16, 16, 4)
    """
    strides = strides or (1,) * len(filter_shape)

    def shape_of(input_shape, kernel_shape):
        return lax.conv_transpose_shape_tuple(input_shape, kernel_shape, strides, padding, dimension_numbers)

    def convolve(x, weights):
        return lax.conv_transpose(x, weights, strides, padding, dimension_numbers=dimension_numbers)

    return _convolution(shape_of, convolve, dimension_numbers, out_chan, filter_shape, strides, W_init, b_init)


Conv = partial(GeneralConv, ("NHWC", "HWIO", "NHWC"))
Conv1DTranspose = partial(GeneralConvTranspose, ("NHC", "HIO", "NHC"))
ConvTranspose = partial(GeneralConvTranspose, ("NHWC", "HWIO", "NHWC"))


def BatchNorm(
    axis: int | Sequence[int] = (0, 1, 2),
    epsilon: float = 1e-5,
    center: bool = True,
    scale: bool = True,
    beta_init: Callable = zeros,
    gamma_init: Callable = ones,
) -> Layer:
    """The inputs with mean 0 and variance 1 along axes, then scaled by gamma and moved by beta, if asked for
    (`jax.example_libraries.stax.BatchNorm`).

    >>> init_fun, apply_fun = BatchNorm(axis=0)
    >>> shape, params = init_fun(random.key(0), (2, 1))
    >>> apply_fun(params, jnp.array([[1.0], [3.0]])).round(3)
    Array([[-1.],
           [ 1.]], dtype=float32)
    """
    axes = (axis,) if jnp.isscalar(axis) else tuple(axis)

    def init_fun(rng, input_shape):
        shape = tuple(d for i, d in enumerate(input_shape) if i not in axes)
        of_beta, of_gamma = random.split(rng)
        beta = beta_init(of_beta, shape) if center else ()
        return input_shape, (beta, gamma_init(of_gamma, shape) if scale else ())

    def apply_fun(params, inputs, **kwargs):
        beta, gamma = params
        spread = tuple(None if i in axes else slice(None) for i in range(jnp.ndim(inputs)))
        outputs = standardize(inputs, axes, epsilon=epsilon)
        outputs = gamma[spread] * outputs if scale else outputs
        return outputs + beta[spread] if center else outputs

    return init_fun, apply_fun


# ---------------------------------------------------------------------------------------------------------------------
# Functions of each element


def elementwise(fun: Callable, **fun_kwargs: Any) -> Layer:
    """The layer of a function that keeps the shape (`jax.example_libraries.stax.elementwise`).

    >>> elementwise(jnp.square)[1]((), 3.0)
    Array(9., dtype=float32, weak_type=True)
    """
    return _without_params(lambda shape: shape, lambda inputs: fun(inputs, **fun_kwargs))


Tanh = elementwise(jnp.tanh)
Relu = elementwise(relu)
Exp = elementwise(jnp.exp)
LogSoftmax = elementwise(log_softmax, axis=-1)
Softmax = elementwise(softmax, axis=-1)
Softplus = elementwise(softplus)
Sigmoid = elementwise(sigmoid)
Elu = elementwise(elu)
LeakyRelu = elementwise(leaky_relu)
Selu = elementwise(selu)
Gelu = elementwise(gelu)
Identity = elementwise(lambda x: x)


# ---------------------------------------------------------------------------------------------------------------------
# Pooling


def _pooling(reducer: Callable, init_val: float, window_shape, strides, padding, spec, average: bool) -> Layer:
    rank = len(window_shape)
    sizes = {"window": tuple(window_shape), "strides": tuple(strides or (1,) * rank)}
    # The batch and the features take part in no window.
    others = sorted((0, rank + 1) if spec is None else (spec.index("N"), spec.index("C")))
    whole = dict(sizes)
    for i in others:
        whole = {name: (*value[:i], 1, *value[i:]) for name, value in whole.items()}

    def output_shape(input_shape):
        pads = padding
        if isinstance(padding, str):
            pads = lax.padtype_to_pads(input_shape, whole["window"], whole["strides"], padding)
        return lax.reduce_window_shape_tuple(input_shape, whole["window"], whole["strides"], pads)

    def apply(inputs):
        out = lax.reduce_window(inputs, init_val, reducer, whole["window"], whole["strides"], padding)
        if not average:
            return out
        # A window at the border has fewer elements.
        spatial = tuple(n for i, n in enumerate(inputs.shape) if i not in others)
        counts = lax.reduce_window(
            jnp.ones(spatial, inputs.dtype), 0.0, lax.add, sizes["window"], sizes["strides"], padding
        )
        return out / jnp.expand_dims(counts, others)

    return _without_params(output_shape, apply)


def MaxPool(
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: str | Sequence[tuple[int, int]] = "VALID",
    spec: str | None = None,
) -> Layer:
    """The greatest element of each window (`jax.example_libraries.stax.MaxPool`). spec: the axes, such as "NHWC", which None
    stands for.

    >>> MaxPool((2, 2), (2, 2))[1]((), jnp.arange(4.0).reshape(1, 2, 2, 1)).ravel()
    Array([3.], dtype=float32)
    """
    return _pooling(lax.max, -jnp.inf, window_shape, strides, padding, spec, average=False)


def SumPool(
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: str | Sequence[tuple[int, int]] = "VALID",
    spec: str | None = None,
) -> Layer:
    """The sum of each window (`jax.example_libraries.stax.SumPool`).

    >>> SumPool((2, 2), (2, 2))[1]((), jnp.arange(4.0).reshape(1, 2, 2, 1)).ravel()
    Array([6.], dtype=float32)
    """
    return _pooling(lax.add, 0.0, window_shape, strides, padding, spec, average=False)


def AvgPool(
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: str | Sequence[tuple[int, int]] = "VALID",
    spec: str | None = None,
) -> Layer:
    """The mean of each window, of the elements that are inside (`jax.example_libraries.stax.AvgPool`).

    >>> AvgPool((2, 2), (2, 2))[1]((), jnp.arange(4.0).reshape(1, 2, 2, 1)).ravel()
    Array([1.5], dtype=float32)
    """
    return _pooling(lax.add, 0.0, window_shape, strides, padding, spec, average=True)


# ---------------------------------------------------------------------------------------------------------------------
# Shapes, branches, dropout

Flatten = _without_params(
    lambda shape: (shape[0], math.prod(shape[1:])), lambda inputs: jnp.reshape(inputs, (inputs.shape[0], -1))
)


def FanOut(num: int) -> Layer:
    """The inputs, `num` times (`jax.example_libraries.stax.FanOut`).

    >>> FanOut(2)[1]((), 1.0)
    [1.0, 1.0]
    """
    return _without_params(lambda shape: [shape] * num, lambda inputs: [inputs] * num)


FanInSum = _without_params(lambda shapes: shapes[0], sum)


def FanInConcat(axis: int = -1) -> Layer:
    """The inputs of several branches joined along an axis (`jax.example_libraries.stax.FanInConcat`).

    >>> FanInConcat()[0](random.key(0), [(5, 2), (5, 3)])[0]
    (5, 5)
    """

    def output_shape(shapes):
        place = axis % len(shapes[0])
        return (*shapes[0][:place], sum(shape[place] for shape in shapes), *shapes[0][place + 1 :])

    return _without_params(output_shape, lambda inputs: jnp.concatenate(inputs, axis))


def Dropout(rate: float, mode: str = "train") -> Layer:
    """The inputs with some set to 0, where `rate` is the share that stays; in another mode than "train", all of them
    (`jax.example_libraries.stax.Dropout`). Raises ValueError without a key.

    >>> Dropout(1.0)[1]((), jnp.ones(2), rng=random.key(0))
    Array([1., 1.], dtype=float32)
    """

    def apply_fun(params, inputs, **kwargs):
        rng = kwargs.get("rng")
        if rng is None:
            raise ValueError(
                "Dropout layer requires apply_fun to be called with a PRNG key argument. That is, instead of"
                " `apply_fun(params, inputs)`, call it like `apply_fun(params, inputs, rng=key)` where `key` is a PRNG key"
                " (e.g. from `jax.random.key`)."
            )
        if mode != "train":
            return inputs
        return jnp.where(random.bernoulli(rng, rate, inputs.shape), inputs / rate, 0)

    return lambda rng, input_shape: (input_shape, ()), apply_fun


# ---------------------------------------------------------------------------------------------------------------------
# Layers of layers


def _keys(rng, count: int) -> Any:
    return (None,) * count if rng is None else random.split(rng, count)


def serial(*layers: Layer) -> Layer:
    """Layers one after another; the parameters are a list (`jax.example_libraries.stax.serial`).

    >>> serial(FanOut(2), FanInSum)[1]([(), ()], 1.5)
    3.0
    """
    init_funs, apply_funs = zip(*layers)

    def init_fun(rng, input_shape):
        params = []
        for init in init_funs:
            rng, own = random.split(rng)
            input_shape, of_layer = init(own, input_shape)
            params.append(of_layer)
        return input_shape, params

    def apply_fun(params, inputs, **kwargs):
        keys = _keys(kwargs.pop("rng", None), len(layers))
        for apply, of_layer, key in zip(apply_funs, params, keys):
            inputs = apply(of_layer, inputs, rng=key, **kwargs)
        return inputs

    return init_fun, apply_fun


def parallel(*layers: Layer) -> Layer:
    """Layers side by side: each takes one of the inputs and gives one of the outputs (`jax.example_libraries.stax.parallel`).

    >>> parallel(Identity, elementwise(jnp.negative))[1]([(), ()], [1.0, 2.0])
    [1.0, Array(-2., dtype=float32, weak_type=True)]
    """
    init_funs, apply_funs = zip(*layers)

    def init_fun(rng, input_shape):
        keys = random.split(rng, len(layers))
        return zip(*[init(key, shape) for init, key, shape in zip(init_funs, keys, input_shape)])

    def apply_fun(params, inputs, **kwargs):
        keys = _keys(kwargs.pop("rng", None), len(layers))
        return [apply(p, x, rng=key, **kwargs) for apply, p, x, key in zip(apply_funs, params, inputs, keys)]

    return init_fun, apply_fun


def shape_dependent(make_layer: Callable[[Any], Layer]) -> Layer:
    """The layer that `make_layer` makes for the shape of the inputs (`jax.example_libraries.stax.shape_dependent`).

    >>> shape_dependent(lambda shape: Dense(shape[-1]))[0](random.key(0), (5, 3))[0]
    (5, 3)
    """

    def init_fun(rng, input_shape):
        return make_layer(input_shape)[0](rng, input_shape)

    def apply_fun(params, inputs, **kwargs):
        return make_layer(inputs.shape)[1](params, inputs, **kwargs)

    return init_fun, apply_fun
