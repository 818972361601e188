"""The training that `tests/kaf/train/test_checkpoint.py` interrupts, in its own process and in processes that it kills."""

import numpy as np

from kaf import KAFNet, fit, optim

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 2)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int32)
ARGUMENTS = {"loss": "binary_cross_entropy", "batch_size": 20, "seed": 1, "validation": 0.2, "patience": 50}
STEPS = 2  # per epoch, of the 40 examples that are not held out


def optimizer():
    rate = optim.warmup_cosine_decay_schedule(0.0, 0.05, 2, 3 * STEPS)
    return optim.chain(optim.clip_by_global_norm(1.0), optim.adam(rate, weight_decay=optim.decay_apart(alpha=0.01)))


def trained(epochs=3, **arguments):
    return fit(KAFNet.init(0, [2, 4, 1]), X, Y, epochs=epochs, optimizer=optimizer(), **{**ARGUMENTS, **arguments})
