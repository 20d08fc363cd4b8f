"""Counts beside small and large library sizes."""

import keras
import numpy as np
import pytest
from hiervae import HierarchicalVAE
from hiervae.errors import DataError
from keras import ops
from scipy import stats

from hiervae_counts import NegativeBinomial, Poisson, ZeroInflatedNegativeBinomial

MILLION = 1e6
LIKELIHOODS = (Poisson, NegativeBinomial, ZeroInflatedNegativeBinomial)


def numpy(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def model_of(likelihood, size=4):
    network = {"name": "mlp", "hidden_units": (8,)}
    model = HierarchicalVAE(latent_dims=1, likelihood=likelihood, network=network, seed=0)
    model.build((None, size))
    return model


def parameters_at_zero(likelihood, rows=1):
    """Those of features of zeros, which the bias alone decides."""
    return likelihood(np.zeros((rows, 8), "float32"))


def per_million(number, with_size):
    """Counts per million of three genes, and perhaps their sum."""
    shares = np.random.default_rng(0).dirichlet([300.0, 100.0, 1.0], number)
    counts = np.random.default_rng(1).multinomial(int(MILLION), shares)
    size = counts.sum(axis=1, keepdims=True)
    return np.concatenate([counts, size], axis=1)[:, : 4 if with_size else 3].astype("float32")


class Cost(keras.Model):
    """-log p(x) given features of zeros, which the bias alone decides."""

    def __init__(self, likelihood):
        super().__init__()
        self.likelihood = likelihood

    def call(self, x):
        parameters = self.likelihood(ops.zeros((ops.shape(x)[0], 8)))
        return -self.likelihood.log_prob(x, parameters)


@pytest.mark.parametrize("library_size", [MILLION, "last"])
@pytest.mark.parametrize("kind", LIKELIHOODS)
def test_counts_per_million_are_learned(kind, library_size):
    is_observed = library_size == "last"
    x = per_million(200, is_observed)
    likelihood = model_of(kind(library_size=library_size), x.shape[1]).likelihood
    if is_observed:
        likelihood.adapt(x)
    cost = Cost(likelihood)
    cost.compile(keras.optimizers.Adam(0.05), loss=lambda _, costs: costs, run_eagerly=True)
    cost.fit(x, np.zeros(200), epochs=30, batch_size=200, verbose=0)
    means = numpy(likelihood.mean(parameters_at_zero(likelihood)))[0]
    np.testing.assert_allclose(means[:2], x[:, :2].mean(axis=0), rtol=0.3)


@pytest.mark.parametrize("library_size", [20.0, MILLION, 1e8, "last"])
@pytest.mark.parametrize("kind", LIKELIHOODS)
def test_all_counts_start_with_the_same_share(kind, library_size):
    likelihood = model_of(kind(library_size=library_size), 21).likelihood
    if library_size == "last":
        likelihood.adapt(np.full((10, 21), MILLION))
    parameters = parameters_at_zero(likelihood)
    size, number = (MILLION, 20) if library_size == "last" else (library_size, 21)
    share = 0.5 if kind is ZeroInflatedNegativeBinomial else 1.0
    got = numpy(likelihood.mean(parameters))[0, :number]
    np.testing.assert_allclose(got, size / number * share, rtol=1e-4)


@pytest.mark.parametrize("log_share", [-25.0, -9.0, -1.0, 8.0])
@pytest.mark.parametrize("kind", LIKELIHOODS)
def test_the_mean_is_that_of_draws(kind, log_share):
    likelihood = model_of(kind(library_size="last"), 4).likelihood
    likelihood.adapt(np.full((10, 4), MILLION))
    draws = 20_000
    head = np.full((draws, 3), log_share, "float32")
    others = [np.full_like(head, value) for value in (2.0, -1.0)]
    parameters = (head, *others[: likelihood.num_outputs - 1 + (kind is not Poisson)])
    parameters = tuple(map(ops.convert_to_tensor, parameters))
    found = numpy(likelihood.sample(parameters, keras.random.SeedGenerator(0))).astype("float64")
    mean = numpy(likelihood.mean(parameters))[0]
    error = found.std(axis=0) / np.sqrt(draws)
    # A rate of e^-25 million seldom gives a count at all.
    assert (np.abs(found.mean(axis=0) - mean) < 5.0 * error + 1e-4).all()


@pytest.mark.parametrize("library_size", [MILLION, 1e8, "last"])
@pytest.mark.parametrize("kind", LIKELIHOODS)
def test_a_zero_beside_a_large_library_costs_next_to_nothing(kind, library_size):
    likelihood = model_of(kind(library_size=library_size), 4).likelihood
    value = np.array([[0.0, 0.0, 0.0, 0.0 if library_size != "last" else MILLION]], "float32")
    costs = []
    for log_share in (-20.0, -26.0, -50.0):
        bias = numpy(likelihood.head.dense.bias).reshape(-1, likelihood.num_outputs)
        bias[:, 0] = log_share
        likelihood.head.dense.bias.assign(bias.reshape(-1))
        parameters = parameters_at_zero(likelihood)
        if library_size == "last":  # the size has a cost of its own, whatever the counts
            sizes = likelihood.log_prob(value, (ops.full((1, 3), -1e9), *parameters[1:]))
        else:
            sizes = ops.zeros((1,))
        costs.append(float(numpy(sizes - likelihood.log_prob(value, parameters))[0]))
    size = MILLION if library_size == "last" else library_size
    assert costs[1] < 4.0 * size * np.exp(-26.0) + 2e-5
    assert costs[2] < 4.0 * size * np.exp(-30.0) + 2e-5


@pytest.mark.parametrize("log_mean", [-10.0, 13.0, 16.0])
def test_means_of_a_library_in_the_millions_against_scipy(log_mean):
    likelihood = model_of(NegativeBinomial(library_size=1e8), 3).likelihood
    bias = np.full(3, log_mean - np.log(1e8))
    likelihood.head.dense.bias.assign(bias)
    parameters = parameters_at_zero(likelihood)
    mean = np.exp(log_mean)
    value = np.array([[0.0, np.round(mean), np.round(2.0 * mean)]], "float32")
    expected = stats.nbinom.logpmf(value.astype("float64"), 1.0, 1.0 / (1.0 + mean)).sum()
    assert numpy(likelihood.log_prob(value, parameters))[0] == pytest.approx(
        expected, rel=1e-4, abs=1e-5
    )


@pytest.mark.parametrize("library_size", [1e-9, 1e9])
def test_a_library_size_without_room_for_its_rates_is_refused(library_size):
    with pytest.raises(ValueError, match=r"library_size=.* from 1e-06 to 4"):
        Poisson(library_size=library_size)


def test_a_count_without_a_rate_is_refused():
    with pytest.raises(DataError, match=r"holds 1e\+09; .* up to 4e\+08"):
        Poisson(library_size="last").check_values(np.array([[1.0, 1e9]], "float32"))
