"""The training that `tests/kaf/train/test_parallel.py` distributes over devices and over processes."""

import numpy as np

from kaf import Grid, KAFNet, fit, optim

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 4)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int32)
# 120 examples to train: two batches of 48, and one of 24, which 16 devices cannot share equally.
ARGUMENTS = {"loss": "binary_cross_entropy", "epochs": 3, "batch_size": 48, "validation": 0.2, "patience": 2}


def trained(mesh=None, **arguments):
    optimizer = optim.adam(0.02, weight_decay=optim.decay_apart(alpha=0.01))
    model = KAFNet.init(0, [4, 6, 1], grid=Grid(5))
    return fit(model, X, Y, optimizer=optimizer, mesh=mesh, **{**ARGUMENTS, **arguments})
