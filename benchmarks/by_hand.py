"""Value and gradients written out in NumPy: what a program costs without any library.

Each takes the program's inputs and returns what the program returns. `naive` is the formula as one writes it down; `tuned`
computes the same numbers in chunks that stay in the cache, into buffers that are kept.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# ---------------------------------------------------------------------------------------------------------------------
# Five rounds of y = sin(y) * y + exp(-y), summed


def elementwise(x):
    y, rounds = x, []
    for _ in range(5):
        sin, exp = np.sin(y), np.exp(-y)
        rounds.append((y, sin, exp))
        y = sin * y + exp
    g = np.ones_like(x)
    for y, sin, exp in reversed(rounds):
        g = g * (np.cos(y) * y + sin - exp)
    return [g]


# ---------------------------------------------------------------------------------------------------------------------
# A network of a kernel activation function: h = x w + b, a = sum_i alpha_i exp(-gamma (h - c_i)^2), mean (a v + d - y)^2


def kaf_naive(gamma: float) -> Callable:
    def value_and_grad(w, b, alpha, v, d, x, y, centers):
        h = x @ w + b
        distance = h[..., None] - centers
        kernel = np.exp(-gamma * distance**2)
        a = np.sum(kernel * alpha, axis=-1)
        error = a @ v + d - y
        value = np.mean(error**2)

        g = 2 / error.size * error
        g_a = g @ v.T
        g_alpha = np.sum(kernel * g_a[..., None], axis=0)
        g_h = g_a * np.sum(-2 * gamma * distance * kernel * alpha, axis=-1)
        return [value, x.T @ g_h, g_h.sum(0), g_alpha, a.T @ g, g.sum(0)]

    return value_and_grad


CHUNK = 1 << 16  # kernel values at a time: 256 KB in float32, so that they stay in the second-level cache


def kaf_tuned(gamma: float) -> Callable:
    """Chunks of [units, centres, examples], whose three sums over the kernel are products of small matrices.

    The derivative's sum of alpha_i (h - c_i) kappa_i is h times the sum of alpha_i kappa_i less that of alpha_i c_i kappa_i,
    so nothing but the kernel is needed. The kernel is computed twice rather than written to memory and read again when it
    does not fit into one chunk.
    """
    buffers: dict = {}

    def kernel_of(h, scaled_centers):
        """exp(-gamma (h - c)^2) for h of [units, examples], into a buffer of [units, centres, examples]."""
        shape = (h.shape[0], scaled_centers.size, h.shape[1])
        if shape not in buffers:
            buffers[shape] = np.empty(shape, h.dtype), np.empty(shape, h.dtype)
        out, other = buffers[shape]
        np.subtract((h * root)[:, None, :], scaled_centers[:, None], out=out)
        np.negative(out, out=other)
        np.multiply(out, other, out=out)
        return np.exp(out, out=out)

    root = np.float32(gamma**0.5)

    def value_and_grad(w, b, alpha, v, d, x, y, centers):
        batch, (units, count) = x.shape[0], alpha.shape
        h = w.T @ x.T + b[:, None]
        weights = np.stack([alpha, alpha * centers], axis=1)  # of the two sums: [units, 2, centres]
        scaled_centers = centers * root
        step = max(1, CHUNK // (batch * count))
        chunks = [slice(start, start + step) for start in range(0, units, step)]

        sums = np.empty((units, 2, batch), h.dtype)
        for s in chunks:
            kernel = kernel_of(h[s], scaled_centers)
            np.matmul(weights[s], kernel, out=sums[s])
        a = sums[:, 0]
        error = a.T @ v + d - y
        value = np.dot(error.ravel(), error.ravel()) / error.size

        g = 2 / error.size * error
        g_a = v @ g.T
        g_alpha = np.empty_like(alpha)
        for s in chunks:
            if len(chunks) > 1:
                kernel = kernel_of(h[s], scaled_centers)
            np.matmul(kernel, g_a[s, :, None], out=g_alpha[s, :, None])
        slope = np.multiply(h, a)
        slope -= sums[:, 1]
        slope *= g_a
        slope *= -2 * gamma
        return [value, (slope @ x).T, slope.sum(1), g_alpha, a @ g, g.sum(0)]

    return value_and_grad


# ---------------------------------------------------------------------------------------------------------------------
# A step of gradient descent: two hidden layers of tanh, softmax, cross-entropy


def mlp_step(rate: float) -> Callable:
    def step(*inputs):
        *parameters, x, y = inputs
        (w1, b1, w2, b2, w3, b3) = parameters
        h1 = np.tanh(x @ w1 + b1)
        h2 = np.tanh(h1 @ w2 + b2)
        logits = h2 @ w3 + b3
        exp = np.exp(logits)
        total = exp.sum(axis=1, keepdims=True)
        value = np.mean(np.log(total[:, 0]) - np.sum(y * logits, axis=1))

        g3 = (exp / total - y) / len(x)
        g2 = (g3 @ w3.T) * (1 - h2 * h2)
        g1 = (g2 @ w2.T) * (1 - h1 * h1)
        gradients = [x.T @ g1, g1.sum(0), h1.T @ g2, g2.sum(0), h2.T @ g3, g3.sum(0)]
        return [value, *(p - rate * g for p, g in zip(parameters, gradients))]

    return step


# ---------------------------------------------------------------------------------------------------------------------
# Layers of tanh(x w + b), summed


def deep(*inputs):
    *parameters, x = inputs
    weights, biases = parameters[::2], parameters[1::2]
    kept = [x]
    for w, b in zip(weights, biases):
        x = np.tanh(x @ w + b)
        kept.append(x)
    g, gradients = np.ones_like(x), []
    for w, before, after in zip(reversed(weights), reversed(kept[:-1]), reversed(kept)):
        g = g * (1 - after * after)
        gradients += [g.sum(0), before.T @ g]
        g = g @ w.T
    return gradients[::-1]
