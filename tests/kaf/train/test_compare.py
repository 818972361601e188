"""One network trained from many seeds at once, and networks of as many parameters as another."""

import numpy as np
import pytest

from kaf import KAFNet, fit, num_parameters, optim
from kaf.train.compare import fit_seeds, nearest_units, outputs_of_seeds, parameters_of

ARGUMENTS = {"loss": "mean_squared_error", "epochs": 3, "batch_size": 16}


def test_all_seeds_at_once_are_each_by_itself(backend):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 40, 2)).astype(np.float32)
    y = (x**2).sum(-1)
    models = [KAFNet.init(seed, [2, 3, 1]) for seed in range(2)]
    optimizer = optim.adam(optim.cosine_decay_schedule(0.05, 9))
    found = fit_seeds(models, x, y, seeds=range(2), optimizer=optimizer, l2_alpha=0.01, **ARGUMENTS)
    outputs = outputs_of_seeds(found.models, x)
    for seed in range(2):
        alone = fit(models[seed], x[seed], y[seed], seed=seed, optimizer=optimizer, l2_alpha=0.01, **ARGUMENTS)
        np.testing.assert_allclose(found.epoch_losses[seed], alone.epoch_losses, rtol=1e-4)
        np.testing.assert_allclose(outputs[seed], np.asarray(alone.model(x[seed])), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("sizes", [(30, 20, 1), (64, 32, 10), (5, 8, 4, 3)])
def test_parameters_and_units_of_as_many(sizes):
    count = parameters_of(sizes)
    assert count == num_parameters(KAFNet.init(0, sizes, "relu"))
    # What has that many parameters is found again.
    assert nearest_units(sizes[0], sizes[1:-1], sizes[-1], count) == sizes[1:-1]
