"""The Gibbs chain against the stationary distribution of a linear Gaussian one, and in models."""

import numpy as np
import pytest

from hiervae.errors import DataError
from hiervae.evaluation import gibbs_chain
from tests.support.models import binary_data, pass_through, set_normal_head, small_model
from tests.support.statistics import assert_mean


@pytest.fixture(scope="module")
def linear():
    """q(z | x) = N(0.6 x, 0.2) and p(x | z) = N(1.2 z, 0.5) of one dimension."""
    model = small_model(
        latent_dims=1, network=pass_through(), likelihood={"name": "gaussian", "variance": 0.5}
    )
    model.build((None, 1))
    (head,) = model.inference.posterior_heads
    set_normal_head(head, np.array([[0.6]]), np.zeros(1), np.array([0.2]))
    model.likelihood.set_weights([np.array([[1.2]]), np.zeros(1)])
    return model


def test_the_chain_has_the_stationary_distribution_of_its_two_normals(linear):
    chain = gibbs_chain(linear, np.full((4000, 1), 3.0), num_steps=12)
    slope, variance = 1.2 * 0.6, 1.2**2 * 0.2 + 0.5
    for step in (1, 2, 12):
        draws = chain.samples[step - 1, :, 0]
        mean = 3.0 * slope**step
        spread = variance * (1 - slope ** (2 * step)) / (1 - slope**2)
        assert_mean(draws, mean)
        assert draws.var() == pytest.approx(spread, rel=0.1)
    # Given the draw before it, a mean is 1.2 z: it varies by z's share alone.
    residual = chain.means[1] - slope * chain.samples[0]
    assert residual.var() == pytest.approx(1.2**2 * 0.2, rel=0.1)
    residual = chain.samples[1] - chain.means[1]
    assert residual.var() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("inference", ["bottom_up", "top_down"])
def test_a_binary_model_goes_from_zeros_and_ones_to_zeros_and_ones(inference):
    model = small_model(latent_dims=(3, 2), inference=inference)
    chain = gibbs_chain(model, binary_data(5), num_steps=5, keep_every=2, seed=3)
    assert chain.steps.tolist() == [2, 4]
    assert chain.samples.shape == chain.means.shape == (2, 5, 6)
    assert set(np.unique(chain.samples)) <= {0.0, 1.0}
    assert ((chain.means > 0) & (chain.means < 1)).all()
    again = gibbs_chain(model, binary_data(5), num_steps=5, keep_every=1, seed=3)
    np.testing.assert_array_equal(again.samples[1::2], chain.samples)
    other = gibbs_chain(model, binary_data(5), num_steps=5, keep_every=2, seed=4)
    assert (other.samples != chain.samples).any()


def test_decoding_records_no_gradients(monkeypatch):
    model = small_model()
    model.build((None, 6))
    recorded = []
    mean = model.likelihood.mean

    def watched(parameters):
        recorded.append(getattr(parameters, "requires_grad", False))  # of PyTorch's tensors
        return mean(parameters)

    monkeypatch.setattr(model.likelihood, "mean", watched)
    gibbs_chain(model, binary_data(5), num_steps=2)
    assert recorded
    assert not any(recorded)


def test_bad_arguments(linear):
    with pytest.raises(ValueError, match="num_steps=0: expected a positive integer"):
        gibbs_chain(linear, np.zeros((2, 1)), num_steps=0)
    with pytest.raises(ValueError, match="keep_every=3 of num_steps=2: expected at most 2"):
        gibbs_chain(linear, np.zeros((2, 1)), num_steps=2, keep_every=3)
    with pytest.raises(DataError, match="n >= 1"):
        gibbs_chain(linear, np.zeros((0, 1)))
