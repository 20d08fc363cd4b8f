"""One training step from equal weights gives the same loss and weights on every backend.

The reference was computed on JAX; see `make_fixtures.py`.
"""

import numpy as np
import pytest

from tests.parity import cases


@pytest.mark.parametrize("optimizer", cases.OPTIMIZERS)
@pytest.mark.parametrize("scheduler", cases.SCHEDULERS)
def test_one_step_gives_the_reference_loss_and_weights(scheduler, optimizer):
    reference = np.load(cases.REFERENCE)
    loss, weights = cases.one_step(scheduler, optimizer)
    assert loss == pytest.approx(float(reference[f"{scheduler}/{optimizer}/loss"]), rel=1e-5)
    for index, weight in enumerate(weights):
        expected = reference[f"{scheduler}/{optimizer}/{index}"]
        np.testing.assert_allclose(weight, expected, rtol=0, atol=1e-5)


def test_the_reference_steps_differ_from_scheduler_to_scheduler():
    reference = np.load(cases.REFERENCE)
    losses = [float(reference[f"{name}/momentum/loss"]) for name in cases.SCHEDULERS]
    assert len({round(loss, 4) for loss in losses}) >= len(losses) - 1
